// Whether a function fails as it should.
import { stripVTControlCharacters } from "node:util";
import { AssertionError } from "./assertion_error.ts";
import { suffix } from "./_message.ts";

type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

/** What a caller asked of the error: each overload's arguments, told apart. */
interface Expectation {
  errorClass: ErrorClass<Error> | undefined;
  includes: string | undefined;
  msg: string | undefined;
}

function expectation(
  classOrMsg: ErrorClass<Error> | string | undefined,
  includes: string | undefined,
  msg: string | undefined,
): Expectation {
  return typeof classOrMsg === "string"
    ? { errorClass: undefined, includes: undefined, msg: classOrMsg }
    : { errorClass: classOrMsg, includes, msg };
}

/** Throws unless the error is of the class and says the words that were asked for. */
function check(
  error: unknown,
  how: string,
  { errorClass, includes, msg }: Expectation,
): void {
  if (!errorClass) return;
  if (!(error instanceof Error)) {
    throw new AssertionError(`A non-Error object was ${how}${suffix(msg)}`, {
      cause: error,
    });
  }
  const { name } = error.constructor;
  if (!(error instanceof errorClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${errorClass.name}", but was "${name}"${suffix(msg)}`,
      { cause: error },
    );
  }
  if (includes === undefined) return;
  const text = stripVTControlCharacters(error.message);
  if (text.includes(stripVTControlCharacters(includes))) return;
  throw new AssertionError(
    `Expected error message to include ${JSON.stringify(includes)}, but got ${
      JSON.stringify(error.message)
    }${suffix(msg)}`,
    { cause: error },
  );
}

/**
 * Throws unless calling `fn` throws.
 *
 * @param fn The function to call.
 * @param msg Added to the error's message.
 * @returns What `fn` threw.
 */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/**
 * Throws unless calling `fn` throws an error of the class.
 *
 * @param fn The function to call.
 * @param ErrorClass The class that the error must be an instance of.
 * @param msgIncludes What the error's message must contain.
 * @param msg Added to the error's message.
 * @returns The error that `fn` threw.
 */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: abstract new (...args: never[]) => E,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: ErrorClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  try {
    fn();
  } catch (error) {
    check(error, "thrown", expected);
    return error;
  }
  throw new AssertionError(`Expected function to throw${suffix(expected.msg)}`);
}

/**
 * Rejects unless calling `fn` gives a promise that rejects. A `fn` that throws instead, or gives no
 * promise, does not do.
 *
 * @param fn The function to call.
 * @param msg Added to the error's message.
 * @returns What the promise was rejected with.
 */
export function assertRejects(
  fn: () => PromiseLike<unknown>,
  msg?: string,
): Promise<unknown>;
/**
 * Rejects unless calling `fn` gives a promise that rejects with an error of the class.
 *
 * @param fn The function to call.
 * @param ErrorClass The class that the error must be an instance of.
 * @param msgIncludes What the error's message must contain.
 * @param msg Added to the error's message.
 * @returns The error that the promise was rejected with.
 */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: abstract new (...args: never[]) => E,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
  } catch (cause) {
    throw new AssertionError(
      `Function throws when expected to reject${suffix(expected.msg)}`,
      {
        cause,
      },
    );
  }
  if (typeof promise?.then !== "function") {
    throw new AssertionError(
      `Function throws when expected to reject${suffix(expected.msg)}`,
    );
  }
  try {
    await promise;
  } catch (error) {
    check(error, "rejected", expected);
    return error;
  }
  throw new AssertionError(
    `Expected function to reject${suffix(expected.msg)}`,
  );
}
