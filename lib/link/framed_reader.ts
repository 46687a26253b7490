/**
 * The reading end of a connection: bytes, frames, messages, one after another, and no more of them than
 * are handled.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import { EMPTY } from "../framing/byte_queue.ts";
import {
  type BadFrame,
  type ControlFrame,
  type Decoder,
  DetectingDecoder,
  type Framing,
  type FramingLimits,
  FRAMINGS,
  ServerDecoder,
} from "../framing/mod.ts";
import type { Limits } from "../limits.ts";
import type { Message } from "../message/message.ts";
import type { ParseJson } from "../message/exact_numbers.ts";
import { isUnparsable, parseMessage, tooHeavy } from "../message/parse.ts";
import { HEAVIEST, measure } from "../message/weight.ts";
import type { FairQueue } from "../overload/fair_queue.ts";
import type { LoadShedding } from "../overload/load_shedding.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import type { TimeSlice } from "../overload/time_slice.ts";
import type { Timer, Timers } from "../timers.ts";
import type { Duplex } from "../transport/socket.ts";
import type { Backpressure } from "./backpressure.ts";
import { Crumbs, GATHER } from "./crumbs.ts";
import { LINGERING } from "./in_flight.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { ReadBuffer } from "./read_buffer.ts";
import { rest, restOffDebt } from "./rest.ts";

/** Bytes of a read beyond which no more is read before its calls have begun: they lie in memory. */
const AHEAD = 1 << 12;

/** Bytes of a read that may take so long to handle that it waits for a slice of its own. */
export const LARGE = 1 << 15;

/**
 * Messages of one read after which it is looked whether others have waited for long, and milliseconds that
 * a read may take in any case: to be cut in two leaves two groups of calls, which come apart from then on.
 */
export const LOOK = 16;
export const SHORT = 2;

/**
 * How many times `maxMessageBytes` a message may take once it is parsed: what people send takes two to five
 * times its length, 1 MiB of `{}` takes 25 and ten times as long as other messages.
 */
const DENSE = 8;

/** Why a connection ends whose peer has sent a broken text, and never a line feed. */
const LOST = "what follows a broken text cannot be found without a line feed";

/** Decodes for a reader while another reads: nothing comes. */
const NOTHING: Decoder = { push() {}, next: () => undefined, held: 0, midway: false };

/** What all readers of a server have in common. */
export interface FramedReaderOptions {
  readonly timers: Pick<Timers, "now" | "after">;
  readonly limits: Limits;
  /** Makes values of JSON. @default {JSON.parse} */
  readonly parseJson?: ParseJson;
  /** The time slice that connections share; without one the runtime alone decides. */
  readonly timeSlice?: TimeSlice;
  /** Where calls wait for the processor, in the name of the lifecycle; without it none does. */
  readonly fairQueue?: FairQueue;
  /** What bounds the memory that a message takes once it is parsed. */
  readonly loadShedding?: Pick<LoadShedding, "maxParsedBytes">;
}

/** The connection's life: nothing is handled once it lingers. */
export type ReadLifecycle = Pick<
  Lifecycle,
  "phase" | "lastActive" | "change" | "pause" | "endInput" | "linger" | "lose" | "report"
>;

/**
 * Takes what came: a message with its text, or bytes that are none. The promise is back-pressure: the next
 * is handled after it.
 */
export type OnFrame = (
  frame: Message | BadFrame | ControlFrame,
  text: string,
) => Promise<void> | undefined;

/** Reads what a peer sends. */
export class FramedReader {
  readonly #duplex: Duplex;
  readonly #options: FramedReaderOptions;
  readonly #lifecycle: ReadLifecycle;
  readonly #backpressure: Pick<Backpressure, "mustPause" | "beforeRead" | "afterRead">;
  #allowance: Allowance | undefined;
  readonly #onFrame: OnFrame;
  #decoder: Decoder;
  /**
   * Messages of the last read that were handled without waiting; and whether a long one was among them: to
   * read such calls ahead of being run would keep what they are parsed to, and parsing them takes longest.
   */
  #handled = 0;
  #hasLong = false;
  readonly #crumbs = new Crumbs();
  /** Bytes that were read, by this one and by others in its place. */
  receivedBytes = 0;
  #buffer: ReadBuffer | undefined;
  /** Whether another reads. */
  #hasLeft = false;
  /** Runs while nothing has come behind which reading could go on. */
  #lost: Timer | undefined;
  /** When the first byte of an unfinished message came; undefined between messages. */
  messageSince: number | undefined;
  /** Since when nothing is read because what was read has to be handled first; undefined while it is. */
  pausedSince: number | undefined;

  /**
   * @param framing without it the peer's first bytes decide
   * @param framingLimits may be raised while it reads
   * @param allowance how fast the peer may send; without it as fast as it can
   * @param onFraming told once which framing the peer has chosen, if none was given
   * @param isServer whether the peer may be a server of another protocol, which its first bytes tell
   */
  constructor(
    duplex: Duplex,
    options: FramedReaderOptions,
    lifecycle: ReadLifecycle,
    backpressure: Pick<Backpressure, "mustPause" | "beforeRead" | "afterRead">,
    framing: Framing | undefined,
    framingLimits: FramingLimits,
    allowance: Allowance | undefined,
    onFrame: OnFrame,
    onFraming: (framing: Framing) => void,
    isServer = false,
  ) {
    this.#duplex = duplex;
    this.#options = options;
    this.#lifecycle = lifecycle;
    this.#backpressure = backpressure;
    this.#allowance = allowance;
    this.#onFrame = onFrame;
    const found = (framing: Framing, decoder: Decoder) => {
      this.#decoder = decoder;
      onFraming(framing);
    };
    if (framing === undefined) {
      this.#decoder = new DetectingDecoder(FRAMINGS, framingLimits, found, true);
    } else if (isServer && Object.hasOwn(FRAMINGS, framing.name)) {
      this.#decoder = new ServerDecoder(framing, framingLimits, found);
    } else this.#decoder = framing.decoder(framingLimits, true);
  }

  /**
   * Reads until the peer sends no more, the connection is lost, or another reads in its place. Never rejects.
   *
   * @param buffer where it reads to
   */
  async run(buffer: ReadBuffer): Promise<void> {
    const { timers, timeSlice, fairQueue } = this.#options, lifecycle = this.#lifecycle;
    this.#buffer = buffer;
    try {
      const first = this.#next(timers.now()); // what another has read, if one has
      if (first !== undefined) await first;
      for (;;) {
        const { space } = buffer, count = await this.#duplex.read(space);
        if (count === null) break;
        let now = timers.now();
        if (lifecycle.phase >= LINGERING) { // what still comes is read and forgotten
          const pause = timeSlice?.yieldWhenOver(now);
          if (pause !== undefined) await pause;
          continue;
        }
        // What many have sent at once is handled by slices, too. Small messages do not wait for large ones.
        while (count > LARGE && timeSlice?.isOver(now)) {
          await timeSlice.yield();
          now = timers.now();
        }
        lifecycle.lastActive = now;
        this.receivedBytes += count;
        this.#allowance?.receive(count, now);
        if (this.messageSince !== undefined) this.#backpressure.beforeRead();
        this.#decoder.push(count === space.length ? space : space.subarray(0, count));
        const wait = this.#next(now);
        if (this.#decoder.isLost && this.#lost === undefined) this.#expectBoundary();
        if (wait !== undefined) {
          this.pausedSince = now;
          await wait;
          this.pausedSince = undefined;
          if (this.#hasLeft) return;
        } else if (!this.#hasLong) fairQueue?.note(lifecycle, this.#handled, timers.now() - now);
        this.#hasLong = false;
        this.#decoder.push(EMPTY); // lets go of the buffer
        if (this.#backpressure.afterRead(this.#decoder.held)) await this.#drained();
        if (count > AHEAD && fairQueue?.holds(lifecycle)) await fairQueue.enter(lifecycle);
        if (this.#allowance !== undefined) {
          const rested = restOffDebt(this, timers, lifecycle, this.#allowance);
          if (rested !== undefined) await rested;
        }
        const pause = timeSlice?.yieldWhenOver(now);
        if (pause !== undefined) await pause;
        const isMidway = this.messageSince !== undefined;
        if (this.#crumbs.add(count, isMidway, space.length)) await lifecycle.pause(GATHER);
        buffer.adapt(count);
      }
      const last = lifecycle.phase < LINGERING ? this.#finish() : undefined;
      if (last !== undefined) await last;
      this.messageSince = undefined;
      lifecycle.endInput(this.#decoder instanceof ServerDecoder);
    } catch (error) {
      lifecycle.lose(error);
    }
    this.#lost?.cancel();
    buffer.end();
  }

  /** Nothing more comes of the message that has begun: handles what there is, and that it is cut off. */
  #finish(): Promise<void> | undefined {
    this.#decoder.end?.();
    return this.#next(this.#options.timers.now());
  }

  /**
   * The message that has begun has had its time: tells the peer that it is unfinished, if the framing can
   * tell.
   *
   * @returns whether it did
   */
  giveUp(): boolean {
    this.#handled = 0;
    return this.#finish() !== undefined || this.#handled > 0;
  }

  /** Ends the connection unless something comes soon behind which reading can go on. */
  #expectBoundary(): void {
    const { timers, limits } = this.#options;
    this.#lost = timers.after(limits.lingerTimeout, () => {
      this.#lost = undefined;
      if (!this.#decoder.isLost) return;
      this.giveUp();
      this.#lifecycle.linger(LOST);
    });
  }

  /** Reads no more, once what is handled has been: another does, with this buffer. */
  leave(): ReadBuffer {
    this.#hasLeft = true;
    this.#decoder = NOTHING;
    return this.#buffer!;
  }

  /**
   * Reads again, in another framing; what is behind its first bytes has been read.
   *
   * @param allowance how fast the peer may send: it may have turned out to be another
   */
  continueIn(
    framing: Framing,
    limits: FramingLimits,
    allowance: Allowance | undefined,
    first: Uint8Array,
    buffer: ReadBuffer,
  ): void {
    this.#allowance = allowance;
    this.#hasLeft = false;
    this.#decoder = framing.decoder(limits, true);
    this.#decoder.push(first);
    this.run(buffer);
  }

  /** Handles what arrived, frame after frame; it began at this time to do so. */
  #next(begun: number): Promise<void> | undefined {
    const { timers } = this.#options, lifecycle = this.#lifecycle;
    const decoder = this.#decoder, before = this.messageSince;
    this.messageSince = undefined;
    let count = 0, pings = 0;
    for (let frame; lifecycle.phase < LINGERING && (frame = decoder.next()) !== undefined;) {
      if (typeof frame !== "string" && frame.kind === "ping") pings++;
      const wait = (typeof frame === "string" ? this.#text(frame) : this.#onFrame(frame, "")) ??
        (++count % LOOK === 0 ? this.#yieldAfter(begun) : undefined);
      if (wait === undefined) continue;
      if (count === pings) this.messageSince = before;
      return wait.then(() => this.#next(timers.now()));
    }
    this.#handled = count;
    if (decoder.midway) {
      // A ping may stand within a message: it does not give that more time.
      this.messageSince = count > pings || before === undefined ? timers.now() : before;
    }
    return undefined;
  }

  #yieldAfter(begun: number): Promise<void> | undefined {
    const { timers, timeSlice } = this.#options, now = timers.now();
    return now - begun > SHORT ? timeSlice?.yieldWhenOver(now) : undefined;
  }

  #text(text: string): Promise<void> | undefined {
    const message = this.parse(text);
    return message && this.#onFrame(message, text);
  }

  /** The message; undefined for a line that is no whole text, or may be several: the next frames are. */
  parse(text: string): Message | undefined {
    const { limits, parseJson } = this.#options, decoder = this.#decoder;
    try {
      let message: Message | undefined;
      if (text.length <= LARGE) message = parseMessage(text, limits, parseJson);
      else {
        this.#hasLong = true;
        message = this.#parseLong(text);
      }
      const isBroken = message?.kind === "invalid" && isUnparsable(message);
      return isBroken && decoder.reject?.() ? undefined : message;
    } catch (error) {
      // It is said to throw nothing; where it does, one message has failed and not the connection.
      this.#lifecycle.report(error);
      const failure = new RpcError("INTERNAL_ERROR", "Internal error");
      return { kind: "invalid", version: "2.0", id: "null", isCall: false, error: failure };
    }
  }

  #parseLong(text: string): Message | undefined {
    const { limits, loadShedding, parseJson } = this.#options;
    const max = Math.min(DENSE * limits.maxMessageBytes, loadShedding?.maxParsedBytes ?? Infinity);
    if (text.length * HEAVIEST <= max) return parseMessage(text, limits, parseJson);
    const { weight, depth } = measure(text, max);
    if (weight > max && depth <= limits.maxDepth) {
      return this.#decoder.reject?.() ? undefined : tooHeavy(text, max);
    }
    const message = parseMessage(text, limits, parseJson, depth);
    return message.kind === "invalid" || message.kind === "response"
      ? message
      : { ...message, weight };
  }

  /** Waits for room. */
  #drained(): Promise<void> {
    return rest(this, this.#options.timers, async () => {
      do await this.#lifecycle.change(); while (this.#backpressure.mustPause);
    });
  }
}
