// What happened, as a test sees it: kept in order, and waited for instead of slept for.

import { within } from "./deadline.ts";

/** A list that can be waited for. */
export class Events<T = string> {
  readonly all: T[] = [];
  #taken = 0;
  #changed = Promise.withResolvers<void>();

  /** Something happened. */
  readonly add = (event: T): void => {
    this.all.push(event);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  };

  /** Resolves once so many things have happened, to all that have. */
  async count(count: number): Promise<readonly T[]> {
    await within(this.#until(() => this.all.length >= count), `${count} events`);
    return this.all;
  }

  /** Resolves to what happened next, behind what was taken so. */
  async next(): Promise<T> {
    const at = this.#taken++;
    await within(this.#until(() => this.all.length > at), "the next event");
    return this.all[at]!;
  }

  /** Resolves once this has happened. */
  async has(event: T): Promise<void> {
    await within(this.#until(() => this.all.includes(event)), `the event ${String(event)}`);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#changed.promise;
  }
}

/** Resolves when the signal aborts, to its reason. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });
}

/** What the promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await within(promise, "a rejection");
  } catch (error) {
    return error;
  }
  throw new Error(`Expected a rejection, got ${Deno.inspect(value)}`);
}
