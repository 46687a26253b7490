/**
 * `client.ts ADDRESS METHOD [PARAMS]`: one call, or one notification.
 *
 * @module
 */

import { RpcError } from "../lib/mod.ts";
import type { ArgumentOptions, Given } from "./client_args.ts";
import { describeError } from "./client_errors.ts";
import { EXIT } from "./exit.ts";
import { sendNotification } from "./notification.ts";
import { type Params, parseParams } from "./params.ts";
import { printableJson } from "./printable.ts";
import { print } from "./stdio.ts";
import { late, type Open, withLine } from "./with_line.ts";

/** Its own options. */
export const options = { notify: { type: "boolean" } } as const satisfies ArgumentOptions;

/** Makes the call. */
export function run([address, method, ...words]: readonly string[], given: Given): Promise<number> {
  const params = parseParams(words);
  const isNotification = given.values.has("notify");
  return withLine(
    address!,
    given,
    (open) => isNotification ? notify(open, method!, params) : call(open, method!, params, given),
  );
}

async function call(
  { line, refusal, left, signal }: Open,
  method: string,
  params: Params,
  { timeout }: Given,
): Promise<number> {
  let result: unknown;
  try {
    const answer = line.request(method, params, {
      signal,
      ...(left !== undefined && { timeout: left }),
    });
    result = await Promise.race([answer, refusal]);
  } catch (error) {
    if (signal.aborted) return EXIT.FAILED;
    if (timeout !== undefined && isDeadline(error)) throw late(`no answer within ${timeout} ms`);
    console.error(describeError(error));
    return EXIT.FAILED;
  }
  await print(
    Deno.stdout.isTerminal()
      ? printableJson(JSON.stringify(result, undefined, 2)) + "\n"
      : JSON.stringify(result) + "\n",
  );
  return EXIT.OK;
}

function notify({ line }: Open, method: string, params: Params): Promise<number> {
  try {
    sendNotification(line, method, params);
    return Promise.resolve(EXIT.OK); // closing the line sends what is queued
  } catch (error) {
    console.error(describeError(error));
    return Promise.resolve(EXIT.FAILED);
  }
}

function isDeadline(error: unknown): boolean {
  return error instanceof RpcError && error.reason === "DEADLINE_EXCEEDED";
}
