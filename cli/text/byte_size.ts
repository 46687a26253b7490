/**
 * Bytes as people read them.
 *
 * @module
 */

import { printable } from "./printable.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Bytes as one line of text: UTF-8 as it is, `\n` and `\r` for line ends, `\xff` for what is no UTF-8.
 *
 * @param max bytes that are shown; how many more there are is said
 */
export function showBytes(bytes: Uint8Array, max = 400): string {
  const shown = bytes.subarray(0, max);
  const rest = bytes.length - shown.length;
  return textOf(shown) + (rest === 0 ? "" : `… and ${rest} bytes more`);
}

function textOf(bytes: Uint8Array): string {
  try {
    return escaped(decoder.decode(bytes));
  } catch {
    let text = "";
    for (const byte of bytes) {
      text += byte < 0x80
        ? escaped(String.fromCharCode(byte))
        : `\\x${byte.toString(16).padStart(2, "0")}`;
    }
    return text;
  }
}

function escaped(text: string): string {
  return printable(text.replaceAll("\r", "\\r").replaceAll("\n", "\\n"));
}

/** Runs of bytes, one after another. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
