/**
 * `deno task chaos`: our clients, a network that fails in all ways, and a server that is killed again and
 * again.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { FaultProxy, type Link, type Toxic } from "../support/toxics.ts";
import { ledgerOf } from "./chaos_api.ts";
import { Client, Tally } from "./chaos_client.ts";
import { Child, SERVE } from "./child.ts";
import { sleep } from "./crowd.ts";
import { runTool } from "./tool.ts";

const HELP = `\
Has clients call a server through a network that fails, while the server is
killed (SIGKILL) and started again and again, and looks for calls that were
lost, answered wrongly, or run twice.

Usage: deno task chaos [OPTIONS]

Options:
  --minutes N      how long [default: 5]
  --clients N      how many clients [default: 200]
  --kill-every N   seconds between the server's deaths [default: 10]
  --rate N         calls a second of all clients together [default: 1000]
  -h, --help       prints this

The clients are our own, with reconnection: a line that is lost connects again.
Each connection goes through a proxy and gets one of toxiproxy's eight toxics
now and then, for one to five seconds, or until it is closed: latency,
bandwidth, slicer, slow_close, timeout (a black hole), reset_peer, limit_data,
and all of them together: down.

Nine calls of ten must not be repeated: the server writes each down in a file
before it answers. A client makes such a call again only where it is sure that
it has not run: it was never sent, or it was refused as UNAVAILABLE. One call of
ten may be repeated, and is, by the library and then by hand, until it is
answered.

Every call must have one outcome: its answer, an error, a deadline, or
ConnectionLostError, which says whether it was sent.

Exit codes:
  0  no call without an outcome, none that was answered with the answer of
     another, none that was run twice, none that was answered and not run
  1  one of these was not so
  2  the command line makes no sense
`;

const NAMES = ["minutes", "clients", "kill-every", "rate"] as const;
type Options = Readonly<Record<(typeof NAMES)[number], number>>;
const DEFAULTS: Options = { minutes: 5, clients: 200, "kill-every": 10, rate: 1000 };

/** Milliseconds after the end within which each call must have an outcome. */
const NO_OUTCOME = 60_000;

/** A toxic of each kind, with figures at random. */
function anyToxic(): Toxic {
  const up = Math.random() < 0.5 ? { stream: "upstream" as const } : {};
  const between = (from: number, to: number) => Math.round(from + Math.random() * (to - from));
  const all: readonly Toxic[] = [
    { type: "latency", latency: between(10, 500), jitter: between(0, 200), ...up },
    { type: "bandwidth", rate: between(1, 50), ...up },
    { type: "slow_close", delay: between(10, 2000), ...up },
    // Where bytes are lost the connection ends: TCP does not go on behind a hole.
    { type: "timeout", timeout: between(1000, 5000), ...up },
    { type: "reset_peer", timeout: between(0, 1000), ...up },
    { type: "slicer", average_size: between(1, 50), size_variation: 0, delay: 1000, ...up },
    { type: "limit_data", bytes: between(1, 5000), ...up },
  ];
  return all[Math.floor(Math.random() * all.length)]!;
}

/** Gives a link a toxic for a while, if it lives so long. */
async function poison(link: Link): Promise<void> {
  link.toxics = [anyToxic()];
  await sleep(1000 + Math.random() * 4000);
  const isHole = link.toxics.some(({ type }) => type === "timeout" || type === "reset_peer");
  if (!isHole) link.toxics = [];
}

/** A server that listens; gives its port. */
async function start(): Promise<{ child: Child; port: number }> {
  const path = `${import.meta.dirname}/chaos_api.ts`;
  const args = [path, "--quiet", "--listen=tcp://127.0.0.1:0"];
  const child = new Child("main.ts", args, SERVE);
  const address = await child.lineWith("listening on ");
  return { child, port: Number(/\d+$/.exec(address)![0]) };
}

async function chaos({ minutes, clients: count, "kill-every": killEvery, rate }: Options) {
  const ledger = ledgerOf(Deno.pid), tally = new Tally();
  await Deno.writeTextFile(ledger, "");
  let server = await start(), isOver = false;
  await using proxy = await FaultProxy.start(server.port);
  const address = `tcp://127.0.0.1:${proxy.port}`;
  const clients = Array.from({ length: count }, (_, i) => new Client(address, `${i}`, tally));
  const end = performance.now() + minutes * 60_000;
  const until = async (everyMs: () => number, work: () => Promise<void> | void) => {
    while (!isOver && performance.now() < end) {
      await sleep(Math.min(everyMs(), Math.max(0, end - performance.now())));
      if (performance.now() < end) await work();
    }
  };

  const calls: Promise<void>[] = [];
  let turn = 0;
  const calling = until(() => 10, () => {
    for (let i = 0; i < rate / 100; i++) calls.push(clients[turn++ % count]!.call());
  });
  const poisoning = until(() => 100, () => {
    const links = [...proxy.links].filter(({ toxics }) => toxics.length === 0);
    const link = links[Math.floor(Math.random() * links.length)];
    if (link !== undefined) poison(link);
  });
  const downing = until(() => 15_000 + Math.random() * 10_000, async () => {
    await proxy.set({ type: "down" });
    await sleep(500 + Math.random() * 1500);
    await proxy.set();
  });
  const killing = until(() => killEvery * 1000, async () => {
    server.child.kill("SIGKILL");
    await server.child[Symbol.asyncDispose]();
    tally.kills++;
    server = await start();
    proxy.upstream = server.port;
    console.error(
      `killed ${tally.kills} times: ${tally.made} calls made, ${tally.answered} answered, ` +
        `${tally.pending.size} waiting, ${tally.connects} connections made`,
    );
  });
  await Promise.all([calling, poisoning, downing, killing]);
  isOver = true;
  await proxy.set();
  // A call that is to be repeated waits for the network to be well again, which it is now.
  const patience = performance.now() + NO_OUTCOME;
  while (tally.pending.size > 0 && performance.now() < patience) await sleep(100);
  const silent = tally.pending.size;
  await Promise.all(clients.map((client) => client.close()));
  await server.child[Symbol.asyncDispose]();
  const runs = Map.groupBy((await Deno.readTextFile(ledger)).trimEnd().split("\n"), (key) => key);
  await Deno.remove(ledger);
  return verdict(tally, silent, runs);
}

/** Prints what came of it; gives the exit code. */
function verdict(tally: Tally, silent: number, runs: ReadonlyMap<string, string[]>): number {
  const twice = [...runs].filter(([, times]) => times.length > 1).map(([key]) => key);
  const notRun = tally.acknowledged.filter((key) => !runs.has(key)).length;
  const ranAnyway = tally.refused.filter((key) => runs.has(key)).length;
  const { made, answered, unknown, deadline, wrong, failed, connects, kills, example } = tally;
  const rows: readonly (readonly [what: string, is: number, goal?: 0])[] = [
    ["kills of the server", kills],
    ["connections made", connects],
    ["calls made", made],
    ["answered", answered],
    ["lost with a connection, outcome unknown", unknown],
    ["deadline passed", deadline],
    ["known not to have run when it was over", tally.notRun],
    ["without an outcome", silent, 0],
    ["answered with another answer", wrong, 0],
    ["failed in another way", failed, 0],
    ["run twice", twice.length, 0],
    ["answered and not run", notRun, 0],
    ["said not to have run, and run", ranAnyway, 0],
  ];
  const width = Math.max(...rows.map(([what]) => what.length));
  for (const [what, is, goal] of rows) {
    console.log(`${what.padEnd(width)}  ${String(is).padStart(8)}${goal === 0 ? "  goal 0" : ""}`);
  }
  if (example !== "") console.log(`for example: ${example}`);
  if (twice.length > 0) console.log(`run twice: ${twice.slice(0, 5).join(", ")}`);
  return rows.some(([, is, goal]) => goal === 0 && is > 0) ? 1 : 0;
}

function readOptions(args: string[]): Options | "help" {
  const flags = parseArgs(args, {
    boolean: ["help"],
    string: NAMES,
    alias: { help: "h" },
    unknown(arg) {
      throw new TypeError(`Cannot read the options: there is no ${arg}, --help lists them`);
    },
  });
  if (flags.help) return "help";
  return Object.fromEntries(NAMES.map((name) => {
    const text = flags[name];
    if (text === undefined) return [name, DEFAULTS[name]];
    if (text !== "" && Number(text) > 0 && Number.isFinite(Number(text))) {
      return [name, Number(text)];
    }
    throw new TypeError(`Cannot read --${name}: it needs a number above 0, it is "${text}"`);
  })) as Options;
}

if (import.meta.main) {
  await runTool(readOptions, (options) => {
    if (options !== "help") return chaos(options);
    console.log(HELP.trimEnd());
  });
}
