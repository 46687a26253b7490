/**
 * Text that came from somewhere else, made fit for a terminal and a log: one line, nothing in it that
 * moves the cursor, changes colours or reverses the direction of reading.
 *
 * @module
 */

import { withoutPassword } from "../../lib/transport/address.ts";

/** Controls, invisible formats and line separators; the two joiners stay, emoji are made with them. */
const UNSAFE = /[[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]--[\u200c\u200d]]/gv;

/** The text with what must not be acted on written as `\u001b`; line ends too. */
export function printable(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** An address without its password, for a terminal and for what is kept. */
export function printableAddress(address: string): string {
  return printable(withoutPassword(address));
}

/** The same for indented JSON, whose line ends are ours. What comes out is still the same JSON. */
export function printableJson(json: string): string {
  return json.replace(UNSAFE, (found) => found === "\n" ? found : escaped(found));
}

/** The same, cut to so many characters. */
export function shown(text: string, max: number): string {
  return printable(text.slice(0, max)) + (text.length > max ? "…" : "");
}

/** The text in quotes, cut to so many characters. */
export function quoted(text: string, max = 128): string {
  // The cut comes first: escapes are never cut in two, and a huge text is not escaped whole.
  const cut = text.length > max ? text.slice(0, max) : text;
  return printable(JSON.stringify(cut)) + (cut === text ? "" : "…");
}

function escaped(found: string): string {
  let text = "";
  for (let i = 0; i < found.length; i++) {
    text += "\\u" + found.charCodeAt(i).toString(16).padStart(4, "0");
  }
  return text;
}
