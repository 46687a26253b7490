/**
 * What a connection keeps in memory, and what follows from it: reading pauses while the peer does not take
 * its answers, streams wait for room, and a connection that keeps too much is closed.
 *
 * @module
 */

import type { Limits } from "../limits.ts";
import type { LoadShedding } from "../overload/load_shedding.ts";
import type { FramedWriter, FramedWriterEvents } from "./framed_writer.ts";
import { CLOSED, LINGERING } from "./in_flight.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** Bytes that a connection may keep without being counted among those that keep many. */
const LIGHT = 1 << 12;

/** What all connections of a server have in common. */
export interface BackpressureOptions {
  readonly limits: Limits;
  readonly loadShedding: LoadShedding;
}

/** The bytes of one connection that wait, in both directions. */
export class Backpressure implements FramedWriterEvents {
  /** Queued bytes above which the writer is to tell: the lowest that anything here looks at. */
  readonly mark: number;
  readonly #options: BackpressureOptions;
  #writer!: FramedWriter;
  #lifecycle!: Lifecycle;
  /** Bytes of a message that has begun and not ended, as of the last read. */
  #held = 0;
  /** Whether this is among those that keep many. */
  #isHeavy = false;

  /** See {@linkcode bind}: the writer tells this, so that it has to be there first. */
  constructor(options: BackpressureOptions) {
    const { outboundHighWater, maxOutboundBytes } = options.limits;
    this.mark = Math.min(LIGHT, outboundHighWater, maxOutboundBytes);
    this.#options = options;
  }

  /** The writer and the life that it is about, before anything is written. */
  bind(writer: FramedWriter, lifecycle: Lifecycle): void {
    this.#writer = writer;
    this.#lifecycle = lifecycle;
  }

  /**
   * Whether so much waits to be sent that no more is to be read. Only while no answer is due to us: a peer
   * of the same kind that waits too would never end it.
   */
  get isFull(): boolean {
    const { phase, pendingCalls } = this.#lifecycle;
    return this.#writer.queuedBytes > this.#options.limits.outboundHighWater &&
      pendingCalls === 0 &&
      phase < LINGERING;
  }

  /**
   * A read was handled, and so many bytes of an unfinished message are kept of it.
   *
   * @returns whether reading has to pause: see {@linkcode isFull}
   */
  afterRead(held: number): boolean {
    this.#held = held;
    this.#weigh();
    return this.isFull;
  }

  onHigh(): void {
    this.#weigh();
    const { maxOutboundBytes } = this.#options.limits;
    if (this.#writer.queuedBytes <= maxOutboundBytes) return;
    this.#lifecycle.finish({ reason: `more than ${maxOutboundBytes} bytes wait to be sent` });
  }

  onRoom(): void {
    this.#weigh();
    this.#lifecycle.wake();
  }

  onGone(error: unknown): void {
    this.#lifecycle.finish({ reason: "the peer is gone", error });
  }

  /** A promise while more waits to be sent than should. */
  room(): Promise<void> | undefined {
    const { queuedBytes } = this.#writer;
    if (
      queuedBytes <= this.#options.limits.outboundHighWater || this.#lifecycle.phase >= LINGERING
    ) {
      return undefined;
    }
    return this.#lifecycle.change().then(() => this.room());
  }

  /** Lets go of the bytes, and of the peer: the server keeps too many, and this keeps the most. */
  evict(): void {
    this.#lifecycle.finish({
      reason: "it kept more bytes waiting than any other when there were too many",
    });
  }

  /** The connection has ended: it keeps nothing any more. */
  release(): void {
    if (this.#isHeavy) this.#options.loadShedding.hold(this, 0);
  }

  /** Tells how many bytes are kept, if they are many or were. */
  #weigh(): void {
    const bytes = this.#held + this.#writer.queuedBytes, isHeavy = bytes > LIGHT;
    if (!isHeavy && !this.#isHeavy || this.#lifecycle.phase === CLOSED) return;
    this.#isHeavy = isHeavy;
    this.#options.loadShedding.hold(this, isHeavy ? bytes : 0);
  }
}
