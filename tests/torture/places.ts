/**
 * Attacks on what all callers share: places for calls, streams, time, and memory that a connection holds
 * without doing anything.
 *
 * @module
 */

import { bytesOf } from "../support/raw.ts";
import {
  ALONE,
  ANY_CONNECTION,
  type Attack,
  check,
  type Figure,
  others,
  share,
  SMALL,
  type Target,
} from "./attack.ts";
import {
  ask,
  close,
  closeAll,
  connectAll,
  line,
  peer,
  ran,
  readToEnd,
  sleep,
  times,
  write,
} from "./crowd.ts";
import { sample } from "./proc.ts";
import { type NthMessage, press, told } from "./press.ts";

/** As long as a call may be asked to take, in milliseconds. */
const PATIENCE = 300_000;

/** A stream that may send nothing. */
const NO_CREDIT = { stream: { credit: 0 } };

const figure = (what: string, name: string, atMost: number): Figure => ({
  what,
  value: ({ figures }) => figures[name],
  atMost,
});

const sleepers: Attack = {
  name: "sleepers",
  rows: ["O09"],
  does:
    "makes 64 calls of five minutes on each of 66 connections, beside others that make short ones",
  server: { ...ALONE, api: "demo" },
  figures: others(15, 100),
  async run(target) {
    const { crowd = { hostname: "127.0.0.1", port: target.port } } = target;
    const params = { value: PATIENCE, _meta: { timeoutMs: PATIENCE } };
    const calls = Array.from({ length: 64 }, (_, id) => line("sleep", params, id)).join("");
    const conns: Deno.TcpConn[] = [];
    await times(share(target, 66), async () => {
      const conn = await Deno.connect(crowd);
      conns.push(conn);
      readToEnd(conn);
      await write(conn, calls);
    });
    using other = await peer(target);
    let refused = 0, made = 0, example = "";
    for (const end = performance.now() + target.seconds * 1000; performance.now() < end;) {
      for (const [method, value, result] of [["sleep", [10], 10], ["add", [1, 2], 3]] as const) {
        const answer = await other.ask({ jsonrpc: "2.0", id: ++made, method, params: value });
        if (answer.result === result) continue;
        refused++;
        example ||= `${method} was answered ${JSON.stringify(answer.error)}`;
      }
      await sleep(5);
    }
    await closeAll(conns);
    check(refused === 0, `${refused} of ${made} calls of another are refused: ${example}`);
    return { did: `answered ${made} of ${made} calls of another` };
  },
};

const expiredUnread: Attack = {
  name: "expired-and-unread",
  rows: ["O10"],
  does: "sends 50 calls of 50 ms behind as many as may run, and looks whether one begins",
  server: ALONE,
  figures: others(15, 100),
  async run(target) {
    const { maxInFlight } = target.limits, key = crypto.randomUUID(), count = 50;
    const call = (id: number, method: string, value: unknown, timeoutMs: number) =>
      line(method, { value, _meta: { timeoutMs } }, id);
    using hasty = await peer(target);
    const ids = Array.from({ length: maxInFlight }, (_, id) => id);
    await hasty.write(ids.map((id) => call(id, "sleep", 1500, 20_000)).join(""));
    await sleep(200);
    // One more, so that it is full, and those that then lie where nobody has looked yet.
    await hasty.write(call(maxInFlight, "sleep", 1, 20_000));
    await sleep(100);
    const late = Array.from({ length: count }, (_, i) => call(1000 + i, "run", key, 50));
    await hasty.write(late.join(""));
    const answers = await hasty.answers(maxInFlight + 1 + count);
    const told = answers.filter(({ error }) => error?.code === -32004).length;
    const runs = await ran(target, key);
    check(runs === 0, `${runs} of ${count} calls began after their time`);
    check(told === count, `${told} of ${count} were told DEADLINE_EXCEEDED`);
    return { did: `told ${count} of ${count} DEADLINE_EXCEEDED, and began none` };
  },
};

/** A server that takes 10 calls and 100 kB a second from each connection. */
const RATED = { ...ALONE, rate: 8, program: "tests/torture/rated.ts" };

/** Floods a server that has a rate. */
function rateFlood(name: string, does: string, message: NthMessage): Attack {
  return {
    name,
    rows: ["O11"],
    does,
    server: RATED,
    figures: [figure("MB a second taken", "rate", 2), ...others(15, 100)],
    async run(target) {
      const pressed = await press(target, message);
      // What the system's buffers took was not read.
      const taken = Math.max(0, pressed.bytes - (1 + pressed.cuts) * BUFFERED);
      return { did: told(pressed), figures: { rate: taken / 1e6 / target.seconds } };
    },
  };
}

/** Bytes that Linux takes for a connection of loopback that nobody reads. */
const BUFFERED = 8e6;

const FILLER = "x".repeat(60_000);
const same = (text: string): NthMessage => {
  const bytes = bytesOf((text + "\n").repeat(Math.ceil(60_000 / text.length)));
  return () => bytes;
};

const silentStream: Attack = {
  name: "silent-stream",
  rows: ["O12"],
  does: "opens streams that may send nothing on 100 connections, and is silent",
  server: { ...ALONE, limits: { idleTimeout: 2000 } },
  figures: others(15, 100),
  async run(target) {
    const { idleTimeout } = target.limits;
    const conns = await connectAll(target, share(target, 100));
    const heard = conns.map(async (conn) => {
      await write(conn, line("texts", { key: "silent", size: 1, _meta: NO_CREDIT }));
      const { bytes } = await readToEnd(conn, 0);
      return bytes;
    });
    let asked = 0, ended = 0;
    const all = Promise.all(heard.map(async (bytes) => {
      if (await bytes > 0) asked++;
      ended++;
    }));
    await Promise.race([all, sleep(3 * idleTimeout + 3000)]);
    const open = conns.length - ended;
    conns.forEach(close);
    await all;
    check(
      open === 0,
      `${open} of ${conns.length} silent peers are kept, ${asked} of them were asked something`,
    );
    return { did: `hung up on all ${conns.length}, asked ${asked} of them before` };
  },
};

const besideStreams: Attack = {
  name: "control-beside-streams",
  rows: ["O13"],
  does: "sends control messages as fast as it can, beside 1,024 streams of its own and without",
  server: SMALL,
  figures: [
    {
      what: "part of the messages a second that are left",
      value: ({ figures }) => figures.part,
      atLeast: 0.5,
    },
    ...ANY_CONNECTION,
  ],
  async run(target) {
    const control = [
      '{"jsonrpc":"2.0","method":"$/stream/credit","params":{"id":999999,"n":1}}',
      '{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":999998}}',
      '{"jsonrpc":"2.0","method":"$/stream/credit","params":{"id":500,"n":0}}',
      '{"jsonrpc":"2.0","id":999997,"result":1}',
    ];
    const block = bytesOf((control.join("\n") + "\n").repeat(500));
    const streams = Array.from(
      { length: target.limits.maxStreams },
      (_, id) => line("texts", { key: "beside", size: 1, _meta: NO_CREDIT }, id),
    ).join("");
    const seconds = target.seconds / 2, options = { seconds };
    const alone = await press(target, () => block, options);
    const beside = await press(target, () => block, { ...options, first: streams });
    const part = beside.bytes / alone.bytes;
    const rate = (bytes: number) => (bytes / block.length * 2000 / seconds / 1000).toFixed(0);
    return {
      did: `took ${rate(alone.bytes)} k a second, ${rate(beside.bytes)} k beside 1,024 streams`,
      figures: { part },
    };
  },
};

const manyDeadlines: Attack = {
  name: "many-deadlines",
  rows: ["O14"],
  does: "opens 37,000 streams with a deadline of its own each, and waits",
  server: ALONE,
  figures: [figure("processor % meanwhile", "load", 5), ...others(15, 100)],
  async run(target) {
    const quiet = await load(target, 1000);
    const each = Math.min(1000, target.limits.maxStreams), conns = await connectAll(target, 37);
    await times(conns.length, async (conn) => {
      const streams = Array.from({ length: each }, (_, id) => {
        const timeoutMs = 100_000 + 4 * (conn * each + id);
        const _meta = { ...NO_CREDIT, timeoutMs };
        return line("texts", { key: "deadlines", size: 1, _meta }, id);
      });
      await write(conns[conn]!, streams.join(""));
    });
    check((await ask(target, "echo", [1])).id === 1, "serves nobody any more");
    await sleep(1000);
    const busy = await load(target, Math.max(2, target.seconds) * 1000);
    await closeAll(conns);
    return {
      did: `took ${(busy - quiet).toFixed(1)} % of a processor`,
      figures: { load: Math.max(0, busy - quiet) },
    };
  },
};

/** The part of a processor that the server takes, in percent. */
async function load({ pid }: Target, ms: number): Promise<number> {
  const before = sample(pid)?.cpu ?? 0, begun = performance.now();
  await sleep(ms);
  return ((sample(pid)?.cpu ?? 0) - before) / (performance.now() - begun) * 100;
}

const oneCallThenIdle: Attack = {
  name: "call-then-idle",
  rows: ["M08"],
  does: "makes one call of 30 kB on each of 2,000 connections, and is idle",
  server: { ...ALONE, rate: 20 },
  figures: [figure("kB kept for each connection", "kept", 16)],
  async run(target) {
    const before = sample(target.pid)?.rss ?? 0;
    const conns = await connectAll(target, share(target, 2000));
    const request = bytesOf(line("run", ["x".repeat(30_000)])), buffer = new Uint8Array(1 << 16);
    await times(conns.length, async (i) => {
      await write(conns[i]!, request);
      await conns[i]!.read(buffer);
    }, 4);
    await sleep(6000); // V8 collects what is left over
    const kept = ((sample(target.pid)?.rss ?? 0) - before) * 1024 / conns.length;
    await closeAll(conns);
    return {
      did: `keeps ${kept.toFixed(1)} kB for each of ${conns.length}`,
      figures: { kept },
    };
  },
};

/** All of them. */
export const PLACES: readonly Attack[] = [
  sleepers,
  expiredUnread,
  rateFlood(
    "flood-of-refused-calls",
    "makes calls of 60 kB as fast as it can at a server that takes 10 and 100 kB a second",
    same(`{"jsonrpc":"2.0","id":1,"method":"echo","params":["${FILLER}"]}`),
  ),
  rateFlood(
    "flood-of-small-calls",
    "makes small calls as fast as it can at such a server",
    same('{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}'),
  ),
  rateFlood(
    "flood-of-unknown-control",
    "sends control messages that nobody knows as fast as it can to such a server",
    same(`{"jsonrpc":"2.0","method":"$/nothing","params":["${FILLER}"]}`),
  ),
  rateFlood(
    "flood-of-stray-answers",
    "sends answers to no call as fast as it can to such a server",
    same(`{"jsonrpc":"2.0","id":77,"result":"${FILLER}"}`),
  ),
  silentStream,
  besideStreams,
  manyDeadlines,
  oneCallThenIdle,
];
