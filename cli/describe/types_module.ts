/**
 * A server's description as a TypeScript module that exports the type `Api`. Pure: a description goes
 * in, the text of a module comes out.
 *
 * @module
 */

import {
  type Description,
  isRecord,
  type MethodDescription,
  resolved,
  type Schema,
} from "./discover.ts";
import { docComment, memberName, Room, typeOf, type TypeStyle } from "./schema_type.ts";

/** The library's types that a module may need. */
const IMPORTED = ["Method", "NoErrors", "Notification", "StandardSchema", "Stream"] as const;

/** About how many characters a module may have. */
const MAX_MODULE = 1 << 23;

/** Parts of a name that become objects within each other; one of more parts is not taken apart. */
const MAX_NESTED = 16;

/** Types that are looked at to tell whether one of them leads to another. */
const MAX_STEPS = 1000;

/** Characters of the name of a type. */
const MAX_TYPE_NAME = 64;

/** An API as a tree: methods, and objects of them. */
type Tree = Map<string, Tree | MethodDescription>;

/** How the types of a module are written; notes what they need of the library. */
interface ModuleStyle extends TypeStyle {
  readonly used: Set<typeof IMPORTED[number]>;
}

/**
 * The module.
 *
 * @throws {TypeError} where it would be too long; the message is one line
 * @param from where the library's types are imported from: the address of client.ts
 * @param about what stands above them, for a person
 */
export function typesModule(
  description: Description,
  from: string,
  about: string = aboutServer(description),
): string {
  const names = new TypeNames(description);
  const style: ModuleStyle = {
    multiline: true,
    bytes: "Uint8Array", // the line makes the marker of it, and it of the marker
    nameOf: (ref) => names.of(ref),
    room: new Room(MAX_MODULE, () => {
      throw new TypeError(
        `Cannot write the types: they would be longer than ${MAX_MODULE} characters`,
      );
    }),
    used: new Set(),
  };
  const api = `export interface Api ${treeText(treeOf(description.methods), style, "")}\n`;
  const body = [api, ...names.declarations(style)].join("\n");
  const imports = IMPORTED.filter((name) => style.used.has(name));
  return docComment([about], "") +
    (imports.length === 0
      ? ""
      : `import type { ${imports.join(", ")} } from ${JSON.stringify(from)};\n`) +
    "\n" + body;
}

function aboutServer({ title, version }: Description): string {
  const name = [title, version].filter((text) => text !== "").join(" ") || "a server";
  return `The API of ${name}, as it describes itself; made by client.ts --types.`;
}

/**
 * Methods by the parts of their names. Where a name is a method and a beginning of others, these stand
 * under their whole names, and so do names of many parts: `call["a.b"]` calls the same as `call.a.b`.
 */
function treeOf(methods: readonly MethodDescription[]): Tree {
  const names = new Set(methods.map(({ name }) => name));
  const tree: Tree = new Map();
  for (const method of methods) {
    const parts = method.name.split(".");
    const isHidden = parts.length > MAX_NESTED ||
      parts.some((part, index) =>
        part === "" || index > 0 && names.has(parts.slice(0, index).join("."))
      );
    if (isHidden) {
      tree.set(method.name, method);
      continue;
    }
    let at = tree;
    for (const part of parts.slice(0, -1)) {
      let below = at.get(part);
      if (!(below instanceof Map)) at.set(part, below = new Map());
      at = below;
    }
    at.set(parts.at(-1)!, method);
  }
  return tree;
}

function treeText(tree: Tree, style: ModuleStyle, indent: string): string {
  const inner = indent + "  ";
  const members = Array.from(tree, ([name, member]) => {
    if (member instanceof Map) {
      return `${inner}${memberName(name)}: ${treeText(member, style, inner)};\n`;
    }
    const { summary, description, deprecated } = member;
    const doc = docComment([summary, description, deprecated ? "@deprecated" : undefined], inner);
    style.room.take(name.length + doc.length);
    return `${doc}${inner}${memberName(name)}: ${methodType(member, style, inner)};\n`;
  });
  return `{\n${members.join("")}${indent}}`;
}

/** `Method<Value, Result>` and its kin, as `typeof api` would have it at the server. */
function methodType(method: MethodDescription, style: ModuleStyle, indent: string): string {
  const { result, down, up, errors } = method, { used } = style;
  const value = valueType(method, style, indent);
  if (result === undefined && down === undefined) {
    used.add("Notification");
    return `Notification<${value}>`;
  }
  const declared = errors.filter(({ schema }) => schema !== undefined);
  const errorTypes = declared.length === 0
    ? "NoErrors"
    : `{ ${
      declared.map(({ name, schema }) =>
        `${memberName(name)}: StandardSchema<unknown, ${typeOf(schema!, style, indent)}>`
      ).join("; ")
    } }`;
  used.add(declared.length === 0 ? "NoErrors" : "StandardSchema");
  used.add(down === undefined ? "Method" : "Stream");
  const items = up === undefined ? "never" : typeOf(up, style, indent);
  return down === undefined
    ? `Method<${value}, ${typeOf(result!, style, indent)}, ${errorTypes}, ${items}>`
    : `Stream<${value}, ${typeOf(down, style, indent)}, unknown, ${errorTypes}, ${items}>`;
}

/** What a caller passes: an object travels by name, an array by position, anything else alone. */
function valueType(
  { params, structure }: MethodDescription,
  style: TypeStyle,
  indent: string,
): string {
  if (params.length === 0) return "undefined";
  const isOptional = params.every(({ required }) => !required);
  const orNothing = (type: string) =>
    isOptional && type !== "unknown" ? `${type} | undefined` : type;
  if (structure !== "by-position") {
    const properties = Object.fromEntries(params.map(({ name, schema }) => [name, schema]));
    const required = params.filter(({ required }) => required).map(({ name }) => name);
    return orNothing(typeOf({ type: "object", properties, required }, style, indent));
  }
  const [only] = params;
  if (params.length === 1 && (only!.name === "value" || isScalar(only!.schema))) {
    return orNothing(typeOf(only!.schema, style, indent));
  }
  const minItems = params.filter(({ required }) => required).length;
  const items = params.map(({ schema }) => schema);
  return orNothing(typeOf({ type: "array", items, minItems }, style, indent));
}

/** Whether a value travels as the only item of an array, whatever it is. */
function isScalar(schema: Schema): boolean {
  const { type } = typeof schema === "object" ? schema : {};
  return ["string", "number", "integer", "boolean", "null"].includes(type as string);
}

/** The types that schemas refer to, by names of their own. */
class TypeNames {
  readonly #description: Description;
  readonly #names = new Map<string, string>();
  /** Names that no other type can have, with the number that the next of the same name tries first. */
  readonly #taken = new Map<string, number>(
    ["Api", "Array", "Record", "Uint8Array", ...IMPORTED].map((name) => [name, 2]),
  );

  constructor(description: Description) {
    this.#description = description;
  }

  /** The name of what a reference means; `unknown` where it means nothing. */
  of(ref: string): string {
    const known = this.#names.get(ref);
    if (known !== undefined) return known;
    if (resolved({ $ref: ref }, this.#description.document) === undefined) return "unknown";
    const name = this.#free(ref);
    this.#names.set(ref, name);
    return name;
  }

  /** All of them, and those that they refer to. */
  declarations(style: TypeStyle): string[] {
    const texts: string[] = [];
    // A map that grows while it is looped over gives what is new, too.
    for (const [ref, name] of this.#names) {
      const schema = resolved({ $ref: ref }, this.#description.document) as Schema;
      const text = typeOf(schema, {
        ...style,
        leavesOut: (other) => this.#leads(other, ref, style),
      });
      texts.push(`export type ${name} = ${text};\n`);
    }
    return texts;
  }

  /** Whether a type is another one, or the union or intersection of some of which one leads there. */
  #leads(from: string, to: string, { room }: TypeStyle): boolean {
    const seen = new Set<string>();
    const leads = (schema: unknown): boolean => {
      if (!room.take(1) || !isRecord(schema)) return false; // looking takes time, as writing does
      const { $ref, anyOf, oneOf, allOf } = schema;
      if (typeof $ref === "string") {
        if ($ref === to) return true;
        if (!seen.has($ref) && seen.size < MAX_STEPS) {
          seen.add($ref);
          if (leads(resolved(schema, this.#description.document))) return true;
        }
      }
      return [anyOf, oneOf, allOf].some((parts) => Array.isArray(parts) && parts.some(leads));
    };
    return leads({ $ref: from });
  }

  /** `#/components/schemas/user-profile` is `UserProfile`. */
  #free(ref: string): string {
    const parts = ref.replace(/^#\/(components\/schemas\/)?/, "").split(/[^A-Za-z0-9]+/);
    const base = parts.filter((part) => !["", "properties", "items"].includes(part))
      .map((part) => part[0]!.toUpperCase() + part.slice(1)).join("")
      .replace(/^(?=[^A-Za-z]|$)/, "Type").slice(0, MAX_TYPE_NAME);
    let name = base;
    for (let n = this.#taken.get(base) ?? 2; this.#taken.has(name); n++) {
      name = base + n;
      this.#taken.set(base, n + 1);
    }
    this.#taken.set(name, this.#taken.get(name) ?? 2);
    return name;
  }
}
