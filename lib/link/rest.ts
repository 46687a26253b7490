/**
 * Times in which we read nothing of a peer although more of it may have come: it takes less than it is told,
 * or was faster than it may be.
 *
 * @module
 */

import type { Allowance } from "../overload/rate_limit.ts";
import type { Timers } from "../timers.ts";
import { LINGERING } from "./in_flight.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** Milliseconds, at most, for which a peer is not read before its life is looked at again. */
const MAX_REST = 1000;

/** What reads, as far as its rests go. */
export interface RestingReader {
  /** When the first byte of an unfinished message came. */
  messageSince: number | undefined;
  /** Since when nothing is read; undefined while it is. */
  pausedSince: number | undefined;
}

/** Reads nothing meanwhile. The time of a message does not run while it is us who do not read it. */
export async function rest(
  reader: RestingReader,
  timers: Pick<Timers, "now">,
  wait: () => void | Promise<void>,
): Promise<void> {
  const since = reader.messageSince, begun = timers.now();
  reader.messageSince = undefined;
  reader.pausedSince = begun;
  await wait();
  reader.pausedSince = undefined;
  if (since !== undefined) reader.messageSince = since + timers.now() - begun;
}

/**
 * Rests until the peer may send again.
 *
 * @returns undefined if it may at once
 */
export function restOffDebt(
  reader: RestingReader,
  timers: Pick<Timers, "now">,
  lifecycle: Pick<Lifecycle, "phase" | "pause">,
  allowance: Pick<Allowance, "debt">,
): Promise<void> | undefined {
  if (allowance.debt(timers.now()) <= 0) return undefined;
  return rest(reader, timers, async () => {
    for (let debt; (debt = allowance.debt(timers.now())) > 0;) {
      if (lifecycle.phase >= LINGERING) break;
      await lifecycle.pause(Math.min(debt, MAX_REST));
    }
  });
}
