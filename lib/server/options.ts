/**
 * What a server takes, and what it gives: the same for one thread and for several.
 *
 * @module
 */

import type { Authenticate } from "../api/auth.ts";
import type { CloseInfo, Peer, PeerInfo, Peers } from "../api/context.ts";
import type { Middleware } from "../api/middleware.ts";
import type { Observer } from "../api/observe.ts";
import type { Untyped } from "../api/stub.ts";
import type { Health } from "../builtin/health.ts";
import type { HttpOptions } from "../http/options.ts";
import type { Limits } from "../limits.ts";
import type { RateLimits } from "../overload/rate_limit.ts";
import type { TelemetryOptions } from "../telemetry/opentelemetry.ts";
import { inherited } from "../transport/fd.ts";
import type { TlsServerOptions } from "../transport/socket.ts";

/**
 * What {@linkcode serve} takes besides the API.
 *
 * @typeParam Client The API that callers serve, for those who call them back.
 * @typeParam State What `connectionState` makes.
 */
export interface ServeOptions<Client = Untyped, State = unknown> {
  /** Where to listen. Port 0 lets the system choose. @default {"tcp://127.0.0.1:8080"} */
  readonly listen?: string | URL | readonly (string | URL)[];
  /** Begins {@linkcode Server.shutdown} when it aborts. */
  readonly signal?: AbortSignal;
  /** Runs around every handler of the API, outermost first. */
  readonly use?: readonly Middleware[];
  /**
   * Sees every call in both directions when it comes and when it is answered, also calls that no handler takes,
   * and what is refused. @default none, which costs nothing
   */
  readonly observe?: Observer;
  /**
   * What is told to OpenTelemetry if an SDK has registered its API by now, as `OTEL_DENO=true` does: a span for
   * each call, in the trace of its caller, and the histograms `rpc.server.call.duration` and
   * `rpc.client.call.duration`; false tells it nothing. @default {true}
   */
  readonly telemetry?: boolean | TelemetryOptions;
  /**
   * Whether calls, connections and bytes are counted: {@linkcode Server.metrics} gives the page for Prometheus,
   * and so does `GET /metrics` over HTTP to callers that may call. @default {false}
   */
  readonly metrics?: boolean;
  /**
   * Which peers may call `rpc.stats`: it tells what the server has counted, which peers are connected, and how
   * it is, as `landline top` shows it. Decide by `peer.identity`, or by `peer.transport` if only the owner may
   * open the Unix socket: a peer's address proves nothing. @default none, and nothing is counted for it
   */
  readonly operators?: (peer: PeerInfo) => boolean;
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
  /**
   * Whether the calls and notifications of a connection run one after another, each once the handler of the
   * one before it has ended: for callers that count on it, such as editors, whose `didChange` is to be done
   * before the `completion` behind it begins. Streams begin in their turn too, and hold up nothing once they
   * have. Cancellations, answers to calls back, pings and `rpc.serverInfo` are handled at once.
   *
   * Without it calls begin in the order in which they came, and run side by side.
   * @default {false}
   */
  readonly sequential?: boolean;
  /** How fast callers may go. @default as fast as they can */
  readonly rateLimit?: RateLimits;
  /**
   * The network of a peer's address: what comes from one is one caller, as far as nobody has said who it is.
   * Undefined where the address says nothing, and each connection is a caller by itself. It is not asked about
   * addresses of proxies that `http.trustProxy` or `proxyProtocol` name.
   *
   * @default an IPv4 address, an IPv6 /64; undefined for this machine's own
   */
  readonly networkOf?: (address: string) => string | undefined;
  /** Makes what handlers find as `context.state` and `context.peer.state`, once for each connection. */
  readonly connectionState?: (peer: PeerInfo) => State;
  /**
   * Whether HTTP and WebSockets are taken at every address, and from which pages; false answers them with
   * `400`. @default from programs, and from pages that are served here
   */
  readonly http?: HttpOptions | false;
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
  /**
   * Networks of proxies whose connections begin with a header of HAProxy's PROXY protocol, version 1 or 2, and
   * are then those of the callers that it names: `10.0.0.0/8`, an address, or `unix` for all that come over Unix
   * sockets. One of these without a header is refused; from elsewhere a header means nothing. For `tcp:`,
   * `unix:` and `tls:`, where it stands before the handshake. @default none
   */
  readonly proxyProtocol?: readonly string[];
  /** What `tls://` addresses need: the certificate, its key, and whether clients need one. */
  readonly tls?: TlsServerOptions;
  /** The name that `rpc.serverInfo` tells. @default {"landline"} */
  readonly name?: string;
  /** The version that `rpc.serverInfo` tells. @default {"0.0.0"} */
  readonly version?: string;
  /** Called for each address once it is listened at, with the real port. */
  readonly onListen?: (address: string) => void;
  /**
   * Called for each connection that was accepted. The peer can be greeted: what it is told and asked leaves
   * once its first bytes have told its framing. Where `authenticate` asks, it has not said yet who it is.
   * It may be asynchronous: nothing waits for it, and what it throws goes to `onError`.
   */
  readonly onOpen?: (peer: Peer<Client, State>) => void;
  /** Called for each connection that ended, with the same peer, and why. */
  readonly onClose?: (peer: Peer<Client, State>, info: CloseInfo) => void;
  /**
   * Called with what callers are not told: what handlers and callbacks throw by accident, and what goes
   * wrong while accepting. `about` is the method, or says which callback. Give a logger here.
   *
   * @default prints them to standard error, but for what peers do wrong
   */
  readonly onError?: (error: unknown, about: string) => void;
}

/**
 * A server that runs.
 *
 * @typeParam Client See {@linkcode ServeOptions}.
 * @typeParam State See {@linkcode ServeOptions}.
 */
export interface Server<Client = Untyped, State = unknown> extends AsyncDisposable {
  /** Where it listens, with the real ports; complete once {@linkcode ready} resolves. */
  readonly addresses: readonly string[];
  /** Resolves when every address is listened at; rejects when one cannot be. */
  readonly ready: Promise<void>;
  /** Resolves when the server has ended; rejects when it could not listen. */
  readonly finished: Promise<void>;
  /** How its services are, for `rpc.health`. */
  readonly health: Health;
  /** Those that are connected and may call: to be told things, looked up, and sent away. */
  readonly peers: Peers<Client, State>;
  /** How many connections are open. */
  readonly connections: number;
  /**
   * What was counted, as a page in Prometheus's text format 0.0.4; of all threads where there are several.
   * Rejects unless the option `metrics` is set.
   *
   * @example
   * ```ts
   * import { connect, method, serve } from "@landline/rpc";
   * import { assert } from "@std/assert";
   *
   * const api = { now: method(() => new Date()) };
   * await using server = serve(api, { listen: "tcp://127.0.0.1:0", metrics: true });
   * await using line = await connect<typeof api>(server.addresses[0]!);
   *
   * await line.call.now();
   * const page = await server.metrics();
   * assert(page.includes('rpc_server_call_duration_seconds_count{rpc_system_name="jsonrpc",rpc_method="now"} 1'));
   * ```
   */
  metrics(): Promise<string>;
  /**
   * Ends in order: accepts no more, tells the peers, lets running handlers finish, closes.
   *
   * @param grace milliseconds that handlers have; 0 ends them now. @default the limit `shutdownGrace`
   */
  shutdown(grace?: number): Promise<void>;
}

/** Where a server is to listen; a name of descriptors may stand for several. */
export function addressesOf(
  { listen = "tcp://127.0.0.1:8080" }: Pick<ServeOptions, "listen">,
): readonly (string | URL)[] {
  const addresses = typeof listen === "string" || listen instanceof URL ? [listen] : listen;
  return addresses.flatMap(inherited);
}
