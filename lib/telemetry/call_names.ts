/**
 * What calls are counted under. There are only so many names, whatever callers send: each is a time series that
 * lives for ever in the database that collects them.
 *
 * @module
 */

import type { ObservedCall } from "../api/observe.ts";
import { ConnectionLostError, RpcError } from "../error.ts";

/** The method of a call of one that the API does not have, and the error that comes after the first ones. */
export const OTHER = "_OTHER";

/** Methods that we call, and errors of one method, beyond which one more is `_OTHER`. */
const MAX_METHODS = 1000;
const MAX_ERRORS = 32;

/** Things by method and error. */
export class ByCallName<T> {
  readonly #make: (method: string, error: string) => T;
  readonly #methods = new Map<string, Map<string, T>>();
  /** The method that was asked for last, and what there is of it. */
  #lastMethod: string | undefined;
  #last!: Map<string, T>;
  #lastGood!: T;

  /** @param make makes what there is of one method and one error */
  constructor(make: (method: string, error: string) => T) {
    this.#make = make;
  }

  /** What there is of the method of this call, and of how it ended. */
  of(call: Pick<ObservedCall, "method" | "isKnown">, error: unknown): T {
    if (call.method !== this.#lastMethod) this.#find(call);
    return error === undefined ? this.#lastGood : this.#ofError(error);
  }

  #find({ method, isKnown }: Pick<ObservedCall, "method" | "isKnown">): void {
    let found = this.#methods.get(isKnown ? method : OTHER);
    if (found === undefined) {
      const name = isKnown && this.#methods.size < MAX_METHODS ? method : OTHER;
      found = this.#methods.get(name);
      if (found === undefined) {
        this.#methods.set(name, found = new Map([["", this.#make(name, "")]]));
      }
    }
    this.#lastMethod = method;
    this.#last = found;
    this.#lastGood = found.get("")!;
  }

  #ofError(error: unknown): T {
    const all = this.#last, name = errorName(error);
    let found = all.get(name);
    if (found !== undefined) return found;
    const bounded = all.size <= MAX_ERRORS ? name : OTHER;
    found = all.get(bounded);
    if (found === undefined) {
      const method = this.#methods.entries().find(([, it]) => it === all)![0];
      all.set(bounded, found = this.#make(method, bounded));
    }
    return found;
  }
}

/** Whether the name of an error is its number. */
export function isNumber(name: string): boolean {
  return name !== "" && !Number.isNaN(Number(name));
}

/** The number of an error as it travels; of one that does not travel the name of its class. */
export function errorName(error: unknown): string {
  if (error instanceof RpcError) return String(error.code);
  if (error instanceof ConnectionLostError) return error.name;
  return error instanceof Error ? error.constructor.name : OTHER;
}
