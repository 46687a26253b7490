// Which of two values is the greater, as `<` and `>` have it.
import { AssertionError } from "./assertion_error.ts";
import { format } from "./_message.ts";

function expectOrder(
  holds: boolean,
  actual: unknown,
  operator: string,
  expected: unknown,
  msg: string | undefined,
): void {
  if (holds) return;
  throw new AssertionError(
    msg ?? `Expect ${format(actual)} ${operator} ${format(expected)}`,
  );
}

/**
 * Throws unless `actual > expected`.
 *
 * @param actual The value found.
 * @param expected The value that it should exceed.
 * @param msg The error's message.
 */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  expectOrder(actual > expected, actual, ">", expected, msg);
}

/**
 * Throws unless `actual >= expected`.
 *
 * @param actual The value found.
 * @param expected The least that it should be.
 * @param msg The error's message.
 */
export function assertGreaterOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  expectOrder(actual >= expected, actual, ">=", expected, msg);
}

/**
 * Throws unless `actual < expected`.
 *
 * @param actual The value found.
 * @param expected The value that it should stay below.
 * @param msg The error's message.
 */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  expectOrder(actual < expected, actual, "<", expected, msg);
}

/**
 * Throws unless `actual <= expected`.
 *
 * @param actual The value found.
 * @param expected The most that it should be.
 * @param msg The error's message.
 */
export function assertLessOrEqual<T>(
  actual: T,
  expected: T,
  msg?: string,
): void {
  expectOrder(actual <= expected, actual, "<=", expected, msg);
}
