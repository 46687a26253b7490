/**
 * The peer of a connection: the one object that stands for it in handlers and hooks, and the caller of its
 * requests, who can be called back.
 *
 * @module
 */

import type { CloseInfo, Context, Peer, PeerInfo, Peers, TraceContext } from "../api/context.ts";
import type { CallOptions, NotifyStub, Stub, Untyped } from "../api/stub.ts";
import { Caller, type ContextStubs } from "../incoming/caller.ts";
import { encodeArgument } from "../message/base64.ts";
import type { Argument } from "../message/encode.ts";
import { nameProxy } from "../outgoing/name_proxy.ts";

/** The connection to a peer. */
export interface PeerConnection {
  /** What the author keeps for it. */
  readonly state: unknown;
  readonly draining: AbortSignal;
  readonly closed: Promise<CloseInfo>;
  call(method: string, value: Argument | undefined, options: CallOptions): unknown;
  notify(method: string, value: Argument | undefined, trace?: TraceContext): void;
  hangUp(): Promise<void>;
}

/** The object that stands for a peer. */
export class ConnectedPeer implements Peer {
  // A handler may return its peer, or log it: these alone are seen then.
  declare readonly id: string;
  declare readonly address: string;
  declare readonly localAddress: string;
  declare readonly transport: string;
  declare readonly framing: PeerInfo["framing"];
  declare readonly certificate?: NonNullable<PeerInfo["certificate"]>;
  declare readonly identity?: unknown;
  readonly #connection: PeerConnection;
  #call: Stub<Untyped> | undefined;
  #notify: NotifyStub<Untyped> | undefined;

  constructor(info: PeerInfo, connection: PeerConnection) {
    Object.assign(this, info);
    this.#connection = connection;
  }

  get call(): Stub<Untyped> {
    return this.#call ??= nameProxy((name, value, options) =>
      this.#connection.call(name, encodeArgument(value), (options ?? {}) as CallOptions)
    ) as Stub<Untyped>;
  }

  get notify(): NotifyStub<Untyped> {
    return this.#notify ??= nameProxy((name, value) =>
      this.#connection.notify(name, encodeArgument(value))
    ) as NotifyStub<Untyped>;
  }

  get state(): unknown {
    return this.#connection.state;
  }

  get closed(): Promise<CloseInfo> {
    return this.#connection.closed;
  }

  close(): Promise<void> {
    return this.#connection.hangUp();
  }
}

/** A peer as the caller of its requests, under one identity. */
export class PeerCaller extends Caller {
  readonly #connection: PeerConnection;
  readonly #peers: Peers | undefined;

  /** @param peers all peers of the server, or of the line; a page has none but this */
  constructor(
    connection: PeerConnection,
    peers: Peers | undefined,
    ...caller: ConstructorParameters<typeof Caller>
  ) {
    super(...caller);
    this.#connection = connection;
    this.#peers = peers;
  }

  override get peer(): Peer {
    return this.info as Peer; // see Connection.makePeer
  }

  override get peers(): Peers {
    return this.#peers ?? super.peers;
  }

  override get draining(): AbortSignal {
    return this.#connection.draining;
  }

  override stubsFor(context: Context): ContextStubs {
    const connection = this.#connection;
    return {
      call: nameProxy((name, value, given) => {
        const own = (given ?? {}) as CallOptions, meta = { ...context.trace, ...own.meta };
        const signal = own.signal === undefined
          ? context.signal
          : AbortSignal.any([own.signal, context.signal]);
        const timeout = Math.min(own.timeout ?? Infinity, context.timeLeft());
        return connection.call(name, encodeArgument(value), {
          ...own,
          signal,
          timeout,
          ...(Object.keys(meta).length > 0 && { meta }),
        });
      }) as Stub<Untyped>,
      notify: nameProxy((name, value) => {
        if (!context.signal.aborted && context.timeLeft() > 0) {
          connection.notify(name, encodeArgument(value), context.trace);
        }
      }) as NotifyStub<Untyped>,
    };
  }
}
