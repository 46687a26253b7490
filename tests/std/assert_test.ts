// What the project relies on in @std/assert. Passes on our stand-in in std/assert and on the real package.
import {
  assert,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
  unreachable,
} from "@std/assert";

/** The first line of what an assertion says when it fails. */
function failure(assertion: () => unknown): string {
  try {
    assertion();
  } catch (error) {
    if (error instanceof AssertionError) return error.message.split("\n")[0] ?? "";
    throw error;
  }
  throw new Error("the assertion did not fail");
}

async function rejection(assertion: () => Promise<unknown>): Promise<string> {
  const result = await assertion().then(() => undefined, (error) => error);
  return failure(() => {
    if (result !== undefined) throw result;
  });
}

class Point {
  constructor(readonly x: number, readonly y: number) {}
}

class Vector {
  constructor(readonly x: number, readonly y: number) {}
}

function cycle(end: number): unknown {
  const object: Record<string, unknown> = { end };
  object.self = object;
  return object;
}

const EQUAL: [string, unknown, unknown][] = [
  ["numbers", 1, 1],
  ["NaN and itself", NaN, NaN],
  ["0 and -0", 0, -0],
  ["bigints", 2n ** 64n, 2n ** 64n],
  ["strings", "café", "café"],
  ["objects, whatever the order", { a: 1, b: 2 }, { b: 2, a: 1 }],
  ["objects in objects", { a: { b: [1, { c: null }] } }, { a: { b: [1, { c: null }] } }],
  ["an object and one without a prototype", { a: 1 }, Object.assign(Object.create(null), { a: 1 })],
  ["arrays", [1, [2, [3]]], [1, [2, [3]]]],
  ["bytes", new Uint8Array([1, 2]), new Uint8Array([1, 2])],
  ["a view and its copy", new Uint8Array([0, 1, 2]).subarray(1), new Uint8Array([1, 2])],
  ["dates", new Date(5), new Date(5)],
  ["invalid dates", new Date(NaN), new Date(NaN)],
  ["patterns", /a/g, /a/g],
  ["URLs", new URL("tcp://a:1"), new URL("tcp://a:1")],
  ["sets", new Set([1, "a"]), new Set(["a", 1])],
  ["sets of objects", new Set([{ a: 1 }]), new Set([{ a: 1 }])],
  ["maps", new Map([["a", [1]]]), new Map([["a", [1]]])],
  ["maps by object", new Map([[{ a: 1 }, 1]]), new Map([[{ a: 1 }, 1]])],
  ["instances", new Point(1, 2), new Point(1, 2)],
  ["symbol keys", { [Symbol.for("a")]: 1 }, { [Symbol.for("a")]: 1 }],
  ["cycles", cycle(1), cycle(1)],
];

const DIFFERENT: [string, unknown, unknown][] = [
  ["a number and its text", 1, "1"],
  ["null and undefined", null, undefined],
  ["undefined and missing", { a: undefined }, {}],
  ["undefined and a hole", [undefined], new Array(1)],
  ["one key more", { a: 1 }, { a: 1, b: 2 }],
  ["another key", { a: 1 }, { b: 1 }],
  ["values far down", { a: { b: [1, { c: null }] } }, { a: { b: [1, { c: 0 }] } }],
  ["arrays of other length", [1], [1, 2]],
  ["an array and an object", [], {}],
  ["bytes", new Uint8Array([1, 2]), new Uint8Array([1, 3])],
  ["bytes and an array", new Uint8Array([1]), [1]],
  ["dates", new Date(5), new Date(6)],
  ["patterns", /a/g, /a/i],
  ["URLs", new URL("tcp://a:1"), new URL("tcp://a:2")],
  ["sets", new Set([1]), new Set([2])],
  ["maps", new Map([["a", 1]]), new Map([["a", 2]])],
  ["instances of two classes", new Point(1, 2), new Vector(1, 2)],
  ["functions", () => 1, () => 1],
  ["symbol keys", { [Symbol.for("a")]: 1 }, { [Symbol.for("a")]: 2 }],
  ["cycles", cycle(1), cycle(2)],
];

Deno.test("assertEquals() and assertNotEquals() take these for equal", async (t) => {
  for (const [name, a, b] of EQUAL) {
    await t.step(name, () => {
      assertEquals(a, b);
      assertEquals(b, a);
      assertMatch(failure(() => assertNotEquals(a, b)), /^Expected actual: .*/);
    });
  }
});

Deno.test("assertEquals() and assertNotEquals() take these for different", async (t) => {
  for (const [name, a, b] of DIFFERENT) {
    await t.step(name, () => {
      assertNotEquals(a, b);
      assertNotEquals(b, a);
      assertStrictEquals(failure(() => assertEquals(a, b)), "Values are not equal.");
    });
  }
});

Deno.test("assertEquals() puts the caller's message into the first line, both values below it", () => {
  assertStrictEquals(
    failure(() => assertEquals(1, 2, "on the wire")),
    "Values are not equal: on the wire",
  );
  const { message } = assertThrows(() => assertEquals([111], [222]), AssertionError);
  assertStringIncludes(message, "111");
  assertStringIncludes(message, "222");
});

Deno.test("assertStrictEquals() is Object.is()", () => {
  const object = {};
  assertStrictEquals(object, object);
  assertStrictEquals(NaN, NaN);
  assertStrictEquals(failure(() => assertStrictEquals(1, 2)), "Values are not strictly equal.");
  assertMatch(failure(() => assertStrictEquals(0, -0)), /^Values /);
  assertStrictEquals(
    failure(() => assertStrictEquals({}, {})),
    "Values have the same structure but are not reference-equal.",
  );
});

Deno.test("assertStrictEquals() narrows to the expected type", () => {
  const value: unknown = "a";
  const expected: string = "a";
  assertStrictEquals(value, expected);
  const narrowed: string = value;
  assertEquals(narrowed, "a");
});

Deno.test("assert() and assertFalse() look at truth, and say what they are told", () => {
  assert(1);
  assertFalse("");
  assertEquals(failure(() => assert(0)), "");
  assertEquals(failure(() => assert(null, "no line")), "no line");
  assertEquals(failure(() => assertFalse(1, "a line")), "a line");
});

Deno.test("assertExists() lets all but null and undefined through, and narrows", () => {
  const value: string | undefined = ["a"].at(0);
  assertExists(value);
  assertEquals(value.length, 1);
  assertExists(0);
  assertExists(false);
  assertEquals(
    failure(() => assertExists(null)),
    'Expected actual: "null" to not be null or undefined.',
  );
});

Deno.test("assertInstanceOf() names both classes, and narrows", () => {
  const error: unknown = new TypeError("a");
  assertInstanceOf(error, Error);
  assertEquals(error.message, "a");
  assertEquals(
    failure(() => assertInstanceOf(new Date(0), RegExp)),
    'Expected object to be an instance of "RegExp" but was "Date".',
  );
  assertEquals(
    failure(() => assertInstanceOf(null, Date, "at noon")),
    'Expected object to be an instance of "Date" but was "null": at noon',
  );
});

Deno.test("assertMatch() and assertStringIncludes() look into a text", () => {
  assertMatch("tcp://127.0.0.1:80", /:\d+$/);
  assertStringIncludes("landline", "line");
  assertEquals(failure(() => assertMatch("a", /b/)), 'Expected actual: "a" to match: "/b/".');
  assertEquals(
    failure(() => assertStringIncludes("a", "b", "words")),
    'Expected actual: "a" to contain: "b": words',
  );
});

Deno.test("assertArrayIncludes() compares deeply and in any order", () => {
  assertArrayIncludes([1, 2, 3], [3, 1]);
  assertArrayIncludes([{ a: 1 }, { b: 2 }], [{ b: 2 }]);
  assertMatch(failure(() => assertArrayIncludes([1, 2], [2, 9])), /^Expected actual: /);
});

Deno.test("assertGreater() and its three relatives order numbers, bigints, dates and strings", () => {
  assertGreater(2, 1);
  assertGreater(2n, 1n);
  assertGreaterOrEqual("b", "a");
  assertGreaterOrEqual(1, 1);
  assertLess(new Date(1), new Date(2));
  assertLessOrEqual(1, 1);
  assertEquals(failure(() => assertGreater(1, 1)), "Expect 1 > 1");
  assertEquals(failure(() => assertGreaterOrEqual(0, 1)), "Expect 0 >= 1");
  assertEquals(failure(() => assertLess(1, 1)), "Expect 1 < 1");
  assertEquals(failure(() => assertLessOrEqual(2, 1, "too slow")), "too slow");
});

Deno.test("assertThrows() gives the error back, typed", () => {
  const error = assertThrows(
    () => {
      throw new RangeError("port: 70000");
    },
    RangeError,
    "70000",
  );
  const typed: RangeError = error;
  assertEquals(typed.message, "port: 70000");
  assertEquals(
    assertThrows(() => {
      throw 1;
    }),
    1,
  );
});

Deno.test("assertThrows() fails when nothing, or something else, is thrown", () => {
  const throws = (error: unknown) => () => {
    throw error;
  };
  assertEquals(failure(() => assertThrows(() => 1)), "Expected function to throw.");
  assertEquals(failure(() => assertThrows(() => 1, "here")), "Expected function to throw: here");
  assertEquals(
    failure(() => assertThrows(throws(new Error("a")), TypeError)),
    'Expected error to be instance of "TypeError", but was "Error".',
  );
  assertEquals(
    failure(() => assertThrows(throws(new Error("a")), Error, "b", "here")),
    'Expected error message to include "b", but got "a": here',
  );
  assertEquals(
    failure(() => assertThrows(throws("text"), Error)),
    "A non-Error object was thrown.",
  );
});

Deno.test("assertRejects() gives the error back, typed", async () => {
  const error = await assertRejects(
    () => Promise.reject(new SyntaxError("at 5")),
    SyntaxError,
    "at 5",
  );
  const typed: SyntaxError = error;
  assertEquals(typed.message, "at 5");
  assertEquals(await assertRejects(() => Promise.reject(1)), 1);
});

Deno.test("assertRejects() fails when there is no rejection, or another", async () => {
  assertEquals(
    await rejection(() => assertRejects(() => Promise.resolve())),
    "Expected function to reject.",
  );
  assertEquals(
    await rejection(() =>
      assertRejects(() => {
        throw new Error("early");
      })
    ),
    "Function throws when expected to reject.",
  );
  assertEquals(
    await rejection(() => assertRejects(() => Promise.reject(new Error("a")), TypeError)),
    'Expected error to be instance of "TypeError", but was "Error".',
  );
  assertEquals(
    await rejection(() => assertRejects(() => Promise.reject("text"), Error, undefined, "here")),
    "A non-Error object was rejected: here",
  );
});

Deno.test("fail() and unreachable() always throw", () => {
  assertMatch(failure(() => fail("no answer")), /no answer/);
  assertMatch(failure(() => fail()), /^Failed assertion/);
  assertThrows(() => unreachable(), AssertionError);
});

Deno.test("AssertionError has a name and may have a cause", () => {
  const cause = new Error("below");
  const error = new AssertionError("above", { cause });
  assertEquals([error.name, error.message, error.cause], ["AssertionError", "above", cause]);
  assertInstanceOf(error, Error);
});
