/**
 * The schemas of an `allOf` as one. Pure, and without references: those are resolved before.
 *
 * @module
 */

import { indexIn, isRecord, type Members } from "./json.ts";

/** Keywords that say nothing about values. */
export const ABOUT: ReadonlySet<string> = new Set([
  "$comment",
  "$defs",
  "$id",
  "$schema",
  "default",
  "definitions",
  "deprecated",
  "description",
  "discriminator",
  "examples",
  "readOnly",
  "title",
  "writeOnly",
]);

/** All of these schemas as one; undefined if no single schema says the same. */
export function joinedAll(schemas: readonly Members[]): Members | undefined {
  const all = new Map<string, unknown>();
  for (const schema of schemas) {
    for (const [name, value] of Object.entries(schema)) {
      if (!all.has(name)) all.set(name, value);
      else {
        const both = joined(name, all.get(name), value);
        if (both === undefined) return undefined;
        all.set(name, both);
      }
    }
  }
  return Object.fromEntries(all);
}

/** A keyword of two schemas as it holds for both. */
function joined(name: string, a: unknown, b: unknown): unknown {
  if (ABOUT.has(name) || JSON.stringify(a) === JSON.stringify(b)) return a;
  if (name === "required" && Array.isArray(a) && Array.isArray(b)) {
    return [...new Set([...a, ...b])];
  }
  if (name === "type") return joinedTypes(a, b);
  if (name === "properties" && isRecord(a) && isRecord(b)) {
    const all = new Map(Object.entries(a));
    for (const [member, schema] of Object.entries(b)) {
      all.set(member, all.has(member) ? { allOf: [all.get(member), schema] } : schema);
    }
    return Object.fromEntries(all);
  }
  if (name === "additionalProperties") {
    if (a === false || b === false) return false;
    return a === true ? b : b === true ? a : { allOf: [a, b] };
  }
  if (name === "enum" && Array.isArray(a) && Array.isArray(b)) {
    const both = a.filter((it) => indexIn(b, it) >= 0);
    return both.length === 0 ? undefined : both;
  }
  if (typeof a !== "number" || typeof b !== "number") return undefined;
  if (/^(min|exclusiveMin)/.test(name)) return Math.max(a, b);
  return /^(max|exclusiveMax)/.test(name) ? Math.min(a, b) : undefined;
}

function joinedTypes(a: unknown, b: unknown): unknown {
  const [first, second] = [a, b].map((it) => new Set(Array.isArray(it) ? it : [it]));
  const both = [...first!].filter((it) =>
    second!.has(it) || it === "integer" && second!.has("number")
  );
  if (first!.has("number") && second!.has("integer")) both.push("integer");
  return both.length === 0 ? undefined : both.length === 1 ? both[0] : both;
}
