/**
 * Attacks by leaving: half-closing, resetting, and being gone in the middle of something.
 *
 * @module
 */

import { type Attack, check, share } from "./attack.ts";
import {
  becomes,
  close,
  connectAll,
  connectAndReset,
  during,
  line,
  peer,
  ran,
  readToEnd,
  sleep,
  times,
  write,
} from "./crowd.ts";

const callsThenFin: Attack = {
  name: "calls-then-fin",
  rows: ["D01"],
  does: "makes three calls of 200 ms and half-closes, on 100 connections",
  async run(target) {
    const conns = await connectAll(target, share(target, 100));
    await Promise.all(conns.map(async (conn) => {
      await write(conn, [1, 2, 3].map((id) => line("sleep", [200], id)).join(""));
      await conn.closeWrite();
      const { text } = await readToEnd(conn);
      close(conn);
      const answers = text.trimEnd().split("\n").map((answer) => JSON.parse(answer));
      const ids = answers.filter(({ result }) => result === 200).map(({ id }) => id).sort();
      check(ids.join() === "1,2,3", `the answers are ${text.trimEnd()}`);
    }));
    return { did: `gave 3 of 3 answers to each of ${conns.length}, then hung up` };
  },
};

const resetMidFrame: Attack = {
  name: "reset-mid-frame",
  rows: ["D03"],
  does: "resets connections in the middle of a message, again and again",
  async run(target) {
    const bytes = [
      "{",
      '{"jsonrpc":"2.0","id":1',
      "Content-Length: 100\r\n\r\n{",
      "\x00\x00\x01\x00{",
    ];
    let resets = 0;
    await during(target.seconds, async () => {
      await times(100, (i) => connectAndReset(target, bytes[i % bytes.length]));
      resets += 100;
    });
    return { did: `took ${resets} resets`, figures: { resets } };
  },
};

const resetWhileRunning: Attack = {
  name: "reset-while-running",
  rows: ["D03"],
  does: "resets 200 connections while their calls run",
  figures: [{ what: "aborted ms", value: ({ figures }) => figures.ms, atMost: 1000 }],
  async run(target) {
    const key = crypto.randomUUID(), count = share(target, 200);
    const request = line("wait", { key, ms: 60_000 });
    const resets: (() => Promise<void>)[] = [];
    const { Socket } = await import("node:net");
    await times(count, () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const socket = new Socket();
      socket.on("error", () => {});
      socket.connect(target.port, "127.0.0.1", () => socket.write(request, () => resolve()));
      resets.push(() => {
        socket.resetAndDestroy();
        return Promise.resolve();
      });
      return promise;
    });
    const haveBegun = await becomes(async () => await ran(target, `${key} begun`) === count);
    const begun = performance.now();
    for (const reset of resets) await reset();
    check(haveBegun, `not all of ${count} calls began`);
    const haveEnded = await becomes(async () => await ran(target, `${key} aborted`) === count);
    const aborted = await ran(target, `${key} aborted`);
    check(haveEnded, `${aborted} of ${count} handlers were told`);
    return {
      did: `told all ${count} handlers`,
      figures: { ms: performance.now() - begun },
    };
  },
};

const halfCloseNeverReads: Attack = {
  name: "half-close-never-reads",
  rows: ["D06", "S09"],
  does: "asks for 8 MB on 20 connections, half-closes, and reads nothing",
  async run(target) {
    const { writeStallTimeout } = target.limits, count = share(target, 20);
    const conns = await connectAll(target, count);
    for (const conn of conns) {
      await write(conn, line("big", [8_000_000]));
      await conn.closeWrite();
    }
    // What the server let go of is known from what is left to read: less than was asked for.
    await sleep(writeStallTimeout + 3000);
    const ends = await Promise.all(conns.map((conn) => readToEnd(conn)));
    conns.forEach(close);
    const served = ends.filter(({ bytes }) => bytes >= 8_000_000).length;
    check(served === 0, `${served} of ${count} were still served after ${writeStallTimeout} ms`);
    return { did: `had hung up on all ${count}` };
  },
};

const errorWhileSending: Attack = {
  name: "error-while-sending",
  rows: ["D07"],
  does: "announces too much and goes on to send 10 MB, on 100 connections, then reads",
  async run(target) {
    const count = share(target, 100);
    const bytes = new Uint8Array([0, 0xff, 0xff, 0xff]); // a length over every limit
    const block = new Uint8Array(1 << 16);
    let told = 0;
    await times(count, async () => {
      const [conn] = await connectAll(target, 1);
      await write(conn!, bytes);
      for (let i = 0; i < 160 && await write(conn!, block); i++);
      await conn!.closeWrite().catch(() => {});
      const { text } = await readToEnd(conn!);
      close(conn!);
      if (text.includes("RESOURCE_EXHAUSTED")) told++;
    }, 10);
    check(told === count, `${count - told} of ${count} did not hear why`);
    return { did: `told ${told} of ${count} why` };
  },
};

const leaveStreams: Attack = {
  name: "leave-streams",
  rows: ["D08"],
  does: "opens 10 streams on each of 50 connections, reads some, and leaves",
  async run(target) {
    const key = crypto.randomUUID(), count = share(target, 50);
    await times(count, async () => {
      using reader = await peer(target);
      for (let id = 1; id <= 10; id++) {
        await reader.send({
          jsonrpc: "2.0",
          id,
          method: "texts",
          params: { key, size: 100, _meta: { stream: { credit: 50 } } },
        });
      }
      await reader.answers(10);
    });
    const begun = await ran(target, `${key} begun`);
    const haveEnded = await becomes(async () => await ran(target, `${key} ended`) === begun);
    const ended = await ran(target, `${key} ended`);
    check(haveEnded, `${ended} of ${begun} generators have ended`);
    return { did: `ended all ${begun} generators, each once` };
  },
};

const callBackAndLeave: Attack = {
  name: "call-back-and-leave",
  rows: ["D09"],
  does: "has itself called back 60 times on each of 20 connections, and leaves",
  async run(target) {
    const key = crypto.randomUUID(), count = share(target, 20), calls = 60;
    const conns = await connectAll(target, count);
    for (const conn of conns) {
      await write(
        conn,
        Array.from({ length: calls }, (_, id) => line("callBack", [key], id)).join(""),
      );
    }
    const all = await becomes(async () => await ran(target, `${key} begun`) === count * calls);
    check(all, `${await ran(target, `${key} begun`)} of ${count * calls} handlers began`);
    conns.forEach(close);
    const rejected = await becomes(async () => await ran(target, `${key} ended`) === count * calls);
    const ended = await ran(target, `${key} ended`);
    check(rejected, `${ended} of ${count * calls} calls were rejected`);
    return { did: `rejected all ${ended} calls of its own` };
  },
};

/** All of them. */
export const HALF_OPEN: readonly Attack[] = [
  callsThenFin,
  resetMidFrame,
  resetWhileRunning,
  halfCloseNeverReads,
  errorWhileSending,
  leaveStreams,
  callBackAndLeave,
];
