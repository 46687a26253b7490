/**
 * `client.ts ADDRESS --list` and `--describe METHOD`: what the server says of its methods.
 *
 * @module
 */

import type { ArgumentOptions, Given } from "../command/args.ts";
import { errorText } from "../command/errors.ts";
import { listText, methodText } from "./describe_text.ts";
import { type Description, discover } from "./discover.ts";
import { noSuchMethod } from "./hints.ts";
import { EXIT, Exit } from "../command/exit.ts";
import { printable, quoted } from "../text/printable.ts";
import { print } from "../text/stdio.ts";
import { deadlineSignal, type Open, withLine } from "../command/line.ts";

/** Their own options. */
export const options = {
  list: { type: "boolean" },
  describe: { type: "string" },
} as const satisfies ArgumentOptions;

/** Prints all methods, or one. */
export function run(words: readonly string[], given: Given): Promise<number> {
  const method = given.values.get("describe");
  if (given.values.has("describe") && !method) {
    throw new TypeError("Cannot describe: --describe needs the name of a method");
  }
  return withDescription(words, given, async (description) => {
    if (method === undefined) await print(listed(description, given.json));
    else await print(described(description, method, given.json));
    return EXIT.OK;
  });
}

/** Connects, and does something with what the server says of itself. */
export function withDescription(
  [address, other]: readonly string[],
  given: Given,
  work: (description: Description) => Promise<number>,
): Promise<number> {
  if (address === undefined) {
    throw new TypeError("Cannot ask the server: ADDRESS is missing, --help shows how");
  }
  if (other !== undefined) {
    throw new TypeError(
      `Cannot ask the server: after ADDRESS nothing may stand, there is ${quoted(other)}`,
    );
  }
  return withLine(address, given, async (open: Open) => {
    let description: Description;
    try {
      description = await discover(open.line, deadlineSignal(open, given));
    } catch (error) {
      if (open.signal.aborted) return EXIT.FAILED; // the exit code is the signal's
      if (error instanceof Exit) throw error;
      console.error(errorText(error, given.json));
      return EXIT.FAILED;
    }
    return await work(description);
  });
}

function listed(description: Description, json: boolean): string {
  if (!json) return listText(description);
  return description.methods.map(({ name, summary }) =>
    printable(JSON.stringify({ name, ...(summary !== undefined && { summary }) })) + "\n"
  ).join("");
}

/** One method, readable or as it stands in the document. */
function described(description: Description, name: string, json: boolean): string {
  const method = description.methods.find((method) => method.name === name);
  if (method === undefined) {
    throw new Exit(EXIT.FAILED, noSuchMethod(name, description));
  }
  return json ? printable(JSON.stringify(method.source)) + "\n" : methodText(method, description);
}
