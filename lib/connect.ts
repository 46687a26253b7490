/**
 * The client: dials, and gives the methods of the other end as functions with their types.
 *
 * @module
 */

import { type CloseInfo, Connection } from "./connection.ts";
import { Dispatcher } from "./dispatch.ts";
import { FRAMINGS } from "./framing/mod.ts";
import type { FramingName } from "./framing/frame.ts";
import { type Limits, resolveLimits } from "./limits.ts";
import type { Api, CallOptions, Client, Notifier, PeerInfo } from "./method.ts";
import { TimerWheel } from "./timers.ts";
import { dial, schemeOf } from "./transport/mod.ts";
import { BufferPool } from "./writer.ts";

/** What {@linkcode connect} takes besides the address. */
export interface ConnectOptions {
  /** The framing to speak. @default {"lines"} */
  readonly framing?: FramingName;
  /** Gives up connecting; has no effect once connected. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which connecting fails. @default {5000} */
  readonly connectTimeout?: number;
  /** Milliseconds that a call may take where it does not say. @default none */
  readonly timeout?: number;
  /** Other limits than the defaults. */
  readonly limits?: Partial<Limits>;
  /** Called with what is nobody's answer. */
  readonly onError?: (error: unknown) => void;
}

/**
 * A connection as a script holds it. `A` is the type of the server's API: `typeof api`.
 */
export interface Line<A = Api> extends AsyncDisposable {
  /**
   * The methods of the server: `line.call.math.add({ a: 1, b: 2 })`. Each takes the value and
   * {@linkcode CallOptions}, and rejects with {@linkcode RpcError} where the server says so.
   */
  readonly call: Client<A>;
  /** The same methods without an answer: nobody learns whether they ran. */
  readonly notify: Notifier<A>;
  /**
   * Calls a method by its name, with params as they travel: for those who have no types.
   *
   * @param params an object, an array, or undefined for none
   */
  request(method: string, params?: unknown, options?: CallOptions): Promise<unknown>;
  /** Who is at the other end. */
  readonly peer: PeerInfo;
  /** Resolves when the connection has ended, with why; never rejects. */
  readonly closed: Promise<CloseInfo>;
  /** Ends the connection. Calls that wait are cancelled and reject with {@linkcode ConnectionLost}. */
  close(): Promise<void>;
}

/**
 * Connects to a server.
 *
 * @param address a URL: `tcp://127.0.0.1:8080`, `unix:///run/app.sock`
 * @throws {TypeError} for an address that nobody can dial
 *
 * @example
 * ```ts
 * import { connect, method, serve } from "@landline/rpc";
 *
 * const api = { now: method(() => new Date(0)) };
 * await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
 *
 * await using line = await connect<typeof api>(server.addresses[0]!);
 * const now: string = await line.call.now();
 *
 * console.assert(now === "1970-01-01T00:00:00.000Z");
 * ```
 */
export async function connect<A = Api>(
  address: string | URL,
  options: ConnectOptions = {},
): Promise<Line<A>> {
  const { framing = "lines", connectTimeout = 5000, timeout, onError } = options;
  if (!Object.hasOwn(FRAMINGS, framing)) {
    throw new TypeError(
      `Cannot connect: framing must be lines, headers or length, it is ${JSON.stringify(framing)}`,
    );
  }
  const limits = resolveLimits(options.limits);
  const socket = await dialWithin(address, connectTimeout, options.signal);
  const timers = new TimerWheel();
  const connection = new Connection(socket, {
    // What comes here are answers.
    limits: {
      ...limits,
      maxMessageBytes: Math.max(limits.maxMessageBytes, limits.maxResponseBytes),
    },
    dispatcher: new Dispatcher(new Map(), limits, () => {}),
    timers,
    pool: new BufferPool(),
    framing: FRAMINGS[framing],
    peer: {
      address: socket.remote,
      localAddress: socket.local,
      transport: schemeOf(String(address)),
    },
    closesIdle: false,
    onError: onError ?? (() => {}),
  });
  connection.run().then(() => timers.stop());
  const defaults = timeout === undefined ? undefined : { timeout };
  return {
    call: proxy((name, value, options) => {
      try {
        return connection.call(name, paramsOf(value), { ...defaults, ...options as CallOptions });
      } catch (error) {
        return Promise.reject(error);
      }
    }) as Client<A>,
    notify: proxy((name, value) => connection.notify(name, paramsOf(value))) as Notifier<A>,
    request: async (name, params, options) => {
      return await connection.call(name, rawParams(params), { ...defaults, ...options });
    },
    get peer() {
      return connection.peer;
    },
    closed: connection.closed,
    close: () => connection.close(),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

async function dialWithin(address: string | URL, ms: number, signal: AbortSignal | undefined) {
  const limit = new AbortController();
  const timer = setTimeout(
    () => limit.abort(new DOMException(`No connection within ${ms} ms`, "TimeoutError")),
    ms,
  );
  try {
    return await dial(address, {
      signal: signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]),
    });
  } finally {
    clearTimeout(timer);
  }
}

/** A value as params: an object by name, an array by position, anything else as an only item. */
function paramsOf(value: unknown): string | undefined {
  const text = value === undefined ? undefined : JSON.stringify(value);
  if (text === undefined) return undefined;
  const first = text.charCodeAt(0);
  return first === 0x7b || first === 0x5b ? text : `[${text}]`;
}

/** Params as they are. */
function rawParams(params: unknown): string | undefined {
  if (params === undefined) return undefined;
  if (params === null || typeof params !== "object") {
    throw new TypeError(
      `Cannot call: params must be an object or an array, they are ${JSON.stringify(params)}`,
    );
  }
  return JSON.stringify(params);
}

type Invoke = (name: string, value: unknown, options: unknown) => unknown;

/** Functions for every name, at any depth; each is made once. */
function proxy(invoke: Invoke, prefix = ""): unknown {
  const known = new Map<string, unknown>();
  const target = prefix === ""
    ? Object.create(null)
    : (value: unknown, options: unknown) => invoke(prefix.slice(0, -1), value, options);
  return new Proxy(target, {
    get(_, key) {
      // A promise looks for `then` in what it is given; this is none.
      if (typeof key === "symbol" || key === "then") return undefined;
      let member = known.get(key);
      if (member === undefined) known.set(key, member = proxy(invoke, `${prefix}${key}.`));
      return member;
    },
  });
}
