/**
 * May this call begin? All reasons why one may not, in the order in which they are asked, with their
 * answers:
 *
 * 1. its caller is faster than it may be, or pings more than a line needs;
 * 2. as many calls run as may: it waits, or is refused if waiting could last for ever;
 * 3. the connection ends;
 * 4. it is not known who calls;
 * 5. as many streams are open as may be;
 * 6. its deadline has passed, or says nothing that makes sense;
 * 7. the server has too much to do: too many calls, too little memory, or no processor in time.
 *
 * @module
 */

import { invalidParams, RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import { DRAINING, type InFlight, OPEN } from "../link/in_flight.ts";
import { isBuiltin, RPC } from "../message/control.ts";
import { metaOf, type Request } from "../message/message.ts";
import type { FairQueue } from "../overload/fair_queue.ts";
import type { LoadShedding } from "../overload/load_shedding.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import { TokenBucket } from "../overload/token_bucket.ts";
import type { Timers } from "../timers.ts";
import type { Caller } from "./caller.ts";
import type { Target } from "./target.ts";

/** What calls are admitted with. */
export interface AdmissionOptions {
  readonly limits: Limits;
  readonly timers: Timers;
  /** What the connections of a server use together. */
  readonly loadShedding: LoadShedding;
  /** Where calls wait for the processor; without it none does. */
  readonly fairQueue?: FairQueue;
}

/** The answer of {@linkcode Admission.ask} to a call that has to wait until another has ended. */
export const WAIT = "wait";

/** Lets the calls of one peer begin, or says why not. */
export class Admission {
  /** Whether calls have to be paid for. */
  readonly isMetered: boolean;
  readonly #options: AdmissionOptions;
  readonly #inFlight: InFlight;
  readonly #allowance: Allowance | undefined;
  /** Streams that run: they may be open for long, and are counted by themselves. */
  #streams = 0;
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

  /** Pays for calls; the error if the peer was faster than it may be. */
  pay(cost: number): RpcError | undefined {
    const retryAfterMs = this.#allowance?.call(cost, this.#options.timers.now()) ?? 0;
    if (retryAfterMs === 0) return undefined;
    const message = "More calls than this server takes from one caller";
    return new RpcError("RESOURCE_EXHAUSTED", message, { limit: "rate", retryAfterMs });
  }

  /** A ping now and then keeps a line alive; a flood of them is an attack, and ends the connection. */
  ping(): RpcError | undefined {
    const { limits: { maxPings }, timers } = this.#options, now = timers.now();
    const pings = this.#pings ??= new TokenBucket(maxPings / 10, maxPings, now);
    const retryAfterMs = pings.delay(1, now);
    if (retryAfterMs === 0) {
      pings.take(1, now);
      return undefined;
    }
    if (++this.#refusedPings === maxPings) {
      queueMicrotask(() => this.#inFlight.linger("too many pings")); // once this one is answered
    }
    const message = "More pings than a line needs";
    return new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxPings", retryAfterMs });
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
   * Waiting stops the reading, and with it the peer. But while a call of ours waits for its answer,
   * or a stream for credit, what they wait for lies behind the peer's requests: then it is told
   * "busy", or they would wait for ever.
   *
   * @returns why the request is not begun, or {@linkcode WAIT}; undefined if it may begin
   */
  ask(
    { method, params }: Request,
    target: Target | undefined,
    { identity: { isKnown } }: Caller,
  ): RpcError | typeof WAIT | undefined {
    const { limits: { maxStreams }, loadShedding } = this.#options, { phase } = this.#inFlight;
    const isFull = this.#isFull(isKnown);
    if (isFull && phase === OPEN && !this.#mustRead) return WAIT;
    // How a last answer is to be read may still be asked.
    if (phase >= DRAINING && method !== RPC.serverInfo) {
      // It may have crossed our goodbye: a caller who knows that nothing ran may call elsewhere.
      const details = { started: false };
      return new RpcError("UNAVAILABLE", "The server is shutting down", { details });
    }
    if (isFull) {
      const message = "Too many calls are running on this connection";
      return new RpcError("UNAVAILABLE", message, { limit: "maxInFlight" });
    }
    if (!isKnown && method !== RPC.authenticate) return unauthenticated();
    if (this.#streams >= maxStreams && target?.isStreaming) {
      const message = "Too many streams are open on this connection";
      return new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxStreams" });
    }
    const { timeoutMs } = metaOf(params), left = this.#timeLeft(timeoutMs);
    if (!(left > 0)) return refusedTimeout(left);
    // Whoever asks how the server is, is told so even then.
    if (isBuiltin(method)) return undefined;
    return loadShedding.refusal() ?? this.#lateness(left);
  }

  /** The same for a notification, which is not answered: if it may not begin it is forgotten. */
  askForNotification({ identity: { isKnown } }: Caller): "begin" | "forget" | typeof WAIT {
    if (this.#inFlight.phase !== OPEN) return "forget";
    if (this.#isFull(isKnown)) return this.#mustRead ? "forget" : WAIT;
    return isKnown && this.#options.loadShedding.refusal() === undefined ? "begin" : "forget";
  }

  /** A handler has begun that does not end at once: its place is taken until it has ended. */
  take(isStreaming: boolean): void {
    if (isStreaming) this.#streams++;
    else this.#options.loadShedding.runningCalls++;
  }

  /** It has ended. */
  leave(isStreaming: boolean): void {
    if (isStreaming) this.#streams--;
    else this.#options.loadShedding.runningCalls--;
  }

  #isFull(isKnown: boolean): boolean {
    // Before it is known who a peer is nothing goes on beside finding out.
    const calls = this.#inFlight.running.size - this.#streams;
    return calls >= (isKnown ? this.#options.limits.maxInFlight : 1);
  }

  /** Whether something that runs goes on only if we read on. */
  get #mustRead(): boolean {
    return this.#inFlight.pendingCalls > 0 || this.#streams > 0;
  }

  /** Milliseconds that the caller leaves: it may have waited for its place longer than anyone waits for its answer. */
  #timeLeft(timeoutMs: unknown): number {
    const { limits: { callTimeout }, timers } = this.#options;
    if (timeoutMs === undefined) return callTimeout;
    return typeof timeoutMs === "number"
      ? this.#inFlight.lastActive + timeoutMs - timers.now()
      : NaN;
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
function refusedTimeout(left: number): RpcError {
  if (left <= 0) return new RpcError("DEADLINE_EXCEEDED", "The call left no time");
  return invalidParams([
    { path: ["_meta", "timeoutMs"], message: "must be milliseconds as a number" },
  ]);
}
