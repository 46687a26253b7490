/**
 * The sending end of a stream: items in order, and never more of them on the way than the consumer gave
 * credit for.
 *
 * ```text
 *   producer ── StreamSender ── $/stream/item ───> StreamReceiver ── consumer
 *                  <──── $/stream/credit ────
 * ```
 *
 * Pure of sockets and messages: it is given a way to send items.
 *
 * @module
 */

import { isLongerThan } from "../framing/utf8.ts";
import { RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import { eventIdOf } from "./event.ts";

/** The longest item that an {@linkcode StreamSender} sends. */
export interface ItemLimit {
  /** The limit that says so. */
  readonly name: keyof Limits;
  /** As JSON. */
  readonly bytes: number;
}

/** Items that wait are sent when they have come to this many UTF-16 units. */
const MAX_TOGETHER = 1 << 16;

/** Rounds of the microtask queue without a new item after which a batch of items is sent. */
const QUIET_ROUNDS = 6;

/** Items for which there may be credit at once: a peer that grants more than that has no use for it. */
const MAX_CREDIT = 2 ** 31 - 1;

/** Items, at most, between two looks at the clock. */
const LOOK = 8;

/** Takes items as JSON text, in order; and where any of them is an event, the ids in the same order. */
export type SendItems = (items: string[], ids: (string | null)[] | undefined) => void;

/** What waits to be sent to the consumer, with all else that does. */
export interface Room {
  /** Whether more waits to be sent than should. */
  readonly isFull: boolean;
  /** Runs what writes an item once there is room for it: at once, or after what has waited for longer. */
  whenRoom<T>(write: () => T): T | Promise<T>;
  /** So many units more, or less, are written and will be sent. */
  reserve(units: number): void;
  /** A promise while others have their turn; undefined where it is ours. */
  pause(): Promise<void> | undefined;
}

/** The sending end of a stream. */
export class StreamSender {
  #credit = 0;
  /**
   * Units of text that the consumer takes on trust; those of items that it has not granted for, in order,
   * and their sum. Known only where the consumer says so, and grants as it takes.
   */
  #window = Infinity;
  #ungranted: number[] = [];
  #ungrantedSize = 0;
  readonly #send: SendItems;
  readonly #room: Room;
  readonly #limit: ItemLimit;
  readonly #encode: (item: unknown) => string | undefined;
  #items: string[] = [];
  /** Of the items that wait; undefined where none of them has one. */
  #ids: (string | null)[] | undefined;
  #size = 0;
  #sending = false;
  #wake: (() => void) | undefined;
  #isCreditEnded = false;
  /** The id after which its consumer can ask to go on; undefined where that is not known. */
  #after: string | undefined;
  /** Ends it, as soon as that is known. */
  #end: ((after: string) => void) | undefined;
  #stopped = false;

  /**
   * @param credit how many items the consumer takes at first
   * @param send sends items
   * @param limit the longest item that may be sent
   * @param encode an item's JSON text
   * @param after the id that stands before the first item, if it is known
   */
  constructor(
    credit: number,
    send: SendItems,
    room: Room,
    limit: ItemLimit,
    encode: (item: unknown) => string | undefined,
    after?: string,
  ) {
    this.#after = after;
    this.#limit = limit;
    this.#encode = encode;
    this.grant(credit);
    this.#send = send;
    this.#room = room;
  }

  /**
   * The consumer takes so many more, the first time beside nothing, later because it has taken as many.
   *
   * @param window units of text of items that it takes on trust, where it says so
   */
  grant(count: number, window?: number): void {
    this.#credit = Math.min(this.#credit + count, MAX_CREDIT);
    if (window !== undefined) this.#window = window;
    else {
      for (const size of this.#ungranted.splice(0, count)) this.#ungrantedSize -= size;
    }
    this.#wake?.();
  }

  /** No more credit can come: what there is may be used. */
  endCredit(): void {
    this.#isCreditEnded = true;
    this.#wake?.();
  }

  /**
   * Ends it where its consumer can ask to go on elsewhere: now, or once an item that is an event was sent.
   *
   * @param end is told after which id
   */
  endAtEvent(end: (after: string) => void): void {
    this.#end = end;
    this.flush();
    if (this.#after !== undefined) end(this.#after);
  }

  /** Whether it goes on only once the consumer gives credit. */
  get waitsForCredit(): boolean {
    return this.#mustWait && this.#wake !== undefined && !this.#stopped;
  }

  /** Nobody takes items any more: lets go of whoever waits for credit. */
  stop(): void {
    this.#stopped = true;
    this.#room.reserve(-this.#drop());
    this.#wake?.();
  }

  /**
   * Sends what can be iterated, and resolves to what the iterator returned. The iterator is asked for
   * an item only when there is credit for it. When the outlet is stopped, the iterator is closed.
   */
  async pump(
    source: Iterator<unknown, unknown> | AsyncIterator<unknown, unknown>,
  ): Promise<unknown> {
    const room = this.#room;
    let ended = false;
    try {
      for (let count = 1;; count++) {
        while (this.#mustWait && !this.#stopped) {
          if (this.#isCreditEnded) throw new RpcError("CANCELLED", "The consumer has hung up");
          await this.#change();
        }
        const pause = count % LOOK === 0 || this.#items.length === 0 ? room.pause() : undefined;
        if (pause !== undefined) await pause;
        if (room.isFull) await room.whenRoom(() => {});
        if (this.#stopped) return undefined;
        ended = true; // an iterator that fails has ended
        const next = await source.next();
        ended = next.done === true;
        if (next.done) {
          this.flush();
          return next.value;
        }
        // Others may have taken the room meanwhile: what is not yet text takes none.
        const { value } = next;
        if (room.isFull) await room.whenRoom(() => this.#push(value));
        else this.#push(value);
      }
    } catch (error) {
      this.flush(); // the items before a failure come before it
      throw error;
    } finally {
      if (!ended) await source.return?.();
    }
  }

  /** Whether the consumer takes no more for now. */
  get #mustWait(): boolean {
    return this.#credit === 0 || this.#ungrantedSize > this.#window / 2;
  }

  #push(value: unknown): void {
    if (this.#stopped) return;
    const item = this.#encode(value) ?? "null", id = eventIdOf(value);
    const { name, bytes } = this.#limit;
    if (isLongerThan(item, bytes)) {
      throw new RpcError("RESOURCE_EXHAUSTED", "An item of the stream is too large", {
        limit: name,
      });
    }
    // The sum is bounded, because the peer takes no message of any length.
    const size = item.length + (id === undefined ? 1 : id.length + 4);
    if (this.#size + size > Math.min(MAX_TOGETHER, bytes / 3)) this.flush();
    this.#credit--;
    if (id !== undefined) this.#ids ??= this.#items.map(() => null);
    this.#ids?.push(id ?? null);
    this.#after = id;
    this.#items.push(item);
    this.#size += size;
    if (this.#window < Infinity) {
      this.#ungranted.push(size);
      this.#ungrantedSize += size;
    }
    this.#room.reserve(size);
    if (this.#mustWait) this.flush();
    else if (!this.#sending) this.#sendWhenQuiet();
  }

  /** Sends the items that wait. */
  flush(): void {
    if (this.#items.length === 0 || this.#stopped) return;
    const items = this.#items, ids = this.#ids, size = this.#drop();
    this.#send(items, ids);
    if (this.#after !== undefined) this.#end?.(this.#after);
    this.#room.reserve(-size); // last: it may let the next item through
  }

  /** None waits any more. @returns what they took */
  #drop(): number {
    const size = this.#size;
    this.#items = [];
    this.#ids = undefined;
    this.#size = 0;
    return size;
  }

  /** Items that come in one go travel in one message: a timer would cost more than it saves. */
  async #sendWhenQuiet(): Promise<void> {
    this.#sending = true;
    let count = this.#items.length;
    for (let quiet = 0; quiet < QUIET_ROUNDS; quiet++) {
      await null;
      if (this.#items.length > count) quiet = 0;
      count = this.#items.length;
    }
    this.#sending = false;
    this.flush();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}
