/**
 * The requests of one peer, from their arrival to their answers. Needs no connection: a request comes with
 * its {@linkcode Caller}, which says who asks and where the answer goes.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import { type InFlight, LINGERING } from "../link/in_flight.ts";
import { isControl, RPC } from "../message/control.ts";
import { encodeError } from "../message/encode.ts";
import { inOrder } from "../message/in_order.ts";
import type { Invalid, Notification, Request, Single } from "../message/message.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import { Admission, type AdmissionOptions, unauthenticated, WAIT } from "./admission.ts";
import { BatchAnswers } from "./batch.ts";
import type { Caller } from "./caller.ts";
import type { Dispatcher } from "./dispatch.ts";
import { RequestContext, type SendAnswer } from "./request_context.ts";
import type { Target } from "./target.ts";

/** What requests are served with: the same for all peers of a server. */
export interface RequestsOptions extends AdmissionOptions {
  readonly dispatcher: Dispatcher;
}

/** The requests of one peer. */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #inFlight: InFlight<RequestContext>;
  readonly #admission: Admission;

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

  /** The request with this id, while it runs. */
  get(id: unknown): RequestContext | undefined {
    const text = JSON.stringify(id);
    for (const request of this.#inFlight.running) {
      const { message } = request;
      if (message.kind !== "request") continue;
      // Ids are kept as they were written: 1.0 is known by its value.
      if (message.id === text || typeof id === "number" && Number(message.id) === id) {
        return request;
      }
    }
    return undefined;
  }

  /**
   * The peer sends no more. What runs may end and be answered; a stream that wants more of the peer
   * has ended, and one that is quiet is not waited for longer than a call.
   */
  endInput(): void {
    const { timers, limits: { callTimeout } } = this.#options;
    for (const request of this.#inFlight.running) {
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
    const error = (isPaid ? undefined : this.#pay(message)) ??
      (message.method === RPC.ping ? this.#admission.ping() : undefined);
    return error === undefined
      ? this.#admit(message, caller, answer)
      : refuse(message, caller, answer, error);
  }

  #admit(
    message: Request,
    caller: Caller,
    answer: SendAnswer | undefined,
  ): Promise<void> | undefined {
    const inFlight = this.#inFlight;
    if (inFlight.phase >= LINGERING) return undefined; // nobody listens any more
    const target = this.#options.dispatcher.find(message.method);
    const refusal = this.#admission.ask(message, target, caller);
    if (refusal === WAIT) {
      return inFlight.change().then(() => this.#admit(message, caller, answer));
    }
    if (refusal !== undefined) return refuse(message, caller, answer, refusal);
    this.#start(message, target, caller, answer);
    return undefined;
  }

  /** Begins what a notification asks for, or waits until there is room. */
  notification(message: Notification, caller: Caller, isPaid = false): Promise<void> | undefined {
    if (!isPaid && this.#pay(message) !== undefined) return undefined;
    return this.#admitNotification(message, caller);
  }

  #admitNotification(message: Notification, caller: Caller): Promise<void> | undefined {
    const place = this.#admission.askForNotification(caller);
    if (place === "forget") return undefined;
    if (place === WAIT) {
      return this.#inFlight.change().then(() => this.#admitNotification(message, caller));
    }
    this.#start(message, this.#options.dispatcher.find(message.method), caller);
    return undefined;
  }

  /** Answers a message that breaks the rules, after the peer's calls that wait for the processor. */
  invalid({ version, id, error }: Invalid, caller: Caller): undefined {
    const { fairQueue } = this.#options, inFlight = this.#inFlight;
    const answer = () => caller.send(encodeError(version, id, error));
    if (fairQueue?.holds(inFlight)) fairQueue.enter(inFlight).then(answer);
    else answer();
    this.mistake();
  }

  /** Counts a message that breaks the rules: a peer that sends nothing else is not listened to for long. */
  mistake(): void {
    this.#admission.mistake();
  }

  /**
   * All answers of a batch go back in one frame, in its order; none, if it held no request.
   *
   * @param handle what else may stand in it: responses, control messages
   */
  batch(
    items: readonly Single[],
    caller: Caller,
    handle: (item: Single) => undefined,
  ): Promise<void> | undefined {
    const { limits: { maxResponseBytes } } = this.#options, { isKnown } = caller.identity;
    const due = items.filter(({ kind }) => kind === "request" || kind === "invalid").length;
    const answers = new BatchAnswers(due, maxResponseBytes, (text) => caller.send(text));
    const tooFast = this.#admission.isMetered
      ? this.#admission.pay(items.reduce((sum, item) => sum + this.#costOf(item), 0))
      : undefined;
    let places = 0;
    return inOrder(items, (item) => {
      // Who was not known when the batch came is not known for any of it.
      switch (item.kind) {
        case "notification":
          if (tooFast !== undefined || !isKnown && item.method !== RPC.authenticate) {
            return undefined;
          }
          return isControl(item.method) ? handle(item) : this.notification(item, caller, true);
        case "response":
          return handle(item);
        case "invalid":
          answers.place(places++)(encodeError(item.version, item.id, item.error));
          this.mistake();
          return undefined;
        case "request": {
          const answer = answers.place(places++);
          const error = tooFast ??
            (isKnown || item.method === RPC.authenticate ? undefined : unauthenticated());
          if (error !== undefined) return refuse(item, caller, answer, error);
          // The sum is limited too: what has no room in it any more, whenever its handler ends, is told so.
          if (answers.isFull) return refuse(item, caller, answer, tooLarge());
          return this.request(
            item,
            caller,
            (text) =>
              answers.hasRoom(text) ? answer(text) : refuse(item, caller, answer, tooLarge()),
            true,
          );
        }
      }
    });
  }

  // ---- What runs -----------------------------------------------------------------------------

  /** Pays for one message; the error if the peer was faster than it may be. */
  #pay(item: Single): RpcError | undefined {
    return this.#admission.isMetered ? this.#admission.pay(this.#costOf(item)) : undefined;
  }

  #costOf(item: Single): number {
    const isCall = item.kind === "request" || item.kind === "notification";
    return isCall ? this.#options.dispatcher.find(item.method)?.cost ?? 1 : 0;
  }

  /** Begins what was admitted, now or once the processor has time for it. */
  #start(
    message: Request | Notification,
    target: Target | undefined,
    caller: Caller,
    answer?: SendAnswer,
  ): void {
    const { fairQueue } = this.#options, inFlight = this.#inFlight, { lastActive } = inFlight;
    const request = new RequestContext(this.#options, message, target, caller, answer, lastActive);
    const outcome = fairQueue?.mustWait
      ? this.#beginAfter(fairQueue.enter(inFlight), request)
      : this.#begin(request);
    if (typeof outcome === "string") request.answer(outcome);
    else if (outcome !== undefined) this.#await(request, outcome);
  }

  /** Begins it now: the text of its answer, or a promise of it if its handler has not ended. */
  #begin(request: RequestContext): string | void | Promise<string | void> {
    const { dispatcher } = this.#options, { message } = request;
    const outcome = message.kind === "request"
      ? dispatcher.answer(message, request)
      : dispatcher.notify(request);
    if (typeof outcome === "object") request.releaseParams();
    return outcome;
  }

  /** Begins it once the processor has time for it, if anyone is still waiting for it then. */
  async #beginAfter(queued: Promise<void>, request: RequestContext): Promise<string | void> {
    await queued;
    if (!request.isStopped) return this.#begin(request);
  }

  /** Waits for a handler. Its place is taken until it has really ended, answered or not. */
  async #await(request: RequestContext, outcome: Promise<string | void>): Promise<void> {
    const { timers } = this.#options, inFlight = this.#inFlight;
    const { timeout, isStreaming } = request;
    inFlight.begin(request);
    this.#admission.take(isStreaming);
    if (timeout !== Infinity) {
      request.timer = timers.after(request.timeLeft(), () => {
        const message = `The call took longer than ${timeout} ms`;
        inFlight.stop(request, new RpcError("DEADLINE_EXCEEDED", message));
      });
    }
    const text = await outcome;
    request.timer?.cancel();
    if (typeof text === "string") request.answer(text);
    this.#admission.leave(isStreaming);
    inFlight.end(request, timers.now());
  }
}

function tooLarge(): RpcError {
  return new RpcError("RESOURCE_EXHAUSTED", "The batch's answers are too large", {
    limit: "maxResponseBytes",
  });
}

function refuse(
  { version, id }: Request,
  caller: Caller,
  answer: SendAnswer | undefined,
  error: RpcError,
): undefined {
  const text = encodeError(version, id, error);
  if (answer === undefined) caller.send(text);
  else answer(text);
}
