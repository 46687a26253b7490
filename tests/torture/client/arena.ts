/**
 * One client of ours, and a hostile server that it has connected to.
 *
 * @module
 */

import { printable } from "../../../cli/text/printable.ts";
import type { Report } from "../arena.ts";
import { Child } from "../child.ts";
import { sleep } from "../crowd.ts";
import { Watch } from "../proc.ts";
import { places } from "../server.ts";
import { CLIENT_ROW, type Mischief } from "./mischief.ts";
import { faultsOf, type Summary } from "./outcomes.ts";

/** Megabytes of V8's old generation that the client has. */
const HEAP = 192;

/** Megabytes by which it may grow. */
const GROWTH = 256;

/** Milliseconds that it may take beyond its time to tell. */
const PATIENCE = 30_000;

/** Lets a client of ours call a server that does this. */
export async function measureClient(
  mischief: Mischief,
  seconds: number,
  heap: number | undefined = HEAP,
): Promise<Report> {
  const { server: here, attackers: there } = places();
  const args = [mischief.name];
  await using hostile = new Child("tests/torture/client/hostile.ts", args, { processor: there });
  const { port } = await hostile.json<{ port: number }>();
  await using client = new Child("tests/torture/client/prey.ts", [port, seconds].map(String), {
    flags: ["-A", ...heap > 0 ? [`--v8-flags=--max-old-space-size=${heap}`] : []],
    processor: here,
  });
  const begun = performance.now();
  await sleep(300); // its modules are loaded
  using watch = new Watch(client.pid);
  const { first } = watch;
  const timer = Promise.withResolvers<undefined>();
  const id = setTimeout(timer.resolve, seconds * 1000 + PATIENCE, undefined);
  let told: (Summary & { late: number }) | undefined;
  const wrong: string[] = [];
  try {
    told = await Promise.race([client.json<Summary & { late: number }>(), timer.promise]);
    if (told === undefined) {
      wrong.push(`it hangs: it has told nothing ${PATIENCE} ms after its end`);
    } else wrong.push(...faultsOf(told));
  } catch (error) {
    wrong.push(`it has ended: ${(error as Error).message.slice(-1000)}`);
  }
  clearTimeout(id);
  const { last } = watch, grown = watch.peakRss - first.rss;
  return {
    attack: mischief.name,
    rows: [CLIENT_ROW],
    did: told === undefined ? "" : wordsOf(told),
    wrong,
    seconds: (performance.now() - begun) / 1000,
    before: undefined,
    during: undefined,
    after: undefined,
    rss: { before: first.rss, peak: watch.peakRss, after: last.rss },
    fds: { before: first.fds, peak: watch.peakFds, after: last.fds },
    cpu: last.cpu - first.cpu,
    foreign: NaN,
    figures: [
      { what: "RSS growth MB", value: grown, goal: `<= ${GROWTH}`, isReached: grown <= GROWTH },
      {
        what: "descriptors at the peak",
        value: watch.peakFds - first.fds,
        goal: "<= 16",
        isReached: watch.peakFds - first.fds <= 16,
      },
    ],
  };
}

function wordsOf({ calls, results, errors, late }: Summary & { late: number }): string {
  const reasons = Object.entries(errors).map(([reason, count]) => `${count} ${printable(reason)}`);
  const ends = [`${results} results`, ...reasons].join(", ");
  return `of ${calls} calls: ${ends}; a timer of its was ${late.toFixed(0)} ms late`;
}
