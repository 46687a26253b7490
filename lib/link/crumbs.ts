/**
 * Messages that come in very small pieces.
 *
 * @module
 */

/**
 * Reads of so few bytes, in a row and within one message, after which it is waited for more: each costs
 * microseconds, and a message of 1 MB may come in a hundred thousand of them.
 */
const CRUMBS = 32;
const CRUMB = 1 << 8;

/** Milliseconds for which it is waited. */
export const GATHER = 8;

/** Tells when waiting for more of a message costs less than reading it as it comes. */
export class Crumbs {
  /** Crumbs in a row since it was waited, and how many it takes to wait for more. */
  #count = 0;
  #max = CRUMBS;

  /**
   * So many bytes were read, where there was room for so many.
   *
   * @returns whether the peer cuts its message so small, and so fast, that waiting brings more of it at once
   */
  add(bytes: number, isMidway: boolean, room: number): boolean {
    if (!isMidway || bytes > CRUMB || bytes === room) {
      this.#count = 0;
      this.#max = CRUMBS;
      return false;
    }
    if (++this.#count < this.#max) return false;
    // Where the next is a crumb all the same, twice as many may come before it is tried again.
    this.#count = 0;
    this.#max *= 2;
    return true;
  }
}
