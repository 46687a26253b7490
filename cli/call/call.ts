/**
 * `client.ts ADDRESS METHOD [PARAMS]`: one call, or one notification.
 *
 * The server is first asked to describe itself: whether the method is a stream, takes items, and takes
 * a text. One that does not is asked for nothing else, and the call goes over a connection of its own,
 * because some servers hang up after each answer.
 *
 * @module
 */

import { RpcError } from "../../lib/client.ts";
import type { ArgumentOptions, Given } from "../command/args.ts";
import { callMeta } from "../command/call_meta.ts";
import { errorText } from "../command/errors.ts";
import { describeIfAsked, type Description, isBuiltInStream } from "../describe/discover.ts";
import { fitParams, leavesRoomForMeta, mustMakeSense } from "../describe/fit_params.ts";
import { hintFor } from "../describe/hints.ts";
import { EXIT } from "../command/exit.ts";
import { makeCall } from "./print_call.ts";
import { Attempts, hasNotRun } from "../command/retry.ts";
import { sendNotification } from "./notification.ts";
import { type Params, parseParams } from "../command/params.ts";
import { late, type Open, withLine } from "../command/line.ts";
import { stdinItems } from "./stdin_items.ts";

/** Its own options. */
export const options = {
  notify: { type: "boolean" },
  meta: { type: "string", multiple: true },
  after: { type: "string" },
  answer: { type: "string", multiple: true },
  "raw-output": { type: "boolean", short: "r" },
} as const satisfies ArgumentOptions;

/** What was typed. */
interface Typed {
  readonly method: string;
  readonly words: readonly string[];
}

/** Makes the call. */
export function run([address, method, ...words]: readonly string[], given: Given): Promise<number> {
  mustMakeSense(words);
  if (callMeta(given) !== undefined && given.plain) {
    throw new TypeError("Cannot use --meta with --plain: metadata is an extension");
  }
  const typed: Typed = { method: method!, words };
  const make = given.values.has("notify") ? notify : call;
  return withLine(address!, given, async (open) => await make(open, typed, given));
}

async function call(open: Open, { method, words }: Typed, given: Given): Promise<number> {
  const { signal, timeLeft } = open;
  const { timeout, json, values } = given;
  const attempts = new Attempts(given.retry, timeLeft());
  const after = values.get("after");
  let description: Description | undefined, params: Params, isKnown = false;
  for (;;) {
    let streams = false;
    try {
      description = await described(open, method, given);
      const known = description?.methods.find(({ name }) => name === method);
      const typed = { words, text: words.join(" ") };
      if (!isKnown) params = fitParams(typed, method, description, open.refusal);
      if (!isKnown && callMeta(given) !== undefined) await tellIfUnread(open, given);
      isKnown = true;
      streams = after !== undefined || isBuiltInStream(method) || known?.down !== undefined;
      await makeCall(open.line, {
        method,
        params,
        isStream: streams,
        signal,
        timeout: timeLeft(),
        meta: callMeta(given),
        after,
        items: known?.up === undefined ? undefined : stdinItems(signal),
        progress: known !== undefined && leavesRoomForMeta(params, known),
        json,
        rawOutput: values.has("raw-output"),
      });
      return EXIT.OK;
    } catch (error) {
      if (signal.aborted) return EXIT.FAILED; // the exit code is the signal's
      if (error instanceof Deno.errors.BrokenPipe) throw error;
      if (!isKnown && !(error instanceof RpcError)) throw error;
      // Of a stream some items may be printed.
      if (!streams && hasNotRun(error) && await attempts.next(error, signal)) {
        await open.redial();
        continue;
      }
      if (timeout !== undefined && isDeadline(error)) throw late(`no answer within ${timeout} ms`);
      console.error(errorText(error, json));
      const hint = error instanceof RpcError
        ? hintFor(error, method, description, given.tokenFile !== undefined)
        : undefined;
      if (hint !== undefined && !json) console.error(hint);
      return EXIT.FAILED;
    }
  }
}

/** The library sends metadata only to servers that say that they read it. */
async function tellIfUnread({ line, signal }: Open, { json }: Given): Promise<void> {
  const info = await line.request("rpc.serverInfo", undefined, { signal }).catch(() => undefined);
  const { extensions } = (info ?? {}) as { readonly extensions?: unknown };
  if (json || Array.isArray(extensions) && extensions.includes("meta")) return;
  console.error("note: the server takes no metadata, --meta is not sent");
}

/** What the server says of itself, unless nothing depends on it. */
function described(open: Open, method: string, given: Given): Promise<Description | undefined> {
  return given.plain || method.startsWith("rpc.")
    ? Promise.resolve(undefined)
    : describeIfAsked(open);
}

function notify(open: Open, { method, words }: Typed, { json }: Given): number {
  try {
    sendNotification(open.line, method, parseParams(words));
    return EXIT.OK; // closing the line sends what is queued
  } catch (error) {
    if (error instanceof TypeError) throw error;
    console.error(errorText(error, json));
    return EXIT.FAILED;
  }
}

function isDeadline(error: unknown): boolean {
  return error instanceof RpcError && error.reason === "DEADLINE_EXCEEDED";
}
