/**
 * JSON Schema as a TypeScript type. Pure: a schema goes in, the text of a type comes out.
 *
 * It reads what schemas of methods are made of; of what TypeScript cannot say (lengths, patterns, `not`,
 * `if`) nothing remains. A converter of its own, because the known one is a package with a formatter in
 * it, and client.ts must run from its URL with nothing to download.
 *
 * @module
 */

import { type Described, isRecord, type Schema, shortened } from "./discover.ts";
import { printable } from "../text/printable.ts";

/** How a type is written. */
export interface TypeStyle {
  /** The name that a `$ref` is written as. */
  readonly nameOf: (ref: string) => string;
  /** Whether a long object may take several lines, and tell what its members are. */
  readonly multiline: boolean;
  /** What is written for bytes; without it their marker, as it travels. */
  readonly bytes?: string;
  /** What all types that are written so may take together. */
  readonly room: Room;
  /**
   * Whether a `$ref` says nothing here, because it leads back to the type that is being declared: it would
   * refer to itself alone. Within an object or an array it may.
   */
  readonly leavesOut?: ((ref: string) => boolean) | undefined;
}

/** A number of characters, and what happens where they do not suffice. */
export class Room {
  #left: number;
  readonly #onEnd: () => void;

  /**
   * @param characters about how many there may be
   * @param onEnd told once there were more; what it throws ends the writing, and where it throws
   * nothing the rest is written as `…`
   */
  constructor(characters: number, onEnd: () => void = () => {}) {
    this.#left = characters;
    this.#onEnd = onEnd;
  }

  /** Takes so many characters; false where there are no more. */
  take(characters: number): boolean {
    this.#left -= characters;
    if (this.#left >= 0) return true;
    this.#onEnd();
    return false;
  }

  get isFull(): boolean {
    return this.#left < 0;
  }
}

/** A type, and how tightly it holds together: what is looser needs parentheses in an array. */
interface Type {
  readonly text: string;
  readonly binds: "alone" | "loosely";
}

/** Objects that are longer than this take several lines. */
const WIDTH = 80;

const UNKNOWN: Type = { text: "unknown", binds: "alone" };

/** What a reference says that is left out. */
const NOTHING: Type = { text: "", binds: "alone" };

/** What stands for all that there is no room for. */
const REST: Type = { text: "…", binds: "alone" };

/** Characters that a part of a type takes at least, with what stands between it and the next. */
const PART = 8;

/** The TypeScript type of what a schema takes. */
export function typeOf(schema: Schema, style: TypeStyle, indent = ""): string {
  const { text } = convert(schema, style, indent);
  return text === NOTHING.text ? UNKNOWN.text : text;
}

/** A name as the key of a member. One that is too long for any key is cut, and says so. */
export function memberName(name: string): string {
  name = shortened(name)!;
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : printable(JSON.stringify(name));
}

/** Text of somebody else's as a comment, which it cannot end. */
export function docComment(texts: readonly (string | undefined)[], indent: string): string {
  const lines = texts.filter((text) => text !== undefined && text.trim() !== "")
    .flatMap((text, index) => [...(index > 0 ? [""] : []), ...text!.trim().split(/\r?\n/)])
    .map((line) => printable(line.trimEnd().replaceAll("\t", "  ")).replaceAll("*/", "*\\/"));
  if (lines.length === 0) return "";
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${
    lines.map((line) => `${indent} *${line && " "}${line}\n`).join("")
  }${indent} */\n`;
}

function convert(schema: unknown, style: TypeStyle, indent: string): Type {
  if (!style.room.take(PART)) return REST;
  if (schema === false) return { text: "never", binds: "alone" };
  if (!isRecord(schema)) return UNKNOWN;
  const { $ref, anyOf, oneOf, allOf, nullable } = schema;
  if (typeof $ref === "string" && style.leavesOut?.($ref)) return NOTHING;
  const each = (schemas: readonly unknown[]) =>
    eachOf(schemas, style.room, (schema) => convert(schema, style, indent), REST);
  const all = [
    ...(typeof $ref === "string" ? [named($ref, style)] : []),
    ownType(schema, style, indent),
    ...[anyOf, oneOf].filter(Array.isArray).map((schemas) => union(each(schemas))),
    ...(Array.isArray(allOf) ? each(allOf) : []),
  ];
  const type = intersection(all);
  return nullable === true ? union([type, alone("null")]) : type;
}

/** Converts one after another, as long as there is room. */
function eachOf<A, B>(all: Iterable<A>, room: Room, convert: (one: A) => B, rest: B): B[] {
  const converted: B[] = [];
  for (const one of all) {
    if (room.isFull) return [...converted, rest];
    converted.push(convert(one));
  }
  return converted;
}

function named(ref: string, { nameOf, room }: TypeStyle): Type {
  const text = nameOf(ref);
  room.take(text.length);
  return alone(text);
}

/** What a schema says itself, apart from the schemas that it is made of. */
function ownType(
  schema: Described,
  style: TypeStyle,
  indent: string,
): Type {
  const { room } = style;
  if (Object.hasOwn(schema, "const")) return literal(schema.const, room);
  if (Array.isArray(schema.enum)) {
    return union(eachOf(schema.enum, room, (value) => literal(value, room), REST));
  }
  const { type } = schema;
  const types = Array.isArray(type) ? type : type === undefined ? [impliedType(schema)] : [type];
  const typeNamed = (name: unknown) => {
    switch (name) {
      case "string":
      case "boolean":
      case "null":
        return alone(name);
      case "number":
      case "integer":
        return alone("number");
      case "array":
        return arrayType(schema, within(style), indent);
      case "object":
        return objectType(schema, within(style), indent);
      default:
        return UNKNOWN;
    }
  };
  return union(eachOf(types, room, typeNamed, REST));
}

/** How the parts of an object or an array are written. */
function within(style: TypeStyle): TypeStyle {
  return style.leavesOut === undefined ? style : { ...style, leavesOut: undefined };
}

function impliedType(schema: Described): string | undefined {
  if (schema.properties !== undefined || schema.additionalProperties !== undefined) return "object";
  return schema.items !== undefined || schema.prefixItems !== undefined ? "array" : undefined;
}

function arrayType(
  { items, prefixItems, additionalItems, minItems }: Described,
  style: TypeStyle,
  indent: string,
): Type {
  // Before draft 2020-12 the places of a tuple stood in `items`, and the rest in `additionalItems`.
  const [places, rest] = Array.isArray(prefixItems)
    ? [prefixItems, items]
    : Array.isArray(items)
    ? [items, additionalItems]
    : [undefined, items];
  const others = convert(rest ?? {}, style, indent);
  if (places === undefined) return alone(`${enclosed(others)}[]`);
  const required = typeof minItems === "number" ? minItems : places.length;
  const parts = eachOf(places.entries(), style.room, ([index, place]) => {
    const type = convert(place, style, indent);
    return index < required ? type.text : `${enclosed(type)}?`;
  }, REST.text);
  if (isRecord(rest) || rest === true) parts.push(`...${enclosed(others)}[]`);
  return alone(`[${parts.join(", ")}]`);
}

function objectType(
  { properties, required, additionalProperties, patternProperties }: Readonly<
    Record<string, unknown>
  >,
  style: TypeStyle,
  indent: string,
): Type {
  const known = new Map(isRecord(properties) ? Object.entries(properties) : []);
  const marker = known.get("$base64");
  if (
    style.bytes !== undefined && known.size === 1 && isRecord(marker) &&
    marker["contentEncoding"] === "base64"
  ) return alone(style.bytes);
  const needed = new Set(Array.isArray(required) ? required.filter(isText) : []);
  for (const name of needed) if (!known.has(name)) known.set(name, {});
  const isOpen = isRecord(additionalProperties) || additionalProperties === true ||
    isRecord(patternProperties);
  if (known.size === 0) {
    const value = isOpen ? convert(additionalProperties ?? {}, style, indent) : UNKNOWN;
    // The value of a Record must not be the type that is being declared.
    const isOwn = /^[a-z]+$/.test(value.text);
    return alone(isOwn ? `Record<string, ${value.text}>` : `{ [name: string]: ${value.text} }`);
  }
  const inner = indent + "  ";
  const members = eachOf(known, style.room, ([name, schema]) => {
    const mark = needed.has(name) ? "" : "?", key = memberName(name);
    const doc = style.multiline && isRecord(schema)
      ? docComment([shortened(schema.description)], inner)
      : "";
    style.room.take(key.length + doc.length);
    return { doc, text: `${key}${mark}: ${convert(schema, style, inner).text}` };
  }, { doc: "", text: REST.text });
  // What the named members are, an index signature would have to be too: of the others nothing is said.
  if (isOpen) members.push({ doc: "", text: "[name: string]: unknown" });
  const short = `{ ${members.map(({ text }) => text).join("; ")} }`;
  const isShort = short.length + indent.length <= WIDTH && members.every(({ doc }) => doc === "");
  if (!style.multiline || isShort) return alone(short);
  return alone(
    `{\n${members.map(({ doc, text }) => `${doc}${inner}${text};\n`).join("")}${indent}}`,
  );
}

/** JSON is TypeScript: a value is written as its own type. */
function literal(value: unknown, room: Room): Type {
  const text = JSON.stringify(value);
  return room.take(PART + text.length) ? alone(printable(text)) : REST;
}

function alone(text: string): Type {
  return { text, binds: "alone" };
}

function union(types: readonly Type[]): Type {
  const said = types.filter((type) => type !== NOTHING);
  const texts = [...new Set(said.map(({ text }) => text))];
  if (texts.includes("unknown") || texts.length === 0) return UNKNOWN;
  if (texts.length === 1) return said[0]!;
  return { text: texts.join(" | "), binds: "loosely" };
}

function intersection(types: readonly Type[]): Type {
  const known = types.filter((type) => type !== NOTHING && type.text !== "unknown");
  if (known.length < 2) return known[0] ?? UNKNOWN;
  return { text: [...new Set(known.map(enclosed))].join(" & "), binds: "loosely" };
}

function enclosed({ text, binds }: Type): string {
  return binds === "alone" ? text : `(${text})`;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
