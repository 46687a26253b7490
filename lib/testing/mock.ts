/**
 * A line whose methods are functions of a test's: no server has to be written, and none is asked.
 *
 * @module
 */

import type { CallOptions, Serialized } from "../api/stub.ts";
import type { ConnectOptions, Line } from "../client/options.ts";
import { decodeExactly, encodeExactly } from "../message/base64.ts";
import { iteratorOf } from "../stream/receiver.ts";
import type { ClientMiddleware } from "../api/middleware.ts";
import { pair } from "./pair.ts";
import type { Api, Method, MethodName, Stream } from "../api/api.ts";

/** What answers a call: gets what the caller passed, and returns what the caller shall get. */
export type MockMethod<Value, Result> = (
  value: Value,
  options: CallOptions,
) => Result | Promise<Result>;

/** Functions for some methods of an API, with the types that its callers see. */
export type Mock<A> = {
  readonly [Name in keyof A]?: A[Name] extends
    Method<infer Value, infer Result, unknown, unknown, never>
    ? MockMethod<Value, Serialized<Result>>
    : A[Name] extends Stream<infer Value, infer Yield, unknown, unknown, unknown, never>
      ? MockMethod<Value, Iterable<Serialized<Yield>> | AsyncIterable<Serialized<Yield>>>
    : Mock<A[Name]>;
};

/**
 * A line for tests of code that calls: its methods are these functions. One that is not given fails
 * with `METHOD_NOT_FOUND`. What goes in is what the caller passed, what comes out has gone through JSON;
 * what a function throws is what the call rejects with. Notifications go nowhere.
 *
 * There is nobody to log in at: the option `onReady` is not called.
 *
 * @param functions by the names of the methods; streams return what can be iterated
 *
 * @example
 * ```ts
 * import { method, stream } from "@landline/rpc";
 * import { mock } from "@landline/rpc/testing";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const api = {
 *   math: { add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b) },
 *   ticks: stream(function* () {
 *     yield new Date();
 *   }),
 * };
 * await using line = await mock<typeof api>({
 *   math: { add: ({ a, b }) => a * 100 + b },
 *   ticks: () => ["1970-01-01T00:00:00.000Z"],
 * });
 *
 * assert(await line.call.math.add({ a: 1, b: 2 }) === 102);
 * for await (const tick of line.call.ticks()) assert(tick.startsWith("1970"));
 * ```
 */
export async function mock<A>(
  functions: Mock<A>,
  options: ConnectOptions<MethodName<A>, NoInfer<A>> = {},
): Promise<Line<A>> {
  const answer: ClientMiddleware = async ({ method, value, options, isStream }, next) => {
    const found = functionOf(functions, method);
    if (found === undefined) return await next();
    const result = await found(value, options);
    if (isStream) return { result: asTravelled(result) };
    return {
      result: isStreamed(result) ? await Array.fromAsync(asTravelled(result)) : json(result),
    };
  };
  const { onReady: _, ...others } = options;
  const connect: ConnectOptions<string> = { ...others, use: [...options.use ?? [], answer] };
  const ends = await pair({} as Api, { connect });
  const close = async () => await ends[Symbol.asyncDispose]();
  return { ...ends.line as unknown as Line<A>, close, [Symbol.asyncDispose]: close };
}

function functionOf(functions: unknown, name: string): MockMethod<unknown, unknown> | undefined {
  let found = functions;
  for (const part of name.split(".")) {
    if (found === null || typeof found !== "object" || !Object.hasOwn(found, part)) {
      return undefined;
    }
    found = (found as Record<string, unknown>)[part];
  }
  return typeof found === "function" ? found as MockMethod<unknown, unknown> : undefined;
}

/** Whether it is the items of a stream; an array is a result like any other. */
function isStreamed(result: unknown): boolean {
  return result !== null && typeof result === "object" && !Array.isArray(result) &&
    (Symbol.asyncIterator in result || Symbol.iterator in result && "next" in result);
}

async function* asTravelled(items: unknown): AsyncGenerator<unknown, unknown, undefined> {
  const source = iteratorOf(items);
  let ended = false;
  try {
    for (;;) {
      const next = await source.next();
      if (next.done) {
        ended = true;
        return json(next.value);
      }
      yield json(next.value);
    }
  } finally {
    if (!ended) await source.return?.();
  }
}

function json(value: unknown): unknown {
  return decodeExactly(JSON.parse(encodeExactly(value) ?? "null"));
}
