/**
 * What is measured: the servers that stand side by side, and the cells of the table.
 *
 * @module
 */

/** A program that serves `add` and `echo` at the port it is given, and says when it listens. */
export interface Contender {
  readonly name: string;
  /** The program, in this folder. */
  readonly program: string;
}

const BY_HAND: Contender = { name: "by hand", program: "by_hand.ts" };
const LANDLINE: Contender = { name: "Landline", program: "server.ts" };

/** One load. */
export interface Cell {
  readonly name: string;
  /** Arguments of the load generator. */
  readonly load: Readonly<Record<string, string | number>>;
  /** Where it stands on the axis of a chart. */
  readonly x?: number;
}

/** Servers side by side, and the loads that each gets. The others are compared with the first. */
export interface Suite {
  readonly contenders: readonly Contender[];
  readonly cells: readonly Cell[];
}

/** Few calls a second take longer until the code that answers them is compiled. */
const WARM_UP_SECONDS = 3;

const CONNECTIONS = [1, 10, 100, 1000, 10_000];
/**
 * Calls a second, whatever the number of connections. Who asks for as many as it gets is served unfairly
 * by a loop by hand: of 10,000 connections it answers some hundred again and again.
 */
const RATE = 10_000;
const BYTES = [100, 1000, 10_000, 100_000, 1_000_000];

/** The rows of the table. */
export const CELLS: readonly Cell[] = [
  { name: "add, 1 × 1", load: { conns: 1, depth: 1 } },
  { name: "add, 1 × 64", load: { conns: 1, depth: 64 } },
  { name: "add, 64 × 16", load: { conns: 64, depth: 16 } },
  { name: "echo 1 KiB, 16 × 4", load: { conns: 16, depth: 4, kind: "echo", size: 1 << 10 } },
  { name: "echo 64 KiB, 16 × 4", load: { conns: 16, depth: 4, kind: "echo", size: 1 << 16 } },
];

/** What is measured, by the names that `--suite` takes. */
export const SUITES: Readonly<Record<string, Suite>> = {
  table: {
    contenders: [BY_HAND, LANDLINE],
    cells: CELLS,
  },
  connections: {
    contenders: [BY_HAND, LANDLINE],
    cells: CONNECTIONS.map((conns) => ({
      name: `add, ${conns}`,
      load: { conns, depth: 64, rate: RATE, warm: WARM_UP_SECONDS },
      x: conns,
    })),
  },
  bytes: {
    contenders: [BY_HAND, LANDLINE],
    cells: BYTES.map((size) => ({
      name: `echo ${size} bytes, 8 × 2`,
      load: { conns: 8, depth: 2, kind: "echo", size, warm: WARM_UP_SECONDS },
      x: size,
    })),
  },
};
