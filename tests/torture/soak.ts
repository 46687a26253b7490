/**
 * `deno task soak`: a server under half the load that it can take, for as long as one likes.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { Child } from "./child.ts";
import { sleep } from "./crowd.ts";
import { type Sample, sample } from "./proc.ts";
import { Victim } from "./server.ts";
import type { Health } from "./window.ts";
import { runTool } from "./tool.ts";

const HELP = `\
Calls a server for a long time at half the rate that it can take, and looks for
what grows: memory, descriptors, latency.

Usage: deno task soak [OPTIONS]

Two loads run at once, both open-loop, both in processes of their own: 50
connections that stay open (rpc_soak), and our own client with a new connection
for each call (channel_soak).

Options:
  --minutes N   how long [default: 60]
  --rate N      calls a second on the connections that stay
                [default: half of what the server is first seen to serve]
  --connects N  calls a second that come with a connection of their own
                [default: 100]
  --json FILE   writes every sample
  -h, --help    prints this

It prints a line every minute and a table at the end: the first fifth of the
time counts as warming up, and the slopes are those of least squares over the
rest.

Exit codes:
  0  no call was lost or answered wrongly, descriptors were as at the begin, and
     the heap in use, at its lowest in the last third of the time, was no more
     than 16 MB above that in the first
  1  one of these was not so
  2  the command line makes no sense
`;

/** Megabytes by which the heap may grow at its lowest: what V8 leaves lying about. */
const HEAP_GROWTH = 16;
const SPARE_DESCRIPTORS = 3;

interface Options {
  readonly minutes: number;
  readonly rate: number | undefined;
  readonly connects: number;
  readonly json: string | undefined;
}

/** What was seen in one stretch of time. */
interface Stretch extends Sample {
  /** Minutes since the begin, at its end. */
  readonly minute: number;
  /** Megabytes of the heap in use. */
  readonly heap: number;
  readonly calls: Health;
  readonly channels: Health;
}

function readOptions(args: string[]): Options | "help" {
  const flags = parseArgs(args, {
    boolean: ["help"],
    string: ["minutes", "rate", "connects", "json"],
    alias: { help: "h" },
    unknown(arg) {
      throw new TypeError(`Cannot read the options: there is no ${arg}, --help lists them`);
    },
  });
  if (flags.help) return "help";
  const number = (name: "minutes" | "rate" | "connects") => {
    const text = flags[name];
    if (text === undefined) return undefined;
    if (text !== "" && Number(text) > 0 && Number.isFinite(Number(text))) return Number(text);
    throw new TypeError(`Cannot read --${name}: it needs a number above 0, it is "${text}"`);
  };
  return {
    minutes: number("minutes") ?? 60,
    rate: number("rate"),
    connects: number("connects") ?? 100,
    json: flags.json,
  };
}

/** Calls a second that the server gives away to as many as ask. */
async function capacity(port: number): Promise<number> {
  const args = [`port=${port}`, "conns=16", "depth=4", "kind=add", "warm=2", "dur=3"];
  await using load = new Child("bench/load.ts", args);
  await load.lineWith("measuring");
  return (await load.json<{ rps: number }>()).rps;
}

/** A load, and the windows that it tells of. */
class Load implements AsyncDisposable {
  readonly #child: Child;

  constructor(program: string, args: readonly number[]) {
    this.#child = new Child(program, args.map(String));
  }

  async begin(): Promise<void> {
    await this.#child.lineWith('"ready"');
  }

  /** Ends a window. */
  async next(): Promise<Health> {
    await this.#child.tell("next");
    return await this.#child.json<Health>();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child[Symbol.asyncDispose]();
  }
}

/** The lowest that the heap is seen at in a while: between collections it only grows. */
async function lowestHeap(port: number, times = 20): Promise<number> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(1 << 12);
  let lowest = Infinity;
  for (let i = 0; i < times; i++) {
    await conn.write(new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"memory"}\n'));
    const count = await conn.read(buffer) ?? 0;
    const { result } = JSON.parse(new TextDecoder().decode(buffer.subarray(0, count)));
    lowest = Math.min(lowest, result.heapUsed / 2 ** 20);
    await sleep(100);
  }
  conn.close();
  return lowest;
}

/** How much a value changes a minute, by least squares. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, it) => sum + it[of], 0) / points.length;
  const x = mean(0), y = mean(1);
  let above = 0, below = 0;
  for (const point of points) {
    above += (point[0] - x) * (point[1] - y);
    below += (point[0] - x) ** 2;
  }
  return below === 0 ? 0 : above / below;
}

async function soak({ minutes, rate, connects, json }: Options): Promise<number> {
  const setting = { seconds: 0, quietMs: 0, limits: {}, identity: undefined, ca: undefined };
  await using victim = await Victim.start({}, setting);
  const { port, pid } = victim.target;
  const calls = rate ?? Math.round(await capacity(port) / 2);
  console.error(`${calls} calls a second, and ${connects} with a connection of their own`);
  await using long = new Load("tests/torture/healthy.ts", [port, 50, calls]);
  await using short = new Load("tests/torture/channels.ts", [port, connects]);
  await Promise.all([long.begin(), short.begin()]);
  const stretches: Stretch[] = [], begun = performance.now();
  const step = Math.min(60_000, minutes * 60_000 / 20);
  for (let i = 1; performance.now() - begun < minutes * 60_000; i++) {
    await sleep(Math.max(0, begun + i * step - performance.now()));
    const now = sample(pid);
    if (now === undefined) throw new Error(`The server has ended: ${await victim.child.errors}`);
    const [ofLong, ofShort, heap] = await Promise.all([
      long.next(),
      short.next(),
      lowestHeap(port),
    ]);
    const minute = (performance.now() - begun) / 60_000;
    stretches.push({ ...now, minute, heap, calls: ofLong, channels: ofShort });
    console.error(
      `${minute.toFixed(1)} min: RSS ${now.rss.toFixed(0)} MB, heap ${heap.toFixed(1)} MB, ` +
        `${now.fds} descriptors, p50/p99 ${ofLong.p50.toFixed(1)}/${ofLong.p99.toFixed(1)} ms, ` +
        `channels ${ofShort.p50.toFixed(1)}/${ofShort.p99.toFixed(1)} ms`,
    );
  }
  if (json !== undefined) await Deno.writeTextFile(json, JSON.stringify(stretches, null, 2));
  return verdict(stretches, minutes);
}

/** Prints the table; gives the exit code. */
function verdict(all: readonly Stretch[], minutes: number): number {
  const warm = all.slice(Math.floor(all.length / 5));
  const first = warm[0]!, last = warm.at(-1)!;
  // A slope of a few minutes says nothing of an hour.
  const perHour = (of: (it: Stretch) => number) =>
    minutes < 10 ? NaN : slope(warm.map((it) => [it.minute, of(it)] as const)) * 60;
  /** The median over the first or the last third, against which one noisy minute does not count. */
  const third = Math.max(1, Math.floor(warm.length / 3));
  const median = (of: (it: Stretch) => number, part: readonly Stretch[]) =>
    part.map(of).sort((a, b) => a - b)[part.length >> 1]!;
  const drift = (of: (it: Stretch) => number) =>
    (median(of, warm.slice(-third)) / median(of, warm.slice(0, third)) - 1) * 100;
  const sum = (of: (it: Health) => number) =>
    all.reduce((total, it) => total + of(it.calls) + of(it.channels), 0);
  const sent = sum((it) => it.sent), lost = sum((it) => it.lost), wrong = sum((it) => it.wrong);
  const refused = sum((it) => it.refused), ended = sum((it) => it.ended);
  const lowest = (part: readonly Stretch[]) => Math.min(...part.map((it) => it.heap));
  const heaps = [lowest(warm.slice(0, third)), lowest(warm.slice(-third))] as const;
  const heap = heaps[1] - heaps[0], descriptors = last.fds - first.fds;
  const example = all.flatMap((it) => [it.calls.example, it.channels.example]).find((it) => it);
  const rows = [
    ["calls", `${sent}`, ""],
    ["lost", `${lost}`, "0"],
    ["wrong or failed", `${wrong}${example ? `, such as ${example}` : ""}`, "0"],
    ["refused", `${refused}`, "0"],
    ["connections that were ended", `${ended}`, "0"],
    ["RSS", `${first.rss.toFixed(0)} to ${last.rss.toFixed(0)} MB`, ""],
    [
      "RSS slope",
      `${perHour((it) => it.rss).toFixed(1)} MB/h`.replace("NaN MB/h", "not from so short a time"),
      "at most 1 after an hour",
    ],
    ["heap at its lowest", `${heaps[0].toFixed(1)} to ${heaps[1].toFixed(1)} MB`, ""],
    ["descriptors", `${first.fds} to ${last.fds}`, "the same"],
    ["p50 drift", `${drift((it) => it.calls.p50).toFixed(0)} %`, ""],
    ["p99 drift", `${drift((it) => it.calls.p99).toFixed(0)} %`, "at most 10"],
    ["p99 drift of channels", `${drift((it) => it.channels.p99).toFixed(0)} %`, ""],
  ];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  console.log(`\n${minutes} minutes, the first fifth of them as a warm-up:`);
  for (const [what, is, goal] of rows) {
    console.log(`${what!.padEnd(widths[0]!)}  ${is!.padEnd(widths[1]!)}  ${goal}`.trimEnd());
  }
  const isGood = lost + wrong + refused + ended === 0 && heap <= HEAP_GROWTH &&
    Math.abs(descriptors) <= SPARE_DESCRIPTORS;
  console.log(isGood ? "\nnothing was lost, nothing grew" : "\nNOT as it should be");
  return isGood ? 0 : 1;
}

if (import.meta.main) {
  await runTool(readOptions, (options) => {
    if (options !== "help") return soak(options);
    console.log(HELP.trimEnd());
  });
}
