/**
 * The commands of client.ts and landline. Each is one module, loaded only when it is used.
 *
 * A command is told by the first word: `client.ts bench ADDRESS METHOD`. There is no ambiguity, because
 * what stands there otherwise is an address, and an address has a colon; a method that is called
 * `bench` stands second. What the options `--raw`, `--list`, … ask for is done by a module of the same
 * kind, and so is what is left: a call, calls from standard input, the prompt.
 *
 * @module
 */

import type { ArgumentOptions, Given } from "../command/args.ts";

/** What the module of a command exports. */
export interface Command {
  /** What `--help` prints after the command, above {@linkcode SHARED_HELP}. */
  readonly help?: string;
  /** The options that it has besides {@linkcode SHARED_OPTIONS}, as `node:util` wants them. */
  readonly options: ArgumentOptions;
  /** Whether it calls a server: one that does not takes files, and few of the shared options. @default {true} */
  readonly connects?: boolean;
  /**
   * Does it.
   *
   * @param words what stands on the command line after the command, without the options
   * @param program the one that runs
   * @returns the exit code, one of {@linkcode EXIT}
   * @throws {TypeError} for words or options that make no sense: the message is printed, and the
   * program exits with 2
   * @throws {Exit} to end with another code
   */
  run(words: readonly string[], given: Given, program: Program): Promise<number>;
}

/** The program that runs the commands: client.ts, or `landline`, which has the server too. */
export interface Program {
  /** What starts it, as its help shows that. */
  readonly name: string;
  /** The command of the server, which reads its command line by itself. */
  readonly server?: Server;
}

/** The command of the server, for help and completions. */
export interface Server extends Pick<Entry, "usage" | "summary"> {
  /** What it is called with, as the first word. */
  readonly name: string;
  /** Its options. A literal import, so that no permission is needed to load them. */
  readonly importOptions: () => Promise<ArgumentOptions>;
}

/** The client alone. */
export const CLIENT: Program = { name: "deno run -N client.ts" };

/** A command as `--help` lists it. */
export interface Entry {
  /** What is written on the command line, from the command on: `bench ADDRESS METHOD [PARAMS]`. */
  readonly usage: string;
  /** What it does, in a few words. */
  readonly summary: string;
  /** A literal import, so that no permission is needed to load it. */
  readonly importModule: () => Promise<Command>;
}

/** The options of everything that is done without a command. */
export const OPTIONS = {
  notify: { type: "boolean" },
  meta: { type: "string", multiple: true },
  after: { type: "string" },
  answer: { type: "string", multiple: true },
  "raw-output": { type: "boolean", short: "r" },
  raw: { type: "boolean" },
  "line-end": { type: "string" },
  unordered: { type: "boolean" },
  list: { type: "boolean" },
  describe: { type: "string" },
  types: { type: "boolean" },
  from: { type: "string" },
  completions: { type: "string" },
} as const satisfies ArgumentOptions;

/**
 * The commands by the words that they are called with. One is added as a line here and a module:
 *
 * ```ts ignore
 * ["watch", {
 *   usage: "watch ADDRESS METHOD [PARAMS]",
 *   summary: "calls again and again, and shows what changed",
 *   importModule: () => import("./watch.ts"),
 * }],
 * ```
 */
export const COMMANDS: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  ["check", {
    usage: "check ADDRESS",
    summary: "tells how well a server keeps JSON-RPC 2.0",
    importModule: () => import("../check/check.ts"),
  }],
  ["bench", {
    usage: "bench ADDRESS METHOD [PARAMS]",
    summary: "measures how a server bears a load",
    importModule: () => import("../bench/bench.ts"),
  }],
  ["watch", {
    usage: "watch ADDRESS METHOD [PARAMS]",
    summary: "calls again and again, and shows what changed",
    importModule: () => import("../call/watch.ts"),
  }],
  ["health", {
    usage: "health ADDRESS",
    summary: "tells by its exit code whether a server serves",
    importModule: () => import("../call/health.ts"),
  }],
  ["top", {
    usage: "top ADDRESS",
    summary: "shows what a running server does",
    importModule: () => import("../top/top.ts"),
  }],
  ["record", {
    usage: "record FILE ADDRESS",
    summary: "a proxy that writes down what passes",
    importModule: () => import("../record/record.ts"),
  }],
  ["types", {
    usage: "types API [-o FILE] [--check]",
    summary: "writes the types of an API module",
    importModule: () => import("../describe/api_types.ts"),
  }],
  ["replay", {
    usage: "replay FILE ADDRESS",
    summary: "sends that again, and compares the answers",
    importModule: () => import("../record/replay.ts"),
  }],
]);
