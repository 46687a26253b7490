/**
 * The place in which a contract carries the code that checks calls by it, so that a client without a
 * contract does not have that code.
 *
 * @module
 */

import type { ClientMiddleware } from "./middleware.ts";

/** The same for every copy of the library. */
export const CHECK: unique symbol = Symbol.for("@landline/contract") as never;

/** Checks calls by a contract. */
export interface ContractCheck {
  /** Around calls. */
  readonly call: ClientMiddleware;
  /**
   * Checks the value of a notification, then sends it.
   *
   * @param report told what a schema finds that answers later; no caller waits for it
   * @throws {ContractError} for a value that does not fit
   */
  notify(
    method: string,
    value: unknown,
    send: () => void,
    report: (error: unknown) => void,
  ): void;
}

/**
 * The check that a contract carries.
 *
 * @throws {TypeError} for what `contract()` has not made
 */
export function checkOf(contract: object): ContractCheck {
  const check = (contract as { readonly [CHECK]?: ContractCheck })[CHECK];
  if (check !== undefined) return check;
  throw new TypeError("Cannot connect: contract must be what contract() gave, whole");
}
