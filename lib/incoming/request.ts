/**
 * A request of the peer's while its handler runs, as the connection and the handler see it.
 *
 * @module
 */

import type { Context, Peer, TraceContext } from "../api/context.ts";
import type { CallContext } from "./dispatch.ts";
import { DECLARED, invalidParams, RpcError } from "../error.ts";
import type { Credentials } from "../api/auth.ts";
import { encodeExactly } from "../message/base64.ts";
import { iteratorOf, StreamReceiver, WINDOW } from "../stream/receiver.ts";
import { type SendItems, StreamSender } from "../stream/sender.ts";
import type { Limits } from "../limits.ts";
import { progress, streamCreditUp, streamItems } from "../message/control.ts";
import { encodeError } from "../message/encode.ts";
import type { Notification, Request } from "../message/message.ts";
import { besidesValue, otherwise } from "./params.ts";
import { type AnyMethod, isStreaming } from "../api/procedure.ts";
import type { StandardSchema } from "../schema/standard_schema.ts";
import type { Timer } from "../timers.ts";
import { metaOf } from "../message/meta.ts";

/** Where the answer to a request goes: to the writer, or to the batch that it came in. */
export type SendAnswer = (text: string) => void;

/** What a running call needs of its connection. */
export interface IncomingRequestHost {
  readonly state: unknown;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Sends a message. */
  send(text: string): void;
  /** A promise while more waits to be sent than should. */
  room(): Promise<void> | undefined;
  /** Looks at credentials; rejects where they are refused. */
  authenticate(credentials: Credentials): Promise<void>;
  /** The peer, with calls that end when this one does. */
  peerFor(context: Context): Peer;
  readonly limits: Pick<
    Limits,
    "callTimeout" | "maxCallTimeout" | "maxCollectedItems" | "maxResponseBytes"
  >;
}

/** A request or notification that runs; its handler's context. */
export class IncomingRequest implements CallContext {
  readonly method: string;
  readonly request: Request | Notification;
  readonly #host: IncomingRequestHost;
  readonly #answer: SendAnswer | undefined;
  #answered = false;
  /** Why it was stopped from outside. */
  #stopped: RpcError | undefined;
  #controller: AbortController | undefined;
  #peer: Peer | undefined;
  #sender: StreamSender | undefined;
  #receiver: StreamReceiver | undefined;
  /** Whether the handler has looked where its caller asks to go on. */
  #hasLooked = false;
  /** The method that was found; set by the dispatcher. */
  procedure: AnyMethod | undefined;
  readonly #arrived: number;
  timer: Timer | undefined;

  /** @param arrived when the request came, by the host's clock */
  constructor(
    host: IncomingRequestHost,
    request: Request | Notification,
    answer: SendAnswer | undefined,
    arrived: number,
  ) {
    this.#host = host;
    this.method = request.method;
    this.request = request;
    this.#answer = answer;
    this.#arrived = arrived;
  }

  // ---- What the handler sees -----------------------------------------------------------------

  /** Made only for those who look: most handlers do not. */
  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  get peer(): Peer {
    return this.#peer ??= this.#host.peerFor(this);
  }

  get meta(): Readonly<Record<string, unknown>> {
    return metaOf(this.request.params);
  }

  get trace(): TraceContext {
    const { traceparent, tracestate } = this.meta;
    return {
      ...(typeof traceparent === "string" && { traceparent }),
      ...(typeof tracestate === "string" && { tracestate }),
    };
  }

  get state(): unknown {
    return this.#host.state;
  }

  get after(): string | undefined {
    this.#hasLooked = true;
    const { stream } = this.meta as { stream?: { after?: unknown } };
    return typeof stream?.after === "string" ? stream.after : undefined;
  }

  /** What the caller streams, checked; credit is granted once somebody iterates. */
  get items(): AsyncIterable<unknown> {
    return {
      [Symbol.asyncIterator]: () => {
        const receiver = this.#receiver ??= this.#openReceiver();
        const schema = this.procedure?.options.items;
        return schema === undefined ? receiver : checkedItems(receiver, schema);
      },
    };
  }

  // Handlers take these out of their context, so that they must not need to be called on it.

  get timeLeft(): () => number {
    return () => Math.max(0, this.#arrived + this.timeout - this.#host.now());
  }

  /** Makes an error that the method declared; its data is checked when it is sent. */
  error(name: string, data: unknown, message: string = name): RpcError {
    return new RpcError(DECLARED, message, { name, details: data });
  }

  get progress(): (value: unknown) => void {
    return (value) => {
      // LSP's token stands among the params.
      const { workDoneToken } = { ...this.request.params, ...this.meta } as {
        workDoneToken?: unknown;
      };
      this.#tell(this.meta.progressToken ?? workDoneToken, value);
    };
  }

  authenticate(credentials: Credentials): Promise<void> {
    return this.#host.authenticate(credentials);
  }

  // ---- What the connection sees --------------------------------------------------------------

  /**
   * Milliseconds that the call may take: what the caller leaves it, up to the server's maximum. A
   * stream, and a call that takes one, goes on as long as both ends like where the caller sets no time.
   */
  get timeout(): number {
    const { callTimeout, maxCallTimeout } = this.#host.limits;
    const { timeoutMs } = this.meta;
    if (typeof timeoutMs === "number") return Math.min(timeoutMs, maxCallTimeout);
    return this.isStreaming ? Infinity : callTimeout;
  }

  /** Whether it goes on only if messages of the caller's are read: credit, or items. */
  get isStreaming(): boolean {
    return isStreaming(this.procedure);
  }

  /**
   * Keeps of the params only what is about the call: the handler has its value, and how long it runs must
   * not decide how long the rest lies in memory.
   */
  releaseParams(): void {
    this.request.params = besidesValue(this.request.params);
  }

  /** Whether it was stopped from outside: nobody waits for what it does. */
  get isStopped(): boolean {
    return this.#stopped !== undefined;
  }

  /** Whether the caller has its answer. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Sends the answer, unless there was one. */
  answer(text: string): void {
    if (this.#answered) return;
    this.#answered = true;
    this.timer?.cancel();
    this.#answer?.(text);
  }

  /** Answers with an error now, and tells the handler that nobody waits any more. */
  stop(error: RpcError): void {
    const { request } = this;
    if (request.kind === "request") this.answer(encodeError(request.version, request.id, error));
    this.#stopped ??= error;
    this.#sender?.stop();
    this.#receiver?.fail(error);
    (this.#controller ??= new AbortController()).abort(error);
  }

  /** The consumer takes so many more items. */
  grant(count: number): void {
    this.#sender?.grant(count);
  }

  /** Items of the caller's; false where there was no credit for them. */
  receive(items: readonly unknown[]): boolean {
    return this.#receiver === undefined ? false : this.#receiver.push(items);
  }

  /** The caller sends no more: neither credit nor items. */
  endInput(): void {
    this.#sender?.endCredit();
    this.#receiver?.fail(new RpcError("CANCELLED", "The caller hung up before its items ended"));
  }

  /** The caller has no more items. */
  receiveEnd(): void {
    (this.#receiver ??= this.#openReceiver()).finish(undefined);
  }

  /**
   * What a stream's handler returned goes to the caller: item by item where it gave credit, as partial
   * results where it asked for those, else in one array. Resolves to the result of the request.
   */
  async stream(source: unknown): Promise<unknown> {
    const iterator = iteratorOf(source);
    const { params } = this.request;
    const { stream } = this.meta as { stream?: { credit?: unknown; after?: unknown } };
    if (stream !== undefined) {
      const { credit, after } = stream ?? {};
      if (!Number.isSafeInteger(credit) || (credit as number) < 0) {
        throw refusedMember("credit", "must be an integer from 0");
      }
      if (after !== undefined && typeof after !== "string") {
        throw refusedMember("after", "must be the id of an event, a string");
      }
      return await this.#pump(
        after === undefined ? iterator : lookedAt(iterator, () => this.#hasLooked),
        credit as number,
        (items, ids) => this.#sendItems(items, ids),
      );
    }
    const { partialResultToken } = { ...params, ...this.meta } as { partialResultToken?: unknown };
    if (partialResultToken !== undefined) {
      return await this.#pump(iterator, Infinity, (items) => {
        for (const item of items) this.#tellText(partialResultToken, item);
      });
    }
    return await this.#collect(iterator);
  }

  #pump(
    iterator: Iterator<unknown> | AsyncIterator<unknown>,
    credit: number,
    send: SendItems,
  ): Promise<unknown> {
    const sender = this.#sender = new StreamSender(credit, send, () => this.#host.room(), {
      name: "maxResponseBytes",
      bytes: this.#host.limits.maxResponseBytes,
    }, encodeExactly);
    if (this.#answered) sender.stop();
    return sender.pump(iterator);
  }

  async #collect(iterator: Iterator<unknown> | AsyncIterator<unknown>): Promise<unknown[]> {
    const all: unknown[] = [];
    for (;;) {
      const next = await iterator.next();
      if (next.done) return all;
      all.push(next.value);
      if (all.length <= this.#host.limits.maxCollectedItems && !this.#answered) continue;
      await iterator.return?.();
      throw new RpcError(
        "RESOURCE_EXHAUSTED",
        "The stream has too many items for one answer: ask for a stream with _meta.stream.credit",
        { limit: "maxCollectedItems" },
      );
    }
  }

  #sendItems(items: string[], ids: (string | null)[] | undefined): void {
    const { request } = this;
    if (request.kind !== "request" || this.#answered) return;
    this.#host.send(streamItems(request.id, items, ids));
  }

  #openReceiver(): StreamReceiver {
    const { request } = this;
    const id = request.kind === "request" ? request.id : undefined;
    const grant = (count: number) => this.#host.send(streamCreditUp(id, count));
    const receiver = new StreamReceiver(WINDOW, { grant, leave: () => {} });
    // Nothing can come any more, or without an id ever: who looks now must not wait.
    if (this.#stopped !== undefined) receiver.fail(this.#stopped);
    else if (id === undefined) receiver.finish(undefined);
    else grant(WINDOW);
    return receiver;
  }

  #tell(token: unknown, value: unknown): void {
    if (token !== undefined) this.#tellText(token, JSON.stringify(value) ?? "null");
  }

  #tellText(token: unknown, value: string): void {
    if (!this.#answered) this.#host.send(progress(token, value));
  }
}

/** The items of a handler that must have looked where its caller asks to go on, by its first. */
function lookedAt(
  source: Iterator<unknown> | AsyncIterator<unknown>,
  hasLooked: () => boolean,
): AsyncIterator<unknown> {
  let isFirst = true;
  return {
    async next() {
      const next = await source.next();
      if (isFirst && !hasLooked()) {
        if (!next.done) await source.return?.();
        throw new RpcError("DATA_LOSS", "This stream cannot be resumed");
      }
      isFirst = false;
      return next;
    },
    async return(value) {
      await source.return?.();
      return { done: true, value };
    },
  };
}

function refusedMember(member: string, message: string): RpcError {
  return invalidParams([{ path: ["_meta", "stream", member], message }]);
}

async function* checkedItems(items: AsyncIterable<unknown>, schema: StandardSchema) {
  for await (const item of items) {
    const checked = schema["~standard"].validate(item);
    yield await otherwise(schema, checked, item, [], (value) => value);
  }
}
