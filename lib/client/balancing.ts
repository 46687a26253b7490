/**
 * Which of several servers a call goes to.
 *
 * @module
 */

import type { LineConnection } from "./reconnect.ts";

/**
 * Which of several addresses a call goes to: the first that answers; each after the other; or the one
 * where the fewest calls wait for their answers.
 */
export type Balancing = "first" | "round-robin" | "least-busy";

/** Chooses a connection for each call of a line. */
export class Balancer {
  readonly #balancing: Balancing;
  #next = 0;

  constructor(balancing: Balancing) {
    this.#balancing = balancing;
  }

  /** The connection for the next call; undefined if none is ready. */
  choose(ready: readonly LineConnection[]): LineConnection | undefined {
    if (this.#balancing === "round-robin") return ready[this.#next++ % ready.length];
    const [one, ...others] = ready;
    return others.reduce((least, it) => it.calls.size < least!.calls.size ? it : least, one);
  }
}
