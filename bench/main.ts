/**
 * The benchmark: Landline next to the same thing written by hand, in one table. README.md in this
 * folder says how to read it.
 *
 *     deno task bench [--reps 3] [--seconds 3] [--cells TEXT] [--suite NAME] [--json FILE]
 *
 * `--cells` takes only the cells whose names hold the text; `--suite` takes other cells than those of the
 * table, `connections` or `bytes`; `--json` writes every single measurement, for charts.ts.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { type Cell, type Contender, SUITES } from "./cells.ts";
import type { Found } from "./measure.ts";
import { canPin, machineCpu, Program } from "./program.ts";

/** One server under one load for some seconds. */
export interface Measured extends Found {
  readonly suite: string;
  readonly server: string;
  readonly cell: string;
  /** Where the cell stands on the axis of a chart. */
  readonly x?: number;
  /** The servers of one round were measured in a row. */
  readonly round: number;
  /** Microseconds of the server's CPU time a call. */
  readonly cpu_us: number;
  /** Cores that the server, the load generator, and everybody else kept busy. */
  readonly server_cpu: number;
  readonly load_cpu: number;
  readonly other_cpu: number;
}

const WARM_UP_SECONDS = 1;
/** A round is disturbed where others took more than this share of a core in one of its measurements. */
const NOISE = 0.1;
/** A disturbed round is taken once more where all is still done by then. */
const PATIENCE_MS = 165_000;

const flags = parseArgs(Deno.args, {
  string: ["reps", "seconds", "cells", "suite", "json"],
  default: { reps: "3", seconds: "3", cells: "", suite: "table", json: "" },
});
const suite = SUITES[flags.suite];
if (suite === undefined) {
  throw new TypeError(
    `Cannot measure: there are the suites ${Object.keys(SUITES).join(", ")}, not ${flags.suite}`,
  );
}
const repetitions = Number(flags.reps), seconds = Number(flags.seconds);
const cells = suite.cells.filter(({ name }) => name.includes(flags.cells));
const [serverCpu, loadCpu] = canPin() ? [0, 1] : [undefined, undefined];

/** Starts the server and the load generator, and takes the CPU times at both ends of the measuring. */
async function measure(
  { name: server, program }: Contender,
  { name: cell, load, x }: Cell,
  round: number,
): Promise<Measured> {
  await using serving = new Program(program, ["0"], serverCpu);
  const port = (await serving.line()).replace(/^.*:/, "");
  const args = Object.entries({ warm: WARM_UP_SECONDS, ...load, port, dur: seconds });
  await using calling = new Program("load.ts", args.map((arg) => arg.join("=")), loadCpu);
  const times = () => [performance.now() / 1000, serving.cpu, calling.cpu, machineCpu()];
  await calling.line(); // "measuring"
  const before = times();
  const line = calling.line();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000 - 50));
  const after = times();
  const [time, server_cpu, load_cpu, all_cpu] = after.map((value, i) => value! - before[i]!);
  const found: Found = JSON.parse(await line);
  if (found.errors + found.lost > 0) {
    throw new Error(
      `Cannot measure ${server}: ${found.errors} answers are wrong, ${found.lost} ` +
        `are missing, ${found.first_error}`,
    );
  }
  return {
    ...found,
    suite: flags.suite,
    server,
    cell,
    ...(x !== undefined && { x }),
    round,
    cpu_us: server_cpu! / time! / found.rps * 1e6,
    server_cpu: server_cpu! / time!,
    load_cpu: load_cpu! / time!,
    other_cpu: Math.max(0, all_cpu! - server_cpu! - load_cpu!) / time!,
  };
}

/** Whether others had a part in this round. */
function isDisturbed(round: readonly Measured[]): boolean {
  return round.some(({ other_cpu }) => other_cpu > NOISE);
}

/** What was measured in one cell, without the disturbed rounds where there are others. */
function measuredIn(cell: string): readonly Measured[] {
  const its = all.filter((it) => it.cell === cell);
  const byRound = [...Map.groupBy(its, ({ round }) => round).values()];
  const quiet = byRound.filter((round) => !isDisturbed(round)).flat();
  return quiet.length > 0 ? quiet : its;
}

/** The median of one figure. */
function median(measured: readonly Measured[], member: keyof Measured): number {
  const values = measured.map((it) => Number(it[member])).sort((a, b) => a - b);
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
}

/** A table of one line a server and cell; ratios are those of the medians, more is better. */
function table(): string {
  const rows = [
    ["", "", "calls/s", "ratio", "CPU µs/call", "ratio", "p50 µs", "p99 µs", "rounds", "others"],
    ["---", "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---:"],
  ];
  for (const { name: cell } of cells) {
    const measured = measuredIn(cell);
    const first = measured.filter(({ server }) => server === suite!.contenders[0]!.name);
    const doubt = isDisturbed(measured) ? "~" : "";
    for (const { name: server } of suite!.contenders) {
      const its = measured.filter((it) => it.server === server);
      const rps = median(its, "rps"), cpu = median(its, "cpu_us");
      rows.push([
        cell,
        server,
        rps.toFixed(0),
        doubt + (rps / median(first, "rps")).toFixed(2),
        cpu.toFixed(cpu < 10 ? 2 : 1),
        doubt + (median(first, "cpu_us") / cpu).toFixed(2),
        median(its, "p50_us").toFixed(0),
        median(its, "p99_us").toFixed(0),
        its.length.toFixed(0),
        Math.max(...its.map((it) => it.other_cpu)).toFixed(2),
      ].map((text) => text.replace(/~?NaN/, "-")));
    }
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => {
    const padded = row.map((text, column) =>
      column < 2 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)
    );
    return `| ${padded.join(" | ")} |`;
  }).join("\n");
}

/** Measures all servers in one cell, one after the other; whether nothing disturbed that. */
async function measureRound(cell: Cell, contenders: readonly Contender[]): Promise<boolean> {
  const round = rounds++, measured: Measured[] = [];
  for (const contender of contenders) {
    const its = await measure(contender, cell, round);
    measured.push(its);
    console.error(
      `${cell.name}, ${contender.name}: ${its.rps.toFixed(0)} calls/s, cores:`,
      `server ${its.server_cpu.toFixed(2)}, load ${its.load_cpu.toFixed(2)},`,
      `others ${its.other_cpu.toFixed(2)}`,
    );
  }
  all.push(...measured);
  return !isDisturbed(measured);
}

const all: Measured[] = [];
let rounds = 0;
let due = repetitions * cells.length;
for (let repetition = 0; repetition < repetitions; repetition++) {
  // Who comes first changes from one repetition to the next.
  const contenders = repetition % 2 === 0 ? suite.contenders : suite.contenders.toReversed();
  for (const cell of cells) {
    const isQuiet = await measureRound(cell, contenders);
    due--;
    if (isQuiet || performance.now() * (1 + (due + 1) / rounds) > PATIENCE_MS) continue;
    console.error("Disturbed, once more:");
    await measureRound(cell, contenders);
  }
}
if (flags.json !== "") await Deno.writeTextFile(flags.json, JSON.stringify(all, null, 1) + "\n");

const { deno, v8 } = Deno.version;
console.log(`Deno ${deno}, V8 ${v8}, ${Deno.build.target}, ${navigator.hardwareConcurrency} CPUs`);
console.log(
  `Medians of ${repetitions} repetitions of ${seconds} s;`,
  serverCpu === undefined
    ? "nothing is pinned to a CPU."
    : "the server is pinned to one CPU, the load generator to another.",
);
console.log(`\n${table()}\n`);
console.log(
  "Rounds are those that the medians are taken from; others is the most that other programs and the",
);
console.log(`host took in one of them, in cores. ~ marks ratios without a round below ${NOISE}.`);
