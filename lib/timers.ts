/**
 * Many deadlines on one timer of the runtime. Setting one costs a list insertion, where a timer of the
 * runtime each would cost microseconds.
 *
 * @module
 */

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

/** The timers of one server or one line. They do not keep the process alive. */
export class TimerWheel implements Timers {
  /** What is due at each tick. */
  readonly #slots = new Map<number, Set<Entry>>();
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
    this.#due.length = 0;
    this.#next = Infinity;
  }

  #arm(tick: number): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#next = tick;
    const wait = Math.min(FAR, Math.max(0, tick * TICK - this.now()));
    const timer = this.#timer = setTimeout(() => this.#advance(), wait);
    Deno.unrefTimer(timer);
  }

  #advance(): void {
    this.#timer = undefined;
    this.#next = Infinity;
    const now = this.now() / TICK;
    const due: [tick: number, slot: Set<Entry>][] = [];
    let next = Infinity;
    for (const [tick, slot] of this.#slots) {
      if (tick <= now) {
        due.push([tick, slot]);
        this.#slots.delete(tick);
      } else if (slot.size === 0) this.#slots.delete(tick);
      else if (tick < next) next = tick;
    }
    if (next < Infinity) this.#arm(next);
    // Who comes late finds several due, in the order in which they were set.
    for (const [, slot] of due.sort(([a], [b]) => a - b)) {
      for (const entry of slot) this.#due.push(entry); // too many to be arguments of one call
    }
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
