/**
 * Params as people type them: one JSON text, or `name=value` pairs. Pure: text in, params out.
 *
 * @module
 */

import { isExactNumber, parseExactJson } from "../text/exact_json.ts";
import { quoted } from "../text/printable.ts";

/** Params as they travel; undefined where there are none. */
export type Params = Readonly<Record<string, unknown>> | readonly unknown[] | undefined;

/** A call as one line of text: `METHOD PARAMS`. */
export interface CallText {
  readonly method: string;
  readonly params: Params;
}

/**
 * The params of a command line.
 *
 * One JSON text: an object or an array as it is, anything else as the only item of an array. Or pairs:
 * `name=value` is JSON where the value is valid JSON and a string where it is not, `name:=value` is
 * JSON always.
 *
 * @throws {TypeError} for anything else; the message is one line
 */
export function parseParams(words: readonly string[]): Params {
  if (words.length === 0) return undefined;
  const first = words[0]!;
  if (words.length === 1) {
    const json = tryJson(first);
    if (json !== undefined) return asParams(json.value);
  }
  // What begins like JSON was meant to be JSON, whatever equals signs are in it.
  if (/^\s*[[{"]/.test(first) || !first.includes("=")) throw notParams(words);
  return parsePairs(words);
}

/**
 * A call in one line.
 *
 * @throws {TypeError} for params that make no sense; the message is one line
 */
export function parseCall(line: string): CallText {
  const [, method, rest] = /^(\S+)\s*(.*)$/s.exec(line.trim())!;
  const json = rest === "" ? undefined : tryJson(rest!);
  const params = json === undefined ? parseParams(splitPairs(rest!)) : asParams(json.value);
  return { method: method!, params };
}

/**
 * Whether the params of a line go on: a bracket that begins a value is not closed.
 *
 * @param line as {@linkcode parseCall} takes it
 */
export function isUnfinished(line: string): boolean {
  const text = /^\s*\S+\s*(.*)$/s.exec(line)?.[1] ?? "";
  if (/^[[{]/.test(text)) return endOfJson(text, 0) === undefined;
  return splitPairs(text).some((word) => {
    const value = word.slice(word.indexOf("=") + 1);
    return /^[^"[{=]+=[[{]/.test(word) && endOfJson(value, 0) === undefined;
  });
}

function tryJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseExactJson(text) };
  } catch {
    return undefined;
  }
}

function asParams(value: unknown): Params {
  return value !== null && typeof value === "object" && !isExactNumber(value)
    ? value as Params
    : [value];
}

function parsePairs(words: readonly string[]): Params {
  const params = new Map<string, unknown>();
  for (const word of words) {
    const [, name, colon, value] = /^([^=:][^=]*?)(:?)=(.*)$/s.exec(word) ?? [];
    if (name === undefined) {
      throw new TypeError(`Cannot read the params: expected name=value, got ${quoted(word)}`);
    }
    if (params.has(name)) {
      throw new TypeError(`Cannot read the params: ${quoted(name)} is given twice`);
    }
    const json = tryJson(value!);
    if (json === undefined && colon === ":") {
      throw new TypeError(
        `Cannot read the params: the value of ${quoted(name)} is not JSON, ${quoted(value!)}`,
      );
    }
    params.set(name, json === undefined ? value : json.value);
  }
  return Object.fromEntries(params); // defines each as its own member, `__proto__` too
}

function notParams(words: readonly string[]): TypeError {
  const [word] = words as [string];
  if (words.length > 1 && words.every((word) => tryJson(word) !== undefined)) {
    return new TypeError(
      `Cannot read the params: there are ${words.length} values, write them as one array: '[${
        words.join(",")
      }]'`,
    );
  }
  if (/^\s*[[{"]/.test(word)) {
    return new TypeError(`Cannot read the params: not valid JSON, ${quoted(words.join(" "))}`);
  }
  return new TypeError(
    `Cannot read the params: ${
      quoted(word)
    } is neither JSON nor name=value (as JSON a text is '"text"')`,
  );
}

/**
 * Splits at white space, but not within the value of a pair that begins with a quote or a bracket:
 * `name="John Smith" tags=["a", "b"] age=7` is three words.
 */
function splitPairs(text: string): string[] {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (isSpace(text[at])) at++;
    if (at === text.length) return words;
    const start = at;
    while (at < text.length && !isSpace(text[at]) && text[at] !== "=") at++;
    if (text[at] === "=") at++;
    if (/["[{]/.test(text[at] ?? "")) at = endOfJson(text, at) ?? text.length;
    while (at < text.length && !isSpace(text[at])) at++;
    words.push(text.slice(start, at));
  }
}

/** Where the quotes and brackets that open here are closed; undefined where they are not. */
function endOfJson(text: string, start: number): number | undefined {
  let depth = 0, inString = false;
  for (let at = start; at < text.length; at++) {
    const char = text[at]!;
    if (inString) {
      if (char === "\\") at++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "[" || char === "{") depth++;
    else if (char === "]" || char === "}") depth--;
    if (depth === 0 && !inString) return at + 1;
  }
  return undefined;
}

function isSpace(char: string | undefined): boolean {
  return char === " " || char === "\t" || char === "\n";
}
