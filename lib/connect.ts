/**
 * The client: dials, and gives the methods of the other end as functions with their types.
 *
 * @module
 */

import { around, type Caller } from "./around.ts";
import { type CloseInfo, Connection } from "./connection.ts";
import { builtins } from "./builtin.ts";
import { encodeArgument } from "./bytes.ts";
import type { CallOptions, Client, Notifier, Untyped, UntypedAnswer } from "./call.ts";
import type { PeerInfo } from "./context.ts";
import { Dispatcher, proceduresOf } from "./dispatch.ts";
import { FRAMINGS } from "./framing/mod.ts";
import type { FramingName } from "./framing/frame.ts";
import { Health } from "./health.ts";
import { type Limits, resolveLimits } from "./limits.ts";
import { Load } from "./load.ts";
import type { ClientMiddleware } from "./middleware.ts";
import type { Api } from "./procedure.ts";
import { namesOf } from "./proxy.ts";
import { TimerWheel } from "./timers.ts";
import { dial, schemeOf, type Socket, type TlsClientOptions } from "./transport/mod.ts";
import { BufferPool } from "./writer.ts";

/** What {@linkcode connect} takes besides the address. */
export interface ConnectOptions {
  /** The framing to speak. @default {"lines"} */
  readonly framing?: FramingName;
  /** Gives up connecting; has no effect once connected. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which connecting fails. @default {5000} */
  readonly connectTimeout?: number;
  /** Milliseconds that a call may take where it does not say. @default none; 5000 over udp: */
  readonly timeout?: number;
  /** A bearer token that says who calls, for servers that ask. */
  readonly token?: string;
  /** What the server may call on this line; its handlers find it as `context.peer`. */
  readonly api?: Api;
  /** Runs around every call, outermost first; not around notifications. */
  readonly use?: readonly ClientMiddleware[];
  /** What there is to say about `tls://`: whom to trust, and the client's own certificate. */
  readonly tls?: TlsClientOptions;
  /** Other limits than the defaults. */
  readonly limits?: Partial<Limits>;
  /** What stands between the line and its socket, to look at the bytes or to change them. */
  readonly wrap?: (socket: Socket) => Socket;
  /** Called with what is nobody's answer. */
  readonly onError?: (error: unknown) => void;
}

/**
 * A connection as a script holds it. `A` is the type of the server's API: `typeof api`.
 */
export interface Line<A = Untyped> extends AsyncDisposable {
  /**
   * The methods of the server: `line.call.math.add({ a: 1, b: 2 })`. Each takes the value and
   * {@linkcode CallOptions}, and rejects with {@linkcode RpcError} where the server says so.
   */
  readonly call: Client<A>;
  /** The same methods without an answer: nobody learns whether they ran. */
  readonly notify: Notifier<A>;
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
  batch<const T>(make: (call: Client<A>) => T): T;
  /**
   * Calls a method by its name, with params as they travel: for those who have no types. The answer of
   * a stream can be iterated.
   *
   * @param params an object, an array, or undefined for none
   */
  request(method: string, params?: unknown, options?: CallOptions): UntypedAnswer;
  /** Who is at the other end. */
  readonly peer: PeerInfo;
  /** Resolves when the connection has ended, with why; never rejects. */
  readonly closed: Promise<CloseInfo>;
  /** Ends the connection. Calls that wait are cancelled and reject with {@linkcode ConnectionLost}. */
  close(): Promise<void>;
}

const CLIENT = { name: "landline-client", version: "0.0.0" };

/**
 * Connects to a server.
 *
 * @param address a URL: `tcp://127.0.0.1:8080`, `unix:///run/app.sock`
 * @throws {TypeError} for an address that nobody can dial
 *
 * @example
 * ```ts
 * import { connect, method, serve } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * const api = { now: method(() => new Date(0)) };
 * await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
 *
 * await using line = await connect<typeof api>(server.addresses[0]!);
 * const now: string = await line.call.now();
 *
 * assert(now === "1970-01-01T00:00:00.000Z");
 * ```
 */
export async function connect<A = Untyped>(
  address: string | URL,
  options: ConnectOptions = {},
): Promise<Line<A>> {
  const { framing = "lines", connectTimeout = 5000, token, onError } = options;
  if (!Object.hasOwn(FRAMINGS, framing)) {
    throw new TypeError(
      `Cannot connect: framing must be lines, headers or length, it is ${JSON.stringify(framing)}`,
    );
  }
  const limits = resolveLimits(options.limits);
  const socket = await dialWithin(address, connectTimeout, options);
  const own = proceduresOf(options.api ?? {});
  if (socket.datagrams && framing !== "lines") {
    socket.close();
    throw new TypeError(
      `Cannot connect: a datagram has no framing, it is ${JSON.stringify(framing)}`,
    );
  }
  // Nobody tells that a datagram was lost.
  const timeout = options.timeout ?? (socket.datagrams ? 5000 : undefined);
  const timers = new TimerWheel();
  const connection = new Connection(socket, {
    // What comes here are answers.
    limits: {
      ...limits,
      maxMessageBytes: Math.max(limits.maxMessageBytes, limits.maxResponseBytes),
    },
    dispatcher: new Dispatcher(
      new Map([...own, ...builtins(own, { ...CLIENT, health: new Health() }, limits)]),
      limits,
      (error) => onError?.(error),
    ),
    timers,
    load: new Load(limits),
    pool: new BufferPool(),
    framing: FRAMINGS[framing],
    ...(timeout !== undefined && { timeout }),
    peer: () => ({
      address: socket.remote,
      localAddress: socket.local,
      transport: schemeOf(String(address)),
      ...(socket.certificate && { certificate: socket.certificate }),
    }),
    isDialler: true,
    ...((socket.lasting || socket.datagrams) && { isLasting: true }),
    onError: onError ?? (() => {}),
  });
  connection.run().then(() => timers.stop());
  if (token !== undefined) {
    try {
      await connection.call("rpc.authenticate", JSON.stringify({ scheme: "bearer", token }));
    } catch (error) {
      await connection.close();
      throw error;
    }
  }
  const wire: Caller = {
    call: (name, value, options) => connection.call(name, encodeArgument(value), options),
    batch: (make) => connection.batch(make),
  };
  const { use = [] } = options;
  const caller = use.length === 0 ? wire : around(use, wire);
  const call = namesOf((name, value, options) =>
    orRejected(() => caller.call(name, value, (options ?? {}) as CallOptions))
  ) as Client<A>;
  return {
    call,
    notify: namesOf((name, value) => connection.notify(name, encodeArgument(value))) as Notifier<A>,
    batch: (make) => caller.batch(() => make(call)),
    request: (name, params, options = {}) =>
      orRejected(() => caller.call(name, rawParams(params), options)) as UntypedAnswer,
    get peer() {
      return connection.peer;
    },
    closed: connection.closed,
    close: () => connection.close(),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

/** A value that cannot be written as JSON is a call that fails, like any other. */
function orRejected<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Params as they are: a value that is an object or an array travels as itself. */
function rawParams(params: unknown): unknown {
  if (params !== undefined && (params === null || typeof params !== "object")) {
    throw new TypeError(
      `Cannot call: params must be an object or an array, they are ${JSON.stringify(params)}`,
    );
  }
  return params;
}

async function dialWithin(
  address: string | URL,
  ms: number,
  { signal, tls, wrap = (socket) => socket }: ConnectOptions,
): Promise<Socket> {
  const limit = new AbortController();
  const timer = setTimeout(
    () => limit.abort(new DOMException(`No connection within ${ms} ms`, "TimeoutError")),
    ms,
  );
  try {
    return wrap(
      await dial(address, {
        signal: signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]),
        ...(tls && { tls }),
      }),
    );
  } finally {
    clearTimeout(timer);
  }
}
