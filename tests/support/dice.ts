// Everything that is left to chance, decided by one number.

import { mulberry32 } from "../../lib/transport/memory/faults.ts";

/** Draws; the same seed draws the same. */
export class Dice {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = mulberry32(seed);
  }

  /** 32 random bits. */
  bits(): number {
    return this.#next();
  }

  /** An integer from `min` to `max`. */
  int(min: number, max: number): number {
    return min + this.#next() % (max - min + 1);
  }

  /** True so often, of a hundred times. */
  chance(percent: number): boolean {
    return this.#next() % 100 < percent;
  }

  /** One of these. */
  pick<T>(list: readonly T[]): T {
    return list[this.#next() % list.length]!;
  }
}
