// examples/demo.ts, over a socket.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect, RpcError, serve } from "../../lib/mod.ts";
import { type Api, api } from "../../examples/demo.ts";

async function callDemo() {
  const server = serve(api, { listen: "tcp://127.0.0.1:0" });
  const line = await connect<Api>(server.addresses[0]!);
  return {
    line,
    async [Symbol.asyncDispose]() {
      await line.close();
      await server.shutdown(0);
    },
  };
}

Deno.test("echo gives params back as they came", async () => {
  await using demo = await callDemo();
  const { line } = demo;
  for (const params of [[], [1, "a", null], ["one"], {}, { a: { b: [] } }, { value: 1 }]) {
    assertEquals(await line.request("echo", params), params);
  }
  assertEquals(await line.request("echo"), null);
});

Deno.test("the demo calculates, by name and by position", async () => {
  await using demo = await callDemo();
  const { line } = demo;
  assertEquals(await line.call.upper("straße"), "STRASSE");
  assertEquals(await line.call.add({ a: 1, b: 2 }), 3);
  assertEquals(await line.request("add", [1, 2]), 3);
  assertEquals(await line.request("subtract", [42, 23]), 19);
  assertEquals(await line.request("subtract", { subtrahend: 23, minuend: 42 }), 19);
  assertEquals(await line.call.sum([1, 2, 4]), 7);
  assertEquals(await line.request("sum", []), 0);
  assertEquals(await Array.fromAsync(line.call.countdown(3)), [3, 2, 1, 0]);
});

Deno.test("the demo tells the time, who calls, and what an error is", async () => {
  await using demo = await callDemo();
  const { line } = demo;
  assertMatch(await line.call.now(), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assertMatch(await line.call.time.in({ zone: "Asia/Tokyo" }), /^\d\d:\d\d:\d\d$/);
  const unknown = await assertRejects(() => line.call.time.in({ zone: "Moon/Base" }), RpcError);
  assertEquals(unknown.reason, "NOT_FOUND");
  assertEquals((await line.call.whoami()).framing, "json");
  const failure = await assertRejects(() => line.call.fail({ message: "Please" }), RpcError);
  assertEquals([failure.reason, failure.message], ["FAILED_PRECONDITION", "Please"]);
  assert(await line.request("fail").catch((error) => error instanceof RpcError));
});

Deno.test("sleep answers with its milliseconds, and ends when it is cancelled", async () => {
  await using demo = await callDemo();
  const { line } = demo;
  assertEquals(await line.call.sleep(5), 5);
  await assertRejects(() => line.call.sleep(-1), RpcError);
  await assertRejects(() => line.call.sleep(1.5), RpcError);
  const controller = new AbortController();
  const cancelled = line.call.sleep(3_600_000, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => cancelled, Error, "enough");
  // No timer of an hour is left behind: the sanitizer of this test would see it.
});

Deno.test("rpc.discover describes every method of the demo", async () => {
  await using demo = await callDemo();
  const { methods } = await demo.line.request("rpc.discover") as {
    methods: { name: string; summary?: string; params: { name: string }[] }[];
  };
  assertEquals(methods.map(({ name }) => name), [
    "echo",
    "upper",
    "add",
    "subtract",
    "sum",
    "sleep",
    "countdown",
    "now",
    "time.in",
    "whoami",
    "fail",
  ]);
  assert(methods.every(({ summary }) => summary !== undefined));
  const subtract = methods.find(({ name }) => name === "subtract")!;
  assertEquals(subtract.params.map(({ name }) => name), ["minuend", "subtrahend"]);
});
