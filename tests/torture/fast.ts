/**
 * Attacks by callers that ask for much and read all of it, as fast as it comes.
 *
 * @module
 */

import { bytesOf } from "../support/raw.ts";
import { ALONE, ANY_CONNECTION, type Attack, check, others, share } from "./attack.ts";
import { line, times } from "./crowd.ts";
import { crowdOf, numbered, press, type Pressable, type Pressed, told } from "./press.ts";

/** As many as a number can count. */
const ALL = Number.MAX_SAFE_INTEGER;

/** An endless stream with all the credit in the world. */
const COUNTDOWN = line("countdown", { value: ALL, _meta: { stream: { credit: ALL } } });

/** Says what was asked for, once, and reads until the time is over. */
function readAll(target: Pressable, request: string): Promise<Pressed> {
  return press(target, () => undefined, { first: request });
}

const SMALL_DEMO = { ...ALONE, heap: 192, api: "demo" } as const;

const fastCountdown: Attack = {
  name: "fast-countdown",
  rows: ["R01"],
  does: "asks for a countdown from 2^53 - 1 with as much credit, and reads as fast as it can",
  server: SMALL_DEMO,
  figures: ANY_CONNECTION,
  run: async (target) => ({ did: told(await readAll(target, COUNTDOWN)) }),
};

const fastCountdowns: Attack = {
  name: "fast-countdowns",
  rows: ["R01"],
  does: "asks for such a countdown 1,000 times on one connection, and reads as fast as it can",
  server: SMALL_DEMO,
  figures: ANY_CONNECTION,
  async run(target) {
    const params = JSON.stringify({ value: ALL, _meta: { stream: { credit: ALL } } });
    const stream = numbered("countdown", params);
    return { did: told(await press(target, (i) => i < 1000 ? stream(i) : undefined)) };
  },
};

const fastCrowd: Attack = {
  name: "fast-crowd",
  rows: ["R01"],
  does: "asks for such a countdown on 256 connections, and reads as fast as it can",
  server: { ...ALONE, heap: 512, api: "demo" },
  figures: [
    { what: "RSS growth MB", value: ({ grown }) => grown, atMost: 200 },
    ...others(30, 250),
  ],
  async run(target) {
    let read = 0;
    const count = share(target, 256);
    const from = crowdOf(target);
    await times(count, async () => {
      const pressed = await readAll(from, COUNTDOWN);
      read += pressed.read; // not in one expression: the sum would be what it was before the wait
    }, count);
    return { did: `sent ${(read / 2 ** 20).toFixed(1)} MB to ${count}` };
  },
};

const fastItems: Attack = {
  name: "fast-items",
  rows: ["R02"],
  does: "reads 64 endless streams of 10 kB items, and gives credit again for each item that comes",
  server: { ...ALONE, heap: 192 },
  figures: ANY_CONNECTION,
  async run(target) {
    const open = (id: number) =>
      line("texts", { key: "fast", size: 10_000, _meta: { stream: { credit: 64 } } }, id);
    const streams = Array.from({ length: 64 }, (_, id) => open(id)).join("");
    const credit = Array.from({ length: 64 }, (_, id) => {
      const params = { id, n: 64 };
      return JSON.stringify({ jsonrpc: "2.0", method: "$/stream/credit", params }) + "\n";
    }).join("");
    let items = 0, given = 0;
    const pressed = await press(target, () => undefined, {
      first: streams,
      onRead(bytes) {
        for (let at = -1; (at = bytes.indexOf(10, at + 1)) >= 0;) items++;
        // About as much as was read: the streams go on side by side.
        if (items - given < 1024) return undefined;
        given = items;
        return bytesOf(credit);
      },
    });
    return { did: told(pressed) };
  },
};

const fastAnswers: Attack = {
  name: "fast-answers",
  rows: ["R03"],
  does: "asks for 8 MB again and again on one connection, and reads as fast as it can",
  server: { ...ALONE, heap: 192 },
  figures: ANY_CONNECTION,
  async run(target) {
    const big = numbered("big", "[8000000]");
    const pressed = await press(target, big);
    check(pressed.read > 0, "nothing came");
    return { did: told(pressed) };
  },
};

const fastBatches: Attack = {
  name: "fast-batches",
  rows: ["R03"],
  does: "sends batches of 100 calls, notifications and pings, and reads as fast as it can",
  server: SMALL_DEMO,
  figures: ANY_CONNECTION,
  async run(target) {
    const kinds = [
      '{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}',
      '{"jsonrpc":"2.0","method":"add","params":[1,2]}',
      '{"jsonrpc":"2.0","id":2,"method":"rpc.health"}',
    ];
    const batch = bytesOf(
      `[${Array.from({ length: 100 }, (_, i) => kinds[i % kinds.length]).join()}]\n`,
    );
    return { did: told(await press(target, () => batch)) };
  },
};

const fastDocuments: Attack = {
  name: "fast-documents",
  rows: ["R03"],
  does: "asks for rpc.discover again and again on one connection, and reads as fast as it can",
  server: SMALL_DEMO,
  figures: ANY_CONNECTION,
  run: async (target) => ({ did: told(await press(target, numbered("rpc.discover", "[]"))) }),
};

/** All of them. */
export const FAST: readonly Attack[] = [
  fastCountdown,
  fastCountdowns,
  fastItems,
  fastAnswers,
  fastBatches,
  fastDocuments,
  fastCrowd,
];
