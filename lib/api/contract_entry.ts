/**
 * What a contract is made of: a method, stream or notification without its handler.
 *
 * @module
 */

import type { InferInput, InferOutput, StandardSchema } from "../schema/standard_schema.ts";
import type { ErrorSchemas, MethodOptions, ProcedureKind } from "./api.ts";

/**
 * A method, stream or notification without its handler.
 *
 * @typeParam Schema What takes the value; undefined if there is none.
 * @typeParam Answer What makes the result, or a stream's items.
 * @typeParam Errors The declared errors.
 * @typeParam Items What takes the items that the caller streams; never if there are none.
 */
export interface ContractEntry<
  Kind extends ProcedureKind = ProcedureKind,
  Schema extends StandardSchema | undefined = StandardSchema | undefined,
  Answer extends StandardSchema = StandardSchema,
  Errors extends ErrorSchemas = ErrorSchemas,
  Items extends StandardSchema = StandardSchema,
> {
  /** What it is. */
  readonly kind: Kind;
  /** Checks the value. */
  readonly schema: Schema;
  /** What there is to say about it. */
  readonly options: MethodOptions<Errors, Items, never, Answer>;
  /** Not there when it runs. */
  readonly types?: {
    readonly value: Schema extends StandardSchema ? InferInput<Schema> : undefined;
    readonly result: InferOutput<Answer>;
    readonly yield: InferOutput<Answer>;
    readonly return: unknown;
    readonly errors: Errors;
    readonly item: InferInput<Items>;
  };
}

/** A plain object of entries and of more such objects, as an {@linkcode Api} is one of methods. */
export interface Contract {
  /** An entry, or an object of them. */
  readonly [name: string]: ContractEntry | Contract;
}

/** The options of an entry: those of a method, but for `use`, which belongs to the handlers. */
export type ContractOptions<
  Errors extends ErrorSchemas = ErrorSchemas,
  Items extends StandardSchema = StandardSchema,
  Answer extends StandardSchema = StandardSchema,
> = MethodOptions<Errors, Items, never, Answer> & { readonly use?: never };

/** Whether this is an entry of a contract, made by this copy of the library or by another. */
export function isContractEntry(value: unknown): value is ContractEntry {
  return value !== null && typeof value === "object" && "kind" in value && "schema" in value &&
    "options" in value && typeof value.kind === "string" && !("handler" in value);
}
