/**
 * Calls that were made and have not begun: all of a turn of the event loop begin at its end.
 *
 * @module
 */

import type { CallOptions, StreamCall } from "../api/stub.ts";
import type { Argument } from "../message/encode.ts";
import { Call, type CallSink } from "./call.ts";

/** Makes calls, and sends those of one turn at its end. */
export class CallQueue {
  /** Made in this turn, not begun. */
  #made: Call[] = [];
  /** When the first of them was made, if there is an observer. */
  #now = 0;

  /**
   * Calls a method of a peer's.
   *
   * @param sink what gets the call to the peer
   * @returns the result; rejects with {@linkcode RpcError}, {@linkcode ConnectionLostError}, or the
   * signal's reason
   */
  call(
    sink: CallSink,
    method: string,
    value: Argument | undefined,
    options: CallOptions,
  ): StreamCall<unknown, unknown> {
    const call = new Call(sink, method, value, options);
    const isFirst = this.#made.push(call) === 1;
    if (isFirst) queueMicrotask(this.begin);
    if (sink.observe !== undefined) {
      if (isFirst) this.#now = sink.timers.now();
      call.observe(this.#now);
    }
    const promise = call.promise as StreamCall<unknown, unknown>;
    // Put on the promise itself: a class of its own would make every await slower.
    promise[Symbol.asyncIterator] = () => call.iterate();
    return promise;
  }

  /** Makes several calls that travel as one batch (JSON-RPC 2.0, section 6). */
  batch<T>(sink: CallSink, make: () => T): T {
    const outer = this.#made, made: Call[] = [];
    this.#made = made;
    let promises: T;
    try {
      promises = make();
    } finally {
      this.#made = outer;
    }
    sink.sendBatch(made.filter((call) => call.owner === sink && call.begin()));
    // Those to other peers were made beside it, and travel alone.
    begin(made.filter(({ owner }) => owner !== sink));
    return promises;
  }

  /** Begins what was made so far. */
  readonly begin = (): void => {
    const made = this.#made;
    this.#made = [];
    begin(made);
  };

  /** Begins of this what goes to the peer behind one sink: the others may still go elsewhere. */
  beginOf(sink: CallSink): void {
    const made = this.#made;
    this.#made = made.filter(({ owner }) => owner !== sink);
    begin(made.filter(({ owner }) => owner === sink));
  }
}

function begin(calls: readonly Call[]): void {
  for (const call of calls) {
    if (call.begin()) call.owner.send(call);
  }
}
