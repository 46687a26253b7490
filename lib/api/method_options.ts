/**
 * What is wrong with the options of a method, wherever they are given: beside its handler, or in a
 * contract.
 *
 * @module
 */

import type { MethodOptions, ProcedureKind } from "./api.ts";

/** @throws {RangeError} for a `cost` or a `maxBytes` that makes no sense */
export function refuseOptions(kind: ProcedureKind, options: MethodOptions): void {
  const { cost = 1, maxBytes = 1 } = options;
  if (!(cost >= 0 && cost < Infinity)) {
    throw new RangeError(`Cannot make a ${kind}: cost must be a number from 0, it is ${cost}`);
  }
  if (!(Number.isSafeInteger(maxBytes) && maxBytes >= 1)) {
    throw new RangeError(
      `Cannot make a ${kind}: maxBytes must be an integer from 1, it is ${maxBytes}`,
    );
  }
}
