/**
 * `client.ts ADDRESS METHOD [PARAMS]`: one call, or one notification.
 *
 * @module
 */

import { RpcError } from "../../lib/client.ts";
import type { ArgumentOptions, Given } from "../command/args.ts";
import { errorText } from "../command/errors.ts";
import { isStream } from "../describe/discover.ts";
import { EXIT } from "../command/exit.ts";
import { makeCall } from "./print_call.ts";
import { Attempts, hasNotRun } from "../command/retry.ts";
import { sendNotification } from "./notification.ts";
import { type Params, parseParams } from "../command/params.ts";
import { late, type Open, withLine } from "../command/line.ts";

/** Its own options. */
export const options = { notify: { type: "boolean" } } as const satisfies ArgumentOptions;

/** Makes the call. */
export function run([address, method, ...words]: readonly string[], given: Given): Promise<number> {
  const params = parseParams(words);
  const make = given.values.has("notify") ? notify : call;
  return withLine(address!, given, (open) => make(open, method!, params, given));
}

async function call(open: Open, method: string, params: Params, given: Given): Promise<number> {
  const { signal, timeLeft } = open;
  const { timeout, json } = given;
  const attempts = new Attempts(given.retry, timeLeft());
  for (;;) {
    let streams = false;
    try {
      streams = await isStream(open.line, method, timeLeft());
      await makeCall(open.line, {
        method,
        params,
        isStream: streams,
        signal: AbortSignal.any([signal, open.refused]),
        timeout: timeLeft(),
        json,
      });
      return EXIT.OK;
    } catch (error) {
      if (signal.aborted) return EXIT.FAILED; // the exit code is the signal's
      if (error instanceof Deno.errors.BrokenPipe) throw error;
      // Of a stream some items may be printed.
      if (!streams && hasNotRun(error) && await attempts.next(error, signal)) {
        await open.redial();
        continue;
      }
      if (timeout !== undefined && isDeadline(error)) throw late(`no answer within ${timeout} ms`);
      console.error(errorText(error, json));
      return EXIT.FAILED;
    }
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
