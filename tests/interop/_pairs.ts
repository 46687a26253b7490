// Pairs of a Landline end and an end that nobody here wrote, and what they do together.

/** What a pair may do together. */
export const FEATURES = [
  "call",
  "by name",
  "error",
  "notification",
  "batch",
  "100 at once",
  "cancel",
  "progress",
  "calls back",
] as const;

export type Feature = (typeof FEATURES)[number];

/** What shows a feature, where it is there, and what there is to say of it; else why it is not. */
export type Cell<T> =
  | ((ends: T) => Promise<void>)
  | { readonly run: (ends: T) => Promise<void>; readonly but: string }
  | string;

/** Two ends. */
export interface Pair {
  /** The foreign end, and what carries the bytes. */
  readonly theirs: string;
  readonly over: string;
  /** Programs that it needs. */
  readonly tools: readonly string[];
  readonly cells: Readonly<Record<Feature, Cell<never>>>;
  /** Opens both ends and shows all that is there, one step after another. */
  readonly show: (
    step: (feature: Feature, run: () => Promise<void>) => Promise<unknown>,
  ) => Promise<void>;
}

/** A pair whose ends `open` gives. */
export function pairOf<T extends AsyncDisposable>(
  theirs: string,
  over: string,
  open: () => Promise<T>,
  cells: Readonly<Record<Feature, Cell<T>>>,
  tools: readonly string[] = [],
): Pair {
  return {
    theirs,
    over,
    tools,
    cells,
    async show(step) {
      await using ends = await open();
      for (const feature of FEATURES) {
        const cell = cells[feature];
        if (typeof cell === "string") continue;
        await step(feature, () => (typeof cell === "function" ? cell : cell.run)(ends));
      }
    },
  };
}
