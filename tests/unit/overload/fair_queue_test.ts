// Calls that wait for the processor: each caller for as long as the others, and for how long they wait.

import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { FairQueue } from "../../../lib/overload/fair_queue.ts";
import { Program } from "../../support/program.ts";
import { RawPeer } from "../../support/raw.ts";

/** A clock that goes as far as the calls take, and time slices that end when they are asked to. */
class World {
  time = 0;
  slices = 0;
  readonly begun: string[] = [];
  #since = 0;
  readonly backlog = new FairQueue({
    isOver: (now) => now - this.#since > 5,
    yield: () => {
      this.slices++;
      this.#since = this.time;
      return Promise.resolve();
    },
  }, { now: () => this.time });

  readonly #callers = new Map<string, object>();

  /** The caller of this name. */
  caller(name: string): object {
    const known = this.#callers.get(name) ?? {};
    this.#callers.set(name, known);
    return known;
  }

  /** Waits, and takes so many milliseconds. */
  async call(caller: string, name: string, ms: number): Promise<void> {
    await this.backlog.enter(this.caller(caller));
    this.begun.push(name);
    this.time += ms;
  }

  /** As many reads of a call of so many milliseconds as it takes to know. */
  learn(ms: number): void {
    for (let i = 0; i < 100; i++) this.backlog.note(this.caller("any"), 1, ms);
  }
}

Deno.test("short calls never wait, however long the turn is", () => {
  const world = new World(), { backlog } = world;
  backlog.note({}, 1000, 20);
  world.time = 1000;
  assertEquals(backlog.mustWait({}), false);
});

Deno.test("long calls wait when the turn is over, and one long call among short ones does not matter", () => {
  const world = new World(), { backlog } = world;
  world.time = 6;
  backlog.note({}, 1, 2000);
  assertEquals(backlog.mustWait({}), false);
  world.learn(1);
  assertEquals(backlog.mustWait({}), true);
  world.time = 5;
  assertEquals(backlog.mustWait({}), false);
});

Deno.test("one call of each caller begins in turn, each caller's in order", async () => {
  const world = new World();
  await Promise.all(
    ["a1", "a2", "a3", "a4", "b1", "b2", "c1"].map((name) => world.call(name[0]!, name, 1)),
  );
  assertEquals(world.begun.join(" "), "a1 b1 c1 a2 b2 a3 a4");
  assertEquals(world.backlog.mustWait({}), false, "nobody waits any more");
});

Deno.test("callers take turns by time: short calls do not wait for another round of long ones", async () => {
  const world = new World(), { backlog } = world;
  world.learn(1);
  const long = ["a", "b", "c"],
    calls = (caller: string, ms: number) =>
      [1, 2, 3, 4].map((i) => world.call(caller, caller + i, ms));
  await Promise.all([...long.flatMap((caller) => calls(caller, 10)), ...calls("d", 1)]);
  // How long they take is not known at first.
  const [first, rest] = [world.begun.slice(0, 7), world.begun.slice(7)];
  assertEquals(first.join(" "), "a1 b1 c1 d1 d2 d3 d4");
  assertEquals(rest.join(" "), "a2 b2 c2 a3 b3 c3 a4 b4 c4");
  // Now it is: who comes with one short call more is before those who were there.
  const again = long.flatMap((caller) => calls(caller, 10));
  await Promise.all([...again, world.call("d", "d5", 1)]);
  assertEquals(world.begun[16], "d5");
  assertEquals(backlog.holds(world.caller("a")), false);
});

Deno.test("what a caller took while nobody else wanted it is not held against him", async () => {
  const world = new World();
  await Promise.all([1, 2, 3].map((i) => world.call("a", `a${i}`, 1000)));
  world.begun.length = 0;
  assertEquals(world.backlog.delay(world.caller("a")), 0);
  await Promise.all(["a4", "a5", "b1", "b2"].map((name) => world.call(name[0]!, name, 1)));
  assertLess(world.begun.indexOf("a4"), world.begun.indexOf("b2"), world.begun.join(" "));
});

Deno.test("a caller whose calls are short does not wait for those of others, until its own are long", async () => {
  const world = new World(), { backlog } = world, short = world.caller("s");
  world.learn(10);
  world.time = 6;
  assertEquals(backlog.mustWait(short), true, "it is not known yet");
  const calls = Array.from({ length: 60 }, () => world.call("s", "s", 0.01));
  await Promise.all([...calls, world.call("a", "a", 10), world.call("a", "a", 10)]);
  world.learn(10);
  world.time += 6;
  assertEquals(backlog.mustWait(short), false);
  const others = ["a", "b"].map((name) => world.call(name, name, 10));
  assertEquals(backlog.mustWait(short), false, "others wait");
  assertEquals(backlog.mustWait(world.caller("a")), true);
  for (let i = 0; i < 10; i++) backlog.note(short, 1, 1);
  assertEquals(backlog.mustWait(short), true, "they take long by now");
  await Promise.all(others);
});

Deno.test("what is queued of a caller stays before what comes, however short", async () => {
  const world = new World(), { backlog } = world;
  world.learn(10);
  await Promise.all(Array.from({ length: 60 }, () => world.call("s", "s", 0.01)));
  const waiting = world.call("s", "s", 0.01);
  assertEquals(backlog.mustWait(world.caller("s")), true);
  await waiting;
});

Deno.test("the sockets are looked at every 2 ms of what waits", async () => {
  const world = new World();
  await Promise.all(Array.from({ length: 100 }, (_, i) => world.call("a", String(i), 0.5)));
  assertEquals(world.slices, 25);
});

Deno.test("the delay is what the others and the caller itself have before it", async () => {
  const world = new World(), { backlog } = world;
  world.learn(1);
  assertEquals(backlog.delay(world.caller("a")), 0);
  const calls = Array.from({ length: 40 }, (_, i) => world.call(i < 30 ? "a" : "b", "", 1));
  assertGreater(backlog.delay(world.caller("a")), 39);
  assertLess(backlog.delay(world.caller("a")), 41);
  assertLess(Math.abs(backlog.delay(world.caller("b")) - 20), 1);
  assertEquals(backlog.delay(world.caller("c")), 0);
  await Promise.all(calls);
  assertEquals(backlog.delay(world.caller("a")), 0);
});

const BUSY = `
  import { method, notification, serve } from LIB;
  const begun = [];
  const work = ({ n, ms }) => {
    begun.push(n);
    for (const end = performance.now() + ms; performance.now() < end;);
    return n;
  };
  const any = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
  const server = serve({
    work: method(any, work),
    note: notification(any, work),
    begun: method(() => begun),
  }, { listen: "tcp://127.0.0.1:0" });
  console.log(server.addresses[0]);
  await server.finished;
`;

const work = (id: number, ms: number, timeoutMs?: number) => ({
  jsonrpc: "2.0",
  id,
  method: "work",
  params: { n: id, ms, ...(timeoutMs !== undefined && { _meta: { timeoutMs } }) },
});

/** A server that has learnt how long its calls take. */
async function busyServer() {
  const server = await Program.start(BUSY), address = await server.line();
  using peer = await RawPeer.dial(address);
  for (let i = 0; i < 30; i++) await peer.ask(work(-1, 3));
  return { address, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

Deno.test("what would come too late is refused at once, and what is not is in time", async () => {
  await using server = await busyServer();
  const callers = 10, each = 100, timeoutMs = 1000;
  const answers = await Promise.all(Array.from({ length: callers }, async (_, caller) => {
    using peer = await RawPeer.dial(server.address);
    const calls = Array.from({ length: each }, (_, i) => work(caller * each + i, 3, timeoutMs));
    await peer.send(...calls);
    return await peer.answers(each);
  }));
  const all = answers.flat(), refused = all.filter(({ error }) => error !== undefined);
  assertEquals(new Set(all.map(({ id }) => id)).size, callers * each, "each has one answer");
  assertGreater(refused.length, 0);
  assertLess(refused.length, all.length);
  const busy = refused.filter(({ error }) => error!.code === -32014);
  assertGreater(busy.length, 0);
  for (const { error } of busy) {
    const { retryAfterMs, ...data } = error!.data as Record<string, unknown>;
    assertEquals(error!.message, "Too many calls wait for the processor");
    assertEquals(data.details, { started: false });
    assertGreater(retryAfterMs as number, 0);
  }
});

Deno.test("calls that wait for the processor begin in order, and can be cancelled before", async () => {
  await using server = await busyServer();
  using peer = await RawPeer.dial(server.address);
  const calls: object[] = Array.from({ length: 60 }, (_, i) => work(i, 3));
  const note = { jsonrpc: "2.0", method: "note", params: { n: "note", ms: 0 } };
  await peer.send(
    ...calls.slice(0, 55),
    "no message",
    note,
    ...calls.slice(55),
    { jsonrpc: "2.0", method: "$/cancelRequest", params: { id: 58 } },
  );
  const answers = await peer.answers(61);
  assertEquals(
    answers.findIndex(({ error }) => error?.code === -32700),
    55 + 1,
    "one was cancelled",
  );
  assertEquals(answers.find(({ id }) => id === 58)?.error?.code, -32800);
  const { result } = await peer.ask({ jsonrpc: "2.0", id: 1, method: "begun" });
  const numbers = Array.from({ length: 60 }, (_, i) => i);
  const expected = [...numbers.slice(0, 55), "note", 55, 56, 57, 59];
  assertEquals((result as unknown[]).slice(30), expected);
});

Deno.test("a caller with one call waits for no more than one of each of the others", async () => {
  await using server = await busyServer();
  using many = await RawPeer.dial(server.address), one = await RawPeer.dial(server.address);
  const calls = Array.from({ length: 100 }, (_, i) => work(i, 3));
  await many.send(...calls);
  await many.answer();
  await one.ask({ jsonrpc: "2.0", id: 1, method: "rpc.ping" });
  const { result } = await one.ask({ jsonrpc: "2.0", id: 1, method: "begun" });
  assertLess((result as unknown[]).length, 30 + calls.length, "the others' calls still wait");
  await many.answers(calls.length - 1);
});
