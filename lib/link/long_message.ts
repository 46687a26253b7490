/**
 * A long message on its way out, piece by piece: one buffer of the usual size does for all of it, and others
 * have their turn in between.
 *
 * @module
 */

import type { Framing, Reserve } from "../framing/frame.ts";
import { encodeUtf8 } from "../framing/utf8.ts";
import { MAX_WRITE } from "./buffer_pool.ts";

/** Units of a text that is written in pieces: fewer are not worth it. */
const LONG = 2 * MAX_WRITE;

/** The next bytes of a message, and the units of its text that are in them. */
export interface Piece {
  readonly bytes: Uint8Array;
  readonly units: number;
}

/** One message of which a part was written, or nothing. */
export class LongMessage {
  readonly #text: string;
  readonly #after: Uint8Array;
  #before: Uint8Array;
  #at = 0;

  private constructor(text: string, before: Uint8Array, after: Uint8Array) {
    this.#text = text;
    this.#before = before;
    this.#after = after;
  }

  /** This text to be written in pieces; undefined if it is too short for that, or the framing cannot. */
  static of(text: string, framing: Pick<Framing, "around">): LongMessage | undefined {
    if (text.length <= LONG || framing.around === undefined) return undefined;
    const { before, after } = framing.around(text);
    return new LongMessage(text, before, after);
  }

  /** The next piece; undefined at the end. */
  next(reserve: Reserve): Piece | undefined {
    const before = this.#before, text = this.#text, from = this.#at;
    if (before.length > 0) {
      this.#before = before.subarray(before.length);
      return { bytes: before, units: 0 };
    }
    if (from > text.length) return undefined;
    if (from === text.length) {
      this.#at++;
      return this.#after.length > 0 ? { bytes: this.#after, units: 0 } : undefined;
    }
    let end = Math.min(text.length, from + MAX_WRITE);
    if ((text.charCodeAt(end - 1) & 0xfc00) === 0xd800 && end < text.length) end--; // not between two of a pair
    this.#at = end;
    return { bytes: encodeUtf8(text.slice(from, end), reserve), units: end - from };
  }
}
