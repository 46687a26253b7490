/**
 * The bytes that a page keeps for its server. A server shares out what it keeps among its callers, by
 * `overload/ledger.ts`; a page has one peer, and needs the sum alone.
 *
 * @module
 */

import type { Keeping } from "../../overload/ledger.ts";

/** The part of what may be kept below which more is asked for before it is needed. */
const LITTLE = 1 / 4;

/** What is kept for one server. */
export class Kept implements Keeping {
  readonly #max: number;
  #bytes = 0;

  /** @param max bytes that may be kept of what was not asked for */
  constructor(max: number) {
    this.#max = max;
  }

  keep(bytes: number): void {
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }

  hold(bytes: number): boolean {
    const { keepsLittle } = this;
    this.keep(bytes);
    return keepsLittle || this.#bytes <= this.#max;
  }

  get keepsLittle(): boolean {
    return this.#bytes <= this.#max * LITTLE;
  }
}
