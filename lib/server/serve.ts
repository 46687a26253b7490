/**
 * The server: listens, accepts, keeps the set of connections, and ends them in order.
 *
 * @module
 */

import { acceptAll } from "./accept.ts";
import type { Authenticate } from "../api/auth.ts";
import { FairQueue } from "../overload/fair_queue.ts";
import { builtins } from "../builtin/mod.ts";
import { ConnectionCount } from "../overload/connection_count.ts";
import { type CloseInfo, Connection, type ConnectionOptions } from "../connection/connection.ts";
import { Dispatcher } from "../incoming/dispatch.ts";
import { type Api, proceduresOf } from "../api/procedure.ts";
import { RpcError } from "../error.ts";
import { type Limits, MAX_MS, resolveLimits } from "../limits.ts";
import { LoadShedding } from "../overload/load_shedding.ts";
import type { PeerInfo } from "../api/context.ts";
import { RateLimiter, type RateLimits } from "../overload/rate_limit.ts";
import { type Middleware, withMiddleware } from "../api/middleware.ts";
import { type Health, ServerHealth } from "../builtin/health.ts";
import { TimerWheel } from "../timers.ts";
import {
  listen,
  type Listener,
  schemeOf,
  type Socket,
  type TlsServerOptions,
} from "../transport/mod.ts";
import { networkOf, refuseExposed } from "../transport/network.ts";
import { TimeSlice } from "../overload/time_slice.ts";
import { BufferPool } from "../link/buffer_pool.ts";

/** What {@linkcode serve} takes besides the API. */
export interface ServeOptions {
  /** Where to listen. Port 0 lets the system choose. @default {"tcp://127.0.0.1:8080"} */
  readonly listen?: string | URL | readonly (string | URL)[];
  /** Begins {@linkcode Server.shutdown} when it aborts. */
  readonly signal?: AbortSignal;
  /** Runs around every handler of the API, outermost first. */
  readonly use?: readonly Middleware[];
  /**
   * Decides who a peer is, by its certificate, its Unix socket, or what it shows in `rpc.authenticate`.
   * Until then it may call nothing. Not for `udp:`, where anyone may send in anyone's name.
   */
  readonly authenticate?: Authenticate;
  /**
   * Listens also where other machines can reach it, though nobody is asked who calls. Without this, and
   * without {@linkcode authenticate} or TLS with client certificates, such an address is refused.
   */
  readonly insecure?: boolean;
  /** How fast callers may go. @default as fast as they can */
  readonly rateLimit?: RateLimits;
  /** Makes what handlers find as `context.state`, once for each connection. */
  readonly connectionState?: (peer: PeerInfo) => unknown;
  /** Other limits than the defaults. */
  readonly limits?: Partial<Limits>;
  /** TCP connections that the system completes before they are accepted. @default {1024} */
  readonly tcpBacklog?: number;
  /**
   * Whether others may listen at the same `tcp:` and `tls:` addresses, in this process or in another of
   * the same user. The system spreads the callers over them. Linux alone can, and Deno needs the flag
   * `--unstable-net`. @default {false}
   */
  readonly reusePort?: boolean;
  /** What `tls://` addresses need: the certificate, its key, and whether clients need one. */
  readonly tls?: TlsServerOptions;
  /** The name that `rpc.serverInfo` tells. @default {"landline"} */
  readonly name?: string;
  /** The version that `rpc.serverInfo` tells. @default {"0.0.0"} */
  readonly version?: string;
  /** Called for each address once it is listened at, with the real port. */
  readonly onListen?: (address: string) => void;
  /** Called for each connection that was accepted. */
  readonly onOpen?: (peer: PeerInfo) => void;
  /** Called for each connection that ended, with why. */
  readonly onClose?: (peer: PeerInfo, info: CloseInfo) => void;
  /**
   * Called with what callers are not told: what handlers throw by accident, and what goes wrong while
   * accepting. Give a logger here; without one such errors are dropped.
   */
  readonly onError?: (error: unknown, about: string) => void;
}

/** A server that runs. */
export interface Server extends AsyncDisposable {
  /** Where it listens, with the real ports; complete once {@linkcode ready} resolves. */
  readonly addresses: readonly string[];
  /** Resolves when every address is listened at; rejects when one cannot be. */
  readonly ready: Promise<void>;
  /** Resolves when the server has ended; rejects when it could not listen. */
  readonly finished: Promise<void>;
  /** How its services are, for `rpc.health`. */
  readonly health: Health;
  /** How many connections are open. */
  readonly connections: number;
  /**
   * Ends in order: accepts no more, tells the peers, lets running handlers finish, closes.
   *
   * @param grace milliseconds that handlers have; 0 ends them now. @default the limit `shutdownGrace`
   */
  shutdown(grace?: number): Promise<void>;
}

/**
 * Serves an API. TCP addresses, and Unix sockets that no dead server has left behind, are listened
 * at when this returns; await {@linkcode Server.ready} for the others.
 *
 * @throws {TypeError} for an API or an address that cannot be served
 * @throws {RangeError} for limits that cannot be kept
 *
 * @example
 * ```ts
 * import { connect, method, serve } from "@landline/rpc";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const api = { upper: method(z.string(), (text) => text.toUpperCase()) };
 *
 * await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
 * await using line = await connect<typeof api>(server.addresses[0]!);
 *
 * assert(await line.call.upper("hello") === "HELLO");
 * ```
 */
export function serve(api: Api, options: ServeOptions = {}): Server {
  return new ListeningServer(api, options);
}

/** Connections that are told at once why they are not served: each holds a descriptor for a while. */
const MAX_REFUSED = 64;

/** Quiet connections that are closed together at a shutdown; more are closed one after another. */
const MAX_AT_ONCE = 100;

/** The part of the grace over which they are. */
const SPREAD = 0.9;

/** Milliseconds for which the others are still answered: a request may cross our goodbye on its way. */
const CROSSING = 200;

/** Where a server is to listen. */
export function addressesOf(
  { listen = "tcp://127.0.0.1:8080" }: Pick<ServeOptions, "listen">,
): readonly (string | URL)[] {
  return typeof listen === "string" || listen instanceof URL ? [listen] : listen;
}

/** Whether one more connection may be open, where so many are. Asked last: it is open then. */
export type HasRoom = (open: number) => boolean;

/** The server that {@linkcode serve} starts. */
export class ListeningServer implements Server {
  readonly addresses: string[] = [];
  readonly health: ServerHealth = new ServerHealth();
  readonly ready: Promise<void>;
  readonly finished: Promise<void>;
  readonly #options: ServeOptions;
  readonly #limits: Limits;
  readonly #hasRoom: HasRoom;
  readonly #dispatcher: Dispatcher;
  readonly #timers = new TimerWheel();
  readonly #pool = new BufferPool();
  readonly #timeSlice = new TimeSlice(this.#timers);
  readonly #fairQueue = new FairQueue(this.#timeSlice, this.#timers);
  readonly #loadShedding: LoadShedding;
  readonly #rateLimiter: RateLimiter;
  readonly #connectionCount: ConnectionCount;
  /** Those that are open, and the networks that they come from; see {@linkcode networkOf}. */
  readonly #connections = new Map<Connection, string | undefined>();
  /** Those that are told that there is no place for them. */
  readonly #refused = new Set<Connection>();
  /** Ends the accept loops, and closes their listeners. */
  readonly #stop = new AbortController();
  readonly #accepting: Promise<void>[] = [];
  /** Addresses where others may still call. */
  #sources: number;
  readonly #end = Promise.withResolvers<void>();
  readonly #onAbort = () => void this.shutdown();
  #closing: Promise<void> | undefined;
  /** What kept it from listening. */
  #failure: { readonly error: unknown } | undefined;

  /** @param hasRoom takes the place of the limit `maxConnections` */
  constructor(api: Api, options: ServeOptions, hasRoom?: HasRoom) {
    const { signal, tcpBacklog = 1024, reusePort = false } = options;
    if (!Number.isSafeInteger(tcpBacklog) || tcpBacklog < 1) {
      throw new RangeError(
        `Cannot serve: tcpBacklog must be an integer from 1, it is ${tcpBacklog}`,
      );
    }
    this.#options = options;
    this.#limits = resolveLimits(options.limits);
    this.#loadShedding = new LoadShedding(this.#limits);
    this.#rateLimiter = new RateLimiter(options.rateLimit ?? {});
    this.#connectionCount = new ConnectionCount(this.#limits.maxConnectionsPerAddress);
    this.#hasRoom = hasRoom ?? ((open) => open < this.#limits.maxConnections);
    const methods = proceduresOf(
      options.use === undefined ? api : withMiddleware(options.use, api),
    );
    const { name = "landline", version = "0.0.0" } = options;
    this.#dispatcher = new Dispatcher(
      new Map([
        ...methods,
        ...builtins(methods, { name, version, health: this.health }, this.#limits),
      ]),
      this.#limits,
      (error, method) => options.onError?.(error, method),
    );
    this.finished = this.#end.promise;
    const later: Promise<void>[] = [];
    const addresses = addressesOf(options);
    this.#sources = addresses.length;
    for (const address of addresses) {
      refuseExposed(address, {
        insecure: options.insecure ?? false,
        asks: options.authenticate !== undefined,
        asksByTls: options.tls?.clientCa !== undefined,
      });
    }
    try {
      for (const address of addresses) {
        const listener = listen(address, {
          tcpBacklog,
          reusePort,
          limits: this.#limits,
          onError: (error, about) => options.onError?.(error, about),
          ...(options.tls && { tls: options.tls }),
        });
        if (listener instanceof Promise) later.push(listener.then((it) => this.#accept(it)));
        else this.#accept(listener);
      }
    } catch (error) {
      this.#closing = Promise.resolve();
      for (const it of later) it.catch(() => {}); // one failure is told, and it is this one
      this.#stop.abort();
      throw error;
    }
    this.ready = later.length === 0 ? Promise.resolve() : Promise.all(later).then(() => {});
    this.ready.catch((error) => {
      this.#failure = { error };
      this.shutdown(0);
    });
    // Both tell of the same failure: whoever looks at one of them has seen it.
    this.finished.catch(() => {});
    this.#loadShedding.start(this.#timers);
    if (signal?.aborted) this.shutdown();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get connections(): number {
    return this.#connections.size;
  }

  #accept(listener: Listener): void {
    if (this.#closing !== undefined) return listener.close();
    this.addresses.push(listener.address);
    const options = this.#connectionOptions(schemeOf(listener.address));
    const accepting = acceptAll(listener, (socket) => this.#open(socket, options), {
      ...(options.timeSlice && { yieldWhenOver: () => this.#timeSlice.yieldWhenOver() }),
      signal: this.#stop.signal,
      onError: (error) => this.#report(error, `accept at ${listener.address}`),
    });
    this.#accepting.push(accepting.then(() => {
      this.#sources--;
      this.#endWhenAlone();
    }));
    this.#tell(() => this.#options.onListen?.(listener.address));
  }

  #connectionOptions(transport: string): ConnectionOptions {
    const { authenticate, connectionState, rateLimit } = this.#options;
    return {
      transport,
      limits: this.#limits,
      dispatcher: this.#dispatcher,
      timers: this.#timers,
      pool: this.#pool,
      loadShedding: this.#loadShedding,
      isDialler: false,
      // What stays in this process needs no look at sockets.
      ...(transport !== "memory" && { timeSlice: this.#timeSlice, fairQueue: this.#fairQueue }),
      ...(rateLimit && {
        allowance: (address) => this.#rateLimiter.allow(networkOf(address), this.#timers.now()),
      }),
      ...(authenticate && { authenticate }),
      ...(connectionState && { connectionState }),
      onClose: (connection, info) => this.#onClose(connection, info),
      onError: (error, { peer }) => this.#report(error, `connection of ${peer.address}`),
    };
  }

  #open(socket: Socket, options: ConnectionOptions): void {
    const connection = new Connection(socket, options), network = networkOf(socket.remote);
    const refusal = this.#refusal(network);
    if (refusal !== undefined) return this.#refuse(connection, refusal);
    this.#connectionCount.enter(network);
    this.#tell(() => this.#options.onOpen?.(connection.peer));
    this.#connections.set(connection, network);
    connection.run();
  }

  #onClose(connection: Connection, info: CloseInfo): void {
    if (this.#refused.delete(connection)) return;
    this.#connectionCount.leave(this.#connections.get(connection));
    this.#connections.delete(connection);
    this.#tell(() => this.#options.onClose?.(connection.peer, info));
    this.#endWhenAlone();
  }

  /** Why one more connection from there is not served; undefined where it is. */
  #refusal(network: string | undefined): RpcError | undefined {
    if (this.#connectionCount.isFull(network)) {
      return new RpcError("RESOURCE_EXHAUSTED", "Too many connections from one address", {
        limit: "maxConnectionsPerAddress",
      });
    }
    const shortage = this.#loadShedding.shortage();
    if (shortage !== undefined) return shortage;
    if (this.#hasRoom(this.#connections.size)) return undefined;
    return new RpcError("UNAVAILABLE", "Too many connections", { limit: "maxConnections" });
  }

  /** Tells a caller why it is not served, unless many are being told already. */
  #refuse(connection: Connection, error: RpcError): void {
    this.#refused.add(connection);
    connection.run();
    if (this.#refused.size > MAX_REFUSED) connection.evict();
    else connection.refuse(error);
  }

  /** A server whom nobody calls, and nobody can call any more, has ended. */
  #endWhenAlone(): void {
    if (this.#sources === 0 && this.#connections.size === 0) this.shutdown();
  }

  /** Calls back; what the callback throws is reported, and changes nothing. */
  #tell(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#report(error, "a callback of serve()");
    }
  }

  #report(error: unknown, about: string): void {
    this.#options.onError?.(error, about);
  }

  shutdown(grace: number = this.#limits.shutdownGrace): Promise<void> {
    return this.#closing ??= this.#shutdown(grace);
  }

  async #shutdown(grace: number): Promise<void> {
    await null; // so that #closing is set before anyone is told
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#stop.abort();
    this.health.drain();
    // Callers who lose their server in the same moment all come to the next one in the same moment.
    const isCrowd = this.#connections.size > MAX_AT_ONCE;
    for (const connection of this.#connections.keys()) {
      const delay = isCrowd ? SPREAD * grace * Math.random() : Math.min(CROSSING, grace);
      connection.drain(grace, "shutdown", delay);
    }
    for (const connection of this.#refused) connection.close();
    // Neither timers nor handlers keep the process alive, and what was promised is still to be done.
    const alive = setInterval(() => {}, MAX_MS);
    await Promise.all(this.#connections.keys().map(({ closed }) => closed));
    await Promise.all(this.#accepting);
    clearInterval(alive);
    this.#loadShedding.stop();
    this.#timers.stop();
    await this.#timeSlice.close();
    if (this.#failure === undefined) this.#end.resolve();
    else this.#end.reject(this.#failure.error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}
