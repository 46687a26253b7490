// A clock that stands still until a test moves it: deadlines are seen without waiting for them.

import type { Timer, Timers } from "../../lib/timers.ts";

/** Time as the test tells it. */
export class Clock implements Timers {
  #now = 0;
  readonly #waiting = new Set<{ readonly due: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): Timer {
    const entry = { due: this.#now + ms, callback };
    this.#waiting.add(entry);
    return { cancel: () => void this.#waiting.delete(entry) };
  }

  /** Milliseconds to each thing that is to happen, the next one first. */
  get pending(): number[] {
    return Array.from(this.#waiting, ({ due }) => due - this.#now).sort((a, b) => a - b);
  }

  /** So many milliseconds pass, and what is due happens in its order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#waiting].sort((a, b) => a.due - b.due);
      if (next === undefined || next.due > end) break;
      this.#waiting.delete(next);
      this.#now = Math.max(this.#now, next.due);
      next.callback();
    }
    this.#now = end;
  }
}
