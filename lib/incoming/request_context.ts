/**
 * One request or notification of the peer's: what its handler sees as its context, and what may happen to
 * it while the handler runs. It is answered once, whatever happens.
 *
 * @module
 */

import type { Context, Peer, Peers, TraceContext } from "../api/context.ts";
import type { ObservedCall, Observer } from "../api/observe.ts";
import { DECLARED, RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import type { Running } from "../link/in_flight.ts";
import type { Keeping } from "../overload/ledger.ts";
import { progress, streamCreditUp } from "../message/control.ts";
import { encodeError } from "../message/encode.ts";
import { metaOf, type Notification, type Request } from "../message/message.ts";
import { weigh } from "../message/weight.ts";
import type { StandardSchema } from "../schema/standard_schema.ts";
import { StreamReceiver, WINDOW, WINDOW_BYTES } from "../stream/receiver.ts";
import type { StreamSender } from "../stream/sender.ts";
import type { Timer, Timers } from "../timers.ts";
import type { Caller, ContextStubs } from "./caller.ts";
import { besidesValue, otherwise } from "./params.ts";
import type { Target } from "./target.ts";

/** Bytes that each request takes that waits or runs, whatever is in it. */
const FLAT = 512;

/**
 * Takes an answer on its way to the caller: the batch that the request came in, or what answers in another
 * protocol. With the error if the request was refused, and not begun. Gives the error that the caller gets in
 * its place, if it gets another answer.
 */
export type SendAnswer = (text: string, refusal?: RpcError) => RpcError | void;

/** What requests of one server have in common. */
export interface RequestOptions {
  readonly limits: Limits;
  readonly timers: Timers;
  /** Sees every request; without it none is shown to anything. */
  readonly observe?: Observer | undefined;
}

/** A request or notification, as its handler and its connection see it. */
export class RequestContext implements Context, ObservedCall, Running {
  readonly method: string;
  readonly message: Request | Notification;
  /** What it is for; undefined if there is no such method. */
  readonly target: Target | undefined;
  // Private: a handler may return its context, or log it, and must not give away the author's state.
  #caller: Caller;
  readonly #options: RequestOptions;
  readonly #answer: SendAnswer | undefined;
  /** When it came, by the clock of the timers. */
  readonly arrived: number;
  /** What the observer keeps with it. */
  readonly #mark: unknown;
  /** Bytes that it takes, once they are known, and those that are charged for it. */
  #weight: number | undefined;
  #charge = 0;
  /** Whether it had to wait for its place: it counts as one that runs since it came. */
  hasWaited = false;
  /** Told once that it was stopped. */
  onStopped: (() => void) | undefined;
  /** Whether its handler has ended, and its result waits for room. */
  hasEnded = false;
  /** Whether its place was given back although its handler goes on. */
  isHung = false;
  #isAnswered = false;
  /** The error that it is answered with. */
  #failure: RpcError | undefined;
  /** Why it was stopped from outside. */
  #stopped: RpcError | undefined;
  #controller: AbortController | undefined;
  #stubs: ContextStubs | undefined;
  #receiver: StreamReceiver | undefined;
  #sender: StreamSender | undefined;
  #isDraining = false;
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
    this.arrived = arrived;
    this.#mark = options.observe?.begin?.(this);
  }

  // ---- What an observer sees -----------------------------------------------------------------

  get direction(): "in" {
    return "in";
  }

  get isKnown(): boolean {
    return this.target !== undefined;
  }

  get kind(): ObservedCall["kind"] {
    if (this.message.kind === "notification") return "notification";
    return this.target?.method.kind === "stream" ? "stream" : "call";
  }

  get since(): number {
    return this.arrived;
  }

  /** Begins its handler within what the observer sets around it. */
  within<T>(observe: Observer, begin: () => T): T {
    let begun!: T;
    observe.run!(this, () => begun = begin(), this.#mark);
    return begun;
  }

  /** Items of a stream were sent, or have come. */
  noteItems(sent: number, received: number): void {
    this.#options.observe?.items?.(this, sent, received, this.#mark);
  }

  // ---- What the handler sees -----------------------------------------------------------------

  /** Made only for those who look: most handlers do not. */
  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  get id(): string | number | null | undefined {
    const { message } = this;
    return message.kind === "request" ? idOf(message.id) : undefined;
  }

  get draining(): AbortSignal {
    return this.#caller.draining;
  }

  get peer(): Peer {
    return this.#caller.peer;
  }

  get peers(): Peers {
    return this.#caller.peers;
  }

  get call(): Context["call"] {
    return (this.#stubs ??= this.#caller.stubsFor(this)).call;
  }

  get notify(): Context["notify"] {
    return (this.#stubs ??= this.#caller.stubsFor(this)).notify;
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
        const { target } = this, schema = target?.method.options.items;
        if (schema === undefined) return receiver;
        return checkedItems(receiver, schema, target!);
      },
    };
  }

  // Handlers take these out of their context, so that they must not need to be called on it.

  get timeLeft(): () => number {
    return () => Math.max(0, this.arrived + this.timeout - this.#options.timers.now());
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
    this.#weight ??= this.#weigh();
    message.params = besidesValue(message.params);
    message.text = undefined;
  }

  get key(): unknown {
    return this.message.kind === "request" ? keyOf(this.message.id) : this;
  }

  /** Who asked: who the peer was when this was begun, and until then who it is. */
  get caller(): Caller {
    return this.#caller;
  }

  /** It is begun in the name of whoever the peer is by now. */
  settleCaller(): void {
    this.#caller = this.#caller.current;
  }

  /** Whether it goes on only once the caller says something: gives credit, or sends items. */
  get waitsForPeer(): boolean {
    return (this.#sender?.waitsForCredit ?? false) || (this.#receiver?.isAwaited ?? false);
  }

  /** Whether it was stopped from outside: nobody waits for what it does. */
  get isStopped(): boolean {
    return this.#stopped !== undefined;
  }

  /** Whether the caller has its answer. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** Bytes that are charged for it. */
  get charge(): number {
    return this.#charge;
  }

  /** What it keeps is charged to its peer. Of a batch the whole is, by itself. */
  keep(account: Keeping): void {
    this.#charge = this.#weight ?? this.#weigh();
    account.keep(this.#charge);
  }

  #weigh(): number {
    const { text, weight } = this.message;
    return FLAT + (weight ?? (text === undefined ? 0 : weigh(text)));
  }

  /** It keeps nothing any more. */
  release(account: Keeping): void {
    account.release(this.#charge);
    this.#charge = 0;
    this.#receiver?.letGo();
  }

  /** Runs what writes its answer when there is room for it, unless it has been answered by then. */
  whenRoom(write: () => void): void | Promise<void> {
    const caller = this.#caller;
    if (!caller.isFull) return write();
    this.hasEnded = true;
    return caller.whenRoom(() => {
      if (!this.#isAnswered) write();
    });
  }

  /** The text of an error as its answer, with which it ends if it has not. */
  fail(error: RpcError): string {
    this.#failure = error;
    return encodeError(this.message as Request, error);
  }

  /** Sends the answer, unless there was one. @param refusal why it was not begun, if it was not */
  answer(text: string, refusal?: RpcError): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.timer?.cancel();
    const other = this.#answer === undefined
      ? this.#caller.answer(text)
      : this.#answer(text, refusal);
    this.#options.observe?.end?.(this, other ?? this.#failure, this.#mark);
  }

  /** Answers what may not begin; a notification is forgotten. */
  refuse(error: RpcError): undefined {
    if (this.message.kind === "request") this.answer(this.fail(error), error);
    else this.finish(error);
  }

  /** A notification is dealt with: nothing is sent. @param error why it was not done, if it was not */
  finish(error?: RpcError): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#options.observe?.end?.(this, error, this.#mark);
  }

  /** Sends the caller a message that comes before the answer, unless there was one. */
  tell(text: string, eventId?: string): void {
    if (!this.#isAnswered) this.#caller.send(text, eventId);
  }

  /** Answers with an error now, and tells the handler that nobody waits any more. */
  stop(error: RpcError): void {
    if (this.message.kind === "request") this.answer(this.fail(error));
    else this.finish(error);
    if (this.#stopped !== undefined) return;
    this.#stopped = error;
    this.#sender?.stop();
    this.#receiver?.fail(error);
    (this.#controller ??= new AbortController()).abort(error);
    this.onStopped?.();
  }

  /** The items of its answer go out here, from now on. */
  set sender(sender: StreamSender) {
    this.#sender = sender;
    if (this.#isAnswered) sender.stop();
    else if (this.#isDraining) this.drain();
  }

  /** Its connection begins to end: a stream that its caller can go on with elsewhere ends now. */
  drain(): void {
    this.#isDraining = true;
    this.#sender?.endAtEvent((after) => {
      const message = "The server is shutting down: ask for what comes after this event elsewhere";
      this.stop(new RpcError("UNAVAILABLE", message, { details: { after } }));
    });
  }

  /** The consumer takes so many more items. */
  grant(count: number): void {
    this.#sender?.grant(count);
  }

  /** Items of the caller's that take so many bytes; false where there was no credit or room for them. */
  receive(items: readonly unknown[], size: number): boolean {
    this.noteItems(0, items.length);
    return this.#receiver?.push(items, undefined, size) ?? false;
  }

  /** The caller sends no more: neither credit nor items. */
  endInput(): void {
    this.#sender?.endCredit();
    this.#receiver?.fail(new RpcError("CANCELLED", "The caller hung up before its items ended"));
  }

  /** The caller has no more items. */
  receiveEnd(): void {
    if (this.target?.method.options.items === undefined) return;
    (this.#receiver ??= this.#openReceiver()).finish(undefined);
  }

  #openReceiver(): StreamReceiver {
    const { message } = this, caller = this.#caller;
    const id = message.kind === "request" ? message.id : undefined;
    const receiver = new StreamReceiver(WINDOW, {
      hold: (bytes) => caller.hold(bytes),
      hasRoom: () => caller.keepsLittle,
      grant: (count) => caller.send(streamCreditUp(id, count)),
      leave: () => {},
    });
    // Nothing can come any more, or without an id ever: who looks now must not wait.
    if (this.#stopped !== undefined) receiver.fail(this.#stopped);
    else if (id === undefined) receiver.finish(undefined);
    else caller.send(streamCreditUp(id, WINDOW, WINDOW_BYTES));
    return receiver;
  }
}

/** What handlers see of an id that is JSON text: the text itself where no number of ours has all its digits. */
function idOf(id: string): string | number | null {
  const value = JSON.parse(id) as string | number | null;
  return typeof value === "number" && String(value) !== id ? id : value;
}

/** What a request with this id, as JSON text, is found by: 1.0 is known by its value. */
function keyOf(id: string): unknown {
  const value = Number(id); // a text has quotes, which no number has
  return Number.isNaN(value) ? id : value;
}

/** What a request with the id of this value is found by; undefined where no id has such a value. */
export function keyOfValue(id: unknown): unknown {
  if (typeof id === "number") return id;
  return typeof id === "string" || id === null ? JSON.stringify(id) : undefined;
}

/** The request whose handler sees this context, with whatever middleware has added to it. */
export function requestOf(context: Context): RequestContext {
  if (context instanceof RequestContext) return context;
  throw new TypeError("Cannot tell whose context this is: no handler was given it");
}

async function* checkedItems(
  items: AsyncIterable<unknown>,
  schema: StandardSchema,
  target: Target,
) {
  for await (const item of items) {
    target.refuseItem(schema, item);
    const checked = schema["~standard"].validate(item);
    yield await otherwise(schema, checked, item, [], (value) => value);
  }
}
