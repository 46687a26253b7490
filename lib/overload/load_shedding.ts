/**
 * What all connections of a server use together: calls that run, bytes that wait, memory. Where it is
 * too much, new calls are refused, and whoever keeps the most bytes waiting is closed.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import type { Timer, Timers } from "../timers.ts";

/** What keeps bytes in memory; to evict it lets go of them, and of the peer. */
type Keeper = { evict(): void };

/** Milliseconds between two looks at the memory. */
const LOOK = 250;

/** The part of V8's heap that bytes which wait may fill: texts of messages lie there. */
const HEAP_PART = 1 / 4;

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

/** What a server's connections use together. */
export class LoadShedding {
  readonly #limits: Pick<
    Limits,
    "maxRunning" | "maxBufferedBytes" | "maxHeapPercent" | "maxResidentBytes"
  >;
  /** Bytes that may wait, and that the heap may hold as far as is known. */
  #maxBuffered: number;
  #heapLimit = Infinity;
  /** Bytes of it in use; known once V8's module is there: a small script would start 6 ms later for it. */
  #heapUsed: () => number = () => 0;
  #importing: Promise<void> | undefined;
  readonly #held = new Map<Keeper, number>();
  /** Bytes that were taken in since the last look. */
  #taken = 0;
  #buffered = 0;
  #timer: Timer | undefined;
  #isShort = false;
  /** Calls that run; streams are not counted. */
  runningCalls = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#maxBuffered = limits.maxBufferedBytes;
  }

  /** Why no call can be begun now; undefined while one can. */
  refusal(): RpcError | undefined {
    if (this.runningCalls >= this.#limits.maxRunning) {
      return new RpcError("UNAVAILABLE", "Too many calls are running", { limit: "maxRunning" });
    }
    return this.shortage();
  }

  /**
   * Why nothing new can be taken in now. Where nothing runs, and no bytes wait, what fills the memory
   * is mostly garbage, and the runtime collects it only when something is allocated: to refuse all
   * would be to refuse for ever.
   */
  shortage(): RpcError | undefined {
    if (!this.#isShort || this.runningCalls === 0 && this.#buffered === 0) return undefined;
    return new RpcError("UNAVAILABLE", "Memory is running short");
  }

  /** So many bytes of this one are in memory. Past the limit who holds the most is evicted. */
  hold(keeper: Keeper, bytes: number): void {
    const before = this.#held.get(keeper) ?? 0;
    this.#buffered += bytes - before;
    this.#taken += Math.max(0, bytes - before);
    if (this.#taken > Math.min(this.#heapLimit / LOOKS, MUCH)) {
      this.#importing ??= this.#importV8();
      this.#look();
    }
    if (bytes > 0) this.#held.set(keeper, bytes);
    else if (before > 0) this.#held.delete(keeper);
    this.#evict();
  }

  #evict(): void {
    while (this.#buffered > this.#maxBuffered) this.#evictLargest();
  }

  #evictLargest(): void {
    let largest: Keeper | undefined, most = -1;
    for (const [keeper, bytes] of this.#held) {
      if (bytes > most) [largest, most] = [keeper, bytes];
    }
    if (largest === undefined) return;
    this.hold(largest, 0);
    largest.evict();
  }

  /** Looks at the memory now and then, until {@linkcode stop}. */
  start(timers: Timers): void {
    this.#look();
    this.#timer = timers.after(LOOK, () => {
      this.#importing ??= this.#importV8();
      this.start(timers);
    });
  }

  #look(): void {
    const { maxHeapPercent, maxResidentBytes } = this.#limits;
    this.#taken = 0;
    this.#isShort = this.#heapUsed() > this.#heapLimit * maxHeapPercent / 100 ||
      maxResidentBytes > 0 && Deno.memoryUsage().rss > maxResidentBytes;
  }

  async #importV8(): Promise<void> {
    const { getHeapStatistics, getHeapSpaceStatistics } = await import("node:v8");
    this.#heapUsed = () =>
      getHeapSpaceStatistics().reduce(
        (sum, { space_name, space_used_size }) =>
          space_name.startsWith("new_") ? sum : sum + space_used_size,
        0,
      );
    const { heap_size_limit: limit } = getHeapStatistics();
    this.#heapLimit = Math.max(limit - YOUNG, limit * OLD_PART); // flags may make the young one small
    this.#maxBuffered = Math.min(this.#maxBuffered, this.#heapLimit * HEAP_PART);
    this.#look();
    this.#evict();
  }

  /** Looks no more. */
  stop(): void {
    this.#timer?.cancel();
  }
}
