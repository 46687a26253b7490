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

/** The servers; the first is what the others are compared with. */
export const CONTENDERS: readonly Contender[] = [
  { name: "by hand", program: "by_hand.ts" },
  { name: "Landline", program: "server.ts" },
];

/** One load. */
export interface Cell {
  readonly name: string;
  /** Arguments of the load generator. */
  readonly load: Readonly<Record<string, string | number>>;
}

/** The rows of the table. */
export const CELLS: readonly Cell[] = [
  { name: "add, 1 × 1", load: { conns: 1, depth: 1 } },
  { name: "add, 1 × 64", load: { conns: 1, depth: 64 } },
  { name: "add, 64 × 16", load: { conns: 64, depth: 16 } },
  { name: "echo 1 KiB, 16 × 4", load: { conns: 16, depth: 4, kind: "echo", size: 1 << 10 } },
  { name: "echo 64 KiB, 16 × 4", load: { conns: 16, depth: 4, kind: "echo", size: 1 << 16 } },
];
