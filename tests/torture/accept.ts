/**
 * Attacks on accepting: callers that are gone before they are accepted, too many of them, and a server
 * without descriptors.
 *
 * @module
 */

import type { Answer } from "../support/raw.ts";
import { type Attack, check, growth, share, type Target } from "./attack.ts";
import {
  allEnd,
  ask,
  becomes,
  close,
  connectAll,
  connectAndReset,
  during,
  peer,
  readToEnd,
  sleep,
  times,
  write,
} from "./crowd.ts";
import { sample } from "./proc.ts";

const resetBeforeAccept: Attack = {
  name: "reset-before-accept",
  rows: ["D04", "A05"],
  does: "connects and resets 60,000 times",
  figures: [{
    what: "healthy p99, of the quiet one",
    value: ({ p99, quietP99 }) => p99 / quietP99,
    atMost: 2,
  }],
  async run(target) {
    const count = share(target, 60_000), begun = performance.now();
    await times(count, () => connectAndReset(target));
    const perSecond = count / (performance.now() - begun) * 1000;
    check((await ask(target, "echo", [1])).id === 1, "serves nobody any more");
    return { did: `took ${count}, ${perSecond.toFixed(0)} a second` };
  },
};

const connectAndClose: Attack = {
  name: "connect-and-close",
  rows: ["A06"],
  does: "connects, calls or not, and closes, as fast as it can",
  figures: [growth(16)],
  async run(target) {
    let connects = 0;
    await during(target.seconds, async () => {
      await times(500, async (i) => {
        const [conn] = await connectAll(target, 1);
        if (i % 2 === 0) {
          await write(conn!, '{"jsonrpc":"2.0","id":1,"method":"echo"}\n');
          await conn!.read(new Uint8Array(100));
        }
        close(conn!);
      }, 50);
      connects += 500;
    });
    return { did: `took ${connects}`, figures: { connects } };
  },
};

const tooManyConnections: Attack = {
  name: "too-many-connections",
  rows: ["L01"],
  does: "opens 50 connections where 10 are left",
  server: { limits: { maxConnections: 60 } },
  async run(target) {
    const conns: Deno.TcpConn[] = [];
    const open = async () => {
      const [conn] = await connectAll(target, 1);
      await write(conn!, '{"jsonrpc":"2.0","id":1,"method":"echo","params":[]}\n');
      const buffer = new Uint8Array(500);
      const count = await conn!.read(buffer) ?? 0;
      const answer: Answer = JSON.parse(new TextDecoder().decode(buffer.subarray(0, count)));
      const data = answer.error?.data as { name?: string } | undefined;
      conns.push(conn!);
      return answer.error === undefined ? "served" : data?.name;
    };
    const outcomes: (string | undefined)[] = [];
    for (let i = 0; i < 50; i++) outcomes.push(await open());
    const served = outcomes.filter((it) => it === "served").length;
    check(served === 10, `${served} were served: ${outcomes.join()}`);
    check(outcomes.slice(10).every((it) => it === "UNAVAILABLE"), outcomes.join());
    // They are hung up on as well.
    const ends = await allEnd(conns.splice(10), 5000);
    check(ends.length === 40, `${40 - ends.length} of 40 are not hung up on`);
    close(conns[0]!);
    check(await becomes(async () => await open() === "served", 5000), "a free place is not given");
    conns.forEach(close);
    return { did: "served 10 of 10, told 40 of 40 UNAVAILABLE, gave a free place to the next" };
  },
};

const noDescriptors: Attack = {
  name: "no-descriptors",
  rows: ["A01", "A03", "A04"],
  does:
    "opens 200 connections to a server that may have 64 descriptors, and keeps them for a while",
  server: { descriptors: 64, clients: 10, rate: 400 },
  figures: [
    { what: "CPU % meanwhile", value: ({ figures }) => figures.load, atMost: 10 },
    { what: "served again s", value: ({ figures }) => figures.again, atMost: 2 },
  ],
  async run(target) {
    using old = await peer(target);
    await old.ask({ jsonrpc: "2.0", id: 1, method: "echo" });
    // The quiet server's share is subtracted: it serves the healthy clients meanwhile.
    const quiet = await loadOf(target, 1000);
    const conns = await connectAll(target, 200);
    await sleep(500);
    const load = await loadOf(target, 3000);
    const answer = await old.ask({ jsonrpc: "2.0", id: 2, method: "open", params: [] });
    check(answer.id === 2, "an open connection is not served");
    const echo = await old.ask({ jsonrpc: "2.0", id: 3, method: "echo", params: [3] });
    check(JSON.stringify(echo.result) === "[3]", "an open connection is not served");
    const freed = performance.now();
    conns.forEach(close);
    check((await ask(target, "echo", [1])).id === 1, "serves nobody any more");
    const again = (performance.now() - freed) / 1000;
    return {
      did: `waited, served who was there, and others again after ${again.toFixed(1)} s`,
      figures: { load: Math.max(0, load - quiet), again },
    };
  },
};

/** The part of a processor that the server takes, in percent. */
async function loadOf({ pid }: Target, ms: number): Promise<number> {
  const before = sample(pid)?.cpu ?? 0, begun = performance.now();
  await sleep(ms);
  return ((sample(pid)?.cpu ?? 0) - before) / (performance.now() - begun) * 100;
}

const moreThanInFlight: Attack = {
  name: "more-than-in-flight",
  rows: ["L04"],
  does: "makes 1,000 calls of 10 ms at once on one connection, again and again",
  async run(target) {
    let calls = 0;
    using many = await peer(target);
    const requests = Array.from({ length: 1000 }, (_, id) => ({
      jsonrpc: "2.0",
      id,
      method: "sleep",
      params: [10],
    }));
    await during(target.seconds, async () => {
      const [, answers] = await Promise.all([many.send(...requests), many.answers(1000)]);
      check(new Set(answers.map(({ id }) => id)).size === 1000, "an answer came twice");
      check(answers.every(({ result }) => result === 10), "a call was refused");
      calls += 1000;
    });
    return { did: `answered all ${calls}`, figures: { calls } };
  },
};

const answersTooLarge: Attack = {
  name: "answers-too-large",
  rows: ["L05", "J20"],
  does: "asks for more than maxResponseBytes, alone and in batches, again and again",
  async run(target) {
    const { maxResponseBytes, maxBatch } = target.limits;
    const big = (id: number, size: number) => ({
      jsonrpc: "2.0",
      id,
      method: "big",
      params: [size],
    });
    let refused = 0;
    using greedy = await peer(target);
    await during(target.seconds, async () => {
      const alone = await greedy.ask(big(1, maxResponseBytes + 1));
      check(isExhausted(alone), `answered ${JSON.stringify(alone).slice(0, 200)}`);
      const third = Math.floor(maxResponseBytes / 3);
      await greedy.send(JSON.stringify([1, 2, 3, 4].map((id) => big(id, third))));
      const batch: Answer[] = JSON.parse(await greedy.text());
      check(batch.length === 4, `${batch.length} answers to a batch of 4`);
      check(batch.some(isExhausted), "a batch's answers are over the limit");
      const many = Array.from({ length: maxBatch + 1 }, (_, id) => big(id, 1));
      const whole = await greedy.ask(JSON.stringify(many));
      check(isExhausted(whole), `answered ${JSON.stringify(whole).slice(0, 200)}`);
      refused += 3;
    });
    return { did: `refused ${refused}`, figures: { refused } };
  },
};

function isExhausted({ error }: Answer): boolean {
  return (error?.data as { name?: string })?.name === "RESOURCE_EXHAUSTED";
}

const manyStreams: Attack = {
  name: "many-streams",
  rows: ["L06"],
  does: "opens one stream more than maxStreams, then leaves one",
  async run(target) {
    const { maxStreams } = target.limits, key = crypto.randomUUID();
    const open = (id: number) => ({
      jsonrpc: "2.0",
      id,
      method: "texts",
      params: { key, size: 1, _meta: { stream: { credit: 0 } } },
    });
    using reader = await peer(target);
    for (let id = 1; id <= maxStreams; id++) await reader.send(open(id));
    const over = await reader.ask(open(maxStreams + 1));
    check(isExhausted(over), `one more was answered ${Deno.inspect(over)}`);
    const cancelled = await reader.ask({
      jsonrpc: "2.0",
      method: "$/cancelRequest",
      params: { id: 1 },
    });
    check(cancelled.id === 1, `leaving was answered ${Deno.inspect(cancelled)}`);
    // The place is free once the generator has ended.
    const isFree = await becomes(async () => {
      await reader.send(open(maxStreams + 2));
      const answer = await reader.ask({ jsonrpc: "2.0", id: "probe", method: "echo" });
      if (answer.id === "probe") return true;
      await reader.answer();
      return false;
    });
    check(isFree, "a place that was left is not free");
    return { did: `kept ${maxStreams}, refused one more, and gave a free place to the next` };
  },
};

const silentRefused: Attack = {
  name: "refused-and-silent",
  rows: ["L01", "A08"],
  does: "is refused 500 times and does not hang up",
  server: { limits: { maxConnections: 50 } },
  async run(target) {
    const conns = await connectAll(target, share(target, 500));
    const texts = await Promise.all(conns.map(async (conn) => {
      const { text } = await readToEnd(conn);
      return text;
    }));
    // In a flood of them the last are not told why: whoever is told holds a descriptor meanwhile.
    const told = texts.filter((text) => text.includes("UNAVAILABLE")).length;
    check(told > 0, "nobody was told why");
    await sleep(target.limits.lingerTimeout + 500);
    const { fds = 0 } = sample(target.pid) ?? {};
    conns.forEach(close);
    check(fds < 150, `${fds} descriptors are still open`);
    return { did: `told ${told} of ${conns.length} why, and let go of all` };
  },
};

/** All of them. */
export const ACCEPT: readonly Attack[] = [
  resetBeforeAccept,
  connectAndClose,
  tooManyConnections,
  silentRefused,
  noDescriptors,
  moreThanInFlight,
  answersTooLarge,
  manyStreams,
];
