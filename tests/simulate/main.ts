/**
 * The simulation: servers, clients and a network that fails, under a clock and a scheduler that a seed
 * decides. What a seed does it does again.
 *
 *     deno task simulate [--seeds 10000] [--seed FIRST] [--jobs N] [--json]
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { runMain, spread, toCount } from "../support/threads.ts";
import { type Result, simulate } from "./_simulation.ts";
import type { Summary } from "./_worker.ts";

const HELP = `Lives through simulated worlds of servers, clients and a network that fails.

  deno task simulate [--seeds N] [--seed FIRST] [--jobs N] [--json]

  --seeds N     how many worlds (default 10000; 1 with --seed)
  --seed FIRST  the first one (default 1); alone, it replays this one and shows what happened
  --jobs N      how many at a time (default: one for each processor)
  --json        prints one JSON object
  --help        prints this

Ends with 1 where something was wrong in a world, and says in which.`;

async function main(args: string[]): Promise<number> {
  const flags = parseArgs(args, {
    string: ["seeds", "seed", "jobs"],
    boolean: ["json", "help"],
    unknown: (arg) => {
      throw new TypeError(`Cannot simulate: nothing is known of ${arg}`);
    },
  });
  if (flags.help) {
    console.log(HELP);
    return 0;
  }
  const first = toCount("seed", flags.seed ?? "1", 0);
  const seeds = toCount("seeds", flags.seeds ?? (flags.seed === undefined ? "10000" : "1"), 1);
  const jobs = Math.min(
    seeds,
    toCount("jobs", flags.jobs ?? `${navigator.hardwareConcurrency}`, 1),
  );
  if (seeds === 1) return replay(await simulate(first), flags.json);
  const begun = performance.now();
  const worker = new URL("./_worker.ts", import.meta.url);
  const parts = await spread<Summary>(worker, first, seeds, jobs);
  const seconds = (performance.now() - begun) / 1000;
  const sum = (pick: (part: Summary) => number) => parts.reduce((sum, part) => sum + pick(part), 0);
  const failed = parts.flatMap(({ failed }) => failed);
  const total = {
    worlds: sum((it) => it.worlds),
    calls: sum((it) => it.calls),
    turns: sum((it) => it.turns),
    simulatedHours: Math.round(sum((it) => it.ms) / 36_000) / 100,
    seconds: Math.round(seconds * 10) / 10,
    worldsPerSecond: Math.round(sum((it) => it.worlds) / seconds),
  };
  if (flags.json) console.log(JSON.stringify({ ...total, failed }));
  else {
    for (const { seed, violations } of failed) {
      console.log(`seed ${seed}: ${violations.slice(0, 3).join("; ")}`);
      console.log(`  deno task simulate --seed ${seed}`);
    }
    const { worlds, calls, turns, simulatedHours, worldsPerSecond } = total;
    console.log(
      `${worlds} worlds, ${calls} calls, ${turns} turns, ${simulatedHours} h of their time in ` +
        `${total.seconds} s (${worldsPerSecond} a second): ${failed.length} failed`,
    );
  }
  return failed.length > 0 ? 1 : 0;
}

/** Shows one world. */
function replay({ seed, violations, trace, calls, turns }: Result, asJson: boolean): number {
  if (asJson) console.log(JSON.stringify({ seed, violations, trace, calls, turns }));
  else {
    for (const line of trace) console.log(line);
    console.log(`seed ${seed}: ${calls} calls, ${turns} turns, ${violations.length} violations`);
    for (const violation of violations) console.log(`  ${violation}`);
  }
  return violations.length > 0 ? 1 : 0;
}

if (import.meta.main) await runMain(main);
