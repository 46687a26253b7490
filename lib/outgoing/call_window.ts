/**
 * How many of our calls one peer takes at once, and what becomes of more: they wait here, and the peer
 * hears nothing of them, nor of those that are given up meanwhile.
 *
 * Streams may be open for long and take no place, as at the peer; nor does what every peer answers at once.
 *
 * @module
 */

import { ConnectionLostError } from "../error.ts";
import type { Lifecycle } from "../link/lifecycle.ts";
import { isBuiltin } from "../message/control.ts";
import type { Call } from "./call.ts";
import { CallBacklog } from "./call_backlog.ts";
import type { Extensions } from "./extensions.ts";

/** The places of our calls at one peer. */
export class CallWindow {
  /** Calls that have a place. */
  taken = 0;
  readonly #extensions: Extensions;
  readonly #lifecycle: Pick<Lifecycle, "running" | "closedBecause">;
  readonly #send: (calls: readonly Call[]) => void;
  readonly #isInOrder: boolean;
  /** Those that wait; on most connections none ever does. */
  #backlog: CallBacklog | undefined;

  /**
   * @param send sends a call that has waited, or those of a batch together
   * @param isInOrder whether those that wait keep their order
   */
  constructor(
    extensions: Extensions,
    lifecycle: Pick<Lifecycle, "running" | "closedBecause">,
    send: (calls: readonly Call[]) => void,
    isInOrder = false,
  ) {
    this.#extensions = extensions;
    this.#lifecycle = lifecycle;
    this.#send = send;
    this.#isInOrder = isInOrder;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#backlog?.size ?? 0;
  }

  /**
   * Whether the peer runs as many of our calls as it takes. One that calls us back lends us the place of
   * the call for which it does: to answer, we may have to call it.
   */
  get isFull(): boolean {
    return this.taken >= this.#extensions.maxInFlight + this.#lifecycle.running.size;
  }

  /** Keeps a call until there is a place for it; false if it needs none, or must not wait. */
  keep(call: Call): boolean {
    if (!this.#needsPlace(call)) return false;
    this.#prepare().add(call);
    return true;
  }

  /** The same for calls that travel together. They leave once there is a place for one of them. */
  keepBatch(calls: readonly Call[]): boolean {
    if (!calls.some((call) => this.#needsPlace(call))) return false;
    this.#prepare().addBatch(calls);
    return true;
  }

  #needsPlace(call: Call): boolean {
    const { method } = call;
    return !call.ended && !call.isStreaming && !isBuiltin(method) &&
      this.#lifecycle.closedBecause(method) === undefined; // then it fails at once, or goes elsewhere
  }

  #prepare(): CallBacklog {
    const backlog = this.#backlog ??= new CallBacklog(this.#isInOrder);
    // It may be one that takes any number of calls, and does not say so.
    if (backlog.size === 0 && this.#extensions.known === undefined) {
      this.#extensions.onTold = this.release;
      this.#extensions.learn();
    }
    return backlog;
  }

  /** Sends what waits, as far as there are places. */
  readonly release = (): void => {
    const backlog = this.#backlog;
    while (backlog !== undefined && backlog.size > 0 && !this.isFull) this.#send(backlog.take());
  };

  /**
   * Nothing can be begun here any more: what waits goes elsewhere, or fails.
   *
   * @param because why, where the connection does not say
   */
  refuse(because?: string): void {
    const backlog = this.#backlog;
    while (backlog !== undefined && backlog.size > 0) {
      for (const call of backlog.take()) {
        const { method } = call;
        const why = because ?? `Cannot call ${method}: ${this.#lifecycle.closedBecause(method)}`;
        call.refuse(new ConnectionLostError(why, { sent: false }));
      }
    }
  }
}
