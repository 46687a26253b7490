/**
 * One call and what is printed of it, at the command line and at the prompt.
 *
 * @module
 */

import {
  type CallOptions,
  type Line,
  RpcError,
  type UntypedCallPromise,
} from "../../lib/client.ts";
import type { Params } from "../command/params.ts";
import { printable } from "../text/printable.ts";
import { ProgressLine } from "../text/progress.ts";
import { itemText, type ResultStyle, resultText } from "../command/result_text.ts";
import { LinePrinter, print } from "../text/stdio.ts";

/** What is to be called, and how. */
export interface CallPlan extends ResultStyle {
  readonly method: string;
  readonly params: Params;
  /** Whether the method is a stream: its items are printed as they come, one on a line. */
  readonly isStream: boolean;
  /** Cancels it. */
  readonly signal: AbortSignal;
  /** Milliseconds that it may take; undefined where there is no deadline. */
  readonly timeout: number | undefined;
  /** What travels beside the params. */
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
  /** The id of the event after which a stream goes on. */
  readonly after?: string | undefined;
  /** What is streamed to the method. */
  readonly items?: AsyncIterable<unknown> | undefined;
  /** Whether the server is asked to say how far the call is; standard error shows it. */
  readonly progress?: boolean;
}

/**
 * Makes the call and prints its result.
 *
 * @throws what the call throws, and {@linkcode Deno.errors.BrokenPipe} where nobody reads
 */
export async function makeCall(line: Line, plan: CallPlan): Promise<void> {
  const { method, params, isStream, signal, timeout, meta, after, items, progress } = plan;
  const shown = new ProgressLine();
  const options: CallOptions & { readonly items?: AsyncIterable<unknown> } = {
    signal,
    ...(timeout !== undefined && { timeout }),
    ...(meta !== undefined && { meta }),
    ...(after !== undefined && { after }),
    ...(items !== undefined && { items }),
    ...(progress && { onProgress: (value) => showProgress(shown, value, plan) }),
  };
  const answer = line.request(method, params, options);
  try {
    if (isStream) await printItems(answer, plan, shown);
    else {
      const result = await answer;
      shown.clear();
      await print(resultText(result, plan) + "\n");
    }
  } finally {
    shown.clear();
  }
}

/** Characters of a progress value that fit on a line of a terminal. */
const MAX_PROGRESS = 70;

/** On a terminal the last value stands on a line that replaces itself. */
function showProgress(shown: ProgressLine, value: unknown, { json }: ResultStyle): void {
  const text = printable(JSON.stringify(value) ?? "null");
  if (json) console.error(`{"progress":${text}}`);
  else if (shown.isShown) shown.show(`progress: ${text.slice(0, MAX_PROGRESS)}`);
  else console.error(`progress: ${text}`);
}

/** Prints items as they come; what the stream returned, where that is something, to standard error. */
async function printItems(
  answer: UntypedCallPromise,
  style: ResultStyle,
  shown: ProgressLine,
): Promise<void> {
  const items = answer[Symbol.asyncIterator](), lines = new LinePrinter();
  let next, isGone = false;
  try {
    while (!(next = await items.next()).done) {
      shown.clear();
      await lines.print(itemText(next.value, style));
    }
  } catch (error) {
    isGone = error instanceof RpcError && error.reason === "DATA_LOSS";
    throw error;
  } finally {
    await lines.end(); // the items before a failure stand before it
    const { lastEventId } = items;
    if (lastEventId !== undefined && !isGone && !style.json) {
      console.error(
        `the last event is ${printable(lastEventId)}: --after ${
          printable(lastEventId)
        } goes on there`,
      );
    }
  }
  const { value } = next;
  if (value !== null && value !== undefined) {
    console.error(`returned ${printable(JSON.stringify(value))}`);
  }
}
