/**
 * The reading end of a connection: bytes, frames, messages, one after another, and no more of them than
 * are handled.
 *
 * @module
 */

import {
  type BadFrame,
  type Decoder,
  DetectingDecoder,
  type Framing,
  type FramingLimits,
  FRAMINGS,
} from "../framing/mod.ts";
import type { FairQueue } from "../overload/fair_queue.ts";
import type { Limits } from "../limits.ts";
import { isUnparsable, parseMessage } from "../message/parse.ts";
import type { Message } from "../message/message.ts";
import { ReadBuffer } from "./read_buffer.ts";
import { inOrder } from "../message/in_order.ts";
import type { Timers } from "../timers.ts";
import type { TimeSlice } from "../overload/time_slice.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { Duplex } from "../transport/socket.ts";

const NOTHING: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** Bytes of a read beyond which no more is read before its calls have begun: they lie in memory. */
const AHEAD = 1 << 12;

/**
 * Reads of so few bytes, in a row and within one message, after which it is waited for more: each costs
 * microseconds, and a message of 1 MB may come in a hundred thousand of them.
 */
const CRUMBS = 32;
const CRUMB = 1 << 8;

/** Milliseconds for which it is waited. */
const GATHER = 8;

/**
 * Messages of one read after which it is looked whether others have waited for long, and milliseconds that
 * a read may take in any case: to be cut in two leaves two groups of calls, which come apart from then on.
 */
const LOOK = 16;
const SHORT = 2;

/** What reading needs of its connection. */
export interface FramedReaderHost {
  readonly limits: Limits;
  readonly timers: Timers;
  /** Calls that wait for the processor; ours do in the name of `requests`. */
  readonly fairQueue: FairQueue | undefined;
  readonly requests: object;
  /** Whether nothing more is handled: what still comes is read and forgotten. */
  readonly isEnding: boolean;
  /** Whether so much waits to be sent that no more is read. */
  readonly isFull: boolean;
  /** Resolves when something changes that somebody may have waited for. */
  change(): Promise<void>;
  /** Resolves after so many milliseconds, or when something changes. */
  pause(ms: number): Promise<void>;
  /** So many bytes came, by the clock of the timers. */
  onBytes(count: number, now: number): void;
  /** What they held was handled. */
  onHandled(): void;
  /** The peer's framing is known now. */
  onFraming(framing: Framing): void;
  /** A message came; the promise is back-pressure: the next is handled after it. */
  onMessage(message: Message, text: string): Promise<void> | undefined;
  /** Bytes came that are no message. */
  onFault(fault: BadFrame): undefined;
  /** The peer sends no more. */
  onInputEnd(): void;
  /** Nothing can be read any more. */
  onLost(error: unknown): void;
}

/** Reads what a peer sends. */
export class FramedReader {
  readonly #duplex: Duplex;
  readonly #host: FramedReaderHost;
  readonly #timeSlice: TimeSlice | undefined;
  #decoder: Decoder;
  /** Messages of the last read that were handled without waiting. */
  #handled = 0;
  /** Crumbs in a row since it was waited, and how many it takes to wait for more. */
  #crumbs = 0;
  #maxCrumbs = CRUMBS;
  /** When the first byte of an unfinished message came; undefined between messages. */
  messageSince: number | undefined;

  /**
   * @param limits may be raised while it reads
   * @param framing without it the peer's first bytes decide
   * @param turns whose turns the work is done in
   */
  constructor(
    duplex: Duplex,
    host: FramedReaderHost,
    limits: FramingLimits,
    framing?: Framing,
    timeSlice?: TimeSlice,
  ) {
    this.#duplex = duplex;
    this.#host = host;
    this.#timeSlice = timeSlice;
    this.#decoder = framing?.decoder(limits) ??
      new DetectingDecoder(FRAMINGS, limits, (framing, decoder) => {
        this.#decoder = decoder;
        host.onFraming(framing);
      });
  }

  /** Bytes that are kept of a message that has not ended. */
  get held(): number {
    return this.#decoder.held;
  }

  /** Reads until the peer sends no more, or the connection is lost. Never rejects. */
  async run(pool: BufferPool): Promise<void> {
    const host = this.#host, buffer = new ReadBuffer(pool);
    try {
      for (;;) {
        const { space } = buffer, count = await this.#duplex.read(space);
        if (count === null) break;
        if (host.isEnding) continue;
        const now = host.timers.now();
        host.onBytes(count, now);
        this.#decoder.push(count === space.length ? space : space.subarray(0, count));
        const wait = this.#next(now);
        if (wait !== undefined) await wait;
        else host.fairQueue?.note(this.#handled, host.timers.now() - now);
        this.#decoder.push(NOTHING); // lets go of the buffer
        host.onHandled();
        if (host.isFull) await this.#drained();
        if (count > AHEAD && host.fairQueue?.holds(host.requests)) {
          await host.fairQueue.enter(host.requests);
        }
        const pause = this.#timeSlice?.yieldWhenOver(now);
        if (pause !== undefined) await pause;
        if (this.#isCrumbling(count, space.length)) await host.pause(GATHER);
        buffer.adapt(count);
      }
      host.onInputEnd();
    } catch (error) {
      host.onLost(error);
    }
    buffer.release();
  }

  /** Whether the peer cuts its message so small, and so fast, that waiting brings more of it at once. */
  #isCrumbling(count: number, room: number): boolean {
    if (this.messageSince === undefined || count > CRUMB || count === room) {
      this.#crumbs = 0;
      this.#maxCrumbs = CRUMBS;
      return false;
    }
    if (++this.#crumbs < this.#maxCrumbs) return false;
    // Where the next is a crumb all the same, twice as many may come before it is tried again.
    this.#crumbs = 0;
    this.#maxCrumbs *= 2;
    return true;
  }

  /** Handles what arrived, frame after frame; it began at this time to do so. */
  #next(begun: number): Promise<void> | undefined {
    const host = this.#host, decoder = this.#decoder, before = this.messageSince;
    this.messageSince = undefined;
    let count = 0;
    for (let frame; !host.isEnding && (frame = decoder.next()) !== undefined;) {
      const wait = (typeof frame === "string" ? this.#text(frame) : host.onFault(frame)) ??
        (++count % LOOK === 0 ? this.#turnAfter(begun) : undefined);
      if (wait !== undefined) return wait.then(() => this.#next(host.timers.now()));
    }
    this.#handled = count;
    if (decoder.midway) {
      this.messageSince = count > 0 || before === undefined ? host.timers.now() : before;
    }
    return undefined;
  }

  #turnAfter(begun: number): Promise<void> | undefined {
    const now = this.#host.timers.now();
    return now - begun > SHORT ? this.#timeSlice?.yieldWhenOver(now) : undefined;
  }

  #text(text: string): Promise<void> | undefined {
    const host = this.#host, decoder = this.#decoder, message = parseMessage(text, host.limits);
    if (decoder.split === undefined || !isUnparsable(message)) return host.onMessage(message, text);
    const frames = decoder.split(text);
    if (frames.length < 2) return host.onMessage(message, text);
    return inOrder(
      frames,
      (frame) =>
        typeof frame === "string"
          ? host.onMessage(parseMessage(frame, host.limits), frame)
          : host.onFault(frame),
    );
  }

  /** Waits for room. The time of a message does not run while it is us who do not read it. */
  async #drained(): Promise<void> {
    const host = this.#host, since = this.messageSince, begun = host.timers.now();
    this.messageSince = undefined;
    do await host.change(); while (host.isFull);
    if (since !== undefined) this.messageSince = since + host.timers.now() - begun;
  }
}
