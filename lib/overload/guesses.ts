/**
 * Wrong credentials, counted by the network that they come from: a guess waits the longer, the more there
 * were, over however many connections they came. Nobody is locked out: the right token waits too, and is
 * taken.
 *
 * @module
 */

import type { Timers } from "../timers.ts";
import { networkOf } from "../transport/exposure.ts";
import { TokenBucket } from "./token_bucket.ts";

/** Wrong guesses of a network that cost nobody any time, and how many a second are forgotten. */
const FREE = 10;
const FORGOTTEN = 1;

/** Networks of which is remembered how often they guessed; more than this come in a flood. */
const MAX_REMEMBERED = 1 << 16;

/** Networks after which those that have long been right are forgotten. */
const SWEEP = 1 << 10;

/** Makes guessing slow for each network by itself. */
export class Guesses {
  readonly #timers: Timers;
  readonly #maxDelay: number;
  /** What is left of the wrong guesses of each network. */
  readonly #left = new Map<string, TokenBucket>();

  /** @param maxDelay milliseconds that a guess waits at most */
  constructor(timers: Timers, maxDelay: number) {
    this.#timers = timers;
    this.#maxDelay = maxDelay;
  }

  /** A promise if a guess from this address has to wait before it is looked at. */
  delay(address: string): Promise<void> | undefined {
    const left = this.#left.get(nameOf(address))?.delay(1, this.#timers.now()) ?? 0;
    if (left === 0) return undefined;
    return new Promise((resolve) => this.#timers.after(Math.min(left, this.#maxDelay), resolve));
  }

  /** A guess from this address was wrong. */
  fail(address: string): void {
    const network = nameOf(address), now = this.#timers.now();
    let left = this.#left.get(network);
    if (left === undefined) {
      if (this.#left.size % SWEEP === SWEEP - 1) this.#forget(now);
      this.#left.set(network, left = new TokenBucket(FORGOTTEN, FREE, now));
    }
    left.take(1, now);
  }

  #forget(now: number): void {
    for (const [network, left] of this.#left) {
      if (left.isFull(now) || this.#left.size > MAX_REMEMBERED) this.#left.delete(network);
    }
  }
}

/** All that come from this machine count as one. */
function nameOf(address: string): string {
  return networkOf(address) ?? "";
}
