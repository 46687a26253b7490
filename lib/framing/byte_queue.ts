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
  #end = 0;

  /** How many bytes it holds. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** The bytes it holds; valid until the next change. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** Adds a copy of these bytes. */
  append(chunk: Uint8Array): void {
    const length = this.length;
    if (this.#end + chunk.length > this.#buffer.length) {
      if (length + chunk.length > this.#buffer.length) {
        const grown = new Uint8Array(Math.max(256, length + chunk.length, 2 * length));
        grown.set(this.bytes);
        this.#replace(grown);
      } else this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#start = 0;
      this.#end = length;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Drops bytes at the start. */
  drop(count: number): void {
    this.#start += count;
    if (this.#start >= this.#end) this.clear();
  }

  /** Keeps only so many bytes at the start. */
  cut(count: number): void {
    this.#end = this.#start + count;
  }

  /** Drops everything. */
  clear(): void {
    this.#start = this.#end = 0;
    if (this.#buffer.length > KEPT) this.#replace(EMPTY);
  }

  #replace(buffer: Uint8Array<ArrayBuffer>): void {
    // What is large is given back now: nobody knows when the garbage is collected.
    if (this.#buffer.length > KEPT) this.#buffer.buffer.transfer(0);
    this.#buffer = buffer;
  }
}
