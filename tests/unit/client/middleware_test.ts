// Middleware on a client: what it sees of a call, what it may change, and that it leaves nothing open.

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import * as z from "npm:zod@4";
import {
  type ClientMiddleware,
  ConnectionLostError,
  method,
  notification,
  RpcError,
  serve,
  stream,
} from "../../../lib/mod.ts";
import { pair } from "../../../lib/testing.ts";
import { turn, within } from "../../support/deadline.ts";
import { aborted, Events, rejection } from "../../support/events.ts";
import { connectOver } from "../../support/local.ts";
import { pipe } from "../../support/memory.ts";
import { RawPeer } from "../../support/raw.ts";

const told = new Events();
const begun = new Events(), left = new Events();
const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  math: { add: method(z.object({ a: z.int(), b: z.int() }), ({ a, b }) => a + b) },
  meta: method((_, { meta }) => meta),
  refuse: method(() => {
    throw new RpcError("NOT_FOUND", "No such thing");
  }),
  wait: method(async (_, { signal }) => {
    told.add("waiting");
    await aborted(signal);
  }),
  count: stream(z.int(), async function* (to, { meta }) {
    begun.add("count");
    try {
      for (let n = 0; n < to; n++) yield n;
      return meta.tag ?? "end";
    } finally {
      left.add("count");
    }
  }),
  tell: notification(z.string(), (text) => told.add(text)),
};

/** Both ends, with this around the client's calls. */
const pairWith = (...use: ClientMiddleware[]) => pair(api, { connect: { use } });

/** All items of an iterator, and what it returned. */
async function whole(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const all = [], iterator = items[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await iterator.next();
    all.push(value);
    if (done) return all;
  }
}

Deno.test("connect({ use }) runs around every call from the first to the last, and back", async () => {
  const events: string[] = [];
  const trace = (name: string): ClientMiddleware => async (call, next) => {
    events.push(`> ${name} ${call.method}`);
    try {
      return await next();
    } finally {
      events.push(`< ${name}`);
    }
  };
  await using ends = await pairWith(trace("a"), trace("b"));
  assertEquals(await ends.line.call.math.add({ a: 1, b: 2 }), 3);
  assertEquals(events.splice(0), ["> a math.add", "> b math.add", "< b", "< a"]);
  assertEquals(await ends.line.request("upper", ["x"]), "X");
  assertEquals(events.splice(0), ["> a upper", "> b upper", "< b", "< a"]);
  await rejection(ends.line.call.refuse());
  assertEquals(events.splice(0), ["> a refuse", "> b refuse", "< b", "< a"]);
  ends.line.notify.tell("x");
  await told.has("x");
  assertEquals(events, [], "a notification is no call");
});

Deno.test("client middleware sees the method, the value, the options, the result and the error", async () => {
  const seen: unknown[] = [];
  const watch: ClientMiddleware = async (call, next) => {
    seen.push(call);
    try {
      const outcome = await next();
      seen.push(outcome.result);
      return outcome;
    } catch (error) {
      seen.push((error as RpcError).reason);
      throw error;
    }
  };
  await using ends = await pairWith(watch);
  const value = { a: 1, b: 2 }, options = { timeout: 5000 };
  await ends.line.call.math.add(value, options);
  await rejection(ends.line.call.refuse());
  await ends.line.request("upper", ["x"]);
  assertEquals(seen, [
    { method: "math.add", value, options, isStream: false },
    3,
    { method: "refuse", value: undefined, options: {}, isStream: false },
    "NOT_FOUND",
    { method: "upper", value: ["x"], options: {}, isStream: false },
    "X",
  ]);
  assertStrictEquals((seen[0] as { value: unknown }).value, value);
});

Deno.test("next() changes the options of a call: meta is added to, signals add up, the rest is replaced", async () => {
  const stop = new AbortController(), seen: unknown[] = [];
  await using ends = await pairWith(
    (_, next) => next({ meta: { b: 2, c: 2 }, timeout: 60_000 }),
    (call, next) => {
      seen.push(call.options.timeout, call.options.meta);
      return call.method === "wait" ? next({ signal: stop.signal }) : next();
    },
  );
  const { timeoutMs, ...meta } = await ends.line.call.meta(undefined, {
    meta: { a: 1, b: 1 },
    timeout: 1,
  });
  assertEquals(meta, { a: 1, b: 2, c: 2 });
  assert(timeoutMs as number > 1);
  assertEquals(seen, [60_000, { a: 1, b: 2, c: 2 }]);

  const own = new AbortController();
  for (const controller of [own, stop]) {
    told.all.length = 0;
    const call = rejection(ends.line.call.wait(undefined, { signal: own.signal }));
    if (controller === own) await told.count(1);
    const reason = new Error("stopped");
    // The second time the caller's signal has aborted already.
    controller.abort(reason);
    assertInstanceOf(await call, Error);
  }
});

Deno.test("client middleware refuses, answers in the peer's place, and replaces results and errors", async () => {
  const refusal = new Error("not today");
  await using ends = await pairWith(async (call, next) => {
    if (call.value === "refuse") throw refusal;
    if (call.value === "instead") return { result: "instead" };
    try {
      return { result: `<${(await next()).result}>` };
    } catch {
      return { result: "rescued" };
    }
  });
  const { upper, refuse } = ends.line.call;
  assertStrictEquals(await rejection(upper("refuse")), refusal);
  assertEquals(await upper("instead"), "instead");
  assertEquals(await upper("x"), "<X>");
  assertEquals<unknown>(await refuse(), "rescued");
});

Deno.test("client middleware that calls next twice, or gives no outcome, fails the call", async () => {
  await using ends = await pairWith(async (call, next) => {
    await next();
    return call.value === "twice" ? await next() : undefined as never;
  });
  assertEquals(
    (await rejection(ends.line.call.upper("twice")) as Error).message,
    "A middleware of upper called next twice",
  );
  assertEquals(
    (await rejection(ends.line.call.upper("x")) as Error).message,
    "A middleware of upper gave no outcome",
  );
});

Deno.test("client middleware knows a stream, and may wrap its items", async () => {
  const kinds: boolean[] = [];
  await using ends = await pairWith(async (call, next) => {
    kinds.push(call.isStream);
    const outcome = await next({ meta: { tag: "tagged" } });
    if (!call.isStream) return outcome;
    return {
      result: (async function* () {
        const items = (outcome.result as AsyncIterable<number>)[Symbol.asyncIterator]();
        for (;;) {
          const next = await items.next();
          if (next.done) return next.value;
          yield next.value * 10;
        }
      })(),
    };
  });
  const { count } = ends.line.call;
  assertEquals(await whole(count(3)), [0, 10, 20, "tagged"]);
  assertEquals(await count(3), [0, 1, 2], "an answer that is awaited is no stream");
  assertEquals(kinds, [true, false]);
  const answer = count(2), items: unknown[] = [];
  await turn();
  for await (const item of answer) items.push(item);
  assertEquals(items, [0, 1], "an answer that is iterated too late is an array");
  const one = ends.line.call.upper("x") as unknown as AsyncIterable<unknown>;
  await turn();
  assertEquals(await whole(one), ["X"]);
});

Deno.test("a stream through middleware keeps its back-pressure, its failure and its answer", async () => {
  await using ends = await pairWith((_, next) => next());
  let expected = 0;
  const answer = ends.line.call.count(1000);
  for await (const n of answer) assertEquals(n, expected++);
  assertEquals<unknown>(await answer, "end");
  const failing = ends.line.call.refuse() as unknown as AsyncIterable<unknown>;
  assertEquals((await rejection(whole(failing)) as RpcError).reason, "NOT_FOUND");
});

Deno.test("a stream that is left through middleware ends at the server, wherever the middleware is", async () => {
  const gate = Promise.withResolvers<void>(), entered = new Events();
  const wrapped = async function* (items: AsyncIterable<unknown>) {
    yield* items;
  };
  const ways: [string, ClientMiddleware][] = [
    ["passes it on", (_, next) => next()],
    ["wraps it", async (call, next) => {
      const { result } = await next();
      return { result: call.isStream ? wrapped(result as never) : result };
    }],
    ["throws it away", async (call, next) => {
      const outcome = await next();
      if (!call.isStream) return outcome;
      throw new RpcError("ABORTED", "after all");
    }],
    ["waits before", async (call, next) => {
      entered.add("waits");
      if (call.isStream) await gate.promise;
      return await next();
    }],
  ];
  for (const [name, middleware] of ways) {
    begun.all.length = left.all.length = 0;
    await using ends = await pairWith(middleware);
    const items = ends.line.call.count(1_000_000)[Symbol.asyncIterator]();
    if (name === "throws it away") {
      assertEquals((await rejection(items.next()) as RpcError).reason, "ABORTED");
    } else {
      if (name === "waits before") await entered.count(1);
      else assertEquals((await items.next()).value, 0);
      await within(items.return!(), "the stream to be left");
      if (name === "waits before") {
        gate.resolve();
        await turn();
      }
    }
    assertEquals<unknown>(await items.next(), { done: true, value: undefined });
    await ends.line.call.upper("x"); // behind the cancelling, where there was something to cancel
    if (name.startsWith("passes") || name.startsWith("wraps")) await left.count(1);
    assertEquals(left.all.length, begun.all.length, "what was begun at the server was left");
    await ends.server.shutdown(0);
  }
});

Deno.test("a batch goes through middleware, and travels as one as far as nobody holds a call back", async () => {
  const [near, far] = pipe();
  const peer = new RawPeer(far, "json"), gate = Promise.withResolvers<void>();
  await using line = await connectOver<typeof api>(near, {
    use: [async (call, next) => {
      if (call.value === "held") await gate.promise;
      return { result: [(await next()).result] };
    }],
  });
  const [a, b, held, wrong] = line.batch((
    call,
  ) => [call.upper("a"), call.upper("b"), call.upper("held"), call.upper(1n as never)]);
  assertInstanceOf(await rejection(wrong), TypeError);
  assertEquals(JSON.parse(await peer.text()), [
    { jsonrpc: "2.0", id: 1, method: "upper", params: ["a"] },
    { jsonrpc: "2.0", id: 2, method: "upper", params: ["b"] },
  ]);
  gate.resolve();
  assertEquals(await peer.answer(), {
    jsonrpc: "2.0",
    id: 3,
    method: "upper",
    params: ["held"],
  });
  await peer.send([1, 2].map((id) => ({ jsonrpc: "2.0", id, result: id })), {
    jsonrpc: "2.0",
    id: 3,
    result: 3,
  });
  assertEquals<unknown>(await Promise.all([a, b, held]), [[1], [2], [3]]);
  peer.close();
});

Deno.test("calls through middleware reject when the line is lost, and nothing is left open", async () => {
  const server = serve(api, { listen: "memory:" });
  const errors: unknown[] = [];
  await using ends = await pairWith(async (_, next) => {
    try {
      return await next();
    } catch (error) {
      errors.push(error);
      throw error;
    }
  });
  told.all.length = 0;
  const call = rejection(ends.line.call.wait());
  await told.count(1);
  await ends.line.close();
  const error = await call;
  assertInstanceOf(error, ConnectionLostError);
  assertStrictEquals(errors[0], error);
  await server.shutdown(0);
});
