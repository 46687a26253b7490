/**
 * Calls that were made and have not begun: all of a turn begin at its end.
 *
 * @module
 */

import type { CallOptions, StreamCall } from "../api/stub.ts";
import { Call, type Carrier } from "./call.ts";

/** Makes calls, and hands those of a turn to their carrier at its end. */
export class CallQueue {
  readonly #carrier: Carrier;
  /** Made in this turn, not begun. */
  #made: Call[] = [];

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  /**
   * Calls a method of the peer's.
   *
   * @param value as JSON text
   * @returns the result; rejects with {@linkcode RpcError}, {@linkcode ConnectionLostError}, or the
   * signal's reason
   */
  call(
    method: string,
    value: string | undefined,
    options: CallOptions,
  ): StreamCall<unknown, unknown> {
    const call = new Call(this.#carrier, method, value, options);
    if (this.#made.push(call) === 1) queueMicrotask(this.end);
    const answer = call.promise as StreamCall<unknown, unknown>;
    // Put on the promise itself: a class of its own would make every await slower.
    answer[Symbol.asyncIterator] = () => call.iterate();
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
    this.#carrier.carryTogether(made.filter((call) => call.begin(this.#carrier.timers)));
    return answers;
  }

  /** Begins what was made so far. */
  readonly end = (): void => {
    const made = this.#made, { timers } = this.#carrier;
    this.#made = [];
    for (const call of made) {
      if (call.begin(timers)) this.#carrier.carry(call);
    }
  };
}
