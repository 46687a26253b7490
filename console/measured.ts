/**
 * What the page has measured of its own calls: how long each method took, and what was refused and why.
 *
 * @module
 */

import { summarize, type Summary } from "./histogram.ts";
import { Ring } from "./ring.ts";

/** Durations that are kept of each method. */
const MAX_DURATIONS = 5000;

/** Methods, and reasons, that are told apart. */
const MAX_NAMES = 500;

/** The figures of one method. */
export interface Measured extends Summary {
  readonly method: string;
  /** All calls, also those whose durations are not kept any more. */
  readonly calls: number;
  readonly failures: number;
}

/** The figures of a page. */
export class Measurements {
  readonly #methods = new Map<
    string,
    { durations: Ring<number>; calls: number; failures: number }
  >();
  readonly #refusals = new Map<string, number>();

  /** A call has ended. @param refusal its error, in a word */
  add(method: string, ms: number, refusal: string | undefined): void {
    let of = this.#methods.get(method);
    if (of === undefined) {
      if (this.#methods.size >= MAX_NAMES) return;
      this.#methods.set(method, of = { durations: new Ring(MAX_DURATIONS), calls: 0, failures: 0 });
    }
    of.calls++;
    of.durations.push(ms);
    if (refusal === undefined) return;
    of.failures++;
    if (this.#refusals.has(refusal) || this.#refusals.size < MAX_NAMES) {
      this.#refusals.set(refusal, (this.#refusals.get(refusal) ?? 0) + 1);
    }
  }

  /** Those that were called most come first. */
  get methods(): Measured[] {
    return Array.from(this.#methods, ([method, { durations, calls, failures }]) => ({
      method,
      calls,
      failures,
      ...summarize(durations.all()),
    })).sort((a, b) => b.calls - a.calls);
  }

  /** Why calls were refused, and how often. */
  get refusals(): [string, number][] {
    return [...this.#refusals].sort((a, b) => b[1] - a[1]);
  }
}
