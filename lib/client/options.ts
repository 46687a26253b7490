/**
 * What a client takes, and the handle that it gives.
 *
 * @module
 */

import type { Api, MethodName } from "../api/api.ts";
import type { Contract } from "../api/contract_entry.ts";
import type { Peer, PeerInfo } from "../api/context.ts";
import type { ClientMiddleware } from "../api/middleware.ts";
import type { Observer } from "../api/observe.ts";
import type { CallOptions, NotifyStub, Stub, Untyped, UntypedCallPromise } from "../api/stub.ts";
import type { FramingName } from "../framing/frame.ts";
import type { Limits } from "../limits.ts";
import type { CloseInfo } from "../link/lifecycle.ts";
import type { Socket } from "../transport/socket.ts";
import type { TelemetryOptions } from "../telemetry/opentelemetry.ts";
import type { TlsClientOptions } from "../transport/socket.ts";
import type { Balancing } from "./balancing.ts";
import type { LineState } from "./reconnect.ts";
import type { RetryPolicy } from "./retry.ts";

/**
 * What {@linkcode connect} takes besides the address. `Name` is a name of the server's API that
 * `idempotent` may have, and `A` that API, which `onReady` may call.
 */
export interface ConnectOptions<Name extends string = never, A = never> {
  /** The framing to speak. @default {"json"} */
  readonly framing?: FramingName;
  /**
   * The version of JSON-RPC to speak. In 1.0 (https://www.jsonrpc.org/specification_v1) there is no member
   * `jsonrpc`, params are always a list, and a batch travels as single calls. It implies
   * `extensions: false`. @default {"2.0"}
   */
  readonly version?: "1.0" | "2.0";
  /**
   * Whether the server is asked what it understands beside JSON-RPC, and whether it is there when it is
   * silent: with `rpc.` methods, which a server that is not ours refuses. With `false` it gets the calls
   * and notifications of the caller, LSP's `$/cancelRequest` for a call that is given up, and nothing
   * else: there are no streams, no `meta` and no deadlines at the server. @default {true}
   */
  readonly extensions?: boolean;
  /** Gives up the first connection; has no effect once connected. */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds after which an attempt to connect fails, `token` and `onReady` included. @default {5000}
   */
  readonly connectTimeout?: number;
  /**
   * Whether a connection that is lost is made again: after 100 ms, then after 1.6 times as long each
   * time, ± 20 %, up to 30 s. `"always"` tries again where the first connection cannot be made, too.
   * Over `stdio:` and `command:` nothing is made again. @default {true}
   */
  readonly reconnect?: boolean | "always";
  /** What several addresses are for. @default {"first"} */
  readonly balance?: Balancing;
  /** Methods that may run twice: their calls are sent again when they were lost. @default none */
  readonly idempotent?: readonly Name[];
  /** How calls that may run twice are sent again. */
  readonly retry?: RetryPolicy;
  /**
   * Called each time a connection has been made, before the line uses it: the place to log in, to
   * subscribe, to enter a room. The calls of the line wait until it has ended, those of `server` go out
   * over this connection at once, without the line's middleware; so call `server`, and not the line.
   *
   * What it throws fails the attempt to connect. The first makes {@linkcode connect} reject. Later ones are
   * tried again, but for a `TypeError` or `RangeError`, and an {@linkcode RpcError} that says more than that
   * the server is not well: these end the line, as a refused token does.
   *
   * @example
   * ```ts
   * import { connect, method, serve, withContext } from "@landline/rpc";
   * import * as z from "npm:zod@4";
   * import { assert } from "@std/assert";
   *
   * const { method: known } = withContext<{ state: { name: string } }>();
   * const api = {
   *   login: known(z.string(), (name, { state }) => void (state.name = name)),
   *   whoami: known((_, { state }) => state.name),
   * };
   * await using server = serve(api, {
   *   listen: "tcp://127.0.0.1:0",
   *   connectionState: () => ({ name: "" }),
   * });
   * await using line = await connect<typeof api>(server.addresses[0]!, {
   *   onReady: (server) => server.call.login("alice"),
   * });
   *
   * assert(await line.call.whoami() === "alice");
   * ```
   */
  onReady?(server: Peer<A>): unknown;
  /**
   * Whether calls are sent in the order in which they were made also when more are under way than the
   * server takes: the others wait in the client, and take turns unless they are to keep their order. Then
   * a call waits for all that were made before it. @default {false}
   */
  readonly inOrder?: boolean;
  /** Told when a connection is made, lost, waited for, and when the line has ended. */
  readonly onState?: (state: LineState) => void;
  /** Milliseconds that a call may take where it does not say. @default none; 5000 over udp: */
  readonly timeout?: number;
  /**
   * A bearer token that says who calls, for servers that ask; or what gives one, for each connection anew.
   * What that throws fails the attempt to connect, as in `onReady`.
   */
  readonly token?: string | (() => string | Promise<string>);
  /** What the server may call on this line; its handlers find it as `context.peer`. */
  readonly api?: Api<undefined>;
  /**
   * Sees every call in both directions where it is made and where it ends: once, however often it is sent.
   * @default nothing does, and it costs nothing
   */
  readonly observe?: Observer;
  /**
   * What is told to OpenTelemetry if an SDK has registered its API by now, as `OTEL_DENO=true` does: a span for
   * each call, in the trace of its caller, and the histograms `rpc.server.call.duration` and
   * `rpc.client.call.duration`; false tells it nothing. @default {true}
   */
  readonly telemetry?: boolean | TelemetryOptions;
  /** Runs around every call, outermost first; not around notifications. */
  readonly use?: readonly ClientMiddleware[];
  /**
   * Headers for `ws:` and `wss:` addresses, by their names; they go out with the handshake: `Authorization`,
   * `Origin`, `Sec-WebSocket-Protocol`.
   */
  readonly headers?: Readonly<Record<string, string>>;
  /** What there is to say about `tls://` and `wss://`: whom to trust, and the client's own certificate. */
  readonly tls?: TlsClientOptions;
  /** Other limits than the defaults. */
  readonly limits?: Partial<Limits>;
  /**
   * Whether numbers come as they were written. One that a double does not hold digit for digit, such as
   * 18446744073709551615 or 1.10, is then what `JSON.rawJSON` makes: its `rawJSON` has the digits, for
   * `BigInt` or a decimal library, and JSON.stringify writes it as it came. Answers take longer to read.
   * @default {false}
   */
  readonly exactNumbers?: boolean;
  /** What stands between the line and its socket, to look at the bytes or to change them. */
  readonly wrapSocket?: (socket: Socket) => Socket;
  /**
   * Called with what is nobody's answer: what handlers of `api` and callbacks throw by accident, and what the
   * server says besides its answers.
   *
   * @default prints what handlers and callbacks throw to standard error
   */
  readonly onError?: (error: unknown) => void;
}

/** What {@linkcode connect} takes with a contract, which gives the line its types. */
export interface ContractConnectOptions<C extends Contract>
  extends ConnectOptions<MethodName<C>, NoInfer<C>> {
  /**
   * What both sides are held to: params and items are checked before they are sent, results, items and the
   * data of declared errors after they have arrived. What does not fit is a {@linkcode ContractError}, which
   * says which side has broken it. Not for `request`, and not for what `onReady` calls. Without a contract
   * nothing is checked here: the server checks what arrives, and what its handlers give.
   *
   * @example
   * ```ts
   * import { connect, serve } from "@landline/rpc";
   * import { contract, implement } from "@landline/rpc/contract";
   * import * as z from "npm:zod@4";
   * import { assert } from "@std/assert";
   *
   * const loud = contract({ upper: contract.method(z.string().max(10), { result: z.string() }) });
   * const api = implement(loud, { upper: (text) => text.toUpperCase() });
   * await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
   * await using line = await connect(server.addresses[0]!, { contract: loud });
   *
   * assert(await line.call.upper("hello") === "HELLO");
   * const error = await line.call.upper("much too long").catch((error) => error);
   * assert(error.brokenBy === "caller");
   * ```
   */
  readonly contract: C;
}

/**
 * A connection as a script holds it. `A` is the type of the server's API: `typeof api`.
 */
export interface Line<A = Untyped> extends AsyncDisposable {
  /**
   * The methods of the server: `line.call.math.add({ a: 1, b: 2 })`. Each takes the value and
   * {@linkcode CallOptions}, and rejects with {@linkcode RpcError} where the server says so.
   */
  readonly call: Stub<A>;
  /** The same methods without an answer: nobody learns whether they ran. */
  readonly notify: NotifyStub<A>;
  /**
   * Makes several calls that travel together, and are answered together: JSON-RPC's batch.
   *
   * @example
   * ```ts ignore
   * const [sum, text] = await Promise.all(
   *   line.batch((call) => [call.math.add({ a: 1, b: 2 }), call.upper("hello")]),
   * );
   * ```
   */
  batch<const T>(make: (call: Stub<A>) => T): T;
  /**
   * Calls a method by its name, with params as they travel: for those who have no types. The answer of
   * a stream can be iterated.
   *
   * @param params an object, an array, or undefined for none
   */
  request(method: string, params?: unknown, options?: CallOptions): UntypedCallPromise;
  /** Who is at the other end, or was when there was a connection. */
  readonly peer: PeerInfo;
  /**
   * Resolves when the line has ended for good, with why: it was closed, its credentials were refused,
   * or it was lost and does not connect again. Never rejects.
   */
  readonly closed: Promise<CloseInfo>;
  /** Ends the line. Calls that wait are cancelled and reject with {@linkcode ConnectionLostError}. */
  close(): Promise<void>;
  /** Lets the process end while no call waits for an answer. Not over `udp:` and `command:`. */
  unref(): void;
  /** Keeps the process alive until the line is closed, as it does at first. */
  ref(): void;
}
