/**
 * What the server asks a page: its calls back, from their arrival to their answers. A server is asked by many
 * callers that must not hinder each other, and has `incoming/requests.ts`; a page is asked by the server alone
 * that it has chosen to call. It refuses what is too much, and nothing waits.
 *
 * @module
 */

import { RpcError } from "../../error.ts";
import { tooLate } from "../../incoming/backlog.ts";
import { BatchAnswers } from "../../incoming/batch.ts";
import type { Caller } from "../../incoming/caller.ts";
import type { Dispatcher } from "../../incoming/dispatch.ts";
import {
  keyOfValue,
  RequestContext,
  type RequestOptions,
  type SendAnswer,
} from "../../incoming/request_context.ts";
import type { InFlight } from "../../link/in_flight.ts";
import type { Keeping } from "../../overload/ledger.ts";
import { isControl } from "../../message/control.ts";
import { encodeError } from "../../message/encode.ts";
import type { Batch, Notification, Request, Single } from "../../message/message.ts";

/** What requests are answered with. */
export interface BrowserRequestsOptions extends RequestOptions {
  readonly dispatcher: Dispatcher;
}

/** The requests of the server. */
export class BrowserRequests {
  readonly #options: BrowserRequestsOptions;
  readonly #inFlight: InFlight<RequestContext, Keeping>;
  /** Streams that run, which may be open for long. */
  #streams = 0;

  constructor(options: BrowserRequestsOptions, inFlight: InFlight<RequestContext, Keeping>) {
    this.#options = options;
    this.#inFlight = inFlight;
  }

  /** The request with this id, while it runs. */
  get(id: unknown): RequestContext | undefined {
    return this.#inFlight.running.get(keyOfValue(id));
  }

  /**
   * Begins what a call or a notification asks for.
   *
   * @param answer where the answer goes, if not straight to the caller
   */
  take(message: Request | Notification, caller: Caller, answer?: SendAnswer): void {
    const { dispatcher } = this.#options, { lastActive } = this.#inFlight;
    const target = dispatcher.find(message.method);
    const request = new RequestContext(this.#options, message, target, caller, answer, lastActive);
    const refusal = this.#refusal(request);
    if (refusal !== undefined) return request.refuse(refusal);
    const outcome = message.kind === "request"
      ? dispatcher.answer(message, request)
      : dispatcher.notify(request);
    if (typeof outcome === "string") request.answer(outcome);
    else if (outcome !== undefined) this.#await(request, outcome);
  }

  /** Answers a batch in one message; none, if it held no call. @param handle what else may stand in it */
  batch({ items }: Batch, caller: Caller, handle: (item: Single) => void): void {
    const { limits: { maxResponseBytes } } = this.#options, { account } = this.#inFlight;
    const due = items.filter(({ kind }) => kind === "request" || kind === "invalid").length;
    const answers = new BatchAnswers(due, maxResponseBytes, account, (text) => caller.answer(text));
    let places = 0;
    for (const item of items) {
      if (item.kind === "request") this.take(item, caller, answers.placeOf(item, places++));
      else if (item.kind === "invalid") answers.place(places++)(encodeError(item, item.error));
      else if (item.kind === "notification" && !isControl(item.method)) this.take(item, caller);
      else handle(item);
    }
  }

  /** Why a request is not begun; undefined if it is. */
  #refusal({ isStreaming, timeout }: RequestContext): RpcError | undefined {
    const { limits: { maxInFlight, maxStreams } } = this.#options;
    const { running, pendingCalls } = this.#inFlight;
    if (!(timeout > 0)) return new RpcError("DEADLINE_EXCEEDED", "The call left no time");
    if (isStreaming && this.#streams >= maxStreams) {
      const message = "Too many streams are open on this connection";
      return new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxStreams" });
    }
    // A server of ours knows how many are taken, and lends a place as it does to us.
    if (isStreaming || running.size - this.#streams < maxInFlight + pendingCalls) return undefined;
    const details = { started: false };
    return new RpcError("UNAVAILABLE", "Too many calls are running", { details });
  }

  /** Waits for a handler. */
  async #await(request: RequestContext, outcome: Promise<void>): Promise<void> {
    const { timers } = this.#options, inFlight = this.#inFlight, { timeout } = request;
    const streams = request.isStreaming ? 1 : 0;
    this.#streams += streams;
    inFlight.begin(request);
    if (timeout !== Infinity) {
      request.timer = timers.after(request.timeLeft(), () => request.stop(tooLate(timeout)));
    }
    request.keep(inFlight.account);
    await outcome;
    request.timer?.cancel();
    request.release(inFlight.account);
    this.#streams -= streams;
    inFlight.end(request, timers.now());
  }
}
