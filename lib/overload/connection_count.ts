/**
 * How many connections each caller has. A caller is what {@linkcode networkOf} makes of an address:
 * undefined for all who are on this machine, who are not counted.
 *
 * @module
 */

/** Counts the connections of each caller. */
export class ConnectionCount {
  readonly #max: number;
  readonly #connections = new Map<string, number>();

  /** @param max connections of one caller */
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether there is no place for one more from there. */
  isFull(caller: string | undefined): boolean {
    return caller !== undefined && (this.#connections.get(caller) ?? 0) >= this.#max;
  }

  /** One more connection. */
  enter(caller: string | undefined): void {
    if (caller === undefined) return;
    this.#connections.set(caller, (this.#connections.get(caller) ?? 0) + 1);
  }

  /** One connection less. */
  leave(caller: string | undefined): void {
    if (caller === undefined) return;
    const others = (this.#connections.get(caller) ?? 0) - 1;
    if (others > 0) this.#connections.set(caller, others);
    else this.#connections.delete(caller);
  }
}
