/**
 * Attacks on memory: many idle peers, large messages that are not finished, and a small heap.
 *
 * @module
 */

import { bytesOf } from "../support/raw.ts";
import { type Attack, check, HEALTHY_P99, share, type Target } from "./attack.ts";
import { ask, close, closeAll, connectAll, peer, readToEnd, sleep, times, write } from "./crowd.ts";

const rss = (atMost: number) => ({
  what: "RSS MB",
  value: ({ peak }: { peak: number }) => peak,
  atMost,
});

const idleCrowd: Attack = {
  name: "idle-crowd",
  rows: ["M01"],
  does: "makes one call on each of 10,000 connections, and is idle",
  figures: [rss(160), HEALTHY_P99],
  async run(target) {
    const conns = await connectAll(target, share(target, 9900));
    const buffers = new Uint8Array(256);
    let answered = 0;
    await times(conns.length, async (i) => {
      await write(conns[i]!, '{"jsonrpc":"2.0","id":1,"method":"echo","params":[]}\n');
      if (await conns[i]!.read(buffers) !== null) answered++;
    });
    await sleep(target.seconds * 1000);
    await closeAll(conns);
    check(answered === conns.length, `${answered} of ${conns.length} were answered`);
    return { did: `answered and kept ${conns.length}` };
  },
};

/** A call of about this many bytes. */
function large(bytes: number): Uint8Array<ArrayBuffer> {
  const text = "x".repeat(bytes - 100);
  return bytesOf(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "run", params: [text] }) + "\n");
}

const largeThenIdle: Attack = {
  name: "large-then-idle",
  rows: ["M02"],
  does: "sends one message of 1 MB on each of 200 connections, and is idle",
  figures: [{
    what: "RSS growth MB once idle",
    value: ({ figures }) => figures.kept,
    atMost: 32,
  }],
  async run(target) {
    const before = await memory(target);
    const conns = await connectAll(target, share(target, 200));
    const bytes = bytesOf(
      JSON.stringify({ jsonrpc: "2.0", id: 1, method: "fail", params: ["x".repeat(1_000_000)] }) +
        "\n",
    );
    const buffers = new Uint8Array(4096);
    await times(conns.length, async (i) => {
      await write(conns[i]!, bytes);
      await conns[i]!.read(buffers);
    }, 8);
    await sleep(6000);
    const after = await memory(target);
    conns.forEach(close);
    const kept = (after.rss - before.rss) / 2 ** 20;
    const external = (after.external - before.external) / 2 ** 20;
    return {
      did: `kept ${external.toFixed(1)} MB of buffers for ${conns.length}`,
      figures: { kept, external },
    };
  },
};

interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

async function memory(target: Target): Promise<Memory> {
  return (await ask(target, "memory")).result as Memory;
}

const partialMessages: Attack = {
  name: "partial-messages",
  rows: ["M03"],
  does: "sends all but the last byte of a message of 1 MB on 1,000 connections, and waits",
  refuses: true,
  figures: [rss(400)],
  async run(target) {
    const conns = await connectAll(target, share(target, 1000));
    const bytes = large(1_000_000).subarray(0, -1);
    let taken = 0;
    await times(conns.length, async (i) => {
      if (await write(conns[i]!, bytes)) taken++;
    }, 32);
    await sleep(1000);
    const { result } = await ask(target, "echo", [1]);
    conns.forEach(close);
    check(JSON.stringify(result) === "[1]", "serves nobody any more");
    return { did: `took ${taken} of ${conns.length}`, figures: { taken } };
  },
};

const smallHeap: Attack = {
  name: "small-heap",
  rows: ["M06"],
  does: "fills a heap of 256 MB with unfinished messages, answers nobody reads, and waiting calls",
  server: { v8: ["--max-old-space-size=256"], clients: 10, rate: 200 },
  refuses: true,
  async run(target) {
    const bytes = large(1_000_000), begun = performance.now();
    let waves = 0;
    while (performance.now() < begun + target.seconds * 1000) {
      const conns = await connectAll(target, 300);
      const params = { key: "heap", ms: 8_000, filler: "x".repeat(900_000) };
      const wait = bytesOf(
        JSON.stringify({ jsonrpc: "2.0", id: 1, method: "wait", params }) + "\n",
      );
      const big = '{"jsonrpc":"2.0","id":1,"method":"big","params":[4000000]}\n';
      await Promise.race([
        times(conns.length, async (i) => {
          await write(conns[i]!, [bytes.subarray(0, -1), wait, bytesOf(big)][i % 3]!);
        }, 32),
        sleep(10_000), // a server that keeps us waiting is doing well
      ]);
      await sleep(500);
      conns.forEach(close);
      waves++;
    }
    using one = await peer(target);
    const { id } = await one.ask({ jsonrpc: "2.0", id: 1, method: "echo" });
    check(id === 1, "serves nobody any more");
    return { did: `lived through ${waves} waves` };
  },
};

const smallMemory: Attack = {
  name: "small-memory",
  rows: ["M07"],
  does: "has a server that may take 250 MB keep 64 calls of 1 MB on each of 10 connections",
  server: { limits: { maxResidentBytes: 250 << 20 }, clients: 10, rate: 200 },
  refuses: true,
  figures: [rss(300)],
  async run(target) {
    const params = { key: "memory", ms: 3000, filler: "x".repeat(900_000) };
    const wait = bytesOf(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "wait", params }) + "\n");
    let answered = 0, refused = 0;
    await times(10, async () => {
      const [conn] = await connectAll(target, 1);
      const ended = readToEnd(conn!, Infinity);
      for (let i = 0; i < 64 && await write(conn!, wait); i++);
      await conn!.closeWrite().catch(() => {});
      const { text } = await ended;
      close(conn!);
      answered += text.split('"result"').length - 1;
      refused += text.split("UNAVAILABLE").length - 1;
    });
    check(answered + refused > 0, "nobody was answered");
    const { id } = await ask(target, "echo");
    check(id === 1, "serves nobody any more");
    return { did: `answered ${answered}, refused ${refused} of 640` };
  },
};

const deepWaiting: Attack = {
  name: "waiting-calls",
  rows: ["O05", "M06"],
  does: "makes 64 calls of 1 s on each of 100 connections at once",
  refuses: true,
  figures: [{
    what: "refused after ms",
    value: ({ figures }) => figures.refusal ?? 0,
    atMost: 5,
  }],
  async run(target) {
    const conns = await connectAll(target, share(target, 100));
    const calls = Array.from(
      { length: 64 },
      (_, id) => JSON.stringify({ jsonrpc: "2.0", id, method: "sleep", params: [1000] }) + "\n",
    ).join("");
    let answered = 0, refused = 0;
    await Promise.all(conns.map(async (conn) => {
      const ended = readToEnd(conn, Infinity);
      await write(conn, calls);
      await conn.closeWrite();
      const { text } = await ended;
      close(conn);
      const answers = text.trimEnd().split("\n").map((it) => JSON.parse(it));
      const ids = new Set(answers.map(({ id }) => id));
      check(ids.size === 64 && answers.length === 64, `${ids.size} of 64 calls were answered`);
      for (const { result, error } of answers) {
        if (result === 1000) answered++;
        else if (["UNAVAILABLE", "RESOURCE_EXHAUSTED"].includes(error?.data?.name)) refused++;
        else check(false, `a call was answered ${JSON.stringify(error)}`);
      }
    }));
    return { did: `answered ${answered}, refused ${refused}, none was silent` };
  },
};

/** All of them. */
export const MEMORY: readonly Attack[] = [
  idleCrowd,
  largeThenIdle,
  partialMessages,
  deepWaiting,
  smallMemory,
  smallHeap,
];
