/**
 * What Landline asks of a schema besides validating: what JSON it takes, under which names, and whether that
 * is an object, an array or neither.
 *
 * It validates nothing, knows nothing of messages, and imports no validator. The questions are asked
 * once a method, when a server starts, and none of the answers throws.
 *
 * @module
 */

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
import type { StandardSchema } from "./standard_schema.ts";
import { structureOf } from "./vendors.ts";

export type { JsonSchema, ParamsShape };

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
