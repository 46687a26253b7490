/**
 * Methods that share a richer context: with types for what the author put there, and middleware that
 * adds to it.
 *
 * @module
 */

import type { Context, HandlerContext } from "./context.ts";
import { method, notification, stream, type Streamable } from "./method.ts";
import type { Middleware } from "./middleware.ts";
import type {
  AnyMethod,
  ErrorSchemas,
  Method,
  MethodOptions,
  NoErrors,
  Notification,
  Stream,
} from "./api.ts";
import type { InferInput, InferOutput, StandardSchema } from "../schema/standard_schema.ts";

/** A context with other or more members. */
export type ContextWith<Base, Extra> = Omit<Base, keyof Extra> & Extra;

/** {@linkcode method}, {@linkcode stream} and {@linkcode notification} for handlers whose context has more. */
export interface ContextBuilder<Extra extends object> {
  /** See {@linkcode method}. */
  method<
    Schema extends StandardSchema,
    Result,
    Errors extends ErrorSchemas = NoErrors,
    Items extends StandardSchema = never,
  >(
    schema: Schema,
    handler: (
      value: InferOutput<Schema>,
      context: ContextWith<HandlerContext<Errors, Items>, Extra>,
    ) => Result,
    options?: MethodOptions<Errors, Items, Middleware>,
  ): Method<InferInput<Schema>, Awaited<Result>, Errors, InferInput<Items>>;
  /** See {@linkcode method}. */
  method<
    Result,
    Errors extends ErrorSchemas = NoErrors,
    Items extends StandardSchema = never,
  >(
    handler: (
      value: undefined,
      context: ContextWith<HandlerContext<Errors, Items>, Extra>,
    ) => Result,
    options?: MethodOptions<Errors, Items, Middleware>,
  ): Method<undefined, Awaited<Result>, Errors, InferInput<Items>>;
  /** See {@linkcode stream}. */
  stream<
    Schema extends StandardSchema,
    Yield,
    Return = undefined,
    Errors extends ErrorSchemas = NoErrors,
    Items extends StandardSchema = never,
  >(
    schema: Schema,
    handler: (
      value: InferOutput<Schema>,
      context: ContextWith<HandlerContext<Errors, Items>, Extra>,
    ) => Streamable<Yield, Return>,
    options?: MethodOptions<Errors, Items, Middleware>,
  ): Stream<InferInput<Schema>, Yield, Return, Errors, InferInput<Items>>;
  /** See {@linkcode stream}. */
  stream<
    Yield,
    Return = undefined,
    Errors extends ErrorSchemas = NoErrors,
    Items extends StandardSchema = never,
  >(
    handler: (
      value: undefined,
      context: ContextWith<HandlerContext<Errors, Items>, Extra>,
    ) => Streamable<Yield, Return>,
    options?: MethodOptions<Errors, Items, Middleware>,
  ): Stream<undefined, Yield, Return, Errors, InferInput<Items>>;
  /** See {@linkcode notification}. */
  notification<Schema extends StandardSchema>(
    schema: Schema,
    handler: (value: InferOutput<Schema>, context: ContextWith<Context, Extra>) => unknown,
    options?: MethodOptions<NoErrors, never, Middleware>,
  ): Notification<InferInput<Schema>>;
  /** The same with a middleware around all that is defined with it, inside those it has. */
  use<Added extends object>(middleware: Middleware<Added>): ContextBuilder<Extra & Added>;
  /** The same with a middleware that adds nothing, or does not say what. */
  use(middleware: Middleware): ContextBuilder<Extra>;
}

/**
 * Says what handlers find in their context besides the usual.
 *
 * `Extra` gives types to what is there anyway: `state` (see {@linkcode ServeOptions.connectionState}), `identity`,
 * and `peer`, for callers that serve an API of their own. What a middleware adds gets its types from
 * the middleware.
 *
 * @example State for each connection, and a user found by a middleware
 * ```ts
 * import { RpcError, withContext } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * const { method, use } = withContext<{ state: { calls: number } }>();
 * const users = use((call, next) => {
 *   const { user } = call.context.meta;
 *   if (typeof user !== "string") throw new RpcError("UNAUTHENTICATED", "Who are you?");
 *   return next({ user });
 * });
 *
 * const api = {
 *   count: method((_, { state }) => ++state.calls),
 *   whoami: users.method((_, { user }) => user.toUpperCase()),
 * };
 *
 * assert(Object.keys(api).length === 2);
 * ```
 */
export function withContext<Extra extends object = Record<never, never>>(): ContextBuilder<Extra> {
  return contextBuilder([]) as ContextBuilder<Extra>;
}

type Make = (...parts: never[]) => AnyMethod;

function contextBuilder(around: readonly Middleware[]): unknown {
  const within = (make: Make) => (...parts: never[]): AnyMethod => {
    const made = make(...parts);
    const use = [...around, ...made.options.use ?? []];
    return use.length === 0 ? made : { ...made, options: { ...made.options, use } };
  };
  return {
    method: within(method as Make),
    stream: within(stream as Make),
    notification: within(notification as Make),
    use: (middleware: Middleware) => contextBuilder([...around, middleware]),
  };
}
