/**
 * Whether memory is running short. Where it is, new calls of those who keep the most are refused, and
 * whoever keeps the most of all is closed.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import { engine, residentBytes } from "../runtime.ts";
import { TICK, type Timer, type Timers } from "../timers.ts";
import type { Account, Ledger } from "./ledger.ts";
import { LoopDelay } from "./loop_delay.ts";

/** Milliseconds between two looks at the memory. */
const LOOK = 250;

/** The part of V8's heap that may be kept for peers, and from which on it matters when memory is short. */
const HEAP_PART = 1 / 4;
const MUCH_OF_IT = 1 / 16;

/** Looks within which the heap fills at the fastest: the next comes earlier where much is taken in. */
const LOOKS = 32;

/** Bytes taken in after which it is looked in any case. */
const MUCH = 1 << 24;

/**
 * Bytes of V8's limit that only its young generation may fill. The old one, where all that lives for long
 * ends up, has a limit of its own, and to reach that ends the process.
 */
const YOUNG = 96 << 20;

/** The part of V8's limit that is the old generation's at least. */
const OLD_PART = 1 / 4;

/** Looks after the memory that a server's connections use together. */
export class LoadShedding {
  readonly #limits: Pick<Limits, "maxHeapPercent" | "maxResidentBytes">;
  readonly #ledger: Ledger;
  /** Bytes that the heap may hold, as far as is known. */
  #heapLimit = Infinity;
  /** Bytes of it in use; known once V8's module is there: a small script would start 6 ms later for it. */
  #heapUsed: () => number = () => 0;
  #timer: Timer | undefined;
  #isShort = false;
  /** Handlers that go on although their calls have ended, and hold no place for it. */
  hung = 0;
  /** How late the looks at the memory come. */
  readonly loopDelay = new LoopDelay();

  constructor(limits: Pick<Limits, "maxHeapPercent" | "maxResidentBytes">, ledger: Ledger) {
    this.#limits = limits;
    this.#ledger = ledger;
    ledger.onTaken = (bytes) => this.#onTaken(bytes);
  }

  /**
   * Why nothing new can be taken in of this connection now; undefined while it can. Where nothing is kept
   * or runs, what fills the memory is mostly garbage, and the runtime collects it only when something is
   * allocated: to refuse all would be to refuse for ever.
   */
  shortage(account?: Account): RpcError | undefined {
    if (!this.#isShort || this.#ledger.running === 0 && this.#ledger.kept === 0) return undefined;
    // Who keeps little is not refused for those who keep much.
    if (this.#ledger.kept > 0 && !account?.isHeavy) return undefined;
    return new RpcError("UNAVAILABLE", "Memory is running short");
  }

  /** Bytes of the heap that one message may take once it is parsed, whatever its limits say. */
  get maxParsedBytes(): number {
    this.#meetV8();
    return this.#heapLimit * HEAP_PART;
  }

  /** So many bytes were taken in since the last look. */
  #onTaken(bytes: number): void {
    if (bytes < Math.min(this.#heapLimit / LOOKS, MUCH)) return;
    this.#meetV8();
    this.#look();
  }

  /** Looks at the memory now and then, until {@linkcode stop}. */
  start(timers: Timers): void {
    this.#look();
    const due = Math.ceil((timers.now() + LOOK) / TICK) * TICK;
    this.#timer = timers.after(LOOK, () => {
      const now = timers.now();
      this.loopDelay.add(now - due, now);
      this.#meetV8();
      this.start(timers);
      this.#ledger.evict();
    });
  }

  #look(): void {
    const { maxHeapPercent, maxResidentBytes } = this.#limits;
    this.#ledger.taken = 0;
    this.#isShort = this.#heapUsed() > this.#heapLimit * maxHeapPercent / 100 ||
      maxResidentBytes > 0 && residentBytes() > maxResidentBytes;
    if (this.#isShort && this.#ledger.kept > this.#heapLimit * MUCH_OF_IT) {
      this.#ledger.evictHeaviest();
    }
  }

  /** Asks V8 what there is, once. */
  #meetV8(): void {
    if (this.#heapLimit < Infinity) return;
    const v8 = engine();
    if (v8 === undefined) return; // a heap without a limit, or one of which nothing is told
    const { getHeapStatistics, getHeapSpaceStatistics } = v8;
    this.#heapUsed = () =>
      getHeapSpaceStatistics().reduce(
        (sum, { space_name, space_used_size }) =>
          space_name.startsWith("new_") ? sum : sum + space_used_size,
        0,
      );
    const { heap_size_limit: limit } = getHeapStatistics();
    this.#heapLimit = Math.max(limit - YOUNG, limit * OLD_PART); // flags may make the young one small
    this.#ledger.maxBuffered = Math.min(this.#ledger.maxBuffered, this.#heapLimit * HEAP_PART);
  }

  /** Looks no more. */
  stop(): void {
    this.#timer?.cancel();
  }
}
