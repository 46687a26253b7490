// How reading goes on: at once, or once more has come.

import { assertEquals } from "@std/assert";
import { FRAMINGS } from "../../../lib/framing/mod.ts";
import { FramedReader, type ReadLifecycle } from "../../../lib/link/framed_reader.ts";
import { OPEN } from "../../../lib/link/in_flight.ts";
import { DEFAULT_LIMITS } from "../../../lib/mod.ts";
import { BufferPool } from "../../../lib/link/buffer_pool.ts";
import { ReadBuffer } from "../../../lib/link/read_buffer.ts";

/** A connection whose reads bring these pieces, one after another, and whose pauses a test ends. */
class Reading {
  reads = 0;
  texts: string[] = [];
  #resume: (() => void) | undefined;
  readonly ended: Promise<void>;

  constructor(pieces: string[]) {
    const duplex = {
      read: (buffer: Uint8Array) => {
        const piece = pieces[this.reads++];
        if (piece === undefined) return Promise.resolve(null);
        return Promise.resolve(new TextEncoder().encodeInto(piece, buffer).written);
      },
      write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
      close() {},
    };
    const lifecycle: ReadLifecycle = {
      phase: OPEN,
      lastActive: 0,
      change: () => Promise.resolve(),
      pause: () => new Promise<void>((resolve) => this.#resume = resolve),
      endInput() {},
      linger() {},
      report() {},
      lose(error) {
        throw error;
      },
    };
    this.ended = new FramedReader(
      duplex,
      { timers: { now: () => 0, after: () => ({ cancel() {} }) }, limits: DEFAULT_LIMITS },
      lifecycle,
      { mustPause: false, beforeRead() {}, afterRead: () => false },
      FRAMINGS.json,
      DEFAULT_LIMITS,
      undefined,
      (_, text) => void this.texts.push(text),
      () => {},
    ).run(new ReadBuffer(new BufferPool()));
  }

  /** How many reads there are from one pause to the next. */
  async counts(): Promise<number[]> {
    const counts: number[] = [];
    for (let counted = 0; counted < this.reads;) {
      for (let i = 0; i < 2000; i++) await undefined; // what needs no time goes on
      counts.push(this.reads - counted);
      counted = this.reads;
      this.#resume?.();
      await undefined; // a read that waited has begun
    }
    await this.ended;
    return counts;
  }
}

const crumbs = (count: number) => Array<string>(count).fill("x");
/** As long as the buffer of a connection that has said little. */
const FULL = "y".repeat(128);

Deno.test("a message that comes in crumbs is waited for, more seldom where that does not help", async () => {
  const reading = new Reading(['["', ...crumbs(300), '"]\n']);
  assertEquals(await reading.counts(), [32, 64, 128, 79]); // the last finds the end
  assertEquals(reading.texts, [`["${"x".repeat(300)}"]`]);
});

Deno.test("waiting that has helped begins anew", async () => {
  const reading = new Reading(['["', ...crumbs(95), FULL, ...crumbs(40), '"]\n']);
  assertEquals(await reading.counts(), [32, 64, 1 + 32, 8 + 2]);
});

for (
  const [what, pieces] of [
    ["small messages", Array<string>(300).fill("[1]\n")],
    ["long pieces", ['["' + FULL.slice(2), ...Array<string>(300).fill("x".repeat(257)), '"]\n']],
  ] as const
) {
  Deno.test(`${what} are no crumbs, however many of them come`, async () => {
    const reading = new Reading([...pieces]);
    assertEquals(await reading.counts(), [pieces.length + 1]);
  });
}
