/**
 * Whether a server has withstood a plan.
 *
 * @module
 */

import type { Report } from "../arena.ts";

/** Megabytes by which a server may grow. */
const GROWTH = 64;

/** Milliseconds that others may wait, of a hundred calls 99 and at worst. */
const P99 = 15, WORST = 100;

/** What is wrong. */
export interface Verdict {
  /** What cannot be by chance: it died, or lost, refused or garbled what others asked. */
  readonly faults: readonly string[];
  /** Figures that were not reached, which a busy machine may be to blame for: they are tried again. */
  readonly misses: readonly string[];
}

/** Judges what was seen. How late those were who measured is not the server's. */
export function judge({ wrong, during, rss }: Report): Verdict {
  const misses: string[] = [];
  if (during !== undefined && during.answered > 0) {
    const p99 = during.p99 - during.late, worst = during.max - during.latest;
    if (p99 > P99) misses.push(`others' p99 ${during.p99.toFixed(0)} ms`);
    if (worst > WORST) misses.push(`others' worst ${during.max.toFixed(0)} ms`);
  }
  const grown = rss.peak - rss.before;
  if (grown > GROWTH) misses.push(`RSS grew by ${grown.toFixed(0)} MB`);
  return { faults: wrong.map((it) => it.split("\n")[0]!), misses };
}

/** Whether two verdicts have a miss of the same kind. */
export function repeats(first: Verdict, again: Verdict): boolean {
  const kind = (miss: string) => miss.replace(/ [\d.]+ (ms|MB)$/, "");
  const kinds = new Set(first.misses.map(kind));
  return again.faults.length > 0 || again.misses.some((miss) => kinds.has(kind(miss)));
}
