// What becomes of streams when a server shuts down: handlers see it, those that their callers can go on
// with elsewhere end at once, and nothing waits for the whole grace that need not.

import { assert, assertEquals, assertGreater, assertInstanceOf } from "@std/assert";
import * as z from "npm:zod@4";
import { connect, event, EventRing, method, RpcError, serve, stream } from "../../lib/mod.ts";
import { within } from "../support/deadline.ts";
import { aborted, Events, rejection } from "../support/events.ts";
import { RawPeer } from "../support/raw.ts";

/** So long that a test which waits for it fails. */
const LONG = { shutdownGrace: 600_000 };

/** Servers of one ring, as several processes have that read one log. */
function newsServers(count: number) {
  const ring = new EventRing<number>({ size: 100 }), readers = new Events();
  const api = {
    news: stream((_, { after, signal }) => {
      const events = ring.events(after, signal);
      readers.add(after ?? "from now on");
      return events;
    }, { result: z.number() }),
    plain: stream(z.number(), async function* (to, { draining }) {
      for (let n = 0; n < to; n++) {
        yield n;
        readers.add("plain");
        if (n === 1) await aborted(draining);
        if (draining.aborted) return "drained";
      }
      return "done";
    }),
    hi: method(() => "hi"),
  };
  const start = (listen = "tcp://127.0.0.1:0") => serve(api, { listen, limits: LONG });
  return { ring, readers, api, start, servers: Array.from({ length: count }, () => start()) };
}

Deno.test("streams of events end at once when their server shuts down, and go on at another", async () => {
  const { ring, readers, api, servers: [first, second] } = newsServers(2);
  const addresses = [...first!.addresses, ...second!.addresses];
  const line = await connect<typeof api>(addresses);
  // Of these some have had an event and some have not; there are more than a budget of retries allows.
  const streams = Array.from({ length: 40 }, () => line.call.news()[Symbol.asyncIterator]());
  const firsts = streams.slice(0, 20).map((items) => items.next());
  const waiting = streams.slice(20).map((items) => items.next());
  await readers.count(20);
  await readers.count(40);
  ring.push(1);
  assertEquals(
    (await Promise.all([...firsts, ...waiting])).map(({ value }) => value),
    Array(40).fill(1),
  );
  const silent = line.call.news()[Symbol.asyncIterator](), late = silent.next();
  await readers.count(41);
  const seconds = streams.map((items) => items.next());

  const ended = first!.shutdown();
  ring.push(2); // nobody hears it there any more
  await within(ended, "the server to end before its grace");
  assertEquals(
    (await within(Promise.all(seconds), "all to go on")).map(({ value }) => value),
    Array(40).fill(2),
  );
  assertEquals((await within(late, "the silent one to go on")).value, 2);
  for (const items of [...streams, silent]) await items.return!();
  await line.close();
  await second!.shutdown(0);
});

Deno.test("a stream of events goes on when its server was started again at the same address", async () => {
  const { ring, readers, api, start, servers: [first] } = newsServers(1);
  const address = first!.addresses[0]!;
  const line = await connect<typeof api>(address);
  const items = line.call.news()[Symbol.asyncIterator]();
  const next = items.next();
  await readers.count(1);
  ring.push(1);
  assertEquals((await next).value, 1);
  const second = items.next();
  await within(first!.shutdown(), "the server to end before its grace");
  ring.push(2);
  const again = start(address);
  assertEquals((await within(second, "the stream to go on")).value, 2);
  ring.end();
  assertEquals((await within(items.next(), "the end of the ring")).done, true);
  await line.close();
  await again.shutdown(0);
});

Deno.test("a stream that nobody can go on with runs to its end, and its handler sees that it should", async () => {
  const { readers, api, servers: [server] } = newsServers(1);
  const line = await connect<typeof api>(server!.addresses[0]!);
  const items = line.call.plain(100)[Symbol.asyncIterator]();
  const seen = [(await items.next()).value, (await items.next()).value];
  const rest = items.next();
  await readers.count(2);
  const ended = server!.shutdown();
  const last = await within(rest, "the end of the stream");
  assertEquals([seen, last], [[0, 1], { done: true, value: "drained" }]);
  await within(ended, "the server to end before its grace");
  await line.close();
});

Deno.test("context.draining has aborted for a handler that looks only then, and tells why", async () => {
  const gate = Promise.withResolvers<void>(), begun = new Events();
  const api = {
    early: method(async (_, { draining }) => {
      begun.add("early");
      await aborted(draining);
      return (draining.reason as RpcError).reason;
    }),
    late: method(async (_, context) => {
      begun.add("late");
      await gate.promise;
      return context.draining.aborted;
    }),
    before: method((_, { draining }) => draining.aborted),
  };
  const server = serve(api, { listen: "tcp://127.0.0.1:0", limits: LONG });
  const line = await connect<typeof api>(server.addresses[0]!);
  assertEquals(await line.call.before(), false);
  const early = line.call.early(), late = line.call.late();
  await begun.count(2);
  const ended = server.shutdown();
  assertEquals(await early, "UNAVAILABLE");
  gate.resolve();
  assertEquals(await late, true);
  await ended;
  await line.close();
});

Deno.test("a raw peer is told after which event to ask elsewhere, once there is one", async () => {
  const gate = Promise.withResolvers<void>(), begun = new Events();
  const api = {
    count: stream(async function* (_, { after, signal }) {
      begun.add(String(after));
      yield 1;
      await gate.promise;
      yield event("b", 2);
      await aborted(signal);
    }),
    hi: method(() => "hi"),
  };
  const server = serve(api, { listen: "tcp://127.0.0.1:0", limits: LONG });
  using peer = await RawPeer.dial(server.addresses[0]!);
  const params = { _meta: { stream: { credit: 10 } } };
  await peer.send({ jsonrpc: "2.0", id: 1, method: "count", params });
  assertEquals((await peer.answer()).params, { id: 1, value: 1 });
  const ended = server.shutdown();
  assertEquals((await peer.answer()).method, "$/goaway");
  gate.resolve();
  assertEquals((await peer.answer()).params, { id: 1, value: 2, eventId: "b" });
  const { id, error } = await peer.answer();
  assertEquals([id, error?.code, error?.data], [1, -32014, {
    name: "UNAVAILABLE",
    details: { after: "b" },
  }]);
  peer.close();
  await within(ended, "the server to end before its grace");
});

Deno.test("a line that does not connect again is told that its stream has ended, and where", async () => {
  const { ring, readers, api, servers: [server] } = newsServers(1);
  const line = await connect<typeof api>(server!.addresses[0]!, { reconnect: false });
  const items = line.call.news()[Symbol.asyncIterator](), next = items.next();
  await readers.count(1);
  const id = ring.push(1);
  await next;
  const failed = rejection(items.next());
  await within(server!.shutdown(), "the server to end before its grace");
  const error = await failed;
  assertInstanceOf(error, RpcError);
  assertEquals([error.reason, error.data], ["UNAVAILABLE", {
    name: "UNAVAILABLE",
    details: { after: id },
  }]);
  await line.close();
});

// ---- The end of a ring -----------------------------------------------------------------------------------

Deno.test("EventRing ends: readers get what they have not had and then the end, whenever they come", async () => {
  const ring = new EventRing<string>({ size: 3 }), { signal } = new AbortController();
  const all = ring.lastId;
  const values = async (after: string | undefined) =>
    (await Array.fromAsync(ring.events(after, signal))).map(({ value }) => value);
  const early = values(undefined);
  const ids = ["a", "b", "c"].map((text) => ring.push(text));
  assertEquals(ring.lastId, ids[2]);
  const fromTheFirst = values(all);
  ring.end();
  ring.end();
  assertEquals([await early, await fromTheFirst], [["a", "b", "c"], ["a", "b", "c"]]);
  assertEquals(await values(ids[1]), ["c"]);
  assertEquals(await values(ring.lastId), [], "it does not hang");
  assertEquals(await values(undefined), []);
  assertEquals(ring.lastId, ids[2]);
  const error = await rejection(Promise.try(() => ring.push("d")));
  assertInstanceOf(error, TypeError);
  assertEquals(error.message, "Cannot push an event: the ring has ended");
});

Deno.test("a follower that comes back after the last event of a ring gets the end", async () => {
  const { ring, api, servers: [server] } = newsServers(1);
  await using _server = server!;
  await using line = await connect<typeof api>(server!.addresses[0]!);
  const id = ring.push(1);
  ring.end();
  const items = line.call.news(undefined, { after: id })[Symbol.asyncIterator]();
  assertEquals(await within(items.next(), "the end"), { done: true, value: null as never });
  assertGreater(id.length, 0);
  assert(items.lastEventId === id);
});
