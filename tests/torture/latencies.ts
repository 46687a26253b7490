/**
 * Latencies, and what part of them is below.
 *
 * @module
 */

/** Every single latency of a window, in milliseconds. */
export class Latencies {
  #values = new Float64Array(1 << 12);
  #count = 0;
  #isSorted = true;

  get count(): number {
    return this.#count;
  }

  add(ms: number): void {
    if (this.#count === this.#values.length) {
      const grown = new Float64Array(this.#count * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#count++] = ms;
    this.#isSorted = false;
  }

  /** The latency below which this part of them is; 0 where there are none. */
  quantile(part: number): number {
    const values = this.#values.subarray(0, this.#count);
    if (!this.#isSorted) values.sort();
    this.#isSorted = true;
    return values[Math.min(this.#count - 1, Math.floor(part * this.#count))] ?? 0;
  }
}
