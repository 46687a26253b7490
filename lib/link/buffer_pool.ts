/**
 * Buffers that connections lend one another: for as long as one write takes, or the reading of a large
 * message.
 *
 * @module
 */

/** A write takes at most about this much, so that a huge queue is not encoded at once. */
export const MAX_WRITE = 1 << 18;

/** How many of those who read much may keep their large buffer while they wait: 8 MiB in all. */
const MAX_KEPT = 32;

/** Bytes of those that nobody has, and that are kept for the next. */
const MAX_FREE = 1 << 22;

/** Bytes that all connections of a pool may keep beside the smallest of buffers while they wait. */
const MAX_WAITING = 1 << 23;

/** Buffers that are lent for as long as one write takes, or the reading of a large message. */
export class BufferPool {
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  #freeBytes = 0;
  #kept = 0;
  #waiting = 0;

  /** A buffer of at least so many bytes. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const at = this.#free.findLastIndex(({ length }) => length >= bytes);
    if (at >= 0) {
      const buffer = this.#free.splice(at, 1)[0]!;
      this.#freeBytes -= buffer.length;
      return buffer;
    }
    return new Uint8Array(Math.max(bytes, 1 << 14));
  }

  /** Gives it back: it is kept for the next, or its memory is returned at once. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    const { length } = buffer;
    if (length <= MAX_WRITE && this.#freeBytes + length <= MAX_FREE) {
      this.#freeBytes += length;
      this.#free.push(buffer);
    } else buffer.buffer.transfer(0);
  }

  /** Asks to keep one for longer than that; false where too many do. */
  keep(): boolean {
    if (this.#kept === MAX_KEPT) return false;
    this.#kept++;
    return true;
  }

  /** Asks for a buffer of so many bytes to wait with; false where others keep as many as may be. */
  wait(bytes: number): boolean {
    if (this.#waiting + bytes > MAX_WAITING) return false;
    this.#waiting += bytes;
    return true;
  }

  /** So many bytes wait no longer. */
  unwait(bytes: number): void {
    this.#waiting -= bytes;
  }

  /** It is kept no longer. */
  unkeep(): void {
    this.#kept--;
  }
}
