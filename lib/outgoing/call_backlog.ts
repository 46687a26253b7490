/**
 * Our calls that wait because the peer runs as many of ours as it takes. They can be cancelled here, which
 * nobody is told, and their time runs.
 *
 * It is fair to all who share a line, as far as that can be seen: the methods take turns, and among the
 * calls of one method those that were made in the same turn of the event loop count as one. So one call
 * does not wait for ten thousand that another part of the program has made at once. Calls of one method
 * that were made in one turn keep their order.
 *
 * There is no bound: each of them is a promise that the program itself holds, and to refuse it would lose a
 * call that can be kept.
 *
 * @module
 */

import type { Call, CallHolder } from "./call.ts";

/** Members that take turns, in the order in which they came. */
class Rotation<T> {
  readonly #members = new Set<T>();
  /** Kept from one turn to the next: to begin anew steps over all that were deleted. */
  #turns = this.#members.values();

  get size(): number {
    return this.#members.size;
  }

  add(member: T): void {
    this.#members.add(member);
  }

  delete(member: T): void {
    this.#members.delete(member);
  }

  /** The one that came first, whoever had a turn since; undefined if there is none. */
  get first(): T | undefined {
    return this.#members.values().next().value;
  }

  /** The one whose turn it is; undefined if there is none. */
  next(): T | undefined {
    const { value, done } = this.#turns.next();
    if (!done) return value;
    this.#turns = this.#members.values();
    return this.#turns.next().value;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#members.values();
  }
}

/** The calls of one method that wait; all calls, if they are to keep their order. */
interface Flow {
  readonly method: string;
  readonly bursts: Rotation<Burst>;
  /** Where those are added that are made in this turn. */
  open: Burst | undefined;
}

/** Calls of one method that were made in one turn, or those of one batch, which leave together. */
class Burst implements CallHolder {
  readonly calls = new Rotation<Call>();
  readonly flow: Flow;
  readonly isBatch: boolean;
  readonly #onDropped: (burst: Burst) => void;

  constructor(flow: Flow, isBatch: boolean, onDropped: (burst: Burst) => void) {
    this.flow = flow;
    this.isBatch = isBatch;
    this.#onDropped = onDropped;
  }

  add(call: Call): void {
    this.calls.add(call);
    call.sink = this;
  }

  drop(call: Call): void {
    this.calls.delete(call);
    call.sink = undefined;
    this.#onDropped(this);
  }

  /** What waits has no peer to tell: it says how much it takes when it is sent. */
  grant(): void {}
}

/** The calls that wait on one connection. */
export class CallBacklog {
  readonly #byMethod = new Map<string, Flow>();
  readonly #flows = new Rotation<Flow>();
  readonly #isInOrder: boolean;
  /** Those that have got calls in this turn. */
  #open: Flow[] = [];
  /** How many calls wait. */
  size = 0;

  /** @param isInOrder whether calls leave in the order in which they came, and take no turns */
  constructor(isInOrder = false) {
    this.#isInOrder = isInOrder;
  }

  /** Keeps a call until it is taken. */
  add(call: Call): void {
    const flow = this.#flowOf(call.method);
    if (flow.open === undefined) {
      flow.open = this.#begin(flow, false);
      if (!this.#isInOrder && this.#open.push(flow) === 1) queueMicrotask(this.#endTurn);
    }
    flow.open.add(call);
    this.size++;
  }

  /** Keeps calls that are to travel together. */
  addBatch(calls: readonly Call[]): void {
    const flow = this.#flowOf(calls[0]!.method), burst = this.#begin(flow, true);
    if (this.#isInOrder) flow.open = undefined; // what comes later leaves later
    for (const call of calls) burst.add(call);
    this.size += calls.length;
  }

  /** What is next, if any waits: one call, or all of a batch. They wait no more. */
  take(): readonly Call[] {
    const { bursts } = this.#flows.next()!;
    const burst = this.#isInOrder ? bursts.first! : bursts.next()!;
    const calls = burst.isBatch ? [...burst.calls] : [burst.calls.next()!];
    for (const call of calls) burst.drop(call);
    return calls;
  }

  #flowOf(name: string): Flow {
    const method = this.#isInOrder ? "" : name;
    let flow = this.#byMethod.get(method);
    if (flow === undefined) {
      this.#byMethod.set(method, flow = { method, bursts: new Rotation(), open: undefined });
      this.#flows.add(flow);
    }
    return flow;
  }

  #begin(flow: Flow, isBatch: boolean): Burst {
    const burst = new Burst(flow, isBatch, this.#onDropped);
    flow.bursts.add(burst);
    return burst;
  }

  readonly #endTurn = (): void => {
    for (const flow of this.#open) flow.open = undefined;
    this.#open = [];
  };

  readonly #onDropped = (burst: Burst): void => {
    this.size--;
    if (burst.calls.size > 0) return;
    const { flow } = burst;
    flow.bursts.delete(burst);
    if (flow.open === burst) flow.open = undefined;
    if (flow.bursts.size > 0) return;
    this.#flows.delete(flow);
    this.#byMethod.delete(flow.method);
  };
}
