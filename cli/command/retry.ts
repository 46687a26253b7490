/**
 * `--retry`: tries again what certainly has not run, and what the server asks to be tried again, until the
 * time is over.
 *
 * @module
 */

import { ConnectionLostError, type ErrorData, RpcError } from "../../lib/client.ts";
import { delayAfter } from "../../lib/client/retry.ts";

/** Milliseconds that `--retry` goes on where no `--timeout` says. */
export const RETRY_TIME = 30_000;

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
    const pause = Math.max(
      delayAfter(++this.#failures, BACKOFF, Math.random()),
      askedFor(error) ?? 0,
    );
    if (performance.now() + pause > this.#end) return false;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pause);
      signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
    return !signal.aborted;
  }
}

/** Whether a call that failed like this has certainly not run, or is to be made again after a while. */
export function hasNotRun(error: unknown): boolean {
  return error instanceof ConnectionLostError ? !error.sent : isRefusal(error);
}

/** Whether the server has refused a call that it may take later. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof RpcError) || error.reason === undefined) return false;
  return error.reason === "UNAVAILABLE" || askedFor(error) !== undefined;
}

/** The milliseconds that the server asks to wait for, if it does. */
function askedFor(error: unknown): number | undefined {
  const { retryAfterMs } = (error instanceof RpcError ? error.data ?? {} : {}) as ErrorData;
  return typeof retryAfterMs === "number" ? retryAfterMs : undefined;
}

/**
 * Makes a call, and again where the server refuses it, for as long as the call may take.
 *
 * @param timeout milliseconds that all attempts may take
 * @param signal ends a pause
 */
export async function withRetries<T>(
  call: (timeout: number | undefined) => Promise<T>,
  timeout: number | undefined,
  signal: AbortSignal,
): Promise<T> {
  const attempts = new Attempts(true, timeout), end = performance.now() + (timeout ?? Infinity);
  for (let left = timeout;; left = timeout && Math.max(0, end - performance.now())) {
    try {
      return await call(left);
    } catch (error) {
      if (!isRefusal(error) || !await attempts.next(error, signal)) throw error;
    }
  }
}
