/**
 * The last so many events of something that goes on: streams that can be resumed, for the common case.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import { event, type StreamEvent } from "./event.ts";

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
 * @example News that a client can follow over lost connections
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
 * for await (const text of ends.line.call.news(undefined, { after: first })) {
 *   assert(text === "second");
 *   break;
 * }
 * ```
 */
export class EventRing<T> {
  readonly #size: number;
  readonly #epoch = crypto.randomUUID().slice(0, 13);
  /** The event with the number n, the first of which is 1, lies at n modulo the size. */
  readonly #values: T[] = [];
  #last = 0;
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
   */
  push(value: T): string {
    this.#values[++this.#last % this.#size] = value;
    for (const wake of this.#wakers) wake();
    this.#wakers.clear();
    return this.#idOf(this.#last);
  }

  /**
   * The events after that with this id, as they come; without one those that come from now on.
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

  async *#from(
    next: number,
    signal: AbortSignal,
  ): AsyncGenerator<StreamEvent<T>, undefined, undefined> {
    let wake = () => {};
    const onAbort = () => wake();
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted) {
        if (next > this.#last) {
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
