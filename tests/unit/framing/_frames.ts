// Drives a decoder, and shows what it gave.

import type { BadFrame, Decoder, Frame, Framing, FramingLimits } from "../../../lib/framing/mod.ts";
import { DEFAULT_LIMITS } from "../../../lib/limits.ts";
import { bytesOf } from "../../support/raw.ts";

/** The limits of framings, with others than the defaults where a test says so. */
export function limits(given: Partial<FramingLimits> = {}): FramingLimits {
  return { ...DEFAULT_LIMITS, ...given };
}

/** All frames that these chunks hold. Each chunk is overwritten once it was looked at. */
export function decodeAll(decoder: Decoder, chunks: Iterable<string | Uint8Array>): Frame[] {
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    const lent = bytesOf(chunk).slice();
    decoder.push(lent);
    for (let frame; (frame = decoder.next()) !== undefined;) frames.push(withoutStart(frame));
    lent.fill(0x3f);
  }
  return frames;
}

/** How a line begins that is too long has a test of its own. */
function withoutStart(frame: Frame): Frame {
  if (typeof frame === "string" || "answer" in frame) return frame;
  const { start: _, ...fault } = frame;
  return fault;
}

/** All frames that a new decoder finds in these chunks. */
export function frames(
  framing: Framing,
  chunks: Iterable<string | Uint8Array>,
  given: Partial<FramingLimits> = {},
): Frame[] {
  return decodeAll(framing.decoder(limits(given)), chunks);
}

/** A fault for comparison: its kind, whether it is fatal, and its reason. */
export function fault(
  kind: BadFrame["kind"],
  fatal: boolean,
  reason: string,
  maxBytes?: number,
): BadFrame {
  return maxBytes === undefined ? { kind, reason, fatal } : { kind, reason, maxBytes, fatal };
}

/** These bytes one at a time. */
export function* singly(bytes: string | Uint8Array): Iterable<Uint8Array> {
  for (const byte of bytesOf(bytes)) yield new Uint8Array([byte]);
}

/** A buffer of just the size that was asked for. */
export const reserve = (size: number): Uint8Array<ArrayBuffer> => new Uint8Array(size);
