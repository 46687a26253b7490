/**
 * The client: dials, and gives the methods of the other end as functions with their types.
 *
 * @module
 */

import { type MethodName, proceduresOf } from "../api/api.ts";
import type { CallOptions, NotifyStub, Stub, Untyped, UntypedCallPromise } from "../api/stub.ts";
import { ServerHealth } from "../builtin/health.ts";
import { builtins } from "../builtin/mod.ts";
import type { Connection, Shared } from "../connection/connection.ts";
import { PeerSet } from "../connection/peers.ts";
import { callBack, ofCall, rejection } from "../error.ts";
import { FRAMINGS } from "../framing/mod.ts";
import { Dispatcher } from "../incoming/dispatch.ts";
import { callbackOf, CONNECTION_OF, tellError } from "../incoming/print_error.ts";
import { resolveLimits } from "../limits.ts";
import { BufferPool } from "../link/buffer_pool.ts";
import { PeerIds } from "../link/identity.ts";
import { encodeArgument } from "../message/base64.ts";
import type { Argument } from "../message/encode.ts";
import { RPC } from "../message/control.ts";
import { parseExactly } from "../message/exact_numbers.ts";
import { CallQueue } from "../outgoing/call_queue.ts";
import { nameProxy } from "../outgoing/name_proxy.ts";
import { Ledger } from "../overload/ledger.ts";
import { LoadShedding } from "../overload/load_shedding.ts";
import { itemsOf } from "../stream/receiver.ts";
import { TimerWheel } from "../timers.ts";
import { schemeOf } from "../transport/address.ts";
import { Channel } from "./channel.ts";
import { type CallMaker, withClientMiddleware } from "./middleware.ts";
import { isHopeless, opener } from "./open.ts";
import type { ConnectOptions, Line } from "./options.ts";
import { resolveRetryPolicy } from "./retry.ts";

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
  options: ConnectOptions<MethodName<A>, NoInfer<A>> = {},
): Promise<Line<A>> {
  const { framing = "json", balance = "first", reconnect = true, onError } = options;
  const { version = "2.0", extensions = version === "2.0", token } = options;
  const report = (error: unknown, about: string) =>
    tellError(onError && ((error) => onError(error)), error, about, "connect()");
  mustBeOneOf("framing", framing, Object.keys(FRAMINGS));
  mustBeOneOf("version", version, ["1.0", "2.0"]);
  if (version === "1.0" && extensions) {
    throw new TypeError("Cannot connect: JSON-RPC 1.0 has no extensions");
  }
  if (token !== undefined && !extensions) {
    throw new TypeError(
      `Cannot connect: a token is an extension, it travels in ${RPC.authenticate}`,
    );
  }
  mustBeOneOf("balance", balance, ["first", "round-robin", "least-busy"]);
  const addresses = (Array.isArray(address) ? address : [address]).map(String);
  if (addresses.length === 0) throw new TypeError("Cannot connect: there is no address");
  if (options.headers !== undefined && !addresses.some((it) => HTTP.includes(schemeOf(it)))) {
    throw new TypeError(`Cannot connect: headers are for the addresses ${HTTP.join(": ")}:`);
  }
  const limits = resolveLimits(options.limits), retry = resolveRetryPolicy(options.retry);
  const schemes = new Set(addresses.map(schemeOf)), timers = new TimerWheel();
  // Nobody tells that a datagram was lost.
  const timeout = options.timeout ?? (schemes.has("udp") ? 5000 : undefined);
  const own = proceduresOf(options.api ?? {});
  const queue = new CallQueue(), ids = new PeerIds(), peers = new PeerSet(ids);
  // One server is all that it hears of: it may keep for that what a server may for all its callers.
  const most = Math.max(limits.maxKeptBytes, limits.maxBufferedBytes);
  const ledger = new Ledger({ ...limits, maxKeptBytes: most, maxKeptBytesPerCaller: most });
  const shared: Shared = {
    // What comes here are answers.
    limits: {
      ...limits,
      maxMessageBytes: Math.max(limits.maxMessageBytes, limits.maxResponseBytes),
    },
    dispatcher: new Dispatcher(
      new Map([...own, ...builtins(own, { ...CLIENT, health: new ServerHealth() }, limits)]),
      limits,
      (error, method, isStopped) => {
        if (!isStopped || onError !== undefined) report(error, method);
      },
    ),
    ...(options.exactNumbers && { parseJson: parseExactly }),
    timers,
    ledger,
    loadShedding: new LoadShedding(limits, ledger),
    pool: new BufferPool(),
    queue,
    memory: { hungUp: false },
    ...(options.inOrder !== undefined && { inOrder: options.inOrder }),
    ids,
    peers,
    onError: (error, { address }, callback) =>
      report(
        error,
        callback === undefined ? CONNECTION_OF + address : callbackOf(callback, "connect()"),
      ),
  };
  const open = opener(options, shared, {
    framing: FRAMINGS[framing],
    ...(timeout !== undefined && { timeout }),
    isDialler: true,
    onlyCalls: own.size === 0,
    version,
    isPlain: !extensions,
  });
  let last: Connection;
  const channel = new Channel({
    addresses,
    balance,
    timers,
    limits,
    account: ledger.open(),
    retry,
    idempotent: options.idempotent ?? [],
    // A program that was started, or has started us, is the only one that there is.
    returns: reconnect !== false && !schemes.has("stdio") && !schemes.has("command"),
    isPatient: reconnect === "always",
    async open(address, signal, onLeave) {
      const connection = last = await open(address, signal, onLeave);
      peers.add(connection);
      connection.closed.then(() => peers.delete(connection));
      return connection;
    },
    isHopeless,
    onState(state) {
      // What it throws must not end the line.
      callBack(
        () => options.onState?.(state),
        (error) => report(error, callbackOf("onState", "connect()")),
      );
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
      return queue.call(channel, name, argumentOf(name, value), timed);
    },
    batch: (make) => queue.batch(channel, make),
  };
  const { use = [] } = options;
  const caller = use.length === 0 ? wire : withClientMiddleware(use, wire);
  const call = nameProxy((name, value, options) =>
    orRejected(name, () => caller.call(name, value, (options ?? {}) as CallOptions))
  ) as Stub<A>;
  const close = async () => void await channel.close();
  return {
    call,
    notify: nameProxy((name, value) =>
      channel.connection?.notify(name, argumentOf(name, value))
    ) as NotifyStub<A>,
    batch: (make) => caller.batch(() => make(call)),
    request: (name, params, options = {}) =>
      orRejected(name, () => caller.call(name, rawParams(name, params), options)),
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

/** The schemes of addresses that are reached by HTTP. */
const HTTP = ["http", "https", "ws", "wss"];

function mustBeOneOf(name: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  throw new TypeError(
    `Cannot connect: ${name} must be ${known.slice(0, -1).join(", ")} or ${known.at(-1)}, it is ${
      JSON.stringify(value)
    }`,
  );
}

/** A value that cannot be written as JSON is a call that fails, like any other. */
function orRejected(name: string, call: () => UntypedCallPromise): UntypedCallPromise {
  try {
    return call();
  } catch (error) {
    ofCall(error, name);
    const answer = rejection(error);
    return Object.assign(answer, { [Symbol.asyncIterator]: () => itemsOf(answer) });
  }
}

/** @throws {TypeError} for what cannot travel */
function argumentOf(name: string, value: unknown): Argument | undefined {
  try {
    return encodeArgument(value);
  } catch (cause) {
    throw new TypeError(`Cannot call ${name}: ${(cause as Error).message}`, { cause });
  }
}

/** Params as they are: a value that is an object or an array travels as itself. */
function rawParams(name: string, params: unknown): unknown {
  if (params !== undefined && (params === null || typeof params !== "object")) {
    throw new TypeError(
      `Cannot call ${name}: params must be an object or an array, they are ${
        JSON.stringify(params)
      }`,
    );
  }
  return params;
}
