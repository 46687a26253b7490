/**
 * `client.ts bench`: puts a load on a server, and says how many calls it took and how long they took.
 *
 * @module
 */

import type { Socket } from "../../lib/client.ts";
import { type Framing, schemeOf } from "../../lib/wire.ts";
import { type BenchReport, drawReport, drawSvg, duration, grouped } from "./report.ts";
import type { ArgumentOptions, Given } from "../command/args.ts";
import { EXIT } from "../command/exit.ts";
import { Load } from "./load.ts";
import { numberOption, pathOption } from "../command/number_option.ts";
import { type Params, parseParams } from "../command/params.ts";
import { ProgressLine } from "../text/progress.ts";
import { mustBeStream } from "../command/stream_address.ts";
import { listenForSignals } from "../command/signals.ts";
import { print } from "../text/stdio.ts";
import { framingOf, openCaller } from "../command/line.ts";

/** What `bench --help` prints. */
export const help = `\
Puts a load on a JSON-RPC 2.0 server: calls one method over and over.

Usage: client.ts bench [OPTIONS] ADDRESS METHOD [PARAMS]

PARAMS are as for a single call: one JSON text, or name=value pairs.

Options:
  --connections N   [default: 8]
  --depth N         calls under way on each connection [default: 1]; with --rate
                    the most that may be [default: 1000]
  --rate N          calls a second, whatever the server does: an open loop
                    [default: none: the next call follows an answer]
  --seconds N       of measuring [default: 5]
  --warmup N        seconds before that, which do not count [default: 1]
  --svg FILE        writes the histogram as a picture too
  --json            prints one JSON text: latencies in milliseconds, and the
                    histogram as [from, to, count]

A latency runs from when a call was due to its answer: with --rate that is when
it should have been sent, otherwise when the answer before it came. So a server
that stalls is charged for every call that it keeps waiting, and nothing is
hidden by a client that waits with it (coordinated omission). Latencies are kept
to within 1 %. The id of every answer is looked at, and whether it is an error;
its result is not. Errors are counted by kind, and answers a second are results
alone.

At http:// and https:// each call is a POST, and each connection carries one of
them at a time, also with --rate. The requests go out with Deno's fetch, which
takes longer for each than a socket does: it is part of what is measured.

Exit codes:
  0    every call had a result
  1    some had not
  2    the command line makes no sense
  3    cannot connect
  130  interrupted (Ctrl-C): what was measured by then is printed

Permissions: -N; for --svg FILE also -W.

Examples:
  client.ts bench tcp://127.0.0.1:8080 add a=1 b=2
  client.ts bench --connections 64 --depth 16 tcp://127.0.0.1:8080 add a=1 b=2
  client.ts bench --rate 5000 --seconds 30 tcp://127.0.0.1:8080 upper '"a"'
`;

/** Its own options. */
export const options = {
  connections: { type: "string" },
  depth: { type: "string" },
  rate: { type: "string" },
  seconds: { type: "string" },
  warmup: { type: "string" },
  svg: { type: "string" },
} as const satisfies ArgumentOptions;

/** Milliseconds between two lines of progress. */
const PROGRESS = 250;

/** What is to be measured. */
interface Asked {
  readonly address: string;
  readonly method: string;
  readonly params: Params;
  readonly connections: number;
  readonly depth: number;
  readonly rate: number | undefined;
  readonly seconds: number;
  readonly warmUp: number;
}

/** Measures. */
export async function run(words: readonly string[], given: Given): Promise<number> {
  const asked = read(words, given.values);
  mustBeStream(asked.address, ["http", "https", "ws", "wss"]); // many requests go out in one write
  const svg = pathOption(given.values, "svg");
  const { json } = given;
  const interruption = listenForSignals();
  const { signal } = interruption;
  const sockets: Socket[] = [];
  let load: Load, framing: Framing;
  try {
    // One after another: a server's backlog may be short.
    while (sockets.length < asked.connections) {
      const socket = await openCaller(asked.address, given, interruption);
      if (socket === undefined) return await interruption.exitCode;
      sockets.push(socket);
    }
    framing = framingOf(sockets[0]!, given);
    load = new Load({ ...asked, framing, sockets, signal });
  } catch (error) {
    await Promise.all(sockets.map((socket) => socket.close()));
    throw error instanceof RangeError ? new TypeError(error.message) : error;
  }
  const progress = new ProgressLine();
  const timer = progress.isShown ? setInterval(() => showProgress(load, progress), PROGRESS) : 0;
  const found = await load.run();
  clearInterval(timer);
  progress.clear();
  const report: BenchReport = { ...asked, framing: framing.name, ...found };
  if (svg !== undefined) await Deno.writeTextFile(svg, drawSvg(report));
  await print(json ? toJson(report) + "\n" : drawReport(report));
  if (signal.aborted) return await interruption.exitCode;
  return found.failures > 0 || found.results === 0 ? EXIT.FAILED : EXIT.OK;
}

function read([address, method, ...words]: readonly string[], values: Given["values"]): Asked {
  if (address === undefined || method === undefined) {
    throw new TypeError("Cannot bench: ADDRESS and METHOD are needed, bench --help shows how");
  }
  const rate = numberOption(values, "rate", { min: 0.1, max: 1e7, fraction: true });
  const depth = numberOption(values, "depth", { min: 1, max: 100_000 });
  const isHttp = ["http", "https"].includes(schemeOf(address));
  if (isHttp && depth !== undefined && depth > 1) {
    throw new TypeError(
      `Cannot bench with --depth ${depth}: over HTTP a connection carries one call at a time, use --connections`,
    );
  }
  return {
    address,
    method,
    params: parseParams(words),
    connections: numberOption(values, "connections", { min: 1, max: 10_000 }) ?? 8,
    depth: depth ?? (rate === undefined || isHttp ? 1 : 1000),
    rate,
    seconds: numberOption(values, "seconds", { min: 0.1, max: 86_400, fraction: true }) ?? 5,
    warmUp: numberOption(values, "warmup", { min: 0, max: 86_400, fraction: true }) ?? 1,
  };
}

function showProgress({ start, end, results, failures, latencies }: Load, line: ProgressLine) {
  const now = performance.now();
  if (now < start) return line.show("warming up");
  const passed = Math.min(now, end) - start;
  line.show([
    `${(passed / 1000).toFixed(1)} of ${Math.round((end - start) / 100) / 10} s`,
    `${grouped(results / passed * 1000)}/s`,
    `p50 ${duration(latencies.quantile(0.5))}`,
    `p99 ${duration(latencies.quantile(0.99))}`,
    ...failures > 0 ? [`${grouped(failures)} errors`] : [],
  ].join("  "));
}

function toJson(report: BenchReport): string {
  const { address, method, framing, connections, depth, rate, seconds, latencies } = report;
  const at = (part: number) => latencies.quantile(part);
  return JSON.stringify({
    address,
    method,
    framing,
    connections,
    depth,
    ...rate !== undefined && { rate },
    seconds,
    results: report.results,
    resultsPerSecond: seconds === 0 ? 0 : report.results / seconds,
    failures: report.failures,
    errors: Object.fromEntries(report.kinds),
    latency: {
      count: latencies.count,
      min: latencies.min,
      mean: latencies.mean,
      p50: at(0.5),
      p90: at(0.9),
      p99: at(0.99),
      "p99.9": at(0.999),
      max: latencies.max,
    },
    histogram: Array.from(latencies.buckets(), ({ from, to, count }) => [from, to, count]),
  });
}
