/**
 * Many deadlines on one timer of the runtime. Setting one costs a list insertion, where a timer of the
 * runtime each would cost microseconds.
 *
 * @module
 */

import { unrefTimer } from "./runtime.ts";

/** Something that is to happen at a time, unless it is cancelled before. */
export interface Timer {
  /** Forgets it; harmless once it has happened. */
  cancel(): void;
}

/** A monotonic clock, and what waits for it. */
export interface Timers {
  /** Milliseconds since some moment; never goes back, whatever happens to the wall clock. */
  now(): number;
  /** Calls back once, at the earliest after so many milliseconds, up to {@linkcode TICK} later. */
  after(ms: number, callback: () => void): Timer;
}

/** Milliseconds to which deadlines are rounded up. */
export const TICK = 8;

/** Milliseconds for which callbacks run, and how many of them do, before the sockets have their turn. */
const SLICE_MS = 5;
const SLICE = 64;

/** Deadlines further away than this are looked at again on the way: `setTimeout` overflows. */
const FAR = 2 ** 30;

class Entry implements Timer {
  #slot: Set<Entry> | undefined;
  readonly #callback: () => void;

  constructor(slot: Set<Entry>, callback: () => void) {
    this.#slot = slot;
    this.#callback = callback;
    slot.add(this);
  }

  cancel(): void {
    this.#slot?.delete(this);
    this.#slot = undefined;
  }

  /** Calls back, unless another that was due at the same time cancelled it. */
  run(): void {
    if (this.#slot === undefined) return;
    this.#slot = undefined;
    this.#callback();
  }
}

/** Numbers, of which the smallest is at hand: a binary heap. */
class Heap {
  readonly #all: number[] = [];

  /** The smallest; undefined where there is none. */
  get first(): number | undefined {
    return this.#all[0];
  }

  add(value: number): void {
    const all = this.#all;
    let at = all.push(value) - 1;
    for (let above; at > 0 && all[above = (at - 1) >> 1]! > value; at = above) {
      all[at] = all[above]!;
    }
    all[at] = value;
  }

  removeFirst(): void {
    const all = this.#all, value = all.pop()!, { length } = all;
    if (length === 0) return;
    let at = 0;
    for (let below; (below = 2 * at + 1) < length; at = below) {
      if (below + 1 < length && all[below + 1]! < all[below]!) below++;
      if (all[below]! >= value) break;
      all[at] = all[below]!;
    }
    all[at] = value;
  }

  clear(): void {
    this.#all.length = 0;
  }
}

/** The timers of one server or one line. They do not keep the process alive. */
export class TimerWheel implements Timers {
  /** What is due at each tick. */
  readonly #slots = new Map<number, Set<Entry>>();
  /** These ticks, the earliest first: callers may set as many different deadlines as they like. */
  readonly #ticks = new Heap();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The tick for which the runtime's timer is set. */
  #next = Infinity;
  #isStopped = false;
  /** What is due, and had no time yet. */
  readonly #due: Entry[] = [];

  now(): number {
    return performance.now();
  }

  after(ms: number, callback: () => void): Timer {
    const tick = Math.ceil((this.now() + ms) / TICK);
    let slot = this.#slots.get(tick);
    if (slot === undefined) {
      this.#slots.set(tick, slot = new Set());
      this.#ticks.add(tick);
      if (tick < this.#next) this.#arm(tick);
    }
    return new Entry(slot, callback);
  }

  /** Stops the clock for good: nothing that waits, now or later, will happen. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#slots.clear();
    this.#ticks.clear();
    this.#due.length = 0;
    this.#next = Infinity;
  }

  #arm(tick: number): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#next = tick;
    const wait = Math.min(FAR, Math.max(0, tick * TICK - this.now()));
    const timer = this.#timer = setTimeout(() => this.#advance(), wait);
    unrefTimer(timer);
  }

  #advance(): void {
    this.#timer = undefined;
    this.#next = Infinity;
    const now = this.now() / TICK;
    // Who comes late finds several due. Ticks where all was cancelled are passed over.
    for (let tick; (tick = this.#ticks.first) !== undefined;) {
      const slot = this.#slots.get(tick)!;
      if (tick > now && slot.size > 0) break;
      this.#ticks.removeFirst();
      this.#slots.delete(tick);
      for (const entry of slot) this.#due.push(entry); // too many to be arguments of one call
    }
    if (this.#ticks.first !== undefined) this.#arm(this.#ticks.first);
    this.#run();
  }

  /** Ten thousand connections may have the same deadline, and others wait for their sockets. */
  #run(): void {
    const due = this.#due, end = this.now() + SLICE_MS;
    let count = 0;
    do due[count++]?.run(); while (count < due.length && count < SLICE && this.now() < end);
    due.splice(0, count);
    if (due.length > 0) this.#arm(0);
  }
}
