/**
 * A message whose size is known before it comes.
 *
 * @module
 */

import { ByteQueue } from "./buffer.ts";
import type { Frame } from "./frame.ts";
import { decodeUtf8 } from "./text.ts";

/** Collects so many bytes; takes room only for those that arrived. */
export class Body {
  readonly #size: number;
  #whole: Uint8Array | undefined;
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
    return this.#whole !== undefined || this.#parts.length === this.#size;
  }

  /** Takes what belongs to it from the start of these bytes; returns how many that were. */
  take(bytes: Uint8Array): number {
    const missing = this.#size - this.#parts.length;
    // A body that lies in one chunk is decoded where it is.
    if (this.#parts.length === 0 && bytes.length >= missing) {
      this.#whole = bytes.subarray(0, missing);
      return missing;
    }
    const part = bytes.subarray(0, missing);
    if (part.length > 0) this.#parts.append(part);
    return part.length;
  }

  /** The message, once complete. */
  frame(): Frame {
    if (this.#size === 0) {
      return { kind: "malformed", reason: "the message has no bytes", fatal: false };
    }
    const text = decodeUtf8(this.#whole ?? this.#parts.bytes);
    this.#parts.clear();
    return text ?? { kind: "malformed", reason: "the message is not UTF-8", fatal: false };
  }
}
