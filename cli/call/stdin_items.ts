/**
 * Items that a method takes, from standard input: a JSON text on each line.
 *
 * @module
 */

import { parseExactJson } from "../text/exact_json.ts";
import { readLines } from "../text/stdio.ts";

/** Bytes of one item: more than any server of ours takes. */
const MAX_ITEM = 1 << 24;

/**
 * The items, as they are read.
 *
 * @throws {TypeError} for a line that is no JSON; the message is one line
 */
export async function* stdinItems(signal: AbortSignal): AsyncGenerator<unknown> {
  if (Deno.stdin.isTerminal()) console.error("Items: a JSON text on each line; Ctrl-D ends them");
  let number = 0;
  for await (const line of readLines(Deno.stdin.readable, MAX_ITEM, signal, { blank: true })) {
    number++;
    if ("text" in line && line.text === "") continue;
    yield itemOf(line, number);
  }
}

function itemOf(line: { readonly text: string } | { readonly fault: string }, number: number) {
  const why = "fault" in line ? line.fault : "it is not JSON";
  try {
    if ("text" in line) return parseExactJson(line.text);
  } catch {
    // told below
  }
  throw new TypeError(`Cannot read the items: line ${number} of standard input, ${why}`);
}
