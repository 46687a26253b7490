/**
 * The Language Server Protocol's base protocol: a header block with `Content-Length`, a blank line,
 * and that many bytes. Source: LSP 3.17, "Base Protocol".
 *
 * A header that cannot be understood leaves no way to find the next message, so every fault here
 * is fatal but bytes that are not UTF-8 and a message of no bytes.
 *
 * @module
 */

import { ByteQueue } from "./buffer.ts";
import type { Decoder, Fault, Frame, Framing, FramingLimits } from "./frame.ts";
import { decodeLoosely, encodeUtf8, utf8Length } from "./text.ts";
import { Body, frameOf } from "./body.ts";

const LF = 10;
const CR = 13;
const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** How nearly everyone's header block begins and ends; between the two stand up to nine digits. */
const NAME = /* @__PURE__ */ new TextEncoder().encode("Content-Length: ");
const END = [CR, LF, CR, LF] as const;
const MAX_DIGITS = 9;

class HeaderDecoder implements Decoder {
  readonly #limits: FramingLimits;
  #chunk = EMPTY;
  #at = 0;
  /** The header block as it comes in, and where its current line began. */
  readonly #block = new ByteQueue();
  #line = 0;
  #lines = 0;
  #body: Body | undefined;
  #failed = false;

  constructor(limits: FramingLimits) {
    this.#limits = limits;
  }

  get held(): number {
    return this.#block.length + (this.#body?.held ?? 0);
  }

  get midway(): boolean {
    return this.#body !== undefined || this.#block.length > 0;
  }

  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  next(): Frame | undefined {
    if (this.#failed) return undefined;
    if (this.#body === undefined) {
      const found = this.#usualHeader() ?? this.#header();
      if (found === undefined) return undefined;
      if (typeof found !== "number") {
        this.#failed = true;
        this.#block.clear();
        return found;
      }
      // One that lies in a single chunk, as most do, is decoded where it is.
      const end = this.#at + found;
      if (end <= this.#chunk.length) {
        const bytes = this.#chunk.subarray(this.#at, end);
        this.#at = end;
        return frameOf(bytes);
      }
      this.#body = new Body(found);
    }
    const body = this.#body;
    this.#at += body.take(this.#at === 0 ? this.#chunk : this.#chunk.subarray(this.#at));
    if (!body.complete) return undefined;
    this.#body = undefined;
    return body.frame();
  }

  /** Passes over a header block that holds nothing but a good length, and lies in one chunk. */
  #usualHeader(): number | undefined {
    const chunk = this.#chunk, { maxHeaderBytes, maxMessageBytes } = this.#limits;
    let at = this.#at, length = 0;
    if (this.#block.length > 0) return undefined;
    for (let i = 0; i < NAME.length; i++) if (chunk[at++] !== NAME[i]) return undefined;
    const first = at;
    for (let digit; (digit = chunk[at]! - 0x30) >= 0 && digit <= 9; at++) {
      length = length * 10 + digit;
    }
    if (at === first || at - first > MAX_DIGITS) return undefined;
    for (let i = 0; i < END.length; i++) if (chunk[at++] !== END[i]) return undefined;
    if (length > maxMessageBytes || at - this.#at > maxHeaderBytes) return undefined;
    this.#at = at;
    return length;
  }

  /** Reads on in the header block: the length of the body, a fault, or undefined for more bytes. */
  #header(): number | Fault | undefined {
    const { maxHeaderBytes, maxHeaderLines, maxMessageBytes } = this.#limits;
    for (;;) {
      const lf = this.#chunk.indexOf(LF, this.#at);
      const end = lf < 0 ? this.#chunk.length : lf + 1;
      if (this.#block.length + end - this.#at > maxHeaderBytes) {
        return fatal(`the header block is longer than ${maxHeaderBytes} bytes`);
      }
      this.#block.append(this.#chunk.subarray(this.#at, end));
      this.#at = end;
      if (lf < 0) return undefined;
      const block = this.#block.bytes;
      if (block.length < 2 || block[block.length - 2] !== CR) {
        return fatal("a header line must end with CR LF");
      }
      if (block.length - this.#line === 2) {
        const text = decodeLoosely(block.subarray(0, this.#line));
        this.#block.clear();
        this.#line = this.#lines = 0;
        const length = contentLength(text);
        return typeof length === "number" && length > maxMessageBytes
          ? {
            kind: "oversized",
            reason: `the message has ${length} bytes, the limit is ${maxMessageBytes}`,
            maxBytes: maxMessageBytes,
            fatal: true,
          }
          : length;
      }
      this.#line = block.length;
      if (++this.#lines > maxHeaderLines) {
        return fatal(`the header block has more than ${maxHeaderLines} lines`);
      }
    }
  }
}

/** The one `Content-Length` of a header block. */
function contentLength(block: string): number | Fault {
  let length: number | undefined;
  for (const line of block.split("\r\n")) {
    if (line === "") continue;
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/.exec(line);
    if (match === null) {
      return fatal(`${JSON.stringify(line.slice(0, 64))} is not a header line`);
    }
    const name = match[1]!.toLowerCase(), value = match[2]!.replace(/^[ \t]+|[ \t]+$/g, "");
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

function fatal(reason: string): Fault {
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
};
