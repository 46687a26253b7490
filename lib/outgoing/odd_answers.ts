/**
 * Answers that are not simply the answer of a call that waits: without an id, to an id that no call has,
 * to a batch in part, or none that can be read. Each ends the calls that it is about, so that none waits
 * for ever; what is about none is reported.
 *
 * @module
 */

import { type ErrorData, type ErrorObject, RpcError } from "../error.ts";
import { isLongerThan } from "../framing/utf8.ts";
import { depthOf } from "../message/depth.ts";
import type { Response, Single } from "../message/message.ts";
import { shown } from "../message/unreadable.ts";
import type { Call } from "./call.ts";
import type { CallTable } from "./call_table.ts";
import { Unclaimed } from "./unclaimed.ts";

/** What odd answers are taken with. */
export interface OddAnswersHost {
  /** The last message that has left. */
  readonly sentCount: number;
  /** Ends a call that waits; its owner may send it again. */
  end(call: Call, error: RpcError): void;
  /** Told of what is about no call. */
  report(error: RpcError): void;
}

/** The odd answers of one connection. */
export class OddAnswers {
  readonly #pending: CallTable<Call>;
  readonly #host: OddAnswersHost;
  readonly #unclaimed: Unclaimed;
  /** Calls that were given up and are not answered yet. */
  #owed = 0;
  /** What the peer said last that was no call's answer: where it hangs up, that is why. */
  lastWords: RpcError | undefined;

  constructor(pending: CallTable<Call>, host: OddAnswersHost) {
    this.#pending = pending;
    this.#host = host;
    this.#unclaimed = new Unclaimed(pending, (call, error) => host.end(call, error));
  }

  // ---- What goes out -------------------------------------------------------------------------

  /** A notification goes out. */
  onNotification(): void {
    this.#unclaimed.onNotification();
  }

  /** A call was given up. @param isTold whether the peer is told so with a control message */
  onGivenUp(isTold: boolean): void {
    this.#owed++;
    this.#unclaimed.onControl(isTold ? 2 : 1);
  }

  // ---- What comes ----------------------------------------------------------------------------

  /** A call was answered as it should be. */
  onAnswer(call: Call): void {
    this.#unclaimed.onAnswer(call.id);
  }

  /** An answer came for which no call waits. */
  take({ id, error, result }: Response): void {
    if (id === "null" || id === '""') {
      if (error !== undefined) this.#refused(error);
      else {
        const what = `The peer sent a result without an id: ${shown(JSON.stringify(result))}`;
        this.withoutId(new RpcError("INTERNAL", what));
      }
      return;
    }
    const number = Number(id);
    if (this.#owed > 0 && number > 0 && number <= this.#pending.lastId) {
      this.#owed--; // it was given up
      return;
    }
    const why = error === undefined ? "" : `: ${error.message}`;
    const what = `The peer answered a call with the id ${shown(id)}, and none waits for it${why}`;
    this.#host.report(new RpcError("INTERNAL", what));
  }

  /** The last message that has left. */
  get sentCount(): number {
    return this.#host.sentCount;
  }

  /**
   * Something came without an id: it ends the calls that it must be about, or is reported.
   *
   * @param sent the last message that had left when it came
   */
  withoutId(error: RpcError, sent = this.#host.sentCount): void {
    if (this.#unclaimed.add(error, sent)) return;
    this.lastWords = error;
    this.#host.report(error);
  }

  /** An error without an id: the peer could not read something of ours. */
  #refused(said: ErrorObject): void {
    const error = remoteError(said);
    const { details, limit } = (said.data ?? {}) as ErrorData;
    const { maxBytes } = (details ?? {}) as { maxBytes?: unknown };
    // It does not say which batch was too long for it, or which call too deep: whatever its limit, the
    // longest and the deepest were.
    const isMeant = limit === "maxBatch"
      ? this.#most(({ together }) => together, 2)
      : limit === "maxDepth"
      ? this.#most(({ text }) => depthOf(text), 1)
      : ({ text }: Call) => typeof maxBytes === "number" && isLongerThan(text, maxBytes);
    const meant = [...this.#pending].filter(isMeant);
    for (const call of meant) this.#host.end(call, error);
    if (meant.length === 0) this.withoutId(error);
  }

  /** Tells those that have the most of something, and at least so much. */
  #most(measure: (call: Call) => number, least: number): (call: Call) => boolean {
    let most = least;
    for (const call of this.#pending) most = Math.max(most, measure(call));
    return (call) => measure(call) === most;
  }

  /**
   * A batch came with answers in it. What it leaves out of a batch of ours is not answered any more: those
   * calls end with what stands in it without an id, or with an error that says so.
   *
   * @param broken what is not even an answer
   * @param find the call that waits for the answer with this id
   * @returns what is still to be handled
   */
  endLeftOut(
    items: readonly Single[],
    broken: readonly RpcError[],
    find: (id: string) => Call | undefined,
  ): readonly Single[] {
    const answered = new Set<Call>(), batches = new Set<number>(), others: Single[] = [];
    const errors = [...broken];
    for (const item of items) {
      const call = item.kind === "response" ? find(item.id) : undefined;
      if (call !== undefined) {
        answered.add(call);
        if (call.together > 1) batches.add(call.order);
      }
      if (item.kind === "response" && item.id === "null" && item.error) {
        errors.push(remoteError(item.error));
      } else others.push(item);
    }
    for (const call of this.#pending) {
      if (!batches.has(call.order) || answered.has(call)) continue;
      const missing = `The peer answered the batch without ${call.method}`;
      this.#host.end(call, errors.shift() ?? new RpcError("INTERNAL", missing));
    }
    for (const error of errors) this.#host.report(error);
    return others;
  }
}

/** An error of the peer's. */
function remoteError({ code, message, data }: ErrorObject): RpcError {
  return new RpcError(code, message, data, { remote: true });
}

/** The error that the peer answered to a call. */
export function answeredTo({ method }: Call, answer: ErrorObject | RpcError): RpcError {
  const { code, message, data } = answer instanceof RpcError ? answer.toJSON() : answer;
  return new RpcError(code, message, data, { remote: true, method });
}
