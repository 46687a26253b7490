/**
 * One request or notification of the peer's: what its handler sees as its context, and what may happen to
 * it while the handler runs. It is answered once, whatever happens.
 *
 * @module
 */

import type { Context, Peer, TraceContext } from "../api/context.ts";
import { DECLARED, RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import type { Running } from "../link/in_flight.ts";
import { progress, streamCreditUp } from "../message/control.ts";
import { encodeError } from "../message/encode.ts";
import { metaOf, type Notification, type Request } from "../message/message.ts";
import type { StandardSchema } from "../schema/standard_schema.ts";
import { StreamReceiver, WINDOW } from "../stream/receiver.ts";
import type { StreamSender } from "../stream/sender.ts";
import type { Timer, Timers } from "../timers.ts";
import type { Caller } from "./caller.ts";
import { besidesValue, otherwise, refuseMany } from "./params.ts";
import type { Target } from "./target.ts";

/** Takes an answer on its way to the caller: the batch that the request came in. */
export type SendAnswer = (text: string) => void;

/** What requests of one server have in common. */
export interface RequestOptions {
  readonly limits: Limits;
  readonly timers: Timers;
}

/** A request or notification, as its handler and its connection see it. */
export class RequestContext implements Context, Running {
  readonly method: string;
  readonly message: Request | Notification;
  /** What it is for; undefined if there is no such method. */
  readonly target: Target | undefined;
  // Private: a handler may return its context, or log it, and must not give away the author's state.
  readonly #caller: Caller;
  readonly #options: RequestOptions;
  readonly #answer: SendAnswer | undefined;
  readonly #arrived: number;
  #isAnswered = false;
  /** Why it was stopped from outside. */
  #stopped: RpcError | undefined;
  #controller: AbortController | undefined;
  #peer: Peer | undefined;
  #receiver: StreamReceiver | undefined;
  #sender: StreamSender | undefined;
  /** Whether the handler has looked where its caller asks to go on. */
  hasLooked = false;
  /** What stops it when its time is over. */
  timer: Timer | undefined;

  /**
   * @param answer where its answer goes; without it straight to the caller
   * @param arrived when it came, by the clock of the timers
   */
  constructor(
    options: RequestOptions,
    message: Request | Notification,
    target: Target | undefined,
    caller: Caller,
    answer: SendAnswer | undefined,
    arrived: number,
  ) {
    this.method = message.method;
    this.message = message;
    this.target = target;
    this.#caller = caller;
    this.#options = options;
    this.#answer = answer;
    this.#arrived = arrived;
  }

  // ---- What the handler sees -----------------------------------------------------------------

  /** Made only for those who look: most handlers do not. */
  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  get peer(): Peer {
    return this.#peer ??= this.#caller.peerFor(this);
  }

  get meta(): Readonly<Record<string, unknown>> {
    return metaOf(this.message.params);
  }

  get trace(): TraceContext {
    const { traceparent, tracestate } = this.meta;
    return {
      ...(typeof traceparent === "string" && { traceparent }),
      ...(typeof tracestate === "string" && { tracestate }),
    };
  }

  get state(): unknown {
    return this.#caller.state;
  }

  get after(): string | undefined {
    this.hasLooked = true;
    const { stream } = this.meta as { stream?: { after?: unknown } };
    return typeof stream?.after === "string" ? stream.after : undefined;
  }

  /** What the caller streams, checked; credit is granted once somebody iterates. */
  get items(): AsyncIterable<unknown> {
    return {
      [Symbol.asyncIterator]: () => {
        const receiver = this.#receiver ??= this.#openReceiver();
        const schema = this.target?.method.options.items;
        if (schema === undefined) return receiver;
        return checkedItems(receiver, schema, this.#options.limits);
      },
    };
  }

  // Handlers take these out of their context, so that they must not need to be called on it.

  get timeLeft(): () => number {
    return () => Math.max(0, this.#arrived + this.timeout - this.#options.timers.now());
  }

  /** Makes an error that the method declared; its data is checked when it is sent. */
  error(name: string, data: unknown, message: string = name): RpcError {
    return new RpcError(DECLARED, message, { name, details: data });
  }

  get progress(): (value: unknown) => void {
    return (value) => {
      // LSP's token stands among the params.
      const { workDoneToken } = { ...this.message.params, ...this.meta } as {
        workDoneToken?: unknown;
      };
      const { progressToken } = this.meta, token = progressToken ?? workDoneToken;
      if (token !== undefined) this.tell(progress(token, JSON.stringify(value) ?? "null"));
    };
  }

  // ---- What its connection sees --------------------------------------------------------------

  /**
   * Milliseconds that the call may take: what the caller leaves it, up to the server's maximum. A
   * stream, and a call that takes one, goes on as long as both ends like where the caller sets no time.
   */
  get timeout(): number {
    const { callTimeout, maxCallTimeout } = this.#options.limits;
    const { timeoutMs } = this.meta;
    if (typeof timeoutMs === "number") return Math.min(timeoutMs, maxCallTimeout);
    return this.isStreaming ? Infinity : callTimeout;
  }

  /** Whether it goes on only if messages of the caller's are read: credit, or items. */
  get isStreaming(): boolean {
    return this.target?.isStreaming ?? false;
  }

  /**
   * Keeps of the params only what is about the call: the handler has its value, and how long it runs must
   * not decide how long the rest lies in memory.
   */
  releaseParams(): void {
    const { message } = this;
    message.params = besidesValue(message.params);
    message.text = undefined;
  }

  /** Who asked. */
  get caller(): Caller {
    return this.#caller;
  }

  /** Whether it was stopped from outside: nobody waits for what it does. */
  get isStopped(): boolean {
    return this.#stopped !== undefined;
  }

  /** Whether the caller has its answer. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** Sends the answer, unless there was one. */
  answer(text: string): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.timer?.cancel();
    if (this.#answer === undefined) this.#caller.send(text);
    else this.#answer(text);
  }

  /** Sends the caller a message that comes before the answer, unless there was one. */
  tell(text: string): void {
    if (!this.#isAnswered) this.#caller.send(text);
  }

  /** Answers with an error now, and tells the handler that nobody waits any more. */
  stop(error: RpcError): void {
    const { message } = this;
    if (message.kind === "request") this.answer(encodeError(message.version, message.id, error));
    this.#stopped ??= error;
    this.#sender?.stop();
    this.#receiver?.fail(error);
    (this.#controller ??= new AbortController()).abort(error);
  }

  /** The items of its answer go out here, from now on. */
  set sender(sender: StreamSender) {
    this.#sender = sender;
    if (this.#isAnswered) sender.stop();
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

  #openReceiver(): StreamReceiver {
    const { message } = this, caller = this.#caller;
    const id = message.kind === "request" ? message.id : undefined;
    const grant = (count: number) => caller.send(streamCreditUp(id, count));
    const receiver = new StreamReceiver(WINDOW, { grant, leave: () => {} });
    // Nothing can come any more, or without an id ever: who looks now must not wait.
    if (this.#stopped !== undefined) receiver.fail(this.#stopped);
    else if (id === undefined) receiver.finish(undefined);
    else grant(WINDOW);
    return receiver;
  }
}

/** The request whose handler sees this context, with whatever middleware has added to it. */
export function requestOf(context: Context): RequestContext {
  if (context instanceof RequestContext) return context;
  throw new TypeError("Cannot tell whose context this is: no handler was given it");
}

async function* checkedItems(
  items: AsyncIterable<unknown>,
  schema: StandardSchema,
  { maxValues }: Pick<Limits, "maxValues">,
) {
  for await (const item of items) {
    refuseMany(schema, item, maxValues);
    const checked = schema["~standard"].validate(item);
    yield await otherwise(schema, checked, item, [], (value) => value);
  }
}
