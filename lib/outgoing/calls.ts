/**
 * Our calls on one connection: from their requests to their answers.
 *
 * @module
 */

import type { CallOptions, ItemOptions, StreamCall } from "../api/stub.ts";
import { ConnectionLostError, type ErrorData, RpcError } from "../error.ts";
import { isLongerThan } from "../framing/utf8.ts";
import type { Limits } from "../limits.ts";
import type { FramedWriter } from "../link/framed_writer.ts";
import type { Room } from "../stream/sender.ts";
import type { Lifecycle } from "../link/lifecycle.ts";
import type { Account } from "../overload/ledger.ts";
import { encodeValue } from "../message/base64.ts";
import {
  cancelRequest,
  RPC,
  streamCredit,
  streamEndUp,
  streamItemsUp,
} from "../message/control.ts";
import { type Argument, encodeParams, encodeRequest } from "../message/encode.ts";
import type { Response } from "../message/message.ts";
import { iteratorOf } from "../stream/receiver.ts";
import { StreamSender } from "../stream/sender.ts";
import type { Timers } from "../timers.ts";
import type { Call, CallSink } from "./call.ts";
import type { CallQueue } from "./call_queue.ts";
import { CallTable } from "./call_table.ts";
import { CallWindow } from "./call_window.ts";
import { Extensions, type PeerMemory, tokensOf } from "./extensions.ts";

/** What the calls of one connection are made with. */
export interface CallsOptions {
  readonly limits: Pick<Limits, "maxOutboundBytes" | "maxBatch">;
  readonly timers: Timers;
  /** The calls that the owner of the connection makes; those of the connection itself go the same way. */
  readonly queue: CallQueue;
  /** What is remembered of the peer from one connection to the next; a server has many peers, and none. */
  readonly memory?: PeerMemory;
}

/** The life of the connection, as far as calls go. */
export type CallLifecycle = Pick<
  Lifecycle,
  "account" | "running" | "closedBecause" | "beginCall" | "endCall" | "report"
>;

/** The calls of one connection. */
export class Calls implements CallSink {
  readonly timers: Timers;
  readonly #options: CallsOptions;
  readonly #lifecycle: CallLifecycle;
  readonly #writer: Pick<FramedWriter, "push" | "queuedBytes" | "queuedCount" | "sentCount">;
  readonly #room: Room;
  /** Those that wait for their answers, by id. */
  readonly #pending = new CallTable<Call>();
  /** Those whose params hold tokens of LSP's, by these. */
  readonly #byToken = new Map<unknown, Call>();
  readonly #extensions: Extensions;
  /** Those that the peer takes, and those that wait until it takes more. */
  readonly #window: CallWindow;
  /** What the peer said last that was no call's answer: where it hangs up, that is why. */
  #lastWords: RpcError | undefined;
  /** Results and items that came so far: the peer is of use. */
  yielded = 0;

  constructor(
    options: CallsOptions,
    lifecycle: CallLifecycle,
    writer: Pick<FramedWriter, "push" | "queuedBytes" | "queuedCount" | "sentCount">,
    room: Room,
  ) {
    this.#options = options;
    this.timers = options.timers;
    this.#lifecycle = lifecycle;
    this.#writer = writer;
    this.#room = room;
    const ask = () => this.call(RPC.serverInfo, undefined, {});
    this.#extensions = new Extensions(ask, options.timers, options.memory);
    this.#window = new CallWindow(this.#extensions, lifecycle, (calls) => this.#sendNow(calls));
  }

  get account(): Account {
    return this.#lifecycle.account;
  }

  /** How many wait for answers, or to be sent. */
  get size(): number {
    return this.#pending.size + this.#window.waiting;
  }

  /** Calls a method of the peer's over this connection alone; see {@linkcode CallQueue.call}. */
  call(
    method: string,
    value: Argument | undefined,
    options: CallOptions,
  ): StreamCall<unknown, unknown> {
    return this.#options.queue.call(this, method, value, options);
  }

  sendBatch(calls: readonly Call[]): void {
    const { maxBatch } = this.#options.limits;
    for (let from = 0; from < calls.length; from += maxBatch) {
      const together = calls.slice(from, from + maxBatch);
      if (!this.#window.isFull || !this.#window.keepBatch(together)) this.#sendTogether(together);
    }
  }

  #sendTogether(calls: readonly Call[]): void {
    const texts: string[] = [], sent: Call[] = [];
    for (const call of calls) {
      const learnt = this.#extensions.before(call);
      if (learnt !== undefined) this.#sendAfter(learnt, call);
      else {
        this.#request(call, (text) => {
          texts.push(text);
          sent.push(call);
        });
      }
    }
    if (texts.length === 0) return;
    const text = `[${texts.join(",")}]`;
    this.#writer.push(text);
    for (const call of sent) {
      call.text = text;
      call.together = texts.length;
      call.order = this.#writer.queuedCount;
    }
  }

  readonly #push = (text: string): void => this.#writer.push(text);

  /** Sends a call as soon as it is known what the peer understands of it, and the peer takes one more. */
  send(call: Call): void {
    const learnt = this.#extensions.before(call);
    if (learnt !== undefined) this.#sendAfter(learnt, call);
    else if (!this.#window.isFull || !this.#window.keep(call)) this.#request(call, this.#push);
  }

  #sendAfter(learnt: Promise<void>, call: Call): void {
    learnt.then(() => {
      if (!this.#window.isFull || !this.#window.keep(call)) this.#request(call, this.#push);
    }, (error) => call.refuse(error));
  }

  /** Sends what has waited for a place: one call, or those of a batch. */
  #sendNow(calls: readonly Call[]): void {
    if (calls.length > 1) this.#sendTogether(calls);
    else this.#request(calls[0]!, this.#push);
  }

  /** What was made on this connection ends with it. */
  takeBack(): boolean {
    return false;
  }

  /** Sends the request, unless nobody wants it any more. */
  #request(call: Call, push: (text: string) => void): void {
    if (call.ended) return;
    const { method, options } = call;
    try {
      const closed = this.#lifecycle.closedBecause(method);
      if (closed !== undefined) {
        throw new ConnectionLostError(`Cannot call ${method}: ${closed}`, { sent: false });
      }
      const id = this.#pending.nextId();
      const meta = this.#extensions.metaOf(call, id);
      const text = encodeRequest(id, method, encodeParams(call.value, meta));
      if (this.#writer.queuedBytes + text.length > this.#options.limits.maxOutboundBytes) {
        throw new RpcError(
          "RESOURCE_EXHAUSTED",
          `Cannot call ${method}: too much waits to be sent`,
          {
            limit: "maxOutboundBytes",
          },
        );
      }
      call.id = id;
      this.#pending.add(call);
      if (!call.isStreaming) this.#window.taken++;
      this.#lifecycle.beginCall();
      call.sink = this;
      call.attempts++;
      call.text = text;
      call.together = 1;
      call.order = Infinity;
      push(text);
      call.order = this.#writer.queuedCount;
      if (options.onProgress !== undefined) {
        for (const token of tokensOf(call)) this.#byToken.set(token, call);
      }
      const { items } = options as Partial<ItemOptions<unknown>>;
      if (items !== undefined) this.#sendItems(call, items);
    } catch (error) {
      this.#forget(call);
      call.refuse(error);
    }
  }

  /** Streams items to the peer, as far as it gives credit. */
  #sendItems(call: Call, items: AsyncIterable<unknown> | Iterable<unknown>): void {
    const sender = call.sender = new StreamSender(
      0,
      (texts) => this.#tell(call, () => streamItemsUp(call.id, texts)),
      this.#room,
      { name: "maxMessageBytes", bytes: this.#extensions.maxBytes - ENVELOPE },
      encodeValue,
    );
    sender.pump(iteratorOf(items)).then(
      () => this.#tell(call, () => streamEndUp(call.id)),
      (error) => call.cancel(error),
    );
  }

  /** The consumer of a stream takes more. */
  grant(call: Call, count: number): void {
    this.#tell(call, () => streamCredit(call.id, count));
  }

  /** Tells the peer something of a call, unless it has ended. */
  #tell(call: Call, message: () => string): void {
    if (this.#pending.get(call.id) === call) this.#writer.push(message());
  }

  // ---- What the peer says --------------------------------------------------------------------

  /** An answer came. */
  settle(response: Response): void {
    const call = this.#pending.get(Number(response.id));
    // The call waits on while the peer is asked what its markers mean, and may still be given up.
    if (response.isMarked && call !== undefined && this.#extensions.mustAskFor(call)) {
      const settle = () => this.#settle(response);
      this.#extensions.ask().then(settle, settle);
    } else this.#settle(response);
  }

  #settle({ id, error, result, isMarked }: Response): void {
    const call = this.#take(Number(id));
    if (call === undefined) {
      if (error !== undefined && id === "null") this.#refused(error);
      return; // given up, or never asked
    }
    if (error !== undefined) {
      return call.refuse(answeredTo(call, error));
    }
    this.yielded++;
    try {
      if (isMarked) result = this.#extensions.decode(call, result);
      call.succeed(result, call.isStream ? undefined : result);
    } catch (error) {
      call.fail(error);
    }
  }

  /** Items of a stream came; false where there was no credit for them. */
  receive(
    id: unknown,
    items: readonly unknown[],
    isMarked: boolean,
    size: number,
    ids?: readonly (string | null)[],
  ): boolean {
    const call = this.#pending.get(id);
    if (call?.receiver === undefined) return true;
    this.yielded++;
    try {
      if (isMarked) items = this.#extensions.decode(call, items) as readonly unknown[];
    } catch (error) {
      call.giveUp(error);
      return true;
    }
    return call.receiver.push(items, ids, size);
  }

  /** The peer takes more of our items. */
  credit(id: unknown, count: number, bytes?: number): void {
    this.#pending.get(id)?.sender?.grant(count, bytes);
  }

  /** A handler says how far it is. */
  progress(token: unknown, value: unknown): void {
    const call = this.#byToken.get(token) ?? this.#pending.get(token);
    try {
      call?.options.onProgress?.(value);
    } catch (error) {
      this.#lifecycle.report(error); // the caller's own mistake must not end the line
    }
  }

  /** Ends a call because the peer broke the rules. */
  abandon(id: unknown, error: unknown): void {
    const call = this.#pending.get(id);
    call?.giveUp(error);
  }

  /** An error without an id: the peer could not read something of ours. */
  #refused(answer: NonNullable<Response["error"]>): void {
    const { code, message, data } = answer;
    const { details, limit } = (data ?? {}) as ErrorData;
    const { maxBytes } = (details ?? {}) as { maxBytes?: unknown };
    // It does not say which batch was too long for it: whatever its limit, the longest was.
    const together = limit === "maxBatch" ? this.#longestBatch() : Infinity;
    let told = false;
    for (const call of this.#pending) {
      if (
        call.together >= together ||
        typeof maxBytes === "number" && isLongerThan(call.text, maxBytes)
      ) {
        told = true;
        this.#take(call.id)!.fail(answeredTo(call, answer));
      }
    }
    if (told) return;
    this.#lastWords = new RpcError(code, message, data, { remote: true });
    this.#lifecycle.report(this.#lastWords);
  }

  #longestBatch(): number {
    let longest = 2; // a call alone was in none
    for (const { together } of this.#pending) longest = Math.max(longest, together);
    return longest;
  }

  // ---- The end -------------------------------------------------------------------------------

  /** Nobody wants this answer any more: says so to the peer. */
  drop(call: Call): void {
    this.#writer.push(cancelRequest(call.id));
    this.#forget(call);
  }

  /** After this nothing can be asked: what the answers that are due may need is asked now. */
  askLast(): void {
    if (this.#pending.size === 0 || this.#extensions.known !== undefined) return;
    this.#extensions.ask().catch(() => {});
    this.#options.queue.beginOf(this);
  }

  /** Ends all calls from this side. */
  cancelAll(reason: string): void {
    this.#window.refuse(reason);
    for (const call of this.#pending) {
      this.drop(call);
      call.refuse(new ConnectionLostError(reason, { sent: true }));
    }
  }

  /** None can be begun here any more: those that wait to be sent go elsewhere, or fail. */
  leave(): void {
    this.#window.refuse();
  }

  /**
   * Settles everyone who waits: no answer can come any more.
   *
   * @param isWriting whether what is queued still goes to a peer that may read it
   */
  rejectAll(reason: string, cause: unknown = this.#lastWords, isWriting = false): void {
    const why = cause instanceof Error ? `${reason}, ${cause.message}` : reason;
    for (const call of this.#pending) {
      const sent = isWriting || call.order <= this.#writer.sentCount;
      this.#forget(call);
      call.refuse(new ConnectionLostError(`The connection ended: ${why}`, { sent, cause }));
    }
  }

  #take(id: number): Call | undefined {
    const call = this.#pending.get(id);
    if (call !== undefined) this.#forget(call);
    return call;
  }

  #forget(call: Call): void {
    if (!this.#pending.delete(call)) return;
    if (call.options.onProgress !== undefined) {
      for (const token of tokensOf(call)) this.#byToken.delete(token);
    }
    call.sink = undefined;
    call.sender?.stop();
    this.#lifecycle.endCall();
    if (call.isStreaming) return;
    this.#window.taken--;
    this.#window.release();
  }
}

/** What stands around an item, at most. */
const ENVELOPE = 128;

/** The error that a peer answered to a call. */
function answeredTo(
  { method }: Call,
  { code, message, data }: NonNullable<Response["error"]>,
): RpcError {
  return new RpcError(code, message, data, { remote: true, method });
}
