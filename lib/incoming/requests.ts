/**
 * The requests of one peer, from their arrival to their answers. Needs no connection: a request comes with
 * its {@linkcode Caller}, which says who asks and where the answer goes.
 *
 * @module
 */

import type { PeerInfo } from "../api/context.ts";
import type { Observer } from "../api/observe.ts";
import { RpcError } from "../error.ts";
import { type InFlight, LINGERING } from "../link/in_flight.ts";
import { isControl, RPC } from "../message/control.ts";
import { encodeError } from "../message/encode.ts";
import { inOrder } from "../message/in_order.ts";
import {
  type Batch,
  type Invalid,
  MAX_META,
  type Notification,
  type Request,
  type Single,
  trimMeta,
} from "../message/message.ts";
import { weigh } from "../message/weight.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import { Admission, type AdmissionOptions, unauthenticated, WAIT } from "./admission.ts";
import { Backlog, tooLate } from "./backlog.ts";
import { BatchAnswers, tooLarge } from "./batch.ts";
import type { Caller } from "./caller.ts";
import type { Dispatcher } from "./dispatch.ts";
import {
  keyOfValue,
  RequestContext,
  type RequestOptions,
  type SendAnswer,
} from "./request_context.ts";

/** Milliseconds for which a handler may go on after its call has ended, before its place is given back. */
const HANGS = 1000;

/** What requests are served with: the same for all peers of a server. */
export interface RequestsOptions extends AdmissionOptions, RequestOptions {
  readonly dispatcher: Dispatcher;
}

/** The requests of one peer. */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #inFlight: InFlight<RequestContext>;
  readonly #admission: Admission;
  /** Those that wait; most peers never have any. */
  #backlog: Backlog | undefined;

  /**
   * @param inFlight what is under way with the peer
   * @param allowance how fast the peer may go; without it as fast as it can
   */
  constructor(
    options: RequestsOptions,
    inFlight: InFlight<RequestContext>,
    allowance?: Allowance,
  ) {
    this.#options = options;
    this.#inFlight = inFlight;
    this.#admission = new Admission(options, inFlight, allowance);
  }

  /** See {@linkcode Admission.allowance}. */
  set allowance(allowance: Allowance | undefined) {
    this.#admission.allowance = allowance;
  }

  /** The request with this id, while it waits or runs. */
  get(id: unknown): RequestContext | undefined {
    return this.#inFlight.running.get(keyOfValue(id));
  }

  /** Whether handlers go on that were begun, beside one that finds out who the peer is. */
  get isServing(): boolean {
    return this.#admission.isServing;
  }

  /**
   * The peer sends no more. What runs may end and be answered; a stream that wants more of the peer
   * has ended, and one that is quiet is not waited for longer than a call.
   */
  endInput(): void {
    const { timers, limits: { callTimeout } } = this.#options;
    for (const request of this.#inFlight.running.values()) {
      if (!request.isStreaming) continue;
      request.endInput();
      request.timer ??= timers.after(callTimeout, () => {
        this.#inFlight.stop(request, new RpcError("CANCELLED", "The caller has hung up"));
      });
    }
  }

  /** The peer is gone: nobody is answered any more. */
  end(): void {
    this.#inFlight.stopAll(new RpcError("CANCELLED", "The connection ended"));
  }

  // ---- What comes ----------------------------------------------------------------------------

  /**
   * Begins a request, or waits until there is room: the promise is back-pressure.
   *
   * @param answer where the answer goes, if not straight to the caller
   * @param isPaid whether its batch has paid for it
   */
  request(
    message: Request,
    caller: Caller,
    answer?: SendAnswer,
    isPaid = false,
  ): Promise<void> | undefined {
    if (this.#inFlight.phase >= LINGERING) return undefined; // the peer does not listen any more
    const request = this.#take(message, caller, answer);
    const error = (isPaid ? undefined : this.#pay(request)) ??
      (message.method === RPC.ping ? this.#admission.ping() : undefined);
    return error === undefined ? this.#admit(request) : request.refuse(error);
  }

  /** Answers a request that is not served, whatever it is for. */
  refuse(
    message: Request,
    caller: Caller,
    answer: SendAnswer | undefined,
    error: RpcError,
  ): undefined {
    return this.#take(message, caller, answer).refuse(error);
  }

  /** Every request and notification begins here, is shown to the observer, and is answered by what is made of it. */
  #take(message: Request | Notification, caller: Caller, answer?: SendAnswer): RequestContext {
    if ((message.text?.length ?? Infinity) > MAX_META) trimMeta(message);
    const target = this.#options.dispatcher.find(message.method), { lastActive } = this.#inFlight;
    return new RequestContext(this.#options, message, target, caller, answer, lastActive);
  }

  #admit(request: RequestContext): Promise<void> | undefined {
    const { method, message: { params }, target, caller, arrived } = request;
    const refusal = this.#admission.ask(method, params, target, caller, arrived);
    if (refusal === undefined) {
      this.#start(request);
      return undefined;
    }
    if (refusal !== WAIT) return request.refuse(refusal);
    const backlog = this.#backlog ??= this.#makeBacklog();
    const kept = backlog.add(request);
    return kept instanceof RpcError ? request.refuse(kept) : kept;
  }

  #makeBacklog(): Backlog {
    const { timers } = this.#options, admission = this.#admission;
    const backlog = new Backlog(timers, this.#inFlight, admission, (it) => this.#start(it));
    admission.waiting = backlog;
    return backlog;
  }

  /** Begins what a notification asks for, or waits until there is room. */
  notification(message: Notification, caller: Caller, isPaid = false): Promise<void> | undefined {
    if (this.#inFlight.phase >= LINGERING) return undefined;
    const request = this.#take(message, caller);
    const error = isPaid ? undefined : this.#pay(request);
    return error === undefined ? this.#admit(request) : request.refuse(error);
  }

  /** Answers a message that breaks the rules, after the peer's calls that wait for the processor. */
  invalid(message: Invalid, caller: Caller): undefined {
    const { fairQueue } = this.#options, inFlight = this.#inFlight;
    const answer = () => caller.send(encodeError(message, message.error));
    if (fairQueue?.holds(inFlight)) fairQueue.enter(inFlight).then(answer);
    else answer();
    this.mistake(message.error, caller.info);
  }

  /**
   * Counts a message that breaks the rules: a peer that sends nothing else is not listened to for long.
   *
   * @param error what is wrong with it
   */
  mistake(error: RpcError, peer: PeerInfo): void {
    this.#options.observe?.refused?.(error, peer);
    this.note();
    this.#admission.mistake();
  }

  /** Whether a ping of the peer's framing is answered. */
  takesPing(): boolean {
    this.note();
    return this.#admission.takesPing();
  }

  /** Pays for something that costs as much as a call; the error if the peer was faster than it may be. */
  pay(): RpcError | undefined {
    return this.#admission.isMetered ? this.#admission.pay(1) : undefined;
  }

  /** A message came that is no call: it costs something too, where calls do. */
  note(): void {
    if (this.#admission.isMetered) this.#admission.pay(0);
  }

  /**
   * All answers of a batch go back in one frame, in its order; none, if it held no request.
   *
   * @param handle what else may stand in it: responses, control messages
   */
  batch(
    { items, text, weight = weigh(text) }: Batch,
    caller: Caller,
    handle: (item: Single) => undefined,
  ): Promise<void> | undefined {
    const { limits: { maxResponseBytes } } = this.#options, { isKnown } = caller.identity;
    const due = items.filter(({ kind }) => kind === "request" || kind === "invalid").length;
    const { account } = this.#inFlight;
    account.keep(weight); // with the answers that are there it is kept until the last has come
    const answers = new BatchAnswers(due, maxResponseBytes, account, (text) => {
      account.release(weight);
      caller.whenRoom(() => caller.answer(text));
    });
    if (due === 0) account.release(weight);
    const tooFast = this.#admission.isMetered
      ? this.#admission.pay(items.reduce((sum, item) => sum + this.#costOf(item), 0))
      : undefined;
    let places = 0;
    return inOrder(items, (item) => {
      // Who was not known when the batch came is not known for any of it.
      switch (item.kind) {
        case "notification":
          if (tooFast !== undefined || !isKnown && item.method !== RPC.authenticate) {
            return isControl(item.method)
              ? undefined
              : this.#take(item, caller).refuse(tooFast ?? unauthenticated());
          }
          return isControl(item.method) ? handle(item) : this.notification(item, caller, true);
        case "response":
          return handle(item);
        case "invalid":
          answers.place(places++)(encodeError(item, item.error));
          this.mistake(item.error, caller.info);
          return undefined;
        case "request": {
          const at = places++, answer = answers.place(at);
          const error = tooFast ??
            (isKnown || item.method === RPC.authenticate ? undefined : unauthenticated());
          if (error !== undefined) return this.refuse(item, caller, answer, error);
          // The sum is limited too: what has no room in it any more, whenever its handler ends, is told so.
          if (answers.isFull) return this.refuse(item, caller, answer, tooLarge());
          return this.request(item, caller, answers.placeOf(item, at), true);
        }
      }
    });
  }

  // ---- What runs -----------------------------------------------------------------------------

  /** Pays for one call; the error if the peer was faster than it may be. */
  #pay(request: RequestContext): RpcError | undefined {
    return this.#admission.isMetered ? this.#admission.pay(request.target?.cost ?? 1) : undefined;
  }

  #costOf(item: Single): number {
    const isCall = item.kind === "request" || item.kind === "notification";
    return isCall ? this.#options.dispatcher.find(item.method)?.cost ?? 1 : 0;
  }

  /** Begins what was admitted, now or once the processor has time for it. */
  #start(request: RequestContext): void {
    const { fairQueue } = this.#options;
    const outcome = fairQueue?.mustWait(this.#inFlight)
      ? this.#beginAfter(fairQueue.enter(this.#inFlight), request)
      : this.#begin(request);
    if (typeof outcome === "object") this.#await(request, outcome);
    else {
      if (outcome !== undefined) request.answer(outcome);
      if (request.hasWaited) this.#inFlight.end(request, this.#options.timers.now());
    }
  }

  /** Begins it now: the text of its answer, or a promise of its end if its handler has not ended. */
  #begin(request: RequestContext): string | void | Promise<void> {
    const { observe } = this.#options;
    const outcome = observe?.run === undefined
      ? this.#dispatch(request)
      : this.#dispatchWithin(observe, request);
    if (typeof outcome === "object") request.releaseParams();
    return outcome;
  }

  #dispatch(request: RequestContext): string | void | Promise<void> {
    const { dispatcher } = this.#options, { message } = request;
    return message.kind === "request"
      ? dispatcher.answer(message, request)
      : dispatcher.notify(request);
  }

  /** The same within what the observer sets around it. By itself, so that other calls keep nothing for a closure. */
  #dispatchWithin(observe: Observer, request: RequestContext): string | void | Promise<void> {
    return request.within(observe, () => this.#dispatch(request));
  }

  /** Begins it once the processor has time for it, if anyone is still waiting for it then. */
  async #beginAfter(queued: Promise<void>, request: RequestContext): Promise<void> {
    await queued;
    // Those that were before it may have filled what waits to be sent.
    if (request.caller.isFull) await request.caller.whenRoom(() => {});
    if (request.isStopped) return;
    const outcome = this.#begin(request);
    if (typeof outcome === "string") request.answer(outcome);
    else if (outcome !== undefined) await outcome;
  }

  /** Waits for a handler. Its place is taken until it has really ended, or hangs. */
  async #await(request: RequestContext, outcome: Promise<void>): Promise<void> {
    const { timers } = this.#options, inFlight = this.#inFlight, { timeout } = request;
    if (!request.hasWaited) inFlight.begin(request);
    this.#admission.take(request);
    if (timeout !== Infinity) {
      request.timer = timers.after(request.timeLeft(), () => {
        inFlight.stop(request, tooLate(timeout));
      });
    }
    request.onStopped = () => this.#watch(request);
    request.keep(inFlight.account); // last: where it is too much the connection ends
    await outcome;
    request.onStopped = undefined;
    request.timer?.cancel();
    if (request.isHung) this.#options.loadShedding.hung--;
    else this.#leave(request);
  }

  #leave(request: RequestContext): void {
    const inFlight = this.#inFlight;
    request.release(inFlight.account);
    this.#admission.leave(request);
    inFlight.end(request, this.#options.timers.now());
  }

  /** Its call has ended: where its handler goes on for long, its place is given back all the same. */
  #watch(request: RequestContext): void {
    const { timers, limits: { maxHung }, loadShedding, dispatcher } = this.#options;
    request.timer = timers.after(HANGS, () => {
      // Its handler may have ended, and what it gave waits for room.
      if (request.hasEnded || loadShedding.hung >= maxHung) return this.#watch(request);
      loadShedding.hung++;
      request.isHung = true;
      this.#leave(request);
      dispatcher.report(
        new Error("The handler goes on although its call has ended"),
        request.method,
      );
    });
  }
}
