/**
 * `client.ts ADDRESS -`: calls from standard input.
 *
 * @module
 */

import { makeCalls } from "./calls.ts";
import type { ArgumentOptions, Given } from "./client_args.ts";
import { errorText } from "./client_errors.ts";
import { EXIT } from "./exit.ts";
import { quoted } from "./printable.ts";
import { print } from "./stdio.ts";
import { type Open, withLine } from "./with_line.ts";

/** Its own options. */
export const options = { notify: { type: "boolean" } } as const satisfies ArgumentOptions;

/** Makes the calls. */
export function run([address, , ...words]: readonly string[], given: Given): Promise<number> {
  if (words.length > 0) {
    throw new TypeError(
      `Cannot call: with - the calls come from standard input, there is ${quoted(words[0]!)}`,
    );
  }
  return withLine(address!, given, (open) => callAll(open, given));
}

async function callAll({ line, refused, signal }: Open, given: Given): Promise<number> {
  const { failed, lost } = await makeCalls({
    line,
    input: Deno.stdin.readable,
    print: async (text) => {
      if (!signal.aborted) await print(text);
    },
    timeout: given.timeout,
    notify: given.values.has("notify"),
  });
  if (lost && !signal.aborted) {
    const { reason, error } = await line.closed;
    const why = error instanceof Error ? ` (${error.message})` : "";
    const last = new Error(`The connection ended: ${reason}${why}`);
    console.error(errorText(refused.reason ?? last, given.json));
  }
  return failed > 0 || lost ? EXIT.FAILED : EXIT.OK;
}
