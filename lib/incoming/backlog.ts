/**
 * Requests of one peer that have come and wait for their places, in the order in which they came. They can
 * be cancelled there, their time runs, and what they keep is charged.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import { type InFlight, LINGERING } from "../link/in_flight.ts";
import type { Timers } from "../timers.ts";
import { type Admission, refusedTimeout, unauthenticated, WAIT } from "./admission.ts";
import type { RequestContext } from "./request_context.ts";

/** Requests that may wait until it is known who makes them. */
const MAX_UNKNOWN = 16;

/** Milliseconds after which there may be room for one that could not wait. */
const SOON = 100;

/** Requests that wait. */
export class Backlog {
  readonly #timers: Timers;
  readonly #inFlight: InFlight<RequestContext>;
  readonly #admission: Admission;
  readonly #begin: (request: RequestContext) => void;
  /** In order; one that is stopped leaves at once. */
  readonly #waiting = new Set<RequestContext>();
  /** Bytes that are kept for those that wait. */
  bytes = 0;
  #isServing = false;

  /** @param begin begins one whose turn it is */
  constructor(
    timers: Timers,
    inFlight: InFlight<RequestContext>,
    admission: Admission,
    begin: (request: RequestContext) => void,
  ) {
    this.#timers = timers;
    this.#inFlight = inFlight;
    this.#admission = admission;
    this.#begin = begin;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Keeps one until there is a place for it.
   *
   * @returns why it cannot wait; a promise where no more is to be read until there is room
   */
  add(request: RequestContext): RpcError | Promise<void> | undefined {
    const inFlight = this.#inFlight, timers = this.#timers, admission = this.#admission;
    if (!request.caller.identity.isKnown && this.size >= MAX_UNKNOWN) return unauthenticated();
    if (this.size > 0 && admission.isOver && !admission.mustPause) {
      const message = "Too much is kept for this connection";
      return new RpcError("UNAVAILABLE", message, {
        limit: "maxKeptBytes",
        retryAfterMs: SOON,
        details: { started: false },
      });
    }
    const left = admission.timeLeft(request.meta["timeoutMs"], request.arrived);
    if (!(left > 0)) return refusedTimeout(left);
    inFlight.begin(request);
    request.hasWaited = true;
    request.onStopped = () => {
      this.#remove(request);
      inFlight.end(request, timers.now());
    };
    request.timer = timers.after(left, () => inFlight.stop(request, tooLate(Math.round(left))));
    this.#waiting.add(request);
    if (!this.#isServing) this.#serve();
    request.keep(inFlight.account); // last: where it is too much the connection ends
    this.bytes += request.charge;
    return admission.mustPause ? this.#whilePaused() : undefined;
  }

  /** Begins what waits as places become free, in order. */
  async #serve(): Promise<void> {
    const inFlight = this.#inFlight;
    this.#isServing = true;
    while (this.size > 0) {
      await inFlight.change();
      if (inFlight.phase >= LINGERING) break; // nobody listens any more
      for (const request of this.#waiting) {
        const { method, message: { params }, target, caller, arrived } = request;
        const admission = this.#admission;
        const refusal = admission.ask(method, params, target, caller, arrived, true);
        if (refusal === WAIT) break;
        if (refusal === undefined) {
          this.#remove(request);
          request.settleCaller();
          this.#begin(request);
          const pause = caller.pause();
          if (pause !== undefined) await pause;
        } else request.stop(refusal);
      }
    }
    this.#isServing = false;
  }

  #remove(request: RequestContext): void {
    request.onStopped = undefined;
    request.timer?.cancel();
    this.bytes -= request.charge;
    request.release(this.#inFlight.account);
    this.#waiting.delete(request);
  }

  /** Resolves when there is room for more that waits, or what holds the room goes on only if we read on. */
  async #whilePaused(): Promise<void> {
    const inFlight = this.#inFlight;
    while (this.size > 0 && this.#admission.mustPause && inFlight.phase < LINGERING) {
      await inFlight.change();
    }
  }
}

/** The answer to a call whose time is over, so many milliseconds. */
export function tooLate(ms: number): RpcError {
  return new RpcError("DEADLINE_EXCEEDED", `The call took longer than ${ms} ms`);
}
