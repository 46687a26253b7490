/**
 * Attacks on the end: the server is told to stop while much is going on.
 *
 * @module
 */

import { type Attack, check, type Figure, share, type Target } from "./attack.ts";
import { becomes, close, connectAll, line, peer, ran, readToEnd, sleep, write } from "./crowd.ts";
import { sample } from "./proc.ts";

/** Waits until the process has ended; gives the milliseconds that it took. */
async function ended({ pid }: Target, withinMs: number): Promise<number> {
  const begun = performance.now();
  while (sample(pid) !== undefined) {
    check(performance.now() < begun + withinMs, `has not ended after ${withinMs} ms`);
    await sleep(10);
  }
  return performance.now() - begun;
}

/** Calls that were on their way when the server ended, and got neither an answer nor a refusal. */
const CUT: Figure = { what: "healthy calls cut off", value: ({ lost }) => lost, atMost: 0 };

const sigterm: Attack = {
  name: "sigterm-under-load",
  rows: ["G01", "G04"],
  does: "sends SIGTERM with 10,000 connections open, on 4,000 a call that runs",
  exit: 0,
  server: {},
  refuses: true,
  figures: [CUT, { what: "ended after ms", value: ({ figures }) => figures.ms, atMost: 10_500 }],
  async run(target) {
    const key = crypto.randomUUID();
    const conns = await connectAll(target, share(target, 9900));
    const reading = conns.map((conn) => readToEnd(conn));
    // No more calls than may run; the others are idle.
    const calls = Math.min(conns.length, target.limits.maxRunning - 100);
    for (const conn of conns.slice(0, calls)) await write(conn, line("wait", { key, ms: 5000 }));
    const haveBegun = await becomes(async () => await ran(target, `${key} begun`) === calls);
    check(haveBegun, `${await ran(target, `${key} begun`)} of ${calls} calls have begun`);
    Deno.kill(target.pid, "SIGTERM");
    const ms = await ended(target, target.limits.shutdownGrace + 5000);
    const texts = (await Promise.all(reading)).map(({ text }) => text);
    conns.forEach(close);
    const answered = texts.filter((text) => text.includes('"id":1,"result":')).length;
    check(answered === calls, `${calls - answered} of ${calls} are lost`);
    return {
      did: `answered all ${answered}, ended after ${(ms / 1000).toFixed(1)} s`,
      figures: { ms },
    };
  },
};

const stuck: Attack = {
  name: "handler-never-ends",
  rows: ["G02"],
  does: "sends SIGTERM while a handler runs that never ends",
  exit: 0,
  server: { limits: { shutdownGrace: 1000 }, clients: 10, rate: 200 },
  refuses: true,
  figures: [CUT],
  async run(target) {
    using caller = await peer(target);
    await caller.send({ jsonrpc: "2.0", id: 1, method: "stuck" });
    await caller.ask({ jsonrpc: "2.0", id: 2, method: "echo" });
    Deno.kill(target.pid, "SIGTERM");
    const answers = await caller.messages();
    const { error } = answers.find(({ id }) => id === 1) ?? {};
    const name = (error?.data as { name?: string })?.name;
    check(name === "UNAVAILABLE", `the call was answered ${Deno.inspect(error)}`);
    const ms = await ended(target, 5000);
    return { did: `said UNAVAILABLE, ended ${ms.toFixed(0)} ms later`, figures: { ms } };
  },
};

const second: Attack = {
  name: "second-signal",
  rows: ["G03"],
  does: "sends SIGTERM twice while a handler runs that never ends",
  exit: 143,
  server: { clients: 10, rate: 200 },
  refuses: true,
  figures: [CUT, { what: "ended after ms", value: ({ figures }) => figures.ms, atMost: 200 }],
  async run(target) {
    using caller = await peer(target);
    await caller.send({ jsonrpc: "2.0", id: 1, method: "stuck" });
    await caller.ask({ jsonrpc: "2.0", id: 2, method: "echo" });
    Deno.kill(target.pid, "SIGTERM");
    await sleep(500);
    Deno.kill(target.pid, "SIGTERM");
    const ms = await ended(target, 5000);
    return { did: `ended ${ms.toFixed(0)} ms after the second`, figures: { ms } };
  },
};

const slowReader: Attack = {
  name: "slow-reader-at-the-end",
  rows: ["G05"],
  does: "sends SIGTERM while 8 MB wait for each of 10 peers that do not read, or hardly",
  exit: 0,
  server: { limits: { shutdownGrace: 2000 }, clients: 10, rate: 200 },
  refuses: true,
  async run(target) {
    const conns = await connectAll(target, 10);
    for (const conn of conns) await write(conn, line("big", [8_000_000]));
    await sleep(500);
    Deno.kill(target.pid, "SIGTERM");
    const { shutdownGrace, writeStallTimeout } = target.limits;
    const ms = await ended(target, Math.max(shutdownGrace, writeStallTimeout) + 5000);
    conns.forEach(close);
    const most = shutdownGrace + target.limits.lingerTimeout + 2000;
    check(ms < most, `ended after ${ms.toFixed(0)} ms, the grace is ${shutdownGrace}`);
    return { did: `ended after ${(ms / 1000).toFixed(1)} s`, figures: { ms } };
  },
  figures: [CUT],
};

/** All of them. */
export const SHUTDOWN: readonly Attack[] = [sigterm, stuck, second, slowReader];
