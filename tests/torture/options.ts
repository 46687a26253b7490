/**
 * What `deno task torture` takes on its command line.
 *
 * @module
 */

import { parseArgs } from "@std/cli";
import { LIMITS, type Limits } from "../../lib/limits.ts";
import { ATTACKS } from "./attacks.ts";
import { CLIENT_ROW, MISCHIEF } from "./client/mischief.ts";

/** What to do. */
export interface Options {
  /** Names of attacks; all where it is empty. */
  readonly only: readonly string[];
  readonly seconds: number;
  /** Seconds for which all attacks run at once; 0 for not at all. */
  readonly together: number;
  readonly limits: Partial<Limits>;
  /** The part of its connections that each attack makes. */
  readonly scale: number;
  readonly json: string | undefined;
  readonly strict: boolean;
  /** Milliseconds of quiet before and after each attack. */
  readonly quietMs: number;
  /** Megabytes of V8's old generation for servers that are to have a small one; 0 for V8's own. */
  readonly heap: number | undefined;
  /** Starts servers without the settings of docs/memory.md. */
  readonly plain: boolean;
  /** An address of this machine from which crowds come that are to be one caller. */
  readonly from: string | undefined;
  /** Where a search begins, and the plan that is followed again. */
  readonly seed: number;
  readonly action: "run" | "search" | "replay" | "list" | "help";
}

/** Seconds where nothing is said. */
const SECONDS = { run: 5, search: 600, replay: 3, list: 0, help: 0 } as const;

/** What `--help` prints. */
export const HELP = `\
Attacks a running server in every way that it can think of, while healthy
clients go on calling it, and tells what the server did and how they fared.

Usage: deno task torture [OPTIONS]

It starts the server as a user would (main.ts with its own flags and
permissions, a process of its own), 50 healthy clients that make 2,000 calls a
second together in another process, and each attack in a third. The load of the
healthy clients is open-loop: a call's latency counts from the moment when it
was to be made, and every answer is compared. Attacks run one after another, and
then those that can share a server all at once. At last a client of ours calls servers
that are hostile.

Options:
  --only NAME,…       only these attacks, or all of a row: --only S04,bad-headers
  --seconds N         how long each attack goes on that could go on for ever
                      [default: 5]; those that wait for a limit take its time
  --together N        how long all attacks run at once; 0 not at all
                      [default: 20, or 0 with --only]
  --scale N           the part of its connections that each attack makes
                      [default: 1, that is up to 10,000 connections]
  --limit NAME=VALUE  another limit than the default for the servers, such as
                      messageTimeout=2000; may be repeated
  --heap MB           another old generation of V8's for the servers that have a
                      small one; 0 for V8's own, where growth tells more
  --plain             starts the servers without deploy/landline.env
  --from ADDRESS      an IPv4 address of this machine that is not loopback: the
                      crowds that are to be one caller come from there. Their
                      server listens there, too, and asks nobody who calls
  --quiet-ms N        milliseconds of quiet before and after each attack
                      [default: 1000, and 200 in a search]
  --search            draws what a peer may do, plan by plan, instead: all kinds of
                      messages, credits, sizes, batches, ids, identities, ways of
                      reading and leaving, at servers with a small heap. A plan
                      that a server does not withstand is printed with its seed
  --seed N            the first plan of a search [default: drawn at random]; the
                      seconds of a search are those of all its plans
                      [default: 600]
  --replay SEED       follows one plan at a server of its own, for so many seconds
                      [default: 3]
  --strict            figures that are not reached count as failures, too. They
                      are measured on whatever machine this is
  --json FILE         writes everything that was measured
  --list              tells which case of the matrix is covered by which attack
                      or test, and ends
  -h, --help          prints this

Of each attack it prints what the server did; p50/p99/worst of the healthy
clients in milliseconds before, during and after it; their lost, wrong and
refused answers; the server's memory in MB and its descriptors before, at their
peak, and after. Below that stand the figures to reach, and what went wrong.
Two marks say that latencies tell of the machine: (late N), the clients' own
process was more than 5 ms late at p99; (N % taken), other processes took that
much of the processor that the server was to have for itself.

It needs Linux for memory and descriptors (/proc), and openssl for the attacks
on TLS; without openssl these are left out, and it says so.

Exit codes:
  0  the server lived, no healthy call was lost or answered wrongly, every
     attack had the outcome that it must have, descriptors were given back
  1  one of these was not so; with --strict also where a figure is not reached
  2  the command line makes no sense

Examples:
  deno task torture
  deno task torture --only never-reads,tiny-segments --strict
  deno task torture --together 600
  deno task torture --search --seed 1 --seconds 60
  deno task torture --seconds 1 --scale 0.02 --limit messageTimeout=1000
`;

/**
 * Reads the command line.
 *
 * @throws {TypeError} for one that makes no sense
 */
export function readOptions(args: string[]): Options {
  const flags = parseArgs(args, {
    boolean: ["strict", "plain", "search", "list", "help"],
    string: [
      "only",
      "seconds",
      "together",
      "scale",
      "limit",
      "json",
      "quiet-ms",
      "heap",
      "seed",
      "replay",
      "from",
    ],
    collect: ["limit"],
    alias: { help: "h" },
    unknown(arg) {
      throw new TypeError(`Cannot read the options: there is no ${arg}, --help lists them`);
    },
  });
  const only = (flags.only ?? "").split(",").filter((name) => name !== "");
  const names = only.flatMap((name) => {
    const mischief = MISCHIEF.map((it) => ({ ...it, rows: [CLIENT_ROW] }));
    const found = [...ATTACKS, ...mischief].filter((it) =>
      it.name === name || it.rows.includes(name)
    );
    if (found.length > 0) return found.map((it) => it.name);
    throw new TypeError(`Cannot attack: there is no ${name}, --list has the names`);
  });
  const action = flags.help
    ? "help"
    : flags.list
    ? "list"
    : flags.replay !== undefined
    ? "replay"
    : flags.search
    ? "search"
    : "run";
  const drawn = Math.floor(Math.random() * 1e6);
  return {
    only: names,
    seconds: number("--seconds", flags.seconds, SECONDS[action]),
    together: number("--together", flags.together, only.length > 0 ? 0 : 20),
    scale: number("--scale", flags.scale, 1),
    limits: Object.fromEntries(flags.limit.map(limit)),
    json: flags.json,
    quietMs: number("--quiet-ms", flags["quiet-ms"], action === "run" ? 1000 : 200),
    heap: flags.heap === undefined ? undefined : number("--heap", flags.heap, 0),
    plain: flags.plain,
    from: flags.from,
    strict: flags.strict,
    seed: number(
      flags.replay === undefined ? "--seed" : "--replay",
      flags.replay ?? flags.seed,
      drawn,
    ),
    action,
  };
}

function number(flag: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text !== "" && value >= 0 && Number.isFinite(value)) return value;
  throw new TypeError(`Cannot read ${flag}: it needs a number from 0 on, it is "${text}"`);
}

function limit(text: string): [string, number] {
  const [, name = "", value] = /^([^=]+)=([0-9]+)$/.exec(text) ?? [];
  if (value !== undefined && Object.hasOwn(LIMITS, name)) return [name, Number(value)];
  throw new TypeError(`Cannot read --limit: it needs NAME=VALUE, it is "${text}"`);
}
