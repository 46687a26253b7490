// Whether values are the same: deeply, or one and the same.
import { AssertionError } from "./assertion_error.ts";
import { equal } from "./_equal.ts";
import { diff, format, suffix } from "./_message.ts";

/** Anything with a length and indices that is not a string: an `Array`, a `Uint8Array`. */
export type ArrayLikeArg<T> = ArrayLike<T> & object;

/**
 * Throws unless `actual` and `expected` have the same structure. `0` and `-0` are equal, `NaN` equals
 * itself, and a property that is `undefined` is not one that is missing.
 *
 * @param actual The value found.
 * @param expected The value that it should be.
 * @param msg Added to the first line of the error's message, which goes on with the difference.
 */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(
    `Values are not equal${suffix(msg)}\n${diff(actual, expected)}`,
  );
}

/**
 * Throws if `actual` and `expected` have the same structure.
 *
 * @param actual The value found.
 * @param expected The value that it should not be.
 * @param msg Added to the error's message.
 */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: ${format(actual)} not to be: ${format(expected)}${suffix(msg)}`,
  );
}

/**
 * Throws unless `actual` and `expected` are the same value, as `Object.is` has it.
 *
 * @param actual The value found.
 * @param expected The value that it should be.
 * @param msg Added to the first line of the error's message, which goes on with the difference.
 */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  if (format(actual) !== format(expected)) {
    throw new AssertionError(
      `Values are not strictly equal${suffix(msg)}\n${diff(actual, expected)}`,
    );
  }
  throw new AssertionError(
    `Values have the same structure but are not reference-equal${suffix(msg)}\n\n${format(actual)}`,
  );
}

/**
 * Throws unless each of `expected` is somewhere in `actual`, compared deeply.
 *
 * @param actual Where to look.
 * @param expected What must be there, in any order.
 * @param msg Added to the error's message, which goes on with what is missing.
 */
export function assertArrayIncludes<T>(
  actual: ArrayLikeArg<T>,
  expected: ArrayLikeArg<T>,
  msg?: string,
): void {
  const found = Array.from(actual);
  const missing = Array.from(expected).filter((item) => !found.some((one) => equal(one, item)));
  if (missing.length === 0) return;
  throw new AssertionError(
    `Expected actual: "${format(actual)}" to include: "${format(expected)}"${suffix(msg)}\n` +
      `missing: ${format(missing)}`,
  );
}
