/**
 * The bodies of HTTP's answers: as one text, as lines, and as Server-Sent Events.
 *
 * @module
 */

import { decodeUtf8 } from "../../framing/utf8.ts";

const LF = 10, CR = 13;

/** The chunks of a body. */
export type Body = AsyncIterable<Uint8Array>;

/** A body, or a line of one, is longer than it may be. */
export class TooLong extends Error {
  override readonly name = "TooLong";
}

/**
 * The whole text of a body; undefined if it is not UTF-8.
 *
 * @param maxBytes bytes that it may have
 * @throws {TooLong} as soon as there are more
 */
export async function textOf(body: Body, maxBytes: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    if ((length += chunk.length) > maxBytes) throw new TooLong();
    chunks.push(chunk);
  }
  const text = decodeUtf8(joined(chunks, length));
  return text && withoutMark(text);
}

/** A text without the byte order mark that some servers write before it: it means nothing. */
function withoutMark(text: string): string {
  return text.startsWith("\uFEFF") ? text.slice(1) : text;
}

/** Lines, without what ends them: a line feed, and a carriage return before it. */
export function linesOf(body: Body, maxBytes: number): AsyncIterable<string> {
  return split(body, maxBytes, false);
}

/** @param endsAtCr whether a carriage return alone ends a line, too */
async function* split(body: Body, maxBytes: number, endsAtCr: boolean): AsyncGenerator<string> {
  let parts: Uint8Array[] = [], length = 0;
  /** Whether the last byte has ended a line, and a line feed behind it would belong to it. */
  let isBehindCr = false;
  for await (const chunk of body) {
    let from = 0, lf = -1, cr = -1;
    for (;;) {
      // Each is looked for once: of most texts there is only one of the two.
      if (lf < from) lf = placeOf(LF, chunk, from);
      if (cr < from) cr = endsAtCr ? placeOf(CR, chunk, from) : Infinity;
      const end = Math.min(lf, cr);
      if (end === Infinity) break;
      if (!(isBehindCr && end === lf && end === from)) {
        parts.push(chunk.subarray(from, end));
        yield lineOf(parts, length + end - from);
        parts = [];
        length = 0;
      }
      isBehindCr = end === cr;
      from = end + 1;
    }
    if (from === chunk.length) continue;
    isBehindCr = false;
    parts.push(chunk.slice(from));
    if ((length += chunk.length - from) > maxBytes) throw new TooLong();
  }
  if (length > 0) yield lineOf(parts, length);
}

function placeOf(byte: number, chunk: Uint8Array, from: number): number {
  const at = chunk.indexOf(byte, from);
  return at < 0 ? Infinity : at;
}

function lineOf(parts: readonly Uint8Array[], length: number): string {
  const bytes = joined(parts, length);
  const line = decodeUtf8(bytes) ?? ""; // what is no text is no message
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

/**
 * The data of events: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6. Their
 * names and ids are not looked at, because a message says all of itself.
 */
export async function* eventsOf(body: Body, maxBytes: number): AsyncGenerator<string> {
  let data: string[] = [], length = 0, isFirst = true;
  for await (const it of split(body, maxBytes, true)) {
    const line = isFirst ? withoutMark(it) : it;
    isFirst = false;
    if (line === "") {
      if (length > 0) yield data.join("\n");
      data = [];
      length = 0;
    } else if (line.startsWith("data:")) {
      const value = line.slice(line[5] === " " ? 6 : 5);
      data.push(value);
      if ((length += value.length) > maxBytes) throw new TooLong();
    }
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
