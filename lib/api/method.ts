/**
 * Makes the members of an API out of schemas and handlers.
 *
 * @module
 */

import type { Context, HandlerContext } from "./context.ts";
import { refuseOptions } from "./method_options.ts";
import type { Middleware } from "./middleware.ts";
import type {
  AnyMethod,
  ErrorSchemas,
  Method,
  MethodOptions,
  NoErrors,
  Notification,
  ProcedureKind,
  Returned,
  Stream,
} from "./api.ts";
import {
  type InferInput,
  type InferOutput,
  isStandardSchema,
  type StandardSchema,
} from "../schema/standard_schema.ts";

/**
 * A method whose value is checked by a schema. The handler may be synchronous or not, and so may the
 * schema.
 *
 * @param schema anything that speaks Standard Schema: zod, valibot, arktype, …
 * @param handler gets what the schema made of the value
 *
 * @example
 * ```ts
 * import { method } from "@landline/rpc";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const add = method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b);
 *
 * assert(add.kind === "method");
 * ```
 */
export function method<
  Schema extends StandardSchema,
  Result extends Returned<InferOutput<Answer>> | PromiseLike<Returned<InferOutput<Answer>>>,
  Errors extends ErrorSchemas = NoErrors,
  Items extends StandardSchema = never,
  Answer extends StandardSchema = StandardSchema,
>(
  schema: Schema,
  handler: (value: InferOutput<Schema>, context: HandlerContext<Errors, Items>) => Result,
  options?: MethodOptions<Errors, Items, Middleware, Answer>,
): Method<InferInput<Schema>, Awaited<Result>, Errors, InferInput<Items>>;
/**
 * A method that takes no value: without a schema there is nothing to check one by.
 *
 * @example
 * ```ts
 * import { method } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * const now = method(() => new Date());
 *
 * assert(now.schema === undefined);
 * ```
 */
export function method<
  Result extends Returned<InferOutput<Answer>> | PromiseLike<Returned<InferOutput<Answer>>>,
  Errors extends ErrorSchemas = NoErrors,
  Items extends StandardSchema = never,
  Answer extends StandardSchema = StandardSchema,
>(
  handler: (value: undefined, context: HandlerContext<Errors, Items>) => Result,
  options?: MethodOptions<Errors, Items, Middleware, Answer>,
): Method<undefined, Awaited<Result>, Errors, InferInput<Items>>;
export function method(...parts: unknown[]): AnyMethod {
  return procedure("method", parts);
}

/**
 * A method that answers with a stream: the handler is an async generator, or returns anything that
 * can be iterated. It is asked for an item only as the caller takes them, and its `finally` runs when
 * the caller leaves.
 *
 * @example
 * ```ts
 * import { connect, serve, stream } from "@landline/rpc";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const api = {
 *   countdown: stream(z.int().min(0), async function* (from) {
 *     for (let n = from; n >= 0; n--) yield n;
 *   }),
 * };
 * await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
 * await using line = await connect<typeof api>(server.addresses[0]!);
 *
 * const seen: number[] = [];
 * for await (const n of line.call.countdown(2)) seen.push(n);
 *
 * assert(seen.join() === "2,1,0");
 * ```
 */
export function stream<
  Schema extends StandardSchema,
  Yield extends Returned<InferOutput<Answer>> | {
    readonly id: string;
    readonly value: Returned<InferOutput<Answer>>;
  },
  Return = undefined,
  Errors extends ErrorSchemas = NoErrors,
  Items extends StandardSchema = never,
  Answer extends StandardSchema = StandardSchema,
>(
  schema: Schema,
  handler: (
    value: InferOutput<Schema>,
    context: HandlerContext<Errors, Items>,
  ) => Streamable<Yield, Return>,
  options?: MethodOptions<Errors, Items, Middleware, Answer>,
): Stream<InferInput<Schema>, Yield, Return, Errors, InferInput<Items>>;
/** A stream that takes no value. */
export function stream<
  Yield extends Returned<InferOutput<Answer>> | {
    readonly id: string;
    readonly value: Returned<InferOutput<Answer>>;
  },
  Return = undefined,
  Errors extends ErrorSchemas = NoErrors,
  Items extends StandardSchema = never,
  Answer extends StandardSchema = StandardSchema,
>(
  handler: (value: undefined, context: HandlerContext<Errors, Items>) => Streamable<Yield, Return>,
  options?: MethodOptions<Errors, Items, Middleware, Answer>,
): Stream<undefined, Yield, Return, Errors, InferInput<Items>>;
export function stream(...parts: unknown[]): AnyMethod {
  return procedure("stream", parts);
}

/** What a stream's handler may return. */
export type Streamable<Yield, Return> =
  | AsyncIterable<Yield, Return, undefined>
  | Iterable<Yield, Return, undefined>
  | ReadableStream<Yield>;

/**
 * A method that never answers, not even with an error: its callers cannot wait for it.
 *
 * @example
 * ```ts
 * import { notification } from "@landline/rpc";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const log = notification(z.object({ text: z.string() }), ({ text }) => void text);
 *
 * assert(log.kind === "notification");
 * ```
 */
export function notification<Schema extends StandardSchema>(
  schema: Schema,
  handler: (value: InferOutput<Schema>, context: Context) => unknown,
  options?: MethodOptions<NoErrors, never, Middleware>,
): Notification<InferInput<Schema>>;
/** A notification that takes no value. */
export function notification(
  handler: (value: undefined, context: Context) => unknown,
  options?: MethodOptions<NoErrors, never, Middleware>,
): Notification<undefined>;
export function notification(...parts: unknown[]): AnyMethod {
  return procedure("notification", parts);
}

function procedure(kind: ProcedureKind, parts: unknown[]): AnyMethod {
  // A schema may be a function too (arktype's are): it is told by what it speaks.
  const schema = isStandardSchema(parts[0]) ? parts[0] : undefined;
  const [handler, options] = schema === undefined ? parts : parts.slice(1);
  if (typeof handler !== "function") {
    throw new TypeError(
      schema === undefined
        ? `Cannot make a ${kind}: expected a Standard Schema or a handler, got ${typeof handler}`
        : `Cannot make a ${kind}: the handler must be a function, it is ${typeof handler}`,
    );
  }
  const known = (options ?? {}) as MethodOptions;
  refuseOptions(kind, known);
  return { kind, schema, handler: handler as AnyMethod["handler"], options: known };
}
