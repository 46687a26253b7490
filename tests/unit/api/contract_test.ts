import { assert, assertEquals, assertThrows } from "@std/assert";
import * as z from "npm:zod@4";
import { contract, implement } from "../../../lib/contract.ts";
import { type Api, serve } from "../../../lib/mod.ts";

const { method, notification, stream } = contract;

Deno.test("contract() keeps the entries with what they say, and can be looked at as any object", () => {
  const schema = z.string(), result = z.number();
  const made = contract({ size: method(schema, { result }), sub: { log: notification() } });
  assertEquals(Object.keys(made), ["size", "sub"]);
  assertEquals(made.size, { kind: "method", schema, options: { result } });
  assertEquals(made.sub.log, { kind: "notification", schema: undefined, options: {} });
});

for (
  const [what, make, message] of [
    [
      "a handler",
      () => method(z.string(), ((text: string) => text) as never),
      "expected a Standard Schema and options, got a function; handlers are for implement()",
    ],
    ["use", () => method({ use: [] } as never), "use is for its implementation"],
    ["a cost that is none", () => method({ cost: -1 }), "cost must be a number from 0, it is -1"],
    [
      "a member that is no entry",
      () => contract({ a: { b: 1 } } as never),
      "a.b is a number, expected contract.method(...) or a plain object of entries",
    ],
  ] as const
) {
  Deno.test(`contract() refuses ${what}`, () => {
    const error = assertThrows(make) as Error;
    assert(error.message.includes(message), error.message);
  });
}

const small = contract({ half: method(z.number()), sub: { all: stream() } });
const half = (n: number) => n / 2;

Deno.test("implement() makes methods of the contract's schemas and options", () => {
  const api = implement(small, { half, sub: { all: () => [1] } });
  assertEquals(api.half, { ...small.half, handler: half } as never);
  assertEquals(api.sub.all.kind, "stream");
});

for (
  const [what, handlers, message] of [
    ["a missing handler", { half, sub: {} }, "sub.all has no handler"],
    ["a handler that is none", { half, sub: { all: [1] } }, "sub.all has no handler"],
    ["a missing group", { half }, "sub has no handlers"],
    ["no handlers", undefined, "there are no handlers"],
    ["an inherited handler", Object.create({ half }), "half has no handler"],
    [
      "one too many",
      { half, sub: { all: () => [], toString: () => "" } },
      "it has no sub.toString, and there is a handler",
    ],
  ] as const
) {
  Deno.test(`implement() refuses ${what}`, () => {
    assertThrows(
      () => implement(small, handlers as never),
      TypeError,
      `Cannot implement the contract: ${message}`,
    );
  });
}

Deno.test("serve() refuses a contract, and says what makes an API of it", () => {
  assertThrows(
    () => serve({ math: small } as unknown as Api),
    TypeError,
    "Cannot use the API: math.half has no handler, implement() makes an API of a contract",
  );
});
