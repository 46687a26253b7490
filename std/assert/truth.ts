// What a value is: truthy, there, an instance; and the two ways to say that something must not happen.
import { AssertionError } from "./assertion_error.ts";
import { suffix } from "./_message.ts";

/** What {@linkcode assertFalse} lets through. */
export type Falsy = false | 0 | 0n | "" | null | undefined;

/**
 * Throws unless `expr` is truthy.
 *
 * @param expr What must hold.
 * @param msg The error's message.
 */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/**
 * Throws unless `expr` is falsy.
 *
 * @param expr What must not hold.
 * @param msg The error's message.
 */
export function assertFalse(expr: unknown, msg = ""): asserts expr is Falsy {
  if (expr) throw new AssertionError(msg);
}

/**
 * Throws if `actual` is `null` or `undefined`.
 *
 * @param actual The value that must be there.
 * @param msg Added to the error's message.
 */
export function assertExists<T>(
  actual: T,
  msg?: string,
): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to not be null or undefined${suffix(msg)}`,
  );
}

/**
 * Throws unless `actual` is an instance of `expectedType`.
 *
 * @param actual The value to look at.
 * @param expectedType The class.
 * @param msg Added to the error's message.
 */
export function assertInstanceOf<
  T extends abstract new (...args: never[]) => unknown,
>(
  actual: unknown,
  expectedType: T,
  msg = "",
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  const expected = `Expected object to be an instance of "${expectedType.name}"`;
  const found = classOf(actual);
  if (found === expectedType.name) {
    throw new AssertionError(`${expected}${suffix(msg)}`);
  }
  const but = found === "function" ? "was not an instanced object" : `was "${found}"`;
  throw new AssertionError(`${expected} but ${but}${suffix(msg)}`);
}

function classOf(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? value.constructor?.name ?? "Object" : typeof value;
}

/**
 * Throws, always.
 *
 * @param msg Added to the error's message.
 */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${suffix(msg)}`);
}

/**
 * Marks code that must never be reached: throws, always.
 *
 * @param msg Added to the error's message.
 */
export function unreachable(msg?: string): never {
  throw new AssertionError(`Unreachable${suffix(msg)}`);
}
