/**
 * The server of one thread: listens, accepts, keeps the set of connections, and ends them in order.
 *
 * @module
 */

import { guarded, together } from "../api/observe.ts";
import { withMiddleware } from "../api/middleware.ts";
import { type Api, proceduresOf } from "../api/api.ts";
import { refuseUntravelled } from "../api/travels.ts";
import { ServerHealth } from "../builtin/health.ts";
import type { Introduced } from "../builtin/introduction.ts";
import { builtins } from "../builtin/mod.ts";
import { type Stats, statsMethod } from "../builtin/stats.ts";
import { Connection, type ConnectionOptions, type Shared } from "../connection/connection.ts";
import { PeerSet, type Reachable } from "../connection/peers.ts";
import { callBack, ConnectionLostError, RpcError } from "../error.ts";
import { checkHttpOptions, httpServing, type MetricsPage } from "../http/options.ts";
import { Dispatcher } from "../incoming/dispatch.ts";
import { ServedTarget } from "../incoming/target.ts";
import { aboutConnection, callbackOf, tellError } from "../incoming/print_error.ts";
import { type Limits, MAX_MS, resolveLimits } from "../limits.ts";
import type { CloseInfo } from "../api/context.ts";
import { BufferPool } from "../link/buffer_pool.ts";
import { PeerIds } from "../link/identity.ts";
import { CallQueue } from "../outgoing/call_queue.ts";
import { ConnectionCount } from "../overload/connection_count.ts";
import { Ledger } from "../overload/ledger.ts";
import { FairQueue } from "../overload/fair_queue.ts";
import { Guesses } from "../overload/guesses.ts";
import { LoadShedding } from "../overload/load_shedding.ts";
import { RateLimiter } from "../overload/rate_limit.ts";
import { TimeSlice } from "../overload/time_slice.ts";
import { TimerWheel } from "../timers.ts";
import { schemeOf } from "../transport/address.ts";
import type { Snapshot } from "../telemetry/snapshot.ts";
import { networkOf, refuseExposed, refuseExposedListener } from "../transport/exposure.ts";
import { listen } from "../transport/listen.ts";
import { Networks } from "../transport/networks.ts";
import { proxiesOf } from "../transport/proxy/mod.ts";
import type { Listener, Socket } from "../transport/socket.ts";
import { acceptAll } from "./accept.ts";
import { addressesOf, type ServeOptions, type Server } from "./options.ts";
import { metricsPage, noMetrics, ServerMetrics } from "./server_metrics.ts";
import { statsOf } from "./server_stats.ts";
import { telemetryOf } from "../telemetry/opentelemetry.ts";
import { Shutdown } from "./shutdown.ts";

/** Connections that are told at once why they are not served: each holds a descriptor for a while. */
const MAX_REFUSED = 64;

/** Quiet connections that are closed together at a shutdown; more are closed one after another. */
const MAX_AT_ONCE = 100;

/** The part of the grace over which they are. */
const SPREAD = 0.9;

/** Milliseconds for which the others are still answered: a request may cross our goodbye on its way. */
const CROSSING = 200;

/** Whether one more connection may be open, where so many are. Asked last: it is open then. */
export type HasRoom = (open: number) => boolean;

/** What a server does as a part of one of several threads. */
export interface Whole {
  /** Takes the place of the limit `maxConnections`. */
  readonly hasRoom?: HasRoom;
  /** Gives the page of all threads. */
  readonly metricsPage?: MetricsPage;
}

/** The server that {@linkcode serve} starts. */
export class ListeningServer implements Server {
  readonly addresses: string[] = [];
  readonly health: ServerHealth;
  readonly ready: Promise<void>;
  readonly #options: ServeOptions;
  readonly #limits: Limits;
  readonly #hasRoom: HasRoom;
  readonly #network: (address: string) => string | undefined;
  readonly #shutdown: Shutdown;
  readonly #timers = new TimerWheel();
  readonly #timeSlice = new TimeSlice(this.#timers);
  /** What its connections have in common, and the same for those that stay in this process. */
  readonly #shared: Shared;
  readonly #sharedInMemory: Shared;
  /** Who keeps and runs how much. */
  readonly ledger: Ledger;
  readonly #loadShedding: LoadShedding;
  readonly #rateLimiter: RateLimiter;
  readonly #introduced: Introduced;
  /** Undefined unless the option is set. */
  readonly #metrics: ServerMetrics | undefined;
  readonly #page: MetricsPage;
  readonly #connectionCount: ConnectionCount;
  readonly peers: PeerSet;
  /** Those that are open. */
  readonly #connections = new Set<Connection>();
  /** Those that are told that there is no place for them. */
  readonly #refused = new Set<Connection>();
  readonly #accepting: Promise<void>[] = [];
  /** What running handlers have once the server ends; undefined until then. */
  #grace: number | undefined;
  /** Addresses where others may still call. */
  #sources: number;

  /** @param whole what it does as a part of a server of several threads */
  constructor(api: Api<never>, options: ServeOptions, whole: Whole = {}) {
    const { signal, tcpBacklog, reusePort = false } = options;
    if (tcpBacklog !== undefined && !(Number.isSafeInteger(tcpBacklog) && tcpBacklog >= 1)) {
      throw new RangeError(
        `Cannot serve: tcpBacklog must be an integer from 1, it is ${tcpBacklog}`,
      );
    }
    checkHttpOptions(options.http || {}, options.authenticate !== undefined);
    this.#options = options;
    const { proxyProtocol = [] } = options, { trustProxy = [] } = options.http || {};
    proxiesOf(proxyProtocol);
    this.#network = networkBehind(
      new Networks([...proxyProtocol, ...trustProxy], "proxies"),
      options.networkOf ?? networkOf,
    );
    this.#limits = resolveLimits(options.limits);
    const ledger = this.ledger = new Ledger(this.#limits);
    const loadShedding = this.#loadShedding = new LoadShedding(this.#limits, ledger);
    this.health = new ServerHealth(() => loadShedding.hung, this.#limits.maxHung);
    this.#rateLimiter = new RateLimiter(options.rateLimit ?? {});
    this.#connectionCount = new ConnectionCount(this.#limits.maxConnectionsPerAddress);
    this.#hasRoom = whole.hasRoom ?? ((open) => open < this.#limits.maxConnections);
    if (options.metrics || options.operators) {
      const { loopDelay } = loadShedding;
      this.#metrics = new ServerMetrics({ connections: this.#connections, ledger, loopDelay });
    }
    this.#page = whole.metricsPage ??
      ((format) => metricsPage(this.snapshot, format));
    const methods = proceduresOf(
      options.use === undefined ? api : withMiddleware(options.use, api),
      refuseUntravelled,
    );
    const { name = "landline", version = "0.0.0" } = options;
    this.#introduced = { name, version };
    const dispatcher = new Dispatcher(
      new Map([
        ...methods,
        ...builtins(methods, { ...this.#introduced, health: this.health }, this.#limits),
        ...(options.operators ? [statsMethod(options.operators, () => this.stats)] : []),
      ]),
      this.#limits,
      (error, method, isStopped) => {
        // A handler that ends because its call was cancelled often does so with an error.
        if (!isStopped || options.onError !== undefined) this.#report(error, method);
      },
      (name, method) => new ServedTarget(name, method, this.#limits),
    );
    const ids = new PeerIds();
    this.peers = new PeerSet(ids, this.#timeSlice);
    this.#sharedInMemory = {
      limits: this.#limits,
      dispatcher,
      timers: this.#timers,
      pool: new BufferPool(),
      queue: new CallQueue(),
      ids,
      peers: this.peers,
      callTimeout: this.#limits.callTimeout,
      sequential: options.sequential ?? false,
      observe: together([
        this.#metrics?.observer,
        ...[telemetryOf(options.telemetry), options.observe].map((observer) =>
          observer && guarded(
            observer,
            (error) => this.#report(error, callbackOf("observe", "serve()")),
          )
        ),
      ]),
      ledger,
      loadShedding: this.#loadShedding,
      // A guess that waits is to be answered before its connection ends.
      guesses: new Guesses(this.#timers, this.#limits.authTimeout / 2),
      onError: (error, { address }, callback) =>
        this.#report(error, aboutConnection(address, callback, "serve()")),
    };
    // What stays in this process needs no look at sockets.
    this.#shared = {
      ...this.#sharedInMemory,
      timeSlice: this.#timeSlice,
      fairQueue: new FairQueue(this.#timeSlice, this.#timers),
    };
    this.#shutdown = new Shutdown({
      grace: this.#limits.shutdownGrace,
      signal,
      end: (grace) => this.#end(grace),
    });
    const later: Promise<void>[] = [];
    const addresses = addressesOf(options);
    this.#sources = addresses.length;
    const exposure = {
      insecure: options.insecure ?? false,
      asks: options.authenticate !== undefined,
      asksByTls: options.tls?.clientCa !== undefined,
    };
    for (const address of addresses) refuseExposed(address, exposure);
    const take = (listener: Listener, address: string | URL) => {
      refuseExposedListener(address, listener, exposure);
      this.#accept(listener);
    };
    try {
      for (const address of addresses) {
        const listener = listen(address, {
          ...(tcpBacklog !== undefined && { tcpBacklog }),
          reusePort,
          limits: this.#limits,
          proxyProtocol,
          onError: (error, about) => this.#report(error, about),
          ...(options.tls && { tls: options.tls }),
        });
        if (listener instanceof Promise) later.push(listener.then((it) => take(it, address)));
        else take(listener, address);
      }
    } catch (error) {
      for (const it of later) it.catch(() => {}); // one failure is told, and it is this one
      this.#shutdown.giveUp();
      throw error;
    }
    this.ready = later.length === 0 ? Promise.resolve() : Promise.all(later).then(() => {});
    this.#shutdown.beginUnlessReady(this.ready);
    this.#loadShedding.start(this.#timers);
    this.#shutdown.arm();
  }

  get finished(): Promise<void> {
    return this.#shutdown.finished;
  }

  /** What was counted so far. @throws {TypeError} where nothing is */
  get snapshot(): Snapshot {
    if (this.#metrics === undefined) throw noMetrics();
    return this.#metrics.snapshot;
  }

  /** What operators see. @throws {TypeError} unless the option `operators` is set */
  get stats(): Stats {
    return statsOf(this.snapshot, {
      ...this.#introduced,
      now: this.#timers.now(),
      connections: this.#connections,
      kept: this.ledger.kept,
    });
  }

  async metrics(): Promise<string> {
    if (!this.#options.metrics) throw noMetrics();
    return await this.#page("prometheus");
  }

  get connections(): number {
    return this.#connections.size;
  }

  #accept(listener: Listener): void {
    if (this.#shutdown.hasBegun) return listener.close();
    this.addresses.push(listener.address);
    const transport = schemeOf(listener.address),
      options = this.#connectionOptions(listener.address);
    const shared = transport === "memory" ? this.#sharedInMemory : this.#shared;
    const accepting = acceptAll(listener, (socket) => this.#open(socket, shared, options), {
      ...(shared.timeSlice && { yieldWhenOver: () => this.#timeSlice.yieldWhenOver() }),
      signal: this.#shutdown.signal,
      onError: (error) => this.#report(error, `accept at ${listener.address}`),
    });
    this.#accepting.push(accepting.then(() => {
      this.#sources--;
      this.#endWhenAlone();
    }));
    this.#tell(() => this.#options.onListen?.(listener.address), "onListen");
  }

  #connectionOptions(address: string): ConnectionOptions {
    const { authenticate, connectionState, rateLimit, http = {} } = this.#options;
    const transport = schemeOf(address);
    return {
      transport,
      ...(http !== false && {
        http: {
          ...httpServing(
            http,
            address,
            authenticate !== undefined,
            this.#options.metrics ? this.#page : undefined,
          ),
          load: () => import("../http/session.ts"),
        },
      }),
      isDialler: false,
      network: this.#network,
      ...(rateLimit && {
        allowance: (address) => this.#rateLimiter.allow(this.#network(address), this.#timers.now()),
        relayedAllowance: (address) => {
          const network = this.#network(address);
          return network === undefined
            ? undefined
            : this.#rateLimiter.allowRelayed(network, this.#timers.now());
        },
      }),
      ...(authenticate && { authenticate }),
      ...(connectionState && { connectionState }),
      onRelay: (connection, network) => this.#onRelay(connection, network),
      onClose: (connection, info) => this.#onClose(connection as Connection, info),
    };
  }

  #open(socket: Socket, shared: Shared, options: ConnectionOptions): void {
    let connection: Connection;
    try {
      connection = new Connection(socket, shared, options);
    } catch (error) {
      socket.close();
      return this.#report(error, callbackOf("connectionState", "serve()"));
    }
    const { network } = connection;
    const refusal = this.#refusal(network);
    if (refusal !== undefined) return this.#refuse(connection, refusal);
    this.#connectionCount.enter(network);
    this.peers.add(connection);
    const { onOpen } = this.#options;
    if (onOpen !== undefined) this.#tell(() => onOpen(connection.peer), "onOpen", connection);
    this.#metrics?.onOpen(connection);
    this.#connections.add(connection); // what is told above counts the others
    connection.run();
    // It was accepted in the moment in which the server began to end.
    if (this.#grace !== undefined) connection.drain(this.#grace, "shutdown", CROSSING);
  }

  /** It was let in as a proxy's, of which there may be many. */
  #onRelay(connection: Reachable, network: string | undefined): RpcError | undefined {
    if (this.#connectionCount.isFull(network)) return tooManyFromThere();
    this.#connectionCount.leave(connection.network);
    this.#connectionCount.enter(network);
    return undefined;
  }

  #onClose(connection: Connection, info: CloseInfo): void {
    this.#metrics?.onClose(connection);
    if (this.#refused.delete(connection)) return;
    this.#connectionCount.leave(connection.network);
    this.#connections.delete(connection);
    this.peers.delete(connection);
    const { onClose } = this.#options;
    if (onClose !== undefined) {
      this.#tell(() => onClose(connection.peer, info), "onClose", connection);
    }
    this.#endWhenAlone();
  }

  /** Why one more connection from there is not served; undefined where it is. */
  #refusal(network: string | undefined): RpcError | undefined {
    if (this.#connectionCount.isFull(network)) return tooManyFromThere();
    const shortage = this.#loadShedding.shortage();
    if (shortage !== undefined) return shortage;
    if (this.#hasRoom(this.#connections.size) || this.#makeRoom(network)) return undefined;
    return tooManyConnections();
  }

  /**
   * Where all places are taken, the network that has the most gives up its longest silent connection for
   * one that has fewer, so that no network can take all.
   */
  #makeRoom(network: string | undefined): boolean {
    const [largest, most] = this.#connectionCount.largest;
    if (most <= this.#connectionCount.of(network) + 1) return false;
    let silent: Connection | undefined;
    for (const connection of this.#connections) {
      if (connection.network !== largest || !connection.isIdle || !connection.isOpen) continue;
      if (silent === undefined || connection.lastActive < silent.lastActive) silent = connection;
    }
    silent?.refuse(tooManyConnections());
    return silent !== undefined;
  }

  /** Tells a caller why it is not served, unless many are being told already. */
  #refuse(connection: Connection, error: RpcError): void {
    this.#refused.add(connection);
    connection.run();
    if (this.#refused.size > MAX_REFUSED) {
      this.#shared.observe?.refused?.(error, connection.peer);
      connection.evict();
    } else if (connection.options.http === undefined) connection.refuse(error);
    else connection.refuseOnceHeard(error);
  }

  /** A server whom nobody calls, and nobody can call any more, has ended. */
  #endWhenAlone(): void {
    if (this.#sources === 0 && this.#connections.size === 0) this.shutdown();
  }

  /** @param connection that of the peer which the callback is about */
  #tell(callback: () => void, name: string, connection?: Connection): void {
    callBack(callback, (error, isLate) => {
      // That a peer hangs up at a question is no fault of the callback's: any peer could fill the log.
      const isOfPeer = isLate && connection?.closedBecause("") !== undefined &&
        error instanceof ConnectionLostError;
      if (!isOfPeer || this.#options.onError) this.#report(error, callbackOf(name, "serve()"));
    });
  }

  #report(error: unknown, about: string): void {
    tellError(this.#options.onError, error, about, "serve()");
  }

  shutdown(grace?: number): Promise<void> {
    return this.#shutdown.begin(grace);
  }

  async #end(grace: number): Promise<void> {
    this.#grace = grace;
    this.health.drain();
    // Callers who lose their server in the same moment all come to the next one in the same moment.
    const isCrowd = this.#connections.size > MAX_AT_ONCE;
    for (const connection of this.#connections) {
      const delay = isCrowd ? SPREAD * grace * Math.random() : Math.min(CROSSING, grace);
      connection.drain(grace, "shutdown", delay);
    }
    for (const connection of this.#refused) connection.close();
    // Neither timers nor handlers keep the process alive, and what was promised is still to be done.
    const alive = setInterval(() => {}, MAX_MS);
    await Promise.all(this.#accepting);
    await Promise.all(this.#connections.values().map(({ closed }) => closed));
    clearInterval(alive);
    this.#loadShedding.stop();
    this.#timers.stop();
    await this.#timeSlice.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}

function tooManyFromThere(): RpcError {
  return new RpcError("RESOURCE_EXHAUSTED", "Too many connections from one address", {
    limit: "maxConnectionsPerAddress",
  });
}

/** An address of a proxy is no caller's: each of its connections is one by itself. */
function networkBehind(
  proxies: Networks,
  networkOf: (address: string) => string | undefined,
): (address: string) => string | undefined {
  return proxies.isEmpty
    ? networkOf
    : (address) => proxies.has(address) ? undefined : networkOf(address);
}

function tooManyConnections(): RpcError {
  return new RpcError("UNAVAILABLE", "Too many connections", { limit: "maxConnections" });
}
