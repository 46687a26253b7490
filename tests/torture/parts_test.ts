// The parts of the torture that could lie: what they draw, send, read, count and judge.

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { ConnectionLostError, RpcError } from "../../lib/mod.ts";
import { run } from "../support/child.ts";
import { Dice } from "../support/dice.ts";
import { pipe } from "../support/memory.ts";
import { bytesOf, FRAMING_NAMES, unframe } from "../support/raw.ts";
import type { Report } from "./arena.ts";
import { ATTACKS } from "./attacks.ts";
import { MISCHIEF } from "./client/mischief.ts";
import { faultsOf, Outcomes, reasonOf } from "./client/outcomes.ts";
import { faultOf, freshValue } from "./fresh.ts";
import { paced } from "./pace.ts";
import { empties, numbered, press } from "./press.ts";
import { processorsOf, workIn } from "./proc.ts";
import { judge, repeats } from "./search/judge.ts";
import { CARRIERS, carry } from "./search/carriers.ts";
import { describe, drawPlan, encode, GROUP, renumber } from "./search/plan.ts";
import { drawValue, HOSTILE, SIZES } from "./search/values.ts";
import { FRESH_ID } from "./search/verbs.ts";
import type { Health } from "./window.ts";

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("processorsOf() reads lists and ranges", () => {
  assertEquals(processorsOf("Name:\tx\nCpus_allowed_list:\t0-2,5\nx:\t1\n"), [0, 1, 2, 5]);
  assertEquals(processorsOf("Cpus_allowed_list:\t3\n"), [3]);
});

Deno.test("workIn() counts what one processor did, and not its leisure", () => {
  const stat =
    "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 1000 500 4 5 6 7 8\ncpu1 0 0 0 7 7 0 1 0 0 0\n";
  assertEquals([workIn(stat, 0), workIn(stat, 1)], [210, 10]);
});

Deno.test({
  name: "Watch knows a peak that lay between two looks",
  ignore: Deno.build.os !== "linux",
  async fn() {
    // In a process of its own, which may read /proc.
    const proc = JSON.stringify(new URL("proc.ts", import.meta.url).href);
    const { code, stdout, stderr } = await run(
      `
      import { Watch } from ${proc};
      using watch = new Watch(Deno.pid, 1e6);
      const buffer = new ArrayBuffer(0, { maxByteLength: 96 << 20 });
      buffer.resize(96 << 20);
      new Uint8Array(buffer).fill(1);
      buffer.resize(0);
      watch.look();
      console.log(watch.peakRss - watch.first.rss);
      `,
      ["-A"],
    );
    assertEquals(code, 0, stderr);
    assert(Number(stdout) > 64, `it grew by ${stdout} MB`);
  },
});

Deno.test("faultOf() finds what is not whole, not in order, or another's", () => {
  const size = 5500, value = freshValue(7, size);
  assertEquals(faultOf(structuredClone(value), 7, size), undefined);
  const { seed, parts } = value, [first = "", second = "", ...rest] = parts;
  for (
    const wrong of [
      freshValue(8, size),
      { seed, parts: parts.slice(1) },
      { seed, parts: [second, first, ...rest] },
      { seed, parts: [first.slice(1), second, ...rest] },
      { seed },
      "x",
      null,
      undefined,
    ]
  ) assert(faultOf(wrong, 7, size) !== undefined, Deno.inspect(wrong));
});

Deno.test("paced() hands over everything in order, in small pieces, and then as it comes", async () => {
  const size = 300_000;
  for (const forMs of [0, 1]) {
    const [here, there] = pipe({ room: size });
    const sent = Uint8Array.from({ length: size }, (_, i) => i % 251);
    await there.write(sent);
    await there.closeWrite?.();
    const slow = paced(here, 1e12, forMs), buffer = new Uint8Array(size);
    let taken = 0;
    for (let count; (count = await slow.read(buffer.subarray(taken))) !== null;) taken += count;
    assertEquals(taken, size);
    assertEquals(buffer, sent);
    here.close();
    there.close();
  }
});

Deno.test("numbered() makes a message whose id is new each time", () => {
  const message = numbered("echo", '{"n":1}');
  const ids = [0, 1, 9, 10, 12_345].map((i) => JSON.parse(decode(message(i))).id);
  assertEquals(ids, [100_000_000, 100_000_001, 100_000_009, 100_000_010, 100_012_345]);
  const { id, ...note } = JSON.parse(decode(numbered("note", "[]", "notification")(3)));
  assertEquals([id, note], [undefined, { jsonrpc: "2.0", method: "note", params: [] }]);
  assertEquals(JSON.parse(empties(3)), [{}, {}, {}]);
});

Deno.test("press() comes again when it is cut, and counts", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for (let i = 0; i < 3; i++) {
      const conn = await listener.accept();
      await conn.read(new Uint8Array(100));
      conn.close();
    }
    listener.close();
  })().catch(() => {});
  const message = bytesOf("hello\n");
  const target = { port: listener.addr.port, seconds: 20 };
  // Where nobody listens any more it ends before its time.
  const { sent, bytes, cuts } = await press(target, (i) => i === 0 ? message : undefined);
  await serving;
  assertEquals([sent, bytes], [cuts, cuts * message.length]);
  assert(cuts >= 3, `${cuts} cuts`);
});

Deno.test("HOSTILE and drawValue() are JSON, and as large as they are to be", () => {
  for (const text of HOSTILE) JSON.parse(text);
  const dice = new Dice(1);
  for (const size of SIZES) {
    for (let i = 0; i < 40; i++) {
      const text = drawValue(dice, size), { length } = bytesOf(text);
      JSON.parse(text);
      assert(size === 0 || length < size * 1.5 + 100, `${length} bytes for ${size}`);
    }
  }
});

Deno.test("drawPlan() draws the same for a seed, and others for others", () => {
  assertEquals(drawPlan(4711), drawPlan(4711));
  assertNotEquals(drawPlan(1).phases, drawPlan(2).phases);
  assert(describe(drawPlan(5)).startsWith("plan 5: "));
});

Deno.test("drawPlan() leaves out no kind of message, reading, ending, carrier or server", () => {
  const seen = new Set<string>(), messages: string[] = [];
  for (let seed = 0; seed < 40 * GROUP; seed++) {
    const { server, carrier, reading, ending, phases } = drawPlan(seed);
    for (const it of [server, carrier, reading, ending]) seen.add(it);
    messages.push(...phases.flatMap((it) => it.messages.map(({ words }) => words.slice(0, 2000))));
  }
  for (
    const it of [
      "demo",
      "everything",
      "everything, asks",
      ...CARRIERS,
      "fast",
      "slow",
      "never",
      "stops",
      "waits",
      "half-closes",
      "leaves",
    ]
  ) assert(seen.has(it), it);
  for (
    const part of [
      '"method":"rpc.authenticate"',
      '"method":"rpc.ping"',
      '"method":"rpc.discover"',
      '"method":"rpc.health.watch"',
      '"method":"$/cancelRequest"',
      '"method":"$/stream/credit"',
      '"method":"$/stream/item"',
      '"method":"$/stream/end"',
      '"method":"$/progress"',
      '"method":"$/goaway"',
      '"method":"$/nothing"',
      '"method":"callBack"',
      '"method":"take"',
      '"credit":9007199254740991',
      '"timeoutMs":300000',
      '"result":',
      '"error":',
      '[{"jsonrpc"',
      "1e999",
      '"then":',
      "__proto__",
      "\\ud800",
      "$base64",
      "[[[[[[[[",
      // Over HTTP and WebSocket.
      "Accept: text/event-stream",
      "Accept: application/x-ndjson",
      "Authorization: Bearer",
      "in chunks of 1:",
      "GET /openrpc.json",
      "Upgrade: websocket",
      "Expect: 100-continue",
      "a binary frame",
      "a thousand empty frames",
      "502 frames",
      "a close before it",
      FRESH_ID,
    ]
  ) assert(messages.some((it) => it.includes(part)), part);
  // What a method takes stands beside `_meta`, or the streams of a search would never begin.
  assert(messages.some((it) => /"method":"texts","params":\{"_meta":\{"stream".*"key":/.test(it)));
});

Deno.test("encode() and renumber() give each id once, in whatever it travels", () => {
  const message = `[{"id":${FRESH_ID}},{"id":${FRESH_ID},"é":1},{"id":7}]`;
  for (const framing of FRAMING_NAMES) {
    const encoded = encode(carry(new Dice(1), framing, message, false)), ids: number[] = [];
    for (let round = 0, next = 8; round < 3; round++) {
      next = renumber(encoded, next);
      const [text = ""] = unframe(framing, encoded.bytes);
      ids.push(...JSON.parse(text).map(({ id }: { id: number }) => id));
    }
    const fresh = ids.filter((id) => id !== 7);
    assertEquals(fresh.map((id) => id - 100_000_000), [8, 9, 10, 11, 12, 13]);
  }
  for (let seed = 0; seed < 50; seed++) {
    for (const carrier of ["websocket", "http"] as const) {
      const encoded = encode(carry(new Dice(seed), carrier, message, false));
      const { length } = encoded.bytes;
      assertEquals(renumber(encoded, 8), 8 + encoded.ids.length);
      assertEquals(encoded.bytes.length, length);
    }
  }
});

const HEALTH: Health = {
  window: 1,
  sent: 300,
  answered: 300,
  refused: 0,
  wrong: 0,
  lost: 0,
  ended: 0,
  p50: 1,
  p99: 3,
  max: 5,
  late: 0,
  latest: 0,
  example: "",
};

function reportOf(change: Partial<Health>, grown = 0, wrong: string[] = []): Report {
  const course = { before: 70, peak: 70 + grown, after: 70 };
  return {
    attack: "plan 1",
    rows: [],
    did: "",
    wrong,
    seconds: 1,
    before: HEALTH,
    during: { ...HEALTH, ...change },
    after: HEALTH,
    rss: course,
    fds: course,
    cpu: 0,
    foreign: 0,
    figures: [],
  };
}

Deno.test("judge() tells a server that failed from callers that were late themselves", () => {
  const empty = { faults: [], misses: [] };
  assertEquals(judge(reportOf({})), empty);
  assertEquals(judge(reportOf({ p99: 15, max: 100 }, 64)), empty);
  assertEquals(judge(reportOf({ p99: 40, late: 30, max: 150, latest: 80 })), empty);
  assertEquals(judge(reportOf({ p99: 40, max: 150 }, 65)).misses.length, 3);
  assertEquals(judge(reportOf({}, 0, ["it has ended\nand more"])).faults, ["it has ended"]);
});

Deno.test("a miss counts if it is missed again, and not if another is", () => {
  const slow = judge(reportOf({ p99: 40 })), slower = judge(reportOf({ p99: 50 }));
  const grown = judge(reportOf({}, 90)), dead = judge(reportOf({}, 0, ["it has ended"]));
  assert(repeats(slow, slower));
  assert(!repeats(slow, grown));
  assert(repeats(slow, dead));
  assert(!repeats(slow, judge(reportOf({}))));
});

Deno.test("Outcomes knows who has not ended, and errors that do not say why", async () => {
  const outcomes = new Outcomes();
  assertEquals(faultsOf(outcomes.summary()).length, 1); // a client that makes no calls proves nothing
  await outcomes.track("call", () => Promise.resolve(1));
  await outcomes.track("call", () => Promise.reject(new RpcError("UNAVAILABLE", "busy")));
  assertEquals(faultsOf(outcomes.summary()), []);
  assertEquals(outcomes.summary().errors, { UNAVAILABLE: 1 });
  outcomes.track("stream", () => new Promise(() => {}));
  assertEquals(faultsOf(outcomes.summary()), ["1 of 3 calls have not ended: stream"]);
  await outcomes.track("call", () => Promise.reject(new TypeError("x is undefined")));
  outcomes.stray(new Error("nobody waits"));
  assertEquals(outcomes.summary().unclear.length, 2);
  assertEquals(faultsOf(outcomes.summary()).length, 2);
});

Deno.test("reasonOf() takes what is ours, and nothing that slipped through", () => {
  assertEquals(reasonOf(new RpcError("NOT_FOUND", "no")), "NOT_FOUND");
  assertEquals(reasonOf(new RpcError(17, "no")), "code 17");
  assertEquals(
    reasonOf(new TypeError("Cannot read the answer of add: it is no JSON")),
    "TypeError",
  );
  assertEquals(
    reasonOf(new ConnectionLostError("The connection ended", { sent: true })),
    "ConnectionLostError",
  );
  for (
    const it of [new RpcError(17, ""), new RangeError("x"), new TypeError("Cannot read"), 1, null]
  ) {
    assertEquals(reasonOf(it), undefined);
  }
});

Deno.test("attacks and mischief have names of their own", () => {
  const names = [...ATTACKS, ...MISCHIEF].map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
});
