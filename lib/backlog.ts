/**
 * Calls that wait for the processor.
 *
 * A handler that computes holds up everyone, and while it runs nobody's bytes are read: what came
 * meanwhile lies in the system's buffers, where its age is not known and nobody is told that it will wait
 * too long. So where handlers take long their calls are read ahead of being run, and wait here: they are
 * run a few at a time between two looks at the sockets, one of each caller in turn, each caller's in the
 * order in which they came.
 *
 * @module
 */

import type { Timers } from "./timers.ts";
import type { Turns } from "./turns.ts";

/** Milliseconds a call, in the mean, from which they are read ahead: that costs some microseconds. */
const LONG = 0.5;

/** The part of the mean that the calls between two looks are. */
const WEIGHT = 1 / 8;

/** Milliseconds for which calls are run before the sockets are looked at. */
const SLICE = 2;

/** The calls of a server that wait for the processor. */
export class Backlog {
  readonly #turns: Pick<Turns, "isOver" | "end">;
  readonly #now: () => number;
  /** What lets each begin, by caller; the caller whose turn it is stands first. */
  readonly #waiting = new Map<unknown, (() => void)[]>();
  #size = 0;
  #isRunning = false;
  /** Milliseconds that a call takes in the mean. */
  #cost = 0;

  /** @param turns which end while it runs calls */
  constructor(turns: Pick<Turns, "isOver" | "end">, { now }: Pick<Timers, "now">) {
    this.#turns = turns;
    this.#now = now;
  }

  /** So many calls were handled as they came, in so many milliseconds. */
  note(calls: number, ms: number): void {
    if (calls > 0 && !this.#isRunning) this.#learn(ms / calls);
  }

  #learn(cost: number): void {
    // One that takes very long says little of the next: the mean is doubled by it at most.
    const most = this.#cost / WEIGHT + LONG;
    this.#cost += (Math.min(cost, most) - this.#cost) * WEIGHT;
  }

  /** Whether a call that comes now has to wait. */
  get mustWait(): boolean {
    return this.#isRunning || this.#cost > LONG && this.#turns.isOver(this.#now());
  }

  /** Whether calls of this caller's wait. */
  holds(caller: unknown): boolean {
    return this.#waiting.has(caller);
  }

  /** Milliseconds that a call of this caller's would wait which came now. */
  delay(caller: unknown): number {
    if (!this.#isRunning) return 0;
    const own = this.#waiting.get(caller)?.length ?? 0;
    return Math.min(this.#size, own * this.#waiting.size) * this.#cost;
  }

  /** Resolves when a call of this caller's may begin. */
  enter(caller: unknown): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const own = this.#waiting.get(caller);
    if (own === undefined) this.#waiting.set(caller, [resolve]);
    else own.push(resolve);
    this.#size++;
    if (!this.#isRunning) this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#size > 0) {
      await this.#turns.end();
      const begun = this.#now(), end = begun + SLICE;
      let count = 0;
      do {
        this.#next()();
        count++;
        await undefined; // it runs here, as far as it does not wait itself
      } while (this.#size > 0 && this.#now() < end);
      this.#learn((this.#now() - begun) / count);
    }
    this.#isRunning = false;
  }

  /** Takes the next, of the caller whose turn it is. */
  #next(): () => void {
    const [caller, own] = this.#waiting.entries().next().value!;
    const next = own.shift()!;
    this.#waiting.delete(caller);
    if (own.length > 0) this.#waiting.set(caller, own);
    this.#size--;
    return next;
  }
}
