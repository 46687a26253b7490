/**
 * A load generator: many calls of one method, and how long each took.
 *
 * It costs little: requests are encoded before the run, as many as are due go out in one write, and
 * answers are not parsed where they look like those before; but the id of every answer, and whether it
 * is an error, is looked at.
 *
 * Closed loop: each connection keeps `depth` calls under way. A call is due when the answer that makes
 * room for it has been read, and its latency runs from then.
 *
 * Open loop: calls are due at a rate, whatever the server does. The latency runs from when a call was
 * due, and not from when it could be sent: a server that stalls is charged for all calls that it kept
 * waiting, so that there is no coordinated omission.
 *
 * @module
 */

import { clearImmediate, setImmediate } from "node:timers";
import type { Duplex } from "../../lib/client.ts";
import type { Framing } from "../../lib/wire.ts";
import { Histogram } from "./histogram.ts";
import { AnswerReader, LoadCalls } from "./load_calls.ts";
import { Pipe, type PipeEvents } from "./load_connection.ts";

/** Timers of the system are late by up to this many milliseconds: what is due sooner is waited for. */
const TIMER_SLACK = 4;

/** Kinds of errors that are told apart; a server may invent as many as it likes. */
const MAX_KINDS = 20;

/** What to send, and how. */
export interface LoadOptions {
  readonly method: string;
  /** Params as they travel; undefined for none. */
  readonly params: unknown;
  readonly framing: Framing;
  /** Connections, in use by nobody else; the load closes them. */
  readonly sockets: readonly Duplex[];
  /** Calls under way on each connection: always in a closed loop, at most in an open one. */
  readonly depth: number;
  /** Calls a second over all connections: an open loop. Undefined for a closed one. */
  readonly rate: number | undefined;
  /** Seconds before the measuring begins, and seconds of measuring. */
  readonly warmUp: number;
  readonly seconds: number;
  /** Milliseconds to wait for the last answers. @default {5000} */
  readonly patience?: number;
  /** Ends the run before its time. */
  readonly signal?: AbortSignal;
  /** Whether a result is right. Not every result is looked at. @default all are */
  readonly expected?: (result: unknown) => boolean;
}

/** What was found. */
export interface LoadReport {
  /** Milliseconds from when each call was due to its result, or until it was given up. */
  readonly latencies: Histogram;
  /** Seconds that were measured: fewer than asked for where the run was ended. */
  readonly seconds: number;
  /** Results that came while it was measured, and errors of all kinds. */
  readonly results: number;
  readonly failures: number;
  /** How many there were of each kind of error. */
  readonly kinds: ReadonlyMap<string, number>;
}

/** A run. Its members may be looked at while it lasts. */
export class Load implements PipeEvents {
  readonly latencies: Histogram = new Histogram();
  readonly kinds: Map<string, number> = new Map();
  results = 0;
  failures = 0;
  /** When measuring begins and ends, as `performance.now()` tells. */
  readonly start: number;
  end: number;
  readonly #options: LoadOptions;
  readonly #calls: LoadCalls;
  readonly #pipes: Pipe[];
  /** When the first call of an open loop was due, how many have been sent, and who is next. */
  readonly #begun: number;
  #sent = 0;
  #next = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  #finish: () => void = () => {};

  /**
   * Begins.
   *
   * @throws {RangeError} where the calls would take too much memory
   */
  constructor(options: LoadOptions) {
    const { method, params, framing, depth, sockets, warmUp, seconds, expected } = options;
    this.#options = options;
    this.#calls = new LoadCalls(framing, method, params, depth);
    this.#begun = performance.now();
    this.start = this.#begun + warmUp * 1000;
    this.end = this.start + seconds * 1000;
    this.#pipes = sockets.map((socket) =>
      new Pipe(this, socket, framing, this.#calls, depth, new AnswerReader(expected))
    );
  }

  /** Calls until the time is over, then waits for the last answers. */
  async run(): Promise<LoadReport> {
    const { signal, rate, patience = 5000 } = this.#options;
    const ended = Promise.withResolvers<void>();
    this.#finish = ended.resolve;
    const stop = () => {
      this.end = Math.min(this.end, performance.now());
      ended.resolve();
    };
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop);
    const timer = setTimeout(ended.resolve, this.end + patience - performance.now());
    const reading = this.#pipes.map((pipe) => pipe.read());
    if (rate === undefined) {
      for (const pipe of this.#pipes) pipe.make(this.#options.depth, this.#begun);
      for (const pipe of this.#pipes) pipe.send();
    } else this.#pump();
    await Promise.race([ended.promise, Promise.all(reading)]);
    clearTimeout(timer);
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    signal?.removeEventListener("abort", stop);
    const now = performance.now();
    if (!signal?.aborted) {
      for (const pipe of this.#pipes) pipe.giveUp("no answer");
      if (rate !== undefined) {
        // Those that were due and found no room are late by at least this much.
        for (; this.#dueAt(this.#sent, rate) < this.end; this.#sent++) {
          const due = this.#dueAt(this.#sent, rate);
          this.giveUp("not sent in time", due, now);
        }
      }
    }
    await Promise.all(this.#pipes.map((pipe) => pipe.close()));
    await Promise.all(reading);
    const { latencies, results, failures, kinds, start, end } = this;
    return {
      latencies,
      // Sums of times are not exact to the last digit.
      seconds: Math.round(Math.max(0, Math.min(end, now) - start)) / 1000,
      results,
      failures,
      kinds,
    };
  }

  /** Counts a result, to a call that was due then. */
  succeed(due: number, now: number): void {
    if (now >= this.start && now < this.end) this.results++;
    if (due >= this.start && due < this.end) this.latencies.add(now - due);
  }

  /** Counts what went wrong with a call that was due then. */
  fail(kind: string, due: number): void {
    if (due >= this.start && due < this.end) this.#count(kind);
  }

  /** Counts what came and is the answer to no call. */
  stray(kind: string): void {
    if (performance.now() >= this.start) this.#count(kind);
  }

  #count(kind: string): void {
    this.failures++;
    const known = this.kinds.has(kind) || this.kinds.size < MAX_KINDS ? kind : "others";
    this.kinds.set(known, (this.kinds.get(known) ?? 0) + 1);
  }

  /** Counts a call that nobody waits for any more: it took at least until now. */
  giveUp(kind: string, due: number, now: number): void {
    if (due >= this.start && due < this.end) this.latencies.add(now - due);
    this.#count(kind); // when it was due is no matter: whoever is left without an answer wants to know
  }

  /** A connection has room for more calls. */
  refill(pipe: Pipe, room: number, now: number): void {
    if (this.#options.rate !== undefined) return this.#pump();
    if (now >= this.end) return;
    pipe.make(room, now);
    pipe.send();
  }

  /** All that was sent has been answered; whether that is the end. */
  isOver(now: number): boolean {
    const { rate } = this.#options;
    return now >= this.end && (rate === undefined || this.#dueAt(this.#sent, rate) >= this.end);
  }

  #dueAt(call: number, rate: number): number {
    return this.#begun + call * 1000 / rate;
  }

  /** Sends what is due, and comes again when the next is. */
  #pump(): void {
    const rate = this.#options.rate!, pipes = this.#pipes;
    const now = performance.now();
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    let due;
    while ((due = this.#dueAt(this.#sent, rate)) <= now && due < this.end) {
      let tries = 0;
      while (tries < pipes.length && pipes[this.#next % pipes.length]!.room === 0) {
        this.#next++;
        tries++;
      }
      if (tries === pipes.length) break; // an answer will make room, and bring us here again
      pipes[this.#next++ % pipes.length]!.make(1, due);
      this.#sent++;
    }
    for (const pipe of pipes) pipe.send();
    if (due >= this.end) {
      if (pipes.every((pipe) => pipe.underWay === 0)) this.#finish();
      return;
    }
    const wait = due - performance.now();
    if (wait > TIMER_SLACK) this.#timer = setTimeout(() => this.#pump(), wait - TIMER_SLACK);
    else if (due > now) this.#immediate = setImmediate(() => this.#pump());
  }
}
