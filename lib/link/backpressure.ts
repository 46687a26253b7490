/**
 * What waits to be sent to a peer, and what follows from it: answers and items wait for room, one at a
 * time, before they are written as text; reading pauses; and a peer that is told more than it takes is let
 * go of.
 *
 * @module
 */

import type { Limits } from "../limits.ts";
import type { Account } from "../overload/ledger.ts";
import type { TimeSlice } from "../overload/time_slice.ts";
import type { FramedWriter, FramedWriterEvents } from "./framed_writer.ts";
import { LINGERING } from "./in_flight.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** Bytes that a connection may keep without being counted among those that keep many. */
const LIGHT = 1 << 12;

/** What all connections of a server have in common. */
export interface BackpressureOptions {
  readonly limits: Limits;
  /** The time slice that connections share; without one the runtime alone decides. */
  readonly timeSlice?: TimeSlice;
}

/** The bytes of one connection that wait, in both directions. */
export class Backpressure implements FramedWriterEvents {
  /** Queued bytes above which the writer is to tell: the lowest that anything here looks at. */
  readonly mark: number;
  readonly #options: BackpressureOptions;
  /** Queued bytes above which what can wait does. */
  readonly #most: number;
  readonly #account: Account;
  #writer!: FramedWriter;
  #lifecycle!: Lifecycle;
  /** Bytes of a message that has begun and not ended, as of the last read. */
  #held = 0;
  /** Bytes of items that are written as text and not yet queued. */
  #reserved = 0;
  /** Of these and the queued ones those that the account knows of: all, where they are many. */
  #charged = 0;
  /** Bytes of the last answer that had waited for room: it alone may be more than may be queued. */
  #awaited = 0;
  /** What waits for room, in the order in which it came. */
  readonly #waiting: (() => void)[] = [];
  #isReleasing = false;

  /** See {@linkcode bind}: the writer tells this, so that it has to be there first. */
  constructor(options: BackpressureOptions, account: Account) {
    const { outboundHighWater, maxOutboundBytes } = options.limits;
    this.#most = Math.min(outboundHighWater, maxOutboundBytes);
    this.mark = Math.min(LIGHT, this.#most);
    this.#options = options;
    this.#account = account;
  }

  /** The writer and the life that it is about, before anything is written. */
  bind(writer: FramedWriter, lifecycle: Lifecycle): void {
    this.#writer = writer;
    this.#lifecycle = lifecycle;
  }

  /** Whether more waits to be sent than should: what can wait does. */
  get isFull(): boolean {
    return this.#writer.queuedBytes + this.#reserved > this.#most &&
      this.#lifecycle.phase < LINGERING;
  }

  /**
   * Whether so much waits to be sent that no more is to be read. Only while no answer is due to us: a peer
   * of the same kind that waits too would never end it.
   */
  get mustPause(): boolean {
    return this.isFull && this.#lifecycle.pendingCalls === 0;
  }

  /**
   * A read was handled, and so many bytes of an unfinished message are kept of it.
   *
   * @returns whether reading has to pause: see {@linkcode mustPause}
   */
  afterRead(held: number): boolean {
    this.#held = held;
    this.#weigh();
    return this.mustPause;
  }

  /** What was kept of an unfinished message is being handled. */
  beforeRead(): void {
    this.#held = 0;
    this.#weigh();
  }

  onHigh(): void {
    this.#weigh();
    const { maxOutboundBytes } = this.#options.limits;
    if (this.#writer.queuedBytes <= maxOutboundBytes + this.#awaited) return;
    this.#lifecycle.finish({
      reason: `more than ${maxOutboundBytes} bytes wait to be sent that could not be held back`,
    });
  }

  onRoom(): void {
    this.#weigh();
    if (this.#waiting.length > 0) this.#release();
    this.#lifecycle.wake();
  }

  onGone(error: unknown): void {
    this.#lifecycle.lose(error, "the peer is gone");
  }

  /**
   * Runs what writes an answer or an item once there is room for it: at once, or after all that has waited
   * for longer. What it gives is sent before anything else that waits is looked at.
   */
  whenRoom<T>(write: () => T): T | Promise<T> {
    if (!this.isFull && this.#waiting.length === 0) return write();
    this.#writer.tellRoom();
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(write());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** An answer of so many bytes is about to be queued, for which there was room. */
  expect(bytes: number): void {
    this.#awaited = bytes;
  }

  /** See {@linkcode Account.hold}. */
  hold(bytes: number): boolean {
    return this.#account.hold(bytes);
  }

  /** See {@linkcode Account.keepsLittle}. */
  get keepsLittle(): boolean {
    return this.#account.keepsLittle;
  }

  /** So many bytes more, or less, are written as text and will be queued. */
  reserve(bytes: number): void {
    this.#reserved += bytes;
    this.#weigh();
    // They may have been all that was in the way.
    if (bytes < 0 && this.#waiting.length > 0 && !this.isFull) this.#release();
  }

  /** A promise where those who work for this peer have done so for long enough: others have their turn. */
  pause(): Promise<void> | undefined {
    return this.#options.timeSlice?.yieldWhenOver();
  }

  /** One after another, and the others have their turn in between: each may take milliseconds. */
  async #release(): Promise<void> {
    if (this.#isReleasing) return;
    this.#isReleasing = true;
    while (this.#waiting.length > 0 && !this.isFull) {
      this.#waiting.shift()!();
      await this.pause();
    }
    this.#isReleasing = false;
  }

  /** Lets go of the bytes, and of the peer: the server keeps too many, and this keeps the most. */
  evict(): void {
    this.#lifecycle.finish({
      reason: "it kept more bytes waiting than any other when there were too many",
    });
  }

  /** The connection has ended: nothing waits any more. */
  end(): void {
    this.#account.close();
    for (const write of this.#waiting.splice(0)) write();
  }

  /** Tells how many bytes are kept, if they are many or were. */
  #weigh(): void {
    const bytes = this.#held + this.#reserved + this.#writer.queuedBytes;
    const charged = bytes > LIGHT ? bytes : 0;
    if (charged === this.#charged) return;
    const more = charged - this.#charged;
    this.#charged = charged;
    if (more > 0) this.#account.keep(more);
    else this.#account.release(-more);
  }
}
