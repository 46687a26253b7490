/**
 * The Language Server Protocol's base protocol: a header block with `Content-Length`, a blank line,
 * and that many bytes. Source: LSP 3.17, "Base Protocol".
 *
 * A header that cannot be understood leaves no way to find the next message, so every fault here
 * is fatal but bytes that are not UTF-8 and a message of no bytes.
 *
 * @module
 */

import { ByteQueue, EMPTY } from "./byte_queue.ts";
import type { BadFrame, Framing } from "./frame.ts";
import { SizedDecoder } from "./sized_decoder.ts";
import { decodeLoosely, encodeUtf8, utf8Length } from "./utf8.ts";

const LF = 10;
const CR = 13;

/** How nearly everyone's header block begins and ends; between the two stand up to nine digits. */
const NAME = /* @__PURE__ */ new TextEncoder().encode("Content-Length: ");
const END = [CR, LF, CR, LF] as const;
const MAX_DIGITS = 9;

class HeaderDecoder extends SizedDecoder {
  /** The header block as it comes in, and where its current line began. */
  readonly #block = new ByteQueue();
  #line = 0;
  #lines = 0;

  override get held(): number {
    return this.#block.length + super.held;
  }

  override get midway(): boolean {
    return this.#block.length > 0 || super.midway;
  }

  protected override size(): number | BadFrame | undefined {
    const size = this.#usualHeader() ?? this.#header();
    if (size !== undefined) this.#block.clear();
    return size;
  }

  /** Passes over a header block that holds nothing but a good length, and lies in one chunk. */
  #usualHeader(): number | undefined {
    const chunk = this.chunk;
    let at = this.at, length = 0;
    if (this.#block.length > 0) return undefined;
    for (let i = 0; i < NAME.length; i++) if (chunk[at++] !== NAME[i]) return undefined;
    const first = at;
    for (let digit; (digit = chunk[at]! - 0x30) >= 0 && digit <= 9; at++) {
      length = length * 10 + digit;
    }
    if (at === first || at - first > MAX_DIGITS) return undefined;
    for (let i = 0; i < END.length; i++) if (chunk[at++] !== END[i]) return undefined;
    if (at - this.at > this.limits.maxHeaderBytes) return undefined;
    this.at = at;
    return length;
  }

  /** Reads on in the header block: the length of the body, a fault, or undefined for more bytes. */
  #header(): number | BadFrame | undefined {
    const { maxHeaderBytes, maxHeaderLines } = this.limits;
    for (;;) {
      const lf = this.chunk.indexOf(LF, this.at);
      const end = lf < 0 ? this.chunk.length : lf + 1;
      if (this.#block.length + end - this.at > maxHeaderBytes) {
        return fatal(`the header block is longer than ${maxHeaderBytes} bytes`);
      }
      this.#block.append(this.chunk.subarray(this.at, end));
      this.at = end;
      if (lf < 0) return undefined;
      const block = this.#block.bytes;
      if (this.#line === 0 && block.length === 2 && block[0] === CR) {
        this.#block.clear();
        continue;
      }
      if (block.length < 2 || block[block.length - 2] !== CR) {
        return fatal("a header line must end with CR LF");
      }
      if (block.length - this.#line === 2) {
        const text = decodeLoosely(block.subarray(0, this.#line));
        this.#line = this.#lines = 0;
        return contentLength(text);
      }
      this.#line = block.length;
      if (++this.#lines > maxHeaderLines) {
        return fatal(`the header block has more than ${maxHeaderLines} lines`);
      }
    }
  }
}

/** The one `Content-Length` of a header block. */
function contentLength(block: string): number | BadFrame {
  let length: number | undefined;
  for (const line of block.split("\r\n")) {
    if (line === "") continue;
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/.exec(line);
    if (match === null) {
      return fatal(`${JSON.stringify(line.slice(0, 64))} is not a header line`);
    }
    const name = match[1]!.toLowerCase(), value = trimBlanks(match[2]!);
    if (name === "content-length") {
      if (length !== undefined) return fatal("there are two Content-Length headers");
      if (!/^[0-9]{1,10}$/.test(value)) {
        return fatal(
          `Content-Length must be a number, it is ${JSON.stringify(value.slice(0, 64))}`,
        );
      }
      length = Number(value);
    } else if (name === "content-type" && /charset=(?!"?utf-?8"?[ \t]*(;|$))/i.test(value)) {
      return fatal("Content-Type must have charset=utf-8");
    }
  }
  return length ?? fatal("the header block has no Content-Length");
}

/** Without the spaces and tabs around it. */
function trimBlanks(text: string): string {
  let from = 0, to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from++;
  while (from < to && isBlank(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

function isBlank(unit: number): boolean {
  return unit === 0x20 || unit === 0x09;
}

function fatal(reason: string): BadFrame {
  return { kind: "malformed", reason, fatal: true };
}

/** `Content-Length` and a body, as language servers speak. */
export const headers: Framing = {
  name: "headers",
  decoder: (limits) => new HeaderDecoder(limits),
  encode(messages, reserve) {
    // Nearly all JSON is ASCII, where a string's length is its size: all frames are written in one
    // go on that guess, and once more with counted sizes where it proves wrong.
    let text = "";
    for (const message of messages) text += `Content-Length: ${message.length}\r\n\r\n${message}`;
    const bytes = encodeUtf8(text, reserve);
    if (bytes.length === text.length) return bytes;
    text = "";
    for (const message of messages) {
      text += `Content-Length: ${utf8Length(message)}\r\n\r\n${message}`;
    }
    return encodeUtf8(text, reserve);
  },
  around(message) {
    const head = `Content-Length: ${utf8Length(message)}\r\n\r\n`;
    return { before: encodeUtf8(head, (bytes) => new Uint8Array(bytes)), after: EMPTY };
  },
};
