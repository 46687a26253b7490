/**
 * Attacks by small or allowed messages that cost far more than others of their size.
 *
 * @module
 */

import { bytesOf } from "../support/raw.ts";
import {
  ANY_CONNECTION,
  type Attack,
  check,
  type Figure,
  type Outcome,
  share,
  SMALL,
  type Target,
} from "./attack.ts";
import { during, line, peer, sleep, times } from "./crowd.ts";
import { empties, press } from "./press.ts";
import { sample } from "./proc.ts";

const sumOfNothings: Attack = {
  name: "sum-of-nothings",
  rows: ["P17"],
  does: "asks for the sum of 346,000 [], each of which the schema refuses, again and again",
  server: { ...SMALL, api: "demo" },
  figures: ANY_CONNECTION,
  async run(target) {
    const request = line("sum", { value: 1 }).replace('{"value":1}', empties(346_000, "[]"))
      .trimEnd();
    let refused = 0;
    await during(target.seconds, async () => {
      using caller = await peer(target);
      const { error } = await caller.ask(request);
      check(
        error?.code === -32602 || error?.code === -32008,
        `answered ${Deno.inspect(error).slice(0, 200)}`,
      );
      const bytes = JSON.stringify(error).length;
      check(bytes < 100_000, `the error has ${bytes} bytes`);
      refused++;
    });
    return { did: `refused ${refused} of ${refused}` };
  },
};

const blankHeaders: Attack = {
  name: "blank-headers",
  rows: ["F24"],
  does:
    "sends headers whose values are 4,030 blanks between two letters on 16 connections, as fast as it can",
  server: SMALL,
  figures: [
    {
      what: "a new caller waits ms at most",
      value: ({ figures }) => figures.waited,
      atMost: 250,
    },
    ...ANY_CONNECTION,
  ],
  async run(target) {
    const body = '{"jsonrpc":"2.0","method":"$/nothing"}';
    const blanks = " ".repeat(4030);
    const block = bytesOf(
      `Content-Length: ${body.length}\r\nX:x${blanks}x\r\n\r\n${body}`.repeat(16),
    );
    let waited = 0, isOver = false;
    const newcomers = (async () => {
      while (!isOver) {
        const begun = performance.now();
        using newcomer = await peer(target);
        await newcomer.ask({ jsonrpc: "2.0", id: 1, method: "echo" });
        waited = Math.max(waited, performance.now() - begun);
        await sleep(50);
      }
    })();
    let bytes = 0;
    const count = share(target, 16);
    await times(count, async () => void (bytes += (await press(target, () => block)).bytes), count);
    isOver = true;
    await newcomers;
    return {
      did: `took ${(bytes / 2 ** 20).toFixed(1)} MB, a new caller waited ${waited.toFixed(0)} ms`,
      figures: { waited },
    };
  },
};

/** Milliseconds of the server's processor for one message, at the median. */
async function cost(target: Target, message: string, times: number): Promise<number> {
  using caller = await peer(target);
  await caller.ask(message); // once for nothing
  const before = sample(target.pid)?.cpu ?? 0;
  for (let i = 0; i < times; i++) {
    const { id } = await caller.ask(message);
    check(id !== null, "a message of 1 MiB was not answered");
    await sleep(20); // so that the others are served, too
  }
  return ((sample(target.pid)?.cpu ?? 0) - before) / times;
}

/** Compares what an odd message costs with the same one written plainly. */
function odd(name: string, does: string, change: (plain: string) => string): Attack {
  const plain = `{"jsonrpc":"2.0","id":1,"method":"echo","params":${empties(110_000)}}`;
  const ratio: Figure = {
    what: "cost, of the plain message's",
    value: ({ figures }) => figures.ratio,
    atMost: 2.6,
  };
  return {
    name,
    rows: ["P18"],
    does,
    server: { ...SMALL, api: "demo" },
    figures: [ratio, ...ANY_CONNECTION],
    async run(target): Promise<Outcome> {
      const usual = await cost(target, plain, 5);
      const times = Math.max(3, Math.round(target.seconds * 2));
      const oddly = await cost(target, change(plain), times);
      return {
        did: `took ${oddly.toFixed(0)} ms of processor each, ${usual.toFixed(0)} for a plain one`,
        figures: { ratio: oddly / usual },
      };
    },
  };
}

/** All of them. */
export const COSTLY: readonly Attack[] = [
  sumOfNothings,
  blankHeaders,
  odd(
    "odd-id",
    'sends 110,000 {} as params behind "id":1.0, again and again',
    (plain) => plain.replace('"id":1', '"id":1.0'),
  ),
  odd(
    "odd-name",
    "sends 110,000 {} as params behind a method's name with an escape, again and again",
    (plain) => plain.replace('"echo"', '"ech\\u006f"'),
  ),
];
