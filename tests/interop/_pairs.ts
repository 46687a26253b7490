// Pairs of a Landline end and an end that nobody here wrote, and what they do together.

import { testWith } from "../support/tools.ts";

const BEFORE_STREAMS = [
  "call",
  "by name",
  "error",
  "notification",
  "batch",
  "100 at once",
] as const;
const AFTER_STREAMS = ["cancel", "progress", "calls back"] as const;

/** What a pair may do together. */
export const FEATURES = [...BEFORE_STREAMS, ...AFTER_STREAMS] as const;

/** The same, and what HTTP and WebSocket are asked for besides. */
export const WEB_FEATURES = [
  ...BEFORE_STREAMS,
  "600 KB",
  "stream",
  "items up",
  ...AFTER_STREAMS,
] as const;

export type Feature = (typeof WEB_FEATURES)[number];

/** What shows each of a table's features. */
export type Cells<T, F extends Feature = Feature> = Readonly<Record<F, Cell<T>>>;

/** Shows a feature. */
export type Show<T> = (ends: T, feature: Feature) => Promise<void>;

/** What shows a feature, where it is there, and what there is to say of it; else why it is not. */
export type Cell<T> = Show<T> | { readonly run: Show<T>; readonly but: string } | string;

/** Two ends. */
export interface Pair {
  /** The foreign end, and what carries the bytes. */
  readonly theirs: string;
  readonly over: string;
  /** How its users call it, in Markdown. */
  readonly how: string;
  /** Programs that it needs. */
  readonly tools: readonly string[];
  readonly cells: Readonly<Partial<Record<Feature, Cell<never>>>>;
  /** Opens both ends and shows all that is there, one step after another. */
  readonly show: (
    step: (feature: Feature, run: () => Promise<void>) => Promise<unknown>,
  ) => Promise<void>;
}

/** Pairs that stand together in docs/interop.md. */
export interface Table {
  readonly title: string;
  readonly features: readonly Feature[];
  readonly pairs: readonly Pair[];
}

/** A pair whose ends `open` gives. */
export function pairOf<T extends AsyncDisposable>(
  { theirs, over, how }: Pick<Pair, "theirs" | "over" | "how">,
  open: () => Promise<T>,
  cells: Cells<T, (typeof FEATURES)[number]>,
  tools: readonly string[] = [],
): Pair {
  return {
    theirs,
    over,
    how,
    tools,
    cells,
    async show(step) {
      await using ends = await open();
      for (const feature of WEB_FEATURES) {
        const cell = (cells as Partial<Cells<T>>)[feature];
        if (cell === undefined || typeof cell === "string") continue;
        await step(feature, () => (typeof cell === "function" ? cell : cell.run)(ends, feature));
      }
    },
  };
}

/** A pair over HTTP or WebSocket. */
export function webPairOf<T extends AsyncDisposable>(
  what: Pick<Pair, "theirs" | "over" | "how">,
  open: () => Promise<T>,
  cells: Cells<T>,
  tools: readonly string[] = [],
): Pair {
  return pairOf(what, open, cells, tools);
}

/** A test for each pair, with a step for each feature that is there. */
export function testPairs({ title, pairs }: Table): void {
  for (const { theirs, over, tools, show } of pairs) {
    testWith(tools, `${title}: ${theirs} over ${over}`, async (t) => {
      await show((feature, run) => t.step(feature, run));
    });
  }
}
