/**
 * Calls as their callers see them: what `typeof api` becomes at the client.
 *
 * @module
 */

import { DECLARED, type RpcError } from "../error.ts";
import type { ErrorSchemas, Method, Notification, Stream } from "./api.ts";
import type { Json } from "./json.ts";
import type { InferOutput } from "../schema/standard_schema.ts";

/**
 * What a type becomes on its way: as by JSON.stringify and JSON.parse, a `Date` arrives as `string`. A
 * `Uint8Array` arrives as one. What cannot travel is a type that fits nothing, and says so: the server
 * answers such a result with `INTERNAL_ERROR`.
 */
export type Serialized<T> = unknown extends T ? T
  : T extends Json ? T // as it is; a type that refers to itself could not be taken apart
  : T extends undefined | void ? null
  : T extends Uint8Array ? Uint8Array<ArrayBuffer>
  : T extends { toJSON(...args: never[]): infer Written } ? Serialized<Written>
  : T extends
    | bigint
    | symbol
    | ((...args: never[]) => unknown)
    | ReadonlyMap<unknown, unknown>
    | ReadonlySet<unknown>
    | WeakMap<WeakKey, unknown>
    | WeakSet<WeakKey>
    | PromiseLike<unknown>
    | AsyncIterable<unknown>
    | Iterator<unknown, unknown, never>
    | RegExp
    | ArrayBufferLike
    | ArrayBufferView ? { readonly "cannot travel as JSON": T }
  : T extends readonly unknown[] ? { [Index in keyof T]: Serialized<T[Index]> }
  : {
    [
      Key in keyof T as Key extends symbol ? never
        : unknown extends T[Key] ? Key
        : [T[Key]] extends [symbol | ((...args: never[]) => unknown)] ? never
        : Key
    ]: // An undefined member is left out, where an undefined result or item is null.
      | Serialized<Exclude<T[Key], undefined>>
      | Extract<T[Key], undefined>;
  };

/** What a caller may say about one call. */
export interface CallOptions {
  /** Cancels the call at both ends. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which the call fails with `DEADLINE_EXCEEDED`, from 0 on. */
  readonly timeout?: number;
  /** What travels as `_meta` beside the params, to servers that say they understand it. */
  readonly meta?: Readonly<Record<string, unknown>>;
  /**
   * Told of what the handler passes to `progress`, and of what a server that speaks LSP says about the
   * `workDoneToken` or `partialResultToken` among the params.
   */
  readonly onProgress?: (value: unknown) => void;
  /**
   * Goes on with a stream after the event with this id: see {@linkcode ItemIterator.lastEventId}. A
   * server that cannot fails the stream with `DATA_LOSS`.
   */
  readonly after?: string;
  /**
   * Whether the method may run twice: then a call that was lost is sent again, as the option `retry` of
   * {@linkcode ConnectOptions} says. @default what its option `idempotent` says of the method
   */
  readonly idempotent?: boolean;
}

/** The options of a call whose method takes items. */
export interface ItemOptions<Item> extends CallOptions {
  /** What is streamed to the handler, as it takes them. */
  readonly items: AsyncIterable<Item> | Iterable<Item>;
}

/**
 * The arguments of a call. The value may be left out where the schema takes undefined, or an object
 * without members.
 */
export type CallArguments<Value, Item> = [Item] extends [never]
  ? [undefined] extends [Value] ? [value?: Value, options?: CallOptions]
  : Record<never, never> extends Value ? [value?: Value, options?: CallOptions]
  : [value: Value, options?: CallOptions]
  : [value: Value, options: ItemOptions<Item>];

/** A declared error as it comes out of {@linkcode settle}. */
export type DeclaredError<Errors> = {
  readonly [Name in keyof Errors]: {
    readonly ok: false;
    /** The name that the method declared. */
    readonly reason: Name;
    /** Its data, as the schema made it. */
    readonly data: Errors[Name] extends ErrorSchemas[string] ? Serialized<InferOutput<Errors[Name]>>
      : never;
    /** The error itself. */
    readonly error: RpcError;
  };
}[keyof Errors];

/** The answer that is to come of a method that declares errors. */
export interface CallPromise<Result, Errors = unknown> extends Promise<Result> {
  /** Not there when it runs. */
  readonly errors?: Errors;
}

/** The items of a stream, one by one. */
export interface ItemIterator<Yield, Return>
  extends AsyncIterableIterator<Yield, Return, undefined>, AsyncDisposable {
  /**
   * The id of the last item that was taken and is an event: with it as the option `after` another call
   * goes on from here. Undefined where the handler yields no events.
   */
  readonly lastEventId: string | undefined;
}

/**
 * The answer of a stream. Iterated in the turn in which it was called, the items come as the loop
 * takes them; awaited instead, all of them come in one array, up to the server's limit.
 */
export interface StreamCall<Yield, Return, Errors = unknown> extends CallPromise<Yield[], Errors> {
  /** The items one by one; the iterator's last result holds what the generator returned. */
  [Symbol.asyncIterator](): ItemIterator<Yield, Return>;
}

/** An API or a contract as callers see it. Notifications have no answer to wait for: see {@linkcode NotifyStub}. */
export type Stub<A> = {
  readonly [Name in keyof A as A[Name] extends Pick<Notification, "kind"> ? never : Name]:
    A[Name] extends
      Pick<Method<infer Value, infer Result, infer Errors, infer Item, never>, "kind" | "types"> ? (
        ...args: CallArguments<Value, Item>
      ) => [keyof Errors] extends [never] ? Promise<Serialized<Result>>
        : CallPromise<Serialized<Result>, Errors>
      : A[Name] extends Pick<
        Stream<infer Value, infer Yield, infer Return, infer Errors, infer Item, never>,
        "kind" | "types"
      > ? (
          ...args: CallArguments<Value, Item>
        ) => [keyof Errors] extends [never] ? StreamCall<Serialized<Yield>, Serialized<Return>>
          : StreamCall<Serialized<Yield>, Serialized<Return>, Errors>
      : A[Name] extends UntypedCall ? A[Name]
      : Stub<A[Name]>;
};

/** An API as those see it who want no answer. */
export type NotifyStub<A> = {
  readonly [Name in keyof A]: A[Name] extends
    | Pick<Method<infer Value, unknown, unknown, unknown, never>, "kind" | "types">
    | Pick<Stream<infer Value, unknown, unknown, unknown, unknown, never>, "kind" | "types">
    | Pick<Notification<infer Value, never>, "kind" | "types"> ? (
      ...args: [undefined] extends [Value] ? [value?: Value]
        : Record<never, never> extends Value ? [value?: Value]
        : [value: Value]
    ) => void
    : A[Name] extends UntypedCall ? A[Name]
    : NotifyStub<A[Name]>;
};

/** An answer of which nothing is known: it can be awaited, or iterated. */
export interface UntypedCallPromise extends CallPromise<unknown> {
  /** See {@linkcode StreamCall}. */
  [Symbol.asyncIterator](): ItemIterator<unknown, unknown>;
}

/** A method of which nothing is known, and what may lie below its name. */
export interface UntypedCall {
  /** Calls it. */
  (value?: unknown, options?: CallOptions): UntypedCallPromise;
  /** What lies below its name. */
  readonly [name: string]: UntypedCall;
}

/** An API of which nothing is known: every name can be called, with any value. */
export interface Untyped {
  /** A method, or an object of them. */
  readonly [name: string]: UntypedCall;
}

/** How a call ended: with its value, with an error that the method declared, or with another. */
export type Settled<Result, Errors> =
  | { readonly ok: true; readonly value: Result }
  | DeclaredError<Errors>
  | { readonly ok: false; readonly reason: undefined; readonly error: unknown };

/**
 * How a call ended, as a value to look at: declared errors are told by their names, and come with
 * the types of their data.
 *
 * @example
 * ```ts
 * import { connect, method, serve, settle } from "@landline/rpc";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const api = {
 *   buy: method(z.object({ count: z.int() }), ({ count }, { error }) => {
 *     if (count > 3) throw error("OUT_OF_STOCK", { left: 3 });
 *     return count;
 *   }, { errors: { OUT_OF_STOCK: z.object({ left: z.int() }) } }),
 * };
 * await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
 * await using line = await connect<typeof api>(server.addresses[0]!);
 *
 * const bought = await settle(line.call.buy({ count: 5 }));
 * if (!bought.ok && bought.reason === "OUT_OF_STOCK") assert(bought.data.left === 3);
 * ```
 */
export async function settle<Result, Errors>(
  answer: CallPromise<Result, Errors>,
): Promise<Settled<Result, Errors>> {
  try {
    return { ok: true, value: await answer };
  } catch (error) {
    const declared = declaredError(error);
    return (declared ?? { ok: false, reason: undefined, error }) as Settled<Result, Errors>;
  }
}

function declaredError(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "RpcError") return undefined;
  const { data, code } = error as RpcError;
  if (code !== DECLARED || data === null || typeof data !== "object") return undefined;
  const { name, details } = data as { name?: unknown; details?: unknown };
  return typeof name === "string" ? { ok: false, reason: name, data: details, error } : undefined;
}
