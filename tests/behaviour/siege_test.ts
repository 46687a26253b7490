// What a peer can make a server keep or do, and what that costs others: healthy callers at the limits lose
// nothing, and hostile ones take no more than their share.

import { assert, assertEquals, assertInstanceOf, assertLess } from "@std/assert";
import * as z from "npm:zod@4";
import {
  type Api,
  bearerTokens,
  connect,
  method,
  RpcError,
  serve,
  type ServeOptions,
  stream,
} from "../../lib/mod.ts";
import type { ListeningServer } from "../../lib/server/listening_server.ts";
import { turn, until, within } from "../support/deadline.ts";
import { aborted, Events, rejection } from "../support/events.ts";
import { RawPeer } from "../support/raw.ts";

const request = (id: number, method: string, params?: unknown) => ({
  jsonrpc: "2.0",
  id,
  method,
  ...params !== undefined && { params },
});

const notice = (method: string, params: unknown) => ({ jsonrpc: "2.0", method, params });

/** A server on TCP, its ledger, and peers of it. */
function site(api: Api, options: ServeOptions = {}) {
  const server = serve(api, { listen: "tcp://127.0.0.1:0", ...options });
  const address = server.addresses[0]!;
  return {
    address,
    server,
    ledger: (server as ListeningServer).ledger,
    peer: () => RawPeer.dial(address),
    [Symbol.asyncDispose]: () => server.shutdown(0),
  };
}

/** Waits until its signal aborts, or for ever. */
const hang = method(z.unknown(), async (_, { signal }) => void await aborted(signal));

/** Takes one item, and leaves the others. */
const take = method(async (_, { items, signal }) => {
  for await (const _ of items) await aborted(signal);
}, { items: z.unknown() });

// ---- A full connection is read on ------------------------------------------------------------

Deno.test("64 calls that run hold up neither a ping nor a cancellation, and more wait", async () => {
  const begun = new Events<number>(), stopped = new Events<number>();
  await using it = site({
    wait: method(z.object({ n: z.int() }), async ({ n }, { signal }) => {
      begun.add(n);
      await aborted(signal);
      stopped.add(n);
    }),
  });
  using peer = await it.peer();
  await peer.send(...Array.from({ length: 70 }, (_, n) => request(n, "wait", { n })));
  await begun.count(64);
  assertEquals((await peer.ask(request(100, "rpc.ping", ["here"]))).result, ["here"]);
  // One that waits can be cancelled, and then does not begin.
  await peer.send(notice("$/cancelRequest", { id: 64 }));
  const waited = await peer.answer();
  assertEquals([waited.id, waited.error?.code], [64, -32800]);
  await peer.send(notice("$/cancelRequest", { id: 7 }));
  await stopped.has(7);
  await begun.count(65);
  assertEquals(
    begun.all.slice(64),
    [65],
    "in the order in which they came, without the cancelled one",
  );
});

Deno.test("100 calls beside an open stream all run", async () => {
  await using it = site({
    sleep: method(async () => await turn()),
    ticks: stream(async function* (_, { signal }) {
      await aborted(signal);
      yield 1;
    }),
  });
  await using line = await connect(it.address);
  const ticks = line.request("ticks")[Symbol.asyncIterator](), first = ticks.next();
  const calls = Array.from({ length: 100 }, () => line.request("sleep"));
  await within(Promise.all(calls), "all calls");
  await ticks.return?.();
  await first;
});

Deno.test("what waits past its deadline is answered then, and never begins", async () => {
  const begun = new Events<number>();
  await using it = site({
    wait: method(z.object({ n: z.int() }), async ({ n }, { signal }) => {
      begun.add(n);
      await aborted(signal);
    }),
  }, { limits: { maxInFlight: 2 } });
  using peer = await it.peer();
  const calls = Array.from(
    { length: 52 },
    (_, n) => request(n, "wait", { n, _meta: { timeoutMs: n < 2 ? 100_000 : 20 } }),
  );
  await peer.send(...calls);
  const answers = await peer.answers(50);
  assertEquals(new Set(answers.map(({ error }) => error?.code)), new Set([-32004]));
  assertEquals(begun.all, [0, 1]);
  assertLess(it.ledger.kept, 20_000, "of those nothing is kept");
});

Deno.test("so much may wait as may be kept; then reading stops, and goes on", async () => {
  const gates: (() => void)[] = [];
  await using it = site({
    wait: method(z.string(), () => new Promise<void>((resolve) => gates.push(resolve))),
  }, { limits: { maxInFlight: 1, maxKeptBytes: 100_000 } });
  using peer = await it.peer();
  const text = "x".repeat(30_000);
  const sent = peer.send(...Array.from({ length: 400 }, (_, id) => request(id, "wait", [text])));
  await until(() => it.ledger.kept > 100_000, "as much as may be kept");
  for (let n = 0; n < 20; n++) await turn();
  assertLess(it.ledger.kept, 300_000);
  for (let id = 0; id < 400; id++) {
    await until(() => gates.length > 0, "the next call");
    gates.shift()!();
    assertEquals((await peer.answer()).id, id);
    assertLess(it.ledger.kept, 300_000);
  }
  await sent;
  assertEquals([it.ledger.kept, it.ledger.running], [0, 0]);
});

Deno.test("a peer that left while it was not read holds nothing for long", async () => {
  await using it = site({ hang }, { limits: { maxInFlight: 1, maxKeptBytes: 100_000 } });
  const peer = await it.peer();
  const text = "x".repeat(30_000);
  const sent = peer.send(...Array.from({ length: 400 }, (_, id) => request(id, "hang", [text])));
  await until(() => it.ledger.kept > 100_000, "as much as may be kept");
  peer.close();
  await sent.catch(() => {});
  await until(() => it.ledger.kept === 0 && it.server.connections === 0, "the end of who has left");
});

// ---- Places ----------------------------------------------------------------------------------

Deno.test("who takes all places takes none from a caller that has fewer than its share", async () => {
  await using it = site({ hang, later: method(async () => await turn()) }, {
    limits: { maxRunning: 100 },
  });
  const hogs = await Promise.all([1, 2, 3].map(() => it.peer()));
  for (const hog of hogs) {
    await hog.send(...Array.from({ length: 64 }, (_, id) => request(id, "hang")));
  }
  await until(() => it.ledger.running >= 100, "all places to be taken");
  using other = await it.peer();
  for (let id = 1; id <= 20; id++) {
    assertEquals((await other.ask(request(id, "later"))).error, undefined);
  }
  for (const hog of hogs) hog.close();
});

Deno.test("maxHung: a handler that goes on after its call has ended gives its place back, up to so many", async () => {
  const errors = new Events<string>(), gate = Promise.withResolvers<void>();
  await using it = site({
    stuck: method(() => gate.promise),
    later: method(async () => await turn()),
  }, {
    limits: { maxInFlight: 1, maxHung: 2 },
    onError: (error, about) => errors.add(`${about}: ${(error as Error).message}`),
  });
  using peer = await it.peer();
  for (const id of [1, 2]) {
    const { error } = await peer.ask(request(id, "stuck", { _meta: { timeoutMs: 10 } }));
    assertEquals(error?.code, -32004);
    assertEquals(
      (await peer.ask(request(10 + id, "later"))).result,
      null,
      "there is a place again",
    );
    assertEquals(errors.all.at(-1), "stuck: The handler goes on although its call has ended");
  }
  const health = await peer.ask(request(20, "rpc.health"));
  assertEquals(health.result, { status: "NOT_SERVING", hung: 2 });
  // A third keeps its place.
  assertEquals(
    (await peer.ask(request(3, "stuck", { _meta: { timeoutMs: 10 } }))).error?.code,
    -32004,
  );
  const waits = await peer.ask(request(13, "later", { _meta: { timeoutMs: 1500 } }));
  assertEquals(waits.error?.code, -32004);
  gate.resolve();
  await until(() => it.ledger.running === 0, "all handlers to end");
  assertEquals((await peer.ask(request(21, "rpc.health"))).result, { status: "SERVING" });
});

Deno.test("a network that has all connections gives one up for another network", async () => {
  const networks = ["a", "a", "a", "b", "a", "b", "c"];
  await using it = site({ hang }, {
    limits: { maxConnections: 3 },
    networkOf: (address) =>
      (byAddress.get(address) ?? byAddress.set(address, networks.shift()!).get(address))!,
  });
  const peers = [await it.peer(), await it.peer(), await it.peer()];
  for (const [id, peer] of peers.entries()) await peer.ask(request(id, "rpc.ping"));
  await peers[0]!.send(request(1, "hang")); // it is not silent
  using other = await it.peer();
  assertEquals((await other.ask(request(1, "rpc.ping", [1]))).result, [1]);
  assertEquals((await peers[1]!.answer()).error?.data, {
    name: "UNAVAILABLE",
    limit: "maxConnections",
  });
  using another = await it.peer();
  const { error } = await another.answer();
  assertEquals(
    error?.data,
    { name: "UNAVAILABLE", limit: "maxConnections" },
    "of the network that has the most",
  );
  for (const peer of peers) peer.close();
});

const byAddress = new Map<string, string>();

// ---- Room instead of the axe -----------------------------------------------------------------

for (const [count, size] of [[64, 1 << 20], [16, 7 << 20]] as const) {
  Deno.test(`${count} answers of ${size} bytes are delivered, whole, to one who reads late`, async () => {
    const text = "x".repeat(size), begun = new Events<number>();
    await using it = site({
      large: method(z.object({ n: z.int() }), async ({ n }) => {
        begun.add(n);
        return `${n} ${await text}`;
      }),
    });
    using peer = await it.peer();
    await peer.send(...Array.from({ length: count }, (_, n) => request(n, "large", { n })));
    await begun.count(1); // those behind it may have to wait for room themselves
    for (let n = 0; n < 20; n++) await turn();
    assertLess(it.ledger.kept, 2 * size + (4 << 20), "one answer at a time is written as text");
    const answers = await peer.answers(count);
    for (const { id, result } of answers) {
      assertEquals((result as string).length, size + String(id).length + 1);
      assert((result as string).startsWith(`${id} `));
    }
    assertEquals(new Set(answers.map(({ id }) => id)).size, count);
  });
}

Deno.test("40 streams of large items are delivered, whole and in order", async () => {
  const text = "x".repeat(500_000);
  await using it = site({
    items: stream(z.object({ n: z.int() }), async function* ({ n }) {
      for (let i = 0; i < 4; i++) yield `${n} ${i} ${await text}`;
    }),
  });
  await using line = await connect(it.address);
  await Promise.all(Array.from({ length: 40 }, async (_, n) => {
    let next = 0;
    for await (const item of line.request("items", { n })) {
      assert((item as string).startsWith(`${n} ${next++} x`));
      assertEquals((item as string).length, `${n} 0 `.length + text.length);
    }
    assertEquals(next, 4);
  }));
});

Deno.test("several streams share little room, both ways, and all end", async () => {
  await using it = site({
    items: stream(z.int(), function* (count) {
      for (let n = 0; n < count; n++) yield "x".repeat(n * 131 % 2000);
    }),
    count: method(async (_, { items }) => (await Array.fromAsync(items)).length, {
      items: z.string(),
    }),
  }, { limits: { outboundHighWater: 2000 } });
  await using line = await connect(it.address, { limits: { outboundHighWater: 2000 } });
  const down = Array.from({ length: 10 }, () => Array.fromAsync(line.request("items", [200])));
  const up = Array.from({ length: 10 }, () => {
    const items = (function* () {
      for (let n = 0; n < 200; n++) yield "x".repeat(n * 173 % 2000);
    })();
    return line.request("count", undefined, { items } as object);
  });
  assertEquals(
    (await within(Promise.all(down), "the streams")).map((all) => all.length),
    Array(10).fill(200),
  );
  assertEquals(await within(Promise.all(up), "the uploads"), Array(10).fill(200));
  await until(() => it.ledger.kept === 0, "all to be let go of");
});

Deno.test("no items at all, and items in a batch, are charged for what they are", async () => {
  await using it = site({ take });
  using peer = await it.peer();
  await peer.send(request(1, "take"));
  await peer.answer();
  await peer.send(notice("$/stream/item", { id: 1, values: [], dir: "up" }));
  const value = new Array(100_000).fill([]);
  await peer.send([notice("$/stream/item", { id: 1, value, dir: "up" })]);
  await until(() => it.ledger.kept > 6 << 20, "the item to be charged");
  await peer.send(notice("$/cancelRequest", { id: 1 }));
  await until(() => it.ledger.kept === 0, "all to be let go of");
});

// ---- The clock -------------------------------------------------------------------------------

Deno.test("an endless stream that is read fast does not keep others from being answered", async () => {
  await using it = site({
    endless: stream(function* () {
      for (let n = 0;; n++) yield n;
    }),
    add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  });
  using greedy = await it.peer(), other = await it.peer();
  const credit = Number.MAX_SAFE_INTEGER;
  await greedy.send(request(1, "endless", { _meta: { stream: { credit } } }));
  const reading = (async () => {
    for (let n = 0; n < 2000; n++) await greedy.text();
  })();
  for (let id = 1; id <= 50; id++) {
    const answer = other.ask(request(id, "add", { a: id, b: 1 }));
    assertEquals((await within(answer, "an answer beside the stream")).result, id + 1);
  }
  await reading;
});

// ---- The weight of a message --------------------------------------------------------------

Deno.test("a message that would take eight times maxMessageBytes of memory is refused by its id", async () => {
  await using it = site({ echo: method(z.unknown(), (value) => value) });
  using peer = await it.peer();
  const dense = (id: string, before = true) => {
    const params = `"params":[[${Array(200_000).fill("{}").join()}]]`;
    return before
      ? `{"jsonrpc":"2.0","id":${id},"method":"echo",${params}}`
      : `{"jsonrpc":"2.0","method":"echo",${params},"id":${id}}`;
  };
  const cases = [["1", true], ["1.0", true], ['"a"', true], ["-7", false], ['"b"', false]] as const;
  for (const [id, before] of cases) {
    await peer.send(dense(id, before));
    const text = await peer.text();
    assert(text.includes(`"id":${id}`) && text.includes('"limit":"maxMessageBytes"'), text);
  }
  // What people send is let in, up to maxMessageBytes of text.
  const rows = Array.from({ length: 20_000 }, (_, id) => ({ id, name: `n${id}`, price: id / 4 }));
  const { result } = await peer.ask(request(2, "echo", [rows]));
  assertEquals(JSON.stringify(result), JSON.stringify([rows]));
});

// ---- The ledger ------------------------------------------------------------------------------

Deno.test("streams that are opened with much beside them and left without credit are bounded", async () => {
  await using it = site({ hang });
  using peer = await it.peer(), other = await it.peer();
  const hoards = [
    (id: number) =>
      request(id, "rpc.health.watch", {
        service: "s".repeat(900_000),
        _meta: { stream: { credit: 0 } },
      }),
    (id: number) =>
      request(id, "rpc.health.watch", {
        _meta: { stream: { credit: 0 }, j: new Array(100_000).fill({}) },
      }),
    (id: number) => request(id, "hang", { x: new Array(100_000).fill({}) }),
  ];
  let refused = 0;
  for (let id = 0; id < 60; id++) {
    await peer.send(hoards[id % 3]!(id));
    if (id % 10 !== 9) continue;
    assertEquals((await other.ask(request(id, "rpc.ping", [id]))).result, [id]);
    assertLess(it.ledger.kept, 64 << 20);
  }
  await until(() => it.ledger.kept > 16 << 20, "as much as may be kept");
  const answered = (async () => {
    for (;;) if (JSON.stringify(await peer.answer()).includes("maxKeptBytes")) refused++;
  })();
  await until(() => refused > 0, "a refusal");
  peer.close();
  await answered.catch(() => {});
  await until(() => it.ledger.kept === 0, "all to be let go of");
});

Deno.test("items that a handler does not take are bounded in bytes, and end their call", async () => {
  await using it = site({ take });
  using peer = await it.peer();
  await peer.send(request(1, "take"));
  assertEquals((await peer.answer() as { method?: string }).method, "$/stream/credit");
  const value = new Array(100_000).fill({});
  for (let n = 0; n < 12; n++) {
    await peer.send(notice("$/stream/item", { id: 1, value, dir: "up" }));
  }
  // It may have been told first that its first item was taken.
  let answer = await peer.answer();
  if (answer.id === undefined) answer = await peer.answer();
  assertEquals([answer.id, answer.error?.code], [1, -32008]);
  await until(() => it.ledger.kept === 0, "all to be let go of");
});

Deno.test("40 uploads at once of items of 500 kB arrive whole, however late their handlers take them", async () => {
  const size = 500_000, count = 4;
  const gate = Promise.withResolvers<void>(), begun = new Events<number>();
  const api = {
    sum: method(z.null(), async (_, { items }) => {
      let sum = 0;
      for await (const item of items) {
        if (sum === 0) {
          begun.add(1);
          await gate.promise;
        }
        sum += item.length;
      }
      return sum;
    }, { items: z.string() }),
  };
  await using it = site(api);
  await using line = await connect<typeof api>(it.address, { reconnect: false });
  const item = "x".repeat(size);
  const sums = Array.from(
    { length: 40 },
    () => line.call.sum(null, { items: new Array(count).fill(item) }),
  );
  const all = Promise.all(sums);
  all.catch(() => {}); // told below
  await begun.count(40);
  // What was granted before much was kept has come by the time this is answered.
  await line.request("rpc.ping");
  assertLess(it.ledger.kept, 32 << 20);
  gate.resolve();
  assertEquals(await all, sums.map(() => count * size));
  await until(() => it.ledger.kept === 0, "all to be let go of");
});

Deno.test("our client outlives a server that sends more than it can keep, and its call says why", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using conn = await listener.accept();
    const writer = async (message: unknown) => {
      const bytes = new TextEncoder().encode(JSON.stringify(message) + "\n");
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    };
    const about = { extensions: ["meta", "stream"] };
    await conn.read(new Uint8Array(1 << 16));
    await writer({ jsonrpc: "2.0", id: 1, result: about });
    await conn.read(new Uint8Array(1 << 16));
    const value = new Array(300_000).fill({});
    try {
      for (let n = 0; n < 64; n++) await writer(notice("$/stream/item", { id: 2, value }));
    } catch {
      // It has hung up.
    }
  })();
  await using line = await connect(`tcp://127.0.0.1:${listener.addr.port}`, { reconnect: false });
  const items = line.request("flood")[Symbol.asyncIterator]();
  await items.next();
  const error = await rejection((async () => {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 5)); // slower than they come
      if ((await items.next()).done) return;
    }
  })());
  assertInstanceOf(error, RpcError);
  assertEquals(error.reason, "RESOURCE_EXHAUSTED");
  await line.close();
  listener.close();
  await serving;
});

// ---- Identity --------------------------------------------------------------------------------

Deno.test("whoever asks behind rpc.authenticate is told who it is, however the two are cut", async () => {
  await using it = site({ whoami: method((_, { peer }) => peer.identity) }, {
    authenticate: bearerTokens({ secret: "alice" }),
  });
  const text = [
    request(1, "rpc.authenticate", { scheme: "bearer", token: "secret" }),
    request(2, "whoami"),
  ].map((message) => JSON.stringify(message) + "\n").join("");
  for (let cut = 0; cut < text.length; cut += 3) {
    using peer = await it.peer();
    await peer.write(text.slice(0, cut));
    await turn();
    await peer.write(text.slice(cut));
    const [first, second] = await peer.answers(2);
    assertEquals([first!.result, second!.result], [null, "alice"], `cut at ${cut}`);
  }
});

Deno.test("a call keeps the identity with which it began, and one behind another identity waits for it", async () => {
  const gate = Promise.withResolvers<void>(), begun = new Events();
  await using it = site({
    slow: method(async (_, { peer }) => {
      begun.add("slow");
      await gate.promise;
      return peer.identity;
    }),
    whoami: method((_, { peer }) => peer.identity),
  }, { authenticate: bearerTokens({ one: "alice", two: "bob" }) });
  using peer = await it.peer();
  const enter = (id: number, token: string) =>
    request(id, "rpc.authenticate", { scheme: "bearer", token });
  await peer.ask(enter(1, "one"));
  await peer.send(request(2, "slow"));
  await begun.count(1);
  await peer.send(enter(3, "two"), request(4, "whoami"));
  assertEquals((await peer.answers(2)).map(({ id, result }) => [id, result]), [[3, null], [
    4,
    "bob",
  ]]);
  gate.resolve();
  assertEquals((await peer.answer()).result, "alice");
});
