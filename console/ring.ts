/**
 * The last so many of what comes, and how many came before them. It knows nothing of the page.
 *
 * @module
 */

/** A list that forgets its oldest entries. */
export class Ring<T> {
  readonly #capacity: number;
  #entries: (T | undefined)[] = [];
  #first = 0;
  /** Entries that were forgotten. */
  forgotten = 0;

  /** @param capacity how many it keeps */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many it has. */
  get length(): number {
    return this.#entries.length - this.#first;
  }

  /** Takes one more. @returns the entry that is forgotten for it */
  push(entry: T): T | undefined {
    this.#entries.push(entry);
    return this.length > this.#capacity ? this.shift() : undefined;
  }

  /** Forgets the oldest. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const oldest = this.#entries[this.#first];
    this.#entries[this.#first++] = undefined;
    this.forgotten++;
    if (this.#first > this.#capacity) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
    return oldest;
  }

  /** The entry at a place, from the oldest on. */
  at(index: number): T | undefined {
    return this.#entries[this.#first + index];
  }

  /** All entries. */
  all(): T[] {
    return this.#entries.slice(this.#first) as T[];
  }

  /** Forgets all of them, and that they were there. */
  clear(): void {
    this.#entries = [];
    this.#first = this.forgotten = 0;
  }
}
