/**
 * The client: dials, and gives the methods of the other end as functions with their types.
 *
 * @module
 */

import { type CallMaker, withClientMiddleware } from "./middleware.ts";
import { builtins } from "../builtin/mod.ts";
import { encodeArgument } from "../message/base64.ts";
import type { CallOptions, NotifyStub, Stub, Untyped, UntypedCallPromise } from "../api/stub.ts";
import { CallQueue } from "../outgoing/call_queue.ts";
import {
  type CloseInfo,
  Connection,
  type ConnectionOptions,
  type Shared,
} from "../connection/connection.ts";
import type { PeerInfo } from "../api/context.ts";
import { Dispatcher } from "../incoming/dispatch.ts";
import { type Api, proceduresOf } from "../api/api.ts";
import type { LineState } from "./reconnect.ts";
import { RpcError } from "../error.ts";
import { FRAMINGS } from "../framing/mod.ts";
import type { FramingName } from "../framing/frame.ts";
import { ServerHealth } from "../builtin/health.ts";
import { type Limits, resolveLimits } from "../limits.ts";
import { LoadShedding } from "../overload/load_shedding.ts";
import type { ClientMiddleware } from "../api/middleware.ts";
import { nameProxy } from "../outgoing/name_proxy.ts";
import { RPC } from "../message/control.ts";
import type { Balancing } from "./balancing.ts";
import { Channel } from "./channel.ts";
import { resolveRetryPolicy, type RetryPolicy } from "./retry.ts";
import { TimerWheel } from "../timers.ts";
import { dial, schemeOf, type Socket, type TlsClientOptions } from "../transport/mod.ts";
import { BufferPool } from "../link/buffer_pool.ts";

/** What {@linkcode connect} takes besides the address. */
export interface ConnectOptions {
  /** The framing to speak. @default {"json"} */
  readonly framing?: FramingName;
  /** Gives up the first connection; has no effect once connected. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which an attempt to connect fails, authentication included. @default {5000} */
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
  readonly idempotent?: readonly string[];
  /** How calls that may run twice are sent again. */
  readonly retry?: RetryPolicy;
  /** Told when a connection is made, lost, waited for, and when the line has ended. */
  readonly onState?: (state: LineState) => void;
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
  readonly wrapSocket?: (socket: Socket) => Socket;
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

const CLIENT = { name: "landline-client", version: "0.0.0" };

/**
 * Connects to a server, and again when the connection is lost.
 *
 * A call that may have reached the server is never sent again, unless its method is `idempotent`: it
 * rejects with {@linkcode ConnectionLostError}, whose `sent` is true. A call that has not left waits for the
 * next connection, within its timeout; without one for as long as the limit `callTimeout` says. A
 * stream whose items are events goes on after the last of them.
 *
 * @param address a URL: `tcp://127.0.0.1:8080`, `unix:///run/app.sock`; or several of them
 * @throws {TypeError} for an address that nobody can dial
 * @throws what kept the first connection from being made
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
  address: string | URL | readonly (string | URL)[],
  options: ConnectOptions = {},
): Promise<Line<A>> {
  const { framing = "json", balance = "first", reconnect = true, onError = () => {} } = options;
  mustBeOneOf("framing", framing, Object.keys(FRAMINGS));
  mustBeOneOf("balance", balance, ["first", "round-robin", "least-busy"]);
  const addresses = (Array.isArray(address) ? address : [address]).map(String);
  if (addresses.length === 0) throw new TypeError("Cannot connect: there is no address");
  const limits = resolveLimits(options.limits), retry = resolveRetryPolicy(options.retry);
  const schemes = new Set(addresses.map(schemeOf)), timers = new TimerWheel();
  // Nobody tells that a datagram was lost.
  const timeout = options.timeout ?? (schemes.has("udp") ? 5000 : undefined);
  const own = proceduresOf(options.api ?? {});
  const queue = new CallQueue();
  const shared: Shared = {
    // What comes here are answers.
    limits: {
      ...limits,
      maxMessageBytes: Math.max(limits.maxMessageBytes, limits.maxResponseBytes),
    },
    dispatcher: new Dispatcher(
      new Map([...own, ...builtins(own, { ...CLIENT, health: new ServerHealth() }, limits)]),
      limits,
      (error) => onError(error),
    ),
    timers,
    loadShedding: new LoadShedding(limits),
    pool: new BufferPool(),
    queue,
    onError: (error) => onError(error),
  };
  const open = opener(options, shared, {
    framing: FRAMINGS[framing],
    ...(timeout !== undefined && { timeout }),
    isDialler: true,
  });
  let last: Connection;
  const channel = new Channel({
    addresses,
    balance,
    timers,
    limits,
    retry,
    idempotent: options.idempotent ?? [],
    // A program that was started, or has started us, is the only one that there is.
    returns: reconnect !== false && !schemes.has("stdio") && !schemes.has("command"),
    isPatient: reconnect === "always",
    open: async (address, signal, onLeave) => last = await open(address, signal, onLeave),
    isHopeless,
    onState(state) {
      try {
        options.onState?.(state);
      } catch (error) {
        onError(error); // the caller's own mistake must not end the line
      }
    },
    random: Math.random,
  });
  channel.closed.then(() => timers.stop());
  try {
    await channel.start(options.signal);
  } catch (error) {
    await channel.close();
    throw error;
  }
  const wire: CallMaker = {
    call(name, value, options) {
      const isTimed = timeout === undefined || options.timeout !== undefined;
      const timed = isTimed ? options : { ...options, timeout };
      return queue.call(channel, name, encodeArgument(value), timed);
    },
    batch: (make) => queue.batch(channel, make),
  };
  const { use = [] } = options;
  const caller = use.length === 0 ? wire : withClientMiddleware(use, wire);
  const call = nameProxy((name, value, options) =>
    orRejected(() => caller.call(name, value, (options ?? {}) as CallOptions))
  ) as Stub<A>;
  const close = async () => void await channel.close();
  return {
    call,
    notify: nameProxy((name, value) =>
      channel.connection?.notify(name, encodeArgument(value))
    ) as NotifyStub<A>,
    batch: (make) => caller.batch(() => make(call)),
    request: (name, params, options = {}) =>
      orRejected(() => caller.call(name, rawParams(params), options)) as UntypedCallPromise,
    get peer() {
      return last.peer;
    },
    closed: channel.closed,
    close,
    unref: () => void (channel.keepsAlive = false),
    ref: () => void (channel.keepsAlive = true),
    [Symbol.asyncDispose]: close,
  };
}

/** Makes single connections: dials, and says who calls. */
function opener(
  { connectTimeout = 5000, token, tls, framing, wrapSocket = (socket) => socket }: ConnectOptions,
  shared: Shared,
  common: Omit<ConnectionOptions, "transport">,
) {
  return async (
    address: string,
    closed: AbortSignal,
    onLeave: (graceMs?: number) => void,
  ): Promise<Connection> => {
    const limit = new AbortController(), signal = AbortSignal.any([closed, limit.signal]);
    const late = `No connection within ${connectTimeout} ms`;
    const timer = setTimeout(
      () => limit.abort(new DOMException(late, "TimeoutError")),
      connectTimeout,
    );
    try {
      const socket = wrapSocket(await dial(address, { signal, ...(tls && { tls }) }));
      if (socket.datagrams && framing !== undefined && framing !== "json") {
        socket.close();
        throw new TypeError(
          `Cannot connect: a datagram has no framing, it is ${JSON.stringify(framing)}`,
        );
      }
      const connection = new Connection(socket, shared, {
        ...common,
        transport: schemeOf(address),
        onLeave,
      });
      connection.run();
      if (token === undefined) return connection;
      try {
        const credentials = encodeArgument({ scheme: "bearer", token });
        await connection.call(RPC.authenticate, credentials, { signal, timeout: Infinity });
        return connection;
      } catch (error) {
        await connection.close();
        throw error;
      }
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Whether another attempt to connect would fail in the same way: it is us who ask for the wrong thing. */
function isHopeless(error: unknown): boolean {
  if (error instanceof RpcError) return !PASSING.includes(error.reason);
  return error instanceof TypeError || error instanceof RangeError ||
    error instanceof Deno.errors.NotCapable;
}

/** What a server may answer to good credentials when it is not well. */
const PASSING: readonly (string | undefined)[] = [
  "UNAVAILABLE",
  "RESOURCE_EXHAUSTED",
  "DEADLINE_EXCEEDED",
  "INTERNAL_ERROR",
];

function mustBeOneOf(name: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  throw new TypeError(
    `Cannot connect: ${name} must be ${known.slice(0, -1).join(", ")} or ${known.at(-1)}, it is ${
      JSON.stringify(value)
    }`,
  );
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
