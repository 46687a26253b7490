/**
 * The receiving end of a stream, which its consumer iterates: it grants the producer credit as items are
 * taken. See `sender.ts` for the other end.
 *
 * Pure of sockets and messages: it is given a way to grant credit.
 *
 * @module
 */

import { rejection } from "../error.ts";

/** Items that a consumer takes on trust before it has looked at one. */
export const WINDOW = 64;

/**
 * Bytes of items that a consumer takes on trust. It grants more once it has taken a quarter of them, and a
 * producer sends while no more than half of them are not granted for: so neither ever waits for the other,
 * however long an item is.
 */
export const WINDOW_BYTES = 1 << 18;

/** What an inlet tells the other end. */
export interface StreamReceiverEvents {
  /**
   * So many bytes more, or less, are items that nobody has taken. False where that is more than this end
   * can keep.
   */
  hold?(bytes: number): boolean;
  /** Whether this end keeps so little that more may come before a consumer waits for it. @default always */
  hasRoom?(): boolean;
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
  /** What each of these items takes, and what all of them do. */
  #sizes: number[] = [];
  #held = 0;
  /** What the item takes that was handed out last: its consumer has it until it asks for the next. */
  #out = 0;
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
  #takenSize = 0;
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
    this.#taken = this.#takenSize = 0;
    return this.#credit = this.#window - (this.#items.length - this.#first);
  }

  /**
   * Items came; false where there was no credit for them, or no room beside those that nobody has taken.
   *
   * @param ids those of the items, where any of them is an event
   * @param size bytes that all of them together take
   */
  push(items: readonly unknown[], ids?: readonly (string | null)[], size = 0): boolean {
    if (this.#end !== undefined) return true; // sent before the producer learned that we left
    if (items.length === 0) return true;
    if (items.length > this.#credit) return false;
    const each = Math.ceil(size / items.length), sum = each * items.length;
    if (this.#events.hold?.(sum) === false) {
      this.#events.hold(-sum);
      return false;
    }
    this.#credit -= items.length;
    if (ids !== undefined) this.#ids ??= this.#items.map(() => null);
    this.received += items.length;
    this.after = ids?.[items.length - 1] ?? undefined;
    for (let i = 0; i < items.length; i++) this.#add(items[i], ids?.[i] ?? null, each);
    return true;
  }

  #add(item: unknown, id: string | null, size: number): void {
    const consumer = this.#waiting.shift();
    if (consumer === undefined) {
      this.#items.push(item);
      this.#sizes.push(size);
      this.#held += size;
      this.#ids?.push(id);
    } else {
      if (id !== null) this.lastEventId = id;
      consumer.resolve({ done: false, value: item });
      this.#handOut(size);
      this.#take(size);
    }
  }

  /** Whether somebody waits for an item that has not come. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** What nobody has taken is its consumer's from here on: no more can come, and it is not charged. */
  letGo(): void {
    this.#events.hold?.(-this.#held - this.#out);
    this.#held = this.#out = 0;
    this.#sizes.fill(0);
  }

  /** Nothing waits any more. */
  #clear(): void {
    this.#items = [];
    this.#sizes = [];
    this.#ids = undefined;
    this.#first = 0;
  }

  /**
   * The stream ended well.
   *
   * @param result what the producer returned
   * @param items what came with the end, beyond all credit
   */
  finish(result: unknown, items: readonly unknown[] = []): void {
    for (const item of items) this.#add(item, null, 0);
    this.#conclude({ result, failed: false });
  }

  /** The stream failed; the items before come first. */
  fail(error: unknown): void {
    this.#conclude({ error, failed: true });
  }

  next(): Promise<IteratorResult<unknown, unknown>> {
    this.#handOut(0);
    if (this.#first < this.#items.length) {
      const value = this.#items[this.#first], id = this.#ids?.[this.#first];
      if (id) this.lastEventId = id;
      const size = this.#sizes[this.#first]!;
      this.#items[this.#first++] = undefined;
      this.#held -= size;
      this.#handOut(size);
      if (this.#first === this.#items.length) this.#clear();
      this.#take(size);
      return Promise.resolve({ done: false, value });
    }
    const end = this.#end;
    if (end === undefined) {
      const consumer = Promise.withResolvers<IteratorResult<unknown, unknown>>();
      this.#waiting.push(consumer);
      this.#grantWhenDue();
      return consumer.promise;
    }
    // A failure is told once, like the end of a generator.
    this.#end = { result: undefined, failed: false };
    if (end.failed) return rejection(end.error);
    return Promise.resolve({ done: true, value: end.result });
  }

  return(value?: unknown): Promise<IteratorResult<unknown, unknown>> {
    const isOpen = this.#end === undefined;
    this.letGo();
    this.#clear();
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

  /** The consumer has an item of this size now, and not the one before any more. */
  #handOut(size: number): void {
    if (this.#out > 0) this.#events.hold?.(-this.#out);
    this.#out = size;
  }

  #take(size: number): void {
    this.#takenSize += size;
    this.#taken++;
    this.#grantWhenDue();
  }

  /**
   * Grants what was taken, in halves of the window: the producer never waits for a consumer that keeps up.
   * Where much is kept already it waits until the consumer does.
   */
  #grantWhenDue(): void {
    const isDue = this.#taken >= this.#window / 2 || this.#takenSize >= WINDOW_BYTES / 4;
    if (!isDue || this.#taken === 0 || this.#end !== undefined) return;
    if (!this.isAwaited && this.#events.hasRoom?.() === false) return;
    this.#takenSize = 0;
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
    if (end.failed) first.resolve(rejection(end.error));
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
