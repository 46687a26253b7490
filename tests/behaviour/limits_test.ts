// Every limit, at it and one past it. What runs out of time is seen in connection_test.ts too, where it
// is about what the time is counted from.

import { assert, assertEquals, assertGreaterOrEqual, assertThrows } from "@std/assert";
import * as z from "npm:zod@4";
import { connect, DEFAULT_LIMITS, type Limits, method, serve } from "../../lib/mod.ts";
import { LIMIT_REASONS, LIMITS, resolveLimits } from "../../lib/limits.ts";
import { turn, until, within } from "../support/deadline.ts";
import { PAGE, withTable } from "../support/limits_table.ts";
import { connectOver, serveLocally } from "../support/local.ts";
import { pipe } from "../support/memory.ts";
import { Program } from "../support/program.ts";
import { LIB, run } from "../support/child.ts";
import type { Answer, RawPeer } from "../support/raw.ts";
import { ANYTHING } from "../support/schemas.ts";

const api = {
  echo: method(ANYTHING, (params) => params),
  text: method(z.int(), (size) => "x".repeat(size)),
  lists: method(z.array(z.array(z.number())), (lists) => lists.length),
  items: method(async (_, { items }) => (await Array.fromAsync(items)).length, {
    items: z.array(z.number()),
  }),
};

const request = (id: unknown, method: string, params?: unknown) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});

// ---- The table -------------------------------------------------------------------------------------

const names = Object.keys(LIMITS) as (keyof Limits)[];

Deno.test("DEFAULT_LIMITS are the defaults of the table, each within its bounds", () => {
  assertEquals(Object.keys(DEFAULT_LIMITS), names);
  for (const name of names) {
    const { default: value, min, max } = LIMITS[name];
    const { reason, enforcedIn } = LIMIT_REASONS[name];
    assertEquals(DEFAULT_LIMITS[name], value);
    assert(Number.isSafeInteger(value) && value >= min && value <= max, name);
    assert(reason.length > 0);
    assert(enforcedIn.startsWith("lib/"), name);
  }
});

Deno.test("each limit is read by the file that the table names as enforcing it", () => {
  const root = new URL("../../", import.meta.url);
  const codeOf = (path: string): string => {
    const files = path.endsWith("/")
      ? Array.from(Deno.readDirSync(new URL(path, root)), ({ name }) => path + name)
      : [path];
    return files.map((file) => Deno.readTextFileSync(new URL(file, root))).join("\n")
      .replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, ""); // what a comment says enforces nothing
  };
  const wrong = names.filter((name) =>
    !new RegExp(`\\b${name}\\b`).test(codeOf(LIMIT_REASONS[name].enforcedIn))
  );
  assertEquals(wrong, []);
});

Deno.test("the documentation of each limit tells the default that holds", async () => {
  const source = await Deno.readTextFile(new URL("../../lib/limits.ts", import.meta.url));
  for (const name of names) {
    const found = new RegExp(`@default \\{([0-9]+)\\}[^;]*?readonly ${name}: number`).exec(source);
    assertEquals(Number(found?.[1]), LIMITS[name].default, name);
  }
});

Deno.test("docs/reliability.md has the table of limits", async () => {
  const page = await Deno.readTextFile(PAGE);
  assertEquals(page, withTable(page), "deno run -RW tests/support/limits_table.ts");
});

Deno.test("each limit is named in a test", async () => {
  let tests = "";
  const read = async (folder: URL): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) await read(new URL(`${name}/`, folder));
      else if (name.endsWith("_test.ts")) tests += await Deno.readTextFile(new URL(name, folder));
    }
  };
  await read(new URL("../", import.meta.url));
  assertEquals(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(tests)), []);
});

Deno.test("resolveLimits() takes what is within bounds, and refuses what is not", () => {
  assertEquals(resolveLimits(), DEFAULT_LIMITS);
  assertEquals(resolveLimits({}), DEFAULT_LIMITS);
  for (const name of names) {
    const { min, max, unit } = LIMITS[name];
    for (const value of [min, max]) {
      assertEquals(resolveLimits({ [name]: value }), { ...DEFAULT_LIMITS, [name]: value });
    }
    const wrong: [unknown, string][] = [
      [min - 1, String(min - 1)],
      [max + 1, String(max + 1)],
      [min + 0.5, String(min + 0.5)],
      [NaN, "NaN"],
      [Infinity, "Infinity"],
      [String(min), JSON.stringify(String(min))],
      [null, "null"],
      [BigInt(min), String(min)],
    ];
    for (const [value, shown] of wrong) {
      const message = `Cannot use limits: ${name} must be an integer from ${min} to ${max} ` +
        `(${unit}), it is ${shown}`;
      assertThrows(() => resolveLimits({ [name]: value as number }), RangeError, message);
    }
  }
  const strange = { toString: 1 } as Partial<Limits>;
  assertThrows(() => resolveLimits(strange), RangeError, 'no limit has the name "toString"');
});

Deno.test("limits hold for the server that they were given to, and for no other", async () => {
  await using small = serveLocally(api, { limits: { maxBatch: 1 } });
  await using large = serveLocally(api);
  const batch = JSON.stringify([request(1, "echo"), request(2, "echo")]);
  using one = small.peer();
  using two = large.peer();
  assertEquals((await one.ask(batch)).error?.code, -32008);
  assertEquals((await two.ask(batch) as unknown as unknown[]).length, 2);
});

// ---- Counts and sizes ------------------------------------------------------------------------------

/** Asks a server with one limit set for what lies at it, and for what is one past it. */
async function bounds(
  name: keyof Limits,
  value: number,
  ask: (peer: RawPeer, size: number) => Promise<Answer>,
  framing: RawPeer["framing"] = "json",
): Promise<[at: Answer, past: Answer]> {
  await using local = serveLocally(api, { limits: { [name]: value } });
  using first = local.peer(framing);
  using second = local.peer(framing);
  return [await ask(first, value), await ask(second, value + 1)];
}

Deno.test("maxMessageBytes", async () => {
  const message = (size: number) => {
    const start = '{"jsonrpc":"2.0","id":1,"method":"echo","params":["';
    return `${start}${"x".repeat(size - start.length - 3)}"]}`;
  };
  for (const framing of ["json", "headers", "length"] as const) {
    for (const value of [64, 1000, 100_000]) {
      const ask = (peer: RawPeer, size: number) => peer.ask(message(size));
      const [at, past] = await bounds("maxMessageBytes", value, ask, framing);
      assertEquals(at.error, undefined);
      assertEquals([past.id, past.error?.code], [null, -32008]);
    }
  }
});

Deno.test("maxResponseBytes", async () => {
  const ask = (peer: RawPeer, size: number) => peer.ask(request(1, "text", [size - 2]));
  const [at, past] = await bounds("maxResponseBytes", 1000, ask);
  assertEquals(at.result, "x".repeat(998));
  assertEquals([past.id, past.error?.code], [1, -32008]);
});

Deno.test("maxHeaderBytes", async () => {
  const body = JSON.stringify(request(1, "echo"));
  const ask = async (peer: RawPeer, size: number) => {
    const start = `Content-Length: ${body.length}\r\nX-Fill: `;
    await peer.write(`${start}${"x".repeat(size - start.length - 4)}\r\n\r\n${body}`);
    return await peer.answer();
  };
  const [at, past] = await bounds("maxHeaderBytes", 200, ask, "headers");
  assertEquals(at.id, 1);
  assertEquals([past.id, past.error?.code], [null, -32700]);
});

Deno.test("maxHeaderLines", async () => {
  const body = JSON.stringify(request(1, "echo"));
  const ask = async (peer: RawPeer, size: number) => {
    await peer.write(`Content-Length: ${body.length}\r\n${"X: y\r\n".repeat(size - 1)}\r\n${body}`);
    return await peer.answer();
  };
  const [at, past] = await bounds("maxHeaderLines", 3, ask, "headers");
  assertEquals(at.id, 1);
  assertEquals([past.id, past.error?.code], [null, -32700]);
});

Deno.test("maxDepth", async () => {
  const ask = (peer: RawPeer, size: number) => {
    const params = "[".repeat(size - 1) + "]".repeat(size - 1);
    return peer.ask(`{"jsonrpc":"2.0","id":1,"method":"echo","params":${params}}`);
  };
  const [at, past] = await bounds("maxDepth", 10, ask);
  assertEquals(at.error, undefined);
  assertEquals([past.id, past.error?.code], [null, -32700]);
});

Deno.test("maxValues", async () => {
  const ask = (peer: RawPeer, size: number) => {
    const inner = Array(size - 1).fill(0);
    return peer.ask(request(1, "lists", [inner]));
  };
  const [at, past] = await bounds("maxValues", 10, ask);
  assertEquals(at.result, 1);
  assertEquals([past.id, past.error?.code, past.error?.data], [1, -32008, {
    name: "RESOURCE_EXHAUSTED",
    limit: "maxValues",
  }]);
  // The same in a batch, whose items are not measured by the text.
  const inBatch = async (peer: RawPeer, size: number) => {
    await peer.send(JSON.stringify([request(1, "lists", [Array(size - 1).fill(0)])]));
    return JSON.parse(await peer.text())[0] as Answer;
  };
  const [one, more] = await bounds("maxValues", 10, inBatch);
  assertEquals([one.result, more.error?.code], [1, -32008]);
  // A schema that takes anything collects no complaints.
  const [, any] = await bounds(
    "maxValues",
    10,
    (peer, size) => peer.ask(request(1, "echo", Array(size).fill(0))),
  );
  assertEquals((any.result as unknown[]).length, 11);
});

Deno.test("maxValues holds for each item of a caller", async () => {
  await using local = serveLocally(api, { limits: { maxValues: 10 } });
  const [here, there] = pipe();
  local.accept(there);
  await using line = await connectOver<typeof api>(here);
  const items = (size: number) => [Array(size).fill(0), [1]];
  assertEquals(await line.call.items(undefined, { items: items(10) }), 2);
  const error = await line.call.items(undefined, { items: items(11) }).catch((error) => error);
  assertEquals([error.reason, error.data.limit], ["RESOURCE_EXHAUSTED", "maxValues"]);
});

Deno.test("maxBatch", async () => {
  const ask = (peer: RawPeer, size: number) =>
    peer.ask(JSON.stringify(Array.from({ length: size }, (_, id) => request(id, "echo"))));
  const [at, past] = await bounds("maxBatch", 7, ask);
  assertEquals((at as unknown as Answer[]).length, 7);
  assertEquals([past.id, past.error?.code], [null, -32008]);
});

Deno.test("maxMethodBytes", async () => {
  const ask = (peer: RawPeer, size: number) => peer.ask(request(1, "m".repeat(size)));
  const [at, past] = await bounds("maxMethodBytes", 30, ask);
  assertEquals(at.error, { code: -32601, message: "Method not found" });
  assertEquals([past.id, past.error?.code], [1, -32601]);
  assert(past.error?.data !== undefined, "the second is told why");
});

Deno.test("maxIdBytes", async () => {
  const ask = (peer: RawPeer, size: number) => peer.ask(request("i".repeat(size), "echo"));
  const [at, past] = await bounds("maxIdBytes", 30, ask);
  assertEquals(at.id, "i".repeat(30));
  assertEquals([past.id, past.error?.code], [null, -32600]);
});

Deno.test("maxConnections", async () => {
  await using local = serveLocally(api, { limits: { maxConnections: 3 } });
  const peers = Array.from({ length: 3 }, () => local.peer());
  for (const peer of peers) assertEquals((await peer.ask(request(1, "echo"))).id, 1);
  using past = local.peer();
  assertEquals((await past.messages())[0]?.error?.code, -32014);
  for (const peer of peers) assertEquals((await peer.ask(request(2, "echo"))).id, 2);
  for (const peer of peers) peer.close();
});

Deno.test("maxConnectionsPerAddress", async () => {
  await using local = serveLocally(api, { limits: { maxConnectionsPerAddress: 2 } });
  // The same caller: an IPv4 address may come as IPv6, and everyone has 64 bits of IPv6 to choose from.
  for (
    const [first, second, third, other] of [
      ["203.0.113.5", "203.0.113.5", "::ffff:203.0.113.5", "203.0.113.6"],
      ["2001:db8:0:7::1", "2001:db8::7:1:2:3:4", "2001:0db8:0000:0007:ffff::", "2001:db8:0:8::1"],
    ] as const
  ) {
    const peers = [first, second].map((hostname) => local.peer("json", { hostname }));
    for (const peer of peers) assertEquals((await peer.ask(request(1, "echo"))).id, 1);
    using past = local.peer("json", { hostname: third });
    assertEquals((await past.messages())[0]?.error, {
      code: -32008,
      message: "Too many connections from one address",
      data: { name: "RESOURCE_EXHAUSTED", limit: "maxConnectionsPerAddress" },
    });
    using stranger = local.peer("json", { hostname: other });
    assertEquals((await stranger.ask(request(1, "echo"))).id, 1);
    const { connections } = local.server;
    peers[0]!.close();
    await until(() => local.server.connections < connections, "a place");
    using next = local.peer("json", { hostname: first });
    assertEquals((await next.ask(request(1, "echo"))).id, 1);
    peers[1]!.close();
  }
  // This machine's own are not counted.
  const own = Array.from({ length: 5 }, () => local.peer("json", { hostname: "::1" }));
  for (const peer of own) assertEquals((await peer.ask(request(1, "echo"))).id, 1);
  for (const peer of own) peer.close();
});

Deno.test("maxRunning", async () => {
  const gate = Promise.withResolvers<void>();
  let running = 0;
  await using local = serveLocally({
    wait: method(async () => {
      running++;
      await gate.promise;
    }),
    now: method(() => "now"),
  }, { limits: { maxRunning: 3 } });
  using one = local.peer();
  using two = local.peer();
  assertEquals((await one.ask(request(0, "now"))).result, "now");
  await one.send(request(1, "wait"), request(2, "wait"));
  await two.send(request(3, "wait"));
  await until(() => running === 3, "three to run");
  await two.send(request(4, "wait"));
  await until(() => running === 4, "one more of who has less than its share");
  for (const peer of [one, two]) {
    assertEquals((await peer.ask(request(5, "wait"))).error, {
      code: -32014,
      message: "Too many calls are running",
      data: { name: "UNAVAILABLE", limit: "maxRunning" },
    });
    assertEquals((await peer.ask(request(6, "rpc.health"))).result, { status: "SERVING" });
    assertEquals((await peer.ask(request(7, "now"))).result, "now", "it needs no place");
  }
  gate.resolve();
  assertEquals((await one.answers(2)).map(({ id }) => id), [1, 2]);
  assertEquals((await two.answers(2)).map(({ id }) => id), [3, 4]);
  assertEquals((await one.ask(request(8, "wait"))).result, null, "there is a place again");
});

Deno.test("maxBufferedBytes", async () => {
  await using local = serveLocally(api, { limits: { maxBufferedBytes: 30_000 } });
  using large = local.peer();
  using small = local.peer();
  await large.write(`["${"x".repeat(20_000 - 2)}`);
  await small.write(`["${"x".repeat(10_000 - 2)}`);
  using other = local.peer();
  assertEquals((await other.ask(request(1, "echo"))).id, 1);
  assertEquals(local.server.connections, 3, "so many may be kept");
  await small.write("x");
  assertEquals((await large.rest()).length, 0, "who keeps the most is closed");
  await small.write('"]\n');
  const [answer] = await small.answer() as unknown as Answer[];
  assertEquals(answer?.error?.code, -32600);
});

/** What a server with these limits answers, in a process whose heap may have 64 MB. */
async function answersOf(limits: Partial<Limits>): Promise<string> {
  await using program = await Program.start(`
    import { connect, method, serve } from LIB;
    const server = serve({ call: method(() => "called") }, {
      listen: "memory:here",
      limits: ${JSON.stringify(limits)},
    });
    const line = await connect("memory:here").catch((error) => error);
    const told = async (method) => {
      try {
        return JSON.stringify(await line.request(method));
      } catch ({ name, message }) {
        return name + " " + message;
      }
    };
    console.log(await told("call"));
  `);
  return await program.line();
}

Deno.test("maxHeapPercent", async () => {
  assertEquals(await answersOf({ maxHeapPercent: 100 }), '"called"');
  // An empty program has used a percent of the heap that it may use, or will soon.
  await using program = await Program.start(
    `
    import { getHeapStatistics } from "node:v8";
    import { LoadShedding } from LOAD;
    import { Ledger } from LEDGER;
    import { DEFAULT_LIMITS } from LIB;
    import { TimerWheel } from TIMERS;
    const ledger = new Ledger(DEFAULT_LIMITS);
    const load = new LoadShedding({ ...DEFAULT_LIMITS, maxHeapPercent: 1 }, ledger);
    const timers = new TimerWheel();
    load.start(timers);
    ledger.open().begin();
    const all = [];
    const percent = () => 100 * getHeapStatistics().used_heap_size / getHeapStatistics().heap_size_limit;
    while (percent() < 4) all.push(new Array(100_000).fill(0.5)); // most of it is old by then
    for (; load.shortage() === undefined;) await new Promise((resolve) => setTimeout(resolve, 10));
    console.log(load.shortage().message, load.shortage().reason);
    load.stop();
    timers.stop();
    console.log(all.length >= 0);
  `.replace(
      "LOAD",
      JSON.stringify(new URL("../../lib/overload/load_shedding.ts", import.meta.url).href),
    )
      .replace(
        "LEDGER",
        JSON.stringify(new URL("../../lib/overload/ledger.ts", import.meta.url).href),
      )
      .replace("TIMERS", JSON.stringify(new URL("../../lib/timers.ts", import.meta.url).href)),
  );
  assertEquals(await program.line(), "Memory is running short UNAVAILABLE");
});

Deno.test("a small heap bounds what waits, and is looked at when much comes at once", async () => {
  const { stdout, stderr } = await run(
    `
    import { getHeapStatistics } from "node:v8";
    import { LoadShedding } from ${
      JSON.stringify(new URL("../../lib/overload/load_shedding.ts", import.meta.url).href)
    };
    import { Ledger } from ${
      JSON.stringify(new URL("../../lib/overload/ledger.ts", import.meta.url).href)
    };
    import { DEFAULT_LIMITS } from ${JSON.stringify(LIB)};
    const limit = getHeapStatistics().heap_size_limit, part = limit / 32;
    const ledger = new Ledger(DEFAULT_LIMITS);
    const load = new LoadShedding({ ...DEFAULT_LIMITS, maxHeapPercent: 20 }, ledger);
    const open = (evict) => {
      const account = ledger.open();
      account.keeper = { evict: () => (account.close(), evict()), wake() {} };
      return account;
    };
    const evicted = await new Promise((resolve) => {
      for (let i = 1; i <= 5; i++) open(() => resolve(i)).keep(part);
    });
    console.log(evicted, load.shortage()?.message);
    const all = [];
    while (getHeapStatistics().used_heap_size < limit / 2) all.push(new Array(10_000).fill(0.5));
    const last = open(() => {});
    last.begin();
    last.keep(part); // in the same turn: no timer has looked
    console.log(load.shortage(last)?.message, all.length > 0);
    `,
    ["--v8-flags=--max-old-space-size=128"],
  );
  assertEquals(stdout, "1 undefined\nMemory is running short true\n", stderr);
});

Deno.test("new calls are refused before the heap's old generation is full, whose end is the process's", async () => {
  const { stdout, stderr } = await run(
    `
    import { LoadShedding } from ${
      JSON.stringify(new URL("../../lib/overload/load_shedding.ts", import.meta.url).href)
    };
    import { TimerWheel } from ${
      JSON.stringify(new URL("../../lib/timers.ts", import.meta.url).href)
    };
    import { Ledger } from ${
      JSON.stringify(new URL("../../lib/overload/ledger.ts", import.meta.url).href)
    };
    import { DEFAULT_LIMITS } from ${JSON.stringify(LIB)};
    const ledger = new Ledger(DEFAULT_LIMITS);
    const load = new LoadShedding({ ...DEFAULT_LIMITS, maxHeapPercent: 50 }, ledger);
    const timers = new TimerWheel(), all = [];
    load.start(timers);
    for (ledger.open().begin(); load.shortage() === undefined;) {
      all.push(new Array(10_000).fill(0.5));
      if (all.length % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    console.log(load.shortage().message, all.length > 0);
    load.stop();
    timers.stop();
    `,
    ["--v8-flags=--max-old-space-size=64"],
  );
  assertEquals(stdout, "Memory is running short true\n", stderr);
});

Deno.test("a call that runs keeps of its params what its handler does", async () => {
  const { stdout, stderr } = await run(
    `
    import { getHeapStatistics } from "node:v8";
    import { method, serve } from ${JSON.stringify(LIB)};
    let go, begun;
    const gate = new Promise((resolve) => go = resolve);
    const validate = ({ key }) => ({ value: key });
    const wait = method({ "~standard": { version: 1, vendor: "test", validate } }, async (key, { meta }) => {
      begun();
      await gate;
      return key + meta.note;
    });
    const limits = { maxKeptBytes: 1e9 }; // what a handler does with its value is not known
    await using server = serve({ wait }, { listen: "tcp://127.0.0.1:0", limits });
    const conn = await Deno.connect({ port: Number(new URL(server.addresses[0]).port) });
    const params = { key: "k", filler: "x".repeat(900_000), _meta: { note: "!" } };
    const text = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "wait", params }) + "\\n";
    const bytes = new TextEncoder().encode(text);
    const used = () => (gc(), getHeapStatistics().used_heap_size), before = used();
    for (let i = 0; i < 20; i++) {
      const running = new Promise((resolve) => begun = resolve);
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
      await running;
    }
    console.log(Math.round((used() - before) / 9e6));
    go();
    await conn.closeWrite();
    for await (const chunk of conn.readable) await Deno.stdout.write(chunk);
    `,
    ["--v8-flags=--expose-gc", "--allow-net"],
  );
  const answer = '{"jsonrpc":"2.0","id":1,"result":"k!"}\n';
  assertEquals(stdout, "0\n" + answer.repeat(20), stderr);
});

Deno.test("maxResidentBytes", async () => {
  for (const [maxResidentBytes, isShort] of [[2 ** 40, false], [1, true]] as const) {
    const gate = Promise.withResolvers<void>();
    await using local = serveLocally({ ...api, gate: method(() => gate.promise) }, {
      limits: { maxResidentBytes },
    });
    using first = local.peer(), second = local.peer();
    await first.ask(request(1, "echo")); // what was used is not given back while nobody calls
    await second.ask(request(2, "echo"));
    await first.send(request(3, "gate"));
    const { error } = await first.ask(request(4, "echo"));
    assertEquals(error?.message, isShort ? "Memory is running short" : undefined);
    // Who keeps nothing is not refused for one who does.
    assertEquals((await second.ask(request(5, "echo"))).error, undefined);
    using third = local.peer();
    assertEquals((await third.ask(request(6, "echo"))).error, undefined);
    gate.resolve();
    await first.answer();
    assertEquals((await second.ask(request(6, "echo"))).error, undefined);
  }
});

Deno.test("maxProtocolErrors", async () => {
  await using local = serveLocally(api, { limits: { maxProtocolErrors: 3 } });
  using at = local.peer();
  for (let n = 0; n < 3; n++) assertEquals((await at.ask("{no JSON")).error?.code, -32700);
  assertEquals((await at.ask(request(1, "echo"))).id, 1, "so many may be wrong");
  assertEquals((await at.ask('[1, {"id":1}]') as unknown as Answer[]).length, 2);
  assertEquals((await at.messages())[0]?.error, {
    code: -32008,
    message: "Too many messages break the rules",
    data: { name: "RESOURCE_EXHAUSTED", limit: "maxProtocolErrors" },
  });
});

Deno.test("maxPings", async () => {
  await using local = serveLocally(api, { limits: { maxPings: 2 } });
  using peer = local.peer();
  for (const id of [1, 2]) assertEquals((await peer.ask(request(id, "rpc.ping"))).error, undefined);
  const { error } = await peer.ask(request(3, "rpc.ping"));
  const { retryAfterMs, ...data } = error?.data as { retryAfterMs: number };
  assertEquals([error?.code, data], [-32008, { name: "RESOURCE_EXHAUSTED", limit: "maxPings" }]);
  assert(retryAfterMs > 0 && retryAfterMs <= 5000, String(retryAfterMs));
  assertEquals((await peer.ask(request(4, "echo"))).id, 4, "it is told off, no more");
  await peer.send(request(5, "rpc.ping"));
  assertEquals((await peer.messages()).map(({ id }) => id), [5], "and closed when it goes on");
});

Deno.test("maxInFlight", async () => {
  let running = 0;
  const gate = Promise.withResolvers<void>();
  await using local = serveLocally({
    wait: method(async () => {
      running++;
      await gate.promise;
    }),
  }, { limits: { maxInFlight: 5 } });
  using peer = local.peer();
  await peer.send(...Array.from({ length: 6 }, (_, id) => request(id, "wait")));
  await until(() => running === 5, "five to run");
  for (let n = 0; n < 10; n++) await turn();
  assertEquals(running, 5, "the sixth waits");
  gate.resolve();
  assertEquals((await peer.answers(6)).length, 6);
  assertEquals(running, 6);
});

/** A server whose first answer waits to be sent; tells whether the next request is read meanwhile. */
async function isReadOn(limit: "outboundHighWater", less: number): Promise<boolean> {
  let called = 0;
  const answer = `{"jsonrpc":"2.0","id":1,"result":"${"x".repeat(1000)}"}`;
  await using local = serveLocally({
    large: method(() => {
      called++;
      return "x".repeat(1000);
    }),
  }, { limits: { [limit]: answer.length - less } });
  using peer = local.peer("json", { room: 100 });
  await peer.send(request(1, "large"));
  await until(() => called === 1, "the first call");
  await peer.send(request(2, "large"));
  for (let n = 0; n < 20; n++) await turn();
  const isRead = called === 2;
  assertEquals((await peer.answers(2)).map(({ id }) => id), [1, 2], "in the end both are answered");
  return isRead;
}

Deno.test("outboundHighWater", async () => {
  assertEquals([await isReadOn("outboundHighWater", 0), await isReadOn("outboundHighWater", 1)], [
    true,
    false,
  ]);
});

Deno.test("maxOutboundBytes", async () => {
  const answer = `{"jsonrpc":"2.0","id":1,"result":"${"x".repeat(1000)}"}`;
  for (const [less, survives] of [[0, true], [1, false]] as const) {
    await using local = serveLocally(api, { limits: { maxOutboundBytes: answer.length - less } });
    using peer = local.peer("json", { room: 100 });
    await peer.send(request(1, "text", [1000]));
    if (survives) {
      assertEquals((await peer.answer()).id, 1);
      assertEquals(local.server.connections, 1);
    } else {
      await until(() => local.server.connections === 0, "the connection to be closed");
      assertEquals((await peer.rest()).length, 0);
    }
  }
});

// ---- Times -----------------------------------------------------------------------------------------

/** That it takes at least so long, and ends. How much longer is the machine's affair. */
async function takes(ms: number, what: string, work: Promise<unknown>): Promise<void> {
  const begun = performance.now();
  await within(work, what);
  assertGreaterOrEqual(performance.now() - begun, ms, what);
}

Deno.test("messageTimeout", async () => {
  await using local = serveLocally(api, { limits: { messageTimeout: 50 } });
  using peer = local.peer();
  const ended = takes(50, "a message that does not end", peer.messages());
  await peer.write("{");
  await ended;
});

Deno.test("idleTimeout", async () => {
  await using local = serveLocally(api, { limits: { idleTimeout: 50 } });
  using peer = local.peer();
  await takes(50, "silence", peer.rest());
});

Deno.test("writeStallTimeout", async () => {
  await using local = serveLocally(api, { limits: { writeStallTimeout: 50 } });
  using peer = local.peer("json", { room: 100 });
  await until(() => local.server.connections === 1, "the connection");
  const ended = until(() => local.server.connections === 0, "the connection to be closed");
  await Promise.all([
    takes(50, "a peer that does not read", ended),
    peer.send(request(1, "text", [1000])),
  ]);
});

Deno.test("lingerTimeout", async () => {
  await using local = serveLocally(api, { limits: { lingerTimeout: 50 } });
  using peer = local.peer();
  await peer.write("no framing");
  await peer.messages();
  const ended = until(() => local.server.connections === 0, "the connection to be closed");
  // The server began to wait a moment before its end was seen here.
  await takes(40, "a peer that does not hang up", ended);
});

Deno.test("shutdownGrace", async () => {
  const begun = Promise.withResolvers<void>();
  const server = serve({
    wait: method((_, { signal }) => {
      begun.resolve();
      return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    }),
  }, { listen: "tcp://127.0.0.1:0", limits: { shutdownGrace: 50 } });
  await using line = await connect(server.addresses[0]!);
  const call = line.request("wait").catch(() => {});
  await begun.promise;
  await takes(50, "a handler that does not end", server.shutdown());
  await call;
});

Deno.test("maxOutboundBytes does not keep $/goaway and refusals from being sent, and a connection ends once", async () => {
  const gate = Promise.withResolvers<number>(), begun = Promise.withResolvers<void>();
  const closed: string[] = [];
  const slow = method(() => (begun.resolve(), gate.promise));
  const local = serveLocally({ slow }, {
    limits: { maxOutboundBytes: 64, maxConnections: 1 },
    onClose: (_, { reason }) => void closed.push(reason),
  });
  using peer = local.peer();
  await peer.send(request(1, "slow"));
  await within(begun.promise, "the call to begin");
  using refused = local.peer();
  assertEquals((await refused.answer()).error?.message, "Too many connections");
  const ended = local.server.shutdown(5000);
  assertEquals((await peer.answer()).method, "$/goaway");
  gate.resolve(1);
  assertEquals((await peer.answer()).result, 1);
  await peer.rest();
  await refused.rest();
  peer.close();
  refused.close();
  await within(ended, "the server to end");
  assertEquals(closed, ["shutdown"]);
});
