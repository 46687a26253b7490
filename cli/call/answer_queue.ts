/**
 * Answers in the order of their questions: those that come early wait for those before them. Or in the
 * order in which they come.
 *
 * @module
 */

/** Calls under way at once, and the bytes of what is kept for them; the next one waits. */
const MAX_CALLS = 1000;
const MAX_BYTES = 4 << 20;

/** What an answer counts before the first has come. */
const FIRST_ANSWER = MAX_BYTES / MAX_CALLS;

/** Answers that are ready together are printed together, up to about this much. */
const MAX_PRINT = 1 << 16;

/** A place among the answers, in the order of the questions. */
export interface Place {
  /** What is printed; undefined until it is known. */
  text: string | undefined;
  /** What it counts: the question and an answer of the usual size, then the answer itself. */
  bytes: number;
}

/** How a queue is printed. */
export interface AnswerQueueOptions {
  /** Prints each answer when it comes, whatever its place is. @default {false} */
  readonly unordered?: boolean;
}

/** Prints answers in the order of their places, and bounds how many there are. */
export class AnswerQueue {
  readonly #print: (text: string) => Promise<void>;
  readonly #onError: () => void;
  readonly #isOrdered: boolean;
  /** Those that are printed next, in their order: all of them, or only those with an answer. */
  readonly #places: Place[] = [];
  #count = 0;
  #bytes = 0;
  /** An answer that has not come counts like the last one that has. */
  #usual = FIRST_ANSWER;
  #printing = false;
  #error: { readonly of: unknown } | undefined;
  readonly #waiting: (() => void)[] = [];

  /** @param onError is told, once, that printing failed; {@linkcode printed} rejects then */
  constructor(
    print: (text: string) => Promise<void>,
    onError: () => void,
    { unordered = false }: AnswerQueueOptions = {},
  ) {
    this.#print = print;
    this.#onError = onError;
    this.#isOrdered = !unordered;
  }

  /** Resolves when one more may be added. */
  room(): Promise<void> {
    return this.#until(() =>
      this.#count === 0 || this.#count < MAX_CALLS && this.#bytes < MAX_BYTES
    );
  }

  /** Resolves when all are printed. */
  printed(): Promise<void> {
    return this.#until(() => this.#count === 0 && !this.#printing);
  }

  /** A place at the end, for the answer to a question of so many bytes. */
  add(bytes: number): Place {
    const place = { text: undefined, bytes: bytes + this.#usual };
    if (this.#isOrdered) this.#places.push(place);
    this.#count++;
    this.#bytes += place.bytes;
    return place;
  }

  /** Puts the answer into its place. */
  settle(place: Place, text: string): void {
    this.#usual = text.length;
    this.#bytes += text.length - place.bytes;
    place.bytes = text.length;
    place.text = text;
    if (!this.#isOrdered) this.#places.push(place);
    if (!this.#printing && this.#error === undefined) this.#printReady();
  }

  async #until(isTrue: () => boolean): Promise<void> {
    while (this.#error === undefined && !isTrue()) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#error !== undefined) throw this.#error.of;
  }

  async #printReady(): Promise<void> {
    this.#printing = true;
    try {
      await null; // what else arrived in this turn goes with it
      for (let text; (text = this.#next()) !== "";) {
        await this.#print(text);
        this.#wake();
      }
    } catch (error) {
      this.#error = { of: error };
      this.#onError();
    }
    this.#printing = false;
    this.#wake();
  }

  /** The lines that are ready: no more than is good for one write, empty where the first is not. */
  #next(): string {
    let text = "", count = 0;
    for (const place of this.#places) {
      if (place.text === undefined || text.length > MAX_PRINT) break;
      text += place.text + "\n";
      this.#bytes -= place.bytes;
      count++;
    }
    this.#places.splice(0, count);
    this.#count -= count;
    return text;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
