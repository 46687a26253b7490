/**
 * Calls that wait for the processor.
 *
 * A handler that computes holds up everyone, and while it runs nobody's bytes are read: what came
 * meanwhile lies in the system's buffers, where its age is not known and nobody is told that it will wait
 * too long. So where handlers take long their calls are read ahead of being run, and wait here: they are
 * run a few at a time between two looks at the sockets, each caller's in the order in which they came,
 * and each caller for as long as the others: who makes a short call does not wait until all have made a
 * long one. That is fair queueing (https://doi.org/10.1145/75246.75248): next is whose call would end
 * first if all shared the processor. A caller whose calls are short does not wait at all: each of them holds
 * up the others for less than its waiting would take.
 *
 * @module
 */

import type { Timers } from "../timers.ts";
import type { TimeSlice } from "./time_slice.ts";

/** Milliseconds a call, in the mean, from which they are read ahead: that costs some microseconds. */
const LONG = 0.5;

/** Milliseconds a call, in the mean, up to which those of one caller never wait. */
const SHORT = LONG / 4;

/** The part of the mean that one more call is. */
const WEIGHT = 1 / 8;

/** Milliseconds for which calls are run, at least, before the sockets are looked at. */
const SLICE = 2;

/** The calls of one peer, some of which are queued. */
interface Flow {
  /** What lets each queued call begin, in the order in which they came. */
  readonly queued: (() => void)[];
  /** Milliseconds that a call of this peer takes in the mean. */
  cost: number;
  /** When its first queued call would end, or its last has, if all shared the processor. */
  end: number;
}

/** The calls of a server that wait for the processor. */
export class FairQueue {
  readonly #timeSlice: Pick<TimeSlice, "isOver" | "yield">;
  readonly #now: () => number;
  /** Those whose calls wait. */
  readonly #flows = new Map<object, Flow>();
  /** All that have ever waited here. */
  readonly #known = new WeakMap<object, Flow>();
  /** Milliseconds that all take that wait. */
  #total = 0;
  /** Milliseconds that each has had which waits all the time, and the latest `end` of any. */
  #shared = 0;
  #lastEnd = 0;
  #isRunning = false;
  /** Milliseconds that a call takes in the mean, whoever makes it. */
  #cost = 0;

  /** @param timeSlice ends while it runs calls */
  constructor(timeSlice: Pick<TimeSlice, "isOver" | "yield">, { now }: Pick<Timers, "now">) {
    this.#timeSlice = timeSlice;
    this.#now = now;
  }

  /** So many calls of this peer were handled as they came, in so many milliseconds. */
  note(peer: object, calls: number, ms: number): void {
    if (calls === 0) return;
    if (this.#isRunning || this.#cost > LONG) {
      const flow = this.#known.get(peer);
      if (flow !== undefined) flow.cost = learnt(flow.cost, ms / calls);
    }
    if (!this.#isRunning) this.#cost = learnt(this.#cost, ms / calls);
  }

  /** Whether a call of this peer that comes now has to wait. */
  mustWait(peer: object): boolean {
    if (!this.#isRunning && !(this.#cost > LONG && this.#timeSlice.isOver(this.#now()))) {
      return false;
    }
    const flow = this.#known.get(peer);
    return flow === undefined || flow.cost > SHORT || flow.queued.length > 0;
  }

  /** Whether calls of this peer are queued. */
  holds(peer: object): boolean {
    return this.#flows.has(peer);
  }

  /** Milliseconds that a call of this peer would be queued that came now. */
  delay(peer: object): number {
    const entry = this.#known.get(peer);
    if (entry === undefined) return 0;
    const { end, cost, queued } = entry, own = end + Math.max(0, queued.length - 1) * cost;
    // Meanwhile all others take as long.
    return Math.min(this.#total, Math.max(0, own - this.#shared) * this.#flows.size);
  }

  /** Resolves when a call of this peer may begin. */
  enter(peer: object): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let entry = this.#known.get(peer);
    if (entry === undefined) {
      this.#known.set(peer, entry = { queued: [], cost: this.#cost, end: 0 });
    }
    if (entry.queued.length === 0) {
      this.#flows.set(peer, entry);
      entry.end = Math.max(entry.end, this.#shared) + entry.cost;
    }
    entry.queued.push(resolve);
    this.#total += entry.cost;
    if (!this.#isRunning) this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let paused = this.#now(); this.#flows.size > 0;) {
      await this.#timeSlice.yield();
      const begun = this.#now();
      // As long as the others took: reading and refusing must not leave the calls without time.
      const end = begun + Math.max(SLICE, begun - paused);
      for (let now = begun; this.#flows.size > 0 && now < end;) {
        const [peer, entry] = this.#first();
        const begins = entry.end - entry.cost;
        this.#shared = Math.max(this.#shared, begins);
        entry.queued.shift()!();
        await undefined; // it runs here, as far as it does not wait itself
        const ms = (paused = this.#now()) - now;
        now = paused;
        entry.cost = learnt(entry.cost, ms);
        this.#cost = learnt(this.#cost, ms);
        entry.end = begins + ms;
        this.#lastEnd = Math.max(this.#lastEnd, entry.end);
        if (entry.queued.length > 0) entry.end += entry.cost;
        else this.#flows.delete(peer);
      }
      this.#count();
    }
    this.#shared = this.#lastEnd; // nobody is to wait for what he took when nobody else wanted it
    this.#isRunning = false;
  }

  /** The peer whose call is next. There are at most as many as calls may run: looking at all costs less than a call. */
  #first(): [peer: object, entry: Flow] {
    let first: [object, Flow] | undefined;
    for (const it of this.#flows) if (first === undefined || it[1].end < first[1].end) first = it;
    return first!;
  }

  /** What those that wait will take, as far as it is known now. */
  #count(): void {
    this.#total = 0;
    for (const { cost, queued } of this.#flows.values()) this.#total += cost * queued.length;
  }
}

/** A mean with one more in it. One that is very long says little of the next: it doubles it at most. */
function learnt(mean: number, ms: number): number {
  return mean + (Math.min(ms, mean / WEIGHT + LONG) - mean) * WEIGHT;
}
