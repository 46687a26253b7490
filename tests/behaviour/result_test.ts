// A declared result is checked before it leaves: what does not fit is told to the author, and never sent.

import { assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import * as z from "npm:zod@4";
import { event, method, RpcError, type StandardSchema, stream } from "../../lib/mod.ts";
import { pair } from "../../lib/testing.ts";
import { Events, rejection } from "../support/events.ts";

const closed = new Events();

/** Takes even numbers, after a while. */
const even: StandardSchema<number> = {
  "~standard": {
    version: 1,
    vendor: "example",
    validate: (value) =>
      Promise.resolve(
        Number(value) % 2 === 0 ? { value: value as number } : { issues: [{ message: "is odd" }] },
      ),
  },
};

const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b, {
    result: z.number(),
  }),
  later: method(z.number(), async (n) => await Promise.resolve(n / 0), { result: z.number() }),
  even: method(z.number(), (n) => n, { result: even }),
  now: method(() => new Date(0), { result: z.iso.datetime() }),
  date: method(() => new Date(0), { result: z.date() }),
  nothing: method(() => {}, { result: z.null() }),
  bytes: method(() => new Uint8Array([1]), { result: z.instanceof(Uint8Array) }),
  more: method(() => ({ name: "alice", age: 7 }), { result: z.object({ name: z.string() }) }),
  changed: method(() => 1, {
    result: z.number(),
    use: [async (_, next) => {
      await next();
      return { result: "one" };
    }],
  }),
  roots: stream(z.number(), async function* (to) {
    try {
      for (let n = to; n >= -1; n--) {
        yield n % 2 === 0 ? event(String(n), Math.sqrt(n)) : Math.sqrt(n);
      }
    } finally {
      closed.add("roots");
    }
  }, { result: z.number() }),
};

/** Both ends, and what the author is told. */
async function open() {
  const told = new Events<[unknown, string]>();
  const ends = await pair(api, { serve: { onError: (error, about) => told.add([error, about]) } });
  return { ends, told, [Symbol.asyncDispose]: () => ends[Symbol.asyncDispose]() };
}

Deno.test("a result that does not fit its schema is an internal error, and its author is told", async () => {
  await using site = await open();
  const { call } = site.ends.line;
  assertEquals(await call.add({ a: 1, b: 2 }), 3);
  assertEquals(await call.even(2), 2);
  const failing = {
    add: () => call.add({ a: 1e308, b: 1e308 }),
    later: () => call.later(1),
    even: () => call.even(3),
    changed: () => call.changed(),
  };
  for (const [index, [name, make]] of Object.entries(failing).entries()) {
    const error = await rejection(make());
    assertInstanceOf(error, RpcError);
    assertEquals([error.code, error.data], [-32603, undefined]);
    const [[told, about]] = (await site.told.count(index + 1)).slice(index) as [[Error, string]];
    assertEquals(about, name);
    assertInstanceOf(told, TypeError);
    assertMatch(told.message, new RegExp(`^The result of ${name} does not fit its schema: \\[\\{`));
  }
});

Deno.test("a result fits its schema as the handler gives it, or as it arrives, and is sent as it is", async () => {
  await using site = await open();
  const { call } = site.ends.line, epoch = "1970-01-01T00:00:00.000Z";
  assertEquals([await call.now(), await call.date()], [epoch, epoch]);
  assertEquals(await call.nothing(), null);
  assertEquals(await call.bytes(), new Uint8Array([1]));
  assertEquals(await call.more(), { name: "alice", age: 7 });
  assertEquals(site.told.all, []);
});

Deno.test("a schema that takes its time is asked once about a result that fits", async () => {
  let asked = 0;
  const counting: StandardSchema<number> = {
    "~standard": {
      ...even["~standard"],
      validate: (value) => (asked++, even["~standard"].validate(value)),
    },
  };
  await using ends = await pair({ two: method(() => 2, { result: counting }) });
  assertEquals([await ends.line.call.two(), asked], [2, 1]);
});

Deno.test("a stream ends at an item that does not fit, after those before it, and its generator is closed", async () => {
  await using site = await open();
  const seen: number[] = [];
  const error = await rejection((async () => {
    for await (const root of site.ends.line.call.roots(4)) seen.push(root);
  })());
  assertEquals(seen, [2, Math.sqrt(3), Math.SQRT2, 1, 0]);
  assertEquals((error as RpcError).code, -32603);
  await closed.count(1);
  const [[told]] = await site.told.count(1) as [[Error, string]];
  assertMatch(told.message, /^The result of roots does not fit its schema: /);
});
