/**
 * Messages whose size stands before them.
 *
 * @module
 */

import { ByteQueue, EMPTY } from "./byte_queue.ts";
import type { BadFrame, Decoder, Frame, FramingLimits } from "./frame.ts";
import { decodeUtf8 } from "./utf8.ts";

/**
 * Finds messages that each begin with their size; how it is written is for who extends this to say. A
 * size that cannot be read, or is over the limit, leaves no way to find the next message.
 */
export abstract class SizedDecoder implements Decoder {
  protected readonly limits: FramingLimits;
  /** Bytes that were lent, and how far they have been looked at. */
  protected chunk: Uint8Array = EMPTY;
  protected at = 0;
  /** The size of the message that has begun, and its bytes where they come in several chunks. */
  #size: number | undefined;
  readonly #parts = new ByteQueue();
  #failed = false;

  constructor(limits: FramingLimits) {
    this.limits = limits;
  }

  /** Reads on in what stands before a message: its size, a fault, or undefined for more bytes. */
  protected abstract size(): number | BadFrame | undefined;

  get held(): number {
    return this.#parts.length;
  }

  get midway(): boolean {
    return this.#size !== undefined;
  }

  get left(): number {
    return this.chunk.length - this.at;
  }

  push(chunk: Uint8Array): void {
    this.chunk = chunk;
    this.at = 0;
  }

  next(): Frame | undefined {
    if (this.#failed) return undefined;
    if (this.#size === undefined) {
      const size = this.#bounded(this.size());
      if (typeof size !== "number") {
        this.#failed = size !== undefined;
        return size;
      }
      this.#size = size;
    }
    const parts = this.#parts, missing = this.#size - parts.length;
    const part = this.chunk.subarray(this.at, this.at + missing);
    this.at += part.length;
    // One that lies in a single chunk, as most do, is decoded where it is.
    if (part.length < missing || parts.length > 0) parts.append(part);
    if (part.length < missing) return undefined;
    const frame = frameOf(parts.length > 0 ? parts.bytes : part);
    parts.clear();
    this.#size = undefined;
    return frame;
  }

  /** The same, or the fault of a size that is over the limit. */
  #bounded(size: number | BadFrame | undefined): number | BadFrame | undefined {
    const { maxMessageBytes } = this.limits;
    if (typeof size !== "number" || size <= maxMessageBytes) return size;
    return {
      kind: "oversized",
      reason: `the message has ${size} bytes, the limit is ${maxMessageBytes}`,
      maxBytes: maxMessageBytes,
      fatal: true,
    };
  }
}

/** The frame whose bytes these are. */
function frameOf(bytes: Uint8Array): Frame {
  if (bytes.length === 0) {
    return { kind: "malformed", reason: "the message has no bytes", fatal: false };
  }
  return decodeUtf8(bytes) ??
    { kind: "malformed", reason: "the message is not UTF-8", fatal: false };
}
