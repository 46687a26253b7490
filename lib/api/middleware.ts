/**
 * Code around calls: on a server, on a part of an API, on a client.
 *
 * The order is that of an onion: the server's first, then those of the objects from the outside in,
 * then the method's own; each list from its first to its last. They run once the value was checked.
 * A client has one list, and it runs before anything is sent.
 *
 * @module
 */

import type { CallOptions } from "./stub.ts";
import type { Context, ContextWith } from "./context.ts";
import { isProcedure } from "./api.ts";

/** A call on its way to the handler. `Found` is what the middleware before has added to the context. */
export interface Invocation<Found extends object = Record<never, never>> {
  /** The whole name. */
  readonly method: string;
  /** What the schema made of the value. */
  readonly value: unknown;
  /** The handler's context, as far as it is known by now. What the peer serves is for handlers to know. */
  readonly context: [Exclude<keyof Found, "peer">] extends [never] ? Context
    : ContextWith<Context, Omit<Found, "peer">>;
}

/** What came of the rest of the chain. */
export interface MiddlewareOutcome<Added = unknown> {
  /** What the handler returned, at a client what the peer answered; a stream's iterable. */
  readonly result: unknown;
  /** Not there when it runs. */
  readonly added?: Added;
}

/** Goes on with the rest of the chain; rejects with what the handler threw. */
export interface MiddlewareNext {
  /** Adds nothing. */
  (): Promise<MiddlewareOutcome<Record<never, never>>>;
  /** @param added what the rest of the chain shall find in the context besides */
  <Added extends object>(added: Added): Promise<MiddlewareOutcome<Added>>;
}

/**
 * Sees a call before and after. `Added` is what it adds to the context, `Found` what it needs there: one
 * that needs something stands behind the one that adds it, see {@linkcode ContextBuilder.use}. To refuse, throw an `RpcError`; to change the result, return another
 * outcome.
 *
 * @example Time that calls take
 * ```ts
 * import type { Middleware } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * const times = new Map<string, number>();
 * const timed: Middleware = async (call, next) => {
 *   const start = performance.now();
 *   try {
 *     return await next();
 *   } finally {
 *     times.set(call.method, performance.now() - start);
 *   }
 * };
 *
 * assert(typeof timed === "function");
 * ```
 */
export type Middleware<Added = unknown, Found extends object = Record<never, never>> = (
  call: Invocation<Found>,
  next: MiddlewareNext,
) => Promise<MiddlewareOutcome<Added>> | MiddlewareOutcome<Added>;

/** A call on its way from a client to its peer. */
export interface ClientInvocation {
  /** The whole name. */
  readonly method: string;
  /** What was passed. */
  readonly value: unknown;
  /** What the caller said, and what the middleware before this one added. */
  readonly options: CallOptions;
  /** Whether the answer is iterated: {@linkcode MiddlewareOutcome.result} is then an async iterable. */
  readonly isStream: boolean;
}

/**
 * Goes on with the rest of the chain, in the end to the peer. The time of the call begins there.
 *
 * @param options what to say besides: members of `meta` are added to the caller's, a `signal` cancels
 * as well as the caller's, all else takes the place of what the caller said
 * @returns the answer; rejects with what the call failed with
 */
export type ClientMiddlewareNext = (options?: CallOptions) => Promise<MiddlewareOutcome>;

/**
 * Sees a client's call before and after: the option `use` of {@linkcode ConnectOptions}.
 *
 * @example A trace for every call
 * ```ts
 * import { type ClientMiddleware, method } from "@landline/rpc";
 * import { pair } from "@landline/rpc/testing";
 * import { assert } from "@std/assert";
 *
 * const traced: ClientMiddleware = (_, next) => next({ meta: { traceparent: "00-af76-b7ad-01" } });
 *
 * const api = { trace: method((_, { trace }) => trace.traceparent) };
 * await using ends = await pair(api, { connect: { use: [traced] } });
 *
 * assert(await ends.line.call.trace() === "00-af76-b7ad-01");
 * ```
 */
export type ClientMiddleware = (
  call: ClientInvocation,
  next: ClientMiddlewareNext,
) => Promise<MiddlewareOutcome> | MiddlewareOutcome;

/** What a chain carries from one middleware to the next. */
interface Chain<Carried> {
  readonly method: string;
  /** What a middleware is shown. */
  show(carried: Carried): unknown;
  /** What goes on where a middleware has added to it. */
  add(carried: Carried, added: object): Carried;
  /** What stands at the end of the chain. */
  end(carried: Carried): unknown;
}

type Layer = (call: never, next: never) => Promise<MiddlewareOutcome> | MiddlewareOutcome;

/** Goes through the layers, from the outermost to what stands at their end, and back. */
export async function pass<Carried>(
  layers: readonly Layer[],
  carried: Carried,
  chain: Chain<Carried>,
  index = 0,
): Promise<MiddlewareOutcome> {
  const layer = layers[index];
  if (layer === undefined) return { result: await chain.end(carried) };
  let called = false;
  const next = (added?: object): Promise<MiddlewareOutcome> => {
    if (called) throw new Error(`A middleware of ${chain.method} called next twice`);
    called = true;
    return pass(
      layers,
      added === undefined ? carried : chain.add(carried, added),
      chain,
      index + 1,
    );
  };
  const outcome = await layer(chain.show(carried) as never, next as never) as
    | MiddlewareOutcome
    | undefined;
  if (outcome === undefined) throw new TypeError(`A middleware of ${chain.method} gave no outcome`);
  return outcome;
}

/** One function out of many and the handler at their end. */
export function compose(
  middleware: readonly Middleware[],
  method: string,
  handler: (value: unknown, context: Context) => unknown,
): (value: unknown, context: Context) => unknown {
  if (middleware.length === 0) return handler;
  return async (value, context) => {
    const outcome = await pass(middleware, context, {
      method,
      show: (context) => ({ method, value, context }),
      add: extend,
      end: (context) => handler(value, context),
    });
    return outcome.result;
  };
}

/** The context with more members; the rest is looked up where it was, by getters that know only it. */
function extend(context: Context, added: object): Context {
  return new Proxy(context, {
    get: (target, key) => Reflect.get(Object.hasOwn(added, key) ? added : target, key),
    has: (target, key) => Object.hasOwn(added, key) || Reflect.has(target, key),
  });
}

/**
 * Runs middleware around a part of an API.
 *
 * @example Only those who may
 * ```ts
 * import { method, RpcError, withMiddleware } from "@landline/rpc";
 * import type { Middleware } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * const localOnly: Middleware = (call, next) => {
 *   if (call.context.peer.transport === "unix") return next();
 *   throw new RpcError("PERMISSION_DENIED", "Only over the Unix socket");
 * };
 * const api = { version: method(() => 1), admin: withMiddleware([localOnly], { stop: method(() => true) }) };
 *
 * assert(api.admin.stop.options.use?.length === 1);
 * ```
 */
export function withMiddleware<A extends object>(middleware: readonly Middleware[], api: A): A {
  const around = (member: unknown): unknown => {
    if (isProcedure(member)) {
      const options = { ...member.options, use: [...middleware, ...member.options.use ?? []] };
      return { ...member, options };
    }
    // What is no member of an API stays as it is, for serve() to refuse.
    return typeof member === "object" && member !== null
      ? withMiddleware(middleware, member)
      : member;
  };
  return Object.fromEntries(
    Object.entries(api).map(([name, member]) => [name, around(member)]),
  ) as A;
}
