// Streams that go on where their caller was, and never with a gap that nobody is told of.

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "npm:fast-check@4";
import * as z from "npm:zod@4";
import {
  type CallOptions,
  connect,
  type ConnectOptions,
  event,
  EventRing,
  method,
  RpcError,
  serve,
  type Socket,
  stream,
  StreamEvent,
} from "../../lib/mod.ts";
import { pair } from "../../lib/testing.ts";
import { turn, within } from "../support/deadline.ts";
import { Events, rejection } from "../support/events.ts";
import { connectOver } from "../support/local.ts";
import { pipe } from "../support/memory.ts";
import { RawPeer } from "../support/raw.ts";
import { WIRES } from "../support/wires.ts";

const reasonOf = (error: unknown) => error instanceof RpcError ? error.reason : error;
const left = new Events();

const api = {
  /** Knows every number from 1 on by its own name. */
  count: stream(z.int(), function* (to, { after = "0" }) {
    for (let n = Number(after) + 1; n <= to; n++) yield event(String(n), n);
  }),
  /** Every third item has an id. */
  mixed: stream(function* (_, { after = "0" }) {
    for (let n = Number(after) + 1; n <= 9; n++) yield n % 3 === 0 ? event(String(n), n) : n;
  }),
  plain: stream(async function* () {
    try {
      yield* [1, 2, 3];
    } finally {
      left.add("plain");
    }
  }),
  empty: stream(() => []),
  late: stream(async function* (_, context) {
    yield 1;
    yield context.after;
  }),
  fails: stream(() => {
    throw new RpcError("NOT_FOUND", "No such thing");
  }),
  dates: stream(function* () {
    yield event("a", new Date(0));
    yield event("b", undefined);
    yield event("c", { at: new Date(0), nested: event("x", 7) });
  }),
};

for (const wire of WIRES) {
  Deno.test(`a stream goes on after an event over ${wire.name}, ${wire.framing}`, async () => {
    await using site = await wire.open(api);
    await using line = await site.connect();
    const items = line.call.count(200)[Symbol.asyncIterator]();
    assertEquals(items.lastEventId, undefined);
    for (let n = 1; n <= 70; n++) {
      assertEquals((await items.next()).value, n);
      assertEquals(items.lastEventId, String(n));
    }
    await items.return!();
    await using again = await site.connect();
    const rest = again.call.count(200, { after: items.lastEventId! })[Symbol.asyncIterator]();
    assertEquals(rest.lastEventId, "70");
    const seen = await Array.fromAsync(rest);
    assertEquals(seen, Array.from({ length: 130 }, (_, n) => n + 71));
    assertEquals(rest.lastEventId, "200");
  });
}

Deno.test("lastEventId is that of the last item that was taken, whatever else has come", async () => {
  await using ends = await pair(api);
  const items = ends.line.call.mixed()[Symbol.asyncIterator]();
  const seen: unknown[] = [];
  for await (const item of items) {
    seen.push([item, items.lastEventId]);
    await turn();
  }
  const last = [undefined, undefined, "3", "3", "3", "6", "6", "6", "9"];
  assertEquals(seen, last.map((id, n) => [n + 1, id]));
});

Deno.test("ids are dropped where a stream comes as an array or as partial results", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await using line = await connect<typeof api>(server.addresses[0]!);
  assertEquals(await line.call.count(3), [1, 2, 3]);
  assertEquals<unknown>(await line.call.dates(), [
    "1970-01-01T00:00:00.000Z",
    null,
    { at: "1970-01-01T00:00:00.000Z", nested: 7 },
  ]);
  const dates = line.call.dates()[Symbol.asyncIterator]();
  const first: string = (await dates.next()).value as string;
  assertEquals([first, dates.lastEventId], ["1970-01-01T00:00:00.000Z", "a"]);
  using peer = await RawPeer.dial(server.addresses[0]!);
  const params = { value: 2, _meta: { partialResultToken: "T" } };
  await peer.send({ jsonrpc: "2.0", id: 1, method: "count", params });
  assertEquals(await peer.answers(3), [
    ...[1, 2].map((value) => ({
      jsonrpc: "2.0" as const,
      method: "$/progress",
      params: { token: "T", value },
    })),
    { jsonrpc: "2.0", id: 1, result: null },
  ]);
});

Deno.test("a raw peer sees eventId and eventIds, and goes on with _meta.stream.after", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  using peer = await RawPeer.dial(server.addresses[0]!);
  const ask = (id: number, method: string, stream: object, value?: number) =>
    peer.send({
      jsonrpc: "2.0",
      id,
      method,
      params: { ...value !== undefined && { value }, _meta: { stream } },
    });
  const items = (params: object) => ({ jsonrpc: "2.0", method: "$/stream/item", params });
  const end = (id: number) => ({ jsonrpc: "2.0", id, result: null });

  await ask(1, "count", { credit: 10, after: "3" }, 5);
  assertEquals<unknown>(await peer.answers(2), [
    items({ id: 1, values: [4, 5], eventIds: ["4", "5"] }),
    end(1),
  ]);
  await ask(2, "count", { credit: 10, after: "4" }, 5);
  assertEquals<unknown>(await peer.answers(2), [
    items({ id: 2, value: 5, eventId: "5" }),
    end(2),
  ]);
  await ask(3, "mixed", { credit: 10, after: "4" });
  assertEquals<unknown>(await peer.answers(2), [
    items({ id: 3, values: [5, 6, 7, 8, 9], eventIds: [null, "6", null, null, "9"] }),
    end(3),
  ]);
  for (const after of [7, null, {}]) {
    await ask(4, "count", { credit: 10, after }, 5);
    assertEquals((await peer.answer()).error, {
      code: -32602,
      message: "Invalid params",
      data: {
        issues: [{
          path: ["_meta", "stream", "after"],
          message: "must be the id of an event, a string",
        }],
      },
    });
  }
  await ask(5, "plain", { credit: 10, after: "4" });
  assertEquals((await peer.answer()).error, {
    code: -32015,
    message: "This stream cannot be resumed",
    data: { name: "DATA_LOSS" },
  });
});

Deno.test("a stream whose handler does not look where to go on is DATA_LOSS, and is closed", async () => {
  await using ends = await pair(api);
  const { plain, empty, late, fails } = ends.line.call;
  left.all.length = 0;
  for (const call of [plain, empty, late]) {
    const answer: AsyncIterable<unknown> = call(undefined, { after: "x" });
    const error = await rejection(Array.fromAsync(answer));
    assertEquals(reasonOf(error), "DATA_LOSS");
  }
  await left.count(1);
  assertEquals(
    reasonOf(await rejection(Array.fromAsync(fails(undefined, { after: "x" })))),
    "NOT_FOUND",
  );
  assertEquals(await Array.fromAsync(plain()), [1, 2, 3], "nothing was asked of it");
  assertEquals(await Array.fromAsync(late()), [1, null]);
  const health = ends.line.request("rpc.health.watch", {}, { after: "x" });
  const statuses = (health as unknown as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  assertEquals(reasonOf(await rejection(statuses.next())), "DATA_LOSS");
});

Deno.test("middleware that passes the context on does not count as having looked", async () => {
  await using ends = await pair(api, {
    serve: { use: [(call, next) => next({ user: call.context.method })] },
    connect: { use: [(_, next) => next()] },
  });
  const error = await rejection(Array.fromAsync(ends.line.call.plain(undefined, { after: "x" })));
  assertEquals(reasonOf(error), "DATA_LOSS");
  const items = ends.line.call.count(5, { after: "4" })[Symbol.asyncIterator]();
  assertEquals([(await items.next()).value, items.lastEventId], [5, "5"]);
  assertEquals(await Array.fromAsync(items), []);
});

Deno.test("after is refused where the server resumes no streams, and where the answer is no stream", async () => {
  const asked = { jsonrpc: "2.0", id: 1, method: "rpc.serverInfo" };
  for (
    const answer of [
      { error: { code: -32601, message: "Method not found" } },
      { result: { extensions: ["meta", "stream"] } },
    ]
  ) {
    const [near, far] = pipe();
    const peer = new RawPeer(far, "json");
    await using line = await connectOver<typeof api>(near);
    const call = rejection(Array.fromAsync(line.call.count(5, { after: "3" })));
    assertEquals<unknown>(await peer.answer(), asked);
    await peer.send({ jsonrpc: "2.0", id: 1, ...answer });
    assertEquals(reasonOf(await call), "DATA_LOSS");
    peer.close();
  }
  await using ends = await pair(api);
  const error = await rejection(ends.line.call.count(5, { after: "3" }));
  assertInstanceOf(error, TypeError);
  assertEquals(error.message, "Cannot call count: after is for streams, iterate the answer");
});

Deno.test("a client takes ids as they come, and ignores those that are none", async () => {
  const [near, far] = pipe();
  const peer = new RawPeer(far, "json");
  await using line = await connectOver<typeof api>(near);
  const items = line.call.count(5)[Symbol.asyncIterator]();
  await peer.answer();
  await peer.send({ jsonrpc: "2.0", id: 1, result: { extensions: ["meta", "stream"] } });
  const { id } = await peer.answer();
  const sent: [object, (string | undefined)[]][] = [
    [{ value: 1, eventId: "a" }, ["a"]],
    [{ value: 1, eventIds: ["b"] }, ["b"]],
    [{ values: [1, 2, 3], eventIds: ["c", null, "d"] }, ["c", "c", "d"]],
    [{ values: [1, 2], eventIds: ["e"] }, ["e", "e"]],
    [{ values: [1], eventIds: ["f", "g"] }, ["f"]],
    [{ value: 1, eventId: 7 }, ["f"]],
    [{ values: [1, 2], eventIds: [{}, ""] }, ["f", "f"]],
    [{ value: 1, eventIds: "h" }, ["f"]],
  ];
  for (const [params, ids] of sent) {
    await peer.send({ jsonrpc: "2.0", method: "$/stream/item", params: { id, ...params } });
    for (const expected of ids) {
      await within(items.next(), "an item");
      assertEquals(items.lastEventId, expected);
    }
  }
  await items.return!();
  peer.close();
});

Deno.test("event() refuses an id that is no text", () => {
  for (const id of ["", 7, undefined, null]) {
    assertThrows(() => event(id as string, 1), TypeError, `it is ${JSON.stringify(id)}`);
  }
  const made = event("a", 1);
  assertInstanceOf(made, StreamEvent);
  assertEquals([made.id, made.value, JSON.stringify(made)], ["a", 1, "1"]);
});

// ---- The ring --------------------------------------------------------------------------------------

/** A server of news, and who has come to read them. */
function newsOf<T>(ring: EventRing<T>) {
  const readers = new Events();
  const api = {
    news: stream((_, { after, signal }) => {
      const events = ring.events(after, signal);
      readers.add("reader");
      return events;
    }),
    ping: method(() => true),
  };
  return { api, readers };
}

Deno.test("EventRing gives what comes from now on, and all after an event that it keeps", async () => {
  const ring = new EventRing<string>({ size: 3 });
  ring.push("before");
  const { api, readers } = newsOf(ring);
  await using ends = await pair(api);
  const items = ends.line.call.news()[Symbol.asyncIterator]();
  const first = items.next();
  await readers.count(1);
  const id = ring.push("a");
  assertEquals([await first, items.lastEventId], [{ done: false, value: "a" }, id]);
  await items.return!();
  ring.push("b");
  ring.push("c");
  const again = ends.line.call.news(undefined, { after: id })[Symbol.asyncIterator]();
  assertEquals((await again.next()).value, "b");
  assertEquals((await again.next()).value, "c");
  const next = again.next();
  ring.push("d");
  assertEquals((await next).value, "d");
  await again.return!();
});

Deno.test("EventRing says DATA_LOSS for what it does not keep, or never had", async () => {
  const ring = new EventRing<number>({ size: 3 }), other = new EventRing<number>({ size: 3 });
  const ids = Array.from({ length: 5 }, (_, n) => ring.push(n));
  const { signal } = new AbortController();
  const epoch = ids[0]!.slice(0, -1);
  const lost = [ids[0]!, other.push(0), `${epoch}6`, epoch, `${epoch}-1`, `${epoch}1e0`, "", "x"];
  for (const after of lost) {
    const error = assertThrows(() => ring.events(after, signal), RpcError);
    assertEquals(error.reason, "DATA_LOSS", after);
  }
  for (const [after, rest] of [[ids[1]!, [2, 3, 4]], [ids[4]!, []]] as const) {
    const seen: number[] = [], stop = new AbortController();
    const reading = (async () => {
      for await (const { value } of ring.events(after, stop.signal)) seen.push(value);
    })();
    await turn();
    stop.abort();
    await reading;
    assertEquals(seen, [...rest]);
  }
  await using ends = await pair(newsOf(ring).api);
  const error = await rejection(
    Array.fromAsync(ends.line.call.news(undefined, { after: ids[0]! })),
  );
  assertEquals(reasonOf(error), "DATA_LOSS");
});

Deno.test("EventRing fails a reader that falls behind, and leaves no listener on the signal", async () => {
  const ring = new EventRing<number>({ size: 2 });
  const listeners = new Set<unknown>(), { signal } = new AbortController();
  const { addEventListener, removeEventListener } = signal;
  Object.assign(signal, {
    addEventListener: (type: "abort", listener: () => void) => {
      listeners.add(listener);
      addEventListener.call(signal, type, listener);
    },
    removeEventListener: (type: "abort", listener: () => void) => {
      listeners.delete(listener);
      removeEventListener.call(signal, type, listener);
    },
  });
  const reader = ring.events(undefined, signal);
  for (let n = 0; n < 2; n++) ring.push(n);
  assertEquals((await reader.next()).value?.value, 0);
  ring.push(2);
  assertEquals((await reader.next()).value?.value, 1);
  for (let n = 3; n < 6; n++) ring.push(n);
  assertEquals(reasonOf(await rejection(reader.next())), "DATA_LOSS");
  assertEquals(await reader.next(), { done: true, value: undefined });
  assertEquals(listeners.size, 0);
});

Deno.test("EventRing needs a size", () => {
  for (const size of [0, -1, 1.5, NaN, Infinity, "3" as never]) {
    assertThrows(() => new EventRing({ size }), RangeError, `it is ${size}`);
  }
});

Deno.test("a slow reader over a line sees all events in order, or is told of the gap", async () => {
  const step = fc.record({
    push: fc.integer({ min: 0, max: 90 }),
    read: fc.integer({ min: 0, max: 60 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 20 }),
      fc.array(step, { maxLength: 8 }),
      async (size, steps) => {
        const ring = new EventRing<number>({ size });
        const { api, readers } = newsOf(ring);
        await using ends = await pair(api);
        const items = ends.line.call.news()[Symbol.asyncIterator]();
        let pushed = 0, seen = 0, due = 0;
        const first = items.next();
        await readers.count(1);
        const take = async (next: Promise<IteratorResult<number, unknown>>) => {
          assertEquals((await within(next, "an event")).value, seen);
          seen++;
        };
        try {
          ring.push(pushed++);
          await take(first);
          for (const { push, read } of steps) {
            for (let n = 0; n < push; n++) ring.push(pushed++);
            due = Math.min(read, pushed - seen);
            for (let n = 0; n < due; n++) await take(items.next());
          }
        } catch (error) {
          if (!(error instanceof RpcError)) throw error;
          assertEquals(error.reason, "DATA_LOSS");
          assert(pushed - seen > size, "no gap where the ring has room");
          return;
        }
        await items.return!();
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("events of a server that was started again are told apart", async () => {
  let last: string | undefined;
  const options: ConnectOptions = { framing: "length" };
  for (let run = 0; run < 2; run++) {
    const ring = new EventRing<number>({ size: 10 });
    const { api, readers } = newsOf(ring);
    await using server = serve(api, { listen: "memory:" });
    await using line = await connect<typeof api>(server.addresses[0]!, options);
    if (last !== undefined) {
      const error = await rejection(Array.fromAsync(line.call.news(undefined, { after: last })));
      assertEquals(reasonOf(error), "DATA_LOSS");
    }
    const items = line.call.news()[Symbol.asyncIterator]();
    const next = items.next();
    await readers.count(1);
    ring.push(1);
    await next;
    last = items.lastEventId;
    await items.return!();
  }
});

/** A line that loses its connection when the test says so, and an API that tells when it is asked. */
async function losing() {
  const begun = new Events<string | undefined>(), gone = Promise.withResolvers<void>();
  const api = {
    /** Sends nothing the first time; then all that there is. */
    news: stream(async function* (_, { after }) {
      begun.add(after);
      if (begun.all.length === 1) await gone.promise;
      for (let n = Number(after ?? "0") + 1; n <= 3; n++) yield event(String(n), n);
    }),
    /** Sends all that there is, and ends; but the first time not while it is connected. */
    all: stream(async function* (_, { after = "0" }) {
      begun.add(after);
      for (let n = Number(after) + 1; n <= 3; n++) yield event(String(n), n);
      if (begun.all.length === 1) await gone.promise;
      return "the end";
    }),
  };
  const server = serve(api, { listen: "tcp://127.0.0.1:0" }), sockets: Socket[] = [];
  const line = await connect<typeof api>(server.addresses[0]!, {
    wrapSocket: (socket) => (sockets.push(socket), socket),
  });
  return {
    line,
    begun,
    lose: () => sockets.at(-1)!.close(),
    async [Symbol.asyncDispose]() {
      gone.resolve();
      await line.close();
      await server.shutdown(0);
    },
  };
}

Deno.test("a stream that is lost before its first event fails, unless it may begin again or has a place", async () => {
  const cases: [CallOptions, unknown][] = [
    [{}, "ConnectionLostError, sent"],
    [{ after: "1" }, [2, 3]],
    [{ idempotent: true }, [1, 2, 3]],
  ];
  for (const [options, expected] of cases) {
    await using site = await losing();
    const items = site.line.call.news(undefined, options)[Symbol.asyncIterator]();
    const reading = Array.fromAsync(items)
      .catch(({ name, sent }) => `${name}, ${sent ? "sent" : "not sent"}`);
    await site.begun.count(1);
    site.lose();
    assertEquals(await within<unknown>(reading, "the stream to end"), expected);
  }
});

Deno.test("a stream that is lost after its last event is resumed there, and ends", async () => {
  await using site = await losing();
  const items = site.line.call.all()[Symbol.asyncIterator]();
  for (const n of [1, 2, 3]) assertEquals((await items.next()).value, n);
  const end = items.next();
  site.lose();
  assertEquals(await within(end, "the end"), { done: true, value: "the end" });
  assertEquals(site.begun.all, ["0", "3"]);
});
