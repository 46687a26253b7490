/**
 * What several workers cost, and how evenly the system spreads connections over them.
 *
 *     deno run -A bench/workers.ts [--rounds 20] [--seconds 0.5] [--json cores.jsonl]
 *
 * The same API is served by the main thread, by one worker and by two. All three are measured in turns
 * for a moment each, so that what others do meanwhile is done to all. Nothing is pinned: two workers and
 * the load generator share what there is, and the CPU time of a call tells more than the rate.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { connect } from "../lib/mod.ts";
import { CELLS } from "./cells.ts";
import type { Found } from "./measure.ts";
import { Program } from "./program.ts";
import type { api } from "./workers_api.ts";

const flags = parseArgs(Deno.args, {
  string: ["rounds", "seconds", "json"],
  default: { rounds: "20", seconds: "0.5" },
});
const rounds = Number(flags.rounds), dur = Number(flags.seconds);
const cells = CELLS.filter(({ name }) => /64 × 16|1 KiB/.test(name));

/** A server that runs, and what was measured of it. */
interface Contender {
  readonly name: string;
  readonly server: Program;
  readonly address: string;
  /** Microseconds of CPU time a call, one for each round. */
  costs: number[];
  /** Calls a second. */
  rates: number[];
}

async function start(name: string, workers?: number): Promise<Contender> {
  const api = new URL("workers_api.ts", import.meta.url).href;
  const threads = workers === undefined ? [] : ["--workers", String(workers)];
  const args = [api, "--quiet", "--listen", "tcp://127.0.0.1:0", ...threads];
  const server = new Program("../main.ts", args, undefined);
  const address = (await server.line()).replace("listening on ", "");
  return { name, server, address, costs: [], rates: [] };
}

/** One load for a moment, and the CPU time that it took the server. */
async function measure(
  { server, address, costs, rates }: Contender,
  load: Readonly<Record<string, string | number>>,
): Promise<void> {
  const args = Object.entries({ ...load, port: new URL(address).port, warm: 0.3, dur });
  await using calling = new Program("load.ts", args.map((arg) => arg.join("=")), undefined);
  // On a machine that stood still the time may be over before it was said that it begins.
  if (await calling.line() !== "measuring") return;
  const before = server.cpu ?? NaN;
  const found: Found = JSON.parse(await calling.line());
  if (found.errors + found.lost > 0) throw new Error(`Cannot measure: ${found.first_error}`);
  costs.push(((server.cpu ?? NaN) - before) / found.n * 1e6);
  rates.push(found.rps);
}

/** The value below which this part of all lies. */
function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * part)]!;
}

/** The part of the connections that the busier of two workers has, for so many of them. */
async function shareOfBusier(address: string, count: number): Promise<number> {
  const lines = await Promise.all(
    Array.from({ length: count }, () => connect<typeof api>(address)),
  );
  const threads = await Promise.all(lines.map((line) => line.call.thread()));
  await Promise.all(lines.map((line) => line.close()));
  const each = [...Map.groupBy(threads, (thread) => thread).values()];
  return Math.max(...each.map(({ length }) => length)) / count;
}

const contenders = [await start("main thread"), await start("1 worker", 1)];
const two = await start("2 workers", 2);
contenders.push(two);

console.log(
  "|                    |             | CPU µs/call, median | lower quarter | ratio | calls/s |",
);
console.log(
  "| ------------------ | ----------- | ------------------: | ------------: | ----: | ------: |",
);
for (const { name: cell, load } of cells) {
  for (const contender of contenders) [contender.costs, contender.rates] = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const it of round % 2 === 0 ? contenders : contenders.toReversed()) {
      await measure(it, load);
    }
  }
  if (flags.json !== undefined && cell === cells[0]!.name) {
    const rows = contenders.flatMap(({ name, costs }) =>
      costs.map((cpu_us) =>
        JSON.stringify({ server: `landline, ${name}`, scenario: "c64d16", cpu_us }) + "\n"
      )
    );
    await Deno.writeTextFile(flags.json, rows.join(""));
  }
  const first = quantile(contenders[1]!.costs, 0.25);
  for (const { name, costs, rates } of contenders) {
    const low = quantile(costs, 0.25);
    console.log(
      `| ${cell.padEnd(18)} | ${name.padEnd(11)} | ${
        quantile(costs, 0.5).toFixed(2).padStart(19)
      } ` +
        `| ${low.toFixed(2).padStart(13)} | ${(first / low).toFixed(2).padStart(5)} ` +
        `| ${quantile(rates, 0.5).toFixed(0).padStart(7)} |`,
    );
  }
}
console.log(
  "\nThe ratio is that of one worker to the others in the lower quarter: above 1 is better.\n",
);

console.log("| connections | share of the busier of two workers, median | worst of 20 |");
console.log("| ----------: | -----------------------------------------: | ----------: |");
for (const count of [2, 4, 16, 64, 512]) {
  const shares: number[] = [];
  for (let i = 0; i < 20; i++) shares.push(await shareOfBusier(two.address, count));
  const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
  console.log(
    `| ${String(count).padStart(11)} | ${percent(quantile(shares, 0.5)).padStart(42)} ` +
      `| ${percent(quantile(shares, 1)).padStart(11)} |`,
  );
}
for (const { server } of contenders) await server[Symbol.asyncDispose]();
