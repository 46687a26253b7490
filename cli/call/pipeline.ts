/**
 * Many calls over one line: read one by one, sent without waiting for each other, answered in the
 * order in which they were read, or in that in which the answers come.
 *
 * ```text
 * input line ─> call ─┬─> line.request ─> outcome ─┐
 *                     └─> its place in the queue <─┘ ─> printed when all before it are
 * ```
 *
 * @module
 */

import { withMarkers } from "../../lib/message/base64.ts";
import { ConnectionLostError, type ErrorObject, type Line, RpcError } from "../../lib/client.ts";
import { AnswerQueue, type Place } from "./answer_queue.ts";
import { toErrorObject } from "../command/errors.ts";
import { isExactNumber, parseExactJson } from "../text/exact_json.ts";
import { sendNotification } from "./notification.ts";
import { parseCall } from "../command/params.ts";
import { withRetries } from "../command/retry.ts";
import { type InputLine, readLines } from "../text/stdio.ts";

/** Bytes of one line of the input: more than any server of ours takes. */
const MAX_LINE = 1 << 24;

/** How to make the calls. */
export interface CallsOptions {
  /** Who is called. */
  readonly line: Line;
  /** The calls, one on a line: `METHOD PARAMS`, or a JSON-RPC request object. */
  readonly input: ReadableStream<Uint8Array>;
  /** Prints answers; its promise is back-pressure. */
  readonly print: (text: string) => Promise<void>;
  /** Milliseconds that each call may take. */
  readonly timeout: number | undefined;
  /** Makes a call again that the server refuses, and may take later. @default {false} */
  readonly retry?: boolean;
  /** Sends `METHOD PARAMS` as notifications. */
  readonly notify: boolean;
  /**
   * Prints each answer when it comes; that to `METHOD PARAMS` with the number of its line.
   * @default {false}
   */
  readonly unordered?: boolean;
  /** What travels beside the params of each call. */
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
  /** Kept up to date while the calls are made. */
  readonly progress?: CallsProgress;
}

/** How far the calls are. */
export interface CallsProgress {
  made: number;
  answered: number;
  failed: number;
  /** Whether the input has ended: `made` is all of them. */
  isRead: boolean;
}

/** What became of the calls. */
export interface CallsOutcome {
  /** How many failed. */
  readonly failed: number;
  /** Whether the connection ended before all calls were made and answered. */
  readonly lost: boolean;
}

/** What one line of the input asks for. */
interface Call {
  readonly method: string;
  readonly params: unknown;
  readonly isNotification: boolean;
  /** What is printed of the outcome. */
  readonly show: Show;
}

type Outcome = { readonly result: unknown } | { readonly error: ErrorObject };
type Show = (outcome: Outcome) => unknown;

/**
 * Makes all calls of the input, and prints their answers. Where the connection ends it reads no more:
 * the calls that were under way are printed as errors.
 *
 * @throws what `print` throws
 */
export async function makeCalls(options: CallsOptions): Promise<CallsOutcome> {
  const { line, timeout, notify, retry = false, unordered = false } = options;
  const progress = options.progress ?? { made: 0, answered: 0, failed: 0, isRead: false };
  const stopped = new AbortController();
  line.closed.then(() => stopped.abort());
  const queue = new AnswerQueue(options.print, () => stopped.abort(), { unordered });
  const each = {
    ...(timeout !== undefined && { timeout }),
    ...(options.meta !== undefined && { meta: options.meta }),
  };
  let lost = false;

  const add = (bytes: number) => {
    progress.made++;
    return queue.add(bytes);
  };
  const settle = (place: Place, show: Show, outcome: Outcome) => {
    progress.answered++;
    if ("error" in outcome) progress.failed++;
    queue.settle(place, JSON.stringify(withMarkers(show(outcome))));
  };

  let number = 0;
  for await (
    const input of readLines(options.input, MAX_LINE, stopped.signal, { blank: unordered })
  ) {
    number++;
    if ("text" in input && input.text === "") continue; // it only counts
    const call = readCall(input, notify, unordered ? showNumbered(number) : showResult);
    if (call instanceof InvalidCall) {
      await queue.room();
      settle(add(0), call.show, { error: call.error });
      continue;
    }
    const { method, params, show } = call;
    if (call.isNotification) {
      try {
        sendNotification(line, method, params);
      } catch (error) {
        settle(add(0), show, { error: toErrorObject(error) });
      }
      continue;
    }
    await queue.room();
    if (stopped.signal.aborted) {
      lost = true;
      break;
    }
    const place = add("text" in input ? input.text.length : 0);
    const make = (left: number | undefined) =>
      line.request(method, params, left === undefined ? each : { ...each, timeout: left });
    (retry ? withRetries(make, timeout, stopped.signal) : make(undefined)).then(
      (result) => settle(place, show, { result }),
      (error) => {
        lost ||= error instanceof ConnectionLostError;
        settle(place, show, { error: toErrorObject(error) });
      },
    );
  }
  lost ||= stopped.signal.aborted;
  progress.isRead = true;
  await queue.printed();
  return { failed: progress.failed, lost };
}

/** A line that is no call, with what is printed in its place. */
class InvalidCall {
  readonly error: ErrorObject;
  readonly show: Show;

  constructor(error: RpcError, show: Show) {
    this.error = error.toJSON();
    this.show = show;
  }
}

/** Of `METHOD PARAMS` the result alone is printed. */
const showResult: Show = (outcome) => "error" in outcome ? outcome : outcome.result;

/** Where answers come in any order the line that was asked on tells whose they are. */
function showNumbered(line: number): Show {
  return (outcome) => ({ line, ...outcome });
}

/** Of a request object the whole response. */
function showResponse(id: unknown): Show {
  return (outcome) => ({ jsonrpc: "2.0", ...outcome, id });
}

/** A line of the input as a call. Never throws. */
function readCall(input: InputLine, notify: boolean, show: Show): Call | InvalidCall {
  if ("fault" in input) {
    const error = new RpcError("PARSE_ERROR", "Parse error", { details: input.fault });
    return new InvalidCall(error, show);
  }
  const { text } = input;
  if (text.startsWith("{") || text.startsWith("[")) return readRequest(text);
  try {
    return { ...parseCall(text), isNotification: notify, show };
  } catch (error) {
    const details = error instanceof Error ? error.message : String(error);
    const invalid = new RpcError("INVALID_PARAMS", "Invalid params", { details });
    return new InvalidCall(invalid, show);
  }
}

function readRequest(text: string): Call | InvalidCall {
  let value: unknown;
  try {
    value = parseExactJson(text);
  } catch {
    return new InvalidCall(new RpcError("PARSE_ERROR", "Parse error"), showResponse(null));
  }
  if (Array.isArray(value)) {
    return invalidRequest(null, "a batch is not taken here: write its calls on lines of their own");
  }
  const { id, method, params } = value as Readonly<Record<string, unknown>>;
  const isId = id === undefined || id === null || typeof id === "string" || isExactNumber(id);
  if (!isId) return invalidRequest(null, "id must be a string, a number or null");
  if (typeof method !== "string") return invalidRequest(id, "method must be a string");
  if (
    params !== undefined && (params === null || typeof params !== "object" || isExactNumber(params))
  ) {
    return invalidRequest(id, "params must be an object or an array");
  }
  return { method, params, isNotification: id === undefined, show: showResponse(id) };
}

function invalidRequest(id: unknown, details: string): InvalidCall {
  const error = new RpcError("INVALID_REQUEST", "Invalid Request", { details });
  return new InvalidCall(error, showResponse(id ?? null));
}
