/**
 * What Tab completes at the prompt: commands, names of methods, and their params. Pure: a line and what
 * is known of the methods go in, completions come out.
 *
 * Names come from the server. One that would act on the terminal, or that could not be typed, is left
 * out.
 *
 * @module
 */

import {
  type Description,
  isRecord,
  type MethodDescription,
  resolved,
} from "../describe/discover.ts";
import { printable } from "../text/printable.ts";

/** Completions, and the end of the line that each of them replaces. */
export type Completions = [completions: string[], of: string];

/** The commands that are followed by a method. */
const BEFORE_METHOD: ReadonlySet<string> = new Set([".describe", ".notify"]);

const NOTHING: Completions = [[], ""];

/** Completions that are shown; of more only what all begin with is typed. */
const MAX_HITS = 1000;

/** Characters of a completion. */
const MAX_LENGTH = 256;

/** A schema on the way down into a value that is being typed. */
interface At {
  readonly schema: unknown;
  readonly isArray: boolean;
  /** Where the next value belongs; undefined where a name has to come first. */
  key: string | undefined;
  /** Whether that value is there. */
  isFull: boolean;
  /** The names that are there. */
  readonly used: Set<string>;
}

/** Completes a line, of which nothing stands behind the cursor. */
export function complete(
  line: string,
  commands: readonly string[],
  { methods, document }: Pick<Description, "methods" | "document">,
): Completions {
  const [, command, first = "", space, rest = ""] = /^\s*(?:(\.\w+)\s+)?(\S*)(\s*)(.*)$/s.exec(
    line,
  )!;
  if (command !== undefined && !BEFORE_METHOD.has(command)) return NOTHING;
  if (space === "") {
    const names = methods.map(({ name }) => name).filter(isTypeable);
    const known = first.startsWith(".") && command === undefined ? commands : names;
    return matching(known, first, " ");
  }
  const method = methods.find(({ name }) => name === first);
  if (method === undefined || command === ".describe") return NOTHING;
  return /^[[{]/.test(rest)
    ? completeJson(rest, method, document)
    : completePairs(rest, method, document);
}

/** `a=1 b` */
function completePairs(
  text: string,
  { params }: MethodDescription,
  document: Description["document"],
): Completions {
  const words = text.split(/\s+/);
  const last = words.pop()!;
  const [, name, value] = /^([^=:]+):?=(.*)$/s.exec(last) ?? [];
  if (name !== undefined) {
    const schema = params.find((param) => param.name === name)?.schema;
    const values = valuesOf(schema, document).map((value) =>
      typeof value === "string" && isTypeable(value) ? value : JSON.stringify(value)
    );
    return matching(values, value!, " ");
  }
  const used = new Set(words.map((word) => word.replace(/:?=.*$/s, "")));
  const names = params.map(({ name }) => name).filter((name) =>
    isTypeable(name) && !used.has(name)
  );
  return matching(names.map((name) => name + "="), last);
}

/** `{"a":1,"b` */
function completeJson(
  text: string,
  { params }: MethodDescription,
  document: Description["document"],
): Completions {
  const properties = Object.fromEntries(params.map(({ name, schema }) => [name, schema]));
  const items = params.map(({ schema }) => schema);
  const stack: At[] = [];
  let rest = text;
  for (;;) {
    const at = stack.at(-1);
    const [token = "", open, close, comma, key, string] =
      /^\s*(?:([[{])|([\]}])|(,)|("(?:[^"\\]|\\.)*"\s*:)|("(?:[^"\\]|\\.)*"|[^\s,"[\]{}]+(?=[\s,\]}])))\s*/
        .exec(rest) ?? [];
    // A string that stands where a name belongs may become one.
    if (token === "" || string !== undefined && at?.key === undefined) break;
    rest = rest.slice(token.length);
    if (open !== undefined) {
      const schema = at === undefined
        ? open === "{" ? { properties } : { prefixItems: items }
        : below(at, document);
      const isArray = open === "[";
      stack.push({
        schema,
        isArray,
        key: isArray ? "0" : undefined,
        isFull: false,
        used: new Set(),
      });
    } else if (close !== undefined) {
      stack.pop();
      const outer = stack.at(-1);
      if (outer !== undefined) outer.isFull = true;
    } else if (at === undefined) break;
    else if (comma !== undefined) {
      at.key = at.isArray ? String(Number(at.key) + 1) : undefined;
      at.isFull = false;
    } else if (key !== undefined) {
      at.key = nameOf(key.slice(0, key.lastIndexOf('"') + 1));
      at.used.add(at.key);
    } else if (string !== undefined) at.isFull = true;
  }
  const at = stack.at(-1);
  if (at === undefined || at.isFull) return NOTHING;
  const fragment = rest.trimStart();
  if (at.key === undefined) {
    const schema = resolved(at.schema, document);
    const known = isRecord(schema) && isRecord(schema.properties) ? schema.properties : {};
    const names = Object.keys(known).filter((name) => isPrintable(name) && !at.used.has(name));
    return matching(names.map((name) => JSON.stringify(name) + ": "), fragment);
  }
  const values = valuesOf(below(at, document), document).map((value) => JSON.stringify(value));
  return matching(values, fragment);
}

/** The schema of what stands at the key. */
function below({ schema, key }: At, document: Description["document"]): unknown {
  const found = resolved(schema, document);
  if (!isRecord(found) || key === undefined) return undefined;
  const { properties, prefixItems, items } = found;
  if (isRecord(properties)) return Object.hasOwn(properties, key) ? properties[key] : undefined;
  const places = Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : [];
  return places[Number(key)] ?? items;
}

/** The values that a schema names one by one. */
function valuesOf(schema: unknown, document: Description["document"]): unknown[] {
  const found = resolved(schema, document);
  if (!isRecord(found)) return [];
  if (Object.hasOwn(found, "const")) return [found.const].filter(isPlain);
  if (Array.isArray(found.enum)) return found.enum.filter(isPlain);
  return found.type === "boolean" ? [true, false] : [];
}

/** @param end what follows the one that is left */
function matching(all: readonly string[], start: string, end = ""): Completions {
  const hits = all.filter((text) => text.length <= MAX_LENGTH && text.startsWith(start));
  if (hits.length > MAX_HITS) return [[beginningOf(hits)], start];
  return [hits.length === 1 ? [hits[0] + end] : hits, start];
}

/** What all of these begin with. */
function beginningOf([first = "", ...others]: readonly string[]): string {
  let length = first.length;
  for (const text of others) while (!text.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}

/** Whether a name is one word that needs no quotes. */
function isTypeable(name: string): boolean {
  return isPrintable(name) && /^[^\s"'=:[\]{}][^\s"'=]*$/.test(name);
}

function isPrintable(text: string): boolean {
  return printable(text) === text;
}

function isPlain(value: unknown): boolean {
  return value === null || ["number", "boolean"].includes(typeof value) ||
    typeof value === "string" && isPrintable(value);
}

function nameOf(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return "";
  }
}
