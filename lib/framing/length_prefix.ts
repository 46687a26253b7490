/**
 * A 4-byte big-endian length, and that many bytes. The length counts the bytes after it.
 *
 * @module
 */

import { EMPTY } from "./byte_queue.ts";
import type { Framing } from "./frame.ts";
import { SizedDecoder } from "./sized_decoder.ts";
import { encodeUtf8, utf8Length } from "./utf8.ts";

/** Where a size goes: four characters of a byte each. */
const ROOM = "\0\0\0\0";

class LengthDecoder extends SizedDecoder {
  /** The size as far as it has come. */
  #value = 0;
  #digits = 0;

  override get held(): number {
    return this.#digits + super.held;
  }

  override get midway(): boolean {
    return this.#digits > 0 || super.midway;
  }

  protected override size(): number | undefined {
    for (; this.#digits < 4; this.#digits++) {
      if (this.at === this.chunk.length) return undefined;
      this.#value = this.#value * 256 + this.chunk[this.at++]!;
    }
    const size = this.#value;
    this.#value = this.#digits = 0;
    return size;
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
  around(message) {
    const before = new Uint8Array(4);
    new DataView(before.buffer).setUint32(0, utf8Length(message));
    return { before, after: EMPTY };
  },
};
