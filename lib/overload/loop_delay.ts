/**
 * How late the event loop is: the longest time by which something that was due had to wait for its turn.
 *
 * @module
 */

/** Milliseconds after which what was the longest is forgotten, in steps of that length. */
const WINDOW = 10_000;

/** The longest delay of the last while. */
export class LoopDelay {
  #longest = 0;
  #before = 0;
  #since = 0;

  /** Something began so many milliseconds late, at this time by the clock of the timers. */
  add(late: number, now: number): void {
    if (now - this.#since > WINDOW) {
      this.#before = now - this.#since > 2 * WINDOW ? 0 : this.#longest;
      this.#longest = 0;
      this.#since = now;
    }
    if (late > this.#longest) this.#longest = late;
  }

  /** Milliseconds: the longest of the last 10 s at least, and 20 s at most. */
  get longest(): number {
    return Math.max(this.#longest, this.#before);
  }
}
