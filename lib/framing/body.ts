/**
 * A message whose size is known before it comes.
 *
 * @module
 */

import { ByteQueue } from "./buffer.ts";
import type { Frame } from "./frame.ts";
import { decodeUtf8 } from "./text.ts";

/** The frame whose bytes these are. */
export function frameOf(bytes: Uint8Array): Frame {
  if (bytes.length === 0) {
    return { kind: "malformed", reason: "the message has no bytes", fatal: false };
  }
  return decodeUtf8(bytes) ??
    { kind: "malformed", reason: "the message is not UTF-8", fatal: false };
}

/** Collects so many bytes that come in several chunks; takes room only for those that arrived. */
export class Body {
  readonly #size: number;
  readonly #parts = new ByteQueue();

  constructor(size: number) {
    this.#size = size;
  }

  /** Bytes kept so far. */
  get held(): number {
    return this.#parts.length;
  }

  /** Whether all bytes are here. */
  get complete(): boolean {
    return this.#parts.length === this.#size;
  }

  /** Takes what belongs to it from the start of these bytes; returns how many that were. */
  take(bytes: Uint8Array): number {
    const part = bytes.subarray(0, this.#size - this.#parts.length);
    if (part.length > 0) this.#parts.append(part);
    return part.length;
  }

  /** The message, once complete. */
  frame(): Frame {
    const frame = frameOf(this.#parts.bytes);
    this.#parts.clear();
    return frame;
  }
}
