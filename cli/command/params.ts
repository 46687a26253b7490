/**
 * Params as people type them: one JSON text, or `name=value` pairs. `@FILE` in place of a text is what
 * stands in the file.
 *
 * What the method takes is not known here: see `describe/fit_params.ts`.
 *
 * @module
 */

import { fileText, type ReadText } from "./file_text.ts";
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
 * JSON always, and `name=@FILE` is a string. `@FILE` alone is one JSON text.
 *
 * @param read gives the text of a file
 * @throws {UnclearParams} for words that make sense only as a text
 * @throws {TypeError} for anything else; the message is one line
 */
export function parseParams(words: readonly string[], read: ReadText = fileText): Params {
  if (words.length === 0) return undefined;
  const first = words[0]!;
  if (words.length === 1) {
    if (isFile(first)) return asParams(jsonOf(first, read));
    const json = tryJson(first);
    if (json !== undefined) return asParams(json.value);
  }
  if (words.length > 1 && words.every((word) => tryJson(word) !== undefined)) {
    throw new TypeError(
      `Cannot read the params: there are ${words.length} values, write them as one array: '[${
        words.join(",")
      }]'`,
    );
  }
  // What begins like JSON was meant to be JSON, whatever equals signs are in it.
  if (/^\s*[[{"]/.test(first)) {
    throw new TypeError(`Cannot read the params: not valid JSON, ${quoted(words.join(" "))}`);
  }
  if (!first.includes("=")) throw unclear(words);
  return parsePairs(words, read);
}

/** Words that are neither JSON nor pairs: a text, if that is what the method takes. */
export class UnclearParams extends TypeError {}

/** The text that a word is, by itself: `@FILE` is what stands there. */
export function textOf(word: string, read: ReadText = fileText): string {
  return isFile(word) ? read(word.slice(1)) : word;
}

function isFile(word: string): boolean {
  return word.startsWith("@") && word.length > 1;
}

function jsonOf(word: string, read: ReadText): unknown {
  const json = tryJson(textOf(word, read));
  if (json !== undefined) return json.value;
  throw new UnclearParams(
    `Cannot read the params: what stands in ${quoted(word.slice(1))} is no JSON`,
  );
}

/**
 * A call in one line.
 *
 * @throws {TypeError} for params that make no sense; the message is one line
 */
export function parseCall(line: string): CallText {
  const { method, text, words } = splitCall(line);
  const json = text === "" ? undefined : tryJson(text);
  return { method, params: json === undefined ? parseParams(words, noFile) : asParams(json.value) };
}

/** A call in one line, with its params as they were typed. */
export interface TypedCall {
  readonly method: string;
  /** What follows the method. */
  readonly text: string;
  /** The same, word by word. */
  readonly words: readonly string[];
}

/** A call in one line, before anything is made of its params. */
export function splitCall(line: string): TypedCall {
  const [, method, text] = /^(\S+)\s*(.*)$/s.exec(line.trim())!;
  const isOne = /^[[{"]/.test(text!) && tryJson(text!) !== undefined;
  return { method: method!, text: text!, words: isOne ? [text!] : splitPairs(text!) };
}

/** Where calls come from a stream of lines a line must not open files. */
const noFile: ReadText = (path) => {
  throw new TypeError(`Cannot read @${path}: files are read for the command line and the prompt`);
};

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

/** The value of a JSON text; undefined if it is none. */
export function tryJson(text: string): { readonly value: unknown } | undefined {
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

/** A pair, as it was typed. */
export interface Pair {
  readonly name: string;
  readonly value: string;
  /** Whether the value must be JSON: `name:=value`. */
  readonly isJson: boolean;
}

/** A word as a pair; undefined if it is none. */
export function pairOf(word: string): Pair | undefined {
  const [, name, colon, value] = /^([^=:][^=]*?)(:?)=(.*)$/s.exec(word) ?? [];
  return name === undefined ? undefined : { name, value: value!, isJson: colon === ":" };
}

function parsePairs(words: readonly string[], read: ReadText): Params {
  const params = new Map<string, unknown>();
  for (const word of words) {
    const pair = pairOf(word);
    if (pair === undefined) {
      throw new UnclearParams(`Cannot read the params: expected name=value, got ${quoted(word)}`);
    }
    if (params.has(pair.name)) {
      throw new TypeError(`Cannot read the params: ${quoted(pair.name)} is given twice`);
    }
    params.set(pair.name, pairValue(pair, read));
  }
  return Object.fromEntries(params); // defines each as its own member, `__proto__` too
}

/** @throws {TypeError} for what must be JSON and is not; the message is one line */
function pairValue({ name, value, isJson }: Pair, read: ReadText): unknown {
  if (isFile(value) && !isJson) return textOf(value, read);
  const json = tryJson(isJson ? textOf(value, read) : value);
  if (json !== undefined) return json.value;
  if (!isJson) return value;
  throw new TypeError(
    `Cannot read the params: the value of ${quoted(name)} is not JSON, ${quoted(value)}`,
  );
}

/** Tells which word is to blame: those before it may be good. */
function unclear(words: readonly string[]): UnclearParams {
  const word = words.find((word) => tryJson(word) === undefined)!;
  return new UnclearParams(
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
