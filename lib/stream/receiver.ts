/**
 * The receiving end of a stream, which its consumer iterates: it grants the producer credit as items are
 * taken. See `sender.ts` for the other end.
 *
 * Pure of sockets and messages: it is given a way to grant credit.
 *
 * @module
 */

/** Items that a consumer takes on trust before it has looked at one. */
export const WINDOW = 64;

/** What an inlet tells the other end. */
export interface StreamReceiverEvents {
  /** The producer may send so many more. */
  grant(count: number): void;
  /** The consumer has left; no more items are wanted. */
  leave(): void;
}

/** How a stream ended. */
interface End {
  readonly failed: boolean;
  readonly result?: unknown;
  readonly error?: unknown;
}

/** The receiving end of a stream. */
export class StreamReceiver implements AsyncIterableIterator<unknown, unknown, undefined> {
  readonly #events: StreamReceiverEvents;
  readonly #window: number;
  /** Items that nobody has taken, and consumers that no item has come for: never both. */
  #items: unknown[] = [];
  #first = 0;
  /** The ids of these items, once one of them has one. */
  #ids: (string | null)[] | undefined;
  /** The id of the last item that has one and was taken; before that the one that was resumed after. */
  lastEventId: string | undefined;
  /**
   * The id after which the producer can go on where it has to begin again: that of the last item that
   * has come, taken or not. Undefined where that one had none.
   */
  after: string | undefined;
  /** How many items have come. */
  received = 0;
  readonly #waiting: PromiseWithResolvers<IteratorResult<unknown, unknown>>[] = [];
  /** Items that the producer may still send, and items taken since it was last told. */
  #credit: number;
  #taken = 0;
  #end: End | undefined;

  /**
   * @param window the credit that the producer has at first, and that is kept up
   * @param after the id of the event that comes before the first item
   */
  constructor(window: number, events: StreamReceiverEvents, after?: string) {
    this.#window = this.#credit = window;
    this.#events = events;
    this.lastEventId = this.after = after;
  }

  /** The producer begins, or begins again: the credit that it has then. */
  open(): number {
    this.#taken = 0;
    return this.#credit = this.#window - (this.#items.length - this.#first);
  }

  /**
   * Items came; false where there was no credit for them.
   *
   * @param ids those of the items, where any of them is an event
   */
  push(items: readonly unknown[], ids?: readonly (string | null)[]): boolean {
    if (this.#end !== undefined) return true; // sent before the producer learned that we left
    if (items.length > this.#credit) return false;
    this.#credit -= items.length;
    if (ids !== undefined) this.#ids ??= this.#items.map(() => null);
    this.received += items.length;
    this.after = ids?.[items.length - 1] ?? undefined;
    for (let i = 0; i < items.length; i++) this.#add(items[i], ids?.[i] ?? null);
    return true;
  }

  #add(item: unknown, id: string | null): void {
    const consumer = this.#waiting.shift();
    if (consumer === undefined) {
      this.#items.push(item);
      this.#ids?.push(id);
    } else {
      if (id !== null) this.lastEventId = id;
      consumer.resolve({ done: false, value: item });
      this.#take();
    }
  }

  /**
   * The stream ended well.
   *
   * @param result what the producer returned
   * @param items what came with the end, beyond all credit
   */
  finish(result: unknown, items: readonly unknown[] = []): void {
    for (const item of items) this.#add(item, null);
    this.#conclude({ result, failed: false });
  }

  /** The stream failed; the items before come first. */
  fail(error: unknown): void {
    this.#conclude({ error, failed: true });
  }

  next(): Promise<IteratorResult<unknown, unknown>> {
    if (this.#first < this.#items.length) {
      const value = this.#items[this.#first], id = this.#ids?.[this.#first];
      if (id) this.lastEventId = id;
      this.#items[this.#first++] = undefined;
      if (this.#first === this.#items.length) {
        this.#items = [];
        this.#ids = undefined;
        this.#first = 0;
      }
      this.#take();
      return Promise.resolve({ done: false, value });
    }
    const end = this.#end;
    if (end === undefined) {
      const consumer = Promise.withResolvers<IteratorResult<unknown, unknown>>();
      this.#waiting.push(consumer);
      return consumer.promise;
    }
    // A failure is told once, like the end of a generator.
    this.#end = { result: undefined, failed: false };
    if (end.failed) return Promise.reject(end.error);
    return Promise.resolve({ done: true, value: end.result });
  }

  return(value?: unknown): Promise<IteratorResult<unknown, unknown>> {
    const isOpen = this.#end === undefined;
    this.#items = [];
    this.#ids = undefined;
    this.#first = 0;
    this.#end = { result: undefined, failed: false };
    for (const consumer of this.#waiting.splice(0)) consumer.resolve({ done: true, value });
    if (isOpen) this.#events.leave(); // last: it may fail a stream that has not ended
    return Promise.resolve({ done: true, value });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #take(): void {
    // Told in halves of the window: the producer never waits for one that keeps up.
    if (++this.#taken < this.#window / 2 || this.#end !== undefined) return;
    this.#credit += this.#taken;
    this.#events.grant(this.#taken);
    this.#taken = 0;
  }

  #conclude(end: End): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    const [first, ...others] = this.#waiting.splice(0);
    if (first === undefined) return;
    this.#end = { result: undefined, failed: false };
    if (end.failed) first.reject(end.error);
    else first.resolve({ done: true, value: end.result });
    for (const consumer of others) consumer.resolve({ done: true, value: undefined });
  }
}

/** The items of an answer that was not asked for as a stream, and may be an array of them. */
export function itemsOf(answer: Promise<unknown>): StreamReceiver {
  const receiver = new StreamReceiver(0, { grant: () => {}, leave: () => {} });
  answer.then(
    (all) => Array.isArray(all) ? receiver.finish(undefined, all) : receiver.finish(all),
    (error) => receiver.fail(error),
  );
  return receiver;
}

/** The iterator of anything that can be iterated. */
export function iteratorOf(source: unknown): Iterator<unknown> | AsyncIterator<unknown> {
  const iterable = source as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined;
  const iterator = iterable?.[Symbol.asyncIterator]?.() ?? iterable?.[Symbol.iterator]?.();
  if (iterator === undefined) throw new TypeError("A stream must be something to iterate");
  return iterator;
}
