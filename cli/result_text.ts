/**
 * Results as they are printed: for people on a terminal, for programs elsewhere.
 *
 * @module
 */

import { printableJson } from "./printable.ts";

/** A result as JSON: indented on a terminal, unless it is meant for a program. */
export function resultText(result: unknown, json: boolean): string {
  return isForProgram(json)
    ? JSON.stringify(result)
    : printableJson(JSON.stringify(result, undefined, 2));
}

/** An item of a stream, on one line. */
export function itemText(item: unknown, json: boolean): string {
  const text = JSON.stringify(item);
  return isForProgram(json) ? text : printableJson(text);
}

function isForProgram(json: boolean): boolean {
  return json || !Deno.stdout.isTerminal();
}
