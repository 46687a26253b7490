// Deadlines: what a call may take, at the client, at the server, and in the calls that it makes.

import { assert, assertEquals, assertInstanceOf, assertLessOrEqual } from "@std/assert";
import * as z from "npm:zod@4";
import {
  connect,
  type Line,
  method,
  type Peer,
  RpcError,
  serve,
  type ServeOptions,
  stream,
  withContext,
} from "../../lib/mod.ts";
import { pair } from "../../lib/testing.ts";
import { turn, within } from "../support/deadline.ts";
import { aborted, Events, rejection } from "../support/events.ts";
import { connectOver } from "../support/local.ts";
import { pipe } from "../support/memory.ts";
import { type Answer, RawPeer } from "../support/raw.ts";

const request = (id: number, method: string, params?: unknown) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});

const reasonOf = (error: unknown) => error instanceof RpcError ? error.reason : error;

/** A method that ends when nobody waits any more, and one that says how long it may take. */
function waiting() {
  const events = new Events<unknown>();
  const api = {
    wait: method(async (_, { signal }) => {
      events.add("begun");
      events.add(reasonOf(await aborted(signal)));
    }),
    left: method((_, { timeLeft }) => {
      const left = timeLeft();
      return left === Infinity ? "Infinity" : left;
    }),
  };
  return { api, events };
}

/** Has the client learn what the server understands. */
async function introduce(line: Line<unknown>): Promise<void> {
  await line.request("rpc.ping", [], { timeout: 1e6 });
  await line.request("rpc.ping", []); // answered after the question that the first call asked
}

/** A peer without the library, of a server on TCP. */
async function rawPeerOf(api: Parameters<typeof serve>[0], options: ServeOptions = {}) {
  const server = serve(api, { listen: "tcp://127.0.0.1:0", ...options });
  const peer = await RawPeer.dial(server.addresses[0]!);
  return {
    peer,
    async [Symbol.asyncDispose]() {
      peer.close();
      await server.shutdown(0);
    },
  };
}

Deno.test("timeout rejects the call with DEADLINE_EXCEEDED, and aborts the handler", async () => {
  const { api, events } = waiting();
  await using ends = await pair(api);
  const error = await rejection(ends.line.call.wait(undefined, { timeout: 20 }));
  assertInstanceOf(error, RpcError);
  assertEquals(error.code, -32004);
  assertEquals(error.data, { name: "DEADLINE_EXCEEDED" });
  await events.count(2);
});

Deno.test("timeout 0 fails at once, and nothing is sent", async () => {
  const { api, events } = waiting();
  await using ends = await pair(api);
  const error = await rejection(ends.line.call.wait(undefined, { timeout: 0 }));
  assertEquals(reasonOf(error), "DEADLINE_EXCEEDED");
  await ends.line.call.left();
  assertEquals(events.all, []);
});

Deno.test("timeout refuses what is no time from 0 on, with a RangeError that shows it", async () => {
  const { api, events } = waiting();
  await using ends = await pair(api);
  for (const timeout of [NaN, -1, -Infinity, "soon" as unknown as number]) {
    const error = await rejection(ends.line.call.wait(undefined, { timeout }));
    assertInstanceOf(error, RangeError);
    assertEquals(
      error.message,
      `Cannot call wait: timeout must be milliseconds from 0 on, it is ${timeout}`,
    );
  }
  assertEquals(typeof await ends.line.call.left(), "number");
  assertEquals(events.all, []);
});

Deno.test("timeout takes any number from 0 on, also what no timer of the runtime can wait for", async () => {
  const { api } = waiting();
  await using ends = await pair(api);
  await introduce(ends.line);
  for (const timeout of [0.5e6, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, Infinity]) {
    const left = await ends.line.call.left(undefined, { timeout });
    assert(typeof left === "number" && left > 0 && left <= 300_000, `${timeout}: ${left}`);
  }
});

Deno.test("timeout may be a fraction of a millisecond", async () => {
  const { api } = waiting();
  await using ends = await pair(api);
  const error = await rejection(ends.line.call.wait(undefined, { timeout: 0.001 }));
  assertEquals(reasonOf(error), "DEADLINE_EXCEEDED");
});

Deno.test("timeout on the line holds for calls that say nothing", async () => {
  const { api } = waiting();
  await using ends = await pair(api, { connect: { timeout: 20 } });
  assertEquals(reasonOf(await rejection(ends.line.call.wait())), "DEADLINE_EXCEEDED");
  assertEquals(reasonOf(await rejection(ends.line.request("wait"))), "DEADLINE_EXCEEDED");
  const controller = new AbortController();
  const patient = ends.line.call.wait(undefined, { timeout: 3e6, signal: controller.signal });
  // A call that was made later, with the line's timeout, is over before this one.
  await rejection(ends.line.call.wait());
  const why = new Error("enough");
  controller.abort(why);
  assertEquals(await rejection(patient), why);
});

Deno.test("timeoutMs is what is left, as a whole number, and only for servers that know it", async () => {
  for (const extensions of [["meta"], [], undefined]) {
    const [here, there] = pipe();
    const line = await connectOver(here);
    const server = new RawPeer(there, "json");
    // The first call with a deadline is not held up by the question.
    const first = rejection(line.request("a", { x: 1 }, { timeout: 20_000 }));
    const messages = await server.answers(2);
    assertEquals(messages.map(({ method }) => method), ["a", "rpc.serverInfo"]);
    assertEquals(messages[0]!.params, { x: 1 });
    const info = { jsonrpc: "2.0", id: messages[1]!.id };
    await server.send(
      extensions === undefined
        ? { ...info, error: { code: -32601, message: "Method not found" } }
        : { ...info, result: { extensions } },
    );
    await turn();
    const second = rejection(line.request("b", { x: 1 }, { timeout: 1e6 }));
    const { params } = await server.answer() as { params: { _meta?: { timeoutMs: number } } };
    if (extensions?.includes("meta")) {
      const { timeoutMs } = params._meta!;
      assert(Number.isInteger(timeoutMs) && timeoutMs <= 1e6 && timeoutMs > 9e5, `${timeoutMs}`);
    } else assertEquals(params, { x: 1 } as typeof params);
    await line.close();
    await Promise.all([first, second]);
  }
});

Deno.test("the first call of a connection has its whole time, although its server is not known yet", async () => {
  const { api } = waiting();
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await using line = await connect<typeof api>(server.addresses[0]!);
  const left = await line.call.left(undefined, { timeout: 120_000 });
  assert(typeof left === "number" && left > 100_000 && left <= 120_000, `${left}`);
});

Deno.test("a call that has longer than servers give waits for what its server understands: once, and not for long", async () => {
  const [here, there] = pipe();
  const line = await connectOver(here);
  const server = new RawPeer(there, "json");
  const options = { timeout: 40_000 };
  const first = line.request("a", { x: 1 }, options);
  assertEquals((await server.answer()).method, "rpc.serverInfo");
  // Others do not wait for it, and the server never says anything: a second later nor does this one.
  const second = line.request("b", { x: 1 });
  const messages = await server.answers(2);
  assertEquals(messages.map(({ method, params }) => [method, params]), [["b", { x: 1 }], ["a", {
    x: 1,
  }]]);
  const third = line.request("c", { x: 1 }, options);
  messages.push(await server.answer());
  for (const { id } of messages) await server.send({ jsonrpc: "2.0", id, result: null });
  await Promise.all([first, second, third]);
  await line.close();
});

Deno.test("a call that waits for what its server understands can be given up, and is sent to no server that hangs up at the question", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = connect(`tcp://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`);
  const first = new RawPeer(await listener.accept(), "json");
  await using line = await connecting;
  const user = new AbortController(), why = new Error("enough");
  const given = rejection(line.request("a", [], { timeout: 40_000, signal: user.signal }));
  const kept = line.request("b", [], { timeout: 40_000 });
  assertEquals((await first.answer()).method, "rpc.serverInfo");
  user.abort(why);
  assertEquals(await given, why);
  first.close();
  using second = new RawPeer(await listener.accept(), "json");
  const { id, method } = await second.answer();
  assertEquals(method, "b"); // without waiting for the question, which comes behind it
  await second.send({ jsonrpc: "2.0", id, result: "done" });
  assertEquals(await kept, "done");
  listener.close();
});

Deno.test("a server takes the smaller of timeoutMs and its own maximum", async () => {
  const { api } = waiting();
  const limits = { callTimeout: 1000, maxCallTimeout: 5000 };
  await using site = await rawPeerOf(api, { limits });
  const ask = async (meta: object | undefined) =>
    (await site.peer.ask(request(1, "left", meta && { _meta: meta }))).result as number;
  const between = (value: number, low: number, high: number) => {
    assert(value > low && value <= high, `${value}`);
  };
  between(await ask(undefined), 0, 1000);
  between(await ask({}), 0, 1000);
  between(await ask({ timeoutMs: 3000 }), 1000, 3000);
  for (const timeoutMs of [5000, 5001, 2 ** 31, 2 ** 53, 1e300]) {
    between(await ask({ timeoutMs }), 3000, 5000);
  }
});

Deno.test("a server ends a call at its own limits, whatever the caller says", async () => {
  const { api, events } = waiting();
  const limits = { callTimeout: 20, maxCallTimeout: 40 };
  await using site = await rawPeerOf(api, { limits });
  for (const [meta, ms] of [[{}, 20], [{ timeoutMs: 10 }, 10], [{ timeoutMs: 1e9 }, 40]] as const) {
    const { error } = await site.peer.ask(request(1, "wait", { _meta: meta }));
    assertEquals(error, {
      code: -32004,
      message: `The call took longer than ${ms} ms`,
      data: { name: "DEADLINE_EXCEEDED" },
    });
  }
  await events.count(6);
  assertEquals(events.all[1], "DEADLINE_EXCEEDED");
});

Deno.test("a call that leaves no time is not dispatched, and one with nonsense neither", async () => {
  const { api, events } = waiting();
  await using site = await rawPeerOf(api);
  for (const timeoutMs of [0, -1, -1e300]) {
    const { error } = await site.peer.ask(request(1, "wait", { _meta: { timeoutMs } }));
    assertEquals(error?.code, -32004, `${timeoutMs}`);
  }
  for (const timeoutMs of [null, "5", [], {}, true]) {
    const { error } = await site.peer.ask(request(1, "wait", { _meta: { timeoutMs } }));
    assertEquals(error?.code, -32602, `${timeoutMs}`);
  }
  // JSON knows no infinity, and JSON.parse makes one of this.
  const { result } = await site.peer.ask(
    '{"jsonrpc":"2.0","id":1,"method":"left","params":{"_meta":{"timeoutMs":1e999}}}',
  );
  assertEquals(typeof result, "number");
  assertEquals(events.all, []);
});

Deno.test("a call that waited for a place longer than it may take is told so, and not begun", async () => {
  const { api, events } = waiting();
  // The first holds the place until the second has no time left.
  const busy = method(() => new Promise<void>((resolve) => setTimeout(resolve, 50)));
  await using site = await rawPeerOf({ ...api, busy }, { limits: { maxInFlight: 1 } });
  await site.peer.send(
    request(1, "busy"),
    request(2, "wait", { _meta: { timeoutMs: 10 } }),
  );
  const [{ id, error }] = await site.peer.answers(2) as [Answer, Answer];
  assertEquals([id, error?.code], [2, -32004], "while the first still runs");
  assertEquals(events.all, []);
});

Deno.test("time that a request waited for a place counts", async () => {
  const gate = Promise.withResolvers<void>(), ended = new Events();
  const { api, events } = waiting();
  const busy = method(async () => {
    await gate.promise;
    ended.add("busy");
  });
  await using site = await rawPeerOf({ ...api, busy }, { limits: { maxInFlight: 1 } });
  await site.peer.send(
    request(1, "busy"),
    request(2, "left", { _meta: { timeoutMs: 100_000 } }),
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  gate.resolve();
  const [, { result }] = await site.peer.answers(2) as [unknown, { result: number }];
  assertLessOrEqual(result, 100_000 - 40);
  assertEquals(events.all, []);
});

Deno.test("timeLeft() only falls, and is 0 when the deadline aborts the signal", async () => {
  const seen: number[] = [], ended = new Events<number>();
  const api = {
    watch: method(async (_, { signal, timeLeft }) => {
      while (!signal.aborted) {
        seen.push(timeLeft());
        await turn();
      }
      ended.add(timeLeft());
    }),
  };
  await using site = await rawPeerOf(api);
  const { error } = await site.peer.ask(request(1, "watch", { _meta: { timeoutMs: 50 } }));
  assertEquals(error?.code, -32004);
  assertEquals(await ended.count(1), [0]);
  assertEquals(seen, seen.toSorted((a, b) => b - a));
  assertLessOrEqual(seen[0]!, 50);
});

Deno.test("a deadline does not care for the wall clock", async () => {
  const { api } = waiting();
  await using ends = await pair(api);
  const { now } = Date;
  try {
    const controller = new AbortController();
    const call = ends.line.call.wait(undefined, { timeout: 1e6, signal: controller.signal });
    await turn();
    Date.now = () => now() + 1e10;
    await rejection(ends.line.call.wait(undefined, { timeout: 10 }));
    Date.now = () => now() - 1e10;
    await rejection(ends.line.call.wait(undefined, { timeout: 10 }));
    const why = new Error("it still waited");
    controller.abort(why);
    assertEquals(await rejection(call), why);
  } finally {
    Date.now = now;
  }
});

Deno.test("calls back inherit what is left of the time, and may ask for less but not for more", async () => {
  const lefts: number[] = [];
  const clientApi = { left: method((_, { timeLeft }) => void lefts.push(timeLeft())) };
  const typed = withContext<{ peer: Peer<typeof clientApi> }>();
  const api = {
    relay: typed.method(z.number().nullable(), async (timeout, { call }) => {
      await call.left(undefined, timeout === null ? {} : { timeout });
    }),
  };
  await using ends = await pair(api, { connect: { api: clientApi } });
  const { relay } = ends.line.call;
  await relay(null, { timeout: 1e6 }); // both ends learn what the other understands
  lefts.length = 0;
  await relay(null, { timeout: 20_000 });
  await relay(10_000, { timeout: 20_000 });
  await relay(100_000, { timeout: 20_000 });
  const highest = [20_000, 10_000, 20_000];
  lefts.forEach((left, index) => assert(left <= highest[index]! && left > highest[index]! / 2));
  assertEquals(lefts.length, 3);
  const error = await rejection(relay(-1, { timeout: 20_000 }));
  assertEquals(reasonOf(error), "INTERNAL_ERROR", "a negative timeout is the handler's bug");
});

Deno.test("a call back ends with the call that made it", async () => {
  const events = new Events<unknown>();
  const clientApi = {
    wait: method(async (_, { signal }) => {
      events.add("begun");
      events.add(reasonOf(await aborted(signal)));
    }),
  };
  const typed = withContext<{ peer: Peer<typeof clientApi> }>();
  const api = {
    relay: typed.method(async (_, { call }) => {
      try {
        await call.wait();
      } catch (error) {
        events.add(`relay: ${reasonOf(error)}`);
      }
    }),
  };
  await using ends = await pair(api, { connect: { api: clientApi } });
  const controller = new AbortController();
  const call = rejection(ends.line.call.relay(undefined, { signal: controller.signal }));
  await events.count(1);
  controller.abort();
  await call;
  await events.count(3);
  assertEquals(events.all.toSorted(), ["CANCELLED", "begun", "relay: CANCELLED"]);

  events.all.length = 0;
  const late = await rejection(ends.line.call.relay(undefined, { timeout: 30 }));
  assertEquals(reasonOf(late), "DEADLINE_EXCEEDED");
  await events.count(3);
});

Deno.test("many deadlines at once all happen, and none of those that were met", async () => {
  const { api } = waiting();
  await using ends = await pair(api, { serve: { limits: { maxInFlight: 1000 } } });
  const late = Array.from(
    { length: 300 },
    (_, n) => rejection(ends.line.call.wait(undefined, { timeout: 1 + n % 50 })),
  );
  const met = Array.from({ length: 300 }, () => ends.line.call.left(undefined, { timeout: 1e5 }));
  const errors = await within(Promise.all(late), "all deadlines");
  assertEquals(new Set(errors.map(reasonOf)), new Set(["DEADLINE_EXCEEDED"]));
  assertEquals((await Promise.all(met)).length, 300);
});

Deno.test("a value that is left out stays so with a timeout, metadata, or as a stream", async () => {
  await using ends = await pair({
    hi: method(z.string().optional(), (name) => name ?? "you"),
    page: method(z.object({ limit: z.int() }).optional(), (page) => page?.limit ?? "all"),
    all: stream(z.object({ limit: z.int() }).optional(), function* (page) {
      yield page?.limit ?? "all";
    }),
  });
  const { call } = ends.line;
  await ends.line.request("rpc.serverInfo");
  for (const options of [{}, { timeout: 10_000 }, { meta: { a: 1 } }]) {
    assertEquals([await call.hi(undefined, options), await call.page(undefined, options)], [
      "you",
      "all",
    ]);
    assertEquals(await Array.fromAsync(call.all(undefined, options)), ["all"]);
  }
});
