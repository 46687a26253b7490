/**
 * A token bucket: so much a second in the long run, and a burst of it at once.
 *
 * @module
 */

/** Fills up at a rate, is emptied by use. Times are milliseconds of any clock. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #level: number;
  #at: number;

  /**
   * @param perSecond what flows in
   * @param capacity what it holds, and holds at first
   */
  constructor(perSecond: number, capacity: number, now: number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = this.#level = capacity;
    this.#at = now;
  }

  /** Whether nothing of it is missing: it need not be remembered. */
  isFull(now: number): boolean {
    return this.#fill(now) === this.#capacity;
  }

  /**
   * Milliseconds until so much could be taken; 0 says that it can be now. What is more than the bucket
   * holds can be taken from a full one.
   */
  delay(amount: number, now: number): number {
    const missing = Math.min(amount, this.#capacity) - this.#fill(now);
    return missing <= 0 ? 0 : Math.ceil(missing / this.#perMs);
  }

  /** Takes so much, whether it is there or not: what is missing flows in first. */
  take(amount: number, now: number): void {
    this.#level = this.#fill(now) - amount;
  }

  #fill(now: number): number {
    this.#level = Math.min(this.#capacity, this.#level + (now - this.#at) * this.#perMs);
    this.#at = now;
    return this.#level;
  }
}
