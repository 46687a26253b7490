/**
 * Finds the frames in bytes that pass by, without losing any byte: what comes out, one piece after
 * another, is what went in. Pure.
 *
 * @module
 */

import {
  DEFAULT_LIMITS,
  DetectingDecoder,
  type Frame,
  type FramingLimits,
  FRAMINGS,
} from "../../lib/wire.ts";
import type { FramingName } from "../../lib/client.ts";
import { joined } from "../text/byte_size.ts";

/** A frame may be this long, and so much is kept of one that has not ended. */
const LIMITS: FramingLimits = { ...DEFAULT_LIMITS, maxMessageBytes: 1 << 26, maxDepth: 10_000 };

/** Bytes, and what they are. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** Undefined for bytes of no framing. */
  readonly framing: FramingName | "websocket" | undefined;
  /** A frame's text. */
  readonly text?: string;
  /** Why they are no frame. */
  readonly fault?: string;
}

const LF = 0x0a;

/** What a piece is that stands behind a message and belongs to none: the end of its line, for one. */
export const BLANK = "white space";

/** One direction of a connection. */
export class FrameTap {
  #framing: FramingName | undefined;
  readonly #decoder = new DetectingDecoder(
    FRAMINGS,
    LIMITS,
    ({ name }) => this.#framing = name as FramingName,
  );
  /** What came since the last piece. */
  #rest: Uint8Array[] = [];
  /** Why what came since the last frame is none. */
  #fault: string | undefined;
  /** Whether no more frames can be found. */
  #isLost = false;

  /** Takes bytes, which may be used again afterwards; gives the pieces that ended with them. */
  push(chunk: Uint8Array): Piece[] {
    if (this.#isLost) return [this.#noFrame(chunk.slice(), this.#fault!)];
    const lent = chunk.slice(), found: (readonly [Frame, left: number])[] = [];
    this.#rest.push(lent);
    this.#decoder.push(lent);
    for (let frame; (frame = this.#decoder.next()) !== undefined;) {
      found.push([frame, this.#decoder.left]);
    }
    if (found.length === 0) return this.#fault === undefined ? [] : this.end();
    const bytes = joined(this.#rest), pieces: Piece[] = [];
    let start = 0;
    for (const [frame, left] of found) {
      let end = bytes.length - left;
      // Bytes that are no frame end where the next one begins, or the next that are none.
      const size = typeof frame === "string" ? new TextEncoder().encode(frame).length : 0;
      const begin = end - size;
      if (this.#fault !== undefined && begin > start) {
        pieces.push(this.#noFrame(bytes.slice(start, begin), this.#fault));
        start = begin;
      }
      if (typeof frame !== "string") {
        this.#fault = frame.reason;
        this.#isLost = frame.fatal;
        continue;
      }
      this.#fault = undefined;
      if (this.#framing === "json" && bytes[end] === LF) end++;
      pieces.push({ bytes: bytes.slice(start, end), framing: this.#framing, text: frame });
      start = end;
    }
    this.#rest = start < bytes.length ? [bytes.slice(start)] : [];
    return this.#fault === undefined ? pieces : [...pieces, ...this.end()];
  }

  /** Nothing more comes: what has begun and not ended. */
  end(): Piece[] {
    const bytes = joined(this.#rest);
    this.#rest = [];
    if (bytes.length === 0) return [];
    const isBlank = this.#framing === "json" && bytes.every((byte) => byte <= 0x20);
    const why = isBlank ? BLANK : "the end came before the end of a frame";
    return [this.#noFrame(bytes, this.#fault ?? why)];
  }

  #noFrame(bytes: Uint8Array, fault: string): Piece {
    return { bytes, framing: this.#framing, fault };
  }
}

/** Whether these are the same bytes. */
export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
