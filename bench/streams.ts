/**
 * Items of streams beside calls: 64 calls in flight, one stream, and a thousand streams at once, each over
 * one connection, by our own client in a process of its own. In turns; medians of seven.
 *
 *     deno run -A bench/streams.ts
 *
 * @module
 */

import { connect, type Line } from "../lib/mod.ts";
import type { api } from "./api.ts";
import { Program } from "./program.ts";

const MS = 700;
const TURNS = 7;
const IN_FLIGHT = 64;
const STREAMS = 1000;

type Load = (call: Line<typeof api>["call"], end: number) => Promise<number>;

/** So many at once, each counting what it gets until the time is over. */
async function together(count: number, one: () => Promise<number>): Promise<number> {
  const counts = await Promise.all(Array.from({ length: count }, one));
  return counts.reduce((sum, count) => sum + count, 0);
}

const items = (count: number): Load => (call, end) =>
  together(count, async () => {
    let seen = 0;
    for await (const n of call.count(1e9)) {
      if (n !== seen++) throw new Error(`Item ${seen - 1} is ${n}`);
      if (performance.now() > end) break;
    }
    return seen;
  });

const LOADS: Record<string, Load> = {
  "calls": (call, end) =>
    together(IN_FLIGHT, async () => {
      let seen = 0;
      for (; performance.now() < end; seen++) {
        if (await call.add({ a: seen, b: 7 }) !== seen + 7) throw new Error("A sum is wrong");
      }
      return seen;
    }),
  "one stream": items(1),
  "a thousand streams": items(STREAMS),
};

await using server = new Program("server.ts", ["0"], undefined);
const address = (await server.line()).replace("listening on ", "");
const rates = new Map(Object.keys(LOADS).map((name) => [name, [] as number[]]));
for (let turn = 0; turn <= TURNS; turn++) {
  for (const [name, load] of Object.entries(LOADS)) {
    await using line = await connect<typeof api>(address);
    const begun = performance.now(), count = await load(line.call, begun + MS);
    // The first turn warms up.
    if (turn > 0) rates.get(name)!.push(count / (performance.now() - begun) * 1000);
  }
}
for (const [name, all] of rates) {
  const sorted = all.toSorted((a, b) => a - b);
  const told = [sorted[TURNS >> 1]!, sorted[0]!, sorted.at(-1)!].map((rate) => rate.toFixed(0));
  console.log(`${name}: ${told[0]} a second (${told[1]} to ${told[2]})`);
}
