/**
 * One call and what is printed of it, at the command line and at the prompt.
 *
 * @module
 */

import type { Line, UntypedCallPromise } from "../../lib/client.ts";
import type { Params } from "../command/params.ts";
import { printable } from "../text/printable.ts";
import { itemText, resultText } from "../command/result_text.ts";
import { LinePrinter, print } from "../text/stdio.ts";

/** What is to be called, and how. */
export interface CallPlan {
  readonly method: string;
  readonly params: Params;
  /** Whether the method is a stream: its items are printed as they come, one on a line. */
  readonly isStream: boolean;
  /** Cancels it. */
  readonly signal: AbortSignal;
  /** Milliseconds that it may take; undefined where there is no deadline. */
  readonly timeout: number | undefined;
  /** Prints for programs. */
  readonly json: boolean;
}

/**
 * Makes the call and prints its result.
 *
 * @throws what the call throws, and {@linkcode Deno.errors.BrokenPipe} where nobody reads
 */
export async function makeCall(line: Line, plan: CallPlan): Promise<void> {
  const { method, params, isStream, signal, timeout, json } = plan;
  const answer = line.request(method, params, {
    signal,
    ...(timeout !== undefined && { timeout }),
  });
  if (isStream) await printItems(answer, json);
  else await print(resultText(await answer, json) + "\n");
}

/** Prints items as they come; what the stream returned, where that is something, to standard error. */
async function printItems(answer: UntypedCallPromise, json: boolean): Promise<void> {
  const items = answer[Symbol.asyncIterator](), lines = new LinePrinter();
  let next;
  try {
    while (!(next = await items.next()).done) await lines.print(itemText(next.value, json));
  } finally {
    await lines.end(); // the items before a failure stand before it
  }
  const { value } = next;
  if (value !== null && value !== undefined) {
    console.error(`returned ${printable(JSON.stringify(value))}`);
  }
}
