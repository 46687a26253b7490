/**
 * Methods that share a richer context: with types for what the author put there, and middleware that
 * adds to it.
 *
 * @module
 */

import type { Context, ContextWith, HandlerContext } from "./context.ts";
import type { Contract } from "./contract_entry.ts";
import { type Handlers, implement, type Implementation } from "./implement.ts";
import { method, notification, stream, type Streamable } from "./method.ts";
import { type Middleware, withMiddleware } from "./middleware.ts";
import type {
  AnyMethod,
  ErrorSchemas,
  Method,
  MethodOptions,
  NoErrors,
  Notification,
  Returned,
  Stream,
} from "./api.ts";
import type { InferInput, InferOutput, StandardSchema } from "../schema/standard_schema.ts";

/**
 * {@linkcode method}, {@linkcode stream} and {@linkcode notification} for handlers whose context has more.
 * `State` is what `serve`'s option `connectionState` must make for them.
 */
export interface ContextBuilder<
  Extra extends object,
  State = Extra extends { readonly state: infer State } ? State : unknown,
> {
  /** See {@linkcode method}. */
  method<
    Schema extends StandardSchema,
    Result extends Returned<InferOutput<Answer>> | PromiseLike<Returned<InferOutput<Answer>>>,
    Errors extends ErrorSchemas = NoErrors,
    Items extends StandardSchema = never,
    Answer extends StandardSchema = StandardSchema,
  >(
    schema: Schema,
    handler: (
      value: InferOutput<Schema>,
      context: ContextWith<HandlerContext<Errors, Items>, Extra>,
    ) => Result,
    options?: MethodOptions<Errors, Items, Middleware<unknown, Extra>, Answer>,
  ): Method<InferInput<Schema>, Awaited<Result>, Errors, InferInput<Items>, State>;
  /** See {@linkcode method}. */
  method<
    Result extends Returned<InferOutput<Answer>> | PromiseLike<Returned<InferOutput<Answer>>>,
    Errors extends ErrorSchemas = NoErrors,
    Items extends StandardSchema = never,
    Answer extends StandardSchema = StandardSchema,
  >(
    handler: (
      value: undefined,
      context: ContextWith<HandlerContext<Errors, Items>, Extra>,
    ) => Result,
    options?: MethodOptions<Errors, Items, Middleware<unknown, Extra>, Answer>,
  ): Method<undefined, Awaited<Result>, Errors, InferInput<Items>, State>;
  /** See {@linkcode stream}. */
  stream<
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
      context: ContextWith<HandlerContext<Errors, Items>, Extra>,
    ) => Streamable<Yield, Return>,
    options?: MethodOptions<Errors, Items, Middleware<unknown, Extra>, Answer>,
  ): Stream<InferInput<Schema>, Yield, Return, Errors, InferInput<Items>, State>;
  /** See {@linkcode stream}. */
  stream<
    Yield extends Returned<InferOutput<Answer>> | {
      readonly id: string;
      readonly value: Returned<InferOutput<Answer>>;
    },
    Return = undefined,
    Errors extends ErrorSchemas = NoErrors,
    Items extends StandardSchema = never,
    Answer extends StandardSchema = StandardSchema,
  >(
    handler: (
      value: undefined,
      context: ContextWith<HandlerContext<Errors, Items>, Extra>,
    ) => Streamable<Yield, Return>,
    options?: MethodOptions<Errors, Items, Middleware<unknown, Extra>, Answer>,
  ): Stream<undefined, Yield, Return, Errors, InferInput<Items>, State>;
  /** See {@linkcode notification}. */
  notification<Schema extends StandardSchema>(
    schema: Schema,
    handler: (value: InferOutput<Schema>, context: ContextWith<Context, Extra>) => unknown,
    options?: MethodOptions<NoErrors, never, Middleware<unknown, Extra>>,
  ): Notification<InferInput<Schema>, State>;
  /** See {@linkcode implement}. */
  implement<C extends Contract>(
    contract: C,
    handlers: Handlers<NoInfer<C>, Extra>,
  ): Implementation<C, State>;
  /**
   * The same with a middleware around all that is defined with it, inside those it has: it finds in the
   * context what they have added.
   */
  use<Added extends object>(
    middleware: Middleware<Added, Extra>,
  ): ContextBuilder<Extra & Added, State>;
  /** The same with a middleware that adds nothing, or does not say what. */
  use(middleware: Middleware<unknown, Extra>): ContextBuilder<Extra, State>;
}

/**
 * Says what handlers find in their context besides the usual.
 *
 * `Extra` gives types to what is there anyway: `state` (see {@linkcode ServeOptions.connectionState}), `identity`,
 * and `peer`, for callers that serve an API of their own: `call`, `notify` and `peers` follow from it. What a middleware adds gets its types from
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
    implement: (contract: Contract, handlers: Handlers<Contract>) => {
      const api = implement(contract, handlers);
      return around.length === 0 ? api : withMiddleware(around, api);
    },
    use: (middleware: Middleware) => contextBuilder([...around, middleware]),
  };
}
