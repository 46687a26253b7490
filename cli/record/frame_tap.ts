/**
 * Finds the frames in bytes that pass by, without losing any byte: what comes out, one piece after
 * another, is what went in. Pure.
 *
 * @module
 */

import {
  type Decoder,
  DEFAULT_LIMITS,
  DetectingDecoder,
  type Frame,
  type FramingLimits,
  FRAMINGS,
} from "../../lib/wire.ts";
import type { FramingName } from "../../lib/client.ts";
import { joined } from "../text/byte_size.ts";
import { canonical } from "./recording.ts";

/** A frame may be this long, and so much is kept of one that has not ended. */
const LIMITS: FramingLimits = { ...DEFAULT_LIMITS, maxMessageBytes: 1 << 26 };

/** Bytes, and what they are. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** Undefined for bytes of no framing. */
  readonly framing: FramingName | undefined;
  /** A frame's text. */
  readonly text?: string;
  /** Why they are no frame. */
  readonly fault?: string;
}

/** One direction of a connection. */
export class FrameTap {
  #framing: FramingName | undefined;
  readonly #decoder = new DetectingDecoder(
    FRAMINGS,
    LIMITS,
    ({ name }) => this.#framing = name as FramingName,
  );
  /** What came since the last piece. */
  #rest: Uint8Array = new Uint8Array(0);
  #parts: Uint8Array[] = [];
  /** Why no more frames can be found. */
  #lost: string | undefined;

  /** Takes bytes, which may be used again afterwards; gives the pieces that ended with them. */
  push(chunk: Uint8Array): Piece[] {
    const bytes = chunk.slice();
    if (this.#lost !== undefined) return [this.#noFrame(bytes, this.#lost)];
    this.#parts.push(bytes);
    this.#decoder.push(bytes);
    const frames: Frame[] = [];
    let isPlain = true;
    for (let frame; (frame = this.#decoder.next()) !== undefined;) {
      frames.push(frame);
      if (typeof frame === "string" && isJson(frame)) continue;
      isPlain = false;
      // A line of several values: from here on the decoder knows that they come without newlines.
      if (typeof frame === "string") this.#decoder.split(frame);
      else if (frame.fatal) this.#lost = frame.reason;
    }
    if (frames.length === 0) return [];
    this.#rest = joined([this.#rest, ...this.#parts.splice(0)]);
    return isPlain ? this.#plain(frames as string[]) ?? this.#cut() : this.#cut();
  }

  /** Nothing more comes: what has begun and not ended. */
  end(): Piece[] {
    const bytes = joined([this.#rest, ...this.#parts.splice(0)]);
    this.#rest = new Uint8Array(0);
    if (bytes.length === 0) return [];
    return [this.#noFrame(bytes, "the end came before the end of a frame")];
  }

  /** The pieces of frames that were sent as everybody sends them: nearly all are. */
  #plain(frames: readonly string[]): Piece[] | undefined {
    const pieces: Piece[] = [];
    let at = 0;
    for (const frame of frames) {
      const bytes = canonical(this.#framing!, frame);
      const found = this.#rest.subarray(at, at + bytes.length);
      if (!isEqual(bytes, found)) return undefined;
      at += bytes.length;
      pieces.push({ bytes, framing: this.#framing, text: frame });
    }
    this.#rest = this.#rest.slice(at);
    return pieces;
  }

  /** The same for any frames: where each ends is found byte by byte. */
  #cut(): Piece[] {
    const pieces: Piece[] = [];
    const bytes = this.#rest;
    const decoder: Decoder = this.#framing === undefined
      ? new DetectingDecoder(FRAMINGS, LIMITS)
      : FRAMINGS[this.#framing].decoder(LIMITS);
    let start = 0;
    for (let at = 0; at < bytes.length; at++) {
      decoder.push(bytes.slice(at, at + 1));
      for (let frame; (frame = decoder.next()) !== undefined;) {
        if (typeof frame === "string") {
          const end = this.#endOf(frame, start, at + 1);
          const framing = this.#framing;
          pieces.push({ bytes: bytes.slice(start, end), framing, text: frame });
          start = end;
          continue;
        }
        const end = frame.fatal ? bytes.length : at + 1;
        pieces.push(this.#noFrame(bytes.slice(start, end), frame.reason));
        start = end;
        if (frame.fatal) {
          this.#rest = bytes.slice(end);
          return pieces;
        }
      }
    }
    this.#rest = bytes.slice(start);
    return pieces;
  }

  /** Where a frame ends; without newlines it is known to have ended when the next one has begun. */
  #endOf(frame: string, start: number, end: number): number {
    if (this.#framing !== "json" || this.#rest[end - 1] === 10) return end;
    const size = new TextEncoder().encode(frame).length;
    while (start + size < end && this.#rest[start]! <= 0x20) start++;
    return start + size;
  }

  #noFrame(bytes: Uint8Array, fault: string): Piece {
    return { bytes, framing: this.#framing, fault };
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether these are the same bytes. */
export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
