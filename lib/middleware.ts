/**
 * Code around calls: on a server, on a part of an API, on a client.
 *
 * The order is that of an onion: the server's first, then those of the objects from the outside in,
 * then the method's own; each list from its first to its last. They run once the value was checked.
 *
 * @module
 */

import type { Context } from "./context.ts";
import { type Api, isProcedure } from "./procedure.ts";

/** A call on its way to the handler, or at a client to the peer. */
export interface Invocation {
  /** The whole name. */
  readonly method: string;
  /** What the schema made of the value; at a client what was passed. */
  readonly value: unknown;
  /** The handler's context; at a client there is none. */
  readonly context: Context;
}

/** What came of the rest of the chain. */
export interface Outcome<Added = unknown> {
  /** What the handler returned; a stream's iterable. */
  readonly result: unknown;
  /** Not there when it runs. */
  readonly added?: Added;
}

/**
 * Goes on with the rest of the chain.
 *
 * @param added what the handler shall find in its context besides
 * @returns what came of it; rejects with what the handler threw
 */
export type Next = <Added extends object = Record<never, never>>(
  added?: Added,
) => Promise<Outcome<Added>>;

/**
 * Sees a call before and after. To refuse, throw an `RpcError`; to change the result, return another
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
export type Middleware<Added = unknown> = (
  call: Invocation,
  next: Next,
) => Promise<Outcome<Added>> | Outcome<Added>;

/** One function out of many and the handler at their end. */
export function compose(
  middleware: readonly Middleware[],
  method: string,
  handler: (value: unknown, context: Context) => unknown,
): (value: unknown, context: Context) => unknown {
  if (middleware.length === 0) return handler;
  return async (value, context) => {
    const step = async (index: number, context: Context): Promise<Outcome> => {
      const current = middleware[index];
      if (current === undefined) return { result: await handler(value, context) };
      let called = false;
      const next = (added?: object): Promise<Outcome> => {
        if (called) throw new Error(`A middleware of ${method} called next twice`);
        called = true;
        return step(index + 1, added === undefined ? context : extend(context, added));
      };
      const outcome = await current({ method, value, context }, next as Next) as
        | Outcome
        | undefined;
      if (outcome === undefined) throw new TypeError(`A middleware of ${method} gave no outcome`);
      return outcome;
    };
    return (await step(0, context)).result;
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
 * import { method, RpcError, use } from "@landline/rpc";
 * import type { Middleware } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * const localOnly: Middleware = (call, next) => {
 *   if (call.context.peer.transport === "unix") return next();
 *   throw new RpcError("PERMISSION_DENIED", "Only over the Unix socket");
 * };
 * const api = { version: method(() => 1), admin: use([localOnly], { stop: method(() => true) }) };
 *
 * assert(api.admin.stop.options.use?.length === 1);
 * ```
 */
export function use<A extends Api>(middleware: readonly Middleware[], api: A): A {
  const around = (member: Api[string]): Api[string] => {
    if (isProcedure(member)) {
      const options = { ...member.options, use: [...middleware, ...member.options.use ?? []] };
      return { ...member, options };
    }
    // What is no member of an API stays as it is, for serve() to refuse.
    return typeof member === "object" && member !== null ? use(middleware, member) : member;
  };
  return Object.fromEntries(
    Object.entries(api).map(([name, member]) => [name, around(member)]),
  ) as A;
}
