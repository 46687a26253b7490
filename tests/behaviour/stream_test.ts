// Streams through the front door: from server to client, from client to server, both at once.

import { assert, assertEquals, assertInstanceOf, assertLess, assertLessOrEqual } from "@std/assert";
import * as z from "npm:zod@4";
import {
  connect,
  ConnectionLostError,
  type Line,
  method,
  type Peer,
  RpcError,
  serve,
  stream,
  type StreamCall,
  withContext,
} from "../../lib/mod.ts";
import { pair } from "../../lib/testing.ts";
import { LIB, run } from "../support/child.ts";
import { turn, until, within } from "../support/deadline.ts";
import { aborted, Events, rejection } from "../support/events.ts";
import { connectOver } from "../support/local.ts";
import { pipe } from "../support/memory.ts";
import { RawPeer } from "../support/raw.ts";

/** What one end sends before it hears that any of it was taken. */
const WINDOW = 64;
const WINDOW_BYTES = 1 << 18;

const request = (id: number, method: string, params?: unknown) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});
const notice = (method: string, params: unknown) => ({ jsonrpc: "2.0", method, params });

const countdown = stream(z.int().min(0), async function* (from) {
  for (let n = from; n >= 0; n--) yield n;
  return "lift-off";
});

/** Serves on TCP; raw peers and clients are counted on to be quick to disconnect. */
function serveOnTcp(api: Parameters<typeof serve>[0], options: Parameters<typeof serve>[1] = {}) {
  const errors: unknown[] = [];
  const server = serve(api, {
    listen: "tcp://127.0.0.1:0",
    onError: (error) => errors.push(error),
    ...options,
  });
  return {
    server,
    errors,
    address: server.addresses[0]!,
    peer: () => RawPeer.dial(server.addresses[0]!),
    [Symbol.asyncDispose]: () => server.shutdown(0),
  };
}

// ---- From the server ---------------------------------------------------------------------------------

Deno.test("a stream gives its items in order, then what the generator returned", async () => {
  await using site = serveOnTcp({ countdown });
  await using line = await connect<{ countdown: typeof countdown }>(site.address);
  const answer = line.call.countdown(3)[Symbol.asyncIterator]();
  const seen: unknown[] = [];
  for (;;) {
    const next = await answer.next();
    seen.push(next.value);
    if (next.done) break;
  }
  assertEquals(seen, [3, 2, 1, 0, "lift-off"]);
  assertEquals<unknown>(await answer.next(), { done: true, value: undefined });
});

Deno.test("a stream of any length arrives whole, also through a network that cuts it", async () => {
  for (const faults of [{}, { cut: [1, 100] as const, delay: [0, 1] as const, seed: 7 }]) {
    await using ends = await pair({ countdown }, { faults });
    let expected = 1000;
    for await (const n of ends.line.call.countdown(expected)) assertEquals(n, expected--);
    assertEquals(expected, -1);
  }
});

Deno.test("a stream takes whatever can be iterated", async () => {
  const api = {
    array: stream(() => [1, 2]),
    set: stream(() => new Set([1, 2])),
    readable: stream(() => ReadableStream.from([1, 2])),
    sync: stream(function* () {
      yield 1;
      yield 2;
    }),
    nothing: stream(() => []),
  };
  await using ends = await pair(api);
  for (const name of ["array", "set", "readable", "sync"] as const) {
    assertEquals(await Array.fromAsync(ends.line.call[name]()), [1, 2], name);
  }
  assertEquals(await Array.fromAsync(ends.line.call.nothing()), []);
});

Deno.test("a stream that is no iterable is INTERNAL_ERROR, and is reported", async () => {
  await using site = serveOnTcp({ broken: stream(() => 7 as never) });
  await using line = await connect(site.address);
  const error = await rejection(Array.fromAsync(line.call.broken!()));
  assertInstanceOf(error, RpcError);
  assertEquals(error.reason, "INTERNAL_ERROR");
  assertInstanceOf(site.errors[0], TypeError);
});

Deno.test("a stream is a ReadableStream on request, with the same back-pressure", async () => {
  const events = new Events<number>();
  const left = Promise.withResolvers<void>();
  const api = {
    endless: stream(async function* () {
      try {
        for (let n = 0;; n++) {
          events.add(n);
          yield n;
        }
      } finally {
        left.resolve();
      }
    }),
  };
  await using ends = await pair(api);
  const reader = ReadableStream.from(ends.line.call.endless()).getReader();
  assertEquals((await reader.read()).value, 0);
  await events.count(WINDOW);
  await turn();
  assertLessOrEqual(events.all.length, WINDOW + 2);
  await reader.cancel();
  await within(left.promise, "the generator's finally");
});

Deno.test("a stream that is awaited gives all items in one array, up to maxCollectedItems", async () => {
  const events = new Events();
  const api = {
    countdown,
    endless: stream(async function* () {
      try {
        for (let n = 0;; n++) yield n;
      } finally {
        events.add("left");
      }
    }),
  };
  await using ends = await pair(api, { serve: { limits: { maxCollectedItems: 3 } } });
  assertEquals(await ends.line.call.countdown(2), [2, 1, 0]);
  for (const call of [() => ends.line.call.countdown(3), () => ends.line.call.endless()]) {
    const error = await rejection(call());
    assertInstanceOf(error, RpcError);
    assertEquals(error.data, { name: "RESOURCE_EXHAUSTED", limit: "maxCollectedItems" });
  }
  await events.has("left");
});

Deno.test("an answer that is iterated in a later turn gives what was collected", async () => {
  await using ends = await pair({ countdown, one: method(() => 1) });
  const answer = ends.line.call.countdown(2);
  await turn();
  assertEquals(await Array.fromAsync(answer), [2, 1, 0]);
  const untyped = ends.line as unknown as Line;
  const one = untyped.call.one!();
  await one;
  assertEquals(await Array.fromAsync(one), []);
});

Deno.test("a stream's failure arrives after the items before it, whatever failed", async () => {
  const api = {
    thrown: stream(async function* () {
      yield 1;
      yield 2;
      throw new RpcError("NOT_FOUND", "No third", { details: 3 });
    }),
    bug: stream(async function* () {
      yield 1;
      yield 2;
      throw new Error("secret");
    }),
    declared: stream(async function* (_, { error }) {
      yield 1;
      yield 2;
      throw error("TORN", { at: 2 });
    }, { errors: { TORN: z.object({ at: z.int() }) } }),
    bigint: stream(async function* (): AsyncGenerator<unknown> {
      yield 1;
      yield 2;
      yield 3n;
    }),
  };
  await using site = serveOnTcp(api);
  await using line = await connect<typeof api>(site.address);
  const expected = {
    thrown: { name: "NOT_FOUND", details: 3 },
    bug: undefined,
    declared: { name: "TORN", details: { at: 2 } },
    bigint: undefined,
  };
  for (const [name, data] of Object.entries(expected)) {
    const seen: unknown[] = [];
    const error = await rejection((async () => {
      for await (const item of line.call[name as keyof typeof api]()) seen.push(item);
    })());
    assertEquals(seen, [1, 2], name);
    assertInstanceOf(error, RpcError);
    assertEquals(error.data, data, name);
    if (data === undefined) assertEquals(error.message, `${name}: Internal error`);
  }
  assertEquals(site.errors.length, 2);
});

Deno.test("a stream whose value is refused fails at the first item", async () => {
  await using ends = await pair({ countdown });
  const error = await rejection(Array.fromAsync(ends.line.call.countdown(-1)));
  assertInstanceOf(error, RpcError);
  assertEquals(error.reason, "INVALID_PARAMS");
});

Deno.test("leaving the loop runs the generator's finally, once, however it is left", async () => {
  const events = new Events();
  const api = {
    endless: stream(async function* (_, { signal }) {
      try {
        for (let n = 0;; n++) yield n;
      } finally {
        events.add(`left, aborted: ${signal.aborted}`);
      }
    }),
    waiting: stream(async function* (_, { signal }) {
      try {
        yield 0;
        await aborted(signal);
      } finally {
        events.add(`left, aborted: ${signal.aborted}`);
      }
    }),
    ping: method(() => true),
  };
  await using ends = await pair(api);
  const { call } = ends.line;
  const ways: Record<string, (answer: StreamCall<number, unknown>) => unknown> = {
    async break(answer) {
      for await (const n of answer) if (n === 0) break;
    },
    async return(answer) {
      for await (const n of answer) return n;
    },
    async throw(answer) {
      try {
        for await (const _ of answer) throw new Error("mine");
      } catch (error) {
        assertEquals((error as Error).message, "mine");
      }
    },
    async dispose(answer) {
      await using items = answer[Symbol.asyncIterator]();
      await items.next();
    },
    async twice(answer) {
      const items = answer[Symbol.asyncIterator]();
      await items.next();
      await items.return!();
      await items.return!();
    },
  };
  let count = 0;
  for (const name of ["endless", "waiting"] as const) {
    for (const [how, leave] of Object.entries(ways)) {
      await leave(call[name]());
      await events.count(++count);
      await call.ping();
      assertEquals(events.all.length, count, `${name}, ${how}`);
    }
  }
  assertEquals(new Set(events.all), new Set(["left, aborted: true"]));
});

Deno.test("a stream that is left before it has begun is never begun", async () => {
  const begun = new Events();
  const api = {
    endless: stream(async function* () {
      begun.add("begun");
      for (let n = 0;; n++) yield n;
    }),
    ping: method(() => true),
  };
  await using ends = await pair(api);
  const items = ends.line.call.endless()[Symbol.asyncIterator]();
  await items.return!();
  assertEquals<unknown>(await items.next(), { done: true, value: undefined });
  await ends.line.call.ping();
  await turn();
  assertEquals(await ends.line.call.ping(), true);
  assertEquals(begun.all, []);
});

Deno.test("a stream that is left before it has begun does not listen to its signal", async () => {
  await using ends = await pair({ countdown });
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  Object.assign(signal, {
    addEventListener: (_type: string, listener: unknown) => void listeners.add(listener),
    removeEventListener: (_type: string, listener: unknown) => void listeners.delete(listener),
  });

  const items = ends.line.call.countdown(3, { signal })[Symbol.asyncIterator]();
  await items.return!();
  await turn();

  assertEquals(listeners.size, 0);
});

Deno.test("a stream ends at the server when its connection does", async () => {
  for (const end of ["close", "lose"]) {
    const events = new Events();
    const api = {
      endless: stream(async function* () {
        try {
          for (let n = 0;; n++) yield n;
        } finally {
          events.add("left");
        }
      }),
    };
    await using site = serveOnTcp(api);
    const line = await connect<typeof api>(site.address);
    const items = line.call.endless()[Symbol.asyncIterator]();
    await items.next();
    if (end === "close") await line.close();
    else await site.server.shutdown(0);
    const error = await rejection((async () => {
      while (!(await items.next()).done);
    })());
    assert(error instanceof ConnectionLostError || error instanceof RpcError, String(error));
    await events.has("left");
    await line.close();
  }
});

Deno.test("a consumer that stops reading stops the producer within its credit", async () => {
  const events = new Events<number>();
  const api = {
    endless: stream(async function* () {
      for (let n = 0;; n++) {
        events.add(n);
        yield n;
      }
    }),
    ping: method(() => true),
  };
  for (const listen of ["memory:", "tcp://127.0.0.1:0"]) {
    events.all.length = 0;
    await using server = serve(api, { listen });
    await using line = await connect<typeof api>(server.addresses[0]!);
    const items = line.call.endless()[Symbol.asyncIterator]();
    for (let taken = 0; taken < 1000; taken += 100) {
      for (let n = 0; n < 100; n++) assertEquals((await items.next()).value, taken + n);
      // The answer to a call tells that everything before it has been said and heard.
      for (let n = 0; n < 3; n++) await line.call.ping();
      const ahead = events.all.length - (taken + 100);
      assertLessOrEqual(ahead, WINDOW, `${listen}, after ${taken + 100}`);
      assert(ahead > 0, `${listen}: items are fetched before they are asked for`);
    }
    await items.return!();
  }
});

Deno.test("a million items through a slow reader leave memory flat", async () => {
  // In a process of its own, where what remains in memory can be told from garbage.
  const { code, stdout, stderr } = await run(
    `
    import { connect, serve, stream } from ${JSON.stringify(LIB)};
    const api = {
      numbers: stream(async function* () { for (let n = 0; n < 1_000_000; n++) yield n; }),
    };
    await using server = serve(api, { listen: "memory:" });
    await using line = await connect(server.addresses[0]);
    const used = () => { gc(); return Deno.memoryUsage().heapUsed; };
    const before = used();
    let seen = 0, most = 0;
    for await (const n of line.call.numbers()) {
      if (n !== seen++) throw new Error("expected " + (seen - 1) + ", got " + n);
      if (seen % 50_000) continue;
      await new Promise((resolve) => setTimeout(resolve, 0));
      most = Math.max(most, used() - before);
    }
    console.log(seen, most);
    `,
    ["-A", "--v8-flags=--expose-gc"],
  );
  assertEquals([code, stderr], [0, ""]);
  const [seen, most] = stdout.split(" ").map(Number) as [number, number];
  assertEquals(seen, 1_000_000);
  assertLess(most, 4 << 20);
});

Deno.test("a thousand streams on one connection are fair to each other and to calls", async () => {
  const LENGTH = 300, COUNT = 1000;
  const api = {
    numbers: stream(async function* () {
      for (let n = 0; n < LENGTH; n++) yield n;
    }),
    ping: method(() => true),
  };
  await using server = serve(api, {
    listen: "memory:",
    limits: { maxInFlight: COUNT + 10 },
  });
  await using line = await connect<typeof api>(server.addresses[0]!);
  const taken = new Array(COUNT).fill(0);
  let ended = 0, unfair = 0, calls = 0;
  const streams = taken.map(async (_, index) => {
    for await (const n of line.call.numbers()) {
      assertEquals(n, taken[index]++);
    }
    // When the first of them ends the last is not far behind: nobody waited for another to end.
    if (ended++ === 0) unfair = taken.filter((count) => count < LENGTH / 2).length;
  });
  const pings = (async () => {
    while (ended === 0) {
      await line.call.ping();
      calls++;
    }
  })();
  await within(Promise.all([...streams, pings]), "all streams");
  assertEquals(taken, new Array(COUNT).fill(LENGTH));
  assertEquals(unfair, 0);
  assert(calls > 1, `${calls} calls were answered before the first stream had ended`);
});

Deno.test("streams take no places of calls, and past maxStreams are told RESOURCE_EXHAUSTED", async () => {
  const api = { countdown, ping: method(() => true) };
  const limits = { maxStreams: 3, maxInFlight: 1 };
  await using ends = await pair(api, { serve: { limits } });
  const iterators = [500, 500, 500].map((from) =>
    ends.line.call.countdown(from)[Symbol.asyncIterator]()
  );
  for (const items of iterators) assertEquals((await items.next()).value, 500);
  assertEquals(await ends.line.call.ping(), true);
  const error = await rejection(ends.line.call.countdown(1));
  assertInstanceOf(error, RpcError);
  assertEquals(error.data, { name: "RESOURCE_EXHAUSTED", limit: "maxStreams" });
  for (const items of iterators) {
    let count = 1;
    while (!(await items.next()).done) count++;
    assertEquals(count, 501);
  }
  assertEquals(await ends.line.call.countdown(1), [1, 0]);
});

Deno.test("a stream whose caller has hung up ends, wherever it waits", async () => {
  const ended = new Events<string>();
  const note = (name: string) => () => ended.add(name);
  const api = {
    credit: stream(async function* () {
      try {
        for (;;) yield 1;
      } finally {
        note("credit")();
      }
    }),
    items: method(async (_, { items }) => {
      await Array.fromAsync(items).catch(note("items"));
    }, { items: z.int() }),
    quiet: stream(async function* (_, { signal }) {
      await aborted(signal);
      note("quiet")();
      yield;
    }),
  };
  await using site = serveOnTcp(api, { limits: { callTimeout: 50 } });
  const peer = await site.peer();
  const meta = { _meta: { stream: { credit: 1 } } };
  await peer.send(request(1, "credit", meta), request(2, "items"), request(3, "quiet", meta));
  await peer.answers(2); // an item of the first, credit of the second
  peer.close();
  assertEquals((await ended.count(3)).toSorted(), ["credit", "items", "quiet"]);
});

Deno.test("a stream's deadline and signal end it at both ends, after the items before", async () => {
  const reasons = new Events<unknown>();
  const api = {
    forever: stream(async function* (_, { signal }) {
      yield 1;
      reasons.add((await aborted(signal) as RpcError).reason);
    }),
  };
  await using ends = await pair(api);
  const consume = async (
    options: { timeout?: number; signal?: AbortSignal },
    abort?: () => void,
  ) => {
    const seen: number[] = [];
    const error = await rejection((async () => {
      for await (const n of ends.line.call.forever(undefined, options)) {
        seen.push(n);
        abort?.();
      }
    })());
    return [seen, error] as const;
  };
  const [seen, late] = await consume({ timeout: 200 });
  assertEquals(seen, [1]);
  assertInstanceOf(late, RpcError);
  assertEquals(late.reason, "DEADLINE_EXCEEDED");
  await reasons.count(1);

  const controller = new AbortController(), why = new Error("enough");
  assertEquals(await consume({ signal: controller.signal }, () => controller.abort(why)), [
    [1],
    why,
  ]);
  await reasons.count(2);
  assertEquals(reasons.all[1], "CANCELLED");
});

Deno.test("large items are not sent together past what a peer takes", async () => {
  const item = "x".repeat(30_000);
  const api = {
    large: stream(z.int(), async function* (count) {
      for (let n = 0; n < count; n++) yield item;
    }),
    count: method(z.null(), async (_, { items }) => {
      let bytes = 0;
      for await (const item of items) bytes += item.length;
      return bytes;
    }, { items: z.string() }),
  };
  await using ends = await pair(api, { serve: { limits: { maxMessageBytes: 100_000 } } });
  let count = 0;
  for await (const text of ends.line.call.large(200)) count += text.length;
  assertEquals(count, 200 * item.length);
  const items = Array.from({ length: 200 }, () => item);
  assertEquals(await ends.line.call.count(null, { items }), 200 * item.length);
});

Deno.test("an item that is too large fails its stream, and none is lost in silence", async () => {
  const api = {
    large: stream(z.int(), async function* (size) {
      yield "small";
      yield "x".repeat(size);
    }),
    count: method(z.null(), async (_, { items }) => {
      let count = 0;
      for await (const _ of items) count++;
      return count;
    }, { items: z.string() }),
  };
  await using ends = await pair(api, {
    serve: { limits: { maxMessageBytes: 1000, maxResponseBytes: 1000 } },
  });
  const seen: string[] = [];
  const down = await rejection((async () => {
    for await (const text of ends.line.call.large(1000)) seen.push(text);
  })());
  assertInstanceOf(down, RpcError);
  assertEquals(down.data, { name: "RESOURCE_EXHAUSTED", limit: "maxResponseBytes" });
  assertEquals(seen, ["small"]);
  const up = await rejection(ends.line.call.count(null, { items: ["small", "x".repeat(1000)] }));
  assertInstanceOf(up, RpcError);
  assertEquals(up.data, { name: "RESOURCE_EXHAUSTED", limit: "maxMessageBytes" });
  assertEquals(await ends.line.call.count(null, { items: ["a", "b"] }), 2);
});

// ---- From the client ---------------------------------------------------------------------------------

const upload = {
  sum: method(z.object({ from: z.int() }), async ({ from }, { items }) => {
    let sum = from;
    for await (const n of items) sum += n;
    return sum;
  }, { items: z.int() }),
};

Deno.test("a handler receives the caller's items, validated, from whatever can be iterated", async () => {
  await using ends = await pair(upload);
  const sources: (Iterable<number> | AsyncIterable<number>)[] = [
    [1, 2, 3],
    new Set([1, 2, 3]),
    ReadableStream.from([1, 2, 3]),
    (async function* () {
      yield 1;
      await turn();
      yield* [2, 3];
    })(),
  ];
  for (const items of sources) assertEquals(await ends.line.call.sum({ from: 10 }, { items }), 16);
  assertEquals(await ends.line.call.sum({ from: 10 }, { items: [] }), 10);
  const many = Array.from({ length: 1000 }, () => 1);
  assertEquals(await ends.line.call.sum({ from: 0 }, { items: many }), 1000);
});

Deno.test("a handler sees what the items' schema made of them", async () => {
  const api = {
    join: method(async (_, { items }) => {
      const seen = [];
      for await (const date of items) seen.push(date.getUTCFullYear());
      return seen.join();
    }, { items: z.string().transform((text) => new Date(text)) }),
  };
  await using ends = await pair(api);
  const items = ["1999-01-01T00:00:00Z", "2024-01-01T00:00:00Z"];
  assertEquals(await ends.line.call.join(undefined, { items }), "1999,2024");
});

Deno.test("an item that the schema refuses fails the call with INVALID_PARAMS, and the source is closed", async () => {
  const events = new Events();
  await using ends = await pair(upload);
  const items = (function* (): Generator<number> {
    try {
      yield 1;
      yield 1.5;
      for (;;) yield 2;
    } finally {
      events.add("closed");
    }
  })();
  const error = await rejection(ends.line.call.sum({ from: 0 }, { items }));
  assertInstanceOf(error, RpcError);
  assertEquals(error.reason, "INVALID_PARAMS");
  await events.has("closed");
});

Deno.test("a handler that stops reading stops the caller's source within its credit", async () => {
  const gate = Promise.withResolvers<void>();
  const asked = new Events<number>(), taken = new Events<number>();
  const api = {
    slow: method(async (_, { items }) => {
      for await (const n of items) {
        taken.add(n);
        if (n === 99) await gate.promise;
      }
    }, { items: z.int() }),
    ping: method(() => true),
  };
  await using ends = await pair(api);
  const call = ends.line.call.slow(undefined, {
    items: (function* () {
      for (let n = 0; n < 1000; n++) {
        asked.add(n);
        yield n;
      }
    })(),
  });
  await taken.count(100);
  for (let n = 0; n < 5; n++) await ends.line.call.ping();
  assertLessOrEqual(asked.all.length, 100 + WINDOW);
  assertEquals(taken.all.length, 100);
  gate.resolve();
  await call;
  assertEquals(taken.all.length, 1000);
});

Deno.test("a source is asked for nothing while the handler does not look at its items", async () => {
  const gate = Promise.withResolvers<void>();
  const api = {
    careless: method(async (_, { items }) => {
      await gate.promise;
      return items === undefined ? "never" : "done";
    }, { items: z.int() }),
    ping: method(() => true),
  };
  await using ends = await pair(api);
  let asked = 0;
  const items = { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: asked++ }) }) };
  const call = ends.line.call.careless(undefined, { items: items as Iterable<number> });
  for (let n = 0; n < 5; n++) await ends.line.call.ping();
  assertEquals(asked, 0);
  gate.resolve();
  assertEquals(await call, "done");
});

Deno.test("the caller's source is closed once when the handler leaves its loop, or fails", async () => {
  const events = new Events();
  const api = {
    first: method(async (_, { items }) => {
      for await (const n of items) return n;
      return -1;
    }, { items: z.int() }),
    fails: method(async (_, { items }) => {
      for await (const _ of items) throw new RpcError("ABORTED", "No more");
    }, { items: z.int() }),
  };
  await using ends = await pair(api);
  const endless = () =>
    (function* () {
      try {
        for (let n = 7;; n++) yield n;
      } finally {
        events.add("closed");
      }
    })();
  assertEquals(await ends.line.call.first(undefined, { items: endless() }), 7);
  await events.count(1);
  const error = await rejection(ends.line.call.fails(undefined, { items: endless() }));
  assertEquals((error as RpcError).reason, "ABORTED");
  await events.count(2);
  await turn();
  assertEquals(events.all.length, 2);
});

Deno.test("a source that fails rejects the call with its failure, and cancels the handler", async () => {
  const events = new Events<unknown>();
  const api = {
    wait: method(async (_, { items, signal }) => {
      try {
        for await (const n of items) events.add(n);
      } catch (error) {
        events.add((error as RpcError).reason);
        events.add(signal.aborted);
      }
    }, { items: z.int() }),
  };
  await using ends = await pair(api);
  const failure = new Error("the disk is full");
  const error = await rejection(ends.line.call.wait(undefined, {
    items: (async function* () {
      yield 1;
      await events.count(1);
      throw failure;
    })(),
  }));
  assertEquals(error, failure);
  await events.count(3);
  assertEquals(events.all, [1, "CANCELLED", true]);
});

Deno.test("a handler that looks at its items once the call is cancelled does not wait for them", async () => {
  const ended = new Events<unknown>(), begun = new Events();
  const api = {
    late: method(async (_, { items, signal }) => {
      begun.add("begun");
      await aborted(signal);
      const error = await rejection(Array.fromAsync(items));
      ended.add((error as RpcError).reason);
    }, { items: z.int() }),
  };
  await using ends = await pair(api);
  const controller = new AbortController();
  const call = ends.line.call.late(undefined, { items: [1], signal: controller.signal });
  await begun.count(1);
  controller.abort();
  await rejection(call);
  await ended.count(1);
  assertEquals(ended.all, ["CANCELLED"]);
});

Deno.test("a method that takes items and is only notified gets none", async () => {
  const ended = new Events<unknown>();
  const api = {
    take: method(async (_, { items }) => ended.add(await Array.fromAsync(items)), {
      items: z.int(),
    }),
  };
  await using site = serveOnTcp(api);
  using peer = await site.peer();
  await peer.send(notice("take", undefined));
  await ended.count(1);
  assertEquals(ended.all, [[]]);
});

Deno.test("a method that takes items and is called by a plain peer without ending them waits for no more than them", async () => {
  await using site = serveOnTcp(upload);
  using peer = await site.peer();
  assertEquals(await peer.ask(request(1, "sum", { from: 5 })), {
    jsonrpc: "2.0",
    method: "$/stream/credit",
    params: { id: 1, n: WINDOW, bytes: WINDOW_BYTES, dir: "up" },
  });
  await peer.send(notice("$/stream/end", { id: 1, dir: "up" }));
  assertEquals(await peer.answer(), { jsonrpc: "2.0", id: 1, result: 5 });
});

// ---- Both ways ---------------------------------------------------------------------------------------

Deno.test("items go both ways in one call", async () => {
  const api = {
    double: stream(async function* (_, { items }) {
      for await (const n of items) yield n * 2;
      return "done";
    }, { items: z.int() }),
  };
  await using ends = await pair(api);
  const seen: number[] = [];
  const reply = Promise.withResolvers<void>();
  const answer = ends.line.call.double(undefined, {
    items: (async function* () {
      yield 1;
      await reply.promise; // the answer to the first comes before the second is sent
      yield 2;
    })(),
  });
  for await (const n of answer) {
    seen.push(n);
    reply.resolve();
  }
  assertEquals(seen, [2, 4]);
});

Deno.test("many items both ways keep their order, and stop when their consumer does", async () => {
  const events = new Events();
  const api = {
    echo: stream(async function* (_, { items }) {
      try {
        for await (const n of items) yield n;
      } finally {
        events.add("handler");
      }
    }, { items: z.int() }),
  };
  await using ends = await pair(api);
  const source = function* (count: number) {
    try {
      for (let n = 0; n < count; n++) yield n;
    } finally {
      events.add("source");
    }
  };
  const all = await Array.fromAsync(ends.line.call.echo(undefined, { items: source(1000) }));
  assertEquals(all, Array.from({ length: 1000 }, (_, n) => n));
  await events.count(2);
  for await (const n of ends.line.call.echo(undefined, { items: source(Infinity) })) {
    if (n === 500) break;
  }
  await events.count(4);
  assertEquals(events.all.toSorted(), ["handler", "handler", "source", "source"]);
});

Deno.test("a server streams from its client, and ids of both directions may coincide", async () => {
  const clientApi = {
    numbers: stream(z.int(), async function* (count) {
      for (let n = 0; n < count; n++) yield -n;
    }),
    total: method(async (_, { items }) => {
      let total = 0;
      for await (const n of items) total += n;
      return total;
    }, { items: z.int() }),
  };
  const { method: define_ } = withContext<{ peer: Peer<typeof clientApi> }>();
  const api = {
    // While it takes the caller's items under the caller's id, it makes calls under ids of its own.
    relay: define_(async (_, { items, peer }) => {
      const down = await Array.fromAsync(peer.call.numbers(200));
      const total = await peer.call.total(undefined, { items: down });
      let sum = 0;
      for await (const n of items) sum += n;
      return [total, sum];
    }, { items: z.int() }),
    both: define_(async (_, { items, peer }) => await peer.call.total(undefined, { items }), {
      items: z.int(),
    }),
  };
  await using ends = await pair(api, { connect: { api: clientApi } });
  const items = Array.from({ length: 200 }, (_, n) => n);
  const sum = 199 * 200 / 2;
  for (let round = 0; round < 3; round++) {
    assertEquals(await ends.line.call.relay(undefined, { items }), [-sum, sum]);
    assertEquals(await ends.line.call.both(undefined, { items }), sum);
  }
});

// ---- On the wire, the server's side --------------------------------------------------------------------

Deno.test("a raw peer gets as many items as it gave credit for, then the result", async () => {
  await using site = serveOnTcp({ countdown });
  using peer = await site.peer();
  const items = async (count: number) => {
    const values: unknown[] = [];
    while (values.length < count) {
      const { method, params } = await peer.answer() as {
        method: string;
        params: { id: number; value?: unknown; values?: unknown[] };
      };
      assertEquals([method, params.id], ["$/stream/item", 7]);
      values.push(...params.values ?? [params.value]);
    }
    return values;
  };
  await peer.send(request(7, "countdown", { value: 5, _meta: { stream: { credit: 2 } } }));
  assertEquals(await items(2), [5, 4]);
  // Nothing comes without credit: what comes next is the answer to something else.
  assertEquals((await peer.ask(request(8, "rpc.ping", [1]))).id, 8);
  await peer.send(notice("$/stream/credit", { id: 7, n: 1 }));
  assertEquals(await items(1), [3]);
  await peer.send(
    notice("$/stream/credit", { id: 7, n: 0 }),
    notice("$/stream/credit", { id: 7, n: -5 }),
    notice("$/stream/credit", { id: 7, n: 1.5 }),
    notice("$/stream/credit", { id: 7, n: "9" }),
    notice("$/stream/credit", { id: 7 }),
    notice("$/stream/credit", { id: 7, n: 100, dir: "up" }),
  );
  assertEquals((await peer.ask(request(9, "rpc.ping", [1]))).id, 9);
  await peer.send(notice("$/stream/credit", { id: 7, n: 10 }));
  assertEquals(await items(3), [2, 1, 0]);
  assertEquals(await peer.answer(), { jsonrpc: "2.0", id: 7, result: "lift-off" });
});

Deno.test("a raw peer that opens a stream with nonsense for credit gets INVALID_PARAMS", async () => {
  await using site = serveOnTcp({ countdown });
  using peer = await site.peer();
  for (const stream of [{}, null, { credit: -1 }, { credit: 1.5 }, { credit: "1" }, [], 7]) {
    const { error } = await peer.ask(
      request(1, "countdown", { value: 5, _meta: { stream } }),
    );
    assertEquals(error?.code, -32602, Deno.inspect(stream));
  }
});

Deno.test("a raw peer leaves a stream by cancelling it, and gets one answer", async () => {
  const left = new Events();
  const api = {
    endless: stream(async function* () {
      try {
        for (;;) yield 0;
      } finally {
        left.add("left");
      }
    }),
  };
  await using site = serveOnTcp(api);
  using peer = await site.peer();
  await peer.send(request(1, "endless", { _meta: { stream: { credit: 3 } } }));
  assertEquals((await peer.answer()).params, { id: 1, values: [0, 0, 0] });
  await peer.send(notice("$/cancelRequest", { id: 1 }), notice("$/stream/credit", { id: 1, n: 9 }));
  const answer = await peer.answer();
  assertEquals([answer.id, answer.error?.code], [1, -32800]);
  await left.count(1);
  assertEquals((await peer.ask(request(2, "rpc.ping", [1]))).id, 2);
});

Deno.test("a raw peer that asks for no stream gets an array, or partial results where it asked", async () => {
  await using site = serveOnTcp({ countdown, list: stream(() => ["a", "b"]) });
  using peer = await site.peer();
  assertEquals((await peer.ask(request(1, "countdown", [2]))).result, [2, 1, 0]);
  await peer.send(request(2, "list", { partialResultToken: "t" }));
  assertEquals(await peer.answers(3), [
    { jsonrpc: "2.0", method: "$/progress", params: { token: "t", value: "a" } },
    { jsonrpc: "2.0", method: "$/progress", params: { token: "t", value: "b" } },
    { jsonrpc: "2.0", id: 2, result: null },
  ]);
});

Deno.test("items over the credit fail their call, and only that", async () => {
  const gate = Promise.withResolvers<void>();
  const api = {
    // It is about to take items, and has not begun to.
    hesitant: method(async (_, { items }) => {
      const iterator = items[Symbol.asyncIterator]();
      await gate.promise;
      let count = 0;
      while (!(await iterator.next()).done) count++;
      return count;
    }, { items: z.int() }),
  };
  await using site = serveOnTcp(api);
  using peer = await site.peer();
  const items = (id: number, count: number) =>
    notice("$/stream/item", { id, values: new Array(count).fill(1), dir: "up" });
  for (const id of [1, 2, 3]) {
    await peer.send(request(id, "hesitant"));
    assertEquals<unknown>(
      await peer.answer(),
      notice("$/stream/credit", { id, n: WINDOW, bytes: WINDOW_BYTES, dir: "up" }),
    );
  }
  await peer.send(items(1, WINDOW + 1), items(2, WINDOW), items(2, 1), items(3, WINDOW));
  for (const { id, error } of await peer.answers(2)) {
    assertEquals([id, error?.code], [id, -32008]);
  }
  await peer.send(notice("$/stream/end", { id: 3, dir: "up" }), request(4, "rpc.ping"));
  assertEquals((await peer.answer()).id, 4, "so that the end has come");
  gate.resolve();
  assertEquals(await peer.answer(), { jsonrpc: "2.0", id: 3, result: WINDOW });
});

Deno.test("items before any credit fail the call", async () => {
  const gate = Promise.withResolvers<void>();
  await using site = serveOnTcp({
    careless: method(() => gate.promise, { items: z.int() }),
  });
  using peer = await site.peer();
  await peer.send(
    request(1, "careless"),
    notice("$/stream/item", { id: 1, value: 1, dir: "up" }),
  );
  const { id, error } = await peer.answer();
  assertEquals([id, error?.code], [1, -32008]);
  gate.resolve();
});

Deno.test("stream messages about ids that do not run are ignored, and those of no known shape", async () => {
  await using site = serveOnTcp({ countdown, ...upload });
  using peer = await site.peer();
  for (const id of [99, "1", null, undefined, {}, [1], 1.5]) {
    for (const dir of [undefined, "up", "down", 7]) {
      await peer.send(
        notice("$/stream/item", { id, value: 1, dir }),
        notice("$/stream/item", { id, values: 7, dir }),
        notice("$/stream/item", { id, dir }),
        notice("$/stream/credit", { id, n: 1, dir }),
        notice("$/stream/end", { id, dir }),
        notice("$/stream/else", { id, dir }),
      );
    }
  }
  for (const method of ["item", "credit", "end"]) {
    await peer.send({ jsonrpc: "2.0", method: `$/stream/${method}` });
    await peer.send({ jsonrpc: "2.0", method: `$/stream/${method}`, params: [1, 2] });
  }
  assertEquals((await peer.ask(request(1, "rpc.ping", [1]))).result, [1]);
  assertEquals(site.errors, []);
});

// ---- On the wire, the client's side --------------------------------------------------------------------

/** A client whose server is the test. */
async function clientOf(extensions: readonly string[] | undefined) {
  const [here, there] = pipe();
  const errors: unknown[] = [];
  const line = await connectOver<{ countdown: typeof countdown } & typeof upload>(here, {
    onError: (error) => void errors.push(error),
  });
  const server = new RawPeer(there, "json");
  /** Answers rpc.serverInfo. */
  const introduce = async () => {
    const { id, method } = await server.answer();
    assertEquals(method, "rpc.serverInfo");
    await server.send(
      extensions === undefined
        ? { jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } }
        : { jsonrpc: "2.0", id, result: { extensions } },
    );
  };
  return { line, server, errors, introduce };
}

Deno.test("a client gives credit as it takes items, and says when it leaves", async () => {
  const { line, server, introduce } = await clientOf(["meta", "stream"]);
  const items = line.call.countdown(5)[Symbol.asyncIterator]();
  const first = items.next();
  await introduce();
  assertEquals(await server.answer(), {
    jsonrpc: "2.0",
    id: 2,
    method: "countdown",
    params: { value: 5, _meta: { stream: { credit: WINDOW, bytes: WINDOW_BYTES } } },
  });
  await server.send(notice("$/stream/item", { id: 2, value: "a" }));
  assertEquals<unknown>(await first, { done: false, value: "a" });
  await server.send(
    notice("$/stream/item", { id: 2, values: Array.from({ length: 31 }, () => "b") }),
  );
  for (let n = 0; n < 31; n++) await items.next();
  assertEquals(await server.answer(), {
    jsonrpc: "2.0",
    method: "$/stream/credit",
    params: { id: 2, n: 32 },
  });
  await items.return!();
  assertEquals(await server.answer(), {
    jsonrpc: "2.0",
    method: "$/cancelRequest",
    params: { id: 2 },
  });
  await server.send(
    notice("$/stream/item", { id: 2, value: "late" }),
    { jsonrpc: "2.0", id: 2, error: { code: -32800, message: "cancelled" } },
  );
  await line.close();
});

Deno.test("a client refuses items over its credit, and cancels", async () => {
  const { line, server, introduce } = await clientOf(["meta", "stream"]);
  const answer = rejection(Array.fromAsync(line.call.countdown(5)));
  await introduce();
  await server.answer();
  await server.send(
    notice("$/stream/item", { id: 2, values: new Array(WINDOW + 1).fill(0) }),
  );
  assertEquals((await answer as RpcError).reason, "RESOURCE_EXHAUSTED");
  assertEquals((await server.answer()).method, "$/cancelRequest");
  await line.close();
});

Deno.test("a client takes an array, or one result, from a server that knows no streams", async () => {
  for (const extensions of [undefined, [], ["meta"]]) {
    const { line, server, introduce } = await clientOf(extensions);
    const answer = Array.fromAsync(line.call.countdown(2));
    await introduce();
    const { id, params } = await server.answer();
    assertEquals(params, [2], "plain JSON-RPC");
    await server.send({ jsonrpc: "2.0", id, result: [2, 1, 0] });
    assertEquals(await answer, [2, 1, 0]);

    const items = line.call.countdown(2)[Symbol.asyncIterator]();
    const next = items.next();
    const second = await server.answer();
    await server.send({ jsonrpc: "2.0", id: second.id, result: "only" });
    assertEquals(await next, { done: true, value: "only" });
    await line.close();
  }
});

Deno.test("a client sends no item to a server that gives no credit", async () => {
  const { line, server, introduce } = await clientOf(["stream", "meta"]);
  let asked = 0;
  const answer = line.call.sum({ from: 1 }, {
    items: (function* () {
      asked++;
      yield 1;
    })(),
  });
  await introduce();
  const { id } = await server.answer();
  await server.send({ jsonrpc: "2.0", id, result: 1 });
  assertEquals(await answer, 1);
  assertEquals(asked, 0);
  await line.close();
});

Deno.test("a stream waits for rpc.serverInfo no longer than its deadline, its signal, or its reader", async () => {
  const { line, server } = await clientOf([]);
  const late = rejection(Array.fromAsync(line.call.countdown(1, { timeout: 20 })));
  assertEquals((await late as RpcError).reason, "DEADLINE_EXCEEDED");
  const controller = new AbortController(), why = new Error("enough");
  const aborted = rejection(Array.fromAsync(line.call.countdown(1, { signal: controller.signal })));
  await turn();
  controller.abort(why);
  assertEquals(await aborted, why);
  const items = line.call.countdown(1)[Symbol.asyncIterator]();
  const next = items.next();
  await turn();
  await items.return!();
  assertEquals<unknown>(await within(next, "the reader to be told"), {
    done: true,
    value: undefined,
  });
  // Nothing but the question was sent, and none of the three is begun once it is answered.
  const { id, method } = await server.answer();
  assertEquals(method, "rpc.serverInfo");
  await server.send({ jsonrpc: "2.0", id, result: { extensions: ["stream", "meta"] } });
  const call = line.request("last");
  const last = await server.answer();
  assertEquals(last.method, "last");
  await server.send({ jsonrpc: "2.0", id: last.id, result: 1 });
  assertEquals(await call, 1);
  await line.close();
});

Deno.test("a stream that a busy server could not say it knows fails, and the next one asks again", async () => {
  const { line, server, introduce } = await clientOf(["meta", "stream"]);
  const refused = rejection(Array.fromAsync(line.call.countdown(1)));
  const { id: question } = await server.answer();
  const error = { code: -32014, message: "busy", data: { name: "UNAVAILABLE" } };
  await server.send({ jsonrpc: "2.0", id: question, error });
  assertEquals((await refused as RpcError).reason, "UNAVAILABLE");

  const items = Array.fromAsync(line.call.countdown(1));
  await introduce();
  const { id, params } = await server.answer();
  assertEquals(params, { value: 1, _meta: { stream: { credit: WINDOW, bytes: WINDOW_BYTES } } });
  await server.send(notice("$/stream/item", { id, values: [1, 0] }), {
    jsonrpc: "2.0",
    id,
    result: null,
  });
  assertEquals(await items, [1, 0]);
  await line.close();
});

Deno.test("streams end with the line while they wait for rpc.serverInfo", async () => {
  const { line } = await clientOf([]);
  const answer = rejection(Array.fromAsync(line.call.countdown(1)));
  await turn();
  await line.close();
  const error = await answer;
  assertInstanceOf(error, ConnectionLostError);
  assertEquals(error.sent, false);
});

Deno.test("until() the last of a thousand streams has ended nothing is left at the server", async () => {
  const open = new Set<number>();
  let last = 0;
  const api = {
    endless: stream(async function* () {
      const id = last++;
      open.add(id);
      try {
        for (;;) yield id;
      } finally {
        open.delete(id);
      }
    }),
  };
  await using server = serve(api, { listen: "memory:", limits: { maxInFlight: 1000 } });
  await using line = await connect<typeof api>(server.addresses[0]!);
  await Promise.all(Array.from({ length: 1000 }, async () => {
    for await (const _ of line.call.endless()) break;
  }));
  await until(() => last === 1000 && open.size === 0, "all generators to have ended");
});
