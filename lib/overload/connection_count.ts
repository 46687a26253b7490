/**
 * How many connections come from each network, as {@linkcode networkOf} tells it of an address:
 * undefined for all who are on this machine, who are not counted.
 *
 * @module
 */

/** Counts the connections of each network. */
export class ConnectionCount {
  readonly #max: number;
  readonly #connections = new Map<string, number>();

  /** @param max connections from one network */
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether there is no place for one more from there. */
  isFull(network: string | undefined): boolean {
    return network !== undefined && (this.#connections.get(network) ?? 0) >= this.#max;
  }

  /** One more connection. */
  enter(network: string | undefined): void {
    if (network === undefined) return;
    this.#connections.set(network, (this.#connections.get(network) ?? 0) + 1);
  }

  /** One connection less. */
  leave(network: string | undefined): void {
    if (network === undefined) return;
    const others = (this.#connections.get(network) ?? 0) - 1;
    if (others > 0) this.#connections.set(network, others);
    else this.#connections.delete(network);
  }
}
