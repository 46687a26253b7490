/**
 * What is under way with one peer: which phase it is in, which of its requests run, how many of our calls
 * wait for their answers. Needs no socket: what serves a request without one has this alone.
 *
 * @module
 */

import type { RpcError } from "../error.ts";
import type { Account, Keeping } from "../overload/ledger.ts";

/** Requests are begun, and everything is answered. */
export const OPEN = 0;
/** No new request is begun; those that run end. */
export const DRAINING = 1;
/** Nothing more is read. The last bytes are on their way, and the peer has a moment to read them. */
export const LINGERING = 2;
/** The socket is let go of, and everyone who waited has been told. */
export const CLOSED = 3;

/** How far the end is: from {@linkcode OPEN} on it only goes up. */
export type Phase = typeof OPEN | typeof DRAINING | typeof LINGERING | typeof CLOSED;

/** A request that waits for its place, or whose handler has not ended. */
export interface Running {
  /** What it is found by: its id, or itself where it has none. */
  readonly key: unknown;
  /** Whether it goes on only once the peer says something: a stream without credit, or that takes items. */
  readonly waitsForPeer: boolean;
  /** Whether it was stopped: nobody waits for what its handler does. */
  readonly isStopped: boolean;
  /** The connection begins to end: it ends now if its caller can go on elsewhere. */
  drain(): void;
  /** Answers it with an error now, and tells its handler. */
  stop(error: RpcError): void;
}

const NONE: ReadonlyMap<unknown, never> = /* @__PURE__ */ new Map<unknown, never>();

/** The state that both directions of a conversation share. Its fields are read at every step of a call. */
export class InFlight<R extends Running = Running, A extends Keeping = Account> {
  phase: Phase = OPEN;
  /** What is kept for the peer. */
  readonly account: A;
  /**
   * Requests that wait, or whose handlers have not ended, by their keys. Many a peer has none ever: its
   * handlers answer at once.
   */
  running: ReadonlyMap<unknown, R> = NONE;
  /** Our calls that wait for their answers. */
  pendingCalls = 0;
  /** When bytes came last, by the clock of the timers: the request in them arrived then. */
  lastActive = 0;
  /** When the last handler ended. */
  lastEnd = 0;
  readonly #wakers: (() => void)[] = [];

  /** @param account is charged with what is kept for the peer */
  constructor(account: A) {
    this.account = account;
  }

  /** A request waits, or its handler has begun and does not end at once. */
  begin(request: R): void {
    if (this.running === NONE) this.running = new Map();
    const running = this.running as Map<unknown, R>;
    // A peer that gives one id to two requests cancels the first by it.
    running.set(running.has(request.key) ? request : request.key, request);
  }

  /** It has ended, at this time. */
  end(request: R, now: number): void {
    const running = this.running as Map<unknown, R>;
    running.delete(running.get(request.key) === request ? request.key : request);
    this.lastEnd = now;
    this.wake();
  }

  /** A request that runs has failed: it is answered with this error now, and its handler is told. */
  stop(request: R, error: RpcError): void {
    request.stop(error);
  }

  /** Whether the peer still waits for a request that runs: one is not answered, and was not stopped. */
  get isDue(): boolean {
    for (const { isStopped } of this.running.values()) if (!isStopped) return true;
    return false;
  }

  /** Whether all that runs goes on only once the peer says something. */
  get isUpToPeer(): boolean {
    for (const { waitsForPeer } of this.running.values()) if (!waitsForPeer) return false;
    return true;
  }

  /** Answers all that run with this error, and tells their handlers. */
  stopAll(error: RpcError): void {
    for (const request of [...this.running.values()]) request.stop(error);
  }

  /** Listens to the peer no longer; where there is no connection there is nothing to end. */
  linger(_reason: string, _closeCode?: number): void {}

  /** The same, and tells the peer why. */
  refuse(_error: RpcError): void {}

  /** Resolves once no call runs here, ours or the peer's, or it has ended. */
  async quiet(): Promise<void> {
    while (this.phase < CLOSED && (this.pendingCalls > 0 || this.running.size > 0)) {
      await this.change();
    }
  }

  /** Resolves at the next {@linkcode wake}: something has changed that somebody may have waited for. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve));
  }

  /** Lets all go on who wait for a change: each looks whether it was the one it waited for. */
  wake(): void {
    if (this.#wakers.length === 0) return;
    for (const resolve of this.#wakers.splice(0)) resolve();
  }
}
