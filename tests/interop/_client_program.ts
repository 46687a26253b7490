// A client that is a program of its own, with our server. It prints one line of JSON for each feature that
// it has, in the order of the table: ["call", "HÉ😀"].

import { assertEquals } from "@std/assert";
import type { Api } from "../../lib/mod.ts";
import { Program } from "../support/program.ts";
import { type OurServer, ourServer } from "./_our_server.ts";
import {
  type Cell,
  type Cells,
  type Feature,
  FEATURES,
  type Pair,
  pairOf,
  type Show,
} from "./_pairs.ts";

/** A program in Debian's Python, which is the one that finds Debian's libraries. */
export function python(name: string, ...args: string[]): string[] {
  return ["/usr/bin/python3", `${import.meta.dirname}/programs/${name}`, ...args];
}

export const GLIB = ["debian:python3-gi", "debian:gir1.2-jsonrpc-1.0"] as const;

/** Our server, and a program that talks to it. */
export interface Ends extends AsyncDisposable, Omit<OurServer, "server"> {
  readonly program: Program;
}

/** What is special about a program. */
export interface ClientProgram extends Pick<Pair, "theirs" | "over" | "how"> {
  /** The command that starts it; what has to be removed in the end goes on the stack. */
  readonly start: (
    address: string,
    stack: AsyncDisposableStack,
  ) => readonly string[] | Promise<readonly string[]>;
  /** Whether its server has a path instead of a port. */
  readonly onPath?: boolean;
  /** What it calls beyond what all of them call. */
  readonly api?: Api;
  /** Why it lacks a feature, or what it prints, if that is not what most print. */
  readonly cells: Partial<Record<Feature, Cell<Ends>>>;
  readonly tools?: readonly string[];
  /** What it is asked for. @default what all of them are over sockets */
  readonly features?: readonly Feature[];
}

/** The program prints this for the feature, in one line. */
export function prints(expected: unknown): Show<Pick<Ends, "program">> {
  return async ({ program }, feature) =>
    assertEquals(JSON.parse(await program.line()), [feature, expected]);
}

/** The handler is told that its caller has given up, and the caller prints this. */
export function gaveUp(expected: unknown): Show<Ends> {
  return async (ends, feature) => {
    await ends.waiting.aborted;
    await prints(expected)(ends, feature);
  };
}

/** What a client prints that calls our methods as they are. */
const USUAL: Cells<Ends> = {
  call: prints("HÉ😀"),
  "by name": prints(19),
  error: prints(-32601),
  notification: async (ends, feature) => {
    await prints(null)(ends, feature);
    assertEquals(await ends.noted.count(1), ["noted"]);
  },
  batch: prints(["A", -32601]),
  "100 at once": prints(Array.from({ length: 100 }, (_, n) => `N${n}`)),
  "600 KB": prints(300_000),
  stream: prints([0, 1, 2, null]),
  "items up": prints(7),
  cancel: gaveUp(-32800),
  progress: prints(["half"]),
  "calls back": prints("Really? Yes."),
};

/** The row of a program. */
export function clientProgram(
  { start, onPath, api, cells, tools, features = FEATURES, ...what }: ClientProgram,
): Pair {
  const open = async () => {
    const path = `/tmp/landline-${crypto.randomUUID()}.sock`;
    await using stack = new AsyncDisposableStack();
    const { server, ...ours } = ourServer(api, onPath ? `unix://${path}` : undefined);
    stack.defer(() => server.shutdown(0));
    await server.ready;
    const address = onPath ? path : `127.0.0.1:${ours.port}`;
    const program = stack.use(Program.run(await start(address, stack)));
    const all = stack.move();
    return { ...ours, program, [Symbol.asyncDispose]: () => all.disposeAsync() };
  };
  const shown = Object.fromEntries(
    features.map((feature) => [feature, cells[feature] ?? USUAL[feature]]),
  ) as unknown as Cells<Ends>;
  return pairOf(what, open, shown, tools);
}

/** The port of an address. */
export const portOf = (address: string): string => address.slice(address.indexOf(":") + 1);
