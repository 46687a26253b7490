/**
 * The assertions of `@std/assert` that this project's tests use, with the names, types and behaviour
 * of the real package, for machines that reach npm but not JSR.
 *
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals({ a: [1, 2] }, { a: [1, 2] });
 * assertThrows(() => JSON.parse("{"), SyntaxError);
 * ```
 *
 * @module
 */
export { AssertionError } from "./assertion_error.ts";
export {
  assertArrayIncludes,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
} from "./equality.ts";
export type { ArrayLikeArg } from "./equality.ts";
export { assertRejects, assertThrows } from "./errors.ts";
export { assertGreater, assertGreaterOrEqual, assertLess, assertLessOrEqual } from "./order.ts";
export { assertMatch, assertStringIncludes } from "./text.ts";
export { assert, assertExists, assertFalse, assertInstanceOf, fail, unreachable } from "./truth.ts";
export type { Falsy } from "./truth.ts";
