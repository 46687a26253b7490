/**
 * The peer's side of a connection: its requests, from their arrival to their answers.
 *
 * @module
 */

import type { FairQueue } from "../overload/fair_queue.ts";
import { BatchAnswers } from "./batch.ts";
import { TokenBucket } from "../overload/token_bucket.ts";
import type { Dispatcher } from "./dispatch.ts";
import { invalidParams, RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import type { LoadShedding } from "../overload/load_shedding.ts";
import { encodeError } from "../message/encode.ts";
import type { Notification, Request, Single } from "../message/message.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import { IncomingRequest, type IncomingRequestHost, type SendAnswer } from "./request.ts";
import { isBuiltin, RPC } from "../message/control.ts";
import { metaOf } from "../message/meta.ts";
import type { Timers } from "../timers.ts";
import { inOrder } from "../message/in_order.ts";

/** What requests need of their connection. */
export interface RequestsHost extends IncomingRequestHost {
  readonly limits: Limits;
  readonly timers: Timers;
  readonly dispatcher: Dispatcher;
  /** Whether the peer has said who it is, where it was asked. */
  readonly isKnown: boolean;
  /** When the bytes of the current message came. */
  readonly lastActive: number;
  /** Whether a call of ours waits for its answer. */
  readonly isWaiting: boolean;
  /** What the connections of a server use together. */
  readonly loadShedding: LoadShedding;
  /** Where calls wait for the processor; undefined where they do not. */
  readonly fairQueue: FairQueue | undefined;
  /** How fast the peer may go; undefined where it may go as fast as it can. */
  readonly allowance: Allowance | undefined;
  /** Ends the connection once the peer has read what is due to it. */
  linger(reason: string): void;
  /** Resolves when something changes that somebody may have waited for. */
  change(): Promise<void>;
  /** A handler has ended. */
  onEnd(): void;
  /** A handler was stopped: nobody waits for what it does any more. */
  onStop(): void;
}

const NONE: ReadonlySet<IncomingRequest> = /* @__PURE__ */ new Set();
const NOBODY: SendAnswer = () => {};

/** The requests of one peer. */
export class Requests {
  readonly #host: RequestsHost;
  /** Those whose handlers have not ended. Many a connection has never any: their handlers answer at once. */
  #running: ReadonlySet<IncomingRequest> = NONE;
  /** How many of them are streams, which may be open for long and are counted by themselves. */
  #streams = 0;
  /** Pings that the peer may still send, and those that were too many. */
  #pings: TokenBucket | undefined;
  #refusedPings = 0;
  #closed: "open" | "draining" | "ended" = "open";

  constructor(host: RequestsHost) {
    this.#host = host;
  }

  /** How many run. */
  get size(): number {
    return this.#running.size;
  }

  /** Whether somebody still waits for one that runs: it is not answered, and was not stopped. */
  get isDue(): boolean {
    for (const running of this.#running) if (!running.isStopped) return true;
    return false;
  }

  /** Begins nothing new: requests are told so. */
  drain(): void {
    if (this.#closed === "open") this.#closed = "draining";
  }

  /** Answers all that run with this error, and tells their handlers. */
  stop(error: RpcError): void {
    for (const running of this.#running) running.stop(error);
  }

  /**
   * The peer sends no more. What runs may end and be answered; a stream that wants more of the peer
   * has ended, and one that is quiet is not waited for longer than a call.
   */
  endInput(): void {
    for (const running of this.#running) {
      if (!running.isStreaming) continue;
      running.endInput();
      running.timer ??= this.#host.timers.after(this.#host.limits.callTimeout, () => {
        this.#stop(running, new RpcError("CANCELLED", "The caller has hung up"));
      });
    }
  }

  /** The connection is gone: nobody is answered any more. */
  end(): void {
    this.#closed = "ended";
    this.stop(new RpcError("CANCELLED", "The connection ended"));
  }

  /** The request with this id, while it runs. */
  get(id: unknown): IncomingRequest | undefined {
    const text = JSON.stringify(id);
    for (const running of this.#running) {
      const { request } = running;
      if (request.kind !== "request") continue;
      // Ids are kept as they were written: 1.0 is known by its value.
      if (request.id === text || typeof id === "number" && Number(request.id) === id) {
        return running;
      }
    }
    return undefined;
  }

  /** All answers of a batch go back in one frame, in its order; none, where it held no request. */
  batch(
    items: readonly Single[],
    handle: (item: Single, answer: SendAnswer, isPaid: true) => Promise<void> | undefined,
  ): Promise<void> | undefined {
    const host = this.#host, { isKnown } = host;
    const due = items.filter(({ kind }) => kind === "request" || kind === "invalid").length;
    const answers = new BatchAnswers(due, host.limits.maxResponseBytes, (text) => host.send(text));
    const tooFast = host.allowance === undefined
      ? undefined
      : this.#pay(items.reduce((sum, item) => sum + this.#costOf(item), 0));
    let places = 0;
    return inOrder(items, (item) => {
      if (item.kind === "response") return handle(item, NOBODY, true);
      // Who was not known when the batch came is not known for any of it.
      const error = item.kind === "invalid"
        ? undefined
        : tooFast ?? (isKnown || item.method === RPC.authenticate ? undefined : unauthenticated());
      if (item.kind === "notification") {
        return error === undefined ? handle(item, NOBODY, true) : undefined;
      }
      const place = places++, answer: SendAnswer = (text) => answers.set(place, text);
      if (item.kind === "invalid") return handle(item, answer, true);
      if (error !== undefined) return refuse(item, answer, error);
      // The sum is limited too: what has no room in it any more, whenever its handler ends, is told so.
      if (answers.isFull) return refuse(item, answer, tooLarge());
      return handle(
        item,
        (text) => answers.hasRoom(text) ? answer(text) : refuse(item, answer, tooLarge()),
        true,
      );
    });
  }

  #costOf(item: Single): number {
    const isCall = item.kind === "request" || item.kind === "notification";
    return isCall ? this.#host.dispatcher.costOf(item.method) : 0;
  }

  /** Pays for calls; the error where the peer was faster than it may be. */
  #pay(cost: number): RpcError | undefined {
    const { allowance } = this.#host;
    const retryAfterMs = allowance?.call(cost, this.#host.now()) ?? 0;
    if (retryAfterMs === 0) return undefined;
    const message = "More calls than this server takes from one caller";
    return new RpcError("RESOURCE_EXHAUSTED", message, { limit: "rate", retryAfterMs });
  }

  /** A ping now and then keeps a line alive; a flood of them is an attack. */
  #ping(): RpcError | undefined {
    const { maxPings } = this.#host.limits, now = this.#host.now();
    const pings = this.#pings ??= new TokenBucket(maxPings / 10, maxPings, now);
    const retryAfterMs = pings.delay(1, now);
    if (retryAfterMs === 0) {
      pings.take(1, now);
      return undefined;
    }
    if (++this.#refusedPings === maxPings) {
      queueMicrotask(() => this.#host.linger("too many pings")); // once this one is answered
    }
    const message = "More pings than a line needs";
    return new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxPings", retryAfterMs });
  }

  /**
   * Begins a request, or waits until there is room.
   *
   * @param isPaid whether its batch has paid for it
   */
  request(request: Request, answer: SendAnswer, isPaid = false): Promise<void> | undefined {
    const { method } = request;
    const error =
      (isPaid || this.#host.allowance === undefined
        ? undefined
        : this.#pay(this.#costOf(request))) ?? (method === RPC.ping ? this.#ping() : undefined);
    return error === undefined ? this.#admit(request, answer) : refuse(request, answer, error);
  }

  /**
   * Waiting stops the reading, and with it the peer. But while a call of ours waits for its answer,
   * or a stream for credit, what they wait for lies behind the peer's requests: then it is told
   * "busy", or they would wait for ever.
   */
  #admit(request: Request, answer: SendAnswer): Promise<void> | undefined {
    if (this.#closed === "ended") return undefined;
    if (this.#isFull() && this.#closed === "open" && !this.#mustRead()) {
      return this.#host.change().then(() => this.#admit(request, answer));
    }
    const error = this.#refusal(request);
    if (error !== undefined) return refuse(request, answer, error);
    const running = new IncomingRequest(this.#host, request, answer, this.#host.lastActive);
    const outcome = this.#host.fairQueue?.mustWait ? this.#later(running) : this.#begin(running);
    if (typeof outcome === "string") running.answer(outcome);
    else if (outcome !== undefined) this.#await(running, outcome);
    return undefined;
  }

  /** Why a request is not begun now; undefined where it is. */
  #refusal(request: Request): RpcError | undefined {
    const { method } = request,
      { dispatcher, loadShedding, limits: { maxStreams, callTimeout } } = this.#host;
    // How a last answer is to be read may still be asked.
    if (this.#closed !== "open" && method !== RPC.serverInfo) {
      // It may have crossed our goodbye: a caller who knows that nothing ran may call elsewhere.
      const details = { started: false };
      return new RpcError("UNAVAILABLE", "The server is shutting down", { details });
    }
    if (this.#isFull()) {
      const message = "Too many calls are running on this connection";
      return new RpcError("UNAVAILABLE", message, { limit: "maxInFlight" });
    }
    if (!this.#host.isKnown && method !== RPC.authenticate) return unauthenticated();
    if (this.#streams >= maxStreams && dispatcher.isStreaming(method)) {
      const message = "Too many streams are open on this connection";
      return new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxStreams" });
    }
    const { timeoutMs } = metaOf(request.params);
    let left = callTimeout;
    if (timeoutMs !== undefined) {
      // It may have waited for its place longer than anyone waits for its answer.
      left = typeof timeoutMs === "number"
        ? this.#host.lastActive + timeoutMs - this.#host.now()
        : NaN;
      if (!(left > 0)) return refusedTimeout(left);
    }
    // Whoever asks how the server is, is told so even then.
    if (isBuiltin(method)) return undefined;
    return loadShedding.refusal() ?? this.#lateness(left);
  }

  /**
   * The error for a call that would wait for the processor for more than half of the time that it has:
   * the other half is for its handler, and for the way back.
   */
  #lateness(left: number): RpcError | undefined {
    const delay = this.#host.fairQueue?.delay(this) ?? 0;
    if (delay <= left / 2) return undefined;
    const message = "Too many calls wait for the processor", retryAfterMs = Math.ceil(delay);
    return new RpcError("UNAVAILABLE", message, { retryAfterMs, details: { started: false } });
  }

  /** Does what needs no handler, but not before the peer's calls that wait for the processor. */
  inOrder(work: () => void): void {
    const { fairQueue } = this.#host;
    if (fairQueue?.holds(this)) fairQueue.enter(this).then(work);
    else work();
  }

  /** Begins what a notification asks for, or waits until there is room. */
  notification(message: Notification, isPaid = false): Promise<void> | undefined {
    if (!isPaid && this.#pay(this.#costOf(message)) !== undefined) return undefined;
    return this.#admitNotification(message);
  }

  #admitNotification(message: Notification): Promise<void> | undefined {
    if (this.#closed !== "open") return undefined;
    if (this.#isFull()) {
      if (this.#mustRead()) return undefined; // nobody waits for an answer
      return this.#host.change().then(() => this.#admitNotification(message));
    }
    if (!this.#host.isKnown || this.#host.loadShedding.refusal() !== undefined) return undefined;
    const running = new IncomingRequest(this.#host, message, undefined, this.#host.lastActive);
    const outcome = this.#host.fairQueue?.mustWait ? this.#later(running) : this.#begin(running);
    if (typeof outcome === "object") this.#await(running, outcome);
    return undefined;
  }

  /** Begins it now: the text of its answer, or a promise of it where its handler has not ended. */
  #begin(running: IncomingRequest): string | void | Promise<string | void> {
    const { dispatcher } = this.#host, { request } = running;
    const outcome = request.kind === "request"
      ? dispatcher.answer(request, running)
      : dispatcher.notify(request.method, request.params, running);
    if (typeof outcome === "object") running.releaseParams();
    return outcome;
  }

  /** Begins it once the processor has time for it, if anyone is still waiting for it then. */
  async #later(running: IncomingRequest): Promise<string | void> {
    const { dispatcher, fairQueue } = this.#host;
    running.procedure = dispatcher.procedureOf(running.method);
    await fairQueue!.enter(this);
    if (!running.isStopped) return this.#begin(running);
  }

  #stop(running: IncomingRequest, error: RpcError): void {
    running.stop(error);
    this.#host.onStop();
  }

  #isFull(): boolean {
    // Before it is known who a peer is nothing goes on beside finding out.
    const calls = this.#running.size - this.#streams;
    return calls >= (this.#host.isKnown ? this.#host.limits.maxInFlight : 1);
  }

  /** Whether something that runs goes on only if we read on. */
  #mustRead(): boolean {
    return this.#host.isWaiting || this.#streams > 0;
  }

  /** Waits for a handler. Its place is taken until it has really ended, answered or not. */
  async #await(running: IncomingRequest, outcome: Promise<string | void>): Promise<void> {
    const all = this.#running === NONE
      ? new Set<IncomingRequest>()
      : this.#running as Set<IncomingRequest>;
    this.#running = all.add(running);
    const { timeout, isStreaming } = running;
    if (isStreaming) this.#streams++;
    else this.#host.loadShedding.runningCalls++;
    if (timeout !== Infinity) {
      running.timer = this.#host.timers.after(running.timeLeft(), () => {
        const message = `The call took longer than ${timeout} ms`;
        this.#stop(running, new RpcError("DEADLINE_EXCEEDED", message));
      });
    }
    const text = await outcome;
    running.timer?.cancel();
    if (typeof text === "string") running.answer(text);
    all.delete(running);
    if (isStreaming) this.#streams--;
    else this.#host.loadShedding.runningCalls--;
    this.#host.onEnd();
  }
}

function tooLarge(): RpcError {
  return new RpcError("RESOURCE_EXHAUSTED", "The batch's answers are too large", {
    limit: "maxResponseBytes",
  });
}

function unauthenticated(): RpcError {
  return new RpcError("UNAUTHENTICATED", `Call ${RPC.authenticate} before anything else`);
}

function refuse({ version, id }: Request, answer: SendAnswer, error: RpcError): undefined {
  answer(encodeError(version, id, error));
}

/** The answer to a call of which so much time is left: none, or NaN where it said nonsense. */
function refusedTimeout(left: number): RpcError {
  if (left <= 0) return new RpcError("DEADLINE_EXCEEDED", "The call left no time");
  return invalidParams([
    { path: ["_meta", "timeoutMs"], message: "must be milliseconds as a number" },
  ]);
}
