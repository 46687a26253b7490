/**
 * `client.ts --raw ADDRESS`: a telephone, bytes without framing.
 *
 * @module
 */

import type { ArgumentOptions, Given } from "../command/args.ts";
import { describeError } from "../command/errors.ts";
import { EXIT } from "../command/exit.ts";
import { quoted } from "../text/printable.ts";
import { mustBeStream, mustLeaveTerminal } from "../command/stream_address.ts";
import { talk } from "./client.ts";
import { print } from "../text/stdio.ts";
import { withSocket } from "../command/line.ts";

/** Its own options. */
export const options = {
  raw: { type: "boolean" },
  "line-end": { type: "string" },
} as const satisfies ArgumentOptions;

/** What ends a line, by the names of `--line-end`. */
const LINE_ENDS: ReadonlyMap<string, string> = new Map([["lf", "\n"], ["crlf", "\r\n"]]);

/** Talks. */
export function run([address, ...others]: readonly string[], given: Given): Promise<number> {
  if (address === undefined) {
    throw new TypeError("Cannot talk: ADDRESS is missing, --help shows how");
  }
  const [word] = others;
  if (word !== undefined) {
    throw new TypeError(`Cannot talk: after ADDRESS nothing may stand, there is ${quoted(word)}`);
  }
  const lineEnd = lineEndOf(given);
  const option = ["framing", "header", "token-file", "json", "verbose", "plain", "version-1"].find((
    name,
  ) => given.values.has(name));
  if (option !== undefined) {
    throw new TypeError(`Cannot talk: --${option} is for calls, with --raw there are none`);
  }
  mustBeStream(address);
  mustLeaveTerminal(address);
  return withSocket(address, given, async (socket) => {
    let exitCode: number = EXIT.OK;
    const end = await talk({
      socket,
      input: Deno.stdin.readable,
      print,
      isTerminal: Deno.stdout.isTerminal(),
      ...(lineEnd !== undefined && { lineEnd }),
      ...(given.timeout !== undefined && { answerTimeout: given.timeout }),
      onFault(fault) {
        exitCode = EXIT.FAILED;
        console.error(describeError(new Error(`Cannot send: ${fault}`)));
      },
    });
    if (end.kind === "ended") return exitCode;
    const why = end.error instanceof Error ? ` (${end.error.message})` : "";
    console.error(describeError(new Error(`The server hung up${why}`)));
    return EXIT.FAILED;
  });
}

function lineEndOf({ values }: Given): string | undefined {
  if (!values.has("line-end")) return undefined;
  const name = values.get("line-end") ?? "", lineEnd = LINE_ENDS.get(name);
  if (lineEnd !== undefined) return lineEnd;
  throw new TypeError(
    `Cannot read --line-end: it must be lf or crlf, ${
      name === "" ? "there is none" : `it is ${quoted(name)}`
    }`,
  );
}
