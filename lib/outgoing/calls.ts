/**
 * Our calls on one connection: from their requests to their answers.
 *
 * @module
 */

import type { PeerInfo } from "../api/context.ts";
import type { Observer } from "../api/observe.ts";
import type { CallOptions, ItemOptions, StreamCall } from "../api/stub.ts";
import { callBack, ConnectionLostError, ERROR_CODES, type ErrorData, RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import type { FramedWriter } from "../link/framed_writer.ts";
import type { Room } from "../stream/sender.ts";
import type { Lifecycle } from "../link/lifecycle.ts";
import type { Keeping } from "../overload/ledger.ts";
import { encodeValue } from "../message/base64.ts";
import {
  cancelRequest,
  isBuiltin,
  RPC,
  streamCredit,
  streamEndUp,
  streamItemsUp,
} from "../message/control.ts";
import { type Argument, encodeParams, encodeRequest } from "../message/encode.ts";
import type { Response, Single } from "../message/message.ts";
import { iteratorOf } from "../stream/receiver.ts";
import { StreamSender } from "../stream/sender.ts";
import type { Timers } from "../timers.ts";
import type { Call, CallSink } from "./call.ts";
import type { CallQueue } from "./call_queue.ts";
import { CallTable } from "./call_table.ts";
import { CallWindow } from "./call_window.ts";
import { Extensions, type ExtensionsOptions, tokensOf } from "./extensions.ts";
import { answeredTo, OddAnswers } from "./odd_answers.ts";

/** What the calls of one connection are made with. */
export interface CallsOptions extends ExtensionsOptions {
  readonly limits: Pick<Limits, "maxInFlight" | "maxOutboundBytes" | "maxBatch">;
  /** The calls that the owner of the connection makes; those of the connection itself go the same way. */
  readonly queue: CallQueue;
  /** Whether calls that wait until the peer takes more keep their order. @default {false} */
  readonly inOrder?: boolean;
  /** Milliseconds that a call may take that says nothing, unless it is a stream; without it as long as it likes. */
  readonly callTimeout?: number;
  /** Sees every call; without it none is shown to anything. */
  readonly observe?: Observer | undefined;
}

/** The life of the connection, as far as calls go. */
export type CallLifecycle =
  & Pick<
    Lifecycle,
    | "running"
    | "version"
    | "isPlain"
    | "peerAccepts"
    | "peerSends"
    | "closedBecause"
    | "beginCall"
    | "endCall"
    | "report"
  >
  & { readonly account: Keeping; readonly peer: PeerInfo };

/** The way to the peer. */
export type CallWriter = Pick<
  FramedWriter,
  "push" | "pushUnasked" | "queuedBytes" | "queuedCount" | "sentCount"
>;

/** The calls of one connection. */
export class Calls implements CallSink {
  readonly timers: Timers;
  readonly #options: CallsOptions;
  readonly #lifecycle: CallLifecycle;
  readonly #writer: CallWriter;
  readonly #room: Room;
  /** Those that wait for their answers, by id. */
  readonly #pending = new CallTable<Call>();
  /** Those whose params hold tokens of LSP's, by these. */
  readonly #byToken = new Map<unknown, Call>();
  readonly #extensions: Extensions;
  /** Those that the peer takes, and those that wait until it takes more. */
  readonly #window: CallWindow;
  /** What becomes of answers that are not simply an answer; most peers give none, and no call is given up. */
  #odd: OddAnswers | undefined;
  /** Results and items that came so far: the peer is of use. */
  yielded = 0;

  constructor(
    options: CallsOptions,
    lifecycle: CallLifecycle,
    writer: CallWriter,
    room: Room,
  ) {
    this.#options = options;
    this.timers = options.timers;
    this.#lifecycle = lifecycle;
    this.#writer = writer;
    this.#room = room;
    const ask = () => this.call(RPC.serverInfo, undefined, {});
    this.#extensions = new Extensions(ask, options, lifecycle);
    this.#window = new CallWindow(
      this.#extensions,
      lifecycle,
      (calls) => this.#sendNow(calls),
      options.inOrder,
    );
  }

  get account(): Keeping {
    return this.#lifecycle.account;
  }

  /** Whether the peer has said that it understands more than JSON-RPC. */
  get hasExtensions(): boolean {
    return (this.#extensions.known?.size ?? 0) > 0;
  }

  get observe(): Observer | undefined {
    return this.#options.observe;
  }

  get callTimeout(): number | undefined {
    return this.#options.callTimeout;
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
    if (this.#lifecycle.version === "1.0") { // it has no batches
      for (const call of calls) this.send(call);
      return;
    }
    for (let from = 0; from < calls.length; from += maxBatch) {
      const together = calls.slice(from, from + maxBatch);
      if (!this.#window.isFull || !this.#window.keepBatch(together)) this.#sendTogether(together);
    }
  }

  #sendTogether(calls: readonly Call[]): void {
    const texts: string[] = [], sent: Call[] = [];
    for (const call of calls) {
      const learnt = this.#before(call);
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

  readonly #push = (text: string): void => this.#writer.pushUnasked(text);

  /** Sends a call as soon as it is known what the peer understands of it, and the peer takes one more. */
  send(call: Call): void {
    const learnt = this.#before(call);
    if (learnt !== undefined) this.#sendAfter(learnt, call);
    else if (!this.#window.isFull || !this.#window.keep(call)) this.#request(call, this.#push);
  }

  #before(call: Call): Promise<void> | undefined {
    const { isPlain, version } = this.#lifecycle;
    const extensions = this.#extensions;
    // A peer may have shown only now that it speaks 1.0.
    if (extensions.known === undefined && (isPlain || version === "1.0")) {
      extensions.expectNothing();
    }
    return extensions.before(call);
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

  /** Asks what the peer understands before a call needs to know, if it has not heard from us at all. */
  introduce(): void {
    if (this.#writer.queuedCount === 0) this.#extensions.ask().catch(() => {});
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
      const params = encodeParams(call.value, meta);
      const text = encodeRequest(id, method, params, this.#lifecycle.version);
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
      if (call.owner.observe !== undefined) call.peer = this.#lifecycle.peer;
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
      (texts) => {
        call.noteItems(texts.length, 0);
        this.#tell(call, () => streamItemsUp(call.id, texts));
      },
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
    const call = this.#find(response.id);
    if (call === undefined) return this.odd.take(response);
    // The call waits on while the peer is asked what its markers mean, and may still be given up.
    if (response.isMarked && this.#extensions.mustAskFor(call)) {
      const settle = () => this.#settle(call, response);
      this.#extensions.hear().then(settle, settle);
    } else this.#settle(call, response);
  }

  #settle(call: Call, { error, result, isMarked }: Response): void {
    if (!this.#forget(call)) return; // given up meanwhile
    if (error !== undefined) this.#fail(call, error);
    else this.#succeed(call, result, isMarked);
    this.#odd?.onAnswer(call);
  }

  #fail(call: Call, error: NonNullable<Response["error"]>): void {
    call.isLeft = !this.#lifecycle.peerAccepts;
    const { details } = (error.data ?? {}) as ErrorData, { receiver } = call;
    const { after } = (details ?? {}) as { after?: unknown };
    // A stream that is ended so that it goes on elsewhere says where, though no item of it may have come.
    if (call.isLeft && receiver !== undefined && typeof after === "string") receiver.after = after;
    call.refuse(answeredTo(call, error));
  }

  #succeed(call: Call, result: unknown, isMarked: boolean): void {
    this.yielded++;
    try {
      if (isMarked) result = this.#extensions.decode(call, result);
      call.succeed(result, call.isStream ? undefined : result);
    } catch (error) {
      call.fail(error);
    }
  }

  /** The call that waits for the answer with this id, which is JSON text; `"7"` is taken for 7. */
  #find(id: string): Call | undefined {
    const call = this.#pending.get(Number(id));
    if (call !== undefined || !id.startsWith('"')) return call;
    const number = Number(id.slice(1, -1));
    return id === `"${number}"` ? this.#pending.get(number) : undefined;
  }

  /** Whether a call waits for the answer with this id, which is JSON text. */
  has(id: string): boolean {
    return this.#find(id) !== undefined;
  }

  /** What becomes of answers that are not simply an answer. */
  get odd(): OddAnswers {
    const writer = this.#writer;
    return this.#odd ??= new OddAnswers(this.#pending, {
      get sentCount() {
        return writer.sentCount;
      },
      end: (call, error) => {
        if (!this.#forget(call)) return;
        call.refuse(error.remote ? answeredTo(call, error) : error);
        // Nobody hears of what becomes of our own questions; that we are not served must be heard.
        if (isBuiltin(call.method) && error.code !== METHOD_NOT_FOUND) {
          this.#lifecycle.report(error);
        }
      },
      report: (error) => this.#lifecycle.report(error),
    });
  }

  /** Ends the call with this id, whose answer cannot be taken; false if there is none. */
  end(id: string, error: RpcError): boolean {
    const call = this.#find(id);
    if (call === undefined) return false;
    this.#forget(call);
    call.refuse(error);
    return true;
  }

  /** See {@linkcode OddAnswers.endLeftOut}. */
  endLeftOut(items: readonly Single[], broken: readonly RpcError[]): readonly Single[] {
    return this.odd.endLeftOut(items, broken, (id) => this.#find(id));
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
    call.noteItems(0, items.length);
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
    if (call === undefined) return;
    // What it throws must not end the line.
    callBack(
      () => call.options.onProgress?.(value),
      (error) => this.#lifecycle.report(error, `onProgress of ${call.method}`),
    );
  }

  /** Ends a call because the peer broke the rules. */
  abandon(id: unknown, error: unknown): void {
    const call = this.#pending.get(id);
    call?.giveUp(error);
  }

  // ---- The end -------------------------------------------------------------------------------

  /** Nobody wants this answer any more: says so to the peer. */
  drop(call: Call): void {
    const isTold = this.#lifecycle.version === "2.0"; // 1.0 has no such message
    if (isTold) this.#writer.pushUnasked(cancelRequest(call.id));
    this.#forget(call);
    this.odd.onGivenUp(isTold);
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
  rejectAll(reason: string, cause: unknown = this.#odd?.lastWords, isWriting = false): void {
    const why = cause instanceof Error ? `${reason}, ${cause.message}` : reason;
    for (const call of this.#pending) {
      const sent = isWriting || call.order <= this.#writer.sentCount;
      this.#forget(call);
      // What streamed to the peer cannot be sent again: its items' iterator was closed.
      if (!sent && call.sender === undefined) call.attempts--;
      call.refuse(new ConnectionLostError(`The connection ended: ${why}`, { sent, cause }));
    }
  }

  /** Whether it was there. */
  #forget(call: Call): boolean {
    if (!this.#pending.delete(call)) return false;
    if (call.options.onProgress !== undefined) {
      for (const token of tokensOf(call)) this.#byToken.delete(token);
    }
    call.sink = undefined;
    call.sender?.stop();
    this.#lifecycle.endCall();
    if (!call.isStreaming) {
      this.#window.taken--;
      this.#window.release();
    }
    return true;
  }
}

const { METHOD_NOT_FOUND } = ERROR_CODES;

/** What stands around an item, at most. */
const ENVELOPE = 128;
