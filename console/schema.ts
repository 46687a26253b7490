/**
 * What a form can show of a JSON Schema, one level at a time: a schema may refer to itself, and have ten
 * thousand members. What has no field of its own is a field of JSON.
 *
 * Nothing here checks a value: the server does. {@linkcode fits} only tells alternatives apart.
 *
 * @module
 */

import { indexIn, isRecord, type Members } from "./json.ts";
import { ABOUT, joinedAll } from "./schema_join.ts";
import { bounds, numberHint, textHint } from "./schema_words.ts";
import { isPlain } from "./visible.ts";

/** A JSON Schema as the server sent it. It may be anything. */
export type Schema = unknown;

/** A schema and what its references are looked up in, besides the document. */
export interface Part {
  readonly schema: Schema;
  /** The outermost schema in which it stands. */
  readonly base: Schema;
  /** The field, if it is known without a schema. */
  readonly field?: Field;
}

/** What all fields have. */
export interface About {
  readonly title?: string;
  readonly description?: string;
  /** The value that stands for an absent one. */
  readonly fallback?: unknown;
}

/** One member of an object. */
export interface Member {
  readonly name: string;
  readonly isRequired: boolean;
  readonly part: Part;
}

/** A field of a form. */
export type Field = About & FieldKind;

export type FieldKind =
  /** `hint` says what the text should be like. */
  | { readonly kind: "text"; readonly hint: string }
  | { readonly kind: "number"; readonly isInteger: boolean; readonly hint: string }
  /** One of these values, each as JSON has it: booleans, `null` and constants too. */
  | { readonly kind: "enum"; readonly values: readonly unknown[] }
  /** `others` is what members of any other name are, if the schema asks for such. */
  | {
    readonly kind: "object";
    readonly members: readonly Member[];
    readonly others: Part | undefined;
    /** Whether members of other names are refused. */
    readonly isClosed: boolean;
  }
  | { readonly kind: "list"; readonly item: Part; readonly hint: string }
  /** The first `required` items may not be absent. */
  | {
    readonly kind: "tuple";
    readonly items: readonly Part[];
    readonly names: readonly string[] | undefined;
    readonly required: number;
    readonly others: Part | undefined;
  }
  | { readonly kind: "choice"; readonly options: readonly Part[] }
  | { readonly kind: "bytes" }
  | { readonly kind: "json" };

/** References that lead to references. */
const MAX_STEPS = 32;

/** Schemas that `allOf` may join, and alternatives that are offered. */
const MAX_JOINED = 64;
const MAX_OPTIONS = 64;

/** Schemas that {@linkcode fits} looks at. */
const MAX_LOOKS = 500;

/** The member of this name, which may be `__proto__`; undefined if there is none. */
export function memberOf(value: unknown, name: string | number): unknown {
  return value !== null && typeof value === "object" && Object.hasOwn(value, name)
    ? (value as Members)[name]
    : undefined;
}

/** Reads the schemas of one document. */
export class Schemas {
  readonly #document: unknown;
  readonly #fields = new WeakMap<object, Field>();

  /** @param document as `rpc.discover` gives it */
  constructor(document: unknown) {
    this.#document = document;
  }

  /** The field of a schema. It is kept, so a form may ask for it again and again. */
  fieldOf(part: Part): Field {
    if (part.field !== undefined) return part.field;
    const { schema } = part;
    if (!isRecord(schema)) return { kind: "json" };
    let field = this.#fields.get(schema);
    if (field === undefined) this.#fields.set(schema, field = this.#read(part));
    return field;
  }

  /**
   * Whether a schema may take a value. Only kinds, names and constants are compared: what is not
   * compared counts as good.
   */
  fits(part: Part, value: unknown): boolean {
    let left = MAX_LOOKS;
    const look = (part: Part, value: unknown): boolean => {
      if (--left < 0) return false;
      const field = this.fieldOf(part);
      switch (field.kind) {
        case "text":
          return typeof value === "string";
        case "number":
          return typeof value === "number" && (!field.isInteger || Number.isInteger(value));
        case "enum":
          return indexIn(field.values, value) >= 0;
        case "bytes":
          return isBytes(value);
        case "list":
          return Array.isArray(value) && value.every((item) => look(field.item, item));
        case "tuple": {
          const { items, required, others } = field;
          return Array.isArray(value) && value.length >= required &&
            (others !== undefined || value.length <= items.length) &&
            value.every((item, at) => look(items[at] ?? others!, item));
        }
        case "object": {
          if (!isRecord(value)) return false;
          const { members, others, isClosed } = field;
          const known = new Set(members.map(({ name }) => name));
          return members.every(({ name, isRequired, part }) =>
            Object.hasOwn(value, name) ? look(part, value[name]) : !isRequired
          ) &&
            Object.keys(value).every((name) =>
              known.has(name) || (others === undefined ? !isClosed : look(others, value[name]))
            );
        }
        case "choice":
          return field.options.some((option) => look(option, value));
        case "json":
          return true;
      }
    };
    return look(part, value);
  }

  /** Whether the field of a schema can show a value: if not, JSON can. */
  shows(part: Part, value: unknown): boolean {
    const field = this.fieldOf(part);
    switch (field.kind) {
      case "text":
        return typeof value === "string" && isPlain(value);
      case "number":
        return typeof value === "number";
      case "enum":
        return indexIn(field.values, value) >= 0;
      case "bytes":
        return isBytes(value);
      case "list":
      case "tuple":
        return Array.isArray(value);
      case "object":
        return isRecord(value);
      case "choice":
        return this.optionOf(field.options, value) >= 0;
      case "json":
        return true;
    }
  }

  /** Which alternative a value is of: one that takes it, or else one that can show it; -1 if none can. */
  optionOf(options: readonly Part[], value: unknown): number {
    const fitting = options.findIndex((option) => this.fits(option, value));
    if (fitting >= 0) return fitting;
    let left = MAX_STEPS;
    const shown = (part: Part): boolean => {
      const field = this.fieldOf(part);
      if (field.kind !== "choice") return this.shows(part, value);
      return --left > 0 && field.options.some(shown);
    };
    return options.findIndex(shown);
  }

  // ---- From schemas to fields ----------------------------------------------------------------

  #read({ schema, base }: Part): Field {
    const joined = this.#joined(schema as Members, base);
    if (joined === undefined) return { kind: "json", ...aboutOf(schema as Members) };
    return { ...this.#kind(joined, base), ...aboutOf(joined), ...aboutOf(schema as Members) };
  }

  /** What a reference means; undefined if it leads nowhere. */
  #resolved(schema: Schema, base: Schema): Members | undefined {
    for (let steps = 0, at = schema; steps < MAX_STEPS; steps++) {
      if (!isRecord(at)) return at === true ? {} : undefined;
      const ref = memberOf(at, "$ref");
      if (ref === undefined) return at;
      if (typeof ref !== "string" || !ref.startsWith("#")) return undefined;
      at = ref === "#" ? base : pointed(this.#document, ref) ?? pointed(base, ref);
    }
    return undefined;
  }

  /** The schema without references and `allOf`; undefined if that is more than a form can say. */
  #joined(schema: Members, base: Schema): Members | undefined {
    const parts: Members[] = [];
    const collect = (schema: Schema, depth: number): boolean => {
      const found = this.#resolved(schema, base);
      if (found === undefined || depth > MAX_STEPS || parts.length > MAX_JOINED) return false;
      const { allOf, ...rest } = found;
      parts.push(rest);
      return !Array.isArray(allOf) ||
        allOf.length <= MAX_JOINED && allOf.every((it) => collect(it, depth + 1));
    };
    if (!collect(schema, 0)) return undefined;
    return parts.length === 1 ? parts[0] : joinedAll(parts);
  }

  #kind(schema: Members, base: Schema): FieldKind {
    const part = (schema: Schema): Part => ({ schema, base });
    if (Object.hasOwn(schema, "const")) return { kind: "enum", values: [schema.const] };
    if (Array.isArray(schema.enum) && schema.enum.length > 0) {
      return { kind: "enum", values: schema.enum };
    }
    if (schema.nullable === true) {
      const { nullable: _, ...others } = schema;
      return this.#choice([others, { type: "null" }], base);
    }
    const { anyOf, oneOf } = schema;
    if (Array.isArray(anyOf) && Array.isArray(oneOf)) return { kind: "json" };
    const alternatives = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : undefined;
    if (alternatives !== undefined) {
      const { anyOf: _, oneOf: __, ...others } = schema;
      const says = Object.keys(others).some((name) => !ABOUT.has(name));
      return this.#choice(
        says ? alternatives.map((it) => ({ allOf: [others, it] })) : alternatives,
        base,
      );
    }
    if (Array.isArray(schema.type)) {
      return this.#choice(schema.type.map((type) => ({ ...schema, type })), base);
    }
    switch (typeOf(schema)) {
      case "string":
        return { kind: "text", hint: textHint(schema) };
      case "integer":
        return { kind: "number", isInteger: true, hint: numberHint(schema, "integer") };
      case "number":
        return { kind: "number", isInteger: false, hint: numberHint(schema, "number") };
      case "boolean":
        return { kind: "enum", values: [true, false] };
      case "null":
        return { kind: "enum", values: [null] };
      case "array":
        return arrayKind(schema, part);
      case "object":
        return objectKind(schema, part);
      default:
        return { kind: "json" };
    }
  }

  /** A choice of these; constants alone are one list of values. */
  #choice(schemas: readonly Schema[], base: Schema): FieldKind {
    const options = schemas.filter((it) => it !== false).map((schema) => ({ schema, base }));
    if (options.length === 0 || options.length > MAX_OPTIONS) {
      return this.#values(options) ?? { kind: "json" };
    }
    if (options.length === 1) {
      const found = this.#joined(isRecord(options[0]!.schema) ? options[0]!.schema : {}, base);
      return found === undefined || found.anyOf !== undefined || found.oneOf !== undefined
        ? { kind: "json" }
        : this.#kind(found, base);
    }
    return this.#values(options) ?? { kind: "choice", options };
  }

  #values(options: readonly Part[]): FieldKind | undefined {
    const values: unknown[] = [];
    for (const { schema } of options) {
      if (!isRecord(schema)) return undefined;
      const names = Object.keys(schema);
      if (!names.every((name) => VALUES.has(name) || ABOUT.has(name))) return undefined;
      if (Object.hasOwn(schema, "const")) values.push(schema.const);
      else if (Array.isArray(schema.enum)) { for (const value of schema.enum) values.push(value); }
      else if (schema.type === "null") values.push(null);
      else return undefined;
    }
    return values.length === 0 ? undefined : { kind: "enum", values };
  }
}

/** Whether it is how bytes stand in JSON. */
export function isBytes(value: unknown): value is { readonly $base64: string } {
  return isRecord(value) && typeof memberOf(value, "$base64") === "string" &&
    Object.keys(value).length === 1;
}

/** Keywords of schemas that list their values. */
const VALUES: ReadonlySet<string> = new Set(["const", "enum", "type"]);

function aboutOf({ title, description, ...schema }: Members): About {
  return {
    ...(typeof title === "string" && { title }),
    ...(typeof description === "string" && { description }),
    ...(Object.hasOwn(schema, "default") && { fallback: schema.default }),
  };
}

/** What a JSON Pointer in a fragment leads to. */
function pointed(root: unknown, ref: string): unknown {
  let at = root;
  for (const step of ref.split("/").slice(1)) {
    let name = step;
    try {
      name = decodeURIComponent(step);
    } catch {
      // It is meant as it stands there.
    }
    at = memberOf(at, name.replaceAll("~1", "/").replaceAll("~0", "~"));
  }
  return at;
}

/** The type, also if only the keywords of the schema tell it. */
function typeOf(schema: Members): unknown {
  if (schema.type !== undefined) return schema.type;
  if (schema.properties !== undefined) return "object";
  return schema.items !== undefined || schema.prefixItems !== undefined ? "array" : undefined;
}

function arrayKind(schema: Members, part: (schema: Schema) => Part): FieldKind {
  const { items, prefixItems, minItems, maxItems } = schema;
  const first = Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : undefined;
  if (first === undefined) {
    return { kind: "list", item: part(items ?? true), hint: bounds(minItems, maxItems, "items") };
  }
  const others = first === items ? schema.additionalItems : items;
  return {
    kind: "tuple",
    items: first.map(part),
    names: undefined,
    required: typeof minItems === "number" ? Math.min(minItems, first.length) : first.length,
    others: others === undefined || others === false ? undefined : part(others),
  };
}

function objectKind(schema: Members, part: (schema: Schema) => Part): FieldKind {
  const { properties, required, additionalProperties: others } = schema;
  const needed = new Set(Array.isArray(required) ? required : []);
  const entries = isRecord(properties) ? Object.entries(properties) : [];
  const [first] = entries;
  const isMarker = entries.length === 1 && first![0] === "$base64" && needed.has("$base64");
  if (isMarker && memberOf(first![1], "type") === "string") return { kind: "bytes" };
  if (entries.length === 0 && !isRecord(others) && others !== false) return { kind: "json" };
  return {
    kind: "object",
    members: entries.map(([name, schema]) => ({
      name,
      isRequired: needed.has(name),
      part: part(schema),
    })),
    others: isRecord(others) ? part(others) : undefined,
    isClosed: others === false,
  };
}
