/**
 * A server's description as a TypeScript module that exports the type `Api`. Pure: a description goes
 * in, the text of a module comes out.
 *
 * @module
 */

import { type Description, type MethodDescription, resolved, type Schema } from "./discover.ts";
import { docComment, memberName, typeOf, type TypeStyle } from "./schema_type.ts";

/** Names that a type of the server's cannot have: they mean something here. */
const TAKEN = ["Api", "Array", "Method", "NoErrors", "Notification", "Record", "StandardSchema"];

/** An API as a tree: methods, and objects of them. */
type Tree = Map<string, Tree | MethodDescription>;

/**
 * The module.
 *
 * @param from where the library's types are imported from: the address of client.ts
 */
export function typesModule(description: Description, from: string): string {
  const { title, version } = description;
  const names = new TypeNames(description);
  const style: TypeStyle = { multiline: true, nameOf: (ref) => names.of(ref) };
  const api = `export interface Api ${treeText(treeOf(description.methods), style, "")}\n`;
  const types = names.declarations(style);
  const body = [api, ...types].join("\n");
  const imports = ["Method", "NoErrors", "Notification", "StandardSchema", "Stream"]
    .filter((name) => new RegExp(`: ${name}\\b|<[^;]*\\b${name}\\b`).test(body));
  const about = [title, version].filter((text) => text !== "").join(" ") || "a server";
  return docComment(
    [`The API of ${about}, as it describes itself; made by client.ts --types.`],
    "",
  ) +
    (imports.length === 0
      ? ""
      : `import type { ${imports.join(", ")} } from ${JSON.stringify(from)};\n`) +
    "\n" + body;
}

/**
 * Methods by the parts of their names. Where a name is a method and a beginning of others, these stand
 * under their whole names: `call["a.b"]` calls the same as `call.a.b`.
 */
function treeOf(methods: readonly MethodDescription[]): Tree {
  const names = new Set(methods.map(({ name }) => name));
  const tree: Tree = new Map();
  for (const method of methods) {
    const parts = method.name.split(".");
    const isHidden = parts.some((part, index) =>
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

function treeText(tree: Tree, style: TypeStyle, indent: string): string {
  const inner = indent + "  ";
  const members = Array.from(tree, ([name, member]) => {
    if (member instanceof Map) {
      return `${inner}${memberName(name)}: ${treeText(member, style, inner)};\n`;
    }
    const { summary, description, deprecated } = member;
    const doc = docComment([summary, description, deprecated ? "@deprecated" : undefined], inner);
    return `${doc}${inner}${memberName(name)}: ${methodType(member, style, inner)};\n`;
  });
  return `{\n${members.join("")}${indent}}`;
}

/** `Method<Value, Result>` and its kin, as `typeof api` would have it at the server. */
function methodType(method: MethodDescription, style: TypeStyle, indent: string): string {
  const { result, down, up, errors } = method;
  const value = valueType(method, style, indent);
  if (result === undefined && down === undefined) return `Notification<${value}>`;
  const declared = errors.filter(({ schema }) => schema !== undefined);
  const errorTypes = declared.length === 0
    ? "NoErrors"
    : `{ ${
      declared.map(({ name, schema }) =>
        `${memberName(name)}: StandardSchema<unknown, ${typeOf(schema!, style, indent)}>`
      ).join("; ")
    } }`;
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
      texts.push(`export type ${name} = ${typeOf(schema, style)};\n`);
    }
    return texts;
  }

  /** `#/components/schemas/user-profile` is `UserProfile`. */
  #free(ref: string): string {
    const parts = ref.replace(/^#\/(components\/schemas\/)?/, "").split(/[^A-Za-z0-9]+/);
    const base = parts.filter((part) => !["", "properties", "items"].includes(part))
      .map((part) => part[0]!.toUpperCase() + part.slice(1)).join("")
      .replace(/^(?=[^A-Za-z]|$)/, "Type");
    const taken = new Set([...TAKEN, "Stream", ...this.#names.values()]);
    let name = base;
    for (let n = 2; taken.has(name); n++) name = base + n;
    return name;
  }
}
