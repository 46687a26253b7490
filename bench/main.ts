/**
 * The benchmark: Landline next to the same thing written by hand, in one table. README.md in this
 * folder says how to read it.
 *
 *     deno task bench [--reps 3] [--seconds 3] [--cells TEXT] [--json FILE]
 *
 * `--cells` takes only the cells whose names hold the text; `--json` writes every single measurement.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { type Cell, CELLS, type Contender, CONTENDERS } from "./cells.ts";
import type { Found } from "./measure.ts";
import { canPin, machineCpu, Program } from "./program.ts";

/** One server under one load for some seconds. */
interface Measured extends Found {
  readonly server: string;
  readonly cell: string;
  readonly repetition: number;
  /** Microseconds of the server's CPU time a call. */
  readonly cpu_us: number;
  /** Cores that the server, the load generator, and everybody else kept busy. */
  readonly server_cpu: number;
  readonly load_cpu: number;
  readonly other_cpu: number;
}

const WARM_UP_SECONDS = 1;
/** Measurements in which others took more than this share of a core give way to quieter ones. */
const NOISE = 0.1;

const flags = parseArgs(Deno.args, {
  string: ["reps", "seconds", "cells", "json"],
  default: { reps: "3", seconds: "3", cells: "", json: "" },
});
const repetitions = Number(flags.reps), seconds = Number(flags.seconds);
const cells = CELLS.filter(({ name }) => name.includes(flags.cells));
const [serverCpu, loadCpu] = canPin() ? [0, 1] : [undefined, undefined];

/** Starts the server and the load generator, and takes the CPU times at both ends of the measuring. */
async function measure(
  { name: server, program }: Contender,
  { name: cell, load }: Cell,
  repetition: number,
): Promise<Measured> {
  await using serving = new Program(program, ["0"], serverCpu);
  const port = (await serving.line()).replace(/^.*:/, "");
  const args = Object.entries({ ...load, port, warm: WARM_UP_SECONDS, dur: seconds });
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
    server,
    cell,
    repetition,
    cpu_us: server_cpu! / time! / found.rps * 1e6,
    server_cpu: server_cpu! / time!,
    load_cpu: load_cpu! / time!,
    other_cpu: Math.max(0, all_cpu! - server_cpu! - load_cpu!) / time!,
  };
}

/** What was measured in one cell, without what others disturbed where there is anything else. */
function quietest(all: readonly Measured[], cell: string, server: string): readonly Measured[] {
  const its = all.filter((it) => it.cell === cell && it.server === server);
  const quiet = its.filter(({ other_cpu }) => !(other_cpu > NOISE));
  return quiet.length > 0 ? quiet : its;
}

/** The median over the repetitions of one cell. */
function median(measured: readonly Measured[], member: keyof Measured): number {
  const values = measured.map((it) => Number(it[member])).sort((a, b) => a - b);
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
}

/** A table of one line a server and cell; ratios are those of the medians, more is better. */
function table(all: readonly Measured[]): string {
  const rows = [
    ["", "", "calls/s", "ratio", "CPU µs/call", "ratio", "p50 µs", "p99 µs", "of", "others"],
    ["---", "---", "---:", "---:", "---:", "---:", "---:", "---:", "---:", "---:"],
  ];
  for (const { name: cell } of cells) {
    const first = quietest(all, cell, CONTENDERS[0]!.name);
    for (const { name: server } of CONTENDERS) {
      const its = quietest(all, cell, server);
      const rps = median(its, "rps"), cpu = median(its, "cpu_us");
      rows.push([
        cell,
        server,
        rps.toFixed(0),
        (rps / median(first, "rps")).toFixed(2),
        cpu.toFixed(cpu < 10 ? 2 : 1),
        (median(first, "cpu_us") / cpu).toFixed(2),
        median(its, "p50_us").toFixed(0),
        median(its, "p99_us").toFixed(0),
        its.length.toFixed(0),
        Math.max(...its.map((it) => it.other_cpu)).toFixed(2),
      ].map((text) => text.replace("NaN", "-")));
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

const all: Measured[] = [];
const total = repetitions * cells.length * CONTENDERS.length;
for (let repetition = 0; repetition < repetitions; repetition++) {
  // Who comes first changes from one repetition to the next.
  const turns = repetition % 2 === 0 ? CONTENDERS : CONTENDERS.toReversed();
  for (const cell of cells) {
    for (const contender of turns) {
      const measured = await measure(contender, cell, repetition);
      all.push(measured);
      const { rps, server_cpu, load_cpu, other_cpu } = measured;
      console.error(
        `${all.length}/${total}  ${cell.name}, ${contender.name}: ${rps.toFixed(0)} calls/s,`,
        `cores: server ${server_cpu.toFixed(2)}, load ${load_cpu.toFixed(2)},`,
        `others ${other_cpu.toFixed(2)}`,
      );
    }
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
console.log(`\n${table(all)}\n`);
console.log(
  '"of" is how many measurements the medians are taken from, "others" the most that other programs and',
);
console.log("the host took in one of them, in cores: above 0.1 a figure is not to be trusted.");
