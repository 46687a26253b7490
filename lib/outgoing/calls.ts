/**
 * Our calls on one connection: from their requests to their answers.
 *
 * @module
 */

import { decodeExactly, encodeValue } from "../message/base64.ts";
import type { CallOptions, ItemOptions, StreamCall } from "../api/stub.ts";
import type { Bearer, Call, Carrier } from "./call.ts";
import { CallQueue } from "./call_queue.ts";
import { ConnectionLostError, type ErrorData, RpcError } from "../error.ts";
import { iteratorOf } from "../stream/receiver.ts";
import { StreamSender } from "../stream/sender.ts";
import { isLongerThan } from "../framing/utf8.ts";
import type { Limits } from "../limits.ts";
import {
  cancelRequest,
  RPC,
  streamCredit,
  streamEndUp,
  streamItemsUp,
} from "../message/control.ts";
import { encodeParams, encodeRequest } from "../message/encode.ts";
import type { Response } from "../message/message.ts";
import { CallTable } from "./call_table.ts";
import type { Timers } from "../timers.ts";

/** What calls need of their connection. */
export interface CallsHost {
  readonly limits: Pick<Limits, "maxOutboundBytes" | "maxBatch">;
  readonly timers: Timers;
  /** Bytes that wait to be sent. */
  readonly waiting: number;
  /** Messages that were queued so far, and how many of them were handed to the socket. */
  readonly queuedCount: number;
  readonly sentCount: number;
  /** Why this method cannot be called now; undefined while it can. */
  closedBecause(method: string): string | undefined;
  /** Sends a message. */
  send(text: string): void;
  /** A promise while more waits to be sent than should. */
  room(): Promise<void> | undefined;
  /** A call begins to wait. */
  onCall(): void;
  /** No call waits any more. */
  onQuiet(): void;
  /** Told of what is nobody's answer. */
  onError(error: unknown): void;
}

/** The calls of one connection. */
export class Calls implements Carrier, Bearer {
  readonly timers: Timers;
  readonly #host: CallsHost;
  /** Calls that are made on this connection, and would end with it. */
  readonly #queue = new CallQueue(this);
  /** Those that wait for their answers, by id. */
  readonly #pending = new CallTable<Call>();
  /** Those whose params hold tokens of LSP's, by these. */
  readonly #byToken = new Map<unknown, Call>();
  /** What the peer understands besides JSON-RPC, once it was asked. */
  #extensions: ReadonlySet<string> | undefined;
  /** The longest message that the peer says it takes. */
  #maxBytes = Infinity;
  #asking: Promise<void> | undefined;
  /** What the peer said last that was no call's answer: where it hangs up, that is why. */
  #lastWords: RpcError | undefined;
  /** Results and items that came so far: the peer is of use. */
  yielded = 0;

  constructor(host: CallsHost) {
    this.#host = host;
    this.timers = host.timers;
  }

  /** How many wait for answers. */
  get size(): number {
    return this.#pending.size;
  }

  /** Calls a method of the peer's; see {@linkcode CallQueue.call}. */
  call(
    method: string,
    value: string | undefined,
    options: CallOptions,
  ): StreamCall<unknown, unknown> {
    return this.#queue.call(method, value, options);
  }

  /** Makes several calls that travel as one batch. */
  batch<T>(make: () => T): T {
    return this.#queue.batch(make);
  }

  carryTogether(calls: readonly Call[]): void {
    const { maxBatch } = this.#host.limits;
    for (let from = 0; from < calls.length; from += maxBatch) {
      this.#sendTogether(calls.slice(from, from + maxBatch));
    }
  }

  #sendTogether(calls: readonly Call[]): void {
    const texts: string[] = [], sent: Call[] = [];
    for (const call of calls) {
      this.carry(call, (text) => {
        texts.push(text);
        sent.push(call);
      });
    }
    if (texts.length === 0) return;
    const text = `[${texts.join(",")}]`;
    this.#host.send(text);
    for (const call of sent) {
      call.text = text;
      call.together = texts.length;
      call.order = this.#host.queuedCount;
    }
  }

  readonly #send = (text: string): void => this.#host.send(text);

  /** Sends a call as soon as it is known what the peer understands of it. */
  carry(call: Call, send: (text: string) => void = this.#send): void {
    if (this.#extensions !== undefined || !needsExtensions(call)) this.#request(call, send);
    else {
      this.#ask().then(() => this.#request(call, this.#send), (error) => call.refuse(error));
    }
    // For the next call: this one does not wait to be told what the peer understands.
    if (call.deadline !== Infinity && this.#extensions === undefined) this.#ask().catch(() => {});
  }

  /** Sends the request, unless nobody wants it any more. */
  #request(call: Call, send: (text: string) => void): void {
    if (call.ended) return;
    const { method, options } = call;
    try {
      const closed = this.#host.closedBecause(method);
      if (closed !== undefined) {
        throw new ConnectionLostError(`Cannot call ${method}: ${closed}`, { sent: false });
      }
      const id = this.#pending.nextId();
      const meta = this.#metaOf(call, id);
      const text = encodeRequest(id, method, encodeParams(call.value, meta));
      if (this.#host.waiting + text.length > this.#host.limits.maxOutboundBytes) {
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
      call.bearer = this;
      call.attempts++;
      call.text = text;
      call.together = 1;
      call.order = Infinity;
      send(text);
      call.order = this.#host.queuedCount;
      if (options.onProgress !== undefined) {
        for (const token of tokensOf(call)) this.#byToken.set(token, call);
      }
      const { items } = options as Partial<ItemOptions<unknown>>;
      if (items !== undefined) this.#sendItems(call, items);
      this.#host.onCall();
    } catch (error) {
      this.#forget(call);
      call.refuse(error);
    }
  }

  /** What travels beside the params: only to a peer that has said that it understands it. */
  #metaOf(call: Call, id: number): string | undefined {
    const { receiver, deadline, options: { meta, onProgress } } = call;
    const known = this.#extensions, after = receiver?.after;
    if (after !== undefined && !known?.has("resume")) {
      throw new RpcError(
        "DATA_LOSS",
        `Cannot resume ${call.method}: the server resumes no streams`,
      );
    }
    if (known === undefined || !known.has("meta")) return undefined;
    const isTimed = deadline !== Infinity;
    call.isStream = receiver !== undefined && known.has("stream");
    if (!call.isStream && meta === undefined && onProgress === undefined && !isTimed) {
      return undefined;
    }
    // What is left of the time, because clocks differ; a call without any was given up.
    const left = Math.max(1, Math.ceil(deadline - this.#host.timers.now()));
    return JSON.stringify({
      ...meta,
      ...(isTimed && { timeoutMs: left }),
      ...(onProgress !== undefined && { progressToken: id }),
      ...(call.isStream && {
        stream: { credit: receiver!.open(), ...(after !== undefined && { after }) },
      }),
    });
  }

  /**
   * Asks what the peer understands, once it has said so never again. Rejects where it had no time to
   * say: a stream must not become something else because a server was busy for a moment.
   */
  #ask(): Promise<void> {
    return this.#asking ??= this.call(RPC.serverInfo, undefined, {}).then((info: unknown) => {
      const { extensions, limits } = (info ?? {}) as { extensions?: unknown; limits?: unknown };
      this.#extensions = new Set(Array.isArray(extensions) ? extensions : []);
      const { maxMessageBytes } = (limits ?? {}) as { maxMessageBytes?: unknown };
      if (typeof maxMessageBytes === "number") this.#maxBytes = maxMessageBytes;
    }, (error: unknown) => {
      const reason = error instanceof RpcError ? error.reason : undefined;
      const isBusy = reason === "UNAVAILABLE" || reason === "RESOURCE_EXHAUSTED";
      // Who may not ask yet may ask again; any other refusal says that it knows of no extensions.
      if (isBusy || reason === "UNAUTHENTICATED") this.#asking = undefined;
      else this.#extensions = new Set();
      if (isBusy) throw error;
    });
  }

  /** Streams items to the peer, as far as it gives credit. */
  #sendItems(call: Call, items: AsyncIterable<unknown> | Iterable<unknown>): void {
    const sender = call.sender = new StreamSender(
      0,
      (texts) => this.#tell(call, () => streamItemsUp(call.id, texts)),
      () => this.#host.room(),
      { name: "maxMessageBytes", bytes: this.#maxBytes - ENVELOPE },
      encodeValue,
    );
    sender.pump(iteratorOf(items)).then(
      () => this.#tell(call, () => streamEndUp(call.id)),
      (error) => call.giveUp(error),
    );
  }

  /** The consumer of a stream takes more. */
  grant(call: Call, count: number): void {
    this.#tell(call, () => streamCredit(call.id, count));
  }

  /** Tells the peer something of a call, unless it has ended. */
  #tell(call: Call, message: () => string): void {
    if (this.#pending.get(call.id) === call) this.#host.send(message());
  }

  // ---- What the peer says --------------------------------------------------------------------

  /** An answer came. */
  settle(response: Response): void {
    const call = this.#pending.get(Number(response.id));
    // The call waits on while the peer is asked what its markers mean, and may still be given up.
    if (
      response.isMarked && this.#extensions === undefined && call && call.method !== RPC.serverInfo
    ) {
      const settle = () => this.#settle(response);
      this.#ask().then(settle, settle);
    } else this.#settle(response);
  }

  #settle({ id, error, result, isMarked }: Response): void {
    const call = this.#take(Number(id));
    if (call === undefined) {
      if (error !== undefined && id === "null") this.#refused(error);
      return; // given up, or never asked
    }
    if (error !== undefined) {
      return call.refuse(new RpcError(error.code, error.message, error.data, { remote: true }));
    }
    this.yielded++;
    try {
      if (isMarked && call.method !== RPC.serverInfo) result = this.#decode(call, result);
      call.succeed(result, call.isStream ? undefined : result);
    } catch (error) {
      call.fail(error);
    }
  }

  /** What the peer sent, with bytes for markers where it says that it marks bytes. */
  #decode({ method }: Call, value: unknown): unknown {
    try {
      if (this.#extensions === undefined) throw new Error("the peer did not say if it marks bytes");
      return this.#extensions.has("bytes") ? decodeExactly(value) : value;
    } catch (cause) {
      const reason = (cause as Error).message;
      throw new TypeError(`Cannot read the answer of ${method}: ${reason}`, { cause });
    }
  }

  /** Items of a stream came; false where there was no credit for them. */
  receive(
    id: unknown,
    items: readonly unknown[],
    isMarked: boolean,
    ids?: readonly (string | null)[],
  ): boolean {
    const call = this.#pending.get(id);
    if (call?.receiver === undefined) return true;
    this.yielded++;
    try {
      if (isMarked) items = this.#decode(call, items) as readonly unknown[];
    } catch (error) {
      call.giveUp(error);
      return true;
    }
    return call.receiver.push(items, ids);
  }

  /** The peer takes more of our items. */
  credit(id: unknown, count: number): void {
    this.#pending.get(id)?.sender?.grant(count);
  }

  /** A handler says how far it is. */
  progress(token: unknown, value: unknown): void {
    const call = this.#byToken.get(token) ?? this.#pending.get(token);
    try {
      call?.options.onProgress?.(value);
    } catch (error) {
      this.#host.onError(error); // the caller's own mistake must not end the line
    }
  }

  /** Ends a call because the peer broke the rules. */
  abandon(id: unknown, error: unknown): void {
    const call = this.#pending.get(id);
    call?.giveUp(error);
  }

  /** An error without an id: the peer could not read something of ours. */
  #refused({ code, message, data }: NonNullable<Response["error"]>): void {
    const error = new RpcError(code, message, data, { remote: true });
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
        this.#take(call.id)!.fail(error);
      }
    }
    if (told) return;
    this.#lastWords = error;
    this.#host.onError(error);
  }

  #longestBatch(): number {
    let longest = 2; // a call alone was in none
    for (const { together } of this.#pending) longest = Math.max(longest, together);
    return longest;
  }

  // ---- The end -------------------------------------------------------------------------------

  /** Nobody wants this answer any more: says so to the peer. */
  drop(call: Call): void {
    this.#host.send(cancelRequest(call.id));
    this.#forget(call);
  }

  /** After this nothing can be asked: what the answers that are due may need is asked now. */
  askLast(): void {
    if (this.#pending.size === 0 || this.#extensions !== undefined) return;
    this.#ask().catch(() => {});
    this.#queue.end();
  }

  /** Ends all calls from this side. */
  cancelAll(reason: string): void {
    for (const call of this.#pending) {
      this.drop(call);
      call.refuse(new ConnectionLostError(reason, { sent: true }));
    }
  }

  /**
   * Settles everyone who waits: no answer can come any more.
   *
   * @param isWriting whether what is queued still goes to a peer that may read it
   */
  rejectAll(reason: string, cause: unknown = this.#lastWords, isWriting = false): void {
    const why = cause instanceof Error ? `${reason}, ${cause.message}` : reason;
    for (const call of this.#pending) {
      const sent = isWriting || call.order <= this.#host.sentCount;
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
    call.bearer = undefined;
    call.sender?.stop();
    if (this.#pending.size === 0) this.#host.onQuiet();
  }
}

/** What stands around an item, at most. */
const ENVELOPE = 128;

/** Whether a call cannot do without what only some peers understand. */
function needsExtensions(call: Call): boolean {
  const { receiver, options } = call;
  return receiver !== undefined || options.meta !== undefined ||
    options.onProgress !== undefined && tokensOf(call).length === 0 ||
    (options as Partial<ItemOptions<unknown>>).items !== undefined;
}

/** What a caller who listens to progress has put into the params for a server that speaks LSP. */
function tokensOf({ value, options }: Call): readonly unknown[] {
  if (options.onProgress === undefined || !value?.includes('Token"')) return [];
  const { workDoneToken, partialResultToken } = JSON.parse(value) as Record<string, unknown>;
  return [workDoneToken, partialResultToken].filter((token) => token !== undefined);
}
