/**
 * Time slices of the event loop, so that one peer which sends as fast as it can does not hold up the
 * others.
 *
 * Deno looks at its sockets only when nothing can go on without them. A read that finds bytes waiting
 * goes on at once; so a peer whose bytes never run out keeps everyone else unheard, for as long as it
 * likes. `setImmediate` does not help: between two looks there are some sixty of its rounds. What helps
 * is to wait for something that only a socket can bring, and the cheapest such thing is a byte that we
 * send to ourselves: 15 µs, where a timer takes 2 ms.
 *
 * @module
 */

import { isDeno } from "../runtime.ts";
import type { Timers } from "../timers.ts";
import { connectToSelf, type OwnConnection } from "../transport/deno_loop.ts";

/** Milliseconds of work after which the other peers are listened to. */
const SLICE = 5;

/** The same where nothing better than a timer can be waited for: it costs 2 ms each time. */
const SLICE_BY_TIMER = 20;

/** The time slice that a server's connections share: once it is over, they yield to the sockets. */
export class TimeSlice {
  readonly #now: () => number;
  #since: number;
  #length = SLICE_BY_TIMER;
  #loop: OwnConnection | undefined;
  #opening: Promise<void> | undefined;
  #pause: Promise<void> | undefined;
  #closed = false;

  constructor({ now }: Pick<Timers, "now">) {
    this.#now = now;
    this.#since = now();
  }

  /** Whether this slice is over, at this time by the clock of the timers. */
  isOver(now: number): boolean {
    return now - this.#since > this.#length;
  }

  /** Yields if this slice is over; undefined if it is not. */
  yieldWhenOver(now: number = this.#now()): Promise<void> | undefined {
    return this.isOver(now) ? this.yield() : undefined;
  }

  /** Resolves when the runtime has looked at all sockets. All calls meanwhile get the same promise. */
  yield(): Promise<void> {
    return this.#pause ??= this.#yield();
  }

  /** Lets go of what it holds, once it is there and nobody waits for it. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening;
    await this.#pause;
    this.#loop?.close();
    this.#loop = undefined;
  }

  async #yield(): Promise<void> {
    this.#opening ??= this.#open();
    try {
      await this.#loop?.goAround();
    } catch {
      this.#loop = undefined; // closed, or a firewall has come to know us
      this.#length = SLICE_BY_TIMER;
    }
    if (this.#loop === undefined) await new Promise((resolve) => setTimeout(resolve, 0));
    this.#since = this.#now();
    this.#pause = undefined;
  }

  async #open(): Promise<void> {
    const loop = await openLoop();
    if (this.#closed) return loop?.close();
    this.#loop = loop;
    if (loop !== undefined) this.#length = SLICE;
  }
}

/** What a slice ends with: on Deno a connection to ourselves, if there can be one. */
async function openLoop(): Promise<OwnConnection | undefined> {
  if (isDeno) return await connectToSelf();
  // Node and Bun look at all sockets between two rounds of these.
  return { goAround: () => new Promise((resolve) => setImmediate(resolve)), close() {} };
}
