// What was asked for and what became of it, at both ends. Everything that is called, sent or noted has
// a token of its own, so that an answer to somebody else's question is seen.

import { ConnectionLostError, type Limits, RpcError } from "../../lib/mod.ts";
import type { World } from "./_world.ts";

/** What a handler is told to do. */
export interface Job {
  /** Whose it is: no two calls have the same. */
  readonly token: number;
  /** Milliseconds that it takes, or that pass between items. */
  readonly ms: number;
  /** How many items, bytes, or rounds. */
  readonly count: number;
  /** How it goes on; each method has its own. */
  readonly how: string;
}

/** An item of a stream: whose it is, and where it stands. */
export type Item = readonly [token: number, index: number];

/** One call, as both of its ends have seen it. */
export interface Call {
  readonly method: string;
  readonly job: Job;
  readonly begun: number;
  /** Whether it has a deadline of its caller's. */
  isTimed: boolean;
  /** Milliseconds for which its caller did not look at what had come. */
  looksAway: number;
  /** How often a handler began with it, and when one ended. */
  executed: number;
  handled: number | undefined;
  /** What became of it: a value, or the name of an error. */
  outcome: string | undefined;
  error: unknown;
  ended: number;
}

/** A connection, as the handlers of a server know it. */
export interface Visit {
  readonly address: string;
  calls: number;
  /** Of these those that wait for what their caller answers. */
  asking: number;
  hasAsked: boolean;
  streams: number;
  /** Characters of the answers that its handlers have given. */
  produced: number;
  /** The notifications that have come. */
  readonly notes: number[];
  isOpen: boolean;
}

/** Everything that was asked for. */
export class History {
  readonly #world: World;
  /** Whether what comes from the other end can be believed. */
  readonly #isTrue: boolean;
  readonly #limits: Limits;
  /** Bytes that the network took of what was sent to this address. */
  readonly #sentTo: (address: string) => number;
  readonly calls = new Map<number, Call>();
  readonly visits: Visit[] = [];
  /** Iterators that were begun and have not ended, at both ends. */
  readonly open = new Set<string>();
  /** Notifications that were sent, by the line that sent them. */
  readonly notes: number[][] = [];
  #lastToken = 0;

  constructor(
    world: World,
    isTrue: boolean,
    limits: Limits,
    sentTo: (address: string) => number,
  ) {
    this.#world = world;
    this.#isTrue = isTrue;
    this.#limits = limits;
    this.#sentTo = sentTo;
  }

  /** A token that nobody else has. */
  token(): number {
    return ++this.#lastToken;
  }

  /** A call is made. */
  call(method: string, job: Job): Call {
    const call = {
      method,
      job,
      begun: this.#world.now,
      isTimed: false,
      looksAway: 0,
      executed: 0,
      handled: undefined,
      outcome: undefined,
      error: undefined,
      ended: Infinity,
    };
    this.calls.set(job.token, call);
    this.#world.note(`call ${job.token} ${method} ${JSON.stringify(job)}`);
    return call;
  }

  /** A handler begins with a call. */
  execute({ token }: Job, visit?: Visit): void {
    const call = this.calls.get(token);
    this.#world.note(`run ${token}`);
    if (call === undefined) this.#world.violate(`nobody made the call ${token}`);
    else if (++call.executed > 1) this.#world.violate(`the call ${token} ran twice`);
    if (visit === undefined) return;
    const { maxInFlight, maxStreams } = this.#limits;
    // Those that wait for their caller's answer have lent their places, and it is asked once what it knows.
    const lent = visit.asking + (visit.hasAsked ? 1 : 0);
    if (visit.calls - lent > maxInFlight) {
      this.#world.violate(`${visit.calls} calls run at once`);
    }
    if (visit.streams > maxStreams) this.#world.violate(`${visit.streams} streams are open`);
  }

  /** A handler has given an answer: what waits to be sent is limited. */
  produced(visit: Visit, bytes: number): void {
    const { maxOutboundBytes, maxResponseBytes } = this.#limits;
    if (!visit.isOpen || bytes + 2 > maxResponseBytes) return; // an error is sent instead
    visit.produced += bytes;
    const { address } = visit, waiting = visit.produced - this.#sentTo(address);
    if (waiting > maxOutboundBytes + maxResponseBytes + (1 << 16)) {
      this.#world.violate(`${waiting} bytes wait to be sent to ${address}`);
    }
  }

  /** A handler has ended. */
  handled({ token }: Job): void {
    const call = this.calls.get(token);
    if (call !== undefined) call.handled = this.#world.now;
  }

  /** The one outcome of a call. */
  end(call: Call, outcome: string, error?: unknown): void {
    const { token } = call.job;
    if (call.outcome !== undefined) {
      this.#world.violate(`the call ${token} has two outcomes, ${call.outcome} and ${outcome}`);
    }
    call.outcome = outcome;
    call.error = error;
    call.ended = this.#world.now;
    this.#world.note(`end ${token} ${outcome}${error === undefined ? "" : ` ${messageOf(error)}`}`);
  }

  /** An item came: none is lost, repeated, or somebody else's. */
  item(item: unknown, token: number, index: number): void {
    if (!this.#isTrue) return;
    const [whose, which] = item as Item;
    if (whose !== token || which !== index) {
      this.#world.violate(`item ${index} of ${token} is ${JSON.stringify(item)}`);
    }
  }

  /** An iterator of somebody's, who must be told of its end, once. */
  async *watched<T, R>(name: string, source: AsyncGenerator<T, R>): AsyncGenerator<T, R> {
    if (this.open.has(name)) this.#world.violate(`${name} was begun twice`);
    this.open.add(name);
    try {
      return yield* source;
    } finally {
      this.open.delete(name);
    }
  }
}

/** The name of an error, as the invariants speak of it. */
export function nameOf(error: unknown): string {
  if (error instanceof RpcError) return error.reason ?? String(error.code);
  if (error instanceof ConnectionLostError) return "lost";
  if (error instanceof DOMException) return error.name;
  return String(error);
}

/** For the trace: what the error says, and nothing of where it was made. */
function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
