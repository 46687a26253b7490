/**
 * What a schema asks for and JSON cannot carry: a `bigint`, a `Map`, an instance of a class. A method with
 * such a schema compiles, and would refuse every call. Bytes and dates travel.
 *
 * Read from the objects that zod 4, valibot and arktype build. What is not recognised passes.
 *
 * @module
 */

import { hasMembers } from "./json_schema.ts";
import type { StandardSchema } from "./standard_schema.ts";

/** What cannot travel, and where in the value it stands. */
export interface Untravelled {
  /** Such as `a bigint`. */
  readonly what: string;
  /** Names and `[]` from the value down, such as `.users[].id`; empty for the value itself. */
  readonly at: string;
  /** A schema that takes what travels instead, if its library has one. */
  readonly instead?: string;
}

/** The members that are read of the nodes of these libraries. */
type Member =
  | "Class"
  | "_zod"
  | "catchall"
  | "class"
  | "coerce"
  | "declaredIn"
  | "domain"
  | "element"
  | "entries"
  | "getter"
  | "in"
  | "index"
  | "innerType"
  | "item"
  | "items"
  | "json"
  | "key"
  | "kind"
  | "left"
  | "literal"
  | "morphs"
  | "optional"
  | "options"
  | "out"
  | "pipe"
  | "prefix"
  | "proto"
  | "required"
  | "rest"
  | "right"
  | "sequence"
  | "shape"
  | "type"
  | "unit"
  | "value"
  | "valueType"
  | "variadic"
  | "wrapped";

/** A node, which may have any other members too. */
type Node = { readonly [name in Member]?: unknown };

/** Asks the same of another node, which stands there in the value. */
type Find = (node: unknown, at?: string) => Untravelled | undefined;

type Read = (node: Node, isInput: boolean, find: Find) => Untravelled | undefined;

/** The first thing in a schema that cannot travel; undefined if all can. Never throws. */
export function untravelled(
  schema: StandardSchema,
  direction: "input" | "output",
): Untravelled | undefined {
  const read = READERS.get(schema["~standard"].vendor), isInput = direction === "input";
  if (read === undefined) return undefined;
  // A schema that contains itself adds nothing where it comes round.
  const known = new Map<unknown, Untravelled | undefined>();
  const find: Find = (node, at = "") => {
    if (!hasMembers(node)) return undefined;
    if (!known.has(node)) {
      known.set(node, undefined);
      known.set(node, read(node, isInput, find));
    }
    const found = known.get(node);
    return found && { ...found, at: at + found.at };
  };
  try {
    return find(schema);
  } catch {
    return undefined; // the library builds its schemas in another way than those that are known
  }
}

/** zod 4, whose nodes keep what they were made from in `_zod.def` (the same in zod/mini). */
const readZod: Read = (node, isInput, find) => {
  const { def, bag, values } = node._zod as { def: Node; bag: Node; values?: Iterable<unknown> };
  switch (def.type) {
    case "bigint":
      return def.coerce === true && isInput ? undefined : cannot("bigint", "z.coerce.bigint()");
    case "map":
    case "set":
    case "symbol":
    case "function":
    case "promise":
    case "nan":
    case "file":
      return cannot(def.type);
    case "literal":
      return [...values ?? [""]].every((value) => typeof value === "bigint")
        ? cannot("bigint", "z.coerce.bigint()")
        : undefined;
    case "custom": // z.instanceof()
      return ofClass(bag.Class, isInput);
    case "object":
      return membersOf(def.shape, find) ?? find(def.catchall, ".*");
    case "record":
      return find(def.valueType, ".*");
    case "array":
      return find(def.element, "[]");
    case "tuple":
      return itemsOf(def.items, find) ?? find(def.rest, "[]");
    case "union":
      return ofUnion(def.options, (option) => {
        return NOTHING.has((option as { _zod: { def: Node } })._zod.def.type);
      }, find);
    case "intersection":
      return find(def.left) ?? find(def.right);
    case "lazy":
      return find((def.getter as () => unknown)());
    case "pipe": // a transformation takes, and makes, whatever it likes
      return find(isInput ? def.in : def.out);
    case "catch":
      return isInput ? undefined : find(def.innerType);
    default:
      return find(def.innerType);
  }
};

/** valibot 1, whose nodes are plain objects with a `type`. */
const readValibot: Read = (node, isInput, find) => {
  if (Array.isArray(node.pipe)) {
    const [first, ...actions] = node.pipe as Node[];
    const last = actions.findLast(({ kind }) => kind === "schema" || kind === "transformation");
    if (isInput || last === undefined) return find({ ...first, pipe: undefined });
    return last.kind === "schema" ? find(last) : undefined;
  }
  switch (node.type) {
    case "bigint":
    case "map":
    case "set":
    case "symbol":
    case "function":
    case "promise":
    case "nan":
    case "file":
    case "blob":
      return cannot(node.type);
    case "literal":
      return typeof node.literal === "bigint" ? cannot("bigint") : undefined;
    case "instance":
      return ofClass(node.class, isInput);
    case "object":
    case "loose_object":
    case "strict_object":
    case "object_with_rest":
      return membersOf(node.entries, find) ?? find(node.rest, ".*");
    case "record":
      return find(node.value, ".*");
    case "array":
      return find(node.item, "[]");
    case "tuple":
    case "loose_tuple":
    case "strict_tuple":
    case "tuple_with_rest":
      return itemsOf(node.items, find) ?? find(node.rest, "[]");
    case "union":
    case "variant":
      return ofUnion(
        node.options,
        (option) => NOTHING.has((option as Node).type),
        find,
      );
    case "intersect":
      return itemsOf(node.options, find, "");
    case "lazy":
      return find((node.getter as (input: unknown) => unknown)(undefined));
    default:
      return find(node.wrapped);
  }
};

/** arktype 2, whose schemas describe themselves as plain data in `json`; a text is a whole schema there. */
const readArktype: Read = (node, isInput, find) => {
  if ("json" in node) return find(whole(node.json));
  if (Array.isArray(node)) {
    const options = node.map(whole);
    return ofUnion(options, (option) => (option as Node).unit === null, find);
  }
  if ("morphs" in node) return isInput ? find(whole(node.in ?? node.declaredIn)) : undefined;
  const { domain, sequence } = node, proto = CLASSES.has(String(domain)) ? domain : node.proto;
  if (domain === "bigint" || domain === "symbol") return cannot(domain);
  if (typeof proto === "string" && !ARK_CARRIED.has(proto) && (isInput || CLASSES.has(proto))) {
    return cannot(CLASSES.has(proto) ? proto : "instance of a class");
  }
  const members = [node.required ?? [], node.optional ?? []].flat() as Node[];
  const inside = firstOf(members, ({ key, value }) => find(whole(value), `.${key}`)) ??
    firstOf((node.index ?? []) as Node[], ({ value }) => find(whole(value), ".*"));
  if (inside !== undefined) return inside;
  if (!hasMembers(sequence) || "domain" in sequence || Array.isArray(sequence)) {
    return find(whole(sequence), "[]");
  }
  const { prefix, variadic } = sequence as Node;
  return itemsOf([prefix, variadic].flat().map(whole), find) ??
    ("proto" in sequence || "required" in sequence ? find(sequence, "[]") : undefined);
};

function whole(node: unknown): unknown {
  return typeof node === "string" ? { domain: node } : node;
}

const READERS: ReadonlyMap<string, Read> = new Map([
  ["zod", readZod],
  ["valibot", readValibot],
  ["arktype", readArktype],
]);

/** The types of options that take nothing but null, or nothing at all. */
const NOTHING: ReadonlySet<unknown> = new Set(["null", "undefined", "void"]);

/** Classes of the language that are written as `{}`. */
const CLASSES: ReadonlySet<string> = new Set([
  "ArrayBuffer",
  "Blob",
  "File",
  "Map",
  "Promise",
  "RegExp",
  "Set",
  "WeakMap",
  "WeakSet",
]);

const ARK_CARRIED: ReadonlySet<string> = new Set(["Array", "Date", "Object", "Uint8Array"]);

/** The names that the libraries have for them, where these are no nouns. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["map", "Map"],
  ["set", "Set"],
  ["promise", "Promise"],
  ["file", "File"],
  ["blob", "Blob"],
  ["nan", "NaN"],
]);

function cannot(kind: string, instead?: string): Untravelled {
  const name = NAMES.get(kind) ?? kind;
  const what = name === "NaN" ? name : `${"Ai".includes(name[0]!) ? "an" : "a"} ${name}`;
  return { what, at: "", ...(instead !== undefined && { instead }) };
}

/** No JSON is an instance of a class; one that is sent may know how it is written. */
function ofClass(found: unknown, isInput: boolean): Untravelled | undefined {
  if (typeof found !== "function") return undefined;
  if (found === Uint8Array || found === Date || found === Object || found === Array) {
    return undefined;
  }
  if (CLASSES.has(found.name)) return cannot(found.name);
  return isInput ? cannot(`instance of ${found.name || "a class"}`) : undefined;
}

function membersOf(shape: unknown, find: Find): Untravelled | undefined {
  return firstOf(Object.entries(shape ?? {}), ([name, node]) => find(node, `.${name}`));
}

function itemsOf(items: unknown, find: Find, at?: string): Untravelled | undefined {
  const nodes = (items ?? []) as unknown[];
  return firstOf(nodes.entries(), ([index, node]) => find(node, at ?? `[${index}]`));
}

function firstOf<T>(
  parts: Iterable<T>,
  find: (part: T) => Untravelled | undefined,
): Untravelled | undefined {
  for (const part of parts) {
    const found = find(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A union takes what any of its options takes; but one that can only ever be nothing is a mistake. */
function ofUnion(
  options: unknown,
  isNothing: (option: unknown) => boolean,
  find: Find,
): Untravelled | undefined {
  let first: Untravelled | undefined;
  for (const option of options as unknown[]) {
    if (isNothing(option)) continue;
    const found = find(option);
    if (found === undefined) return undefined;
    first ??= found;
  }
  return first;
}
