/**
 * Differences between JSON values, as lines.
 *
 * @module
 */

import { type Difference, pathText } from "./json_diff.ts";
import { shown } from "./printable.ts";

/** Characters of a value, and of where it stands, that are shown. */
const MAX_VALUE = 200;

/** One difference as one line: ~ what has another value, + what is new, - what is gone. */
export function differenceLine(change: Difference, name = "the result"): string {
  const where = shown(pathText(change.path), MAX_VALUE) || name;
  if (!("before" in change)) return paint("32", `  + ${where}: ${shownJson(change.after)}`) + "\n";
  if (!("after" in change)) return paint("31", `  - ${where}: ${shownJson(change.before)}`) + "\n";
  const values = `${shownJson(change.before)} → ${shownJson(change.after)}`;
  return paint("33", `  ~ ${where}: ${values}`) + "\n";
}

/** A value on one line, cut where it is long. */
export function shownJson(value: unknown): string {
  return shown(JSON.stringify(value), MAX_VALUE);
}

/** The text in a colour, by its number, on a terminal where colours are wanted. */
export function paint(colour: string, text: string): string {
  return Deno.stdout.isTerminal() && !Deno.noColor ? `\x1b[${colour}m${text}\x1b[0m` : text;
}
