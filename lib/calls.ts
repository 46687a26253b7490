/**
 * Our side of a connection: the calls that we make, from the first word to the answer.
 *
 * A call is begun at the end of the turn in which it was made. Until then it can be made a stream, by
 * iterating its answer; and all calls of one turn travel in one write.
 *
 * @module
 */

import { decodeExactly, encodeValue } from "./bytes.ts";
import type { CallOptions, ItemOptions, StreamAnswer, StreamIterator } from "./call.ts";
import { ConnectionLost, type ErrorData, RpcError } from "./error.ts";
import { Inlet, itemsOf, iteratorOf, Outlet, WINDOW } from "./flow.ts";
import { isLongerThan } from "./framing/text.ts";
import type { Limits } from "./limits.ts";
import { encodeNotification, encodeParams, encodeRequest, type Response } from "./message.ts";
import type { Timer, Timers } from "./timers.ts";

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
  /** Told of what is nobody's answer. */
  onError(error: unknown): void;
}

/** A call that was made, and waits for its turn, then for its answer. */
class Call {
  readonly method: string;
  /** JSON text. */
  readonly value: string | undefined;
  readonly options: CallOptions;
  readonly promise: Promise<unknown>;
  resolve!: (result: unknown) => void;
  reject!: (error: unknown) => void;
  begun = false;
  /** The text that was sent, and the writer's count then: it tells whether it has left. */
  text = "";
  order = Infinity;
  /** Where the items of a stream go, and where those come from that we stream to the peer. */
  inlet: Inlet | undefined;
  outlet: Outlet | undefined;
  id = 0;
  /** How many calls travelled in one message with it. */
  together = 1;
  /** Whether the peer was asked for a stream. */
  isStream = false;
  /** By the clock of the timers. */
  deadline = Infinity;
  ended = false;
  timer: Timer | undefined;
  onAbort: (() => void) | undefined;

  constructor(method: string, value: string | undefined, options: CallOptions) {
    this.method = method;
    this.value = value;
    this.options = options;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** @param items what a peer that knows no streams answered instead of one */
  succeed(result: unknown, items?: unknown): void {
    this.inlet?.finish(result, Array.isArray(items) ? items : []);
    this.resolve(result);
  }

  fail(error: unknown): void {
    this.inlet?.fail(error);
    this.reject(error);
  }
}

/** The calls of one connection. */
export class Calls {
  readonly #host: CallsHost;
  /** Made in this turn, not begun. */
  #made: Call[] = [];
  /** Begun, by id; ids start at 1 because some peers take 0 for none. */
  readonly #pending = new Map<number, Call>();
  /** Those whose params hold tokens of LSP's, by these. */
  readonly #byToken = new Map<unknown, Call>();
  #lastId = 0;
  /** What the peer understands besides JSON-RPC, once it was asked. */
  #extensions: ReadonlySet<string> | undefined;
  /** The longest message that the peer says it takes. */
  #maxBytes = Infinity;
  #asking: Promise<void> | undefined;
  /** What the peer said last that was no call's answer: where it hangs up, that is why. */
  #lastWords: RpcError | undefined;

  constructor(host: CallsHost) {
    this.#host = host;
  }

  /** How many wait for answers. */
  get size(): number {
    return this.#pending.size;
  }

  /**
   * Calls a method of the peer's.
   *
   * @param value as JSON text
   * @returns the result; rejects with {@linkcode RpcError}, {@linkcode ConnectionLost}, or the
   * signal's reason
   */
  call(
    method: string,
    value: string | undefined,
    options: CallOptions,
  ): StreamAnswer<unknown, unknown> {
    const call = new Call(method, value, options);
    if (this.#made.push(call) === 1) queueMicrotask(this.#beginMade);
    const answer = call.promise as StreamAnswer<unknown, unknown>;
    // Put on the promise itself: a class of its own would make every await slower.
    answer[Symbol.asyncIterator] = () => this.#iterate(call);
    return answer;
  }

  /** Makes several calls that travel as one batch (JSON-RPC 2.0, section 6). */
  batch<T>(make: () => T): T {
    const outer = this.#made, made: Call[] = [];
    this.#made = made;
    let answers: T;
    try {
      answers = make();
    } finally {
      this.#made = outer;
    }
    const { maxBatch } = this.#host.limits;
    for (let from = 0; from < made.length; from += maxBatch) {
      this.#beginTogether(made.slice(from, from + maxBatch));
    }
    return answers;
  }

  #beginTogether(calls: readonly Call[]): void {
    const texts: string[] = [], sent: Call[] = [];
    for (const call of calls) {
      this.#begin(call, (text) => {
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

  /** The answer is looped over: the call becomes a stream, unless it has begun as something else. */
  #iterate(call: Call): StreamIterator<unknown, unknown> {
    if (call.begun) return itemsOf(call.promise);
    call.promise.catch(() => {}); // the loop is told
    return call.inlet ??= new Inlet(WINDOW, {
      grant: (count) => this.#tellStream("credit", call, `"n":${count}`),
      leave: () => this.#giveUp(call, new RpcError("CANCELLED", "The stream was left")),
    }, call.options.after);
  }

  readonly #beginMade = (): void => {
    const made = this.#made;
    this.#made = [];
    for (const call of made) this.#begin(call, this.#send);
  };

  readonly #send = (text: string): void => this.#host.send(text);

  /** Begins a call: from here on its time runs, and it can be cancelled. */
  #begin(call: Call, send: (text: string) => void): void {
    call.begun = true;
    if (call.ended) return; // left in the turn in which it was made
    const { method, options: { signal, timeout, after } } = call;
    try {
      if (timeout !== undefined && !(timeout >= 0)) {
        throw new RangeError(
          `Cannot call ${method}: timeout must be milliseconds from 0 on, it is ${timeout}`,
        );
      }
      if (after !== undefined && call.inlet === undefined) {
        throw new TypeError(`Cannot call ${method}: after is for streams, iterate the answer`);
      }
      signal?.throwIfAborted();
      if (timeout === 0) throw deadlineExceeded(method, timeout);
      if (timeout !== undefined && timeout !== Infinity) {
        const late = () => this.#giveUp(call, deadlineExceeded(method, timeout));
        call.timer = this.#host.timers.after(timeout, late);
        call.deadline = this.#host.timers.now() + timeout;
      }
      if (signal !== undefined) {
        call.onAbort = () => this.#giveUp(call, signal.reason);
        signal.addEventListener("abort", call.onAbort, { once: true });
      }
    } catch (error) {
      return call.fail(error);
    }
    if (this.#extensions !== undefined || !needsExtensions(call)) this.#request(call, send);
    else {
      this.#ask().then(() => this.#request(call, this.#send), (error) => {
        if (call.ended) return;
        this.#end(call);
        call.fail(error);
      });
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
        throw new ConnectionLost(`Cannot call ${method}: ${closed}`, { sent: false });
      }
      const id = this.#lastId + 1;
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
      this.#pending.set(call.id = this.#lastId = id, call);
      call.text = text;
      send(text);
      call.order = this.#host.queuedCount;
      for (const token of tokensOf(call)) this.#byToken.set(token, call);
      const { items } = options as Partial<ItemOptions<unknown>>;
      if (items !== undefined) this.#sendItems(call, items);
      this.#host.onCall();
    } catch (error) {
      this.#end(call);
      call.fail(error);
    }
  }

  /** What travels beside the params: only to a peer that has said that it understands it. */
  #metaOf(call: Call, id: number): string | undefined {
    const { inlet, deadline, options: { meta, onProgress, after } } = call;
    const known = this.#extensions;
    if (after !== undefined && !known?.has("resume")) {
      throw new RpcError(
        "DATA_LOSS",
        `Cannot resume ${call.method}: the server resumes no streams`,
      );
    }
    if (known === undefined || !known.has("meta")) return undefined;
    const isTimed = deadline !== Infinity;
    call.isStream = inlet !== undefined && known.has("stream");
    if (!call.isStream && meta === undefined && onProgress === undefined && !isTimed) {
      return undefined;
    }
    // What is left of the time, because clocks differ; a call without any was given up.
    const left = Math.max(1, Math.ceil(deadline - this.#host.timers.now()));
    return JSON.stringify({
      ...meta,
      ...(isTimed && { timeoutMs: left }),
      ...(onProgress !== undefined && { progressToken: id }),
      ...(call.isStream && { stream: { credit: WINDOW, ...(after !== undefined && { after }) } }),
    });
  }

  /**
   * Asks what the peer understands, once it has said so never again. Rejects where it had no time to
   * say: a stream must not become something else because a server was busy for a moment.
   */
  #ask(): Promise<void> {
    return this.#asking ??= this.call(ABOUT, undefined, {}).then((info: unknown) => {
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
    const outlet = call.outlet = new Outlet(
      0,
      (texts) => this.#tellStream("item", call, `"values":[${texts.join(",")}]`, true),
      () => this.#host.room(),
      { name: "maxMessageBytes", bytes: this.#maxBytes - ENVELOPE },
      encodeValue,
    );
    outlet.pump(iteratorOf(items)).then(
      () => this.#tellStream("end", call, undefined, true),
      (error) => this.#giveUp(call, error),
    );
  }

  #tellStream(what: string, call: Call, members: string | undefined, isUp = false): void {
    if (!this.#pending.has(call.id)) return;
    const parts = [`"id":${call.id}`];
    if (members !== undefined) parts.push(members);
    if (isUp) parts.push('"dir":"up"');
    this.#host.send(encodeNotification(`$/stream/${what}`, `{${parts.join(",")}}`));
  }

  // ---- What the peer says --------------------------------------------------------------------

  /** An answer came. */
  settle(response: Response): void {
    const call = this.#pending.get(Number(response.id));
    // The call waits on while the peer is asked what its markers mean, and may still be given up.
    if (response.isMarked && this.#extensions === undefined && call && call.method !== ABOUT) {
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
      return call.fail(new RpcError(error.code, error.message, error.data, { remote: true }));
    }
    try {
      if (isMarked && call.method !== ABOUT) result = this.#decode(call, result);
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
    const call = this.#pending.get(id as number);
    if (call?.inlet === undefined) return true;
    try {
      if (isMarked) items = this.#decode(call, items) as readonly unknown[];
    } catch (error) {
      this.#giveUp(call, error);
      return true;
    }
    return call.inlet.push(items, ids);
  }

  /** The peer takes more of our items. */
  grant(id: unknown, count: number): void {
    this.#pending.get(id as number)?.outlet?.grant(count);
  }

  /** A handler says how far it is. */
  progress(token: unknown, value: unknown): void {
    const call = this.#byToken.get(token) ?? this.#pending.get(token as number);
    try {
      call?.options.onProgress?.(value);
    } catch (error) {
      this.#host.onError(error); // the caller's own mistake must not end the line
    }
  }

  /** Ends a call because the peer broke the rules. */
  abandon(id: unknown, error: unknown): void {
    const call = this.#pending.get(id as number);
    if (call !== undefined) this.#giveUp(call, error);
  }

  /** An error without an id: the peer could not read something of ours. */
  #refused({ code, message, data }: NonNullable<Response["error"]>): void {
    const error = new RpcError(code, message, data, { remote: true });
    const { details, limit } = (data ?? {}) as ErrorData;
    const { maxBytes } = (details ?? {}) as { maxBytes?: unknown };
    // It does not say which batch was too long for it: whatever its limit, the longest was.
    const together = limit === "maxBatch" ? this.#longestBatch() : Infinity;
    let told = false;
    for (const [id, call] of this.#pending) {
      if (
        call.together >= together ||
        typeof maxBytes === "number" && isLongerThan(call.text, maxBytes)
      ) {
        told = true;
        this.#take(id)!.fail(error);
      }
    }
    if (told) return;
    this.#lastWords = error;
    this.#host.onError(error);
  }

  #longestBatch(): number {
    let longest = 2; // a call alone was in none
    for (const { together } of this.#pending.values()) longest = Math.max(longest, together);
    return longest;
  }

  // ---- The end -------------------------------------------------------------------------------

  /** After this nothing can be asked: what the answers that are due may need is asked now. */
  askLast(): void {
    if (this.#pending.size === 0 || this.#extensions !== undefined) return;
    this.#ask().catch(() => {});
    this.#beginMade();
  }

  /** Ends one of our calls from this side, and says so to the peer. */
  #giveUp(call: Call, reason: unknown): void {
    if (call.ended) return;
    if (this.#pending.has(call.id)) {
      this.#host.send(encodeNotification("$/cancelRequest", `{"id":${call.id}}`));
    }
    this.#end(call);
    call.fail(reason);
  }

  /** Ends all calls from this side. */
  cancelAll(reason: string): void {
    for (const call of this.#pending.values()) {
      this.#giveUp(call, new ConnectionLost(reason, { sent: true }));
    }
  }

  /** Settles everyone who waits: no answer can come any more. */
  rejectAll(reason: string, cause: unknown = this.#lastWords): void {
    const why = cause instanceof Error ? `${reason}, ${cause.message}` : reason;
    for (const { id, order } of this.#pending.values()) {
      const sent = order <= this.#host.sentCount;
      this.#take(id)!.fail(new ConnectionLost(`The connection ended: ${why}`, { sent, cause }));
    }
  }

  #take(id: number): Call | undefined {
    const call = this.#pending.get(id);
    if (call !== undefined) this.#end(call);
    return call;
  }

  /** Forgets a call, and lets go of its timer and its signal. */
  #end(call: Call): void {
    call.ended = true;
    this.#pending.delete(call.id);
    for (const token of tokensOf(call)) this.#byToken.delete(token);
    call.timer?.cancel();
    if (call.onAbort !== undefined) {
      call.options.signal!.removeEventListener("abort", call.onAbort);
    }
    call.outlet?.stop();
  }
}

/** What a peer says of itself. */
const ABOUT = "rpc.serverInfo";

/** What stands around an item, at most. */
const ENVELOPE = 128;

/** Whether a call cannot do without what only some peers understand. */
function needsExtensions(call: Call): boolean {
  const { inlet, options } = call;
  return inlet !== undefined || options.meta !== undefined ||
    options.onProgress !== undefined && tokensOf(call).length === 0 ||
    (options as Partial<ItemOptions<unknown>>).items !== undefined;
}

/** What a caller who listens to progress has put into the params for a server that speaks LSP. */
function tokensOf({ value, options }: Call): readonly unknown[] {
  if (options.onProgress === undefined || !value?.includes('Token"')) return [];
  const { workDoneToken, partialResultToken } = JSON.parse(value) as Record<string, unknown>;
  return [workDoneToken, partialResultToken].filter((token) => token !== undefined);
}

function deadlineExceeded(method: string, timeout: number): RpcError {
  return new RpcError("DEADLINE_EXCEEDED", `${method} took longer than ${timeout} ms`);
}
