/**
 * An API out of a contract and the handlers for it.
 *
 * @module
 */

import type { InferInput, InferOutput, StandardSchema } from "../schema/standard_schema.ts";
import type { AnyMethod, ErrorSchemas, Method, Notification, Returned, Stream } from "./api.ts";
import type { ContextWith, HandlerContext } from "./context.ts";
import { type Contract, type ContractEntry, isContractEntry } from "./contract_entry.ts";
import type { Streamable } from "./method.ts";

/** The handler of an entry: gets what the schema made of the value, and returns what `result` says. */
export type ContractHandler<
  Entry extends ContractEntry,
  Extra extends object = Record<never, never>,
> = Entry extends ContractEntry<infer Kind, infer Schema, infer Answer, infer Errors, infer Items>
  ? (
    value: Schema extends StandardSchema ? InferOutput<Schema> : undefined,
    context: [keyof Extra] extends [never] ? HandlerContext<Errors, Items>
      : ContextWith<HandlerContext<Errors, Items>, Extra>,
  ) => Kind extends "method"
    ? Returned<InferOutput<Answer>, true> | PromiseLike<Returned<InferOutput<Answer>, true>>
    : Kind extends "stream" ? Streamable<
        | Returned<InferOutput<Answer>, true>
        | { readonly id: string; readonly value: Returned<InferOutput<Answer>, true> },
        unknown
      >
    : unknown
  : never;

/**
 * The handlers of a contract: a function for each entry, in the same objects. `Extra` is what they find in
 * their context besides: see {@linkcode withContext}.
 */
export type Handlers<C, Extra extends object = Record<never, never>> = {
  readonly [Name in keyof C]: C[Name] extends ContractEntry ? ContractHandler<C[Name], Extra>
    : Handlers<C[Name], Extra>;
};

/** The API that implements a contract. */
export type Implementation<C, State = unknown> = {
  readonly [Name in keyof C]: C[Name] extends
    ContractEntry<"method", infer Schema, infer Answer, infer Errors, infer Items> ? Method<
      Schema extends StandardSchema ? InferInput<Schema> : undefined,
      InferOutput<Answer>,
      Errors,
      InferInput<Items>,
      State
    >
    : C[Name] extends ContractEntry<"stream", infer Schema, infer Answer, infer Errors, infer Items>
      ? Stream<
        Schema extends StandardSchema ? InferInput<Schema> : undefined,
        InferOutput<Answer>,
        unknown,
        Errors,
        InferInput<Items>,
        State
      >
    : C[Name] extends
      ContractEntry<"notification", infer Schema, StandardSchema, ErrorSchemas, StandardSchema>
      ? Notification<Schema extends StandardSchema ? InferInput<Schema> : undefined, State>
    : Implementation<C[Name], State>;
};

/**
 * An API out of a {@linkcode contract} and the handlers for it, to be served as any other. The compiler
 * finds a handler that is missing, one that the contract does not have, and one that takes or returns
 * something else. With more in the context it is `withContext<{ state: State }>().implement`; middleware
 * around it goes by `withMiddleware`.
 *
 * @throws {TypeError} for a handler that is missing, and for one that the contract does not have
 *
 * @example
 * ```ts
 * import { contract, implement } from "@landline/rpc/contract";
 * import { pair } from "@landline/rpc/testing";
 * import * as z from "npm:zod@4";
 * import { assert } from "@std/assert";
 *
 * const { method } = contract;
 * const math = contract({
 *   half: method(z.number(), { result: z.number(), errors: { TOO_LARGE: z.object({ most: z.number() }) } }),
 * });
 *
 * const api = implement(math, {
 *   half(n, { error }) {
 *     if (n > 100) throw error("TOO_LARGE", { most: 100 });
 *     return n / 2;
 *   },
 * });
 * await using ends = await pair(api);
 *
 * assert(await ends.line.call.half(3) === 1.5);
 * ```
 */
export function implement<C extends Contract>(
  contract: C,
  handlers: Handlers<NoInfer<C>>,
): Implementation<C> {
  return implemented(contract, handlers) as Implementation<C>;
}

type Group = Readonly<Record<string, unknown>>;

function implemented(
  contract: Contract,
  handlers: unknown,
  prefix = "",
): Record<string, unknown> {
  if (handlers === null || typeof handlers !== "object") {
    throw refused(
      prefix === "" ? "there are no handlers" : `${prefix.slice(0, -1)} has no handlers`,
    );
  }
  const other = Object.keys(handlers).find((key) => !Object.hasOwn(contract, key));
  if (other !== undefined) throw refused(`it has no ${prefix}${other}, and there is a handler`);
  return Object.fromEntries(
    Object.entries(contract).map(([key, member]) => {
      const name = prefix + key;
      const handler = Object.hasOwn(handlers, key) ? (handlers as Group)[key] : undefined;
      if (!isContractEntry(member)) return [key, implemented(member, handler, `${name}.`)];
      if (typeof handler !== "function") throw refused(`${name} has no handler`);
      const { kind, schema, options } = member;
      const made: AnyMethod = { kind, schema, options, handler: handler as AnyMethod["handler"] };
      return [key, made];
    }),
  );
}

function refused(why: string): TypeError {
  return new TypeError(`Cannot implement the contract: ${why}`);
}
