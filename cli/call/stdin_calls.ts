/**
 * `client.ts ADDRESS -`: calls from standard input.
 *
 * @module
 */

import { type CallsProgress, makeCalls } from "./pipeline.ts";
import type { ArgumentOptions, Given } from "../command/args.ts";
import { callMeta } from "../command/call_meta.ts";
import { errorText } from "../command/errors.ts";
import { EXIT } from "../command/exit.ts";
import { printableJson, quoted } from "../text/printable.ts";
import { ProgressLine } from "../text/progress.ts";
import { print } from "../text/stdio.ts";
import { type Open, withLine } from "../command/line.ts";

/** Its own options. */
export const options = {
  notify: { type: "boolean" },
  unordered: { type: "boolean" },
  meta: { type: "string", multiple: true },
  answer: { type: "string", multiple: true },
} as const satisfies ArgumentOptions;

/** Milliseconds between two looks at how far the calls are, and characters of the bar. */
const PROGRESS = 200;
const BAR = 30;

/** Makes the calls. */
export function run([address, , ...words]: readonly string[], given: Given): Promise<number> {
  if (words.length > 0) {
    throw new TypeError(
      `Cannot call: with - the calls come from standard input, there is ${quoted(words[0]!)}`,
    );
  }
  return withLine(address!, given, (open) => callAll(open, given));
}

async function callAll({ line, signal }: Open, given: Given): Promise<number> {
  const progress: CallsProgress = { made: 0, answered: 0, failed: 0, isRead: false };
  const bar = new ProgressLine(), start = performance.now();
  const timer = bar.isShown
    ? setInterval(() => bar.show(progressText(progress, performance.now() - start)), PROGRESS)
    : 0;
  const { failed, lost } = await makeCalls({
    line,
    input: Deno.stdin.readable,
    print: async (text) => {
      if (signal.aborted) return;
      bar.clear();
      await print(Deno.stdout.isTerminal() ? printableJson(text) : text);
    },
    timeout: given.timeout,
    retry: given.retry,
    notify: given.values.has("notify"),
    unordered: given.values.has("unordered"),
    meta: callMeta(given),
    progress,
  }).finally(() => {
    clearInterval(timer);
    bar.clear();
  });
  if (lost && !signal.aborted) {
    const { reason, error } = await line.closed;
    const why = error instanceof Error ? ` (${error.message})` : "";
    const last = new Error(`The connection ended: ${reason}${why}`);
    console.error(errorText(last, given.json));
  }
  return failed > 0 || lost ? EXIT.FAILED : EXIT.OK;
}

/** How many calls are answered; of how many only when the input has ended. */
function progressText({ made, answered, failed, isRead }: CallsProgress, ms: number): string {
  const share = made === 0 ? 1 : answered / made;
  const full = Math.floor(share * BAR);
  return [
    ...isRead
      ? [`[${"#".repeat(full)}${"-".repeat(BAR - full)}] ${Math.floor(share * 100)} %`]
      : [],
    `${answered} of ${made}${isRead ? "" : " so far"}`,
    `${Math.round(answered / ms * 1000)}/s`,
    ...failed > 0 ? [`${failed} failed`] : [],
  ].join("  ");
}
