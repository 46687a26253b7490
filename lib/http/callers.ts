/**
 * Who sends the requests of one HTTP connection: each request shows it by itself. What was decided of one
 * token is kept for as long as the connection sends no other.
 *
 * @module
 */

import type { Authenticate } from "../api/auth.ts";
import type { PeerInfo, Peers } from "../api/context.ts";
import { asRpcError, RpcError } from "../error.ts";
import type { RequestsOptions } from "../incoming/requests.ts";
import type { Backpressure } from "../link/backpressure.ts";
import type { BufferPool } from "../link/buffer_pool.ts";
import { type Ends, Identity, type IdentityOptions } from "../link/identity.ts";
import type { Lifecycle } from "../link/lifecycle.ts";
import type { TimeSlice } from "../overload/time_slice.ts";
import { HttpCaller } from "./caller.ts";
import type { Exchange } from "./exchange.ts";

/** The connection whose callers they are. */
export interface CallersHost extends Pick<Lifecycle, "account" | "draining" | "report"> {
  readonly shared: RequestsOptions & IdentityOptions & {
    readonly pool: BufferPool;
    readonly peers: Peers;
    readonly timeSlice?: TimeSlice;
  };
  readonly options: {
    readonly transport: string;
    readonly authenticate?: Authenticate;
    readonly connectionState?: (peer: PeerInfo) => unknown;
    /** The network of an address; undefined where it says nothing. */
    readonly network?: (address: string) => string | undefined;
  };
  readonly socket: Ends;
  readonly backpressure: Backpressure;
  /** Who is at the other end by what the connection itself has shown. */
  readonly identity: Identity;
}

/** The callers of one connection. */
export class Callers {
  readonly #host: CallersHost;
  readonly #exchange: Exchange;
  /** The ends of who has called the proxy whose connection it is; undefined if it is no proxy's. */
  #relayed: Ends | undefined;
  /** Who that is without credentials. */
  #stranger: Identity | undefined;
  /** The last `Authorization` that somebody was known by, and who that is. */
  #shown: string | undefined;
  #known: Identity | undefined;
  #last: HttpCaller | undefined;
  #anyone: HttpCaller | undefined;
  /** Credentials that were wrong. */
  failures = 0;

  constructor(host: CallersHost, exchange: Exchange) {
    this.#host = host;
    this.#exchange = exchange;
  }

  /**
   * The connection is a proxy's, and the next request that of somebody at this address. What the connection
   * itself shows says nothing of who that is.
   */
  comeFrom(address: string): void {
    if (address === this.#relayed?.remote) return;
    const { socket: { local }, account, options: { network } } = this.#host;
    this.#relayed = { remote: address, local, isRelayed: true };
    this.#stranger =
      this.#shown =
      this.#known =
      this.#last =
      this.#anyone =
        undefined;
    account.moveTo(network?.(address));
  }

  /** The ends of the caller, as far as they are known. */
  get ends(): Ends {
    return this.#relayed ?? this.#host.socket;
  }

  /** Who calls, by what is known without credentials. */
  get #shownIdentity(): Identity {
    const { identity, options: { authenticate } } = this.#host;
    if (this.#relayed === undefined) return identity;
    return this.#stranger ??= this.#makeIdentity(authenticate);
  }

  /** A caller who may read what is for all. */
  get anyone(): HttpCaller {
    return this.#anyone ??= this.#callerOf(this.#makeIdentity(undefined));
  }

  /** The caller who shows this, or the error for one who is not known by it. */
  find(authorization: string | undefined): HttpCaller | RpcError | Promise<HttpCaller | RpcError> {
    const { options: { authenticate } } = this.#host;
    if (authenticate === undefined || authorization === undefined) {
      const identity = this.#shownIdentity;
      if (identity.isKnown) return this.#use(identity, undefined);
      return new RpcError("UNAUTHENTICATED", "Say who you are: Authorization: Bearer TOKEN");
    }
    if (authorization === this.#shown) return this.#use(this.#known!, authorization);
    return this.#look(authorization, this.#makeIdentity(authenticate));
  }

  /**
   * The same for a WebSocket, whose peer may also say later who it is: then it is that of the connection.
   *
   * @returns why it is refused, if it is
   */
  async introduce(authorization: string | undefined): Promise<RpcError | undefined> {
    const { identity, options: { authenticate } } = this.#host;
    if (authenticate === undefined || authorization === undefined) return undefined;
    const found = await this.#look(authorization, identity);
    return found instanceof RpcError ? found : undefined;
  }

  async #look(authorization: string, identity: Identity): Promise<HttpCaller | RpcError> {
    const token = /^Bearer +([!-~]+)$/i.exec(authorization)?.[1];
    try {
      if (token === undefined) {
        throw new RpcError("UNAUTHENTICATED", "The only scheme is Authorization: Bearer TOKEN");
      }
      await identity.authenticate({ scheme: "bearer", token });
      return this.#use(identity, authorization);
    } catch (error) {
      this.failures++;
      const meant = asRpcError(error);
      if (meant !== undefined) return meant;
      this.#host.report(error);
      return new RpcError("INTERNAL_ERROR", "Internal error");
    }
  }

  #use(identity: Identity, authorization: string | undefined): HttpCaller {
    const { account, options: { connectionState } } = this.#host;
    if (authorization !== undefined) this.#shown = authorization;
    if (identity !== this.#known) {
      // What is kept and run for it counts as that caller's.
      if (this.#known !== undefined || authorization !== undefined) {
        account.moveTo(identity.key);
      }
      this.#known = identity;
      this.#last = undefined;
    }
    // State is what is kept for one caller; a connection may bring many.
    if (connectionState !== undefined) return this.#callerOf(identity);
    return this.#last ??= this.#callerOf(identity);
  }

  #callerOf(identity: Identity): HttpCaller {
    const host = this.#host, { backpressure, options: { connectionState } } = host;
    const state = connectionState?.(identity.peer);
    return new HttpCaller(identity, this.#exchange, backpressure, state, host);
  }

  #makeIdentity(authenticate: Authenticate | undefined): Identity {
    const { shared, options: { transport } } = this.#host;
    return new Identity(shared, this.ends, transport, "http", authenticate);
  }
}
