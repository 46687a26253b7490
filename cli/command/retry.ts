/**
 * `--retry`: tries again what certainly has not run, until the time is over.
 *
 * @module
 */

import { ConnectionLostError, type ErrorData, RpcError } from "../../lib/client.ts";
import { delayAfter } from "../../lib/client/retry.ts";

/** Milliseconds that `--retry` goes on where no `--timeout` says. */
const RETRY_TIME = 30_000;

/** Pauses between attempts. */
const BACKOFF = { initial: 100, multiplier: 1.6, max: 5000 } as const;

/** The attempts at one thing. */
export class Attempts {
  readonly #isWanted: boolean;
  readonly #end: number;
  #failures = 0;

  /**
   * Attempts that begin now.
   *
   * @param isWanted whether there is more than one
   * @param left milliseconds that all of them may take
   */
  constructor(isWanted: boolean, left = RETRY_TIME) {
    this.#isWanted = isWanted;
    this.#end = performance.now() + left;
  }

  /**
   * Waits before the next attempt, longer each time; false where there is none.
   *
   * @param error what the last one failed with
   * @param signal ends the pause
   */
  async next(error: unknown, signal: AbortSignal): Promise<boolean> {
    if (!this.#isWanted || signal.aborted) return false;
    const pause = Math.max(delayAfter(++this.#failures, BACKOFF, Math.random()), askedFor(error));
    if (performance.now() + pause > this.#end) return false;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pause);
      signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
    return !signal.aborted;
  }
}

/** Whether a call that failed like this has certainly not run. */
export function hasNotRun(error: unknown): boolean {
  return error instanceof ConnectionLostError
    ? !error.sent
    : error instanceof RpcError && error.reason === "UNAVAILABLE";
}

/** The milliseconds that the server asks to wait for. */
function askedFor(error: unknown): number {
  const { retryAfterMs } = (error instanceof RpcError ? error.data ?? {} : {}) as ErrorData;
  return typeof retryAfterMs === "number" ? retryAfterMs : 0;
}
