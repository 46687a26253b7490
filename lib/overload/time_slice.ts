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

import type { Timers } from "../timers.ts";

/** Milliseconds of work after which the other peers are listened to. */
const SLICE = 5;

/** The same where nothing better than a timer can be waited for: it costs 2 ms each time. */
const SLICE_BY_TIMER = 20;

const HOST = "127.0.0.1";

/** Our two ends of a connection to ourselves. */
interface Loop extends Disposable {
  /** Resolves when a byte has gone around. */
  goAround(): Promise<void>;
}

/** The time slice that a server's connections share: once it is over, they yield to the sockets. */
export class TimeSlice {
  readonly #now: () => number;
  #since: number;
  #length = SLICE_BY_TIMER;
  #loop: Loop | undefined;
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
    this.#loop?.[Symbol.dispose]();
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
    if (this.#closed) return loop?.[Symbol.dispose]();
    this.#loop = loop;
    if (loop !== undefined) this.#length = SLICE;
  }
}

/** Connects to itself; undefined where that is not allowed: nobody is asked for it. */
async function openLoop(): Promise<Loop | undefined> {
  const { state } = Deno.permissions.querySync({ name: "net", host: HOST });
  if (state !== "granted") return undefined;
  try {
    using listener = Deno.listen({ hostname: HOST, port: 0 });
    const near = await Deno.connect({ hostname: HOST, port: listener.addr.port });
    const far = await listener.accept().catch((error) => {
      near.close();
      throw error;
    });
    // Another program may have been faster: then it is not us at the other end.
    const isOurs = far.remoteAddr.port === near.localAddr.port;
    const byte = new Uint8Array(1);
    const loop: Loop = {
      async goAround() {
        const back = far.read(byte);
        await near.write(byte);
        await back;
      },
      [Symbol.dispose]() {
        near.close();
        far.close();
      },
    };
    if (isOurs) return loop;
    loop[Symbol.dispose]();
    return undefined;
  } catch {
    return undefined; // no descriptors, say: a timer does as well
  }
}
