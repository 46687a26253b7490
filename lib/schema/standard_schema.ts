/**
 * Standard Schema and JSON Schema, as types and small readers. A method takes one value, and its
 * schema is anything that speaks Standard Schema; this file says what such a schema is, and answers
 * the three questions that Landline asks of one besides validating: what JSON it takes, under which
 * names, and whether that is an object, an array or neither.
 *
 * It validates nothing, knows nothing of messages, and imports no validator. The questions are asked
 * once a method, when a server starts, and none of the answers throws.
 *
 * @module
 */

import type { ParamsIssue } from "../error.ts";
import {
  BYTES,
  DATE_TIME,
  hasMembers,
  isNothing,
  type JsonSchema,
  kindOf,
  namesOf,
  NOTHING,
  type ParamsShape,
  placedAt,
} from "./json_schema.ts";
import { structureOf } from "./vendors.ts";

export type { JsonSchema, ParamsShape };

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

/**
 * What a schema takes or makes, as JSON Schema draft-07 (which OpenRPC's schemas are), or undefined
 * when its library offers no way to tell. A part that JSON Schema cannot represent is `{}`, a `Date`
 * is the text it travels as, a `Uint8Array` its marker, and an output of nothing is null, as it is in
 * a response.
 *
 * zod (from 4.2), arktype (from 2.1.28) and others with Standard JSON Schema say it themselves, in 0.1 ms
 * and 0.04 ms a schema; valibot and zod/mini are read from their structure.
 *
 * @param at Where the description will stand in a larger document, such as
 * `#/components/schemas/add`: references within it (a type that contains itself) start there.
 */
export function jsonSchemaOf(
  schema: StandardSchema,
  direction: "input" | "output",
  at = "#",
): JsonSchema | undefined {
  const found = orUndefined(() => converted(schema, direction)) ??
    orUndefined(() => structureOf(schema, schema["~standard"].vendor, direction, "whole"));
  if (found === undefined) return undefined;
  const { $schema: _, ...described } = direction === "output" && isNothing(found)
    ? { type: "null" }
    : found;
  return at === "#" ? described : orUndefined(() => placedAt(at, described));
}

/**
 * The names of the properties of an object schema in the order in which they were declared, so that
 * positional params find their names; undefined when it is no object or the order cannot be told. Of
 * a union, only one member may be an object.
 *
 * arktype sorts properties by name and keeps no trace of the order they were written in. Guessing
 * would swap arguments in silence, so arktype objects of two properties and more have no positions.
 */
export function parameterNames(schema: StandardSchema): string[] | undefined {
  const outline = outlineOf(schema);
  const names = outline && orUndefined(() => namesOf(outline));
  const sorted = schema["~standard"].vendor === "arktype";
  return sorted && names !== undefined && names.length > 1 ? undefined : names;
}

/**
 * Which kind of value a schema takes: `object` or `array` when it takes nothing else, `scalar` when
 * it takes neither, `unknown` when it is mixed or cannot be told. An optional value counts as what
 * it is when present.
 */
export function paramsShape(schema: StandardSchema): ParamsShape {
  const outline = outlineOf(schema);
  const kind = outline && orUndefined(() => kindOf(outline));
  return kind === "nothing" ? "scalar" : kind ?? "unknown";
}

/**
 * Whether a schema says nothing of the values that it takes: it looks at none of their parts, or tells at
 * the first that is wrong.
 */
export function takesAnything(schema: StandardSchema): boolean {
  const outline = outlineOf(schema);
  return outline === undefined || Object.keys(outline).length === 0;
}

/** What is asked about params is told by the outline; the whole is described only without one. */
function outlineOf(schema: StandardSchema): JsonSchema | undefined {
  return orUndefined(() => structureOf(schema, schema["~standard"].vendor, "input", "outline")) ??
    jsonSchemaOf(schema, "input");
}

/** Asks the library itself. */
function converted(schema: StandardSchema, direction: "input" | "output"): JsonSchema | undefined {
  const { vendor, jsonSchema } = schema["~standard"];
  const libraryOptions = LIBRARY_OPTIONS.get(vendor);
  const found = jsonSchema?.[direction]({ target: "draft-07", libraryOptions });
  return hasMembers(found) ? found : undefined;
}

/** Left to themselves zod throws at the first `Date`, and arktype takes it for anything. */
const LIBRARY_OPTIONS: ReadonlyMap<string, Record<string, unknown>> = new Map([
  ["zod", {
    unrepresentable: "any",
    override: (part: {
      zodSchema: { _zod: { def: { type: string }; bag: { Class?: unknown } } };
      jsonSchema: object;
    }) => {
      const { jsonSchema, zodSchema: { _zod: { def: { type }, bag } } } = part;
      if (bag.Class === Uint8Array) Object.assign(jsonSchema, BYTES);
      if (type === "date") Object.assign(jsonSchema, { ...DATE_TIME, ...jsonSchema });
      if (type === "undefined" || type === "void") Object.assign(jsonSchema, NOTHING);
    },
  }],
  ["arktype", {
    fallback: {
      date: () => DATE_TIME,
      proto: (part: { proto: unknown; base: unknown }) =>
        part.proto === Date ? DATE_TIME : part.proto === Uint8Array ? BYTES : part.base,
      unit: (part: { unit: unknown; base: unknown }) =>
        part.unit === undefined ? NOTHING : part.base,
    },
  }],
]);

function orUndefined<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
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
