/**
 * The last so many events of something that goes on: streams that can be resumed, for the common case.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import { beginAfter, event, type StreamEvent } from "./event.ts";

/** What an {@linkcode EventRing} is made with. */
export interface EventRingOptions {
  /** How many events are kept, from 1 on. */
  readonly size: number;
}

/**
 * Keeps the last events, and gives each reader all of them from its place on. A reader whose next event
 * is not kept any more fails with `DATA_LOSS`: it never misses one without being told.
 *
 * Ids hold a mark of this ring, so that those of a process that was restarted are told apart.
 *
 * @example News that a client can follow over lost connections, up to their end
 * ```ts
 * import { EventRing, stream } from "@landline/rpc";
 * import { pair } from "@landline/rpc/testing";
 * import { assert } from "@std/assert";
 *
 * const news = new EventRing<string>({ size: 1000 });
 * const api = { news: stream((_, { after, signal }) => news.events(after, signal)) };
 * await using ends = await pair(api);
 *
 * const first = news.push("first");
 * news.push("second");
 * news.end();
 * const seen = await Array.fromAsync(ends.line.call.news(undefined, { after: first }));
 * assert(seen.join() === "second");
 * ```
 */
export class EventRing<T> {
  readonly #size: number;
  readonly #epoch = crypto.randomUUID().slice(0, 13);
  /** The event with the number n, the first of which is 1, lies at n modulo the size. */
  readonly #values: T[] = [];
  #last = 0;
  #isEnded = false;
  readonly #wakers = new Set<() => void>();

  /**
   * A ring that keeps nothing yet.
   *
   * @throws {RangeError} for a size that is no integer from 1 on
   */
  constructor({ size }: EventRingOptions) {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new RangeError(
        `Cannot make an EventRing: size must be an integer from 1, it is ${size}`,
      );
    }
    this.#size = size;
  }

  /**
   * Adds an event; the oldest gives way.
   *
   * @returns its id
   * @throws {TypeError} once the ring has ended
   */
  push(value: T): string {
    if (this.#isEnded) throw new TypeError("Cannot push an event: the ring has ended");
    this.#values[++this.#last % this.#size] = value;
    this.#wake();
    return this.lastId;
  }

  /**
   * Says that no more events come. Readers get those that they have not had, then the end; so does one that
   * comes later, or comes back after the last event.
   */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  /**
   * The id of the last event; where there was none yet that from which a reader gets all. Given to a caller
   * before it begins to read, it makes sure that nothing is missed in between.
   */
  get lastId(): string {
    return this.#idOf(this.#last);
  }

  #wake(): void {
    for (const wake of this.#wakers) wake();
    this.#wakers.clear();
  }

  /**
   * The events after that with this id, as they come, up to the end of the ring; without one those that
   * come from now on.
   *
   * @param after {@linkcode Context.after}
   * @param signal ends it: {@linkcode Context.signal}
   * @throws {RpcError} `DATA_LOSS` where the next event is not kept any more, or was another ring's
   */
  events(
    after: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<StreamEvent<T>, undefined, undefined> {
    if (after === undefined) return this.#from(this.#last + 1, signal);
    const number = after.startsWith(`${this.#epoch}-`) ? after.slice(this.#epoch.length + 1) : "";
    if (!/^[0-9]{1,15}$/.test(number) || Number(number) > this.#last) {
      throw new RpcError("DATA_LOSS", "The events after this id are not known here");
    }
    this.#mustKeep(Number(number) + 1);
    return this.#from(Number(number) + 1, signal);
  }

  #from(
    next: number,
    signal: AbortSignal,
  ): AsyncGenerator<StreamEvent<T>, undefined, undefined> {
    return beginAfter(this.#idOf(next - 1), this.#read(next, signal));
  }

  async *#read(
    next: number,
    signal: AbortSignal,
  ): AsyncGenerator<StreamEvent<T>, undefined, undefined> {
    let wake = () => {};
    const onAbort = () => wake();
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted) {
        if (next > this.#last) {
          if (this.#isEnded) return;
          await new Promise<void>((resolve) => this.#wakers.add(wake = resolve));
          this.#wakers.delete(wake);
          continue;
        }
        this.#mustKeep(next);
        yield event(this.#idOf(next), this.#values[next % this.#size]!);
        next++;
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #mustKeep(next: number): void {
    if (next > this.#last - this.#size) return;
    throw new RpcError("DATA_LOSS", `Only the last ${this.#size} events are kept`);
  }

  #idOf(number: number): string {
    return `${this.#epoch}-${number}`;
  }
}
