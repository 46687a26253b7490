/**
 * JSON Schema as plain data: its type, what Landline asks of one, and how one is moved into a larger
 * document. The dialect is draft-07, because OpenRPC's schemas are.
 *
 * @module
 */

/** A JSON Schema that is an object: the keywords that Landline reads or writes, and any other. */
export interface JsonSchema {
  /** The schema meant is elsewhere: `#/definitions/x` in this document. */
  readonly $ref?: string;
  /** What `$ref` points to. */
  readonly definitions?: { readonly [name: string]: JsonSchema | boolean };
  /** A name, for a person. */
  readonly title?: string;
  /** What it is for, for a person. */
  readonly description?: string;
  /** `string`, `number`, `integer`, `boolean`, `null`, `object`, `array`, or several of them. */
  readonly type?: string | readonly string[];
  /** The one value that is allowed. */
  readonly const?: unknown;
  /** The values that are allowed. */
  readonly enum?: readonly unknown[];
  /** The value that stands for an absent one. */
  readonly default?: unknown;
  /** What a string is written as, such as `date-time`. */
  readonly format?: string;
  /** The named members of an object, in the order they were declared where that is known. */
  readonly properties?: { readonly [name: string]: JsonSchema | boolean };
  /** The members that may not be absent. */
  readonly required?: readonly string[];
  /** Members with other names; `false` allows none. */
  readonly additionalProperties?: JsonSchema | boolean;
  /** Every element of an array; or, as a list, the first elements one by one. */
  readonly items?: JsonSchema | boolean | readonly (JsonSchema | boolean)[];
  /** At least one of these. */
  readonly anyOf?: readonly (JsonSchema | boolean)[];
  /** Exactly one of these. */
  readonly oneOf?: readonly (JsonSchema | boolean)[];
  /** All of these. */
  readonly allOf?: readonly (JsonSchema | boolean)[];
  /** Whatever this does not allow. */
  readonly not?: JsonSchema | boolean;
  /** Any other keyword of JSON Schema. */
  readonly [keyword: string]: unknown;
}

/** No JSON value: how `undefined`, `void` and `never` read. */
export const NOTHING: JsonSchema = { not: {} };

/** How a `Date` travels: as the text that `JSON.stringify` makes of it. */
export const DATE_TIME: JsonSchema = { type: "string", format: "date-time" };

/** How a `Uint8Array` travels: as a marker; see base64.ts. */
export const BYTES: JsonSchema = {
  type: "object",
  properties: { $base64: { type: "string", contentEncoding: "base64" } },
  required: ["$base64"],
  additionalProperties: false,
};

/** Which kind of value a schema takes, as far as JSON-RPC's params can tell them apart. */
export type ParamsShape = "object" | "array" | "scalar" | "unknown";

/** As {@linkcode ParamsShape}; "nothing", no JSON value at all, adds nothing to a union. */
type Kind = ParamsShape | "nothing";

/** Which kind of value a description allows; references are looked up in `root`. */
export function kindOf(
  schema: JsonSchema | boolean,
  root: JsonSchema | boolean = schema,
  depth = 0,
): Kind {
  if (typeof schema === "boolean") return schema ? "unknown" : "nothing";
  if (depth > MAX_DEPTH) return "unknown";
  const inner = (part: JsonSchema | boolean): Kind => kindOf(part, root, depth + 1);
  if (schema.$ref !== undefined) return inner(resolve(schema.$ref, root));
  if ("const" in schema) return kindOfValue(schema.const);
  if (schema.enum) return either(schema.enum.map(kindOfValue));
  // It looks like an object on the wire, and has no members to be named or counted.
  if (schema.properties !== undefined && schema.properties === BYTES.properties) return "scalar";
  if (schema.type !== undefined) return either([schema.type].flat().map(kindOfType));
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return either(options.map(inner));
  if (schema.allOf) return schema.allOf.map(inner).find((kind) => kind !== "unknown") ?? "unknown";
  return isNothing(schema) ? "nothing" : "unknown";
}

function kindOfType(type: string): Kind {
  return type === "object" || type === "array" ? type : "scalar";
}

function kindOfValue(value: unknown): Kind {
  if (Array.isArray(value)) return "array";
  return hasMembers(value) ? "object" : "scalar";
}

function either(kinds: readonly Kind[]): Kind {
  const [kind = "nothing", ...others] = new Set(kinds.filter((kind) => kind !== "nothing"));
  return others.length === 0 ? kind : "unknown";
}

/** The names of the properties of the one object that a description allows, in its order. */
export function namesOf(
  schema: JsonSchema | boolean,
  root: JsonSchema | boolean = schema,
  depth = 0,
): string[] | undefined {
  if (typeof schema === "boolean" || depth > MAX_DEPTH) return undefined;
  const inner = (part: JsonSchema | boolean): string[] | undefined =>
    namesOf(part, root, depth + 1);
  if (schema.$ref !== undefined) return inner(resolve(schema.$ref, root));
  if (schema.properties) return Object.keys(schema.properties);
  if (schema.allOf) {
    const names = schema.allOf.map(inner);
    return names.every((some) => some !== undefined) ? [...new Set(names.flat())] : undefined;
  }
  const objects = (schema.anyOf ?? schema.oneOf ?? []).filter((option) =>
    !["scalar", "nothing"].includes(kindOf(option, root, depth + 1))
  );
  return objects.length === 1 ? inner(objects[0]!) : undefined;
}

/** References that only go round are followed this far; no real schema comes near. */
const MAX_DEPTH = 32;

/** A reference within the document, `#` or `#/definitions/x`; others are not followed. */
function resolve(ref: string, root: JsonSchema | boolean): JsonSchema | boolean {
  if (!/^#(\/|$)/.test(ref)) return true;
  return (valueAt(root, ref.slice(1)) ?? true) as JsonSchema | boolean;
}

/** A copy whose references within itself start at `at`, where the copy will stand. */
export function placedAt(at: string, schema: JsonSchema): JsonSchema {
  const copy = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(copy);
    if (!hasMembers(part)) return part;
    return Object.fromEntries(
      Object.entries(part).map(([key, value]) => [
        key,
        // A property that is named "$ref" has a schema here, no string.
        key === "$ref" && typeof value === "string" && value.startsWith("#")
          ? at + value.slice(1)
          : copy(value),
      ]),
    );
  };
  return copy(schema) as JsonSchema;
}

/** Reads a library's own node as JSON Schema. */
export type Part = (node: unknown) => JsonSchema;

/** An object with these entries; `rest` is what may stand beside them, `false` is nothing. */
export function objectOf(
  entries: Readonly<Record<string, unknown>>,
  rest: unknown,
  part: Part,
  mayBeAbsent: (entry: unknown) => boolean,
): JsonSchema {
  const names = Object.keys(entries);
  const required = names.filter((name) => !mayBeAbsent(entries[name]));
  return {
    type: "object",
    // fromEntries defines, where an assignment to "__proto__" would set the prototype.
    properties: Object.fromEntries(names.map((name) => [name, part(entries[name])])),
    ...(required.length > 0 && { required }),
    ...(rest !== undefined && { additionalProperties: restOf(rest, part) }),
  };
}

/** An array that starts with these items; `rest` is what may follow them, `false` is nothing. */
export function tupleOf(
  items: readonly unknown[],
  rest: unknown,
  part: Part,
  mayBeAbsent: (item: unknown) => boolean,
): JsonSchema {
  return {
    type: "array",
    // Draft-07 has no empty list of items.
    ...(items.length > 0 && { items: items.map(part) }),
    minItems: items.findLastIndex((item) => !mayBeAbsent(item)) + 1,
    ...(rest === false && { maxItems: items.length }),
    ...(hasMembers(rest) && { [items.length > 0 ? "additionalItems" : "items"]: part(rest) }),
  };
}

/** What may stand beside the named entries; a `never` says "nothing", as `false` does. */
function restOf(rest: unknown, part: Part): JsonSchema | boolean {
  if (rest === false) return false;
  const found = part(rest);
  return found === NOTHING ? false : found;
}

/** One of these values; anything, when JSON cannot say one of them. */
export function valuesOf(values: readonly unknown[]): JsonSchema {
  const json = values.filter(isJson);
  if (json.length === 0) return values.every((value) => value === undefined) ? NOTHING : {};
  if (json.length < values.length) return {};
  return json.length === 1 ? { const: json[0] } : { enum: json };
}

/** Whether a value reads the same after JSON. */
export function isJson(value: unknown): boolean {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  return hasMembers(value) && Object.getPrototypeOf(value) === Object.prototype &&
    Object.values(value).every(isJson);
}

/** Whether a description allows no value: `{ not: {} }`. */
export function isNothing(schema: JsonSchema): boolean {
  return hasMembers(schema.not) && Object.keys(schema.not).length === 0;
}

/** Whether a value has members: an object, an array or a function. Schemas of arktype are functions. */
export function hasMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && (typeof value === "object" || typeof value === "function");
}

/** What a pointer leads to from here, undefined if nothing is there. Source: RFC 6901, section 6. @param pointer such as `/a/b~1c` */
export function valueAt(root: unknown, pointer: string): unknown {
  let found = root;
  for (const step of decodeURIComponent(pointer).split("/").slice(1)) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (found === null || typeof found !== "object" || !Object.hasOwn(found, key)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[key];
  }
  return found;
}

/** A name as one step of a pointer. */
export function stepOf(name: string): string {
  return encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
}
