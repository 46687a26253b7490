/**
 * The credit of a stream over HTTP, where none can travel to the server: it sends as fast as it is read, so
 * it is read as fast as the consumer takes.
 *
 * @module
 */

/** What one stream may still give to its consumer. */
export class Credit {
  #count: number;
  /** Bytes of items that the consumer takes on trust. */
  readonly #bytes: number;
  /** The sizes of items for which the consumer has not granted others, and their sum. */
  readonly #sizes: number[] = [];
  #sum = 0;
  #wake: (() => void) | undefined;

  /** @param asked what the call says: `{"credit":32,"bytes":262144}` */
  constructor(asked: { readonly credit?: number; readonly bytes?: number }) {
    this.#count = asked.credit ?? 0;
    this.#bytes = asked.bytes ?? Infinity;
  }

  /** The consumer takes so many more. */
  grant(count: number): void {
    this.#count += count;
    for (const size of this.#sizes.splice(0, count)) this.#sum -= size;
    this.#wake?.();
  }

  /** Nobody takes any more, and nobody waits. */
  end(): void {
    this.#count = Infinity;
    this.#sizes.length = this.#sum = 0;
    this.#wake?.();
  }

  /** Waits until the consumer takes an item; how many it takes. As at a sender, half of the bytes are in reserve. */
  async room(): Promise<number> {
    while (this.#count === 0 || this.#sum > this.#bytes / 2) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#count;
  }

  /** So many items were given to it, of so many bytes in all. */
  use(count: number, bytes: number): void {
    this.#count -= count;
    for (let i = 0; i < count; i++) this.#sizes.push(bytes / count);
    this.#sum += bytes;
  }
}
