/**
 * A growing run of bytes: what a framing keeps of a message that has not ended.
 *
 * @module
 */

/** No bytes. */
export const EMPTY: Uint8Array<ArrayBuffer> = /* @__PURE__ */ new Uint8Array(0);

/** Bytes of a buffer that is kept when it is empty. */
const KEPT = 4096;

/**
 * Bytes that are added at the end and dropped at the start. It grows with what really arrived, never
 * with what a peer announced, and lets go of a large buffer once it is empty.
 */
export class ByteQueue {
  #buffer = EMPTY;
  #start = 0;
  /** How many bytes it holds. A plain field: it is asked for several times for each read. */
  length = 0;

  /** The bytes it holds; valid until the next change. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#start + this.length);
  }

  /** Adds a copy of these bytes. */
  append(chunk: Uint8Array): void {
    const { length } = this, sum = length + chunk.length;
    if (this.#start + sum > this.#buffer.length) {
      if (sum > this.#buffer.length) {
        const grown = new Uint8Array(Math.max(256, sum, 2 * length));
        grown.set(this.bytes);
        this.#replace(grown);
      } else this.#buffer.copyWithin(0, this.#start, this.#start + length);
      this.#start = 0;
    }
    this.#buffer.set(chunk, this.#start + length);
    this.length = sum;
  }

  /** Drops bytes at the start. */
  drop(count: number): void {
    this.#start += count;
    this.length -= count;
    if (this.length <= 0) this.clear();
  }

  /** Keeps only so many bytes at the start. */
  cut(count: number): void {
    this.length = count;
  }

  /** Drops everything. */
  clear(): void {
    this.#start = this.length = 0;
    if (this.#buffer.length > KEPT) this.#replace(EMPTY);
  }

  /** The same, and keeps no buffer either. */
  free(): void {
    this.#start = this.length = 0;
    if (this.#buffer.length > 0) this.#replace(EMPTY);
  }

  #replace(buffer: Uint8Array<ArrayBuffer>): void {
    // What is large is given back now: nobody knows when the garbage is collected.
    if (this.#buffer.length > KEPT) this.#buffer.buffer.transfer(0);
    this.#buffer = buffer;
  }
}
