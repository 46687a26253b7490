/**
 * A call of ours, from the moment in which it is made until it has ended: its answer, its stream, its
 * time. It may outlive the connection that it was sent over; the sink that has it is told what to tell
 * the peer, and tells it what became of it.
 *
 * A call is begun at the end of the turn in which it was made. Until then it can be made a stream, by
 * iterating its answer; and all calls of one turn travel in one write.
 *
 * @module
 */

import type { PeerInfo } from "../api/context.ts";
import type { ObservedCall, Observer } from "../api/observe.ts";
import type { CallOptions, ItemIterator, ItemOptions } from "../api/stub.ts";
import { ofCall, rejection, RpcError } from "../error.ts";
import { isBuiltin } from "../message/control.ts";
import type { Argument } from "../message/encode.ts";
import type { Keeping } from "../overload/ledger.ts";
import { itemsOf, StreamReceiver, WINDOW } from "../stream/receiver.ts";
import type { StreamSender } from "../stream/sender.ts";
import type { Timer, Timers } from "../timers.ts";

/** What has a call that has begun, and is told when it is given up. */
export interface CallHolder {
  /** The consumer of its items takes so many more. */
  grant(call: Call, count: number): void;
  /** Nobody wants its answer any more. */
  drop(call: Call): void;
}

/** Takes calls that have begun, and gets them to the peer. */
export interface CallSink extends CallHolder {
  readonly timers: Timers;
  /** What its calls keep is charged to this. */
  readonly account: Keeping;
  /** Milliseconds that a call may take that says nothing, unless it is a stream. */
  readonly callTimeout?: number | undefined;
  /** Sees every call; without it none is shown to anything. */
  readonly observe?: Observer | undefined;
  /** Takes one call. */
  send(call: Call): void;
  /** Takes several that travel as one batch. */
  sendBatch(calls: readonly Call[]): void;
  /**
   * Whether it takes back a call that would fail otherwise: its connection was lost, or its peer
   * answered with an error.
   */
  takeBack(call: Call, error: unknown): boolean;
}

/** A call that was made, and waits for its turn, then for its answer. */
export class Call implements ObservedCall {
  readonly method: string;
  readonly value: Argument | undefined;
  readonly options: CallOptions;
  readonly promise: Promise<unknown>;
  /** Where it was made: it may outlive the connection that it was sent over. */
  readonly owner: CallSink;
  #resolve!: (result: unknown) => void;
  #reject!: (error: unknown) => void;
  #begun = false;
  #timer: Timer | undefined;
  #onAbort: (() => void) | undefined;
  ended = false;
  /** By the clock of the timers. */
  deadline = Infinity;
  /** What has it at the moment; undefined until it was sent, and once it has ended. */
  sink: CallHolder | undefined;
  /** How often it was sent, and how many items had come by the last failure. */
  attempts = 0;
  received = 0;
  /** Where the items of a stream go, and where those come from that we stream to the peer. */
  receiver: StreamReceiver | undefined;
  sender: StreamSender | undefined;

  // What its connection knows of it.

  /** The text that was sent, and the writer's count then: it tells whether it has left. */
  text = "";
  order = Infinity;
  id = 0;
  /** How many calls travelled in one message with it. */
  together = 1;
  /** Whether the peer was asked for a stream. */
  isStream = false;
  /** The peer that it was sent to last, if there is an observer. */
  peer: PeerInfo | undefined;
  /** When it was made, and what the observer keeps with it; undefined if there is none. */
  #since: number | undefined;
  #mark: unknown;
  /** Whether its last failure came from a peer that takes no more calls: the next attempt goes elsewhere. */
  isLeft = false;

  constructor(
    owner: CallSink,
    method: string,
    value: Argument | undefined,
    options: CallOptions,
  ) {
    this.owner = owner;
    this.method = method;
    this.value = value;
    this.options = options;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  // ---- What an observer sees -----------------------------------------------------------------

  get direction(): "out" {
    return "out";
  }

  get isKnown(): boolean {
    return true;
  }

  get kind(): ObservedCall["kind"] {
    return this.receiver === undefined ? "call" : "stream";
  }

  get meta(): Readonly<Record<string, unknown>> {
    return this.options.meta ?? {};
  }

  get since(): number {
    return this.#since ?? 0;
  }

  /** Shows it to the observer. @param since when it was made, by the clock of the timers */
  observe(since: number): void {
    this.#since = since;
    this.#mark = this.owner.observe?.begin?.(this);
  }

  /** Items of a stream were sent, or have come. */
  noteItems(sent: number, received: number): void {
    this.owner.observe?.items?.(this, sent, received, this.#mark);
  }

  /** What the observer wants to travel beside its params. */
  get carried(): Readonly<Record<string, string>> | undefined {
    if (this.#since === undefined || isBuiltin(this.method)) return undefined; // which ask what the peer takes
    return this.owner.observe?.meta?.(this, this.#mark);
  }

  /** Whether items travel with it: it may be open for long, and takes none of the places of calls. */
  get isStreaming(): boolean {
    return this.receiver !== undefined ||
      (this.options as Partial<ItemOptions<unknown>>).items !== undefined;
  }

  /** The answer is looped over: the call becomes a stream, unless it has begun as something else. */
  iterate(): ItemIterator<unknown, unknown> {
    if (this.#begun) return itemsOf(this.promise);
    this.promise.catch(() => {}); // the loop is told
    return this.receiver ??= new StreamReceiver(WINDOW, {
      hold: (bytes) => this.owner.account.hold(bytes),
      hasRoom: () => this.owner.account.keepsLittle,
      grant: (count) => this.sink?.grant(this, count),
      leave: () => this.giveUp(new RpcError("CANCELLED", "The stream was left")),
    }, this.options.after);
  }

  /** Begins: from here on its time runs, and it can be cancelled. False where it has failed at once. */
  begin(): boolean {
    this.#begun = true;
    const { timers } = this.owner;
    if (this.ended) return false; // left in the turn in which it was made
    const { method, options: { signal, after } } = this;
    const timeout = this.options.timeout ??
      (this.receiver === undefined ? this.owner.callTimeout : undefined);
    try {
      if (timeout !== undefined && !(timeout >= 0)) {
        throw new RangeError(
          `Cannot call ${method}: timeout must be milliseconds from 0 on, it is ${timeout}`,
        );
      }
      if (after !== undefined && this.receiver === undefined) {
        throw new TypeError(`Cannot call ${method}: after is for streams, iterate the answer`);
      }
      if (signal?.aborted) {
        this.cancel(signal.reason);
        return false;
      }
      if (timeout === 0) throw deadlineExceeded(method, timeout);
      if (timeout !== undefined && timeout !== Infinity) {
        this.#timer = timers.after(timeout, () => this.giveUp(deadlineExceeded(method, timeout)));
        this.deadline = timers.now() + timeout;
      }
      if (signal !== undefined) {
        this.#onAbort = () => this.cancel(signal.reason);
        signal.addEventListener("abort", this.#onAbort, { once: true });
      }
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  /** @param items what a peer that knows no streams answered instead of one */
  succeed(result: unknown, items?: unknown): void {
    this.#end(undefined);
    this.receiver?.finish(result, Array.isArray(items) ? items : []);
    this.#resolve(result);
  }

  /** @param error one of ours: it gets the stack of the code that waits */
  fail(error: unknown): void {
    ofCall(error, this.method);
    this.#fail(error);
  }

  #fail(error: unknown): void {
    this.#end(error);
    if (this.receiver === undefined) this.#resolve(rejection(error));
    else {
      this.receiver.fail(error);
      this.#reject(error);
    }
  }

  /** The connection or the peer let it fail: it does, unless its owner takes it back. */
  refuse(error: unknown): void {
    if (this.ended || this.owner.takeBack(this, error)) return;
    this.fail(error);
  }

  /** Ends it from this side, and says so to the peer. */
  giveUp(error: unknown): void {
    if (this.ended) return;
    this.sink?.drop(this);
    this.fail(error);
  }

  /** As {@linkcode giveUp}, for a reason of the caller's own, which stays what it is. */
  cancel(reason: unknown): void {
    if (this.ended) return;
    this.sink?.drop(this);
    this.#fail(reason);
  }

  /** Lets go of its timer and its signal. */
  #end(error: unknown): void {
    this.ended = true;
    if (this.#since !== undefined) this.owner.observe?.end?.(this, error, this.#mark);
    this.receiver?.letGo();
    this.#timer?.cancel();
    if (this.#onAbort !== undefined) {
      this.options.signal!.removeEventListener("abort", this.#onAbort);
    }
  }
}

function deadlineExceeded(method: string, timeout: number): RpcError {
  return new RpcError("DEADLINE_EXCEEDED", `${method} took longer than ${timeout} ms`);
}
