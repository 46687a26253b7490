/**
 * Callers that do nothing wrong: they ask for all that the limits allow, and must get all of it, whole
 * and in order.
 *
 * @module
 */

import { connect, type Line } from "../../lib/mod.ts";
import type { Duplex } from "../../lib/transport/socket.ts";
import { call, HttpPeer, post } from "../support/http.ts";
import { type Answer, RawPeer, type Spoken } from "../support/raw.ts";
import type { api } from "./api.ts";
import {
  ALONE,
  type Attack,
  check,
  type Figure,
  others,
  type Outcome,
  type Target,
} from "./attack.ts";
import { ask, becomes, during, ran, sleep, webSocket } from "./crowd.ts";
import { faultOf } from "./fresh.ts";
import { paced } from "./pace.ts";

const MB = 1_000_000;

/** What they may wait for beside a caller that asks for much. */
const OTHERS = others(15, 100);

/** Growth beyond what the handlers themselves have made and hold. */
function beyond(megabytes: number): Figure {
  return {
    what: `RSS growth MB beyond ${megabytes}`,
    value: ({ grown }) => grown - megabytes,
    atMost: 100,
  };
}

/** Reads everything, as fast as it can or at a pace that is given up after the attack's time. */
async function reader(
  { port, seconds }: Target,
  pace: number,
  framing: Spoken = "json",
): Promise<RawPeer> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay();
  const socket: Duplex = pace === Infinity ? conn : paced(conn, pace, seconds * 1000);
  return framing === "websocket" ? await webSocket(socket) : new RawPeer(socket, framing);
}

/** Reads again and again until the time is over: what comes fast is soon over. */
async function again(
  target: Target,
  pace: number,
  read: (target: Target, pace: number) => Promise<Outcome>,
): Promise<Outcome> {
  let outcome: Outcome = { did: "" };
  const seconds = pace === Infinity ? target.seconds : 0;
  const rounds = await during(seconds, async () => void (outcome = await read(target, pace)));
  return { ...outcome, did: `${outcome.did}, ${rounds} times` };
}

/** An attack of a reader at full speed, and one of a reader of 1 MB a second. */
function atBothPaces(
  name: string,
  rows: readonly string[],
  does: string,
  figures: readonly Figure[],
  read: (target: Target, pace: number) => Promise<Outcome>,
): readonly Attack[] {
  return ([["fast", Infinity], ["1 MB/s", MB]] as const).map(([speed, pace]) => ({
    name: pace === Infinity ? name : `${name}-slowly`,
    rows,
    does: `${does}, and reads ${pace === Infinity ? "as fast as it can" : `${speed}`}`,
    server: ALONE,
    figures,
    run: (target) => again(target, pace, read),
  }));
}

/** Makes calls for fresh values at once, and looks at every answer. */
function answers(
  name: string,
  count: number,
  size: number,
  framing: Spoken = "json",
): readonly Attack[] {
  const megabytes = count * size / MB;
  return atBothPaces(
    name,
    [rowOf("H01", framing)],
    `makes ${count} calls at once${over(framing)} whose answers have ${size / MB} MB`,
    [beyond(megabytes), ...OTHERS],
    async (target, pace) => {
      using peer = await reader(target, pace, framing);
      const calls = Array.from({ length: count }, (_, i) => call("fresh", { seed: i, size }, i));
      await peer.send(...calls);
      const due = new Set(calls.keys());
      while (due.size > 0) {
        const { id, result, error } = await next(peer, `${due.size} of ${count} answers`);
        check(error === undefined, `call ${id} was answered ${Deno.inspect(error)}`);
        check(due.delete(id as number), `an answer to ${id} came that is not due`);
        const fault = faultOf(result, id as number, size);
        check(fault === undefined, `the answer to ${id}: ${fault}`);
      }
      return { did: `gave ${count} of ${count} answers, ${megabytes} MB, whole` };
    },
  );
}

/** Opens streams at once, gives credit as our client does, and looks at every item. */
function streams(
  name: string,
  count: number,
  size: number,
  items: number,
  framing: Spoken = "json",
): readonly Attack[] {
  const window = 64, megabytes = count * items * size / MB;
  return atBothPaces(
    name,
    [rowOf("H02", framing)],
    `opens ${count} streams at once${over(framing)}, of ${items} items of ${size / 1000} kB each`,
    [beyond(0), ...OTHERS],
    async (target, pace) => {
      using peer = await reader(target, pace, framing);
      const seedOf = (id: number) => id * 1000;
      const meta = { stream: { credit: window } };
      const open = (id: number) =>
        call("freshItems", { seed: seedOf(id), size, count: items, _meta: meta }, id);
      const sending = peer.send(...Array.from({ length: count }, (_, id) => open(id)));
      const taken = new Array<number>(count).fill(0), given = new Array<number>(count).fill(0);
      for (let due = count; due > 0;) {
        const message = await next(peer, `${due} of ${count} streams`);
        if (message.method === "$/stream/item") {
          const { id, value, values = [value] } = message.params as Item;
          for (const item of values) {
            const fault = faultOf(item, seedOf(id) + taken[id]!++, size);
            check(fault === undefined, `item ${taken[id]! - 1} of stream ${id}: ${fault}`);
          }
          const n = taken[id]! - given[id]!;
          if (n < window / 2) continue;
          given[id] = taken[id]!;
          await peer.send({ jsonrpc: "2.0", method: "$/stream/credit", params: { id, n } });
          continue;
        }
        const { id, error } = message;
        check(error === undefined, `stream ${id} has ended with ${Deno.inspect(error)}`);
        check(
          taken[id as number] === items,
          `${taken[id as number]} items of ${items} came of ${id}`,
        );
        due--;
      }
      await sending;
      return { did: `gave ${count * items} items of ${count} streams, ${megabytes} MB, in order` };
    },
  );
}

function over(framing: Spoken): string {
  return framing === "json" ? "" : ` over ${framing}`;
}

/** The case of the matrix: what is tried over a WebSocket is one of its own. */
function rowOf(row: string, framing: Spoken): string {
  return framing === "json" ? row : "H07";
}

interface Item {
  readonly id: number;
  readonly value?: unknown;
  readonly values?: readonly unknown[];
}

/** The next message; where there is none more, what is lost. */
async function next(peer: RawPeer, due: string): Promise<Answer> {
  let answer: Answer;
  try {
    answer = await peer.answer();
  } catch (error) {
    check(false, `${due} are lost: ${(error as Error).message}`);
  }
  if (answer.id === null) check(false, `${due} are lost: ${Deno.inspect(answer.error)}`);
  return answer;
}

type Api = typeof api;

/** A line of our own client's, which pings often: a call is not to be lost for its length. */
function client({ port }: Target, scheme: "tcp" | "ws" = "tcp"): Promise<Line<Api>> {
  return connect<Api>(`${scheme}://127.0.0.1:${port}`, {
    reconnect: false,
    limits: { pingInterval: 500, pingTimeout: 1000 },
  });
}

/** What became of calls, as a text of what is wrong; undefined where all were answered. */
function lossOf(settled: readonly PromiseSettledResult<unknown>[]): string | undefined {
  const failed = settled.filter((it) => it.status === "rejected");
  if (failed.length === 0) return undefined;
  return `${failed.length} of ${settled.length} calls failed: ${failed[0]!.reason}`;
}

/** Fails where a call was not answered. */
async function allAnswered(calls: readonly Promise<unknown>[]): Promise<void> {
  const loss = lossOf(await Promise.allSettled(calls));
  check(loss === undefined, loss ?? "");
}

const longCalls: Attack = {
  name: "long-calls",
  rows: ["H03"],
  does:
    "makes 64 calls that last longer than it may be silent, by our client, which pings meanwhile",
  server: ALONE,
  figures: OTHERS,
  async run(target) {
    await using line_ = await client(target);
    const ms = Math.max(3000, target.seconds * 1000);
    await allAnswered(Array.from({ length: 64 }, () => line_.call.sleep(ms)));
    return { did: `answered 64 calls of ${ms / 1000} s` };
  },
};

const cancelWhenFull: Attack = {
  name: "cancel-when-full",
  rows: ["H04"],
  does: "aborts one of 64 calls that run, by our client, and looks when its handler is told",
  server: ALONE,
  figures: [
    { what: "handler told after ms", value: ({ figures }) => figures.ms, atMost: 40 },
    ...OTHERS,
  ],
  async run(target) {
    await using line_ = await client(target);
    const key = crypto.randomUUID(), cancel = new AbortController();
    const { maxInFlight } = target.limits;
    const calls = Array.from({ length: maxInFlight - 1 }, () => line_.call.sleep(3000));
    const options = { signal: cancel.signal };
    const cancelled = line_.call.wait({ key, ms: 30_000 }, options).catch(() => {});
    check(await becomes(async () => await ran(target, `${key} begun`) === 1), "it has not begun");
    // More than may run: the cancellation lies behind calls that wait.
    calls.push(...Array.from({ length: 10 }, () => line_.call.sleep(1)));
    await sleep(50);
    const begun = performance.now();
    cancel.abort();
    const isTold = await becomes(async () => await ran(target, `${key} aborted`) === 1, 2500);
    const ms = performance.now() - begun;
    check(isTold, `a handler beside ${maxInFlight - 1} others is not told`);
    await Promise.all([allAnswered(calls), cancelled]);
    return { did: `told it after ${ms.toFixed(0)} ms`, figures: { ms } };
  },
};

/** 10,000 calls in one go, with a stream open beside them or not. */
function pipeline(
  name: string,
  does: string,
  hasStream: boolean,
  scheme: "tcp" | "ws" = "tcp",
): Attack {
  return {
    name,
    rows: [scheme === "ws" ? "H07" : "H05"],
    does,
    server: ALONE,
    figures: OTHERS,
    async run(target) {
      await using line_ = await client(target, scheme);
      const items = hasStream
        ? line_.call.texts({ key: name, size: 10, count: 1000 })[Symbol.asyncIterator]()
        : undefined;
      await items?.next();
      const count = 10_000;
      const sums = Array.from({ length: count }, async (_, a) => {
        const sum = await line_.call.add({ a, b: 1 });
        if (sum !== a + 1) throw new Error(`${a} + 1 is ${sum}`);
      });
      await allAnswered(sums);
      // A hundred that take their time: more than may run at once.
      await allAnswered(Array.from({ length: 100 }, () => line_.call.sleep(300)));
      await allAnswered(Array.from({ length: count }, () => line_.call.sleep(1)));
      let taken = 1;
      if (items !== undefined) {
        for await (const _ of { [Symbol.asyncIterator]: () => items }) taken++;
      }
      check(!hasStream || taken === 1000, `${taken} items of 1000 came`);
      return { did: `answered ${2 * count + 100} of ${2 * count + 100} calls` };
    },
  };
}

const unreadPipeline: Attack = {
  name: "pipeline-at-leisure",
  rows: ["H05"],
  does: "sends 10,000 calls for 10 kB at once, without our client, and reads their answers later",
  server: ALONE,
  figures: [beyond(0), ...OTHERS],
  async run(target) {
    using peer = await reader(target, Infinity);
    const count = 10_000, size = 10_000;
    const calls = Array.from({ length: count }, (_, i) => call("fresh", { seed: i, size }, i));
    const sending = peer.send(...calls);
    await sleep(Math.min(target.seconds * 1000, target.limits.writeStallTimeout / 2));
    for (let due = count; due > 0; due--) {
      const { id, result, error } = await next(peer, `${due} of ${count} answers`);
      check(error === undefined, `call ${id} was answered ${Deno.inspect(error)}`);
      const fault = faultOf(result, id as number, size);
      check(fault === undefined, `the answer to ${id}: ${fault}`);
    }
    await sending;
    check((await ask(target, "echo", [1])).id === 1, "serves nobody any more");
    return { did: `answered ${count} of ${count} calls` };
  },
};

/** Asks for streams of events or of lines, one after another, and looks at every item. */
function httpStreams(name: string, accept: string, size: number, items: number): readonly Attack[] {
  const megabytes = size * items / MB;
  return atBothPaces(
    name,
    ["H06"],
    `asks for a stream of ${items} items of ${size / 1000} kB as ${accept}`,
    [beyond(0), ...OTHERS],
    async (target, pace) => {
      using peer = await httpPeer(target, pace);
      await peer.send(
        post(call("freshItems", { seed: 0, size, count: items }), `Accept: ${accept}`),
      );
      const { status } = await peer.head();
      check(status === 200, `the status is ${status}`);
      let taken = 0, isAnswered = false;
      for await (const text of peer.messages()) {
        const message = JSON.parse(text);
        if (message.method !== "$/stream/item") {
          check(message.error === undefined, `it has ended with ${Deno.inspect(message.error)}`);
          isAnswered = true;
          continue;
        }
        const { value, values = [value] } = message.params as Item;
        for (const item of values) {
          const fault = faultOf(item, taken++, size);
          check(fault === undefined, `item ${taken - 1}: ${fault}`);
        }
      }
      check(isAnswered && taken === items, `${taken} items of ${items} came`);
      return { did: `gave ${items} items, ${megabytes} MB, in order` };
    },
  );
}

/** Pipelines calls by POST, and looks at every answer, in order. */
function httpAnswers(name: string, count: number, size: number): readonly Attack[] {
  return atBothPaces(
    name,
    ["H06"],
    `pipelines ${count} calls by POST whose answers have ${size / MB} MB`,
    [beyond(0), ...OTHERS],
    async (target, pace) => {
      using peer = await httpPeer(target, pace);
      const calls = Array.from({ length: count }, (_, i) => call("fresh", { seed: i, size }, i));
      const sending = peer.send(calls.map((it) => post(it)).join(""));
      for (let i = 0; i < count; i++) {
        const { status, body } = await peer.answer();
        check(status === 200, `call ${i} was answered with ${status}`);
        const fault = faultOf(JSON.parse(body).result, i, size);
        check(fault === undefined, `the answer to ${i}: ${fault}`);
      }
      await sending;
      return { did: `gave ${count} of ${count} answers, ${count * size / MB} MB, in order` };
    },
  );
}

async function httpPeer({ port, seconds }: Target, pace: number): Promise<HttpPeer> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  if (pace === Infinity) return new HttpPeer(conn);
  const slow = paced(conn, pace, seconds * 1000);
  return new HttpPeer({ ...slow, closeWrite: () => conn.closeWrite(), close: () => conn.close() });
}

const httpLongCalls: Attack = {
  name: "http-long-calls",
  rows: ["H06"],
  does: "makes 64 calls by POST, on a connection each, that last longer than a head may take",
  server: ALONE,
  figures: OTHERS,
  async run(target) {
    const ms = Math.max(3000, target.seconds * 1000), meta = { timeoutMs: 10 * ms };
    await allAnswered(Array.from({ length: 64 }, async () => {
      const { port } = target, url = `http://127.0.0.1:${port}`;
      const body = call("sleep", { value: ms, _meta: meta });
      const headers = { "content-type": "application/json" };
      const answer = await (await fetch(url, { method: "POST", headers, body })).json();
      if (answer.result !== ms) throw new Error(`it was answered ${Deno.inspect(answer)}`);
    }));
    return { did: `answered 64 calls of ${ms / 1000} s` };
  },
};

/** All of them. */
export const WITHIN: readonly Attack[] = [
  ...answers("answers-of-1-mb", 64, MB),
  ...answers("answers-of-8-mb", 64, 8 * MB),
  ...streams("items-of-500-kb", 40, 500_000, 10),
  ...streams("streams-of-10-kb", 1000, 10_000, 10),
  longCalls,
  cancelWhenFull,
  pipeline("pipeline", "makes 20,100 calls by our client, 10,000 at a time", false),
  pipeline("pipeline-beside-a-stream", "makes the same while one stream is open", true),
  ...answers("ws-answers-of-1-mb", 64, MB, "websocket"),
  ...streams("ws-streams-of-10-kb", 1000, 10_000, 10, "websocket"),
  ...httpAnswers("http-answers-of-1-mb", 32, MB),
  ...httpAnswers("http-answers-of-1-kb", 5000, 1000),
  ...httpStreams("events-of-10-kb", "text/event-stream", 10_000, 1000),
  ...httpStreams("lines-of-500-kb", "application/x-ndjson", 500_000, 20),
  httpLongCalls,
  pipeline("ws-pipeline", "makes the same over a WebSocket of our client's", true, "ws"),
  unreadPipeline,
];
