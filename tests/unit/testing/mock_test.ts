// A line of functions: what a user's tests call instead of a server.

import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import * as z from "npm:zod@4";
import { method, RpcError, stream } from "../../../lib/mod.ts";
import { mock } from "../../../lib/testing.ts";
import { Events, rejection } from "../../support/events.ts";

const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  list: method(z.array(z.string()), (texts) => texts),
  now: method(() => new Date()),
  math: { add: method(z.object({ a: z.int(), b: z.int() }), ({ a, b }) => a + b) },
  count: stream(z.int(), function* (to) {
    for (let n = 0; n < to; n++) yield n;
    return "end";
  }),
  other: method(() => 1),
};

Deno.test("mock() answers with functions, at any depth, in calls, requests and batches", async () => {
  const seen: unknown[] = [];
  await using line = await mock<typeof api>({
    upper: (text, { timeout }) => {
      seen.push(text, timeout);
      return `<${text}>`;
    },
    list: (texts) => texts,
    now: () => Promise.resolve("then"),
    math: { add: ({ a, b }) => a - b },
  });
  assertEquals(await line.call.upper("x", { timeout: 5 }), "<x>");
  assertEquals(seen, ["x", 5]);
  assertEquals(await line.call.list(["x"]), ["x"]);
  assertEquals(await line.call.now(), "then");
  assertEquals(await line.request("math.add", { a: 3, b: 1 }), 2);
  const batch = line.batch((call) => [call.upper("a"), call.math.add({ a: 1, b: 1 })]);
  assertEquals(await Promise.all(batch), ["<a>", 0]);
  for (const missing of [line.call.other(), line.request("math"), line.request("toString")]) {
    const error = await rejection(missing);
    assertInstanceOf(error, RpcError);
    assertEquals(error.reason, "METHOD_NOT_FOUND");
  }
});

Deno.test("mock() streams whatever can be iterated, collects it, and closes what is left", async () => {
  const left = new Events();
  await using line = await mock<typeof api>({
    count: async function* (to) {
      try {
        for (let n = 0; n < to; n++) yield n * 10;
      } finally {
        left.add("left");
      }
    },
  });
  assertEquals(await Array.fromAsync(line.call.count(3)), [0, 10, 20]);
  assertEquals(await line.call.count(2), [0, 10]);
  for await (const n of line.call.count(1000)) if (n === 20) break;
  await left.count(3);
  await using array = await mock<typeof api>({ count: () => [7] });
  assertEquals(await Array.fromAsync(array.call.count(1)), [7]);
  assertEquals(await array.call.count(1), [7]);
});

Deno.test("mock() rejects with what a function throws, and passes results through JSON", async () => {
  const mistake = new Error("mine"), refusal = new RpcError("NOT_FOUND", "no");
  const at = new Date(0) as never;
  await using line = await mock<typeof api>({
    upper: () => {
      throw mistake;
    },
    now: () => at,
    other: () => Promise.reject(refusal),
    list: () => undefined as never,
  });
  assertStrictEquals(await rejection(line.call.upper("x")), mistake);
  assertStrictEquals(await rejection(line.call.other()), refusal);
  assertEquals(await line.call.now(), "1970-01-01T00:00:00.000Z");
  assertEquals<unknown>(await line.call.list([]), null);
});
