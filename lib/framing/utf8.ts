/**
 * UTF-8 to text and back: strict, and as fast as the runtime allows.
 *
 * @module
 */

import type { Reserve } from "./frame.ts";

// `fatal: true` costs three to ten times as much as this one (measured: 1 KiB 944 ns against 181 ns),
// so bad bytes are found by the replacement character they leave, and only then decoded strictly.
const fast = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true });
const strict = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
const encoder = /* @__PURE__ */ new TextEncoder();

/** The text of these bytes; undefined where they are not UTF-8. A byte order mark stays in it. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  const text = fast.decode(bytes);
  if (!text.includes("\uFFFD")) return text;
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The text of these bytes with U+FFFD where they are not UTF-8. */
export function decodeLoosely(bytes: Uint8Array): string {
  return fast.decode(bytes);
}

/** Writes text as UTF-8; the result is a part of the reserved buffer where it fits there. */
export function encodeUtf8(text: string, reserve: Reserve): Uint8Array<ArrayBuffer> {
  // Nearly all JSON is ASCII, a byte a unit; room for the worst case would be three times that.
  const buffer = reserve(text.length);
  const { read, written } = encoder.encodeInto(text, buffer);
  return read === text.length ? buffer.subarray(0, written) : encoder.encode(text);
}

/** Units of a text that are counted by encoding them: the runtime does that twenty times as fast. */
const PART = 1 << 14;

/** How many bytes this text takes as UTF-8. */
export function utf8Length(text: string): number {
  if (text.length < PART) return countedLength(text);
  const part = new Uint8Array(3 * PART);
  let bytes = 0;
  for (let at = 0, end; at < text.length; at = end) {
    end = at + PART;
    if ((text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--; // not between the two of a pair
    bytes += encoder.encodeInto(text.slice(at, end), part).written;
  }
  return bytes;
}

function countedLength(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // A surrogate pair is two units and four bytes; a lone surrogate is written as U+FFFD, three.
    if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      bytes += 2;
      i++;
    } else bytes += unit < 0x800 ? 1 : 2;
  }
  return bytes;
}

/** Whether this text takes more than so many bytes; counts them only where its length leaves doubt. */
export function isLongerThan(text: string, bytes: number): boolean {
  if (text.length * 3 <= bytes) return false;
  return text.length > bytes || utf8Length(text) > bytes;
}
