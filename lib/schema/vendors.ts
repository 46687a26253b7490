/**
 * JSON Schema from the objects that a validator builds, for those that cannot say it themselves:
 * valibot, and the zods without a converter (`zod/mini`, and zod before 4.2). zod's outline is also
 * read here when only the outline is wanted, which takes a tenth of the time of its converter.
 *
 * What is not recognised becomes `{}`, "anything": a description may say too little, never
 * something wrong.
 *
 * @module
 */

import {
  BYTES,
  DATE_TIME,
  hasMembers,
  isJson,
  type JsonSchema,
  NOTHING,
  objectOf,
  type Part,
  tupleOf,
  valuesOf,
} from "./json_schema.ts";

/** What a schema takes, or what it makes of that. */
type Direction = "input" | "output";

/** How far to read: the value's own kind and the names of its properties, or everything. */
type Depth = "outline" | "whole";

/** The members that are read of the nodes of either library. */
type Member =
  | "Class"
  | "catchall"
  | "class"
  | "default"
  | "description"
  | "element"
  | "entries"
  | "format"
  | "getter"
  | "in"
  | "innerType"
  | "item"
  | "items"
  | "kind"
  | "left"
  | "literal"
  | "metadata"
  | "options"
  | "out"
  | "pipe"
  | "rest"
  | "right"
  | "shape"
  | "title"
  | "type"
  | "value"
  | "valueType"
  | "wrapped";

/** A node, which may have any other members too. */
type Node = { readonly [name in Member]?: unknown } & Readonly<Record<string, unknown>>;

interface Reading {
  readonly direction: Direction;
  /** Reads another node that describes the same value: what a wrapper wraps, a union's option. */
  readonly same: Part;
  /** Reads a node that describes a part of the value; not read for an outline. */
  readonly part: Part;
}

/** Reads a schema of zod 4 or valibot; undefined for any other, zod 3 and wrapped ones too. */
export function structureOf(
  schema: object,
  vendor: string,
  direction: Direction,
  depth: Depth,
): JsonSchema | undefined {
  const read = vendor === "zod" && "_zod" in schema
    ? readZod
    : vendor === "valibot" && "kind" in schema
    ? readValibot
    : undefined;
  if (read === undefined) return undefined;
  // A schema that contains itself is cut where it comes round: `{}` is true, and ends.
  const open = new Set<unknown>();
  const same: Part = (node) => {
    if (!isNode(node) || open.has(node)) return {};
    open.add(node);
    const found = read(node, { direction, same, part });
    open.delete(node);
    return found;
  };
  const part: Part = depth === "whole" ? same : () => ({});
  return same(schema);
}

/** zod 4, whose nodes keep what they were made from in `_zod.def` (the same in zod/mini). */
function readZod(node: Node, { direction, same, part }: Reading): JsonSchema {
  const { def, values, bag } = zodOf(node);
  const optionality = direction === "input" ? "optin" : "optout";
  const mayBeAbsent = (entry: unknown): boolean => zodOf(entry)[optionality] !== undefined;
  switch (def.type) {
    case "string":
    case "template_literal":
      return { type: "string" };
    case "number":
      return { type: /int/.test(String(def.format)) ? "integer" : "number" };
    case "boolean":
    case "null":
      return { type: def.type };
    case "date":
      return DATE_TIME;
    case "undefined":
    case "void":
    case "never":
      return NOTHING;
    case "literal":
    case "enum":
      return valuesOf([...values]);
    case "array":
      return { type: "array", items: part(def.element) };
    case "tuple":
      return tupleOf(list(def.items), def.rest ?? false, part, mayBeAbsent);
    case "object":
      return objectOf(def.shape as Node, def.catchall, part, mayBeAbsent);
    case "record":
      return { type: "object", additionalProperties: part(def.valueType) };
    case "union":
      return { anyOf: list(def.options).map(same) };
    case "intersection":
      return { allOf: [same(def.left), same(def.right)] };
    case "nullable":
      return { anyOf: [same(def.innerType), { type: "null" }] };
    case "lazy":
      return same((def.getter as () => unknown)());
    case "custom": // z.instanceof()
      return bag.Class === Uint8Array ? BYTES : {};
    case "pipe":
      // preprocess() is a pipe out of a transform: what it takes is told by what follows.
      return same(
        direction === "output" || zodOf(def.in).def.type === "transform" ? def.out : def.in,
      );
    default:
      // optional, default, prefault, catch, readonly, nonoptional: the wrapped one says it all.
      return "innerType" in def ? same(def.innerType) : {};
  }
}

interface Zod {
  readonly def: Node;
  readonly values: Iterable<unknown>;
  readonly bag: Node;
  readonly optin: unknown;
  readonly optout: unknown;
}

function zodOf(node: unknown): Zod {
  return (node as { _zod: Zod })._zod;
}

/** valibot 1, whose nodes are plain objects with a `type`. */
function readValibot(node: Node, reading: Reading): JsonSchema {
  const { direction, same, part } = reading;
  if (Array.isArray(node.pipe)) return readPipe(node.pipe, reading);
  const mayBeAbsent = (entry: unknown): boolean => valibotMayBeAbsent(entry, direction);
  switch (node.type) {
    case "string":
    case "number":
    case "boolean":
    case "null":
      return { type: node.type };
    case "date":
      return DATE_TIME;
    case "undefined":
    case "void":
    case "never":
      return NOTHING;
    case "literal":
      return valuesOf([node.literal]);
    case "picklist":
    case "enum":
      return valuesOf(list(node.options));
    case "array":
      return { type: "array", items: part(node.item) };
    case "strict_tuple":
      return tupleOf(list(node.items), false, part, mayBeAbsent);
    case "tuple":
    case "loose_tuple":
    case "tuple_with_rest":
      return tupleOf(list(node.items), node.rest, part, mayBeAbsent);
    case "strict_object":
      return objectOf(node.entries as Node, false, part, mayBeAbsent);
    case "object":
    case "loose_object":
    case "object_with_rest":
      return objectOf(node.entries as Node, node.rest, part, mayBeAbsent);
    case "record":
      return { type: "object", additionalProperties: part(node.value) };
    case "optional":
    case "exact_optional":
    case "undefinedable":
      return { ...same(node.wrapped), ...defaultOf(node) };
    case "nullable":
    case "nullish":
      return { anyOf: [same(node.wrapped), { type: "null" }], ...defaultOf(node) };
    case "non_optional":
    case "non_nullable":
    case "non_nullish":
      return same(node.wrapped);
    case "union":
    case "variant":
      return { anyOf: list(node.options).map(same) };
    case "intersect":
      return { allOf: list(node.options).map(same) };
    case "lazy":
      return same((node.getter as (input: unknown) => unknown)(undefined));
    case "instance":
      return node.class === Uint8Array ? BYTES : {};
    default:
      return {};
  }
}

/** What valibot's own transformations make; any other makes something that cannot be told. */
const MADE_BY: ReadonlyMap<unknown, JsonSchema> = new Map<string, JsonSchema>([
  ...["trim", "trim_start", "trim_end", "normalize", "to_lower_case", "to_upper_case", "to_string"]
    .map((type): [string, JsonSchema] => [type, { type: "string" }]),
  ["to_number", { type: "number" }],
  ["to_boolean", { type: "boolean" }],
  ["to_date", DATE_TIME],
]);

/** Transformations in name only: the value stays as it was. */
const CHANGES_NOTHING: ReadonlySet<unknown> = new Set(["brand", "flavor", "readonly"]);

/**
 * A pipe: one schema, then checks, transformations, remarks and further schemas, in order. A check
 * counts for the input while nothing has changed the value, and for the output from the last change
 * on; remarks are about the whole.
 */
function readPipe([first, ...actions]: unknown[], { direction, same }: Reading): JsonSchema {
  let found = same(first);
  let changed = false;
  for (const action of actions) {
    if (!isNode(action)) continue;
    if (action.kind === "metadata") {
      found = { ...found, ...remark(action) };
    } else if (action.kind === "validation") {
      if (direction === "output" || !changed) found = { ...found, ...check(action, found) };
    } else if (!CHANGES_NOTHING.has(action.type)) {
      changed = true;
      if (direction === "input") continue;
      found = action.kind === "schema" ? same(action) : MADE_BY.get(action.type) ?? {};
    }
  }
  return found;
}

function remark(action: Node): JsonSchema {
  const said = action.type === "metadata" && isNode(action.metadata) ? action.metadata : action;
  return {
    ...(typeof said.title === "string" && { title: said.title }),
    ...(typeof said.description === "string" && { description: said.description }),
  };
}

/** The formats that JSON Schema means as valibot does; the other text checks travel as patterns. */
const FORMATS: ReadonlyMap<unknown, string> = new Map([
  ["email", "email"],
  ["rfc_email", "email"],
  ["url", "uri"],
  ["uuid", "uuid"],
  ["ipv4", "ipv4"],
  ["ipv6", "ipv6"],
  ["iso_date", "date"],
  ["iso_timestamp", "date-time"],
]);

/** One check as keywords; none for what JSON Schema cannot say. */
function check({ type, requirement }: Node, about: JsonSchema): JsonSchema {
  const format = FORMATS.get(type);
  if (format !== undefined) return { format };
  if (type === "integer" || type === "safe_integer") return { type: "integer" };
  if (type === "non_empty") return { [about.type === "array" ? "minItems" : "minLength"]: 1 };
  if (requirement instanceof RegExp) {
    // JSON Schema has no flags; "u" is how it reads a pattern anyway.
    const plain = !Object.hasOwn(about, "pattern") && /^u?$/.test(requirement.flags);
    return plain ? { pattern: requirement.source } : {};
  }
  if (typeof requirement !== "number" || !Number.isFinite(requirement)) return {};
  const unit = about.type === "array" ? "Items" : "Length";
  switch (type) {
    case "min_value":
      return { minimum: requirement };
    case "max_value":
      return { maximum: requirement };
    case "gt_value":
      return { exclusiveMinimum: requirement };
    case "lt_value":
      return { exclusiveMaximum: requirement };
    case "multiple_of":
      return { multipleOf: requirement };
    case "min_length":
      return { [`min${unit}`]: requirement };
    case "max_length":
      return { [`max${unit}`]: requirement };
    case "length":
      return { [`min${unit}`]: requirement, [`max${unit}`]: requirement };
    default:
      return {};
  }
}

/** Whether valibot takes (or gives) an object without this entry; a default fills it on the way. */
function valibotMayBeAbsent(entry: unknown, direction: Direction): boolean {
  if (!isNode(entry) || !/^(exact_optional|optional|nullish)$/.test(String(entry.type))) {
    return false;
  }
  return direction === "input" || entry.default === undefined;
}

/** A default given as a function is not called: it may count, or look at the clock. */
function defaultOf(node: Node): JsonSchema {
  return isJson(node.default) ? { default: node.default } : {};
}

function isNode(value: unknown): value is Node {
  return hasMembers(value);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
