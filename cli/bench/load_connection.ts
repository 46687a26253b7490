/**
 * One connection of a load: sends what is due, and tells what became of it.
 *
 * @module
 */

import type { Duplex } from "../../lib/client.ts";
import { type Decoder, DEFAULT_LIMITS, type Framing } from "../../lib/wire.ts";
import type { AnswerReader, LoadCalls } from "./load_calls.ts";

/** An answer may be this long. */
const MAX_ANSWER_BYTES = 1 << 26;

/** What a {@linkcode Pipe} tells its load; times are those of `performance.now()`. */
export interface PipeEvents {
  /** A call that was due then has its result. */
  succeed(due: number, now: number): void;
  /** It failed. */
  fail(kind: string, due: number): void;
  /** Nobody waits for it any more. */
  giveUp(kind: string, due: number, now: number): void;
  /** What came is the answer to no call. */
  stray(kind: string): void;
  /** There is room for more calls. */
  refill(pipe: Pipe, room: number, now: number): void;
  /** All that was sent has been answered: whether that is the end. */
  isOver(now: number): boolean;
}

/** One connection. */
export class Pipe {
  readonly #load: PipeEvents;
  readonly #socket: Duplex;
  readonly #framing: Framing;
  readonly #calls: LoadCalls;
  readonly #answers: AnswerReader;
  readonly #depth: number;
  /** By slot, when the call was due that has no answer yet; negative where there is none. */
  readonly #due: Float64Array;
  /** The slot to use next, and the first of those that are to be sent. */
  #next = 0;
  #unsent = 0;
  readonly #queue: Uint8Array[] = [];
  #isSending = false;
  #isOpen = true;
  #isClosing = false;
  /** Calls without an answer. */
  underWay = 0;

  constructor(
    load: PipeEvents,
    socket: Duplex,
    framing: Framing,
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
    // Lines are taken as they come: what is no answer is looked at once more.
    const decoder = this.#framing.decoder(limits, true);
    let buffer = new Uint8Array(1 << 16);
    try {
      for (let count; (count = await this.#socket.read(buffer)) !== null;) {
        const now = performance.now();
        decoder.push(buffer.subarray(0, count));
        const before = this.underWay;
        for (let frame; (frame = decoder.next()) !== undefined;) {
          if (typeof frame === "string") this.#take(frame, now, decoder);
          else {
            this.#load.stray(frame.fatal ? `no frame: ${frame.reason}` : "not JSON");
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

  #take(frame: string, now: number, decoder: Decoder): void {
    const verdict = this.#answers.read(frame);
    if (verdict.kind === "message" || verdict.kind === "stray" && decoder.reject?.()) return;
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
