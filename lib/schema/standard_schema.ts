/**
 * Standard Schema, as types. A method takes one value, and its schema is anything that speaks Standard
 * Schema. What Landline asks of one besides validating is in `questions.ts`.
 *
 * @module
 */

import type { ParamsIssue } from "../error.ts";
import { hasMembers } from "./json_schema.ts";

/**
 * A schema of any library that speaks [Standard Schema](https://standardschema.dev) version 1: zod,
 * valibot, arktype and others, or an object written by hand.
 *
 * @example A schema without a library
 * ```ts
 * import type { StandardSchema } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * const port: StandardSchema<number> = {
 *   "~standard": {
 *     version: 1,
 *     vendor: "example",
 *     validate: (value) =>
 *       typeof value === "number" && value > 0 && value < 65536
 *         ? { value }
 *         : { issues: [{ message: "expected a port" }] },
 *   },
 * };
 *
 * assert("value" in (await port["~standard"].validate(8080)));
 * ```
 *
 * @typeParam Input What the schema takes.
 * @typeParam Output What it makes of that; the handler sees this.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** All that the specification asks for, under a name that no library uses for itself. */
  readonly "~standard": {
    /** The version of the specification. */
    readonly version: 1;
    /** The library's name, in lower case. */
    readonly vendor: string;
    /** Checks a value and makes the output of it; may answer with a promise. */
    readonly validate: (
      value: unknown,
    ) => StandardSchemaResult<Output> | Promise<StandardSchemaResult<Output>>;
    /** Carries the types; never set when the program runs. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    /**
     * [Standard JSON Schema](https://standardschema.dev/json-schema): describes what the schema
     * takes and what it makes, in a dialect such as `draft-07`. Throws where it cannot.
     */
    readonly jsonSchema?: {
      readonly input: (
        options: { target: string; libraryOptions?: Record<string, unknown> | undefined },
      ) => Record<string, unknown>;
      readonly output: (
        options: { target: string; libraryOptions?: Record<string, unknown> | undefined },
      ) => Record<string, unknown>;
    } | undefined;
  };
}

/** What a validation answers: the output, or what is wrong. */
export type StandardSchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardSchemaIssue[] };

/** One thing that is wrong with a value. */
export interface StandardSchemaIssue {
  /** What is wrong, for a person. */
  readonly message: string;
  /** Where: from the outermost key to the innermost; a key may be wrapped in an object. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * The type of the values that a schema takes.
 *
 * @example
 * ```ts
 * import type { InferInput, InferOutput, StandardSchema } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * type Day = StandardSchema<string, Date>;
 * const sent: InferInput<Day> = "2025-01-31";
 * const seen: InferOutput<Day> = new Date(sent);
 * assert(seen.getUTCDate() === 31);
 * ```
 */
export type InferInput<Schema extends StandardSchema> = NonNullable<
  Schema["~standard"]["types"]
>["input"];

/** The type of the values that a schema makes: what a handler sees. See {@linkcode InferInput}. */
export type InferOutput<Schema extends StandardSchema> = NonNullable<
  Schema["~standard"]["types"]
>["output"];

/** Whether a value speaks Standard Schema version 1. arktype's schemas are functions, so both count. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  if (!hasMembers(value)) return false;
  const members = value["~standard"];
  if (!hasMembers(members)) return false;
  const { version, validate } = members;
  return version === 1 && typeof validate === "function";
}

/** Complaints that travel: a value may give rise to as many as it has parts. */
export const MAX_ISSUES = 100;

/** UTF-16 units that travel of a complaint, and of each step to its place: both may repeat what came. */
const MAX_TEXT = 1000;

/** The first of what a schema complains of, as it travels. */
export function toIssues(issues: readonly StandardSchemaIssue[]): ParamsIssue[] {
  return issues.slice(0, MAX_ISSUES).map(({ path = [], message }) => ({
    path: path.map((part) => {
      const key = typeof part === "object" ? part.key : part;
      return typeof key === "number" ? key : shortened(String(key));
    }),
    message: shortened(String(message)),
  }));
}

function shortened(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
