/**
 * May this call begin? All reasons why one may not, in the order in which they are asked, with their
 * answers:
 *
 * 1. its caller is faster than it may be, or pings more than a line needs;
 * 2. it is to be found out who calls, others wait already, one runs where they run one after another, or as
 *    much runs and is kept as may: it waits;
 * 3. the connection ends;
 * 4. it is not known who calls;
 * 5. as many streams are open as may be;
 * 6. its deadline has passed, or says nothing that makes sense;
 * 7. the server has too much to do: too many calls, too little memory, or no processor in time.
 *
 * A method whose calls have all been answered at once needs no place. What is shared with other callers is
 * refused only to who has its share of it.
 *
 * @module
 */

import { invalidParams, RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import { DRAINING, type InFlight, OPEN } from "../link/in_flight.ts";
import { isBuiltin, RPC } from "../message/control.ts";
import { metaOf, type Params } from "../message/message.ts";
import type { FairQueue } from "../overload/fair_queue.ts";
import type { LoadShedding } from "../overload/load_shedding.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import { TokenBucket } from "../overload/token_bucket.ts";
import type { Timers } from "../timers.ts";
import type { Caller } from "./caller.ts";
import type { RequestContext } from "./request_context.ts";
import type { Target } from "./target.ts";

/** What calls are admitted with. */
export interface AdmissionOptions {
  readonly limits: Limits;
  readonly timers: Timers;
  /** Whether memory is short. */
  readonly loadShedding: LoadShedding;
  /** Where calls wait for the processor; without it none does. */
  readonly fairQueue?: FairQueue;
  /** Whether a call of a peer's waits until the handlers of all before it have ended; streams are not waited for. */
  readonly sequential?: boolean;
}

/** The answer of {@linkcode Admission.ask} to a call that has to wait until another has ended. */
export const WAIT = "wait";

const NONE = { size: 0, bytes: 0 };

/** Lets the calls of one peer begin, or says why not. */
export class Admission {
  /** Whether calls have to be paid for. */
  readonly isMetered: boolean;
  readonly #options: AdmissionOptions;
  readonly #inFlight: InFlight;
  #allowance: Allowance | undefined;
  /** Streams that run: they may be open for long, and are counted by themselves. */
  #streams = 0;
  /** Calls that run, or have run and hang, and hold their places. */
  #running = 0;
  /** Whether it is being found out who the peer is: what comes behind waits until that is known. */
  isAuthenticating = false;
  /** The requests that wait. */
  waiting: { readonly size: number; readonly bytes: number } = NONE;
  /** Pings that the peer may still send, and those that were too many. */
  #pings: TokenBucket | undefined;
  #refusedPings = 0;
  /** What the peer may still send against the rules. */
  #mistakes: TokenBucket | undefined;

  /** @param allowance how fast the peer may go; without it as fast as it can */
  constructor(options: AdmissionOptions, inFlight: InFlight, allowance?: Allowance) {
    this.#options = options;
    this.#inFlight = inFlight;
    this.#allowance = allowance;
    this.isMetered = allowance !== undefined;
  }

  /** From now on the peer is another: it was found out who stands behind a proxy. */
  set allowance(allowance: Allowance | undefined) {
    if (this.isMetered) this.#allowance = allowance;
  }

  /** Pays for calls, if {@linkcode isMetered}; the error if the peer was faster than it may be. */
  pay(cost: number): RpcError | undefined {
    const now = this.#options.timers.now(), allowance = this.#allowance!;
    const retryAfterMs = cost === 0 ? 0 : allowance.call(cost, now);
    if (cost === 0 || retryAfterMs > 0) allowance.note(now);
    if (retryAfterMs === 0) return undefined;
    const message = "More calls than this server takes from one caller";
    return new RpcError("RESOURCE_EXHAUSTED", message, { limit: "rate", retryAfterMs });
  }

  /** A ping now and then keeps a line alive; a flood of them is an attack, and ends the connection. */
  ping(): RpcError | undefined {
    const { limits: { maxPings } } = this.#options, retryAfterMs = this.#pingDelay();
    if (retryAfterMs === 0) return undefined;
    if (++this.#refusedPings === maxPings) {
      queueMicrotask(() => this.#inFlight.linger("too many pings")); // once this one is answered
    }
    const message = "More pings than a line needs";
    return new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxPings", retryAfterMs });
  }

  /** The same for a ping of the framing: those that are too many are passed over, as its rules allow. */
  takesPing(): boolean {
    return this.#pingDelay() === 0;
  }

  /** Milliseconds after which another ping may come; 0 where this one may. */
  #pingDelay(): number {
    const { limits: { maxPings }, timers } = this.#options, now = timers.now();
    const pings = this.#pings ??= new TokenBucket(maxPings / 10, maxPings, now);
    const delay = pings.delay(1, now);
    if (delay === 0) pings.take(1, now);
    return delay;
  }

  /** A message breaks the rules. A peer that sends nothing else is not listened to for long. */
  mistake(): void {
    const { limits: { maxProtocolErrors }, timers } = this.#options, now = timers.now();
    const left = this.#mistakes ??= new TokenBucket(maxProtocolErrors / 60, maxProtocolErrors, now);
    left.take(1, now);
    if (left.delay(0, now) === 0) return;
    const message = "Too many messages break the rules";
    const error = new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxProtocolErrors" });
    queueMicrotask(() => this.#inFlight.refuse(error)); // once this one is answered
  }

  /**
   * Asks for a place.
   *
   * @param arrived when it came, by the clock of the timers
   * @param isNext whether it is the first of those that wait
   * @returns why the request is not begun, or {@linkcode WAIT}; undefined if it may begin
   */
  ask(
    method: string,
    params: Params,
    target: Target | undefined,
    caller: Caller,
    arrived: number,
    isNext = false,
  ): RpcError | typeof WAIT | undefined {
    const { limits: { maxStreams }, loadShedding } = this.#options;
    const { phase, account } = this.#inFlight, { isKnown } = caller.identity;
    const isOwn = target?.isOwn === true;
    const isPrompt = isOwn || target === undefined || target.isPrompt === true;
    if (phase === OPEN) {
      if (this.isAuthenticating || caller.room?.isFull) return WAIT; // asked by whoever that will be
      if (!isOwn && this.#mustWait(isPrompt, isNext)) return WAIT;
    }
    // How a last answer is to be read may still be asked.
    if (phase >= DRAINING && method !== RPC.serverInfo) {
      // It may have crossed our goodbye: a caller who knows that nothing ran may call elsewhere.
      const details = { started: false };
      return new RpcError("UNAVAILABLE", "The server is shutting down", { details });
    }
    if (!isKnown && method !== RPC.authenticate) return unauthenticated();
    if (this.#streams >= maxStreams && target?.isStreaming) {
      const message = "Too many streams are open on this connection";
      return new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxStreams" });
    }
    // Most have just come, and say nothing of their time: then the clock is not asked.
    const isTimed = isNext || params !== undefined && Object.hasOwn(params, "_meta");
    const left = isTimed
      ? this.timeLeft(metaOf(params)["timeoutMs"], arrived)
      : this.#options.limits.callTimeout;
    if (!(left > 0)) return refusedTimeout(left);
    // Whoever asks how the server is, is told so even then.
    if (isBuiltin(method) && !target?.isStreaming) return undefined;
    if (!isPrompt && !target?.isStreaming && account.isCrowded) {
      return new RpcError("UNAVAILABLE", "Too many calls are running", { limit: "maxRunning" });
    }
    return loadShedding.shortage(account) ?? this.#lateness(left);
  }

  /** Whether it has to wait for others of the same peer. */
  #mustWait(isPrompt: boolean, isNext: boolean): boolean {
    const { limits: { maxInFlight } } = this.#options;
    const { account, running, pendingCalls } = this.#inFlight;
    const { size, bytes } = this.waiting;
    if (size > 0 && !isNext) return true; // in the order in which they came
    if (this.#running > 0 && this.#options.sequential) return true;
    // What waits has been taken in, and is let go of by being begun. Where nothing runs, nothing else ever
    // is: one request may be as large as a message may be.
    // And a handler that waits for the peer's answer lends its place: the peer may have to call for that.
    if (running.size > size && pendingCalls === 0 && account.isOverBeside(bytes)) return true;
    return !isPrompt && this.#running >= maxInFlight + pendingCalls;
  }

  /** Whether handlers go on that were begun, beside one that finds out who the peer is. */
  get isServing(): boolean {
    return this.#running + this.#streams > (this.isAuthenticating ? 1 : 0);
  }

  /** Whether so much is kept for the peer that what comes next cannot even wait. */
  get isOver(): boolean {
    return this.#inFlight.account.isOver;
  }

  /** Whether no more is to be read for that reason: nothing that runs goes on only if we read on. */
  get mustPause(): boolean {
    return this.isOver && this.#inFlight.pendingCalls === 0 && this.#streams === 0;
  }

  /** A handler has begun that does not end at once: its place is taken until it has ended. */
  take(request: RequestContext): void {
    if (request.isStreaming) {
      this.#streams++;
      this.#inFlight.account.beginStream();
    } else {
      this.#running++;
      this.#inFlight.account.begin();
    }
    if (request.method === RPC.authenticate) this.isAuthenticating = true;
  }

  /** It has ended, or its place was given back. */
  leave(request: RequestContext): void {
    if (request.isStreaming) {
      this.#streams--;
      this.#inFlight.account.endStream();
    } else {
      this.#running--;
      this.#inFlight.account.end();
    }
    if (request.method === RPC.authenticate) this.isAuthenticating = false;
  }

  /**
   * Milliseconds that a caller leaves its call which came at this time: it may have waited for its place
   * longer than anyone waits for its answer. NaN where it says nonsense.
   */
  timeLeft(timeoutMs: unknown, arrived: number): number {
    const { limits: { callTimeout, maxCallTimeout }, timers } = this.#options;
    if (timeoutMs === undefined) return arrived + callTimeout - timers.now();
    if (typeof timeoutMs !== "number") return NaN;
    return arrived + Math.min(timeoutMs, maxCallTimeout) - timers.now();
  }

  /**
   * The error for a call that would wait for the processor for more than half of the time that it has:
   * the other half is for its handler, and for the way back.
   */
  #lateness(left: number): RpcError | undefined {
    const delay = this.#options.fairQueue?.delay(this.#inFlight) ?? 0;
    if (delay <= left / 2) return undefined;
    const message = "Too many calls wait for the processor", retryAfterMs = Math.ceil(delay);
    return new RpcError("UNAVAILABLE", message, { retryAfterMs, details: { started: false } });
  }
}

/** The answer to a peer that has to say who it is first. */
export function unauthenticated(): RpcError {
  return new RpcError("UNAUTHENTICATED", `Call ${RPC.authenticate} before anything else`);
}

/** The answer to a call of which so much time is left: none, or NaN if it said nonsense. */
export function refusedTimeout(left: number): RpcError {
  if (left <= 0) return new RpcError("DEADLINE_EXCEEDED", "The call left no time");
  return invalidParams([
    { path: ["_meta", "timeoutMs"], message: "must be milliseconds as a number" },
  ]);
}
