/**
 * Results as they are printed: for people on a terminal, for programs elsewhere.
 *
 * @module
 */

import { withMarkers } from "../../lib/message/base64.ts";
import { printable, printableJson } from "../text/printable.ts";

/** Colours by what a JSON text has: a key, a string, a number, or a word. */
const COLOURS = { key: 34, string: 32, number: 33, word: 35 } as const;

/** How results are printed. */
export interface ResultStyle {
  /** For programs, on a terminal too. */
  readonly json: boolean;
  /** A text without its quotes, as it is. */
  readonly rawOutput?: boolean;
}

/** A result as JSON: indented on a terminal, unless it is meant for a program. */
export function resultText(result: unknown, style: ResultStyle): string {
  return valueText(result, style, 2);
}

/** An item of a stream, on one line. */
export function itemText(item: unknown, style: ResultStyle): string {
  return valueText(item, style, 0);
}

function valueText(value: unknown, { json, rawOutput }: ResultStyle, indent: number): string {
  if (rawOutput && typeof value === "string") {
    // Its lines stay lines, and nothing else in it may act on a terminal.
    return Deno.stdout.isTerminal() ? value.replaceAll(/[^\n\t]+/g, printable) : value;
  }
  const shown = withMarkers(value);
  return isForProgram(json) ? jsonText(shown) : terminalText(shown, indent);
}

function isForProgram(json: boolean): boolean {
  return json || !Deno.stdout.isTerminal();
}

/** For programs; a terminal must not act on it all the same. */
function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  return Deno.stdout.isTerminal() ? printable(text) : text;
}

function terminalText(value: unknown, indent: number): string {
  const text = printableJson(JSON.stringify(value, undefined, indent));
  return Deno.noColor ? text : coloured(text);
}

/** JSON in colours. */
export function coloured(json: string): string {
  return json.replaceAll(
    /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*|\b(?:true|false|null)\b/g,
    (token, string?: string, colon?: string) => {
      const kind = colon !== undefined
        ? "key"
        : string !== undefined
        ? "string"
        : /[a-z]/.test(token[0]!)
        ? "word"
        : "number";
      return `\x1b[${COLOURS[kind]}m${string ?? token}\x1b[39m${colon ?? ""}`;
    },
  );
}
