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
import { type FramingName, FRAMINGS } from "../lib/framing/mod.ts";
import { DEFAULT_LIMITS } from "../lib/limits.ts";
import type { Duplex } from "../lib/writer.ts";
import { Histogram } from "./histogram.ts";
import { AnswerReader, LoadCalls } from "./load_calls.ts";

/** An answer may be this long. */
const MAX_ANSWER_BYTES = 1 << 26;

/** Timers of the system are late by up to this many milliseconds: what is due sooner is waited for. */
const TIMER_SLACK = 4;

/** Kinds of errors that are told apart; a server may invent as many as it likes. */
const MAX_KINDS = 20;

/** What to send, and how. */
export interface LoadOptions {
  readonly method: string;
  /** Params as they travel; undefined for none. */
  readonly params: unknown;
  readonly framing: FramingName;
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
export class Load {
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
  #turn = 0;
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
    this.fail(kind, due);
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
      while (tries < pipes.length && pipes[this.#turn % pipes.length]!.room === 0) {
        this.#turn++;
        tries++;
      }
      if (tries === pipes.length) break; // an answer will make room, and bring us here again
      pipes[this.#turn++ % pipes.length]!.make(1, due);
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

/** One connection. */
class Pipe {
  readonly #load: Load;
  readonly #socket: Duplex;
  readonly #framing: FramingName;
  readonly #calls: LoadCalls;
  readonly #answers: AnswerReader;
  readonly #depth: number;
  /** By slot, when the call was due that has no answer yet; negative where there is none. */
  readonly #due: Float64Array;
  /** The slot to use next, and the first of those that are to be sent. */
  #next = 0;
  #unsent = 0;
  #isSending = false;
  #isOpen = true;
  #isClosing = false;
  /** Calls without an answer. */
  underWay = 0;

  constructor(
    load: Load,
    socket: Duplex,
    framing: FramingName,
    calls: LoadCalls,
    depth: number,
    answers: AnswerReader,
  ) {
    this.#load = load;
    this.#socket = socket;
    this.#framing = framing;
    this.#calls = calls;
    this.#depth = depth;
    this.#answers = answers;
    this.#due = new Float64Array(calls.count).fill(-1);
  }

  /** How many calls more it takes. */
  get room(): number {
    return this.#isOpen ? this.#depth - this.underWay : 0;
  }

  /** Takes calls that are due; {@linkcode send} sends them. */
  make(calls: number, due: number): void {
    const { count } = this.#calls;
    for (; calls > 0; calls--) {
      // One that was passed over by later answers still holds its slot: what is before it goes first.
      while (this.#due[this.#next]! >= 0) {
        this.send();
        this.#unsent = this.#next = (this.#next + 1) % count;
      }
      this.#due[this.#next] = due;
      this.#next++;
      this.underWay++;
      if (this.#next === count) {
        this.send();
        this.#unsent = this.#next = 0;
      }
    }
  }

  /** Sends what was made. Not awaited by the reading: the server may wait for us to read. */
  send(): void {
    if (this.#unsent === this.#next) return;
    this.#queue.push(this.#calls.bytes(this.#unsent, this.#next));
    this.#unsent = this.#next;
    if (!this.#isSending) this.#write();
  }

  readonly #queue: Uint8Array[] = [];

  async #write(): Promise<void> {
    this.#isSending = true;
    try {
      while (this.#queue.length > 0 && this.#isOpen) {
        let bytes = this.#queue.shift()!;
        while (bytes.length > 0) bytes = bytes.subarray(await this.#socket.write(bytes));
      }
    } catch {
      // the reading sees the end too
    }
    this.#isSending = false;
  }

  /** Reads answers to the end. */
  async read(): Promise<void> {
    const limits = { ...DEFAULT_LIMITS, maxMessageBytes: MAX_ANSWER_BYTES };
    const decoder = FRAMINGS[this.#framing].decoder(limits);
    let buffer = new Uint8Array(1 << 16);
    try {
      for (let count; (count = await this.#socket.read(buffer)) !== null;) {
        const now = performance.now();
        decoder.push(buffer.subarray(0, count));
        const before = this.underWay;
        for (let frame; (frame = decoder.next()) !== undefined;) {
          if (typeof frame === "string") this.#take(frame, now);
          else {
            this.#load.stray(`no frame: ${frame.reason}`);
            if (frame.fatal) throw new Error(frame.reason);
          }
        }
        if (count === buffer.length && count < 1 << 18) buffer = new Uint8Array(2 * count);
        if (before > this.underWay) this.#load.refill(this, before - this.underWay, now);
        if (this.underWay === 0 && this.#load.isOver(now)) break;
      }
    } catch {
      // as an end
    }
    if (!this.#isClosing) this.giveUp("connection lost");
    await this.close();
  }

  #take(frame: string, now: number): void {
    const verdict = this.#answers.read(frame);
    if (verdict.kind === "message") return;
    const due = verdict.kind === "stray" ? undefined : this.#due[verdict.slot];
    if (verdict.kind === "stray") this.#load.stray(verdict.why);
    else if (due === undefined || due < 0) {
      this.#load.stray("an answer that nobody waits for");
    } else {
      this.#due[verdict.slot] = -1;
      this.underWay--;
      if (verdict.kind === "result") this.#load.succeed(due, now);
      else this.#load.fail(verdict.why, due);
    }
  }

  /** Counts what has no answer as failed. */
  giveUp(why: string): void {
    const now = performance.now();
    for (const [slot, due] of this.#due.entries()) {
      if (due < 0) continue;
      this.#due[slot] = -1;
      this.#load.giveUp(why, due, now);
    }
    this.underWay = 0;
  }

  /** Hangs up. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      await this.#socket.close();
    } catch {
      // it is gone
    }
  }
}
