/**
 * Which framing a peer speaks, by its first bytes and never by timing.
 *
 * @module
 */

import type { FramingName } from "./frame.ts";
import { isSpace } from "./value_scanner.ts";

/** What the first bytes of a connection are. */
export type Detected =
  | { readonly kind: "framing"; readonly name: FramingName }
  | { readonly kind: "http" }
  | { readonly kind: "tls" }
  | { readonly kind: "unknown"; readonly reason: string }
  /** Too few bytes to tell. */
  | { readonly kind: "undecided" };

/** White space before the first message, beyond which nothing good is to be expected. */
const MAX_SPACE = 16;

/** The beginnings of HTTP's methods, and of `Content-` in lower case. */
const VERBS = ["GET ", "POST", "PUT ", "HEAD", "OPTI", "DELE", "PATC"];
const HEADER = "content-";

/**
 * Looks at the first bytes of a connection, all that have arrived.
 *
 * @example
 * ```ts ignore
 * detect(new TextEncoder().encode("{")); // { kind: "framing", name: "lines" }
 * ```
 */
export function detect(bytes: Uint8Array): Detected {
  if (bytes.length === 0) return { kind: "undecided" };
  const first = bytes[0]!;
  if (first === 0) return { kind: "framing", name: "length" };
  if (first === 0x16) {
    if (bytes.length === 1) return { kind: "undecided" };
    return bytes[1] === 3 ? { kind: "tls" } : unknown(bytes);
  }
  let space = 0;
  while (space < bytes.length && isSpace(bytes[space]!)) space++;
  if (space > MAX_SPACE) {
    return { kind: "unknown", reason: `more than ${MAX_SPACE} bytes of white space` };
  }
  if (space === bytes.length) return { kind: "undecided" };
  if (bytes[space] === 0x7b || bytes[space] === 0x5b) return { kind: "framing", name: "lines" };
  if (space > 0) return unknown(bytes);
  const start = String.fromCharCode(...bytes.subarray(0, HEADER.length));
  if (begins(start.toLowerCase(), HEADER)) {
    return start.length < HEADER.length
      ? { kind: "undecided" }
      : { kind: "framing", name: "headers" };
  }
  if (VERBS.some((verb) => begins(start, verb))) {
    return start.length < 4 ? { kind: "undecided" } : { kind: "http" };
  }
  return unknown(bytes);
}

/** Whether one of the two begins with the other. */
function begins(a: string, b: string): boolean {
  return a.length < b.length ? b.startsWith(a) : a.startsWith(b);
}

/** Names the bytes that decided and no more: the answer must not depend on how many came at once. */
function unknown(bytes: Uint8Array): Detected {
  let length = 1;
  while (length < bytes.length && detect(bytes.subarray(0, length)).kind === "undecided") length++;
  const start = Array.from(bytes.subarray(0, length), (it) => it.toString(16).padStart(2, "0"));
  return { kind: "unknown", reason: `no framing begins with the bytes ${start.join(" ")}` };
}
