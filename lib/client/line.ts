/**
 * The handle that a script holds: its calls go through the middleware into a channel. It is told how a
 * connection is made, so that it knows of no transport: it is the same over sockets and in a page.
 *
 * @module
 */

import { checkOf } from "../api/carried_check.ts";
import type { Contract } from "../api/contract_entry.ts";
import type { Observer } from "../api/observe.ts";
import type { CallOptions, NotifyStub, Stub, UntypedCallPromise } from "../api/stub.ts";
import { callBack, ofCall, rejection } from "../error.ts";
import { callbackOf } from "../incoming/print_error.ts";
import type { Limits } from "../limits.ts";
import { encodeArgument } from "../message/base64.ts";
import type { Argument } from "../message/encode.ts";
import type { CallQueue } from "../outgoing/call_queue.ts";
import { nameProxy } from "../outgoing/name_proxy.ts";
import type { Keeping } from "../overload/ledger.ts";
import { itemsOf } from "../stream/receiver.ts";
import type { TimerWheel } from "../timers.ts";
import { Channel } from "./channel.ts";
import { type CallMaker, withClientMiddleware } from "./middleware.ts";
import type { ConnectOptions, ContractConnectOptions, Line } from "./options.ts";
import type { EndpointHost, LineConnection } from "./reconnect.ts";
import { resolveRetryPolicy } from "./retry.ts";

/** What a line is made of. */
export interface LineParts extends Pick<EndpointHost, "isHopeless" | "open" | "returns"> {
  readonly addresses: readonly string[];
  readonly limits: Limits;
  /** Stopped when the line has ended. */
  readonly timers: TimerWheel;
  readonly account: Keeping;
  /** Sees its calls; without it none is shown to anything. */
  readonly observe?: Observer | undefined;
  readonly queue: CallQueue;
  /** Milliseconds that a call may take if it does not say. */
  readonly timeout: number | undefined;
  /** Told of each connection, before it is used. */
  onOpen?(connection: LineConnection): void;
  /** Told the channel, before it dials: it may be suspended. */
  onChannel?(channel: Channel): void;
  /** Told what a callback of the author's has thrown, and which. */
  report(error: unknown, about: string): void;
}

/** What it takes of the options. */
export type LineOptions =
  & Partial<Pick<ContractConnectOptions<Contract>, "contract">>
  & Pick<
    ConnectOptions<string>,
    "balance" | "idempotent" | "onState" | "reconnect" | "retry" | "signal" | "use"
  >;

/**
 * Connects, and gives the handle.
 *
 * @throws what kept the first connection from being made
 */
export async function openLine<A>(options: LineOptions, parts: LineParts): Promise<Line<A>> {
  const { balance = "first", idempotent = [], reconnect, use = [] } = options;
  const { limits, queue, report, timeout, timers } = parts;
  const check = options.contract && checkOf(options.contract);
  mustBeOneOf("balance", balance, ["first", "round-robin", "least-busy"]);
  let last: LineConnection;
  const channel = new Channel({
    ...parts,
    balance,
    limits,
    retry: resolveRetryPolicy(options.retry),
    idempotent,
    isPatient: reconnect === "always",
    async open(address, signal, onLeave) {
      const connection = last = await parts.open(address, signal, onLeave);
      parts.onOpen?.(connection);
      return connection;
    },
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
  parts.onChannel?.(channel);
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
  const around = (inner: CallMaker) => use.length === 0 ? inner : withClientMiddleware(use, inner);
  const unchecked = around(wire);
  const caller = check === undefined ? unchecked : around(withClientMiddleware([check.call], wire));
  const call = nameProxy((name, value, options) =>
    orRejected(name, () => caller.call(name, value, (options ?? {}) as CallOptions))
  ) as Stub<A>;
  const say = (name: string, value: unknown) =>
    channel.connection?.notify(name, argumentOf(name, value));
  const close = async () => void await channel.close();
  return {
    call,
    notify: nameProxy(
      check === undefined
        ? say
        : (name, value) =>
          check.notify(name, value, () => say(name, value), (error) => report(error, name)),
    ) as NotifyStub<A>,
    batch: (make) => caller.batch(() => make(call)),
    request: (name, params, options = {}) =>
      orRejected(name, () => unchecked.call(name, rawParams(name, params), options)),
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

/**
 * The addresses as texts.
 *
 * @throws {TypeError} if there is none
 */
export function addressesOf(address: string | URL | readonly (string | URL)[]): readonly string[] {
  const addresses = (Array.isArray(address) ? address : [address]).map(String);
  if (addresses.length === 0) throw new TypeError("Cannot connect: there is no address");
  return addresses;
}

/** @throws {TypeError} for a text that is none of these */
export function mustBeOneOf(name: string, value: string, known: readonly string[]): void {
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
