/**
 * Where a connection reads to: small for as long as it waits, large while there is much to read.
 *
 * A read that waits keeps its buffer, and most connections wait most of the time. So the bytes that wake
 * one come into a small buffer of its own, and where these fill it the rest comes into a large one, which
 * is lent until there is nothing more to read. A few that read much keep theirs: a large message that
 * begins in another buffer than it ends in is copied once more, which costs a fifth.
 *
 * @module
 */

import type { BufferPool } from "./buffer_pool.ts";

/** The buffer of a connection that has said nothing: it takes one small call. */
const MIN_WAKE = 1 << 7;

/** The most that each connection may keep while it waits: a second read of few kilobytes costs a fifth. */
const MAX_WAKE = 1 << 15;

/** The most that is lent. More than most have outstanding, so that none is served twice in a row. */
const MAX_READ = 1 << 18;

/** What was filled is followed by so many times as much: who sends little can make us hold little. */
const GROWTH = 8;

/** Waits in a row for which a buffer was much too large, after which it is made smaller. */
const QUIET = 16;

/** The read buffer of one connection, which sizes itself by what comes. */
export class ReadBuffer {
  readonly #pool: BufferPool;
  #own = new Uint8Array(MIN_WAKE);
  #lent: Uint8Array<ArrayBuffer> | undefined;
  /** Whether the lent one stays while we wait. */
  #isKept = false;
  /** Bytes that came since the last wait, and between the two waits before. */
  #burst = 0;
  #lastBurst = 0;
  /** Waits in a row for which a smaller buffer would have done. */
  #quiet = 0;

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** Where the next bytes go. */
  get space(): Uint8Array<ArrayBuffer> {
    return this.#lent ?? this.#own;
  }

  /** So many bytes of it were filled, and have been looked at: gets ready for the next read. */
  adapt(count: number): void {
    const { length } = this.space;
    this.#burst += count;
    if (count === length) {
      this.#grow(Math.min(MAX_READ, Math.max(GROWTH * length, this.#lastBurst)));
    } else this.#rest();
  }

  /** What comes is of about this size: waits with room for it, unless too many others do. */
  expect(size: number): void {
    if (this.#lent === undefined && this.#own.length < size) this.#waitWith(size);
  }

  /** Gives back all: nothing more is read. */
  end(): void {
    this.#release();
    this.#waitWith(MIN_WAKE);
  }

  /** Gives back what is lent. */
  #release(): void {
    if (this.#lent !== undefined) this.#pool.give(this.#lent);
    this.#lent = undefined;
    if (this.#isKept) this.#pool.unkeep();
    this.#isKept = false;
  }

  /** There is more, most likely: as much as the last time, or some times as much as came. */
  #grow(size: number): void {
    if (size <= MAX_WAKE && this.#waitWith(size)) return;
    if (size > this.space.length) {
      this.#release();
      this.#lent = this.#pool.take(size);
    }
  }

  /** Waits with a buffer of so many bytes; false, and with the smallest, where too many others do. */
  #waitWith(size: number): boolean {
    const before = this.#own.length;
    if (before === size) return true;
    if (before > MIN_WAKE) this.#pool.unwait(before);
    const isTaken = size <= MIN_WAKE || this.#pool.wait(size);
    this.#own = new Uint8Array(isTaken ? size : MIN_WAKE);
    return isTaken;
  }

  /** There is no more: the next read waits. */
  #rest(): void {
    const burst = this.#lastBurst = this.#burst, { length } = this.space;
    this.#burst = 0;
    if (burst * GROWTH > length || length === MIN_WAKE) this.#quiet = 0;
    else this.#quiet++;
    if (this.#lent !== undefined) {
      if (this.#quiet === 0 && burst >= MAX_WAKE) this.#isKept ||= this.#pool.keep();
      if (this.#isKept && this.#quiet <= QUIET) return;
      this.#release();
      const fitting = burst < MAX_WAKE ? 2 ** Math.ceil(Math.log2(burst + 1)) : MIN_WAKE;
      this.#waitWith(fitting);
      this.#quiet = 0;
    } else if (this.#quiet > QUIET) {
      this.#waitWith(Math.max(MIN_WAKE, length / GROWTH));
      this.#quiet = 0;
    }
  }
}
