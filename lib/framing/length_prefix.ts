/**
 * A 4-byte big-endian length, and that many bytes. The length counts the bytes after it.
 *
 * @module
 */

import { Body } from "./body.ts";
import type { Decoder, Frame, Framing, FramingLimits } from "./frame.ts";
import { encodeUtf8At, utf8Length } from "./text.ts";

const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

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
    let room = 0;
    for (const message of messages) {
      room += 4 + (messages.length === 1 ? utf8Length(message) : message.length * 3);
    }
    const buffer = reserve(room);
    let at = 0;
    for (const message of messages) {
      const size = encodeUtf8At(message, buffer, at + 4);
      buffer[at] = size >>> 24;
      buffer[at + 1] = size >>> 16;
      buffer[at + 2] = size >>> 8;
      buffer[at + 3] = size;
      at += 4 + size;
    }
    return buffer.subarray(0, at);
  },
};
