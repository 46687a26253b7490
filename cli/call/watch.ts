/**
 * `client.ts watch`: calls a method again and again, and shows what changed.
 *
 * @module
 */

import { withMarkers } from "../../lib/message/base64.ts";
import { ConnectionLostError } from "../../lib/client.ts";
import type { ArgumentOptions, Given } from "../command/args.ts";
import { describeError, toErrorObject } from "../command/errors.ts";
import { differenceLine, paint } from "../text/diff_lines.ts";
import { EXIT, Exit } from "../command/exit.ts";
import { differences } from "../text/json_diff.ts";
import { numberOption, timeOption } from "../command/number_option.ts";
import { describeIfAsked } from "../describe/discover.ts";
import { fitParams, mustMakeSense } from "../describe/fit_params.ts";
import { printable, printableJson } from "../text/printable.ts";
import { ProgressLine } from "../text/progress.ts";
import { print } from "../text/stdio.ts";
import { delay, type Open, withLine } from "../command/line.ts";

/** What `watch --help` prints. */
export const help = `\
Calls a method again and again: prints the first result, and from then on what
changed in it.

Usage: client.ts watch [OPTIONS] ADDRESS METHOD [PARAMS]

Options:
  --every TIME      500ms, 1s, 2m: from one call to the next; a call that takes
                    longer is waited for [default: 1s]
  --times N         ends after so many calls [default: never]
  --json            a JSON text a line: {"time","result"} first, then
                    {"time","changes":[{"path","before","after"}]}, and
                    {"time","error"} where a call fails

A change is one line: ~ what has another value, + what is new, - what is gone.
Nothing is printed while nothing changes. A call that fails is told once, and
watched on. --timeout is for each call. Colours on a terminal only, and never
with NO_COLOR.

Exit codes: 0 after --times, 1 where the connection was lost, 130 at Ctrl-C, and
those that all commands have.

Example:
  client.ts watch --every 5s tcp://127.0.0.1:8080 rpc.health service=
`;

/** Its own options. */
export const options = {
  every: { type: "string" },
  times: { type: "string" },
} as const satisfies ArgumentOptions;

/** Milliseconds between two calls. */
const EVERY = 1000;

/** What came of a call. */
type Outcome = { readonly result: unknown } | { readonly error: unknown };

interface Asked {
  readonly method: string;
  readonly words: readonly string[];
  readonly every: number;
  readonly times: number;
}

/** Watches. */
export function run(words: readonly string[], given: Given): Promise<number> {
  const [address, method, ...rest] = words;
  if (address === undefined || method === undefined) {
    throw new TypeError("Cannot watch: ADDRESS and METHOD are needed, watch --help shows how");
  }
  mustMakeSense(rest);
  const asked: Asked = {
    method,
    words: rest,
    every: timeOption(given.values, "every") ?? EVERY,
    times: numberOption(given.values, "times", { min: 1, max: 1e12 }) ?? Infinity,
  };
  return withLine(address, given, (open) => watch(open, asked, given));
}

async function watch(open: Open, asked: Asked, given: Given): Promise<number> {
  const { method, words, every, times } = asked, { timeout, json, plain } = given;
  const description = plain || words.length === 0 ? undefined : await describeIfAsked(open);
  const typed = { words, text: words.join(" ") };
  const params = fitParams(typed, method, description, open.refusal);
  const { line, signal } = open;
  const show = json ? asJson : asText;
  const progress = new ProgressLine();
  let last: Outcome | undefined;
  let due = performance.now();
  for (let calls = 1;; calls++) {
    let outcome: Outcome;
    try {
      const result = await line.request(method, params, {
        signal,
        ...timeout !== undefined && { timeout },
      });
      outcome = { result: withMarkers(result) };
    } catch (error) {
      if (signal.aborted) return EXIT.FAILED; // the signal's own exit code is taken
      if (error instanceof ConnectionLostError) throw new Exit(EXIT.FAILED, error);
      outcome = { error };
    }
    const text = show(last, outcome, new Date());
    if (text !== "") {
      progress.clear();
      await print(text);
    }
    last = outcome;
    if (calls >= times) {
      progress.clear();
      return EXIT.OK;
    }
    progress.show(`${clock(new Date())}  ${calls} calls`);
    // By the clock, so that the time of a call does not add up; but never to catch up.
    due = Math.max(due + every, performance.now());
    await delay(Math.max(0, due - performance.now()));
  }
}

function asJson(last: Outcome | undefined, now: Outcome, date: Date): string {
  const time = date.toISOString();
  if ("error" in now) {
    const error = toErrorObject(now.error);
    return isSameError(last, now) ? "" : printable(JSON.stringify({ time, error })) + "\n";
  }
  if (last === undefined || "error" in last) {
    return printable(JSON.stringify({ time, result: now.result })) + "\n";
  }
  const changes = differences(last.result, now.result);
  return changes.length === 0 ? "" : printable(JSON.stringify({ time, changes })) + "\n";
}

function asText(last: Outcome | undefined, now: Outcome, date: Date): string {
  const title = paint("2", clock(date)) + "\n";
  if ("error" in now) {
    return isSameError(last, now) ? "" : title + paint("31", describeError(now.error)) + "\n";
  }
  if (last === undefined || "error" in last) {
    return `${title}${printableJson(JSON.stringify(now.result, undefined, 2))}\n`;
  }
  const changes = differences(last.result, now.result);
  return changes.length === 0
    ? ""
    : title + changes.map((change) => differenceLine(change)).join("");
}

function isSameError(last: Outcome | undefined, now: { readonly error: unknown }): boolean {
  return last !== undefined && "error" in last &&
    describeError(last.error) === describeError(now.error);
}

/** The time of day, as it is here. */
function clock(date: Date): string {
  return date.toTimeString().slice(0, 8);
}
