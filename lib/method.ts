/**
 * What an API is made of, and the types that tie a method's name to its value and its result.
 *
 * @module
 */

import type { FramingName } from "./framing/frame.ts";
import {
  type InferInput,
  type InferOutput,
  isStandardSchema,
  type StandardSchema,
} from "./schema.ts";

/** The two ends of the connection that a call came over. */
export interface PeerInfo {
  /** Where the peer is, as an address: `tcp://127.0.0.1:50123`. */
  readonly address: string;
  /** Where the peer reached us. */
  readonly localAddress: string;
  /** The scheme of the addresses: `tcp`, `unix`. */
  readonly transport: string;
  /** The framing that the peer speaks. */
  readonly framing: FramingName;
}

/** What a handler knows of its call besides the value. */
export interface Context {
  /** The name that was called. */
  readonly method: string;
  /** Aborts when nobody waits for the answer any more: cancelled, or the connection ended. */
  readonly signal: AbortSignal;
  /** Who called. */
  readonly peer: PeerInfo;
}

/** What can be said about a method besides its code; `rpc.discover` tells it to callers. */
export interface MethodOptions {
  /** One line that says what it does. */
  readonly summary?: string;
  /** More than one line. */
  readonly description?: string;
  /** Callers should use something else. */
  readonly deprecated?: boolean;
  /** The shape of the result, for documentation: results are not checked. */
  readonly result?: StandardSchema;
}

/** Holds types that no value has. */
declare const TYPES: unique symbol;

/**
 * One method of an API, made by {@linkcode method}. `Value` is what a caller passes, `Result` what
 * the handler returns.
 */
export interface Method<Value = unknown, Result = unknown> {
  readonly kind: "method";
  /** Checks the value before the handler sees it. */
  readonly schema: StandardSchema | undefined;
  /** The code that answers. */
  readonly handler: (value: never, context: Context) => unknown;
  /** What there is to say about it. */
  readonly options: MethodOptions;
  /** Not there when it runs. */
  readonly [TYPES]?: { readonly value: Value; readonly result: Result };
}

/** A plain object of methods and of more such objects: `{ math: { add } }` has `math.add`. */
export interface Api {
  readonly [name: string]: Method | Api;
}

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
 *
 * const add = method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b);
 *
 * console.assert(add.kind === "method");
 * ```
 */
export function method<Schema extends StandardSchema, Result>(
  schema: Schema,
  handler: (value: InferOutput<Schema>, context: Context) => Result,
  options?: MethodOptions,
): Method<InferInput<Schema>, Awaited<Result>>;
/**
 * A method that takes no value: without a schema there is nothing to check one by.
 *
 * @example
 * ```ts
 * import { method } from "@landline/rpc";
 *
 * const now = method(() => new Date());
 *
 * console.assert(now.schema === undefined);
 * ```
 */
export function method<Result>(
  handler: (value: undefined, context: Context) => Result,
  options?: MethodOptions,
): Method<undefined, Awaited<Result>>;
export function method(
  first: unknown,
  second?: unknown,
  third?: MethodOptions,
): Method<never, unknown> {
  // A schema may be a function too (arktype's are): it is told by what it speaks.
  const schema = isStandardSchema(first) ? first : undefined;
  const handler = schema === undefined ? first : second;
  const options = (schema === undefined ? second : third) as MethodOptions | undefined;
  if (typeof handler !== "function") {
    throw new TypeError(
      schema === undefined
        ? `Cannot make a method: expected a Standard Schema or a handler, got ${typeof first}`
        : `Cannot make a method: the handler must be a function, it is ${typeof handler}`,
    );
  }
  return { kind: "method", schema, handler: handler as Method["handler"], options: options ?? {} };
}

/** Whether this is a method, of this copy of the library or of another. */
export function isMethod(value: unknown): value is Method {
  return value !== null && typeof value === "object" && "kind" in value &&
    value.kind === "method" && "handler" in value && typeof value.handler === "function";
}

/** What a type becomes by JSON.stringify and JSON.parse: a `Date` arrives as `string`. */
export type Serialized<T> = unknown extends T ? T
  : T extends string | number | boolean | null ? T
  : T extends undefined | void ? null
  : T extends bigint | symbol | ((...args: never[]) => unknown) ? never
  : T extends { toJSON(...args: never[]): infer Json } ? Serialized<Json>
  : T extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown> ? Record<string, never>
  : T extends readonly unknown[] ? { [Index in keyof T]: Serialized<T[Index]> }
  : { [Key in keyof T as SerializedKey<Key, T[Key]>]: SerializedMember<T[Key]> };

type SerializedKey<Key, Member> = Key extends symbol ? never
  : [Member] extends [symbol | ((...args: never[]) => unknown)] ? never
  : Key;

/** An undefined member is left out, where an undefined result or item is null. */
type SerializedMember<Member> = Member extends undefined ? undefined : Serialized<Member>;

/** What a caller may say about one call. */
export interface CallOptions {
  /** Cancels the call at both ends. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which the call fails with `DEADLINE_EXCEEDED`, from 0 on. */
  readonly timeout?: number;
}

/** A method as its callers see it. The value may be left out where the schema takes undefined. */
export type Call<Value, Result> = [undefined] extends [Value]
  ? (value?: Value, options?: CallOptions) => Promise<Serialized<Result>>
  : (value: Value, options?: CallOptions) => Promise<Serialized<Result>>;

/** An API as its callers see it. */
export type Client<A> = {
  readonly [Name in keyof A]: A[Name] extends Method<infer Value, infer Result>
    ? Call<Value, Result>
    : Client<A[Name]>;
};

/** An API as those see it who want no answer. */
export type Notifier<A> = {
  readonly [Name in keyof A]: A[Name] extends Method<infer Value, unknown>
    ? [undefined] extends [Value] ? (value?: Value) => void : (value: Value) => void
    : Notifier<A[Name]>;
};
