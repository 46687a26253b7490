// A part of the worlds, in a thread of its own: they know nothing of each other.

import { doWork } from "../support/threads.ts";
import { simulate } from "./_simulation.ts";

/** What a part of the worlds came to. */
export interface Summary {
  worlds: number;
  calls: number;
  turns: number;
  /** Milliseconds of their time. */
  ms: number;
  failed: Failure[];
}

/** A world in which something was wrong. */
export interface Failure {
  readonly seed: number;
  readonly violations: readonly string[];
}

/** Failures after which it is clear that something is wrong. */
const MAX_FAILED = 10;

async function live(first: number, count: number): Promise<Summary> {
  const summary: Summary = { worlds: 0, calls: 0, turns: 0, ms: 0, failed: [] };
  for (let seed = first; seed < first + count && summary.failed.length < MAX_FAILED; seed++) {
    const { violations, calls, turns, ms } = await simulate(seed);
    summary.worlds++;
    summary.calls += calls;
    summary.turns += turns;
    summary.ms += ms;
    if (violations.length > 0) summary.failed.push({ seed, violations });
  }
  return summary;
}

doWork(live);
