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

/** Takes items as JSON text, in order; and where any of them is an event, the ids in the same order. */
export type SendItems = (items: string[], ids: (string | null)[] | undefined) => void;

/** The sending end of a stream. */
export class StreamSender {
  #credit: number;
  readonly #send: SendItems;
  readonly #hasRoom: () => Promise<void> | undefined;
  readonly #limit: ItemLimit;
  readonly #encode: (item: unknown) => string | undefined;
  #items: string[] = [];
  /** Of the items that wait; undefined where none of them has one. */
  #ids: (string | null)[] | undefined;
  #size = 0;
  #sending = false;
  #wake: (() => void) | undefined;
  #isCreditEnded = false;
  #stopped = false;

  /**
   * @param credit how many items the consumer takes at first
   * @param send sends items
   * @param hasRoom a promise while the connection has more to send than it should
   * @param limit the longest item that may be sent
   * @param encode an item's JSON text
   */
  constructor(
    credit: number,
    send: SendItems,
    hasRoom: () => Promise<void> | undefined,
    limit: ItemLimit,
    encode: (item: unknown) => string | undefined,
  ) {
    this.#limit = limit;
    this.#encode = encode;
    this.#credit = credit;
    this.#send = send;
    this.#hasRoom = hasRoom;
  }

  /** The consumer takes so many more. */
  grant(count: number): void {
    this.#credit += count;
    this.#wake?.();
  }

  /** No more credit can come: what there is may be used. */
  endCredit(): void {
    this.#isCreditEnded = true;
    this.#wake?.();
  }

  /** Nobody takes items any more: lets go of whoever waits for credit. */
  stop(): void {
    this.#stopped = true;
    this.#items = [];
    this.#wake?.();
  }

  /**
   * Sends what can be iterated, and resolves to what the iterator returned. The iterator is asked for
   * an item only when there is credit for it. When the outlet is stopped, the iterator is closed.
   */
  async pump(
    source: Iterator<unknown, unknown> | AsyncIterator<unknown, unknown>,
  ): Promise<unknown> {
    let ended = false;
    try {
      for (;;) {
        while (this.#credit === 0 && !this.#stopped) {
          if (this.#isCreditEnded) throw new RpcError("CANCELLED", "The consumer has hung up");
          await this.#change();
        }
        const room = this.#hasRoom();
        if (room !== undefined) await room;
        if (this.#stopped) return undefined;
        ended = true; // an iterator that fails has ended
        const next = await source.next();
        ended = next.done === true;
        if (next.done) {
          this.flush();
          return next.value;
        }
        if (this.#stopped) return undefined;
        this.#push(this.#encode(next.value) ?? "null", eventIdOf(next.value));
      }
    } catch (error) {
      this.flush(); // the items before a failure come before it
      throw error;
    } finally {
      if (!ended) await source.return?.();
    }
  }

  #push(item: string, id: string | undefined): void {
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
    this.#items.push(item);
    this.#size += size;
    if (this.#credit === 0) this.flush();
    else if (!this.#sending) this.#sendWhenQuiet();
  }

  /** Sends the items that wait. */
  flush(): void {
    if (this.#items.length === 0 || this.#stopped) return;
    const items = this.#items, ids = this.#ids;
    this.#items = [];
    this.#ids = undefined;
    this.#size = 0;
    this.#send(items, ids);
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
