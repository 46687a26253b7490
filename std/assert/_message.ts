// How a failed assertion reads. The diff is node:assert's; the sentences are @std/assert's.
import { AssertionError } from "node:assert/strict";
import { inspect } from "node:util";

/** The end of a sentence: the caller's message after a colon, or a full stop. */
export function suffix(message: string | undefined): string {
  return message ? `: ${message}` : ".";
}

/** A value as it stands in a message: whole, with its keys in order. */
export function format(value: unknown): string {
  // Tests of the package for npm run on Node and Bun.
  if (typeof Deno === "undefined") return inspect(value, { depth: null, sorted: true });
  return Deno.inspect(value, {
    depth: Infinity,
    iterableLimit: Infinity,
    strAbbreviateSize: Infinity,
    sorted: true,
    trailingComma: true,
    compact: false,
  });
}

/** The lines in which two values differ, without the sentence that node:assert puts above them. */
export function diff(actual: unknown, expected: unknown): string {
  const { message } = new AssertionError({
    actual,
    expected,
    operator: "deepStrictEqual",
  });
  return message.slice(message.indexOf("\n") + 1);
}
