/**
 * What `@FILE` and `@-` stand for among params: the text of a file, or of standard input.
 *
 * @module
 */

import { joined } from "../text/byte_size.ts";

/** Reads what stands behind the `@`: the path of a file, or `-`. */
export type ReadText = (path: string) => string;

/** More than any server of ours takes in one message. */
const MAX_BYTES = 1 << 26;

/**
 * The text of a file, or of standard input, without the line feed at its end.
 *
 * @throws {TypeError} if it cannot be read; the message is one line
 */
export const fileText: ReadText = (path) => {
  try {
    const bytes = path === "-" ? standardInput() : Deno.readFileSync(path);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r?\n$/, "");
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0]! : String(error);
    throw new TypeError(
      `Cannot read @${path}: ${why}; a text that begins with @ is written in quotes, '"@…"'`,
    );
  }
};

function standardInput(): Uint8Array {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const part = new Uint8Array(1 << 16), count = Deno.stdin.readSync(part);
    if (count === null) return joined(parts);
    parts.push(part.subarray(0, count));
    size += count;
    if (size > MAX_BYTES) throw new RangeError(`it is longer than ${MAX_BYTES} bytes`);
  }
}
