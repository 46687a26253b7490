// What a string contains.
import { AssertionError } from "./assertion_error.ts";
import { suffix } from "./_message.ts";

/**
 * Throws unless `expected` matches somewhere in `actual`.
 *
 * @param actual The text.
 * @param expected The pattern.
 * @param msg Added to the error's message.
 */
export function assertMatch(
  actual: string,
  expected: RegExp,
  msg?: string,
): void {
  if (expected.test(actual)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to match: "${expected}"${suffix(msg)}`,
  );
}

/**
 * Throws unless `actual` contains `expected`.
 *
 * @param actual The text.
 * @param expected The part that must be in it.
 * @param msg Added to the error's message.
 */
export function assertStringIncludes(
  actual: string,
  expected: string,
  msg?: string,
): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to contain: "${expected}"${suffix(msg)}`,
  );
}
