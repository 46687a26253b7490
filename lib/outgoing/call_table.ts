/**
 * What waits for an answer, by the id that was given to it.
 *
 * A `Map` does the same, and made our client spend half of its time on garbage: its table fills with
 * deleted entries and is replaced, and each replaced table refers to the next. Once one of them has grown
 * old it keeps all that came after it alive until the next full collection, every answered call included.
 *
 * @module
 */

/** Places at first; always a power of two. */
const PLACES = 16;

/** What has an id. */
interface Numbered {
  readonly id: number;
}

/** Things by their ids: each has its place by the low bits of its id, and ids are given accordingly. */
export class CallTable<T extends Numbered> {
  #places: (T | undefined)[] = new Array(PLACES).fill(undefined);
  #lastId = 0;
  /** How many there are. */
  size = 0;

  /** The id of the next: above all before, from 1 on because some peers take 0 for none. */
  nextId(): number {
    if (this.size * 2 > this.#places.length) this.#grow();
    const places = this.#places, mask = places.length - 1;
    let id = this.#lastId + 1;
    while (places[id & mask] !== undefined) id++; // one that waits for long is stepped over
    return id;
  }

  /** The highest id that was given. */
  get lastId(): number {
    return this.#lastId;
  }

  /** Adds one, whose id is from {@linkcode nextId}. */
  add(it: T): void {
    this.#places[it.id & this.#places.length - 1] = it;
    this.#lastId = it.id;
    this.size++;
  }

  /** The one with this id, which may be anything that a peer has sent. */
  get(id: unknown): T | undefined {
    if (typeof id !== "number") return undefined;
    const it = this.#places[id & this.#places.length - 1];
    return it?.id === id ? it : undefined;
  }

  /** Forgets it; whether it was there. */
  delete(it: T): boolean {
    const place = it.id & this.#places.length - 1;
    if (this.#places[place] !== it) return false;
    this.#places[place] = undefined;
    this.size--;
    return true;
  }

  /** All, in the order in which they were added, without those that are deleted on the way. */
  *[Symbol.iterator](): Generator<T> {
    for (const it of this.#inOrder()) {
      if (this.get(it.id) === it) yield it;
    }
  }

  #inOrder(): T[] {
    return this.#places.filter((it) => it !== undefined).sort((a, b) => a.id - b.id);
  }

  #grow(): void {
    const all = this.#inOrder();
    this.#places = new Array(this.#places.length * 2).fill(undefined);
    for (const it of all) this.#places[it.id & this.#places.length - 1] = it;
  }
}
