/**
 * `client.ts ADDRESS METHOD [PARAMS]`: one call, or one notification. What a stream says is printed as
 * it comes, an item a line.
 *
 * @module
 */

import { RpcError, type UntypedAnswer } from "../lib/mod.ts";
import type { ArgumentOptions, Given } from "./client_args.ts";
import { errorText } from "./client_errors.ts";
import { isStream } from "./discover.ts";
import { EXIT } from "./exit.ts";
import { sendNotification } from "./notification.ts";
import { type Params, parseParams } from "./params.ts";
import { printable } from "./printable.ts";
import { itemText, resultText } from "./result_text.ts";
import { print } from "./stdio.ts";
import { late, type Open, withLine } from "./with_line.ts";

/** Its own options. */
export const options = { notify: { type: "boolean" } } as const satisfies ArgumentOptions;

/** Makes the call. */
export function run([address, method, ...words]: readonly string[], given: Given): Promise<number> {
  const params = parseParams(words);
  const make = given.values.has("notify") ? notify : call;
  return withLine(address!, given, (open) => make(open, method!, params, given));
}

async function call(open: Open, method: string, params: Params, given: Given): Promise<number> {
  const { line, signal, refused, timeLeft } = open;
  try {
    const streams = await isStream(line, method, timeLeft());
    const timeout = timeLeft();
    const answer = line.request(method, params, {
      signal: AbortSignal.any([signal, refused]),
      ...(timeout !== undefined && { timeout }),
    });
    if (streams) await printItems(answer, given);
    else await print(resultText(await answer, given.json) + "\n");
    return EXIT.OK;
  } catch (error) {
    if (signal.aborted) return EXIT.FAILED; // the exit code is the signal's
    if (error instanceof Deno.errors.BrokenPipe) throw error;
    if (given.timeout !== undefined && isDeadline(error)) {
      throw late(`no answer within ${given.timeout} ms`);
    }
    console.error(errorText(error, given.json));
    return EXIT.FAILED;
  }
}

/** Prints items as they come; what the stream returned, where that is something, to standard error. */
async function printItems(answer: UntypedAnswer, { json }: Given): Promise<void> {
  const items = answer[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await items.next();
    if (!done) await print(itemText(value, json) + "\n");
    else if (value !== null && value !== undefined) {
      return console.error(`returned ${printable(JSON.stringify(value))}`);
    } else return;
  }
}

function notify({ line }: Open, method: string, params: Params, { json }: Given): Promise<number> {
  try {
    sendNotification(line, method, params);
    return Promise.resolve(EXIT.OK); // closing the line sends what is queued
  } catch (error) {
    console.error(errorText(error, json));
    return Promise.resolve(EXIT.FAILED);
  }
}

function isDeadline(error: unknown): boolean {
  return error instanceof RpcError && error.reason === "DEADLINE_EXCEEDED";
}
