/**
 * Calls that wait for the processor.
 *
 * A handler that computes holds up everyone, and while it runs nobody's bytes are read: what came
 * meanwhile lies in the system's buffers, where its age is not known and nobody is told that it will wait
 * too long. So where handlers take long their calls are read ahead of being run, and wait here: they are
 * run a few at a time between two looks at the sockets, each caller's in the order in which they came,
 * and each caller for as long as the others: who makes a short call does not wait until all have made a
 * long one. That is fair queueing (https://doi.org/10.1145/75246.75248): next is whose call would end
 * first if all shared the processor.
 *
 * @module
 */

import type { Timers } from "../timers.ts";
import type { Turns } from "./time_slice.ts";

/** Milliseconds a call, in the mean, from which they are read ahead: that costs some microseconds. */
const LONG = 0.5;

/** The part of the mean that one more call is. */
const WEIGHT = 1 / 8;

/** Milliseconds for which calls are run, at least, before the sockets are looked at. */
const SLICE = 2;

/** A caller, some of whose calls wait. */
interface Caller {
  /** What lets each begin, in the order in which they came. */
  readonly waiting: (() => void)[];
  /** Milliseconds that a call of this caller's takes in the mean. */
  cost: number;
  /** When its first call that waits would end, or its last has, if all shared the processor. */
  end: number;
}

/** The calls of a server that wait for the processor. */
export class Backlog {
  readonly #turns: Pick<Turns, "isOver" | "end">;
  readonly #now: () => number;
  /** Those whose calls wait. */
  readonly #callers = new Map<object, Caller>();
  /** All that have ever waited here. */
  readonly #known = new WeakMap<object, Caller>();
  /** Milliseconds that all take that wait. */
  #total = 0;
  /** Milliseconds that each has had which waits all the time, and the latest `end` of any. */
  #shared = 0;
  #lastEnd = 0;
  #isRunning = false;
  /** Milliseconds that a call takes in the mean, whoever makes it. */
  #cost = 0;

  /** @param turns which end while it runs calls */
  constructor(turns: Pick<Turns, "isOver" | "end">, { now }: Pick<Timers, "now">) {
    this.#turns = turns;
    this.#now = now;
  }

  /** So many calls were handled as they came, in so many milliseconds. */
  note(calls: number, ms: number): void {
    if (calls > 0 && !this.#isRunning) this.#cost = learnt(this.#cost, ms / calls);
  }

  /** Whether a call that comes now has to wait. */
  get mustWait(): boolean {
    return this.#isRunning || this.#cost > LONG && this.#turns.isOver(this.#now());
  }

  /** Whether calls of this caller's wait. */
  holds(caller: object): boolean {
    return this.#callers.has(caller);
  }

  /** Milliseconds that a call of this caller's would wait which came now. */
  delay(caller: object): number {
    const entry = this.#known.get(caller);
    if (entry === undefined) return 0;
    const { end, cost, waiting } = entry, own = end + Math.max(0, waiting.length - 1) * cost;
    // Meanwhile all others take as long.
    return Math.min(this.#total, Math.max(0, own - this.#shared) * this.#callers.size);
  }

  /** Resolves when a call of this caller's may begin. */
  enter(caller: object): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let entry = this.#known.get(caller);
    if (entry === undefined) {
      this.#known.set(caller, entry = { waiting: [], cost: this.#cost, end: 0 });
    }
    if (entry.waiting.length === 0) {
      this.#callers.set(caller, entry);
      entry.end = Math.max(entry.end, this.#shared) + entry.cost;
    }
    entry.waiting.push(resolve);
    this.#total += entry.cost;
    if (!this.#isRunning) this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let paused = this.#now(); this.#callers.size > 0;) {
      await this.#turns.end();
      const begun = this.#now();
      // As long as the others took: reading and refusing must not leave the calls without time.
      const end = begun + Math.max(SLICE, begun - paused);
      for (let now = begun; this.#callers.size > 0 && now < end;) {
        const [caller, entry] = this.#first();
        const begins = entry.end - entry.cost;
        this.#shared = Math.max(this.#shared, begins);
        entry.waiting.shift()!();
        await undefined; // it runs here, as far as it does not wait itself
        const ms = (paused = this.#now()) - now;
        now = paused;
        entry.cost = learnt(entry.cost, ms);
        this.#cost = learnt(this.#cost, ms);
        entry.end = begins + ms;
        this.#lastEnd = Math.max(this.#lastEnd, entry.end);
        if (entry.waiting.length > 0) entry.end += entry.cost;
        else this.#callers.delete(caller);
      }
      this.#count();
    }
    this.#shared = this.#lastEnd; // nobody is to wait for what he took when nobody else wanted it
    this.#isRunning = false;
  }

  /** Whose turn it is. There are at most as many as calls may run: looking at all costs less than a call. */
  #first(): [caller: object, entry: Caller] {
    let first: [object, Caller] | undefined;
    for (const it of this.#callers) if (first === undefined || it[1].end < first[1].end) first = it;
    return first!;
  }

  /** What those that wait will take, as far as it is known now. */
  #count(): void {
    this.#total = 0;
    for (const { cost, waiting } of this.#callers.values()) this.#total += cost * waiting.length;
  }
}

/** A mean with one more in it. One that is very long says little of the next: it doubles it at most. */
function learnt(mean: number, ms: number): number {
  return mean + (Math.min(ms, mean / WEIGHT + LONG) - mean) * WEIGHT;
}
