/**
 * A 4-byte big-endian length, and that many bytes. The length counts the bytes after it.
 *
 * @module
 */

import { Body, frameOf } from "./body.ts";
import type { Decoder, Frame, Framing, FramingLimits } from "./frame.ts";
import { encodeUtf8, utf8Length } from "./text.ts";

const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** Where a size goes: four characters of a byte each. */
const ROOM = "\0\0\0\0";

class LengthDecoder implements Decoder {
  readonly #limits: FramingLimits;
  #chunk = EMPTY;
  #at = 0;
  /** The prefix as far as it has come. */
  #size = 0;
  #digits = 0;
  #body: Body | undefined;
  #failed = false;

  constructor(limits: FramingLimits) {
    this.#limits = limits;
  }

  get held(): number {
    return this.#digits + (this.#body?.held ?? 0);
  }

  get midway(): boolean {
    return this.#digits > 0 || this.#body !== undefined;
  }

  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  next(): Frame | undefined {
    if (this.#failed) return undefined;
    if (this.#body === undefined) {
      while (this.#digits < 4) {
        if (this.#at === this.#chunk.length) return undefined;
        this.#size = this.#size * 256 + this.#chunk[this.#at++]!;
        this.#digits++;
      }
      const size = this.#size;
      this.#size = this.#digits = 0;
      if (size > this.#limits.maxMessageBytes) {
        this.#failed = true;
        return {
          kind: "oversized",
          reason: `the message has ${size} bytes, the limit is ${this.#limits.maxMessageBytes}`,
          maxBytes: this.#limits.maxMessageBytes,
          fatal: true,
        };
      }
      // One that lies in a single chunk, as most do, is decoded where it is.
      const end = this.#at + size;
      if (end <= this.#chunk.length) {
        const bytes = this.#chunk.subarray(this.#at, end);
        this.#at = end;
        return frameOf(bytes);
      }
      this.#body = new Body(size);
    }
    const body = this.#body;
    this.#at += body.take(this.#at === 0 ? this.#chunk : this.#chunk.subarray(this.#at));
    if (!body.complete) return undefined;
    this.#body = undefined;
    return body.frame();
  }
}

/** Four bytes that say how many follow. */
export const lengthPrefix: Framing = {
  name: "length",
  decoder: (limits) => new LengthDecoder(limits),
  encode(messages, reserve) {
    // Nearly all JSON is ASCII: all is written in one go on that guess, and sizes are put in after.
    let text = "";
    for (const message of messages) text += ROOM + message;
    const bytes = encodeUtf8(text, reserve);
    const isAscii = bytes.length === text.length;
    let at = 0;
    for (const message of messages) {
      const size = isAscii ? message.length : utf8Length(message);
      bytes[at] = size >>> 24;
      bytes[at + 1] = size >>> 16;
      bytes[at + 2] = size >>> 8;
      bytes[at + 3] = size;
      at += 4 + size;
    }
    return bytes;
  },
};
