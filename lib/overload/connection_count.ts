/**
 * How many connections come from each network, as {@linkcode networkOf} tells it of an address:
 * undefined for all who are on this machine, for whom there is no bound.
 *
 * @module
 */

/** Counts the connections of each network. */
export class ConnectionCount {
  readonly #max: number;
  readonly #connections = new Map<string | undefined, number>();

  /** @param max connections from one network */
  constructor(max: number) {
    this.#max = max;
  }

  /** How many come from there. */
  of(network: string | undefined): number {
    return this.#connections.get(network) ?? 0;
  }

  /** Whether there is no place for one more from there. */
  isFull(network: string | undefined): boolean {
    return network !== undefined && this.of(network) >= this.#max;
  }

  /** The network that has the most, and how many. */
  get largest(): readonly [network: string | undefined, count: number] {
    let largest: string | undefined, most = 0;
    for (const [network, count] of this.#connections) {
      if (count > most) [largest, most] = [network, count];
    }
    return [largest, most];
  }

  /** One more connection. */
  enter(network: string | undefined): void {
    this.#connections.set(network, this.of(network) + 1);
  }

  /** One connection less. */
  leave(network: string | undefined): void {
    const others = this.of(network) - 1;
    if (others > 0) this.#connections.set(network, others);
    else this.#connections.delete(network);
  }
}
