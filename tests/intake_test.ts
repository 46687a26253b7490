// How reading goes on: at once, or once more has come.

import { assertEquals } from "@std/assert";
import { FRAMINGS } from "../lib/framing/mod.ts";
import { Intake, type IntakeHost } from "../lib/intake.ts";
import { DEFAULT_LIMITS } from "../lib/mod.ts";
import { BufferPool } from "../lib/writer.ts";

/** A connection whose reads bring these bytes, one after another, and whose time a test decides. */
class Reading {
  reads = 0;
  texts: string[] = [];
  #timer: (() => void) | undefined;
  #change = Promise.withResolvers<void>();
  readonly #ended: Promise<void>;

  constructor(pieces: string[]) {
    const host: IntakeHost = {
      limits: DEFAULT_LIMITS,
      timers: {
        now: () => 0,
        after: (_, callback) => {
          this.#timer = callback;
          return { cancel() {} };
        },
      },
      backlog: undefined,
      requests: {},
      isEnding: false,
      isFull: false,
      change: () => this.#change.promise,
      onBytes() {},
      onHandled() {},
      onFraming() {},
      onMessage: (_, text) => void this.texts.push(text),
      onFault: () => undefined,
    };
    const duplex = {
      read: (buffer: Uint8Array) => {
        const piece = pieces[this.reads++];
        if (piece === undefined) return Promise.resolve(null);
        return Promise.resolve(new TextEncoder().encodeInto(piece, buffer).written);
      },
      write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
      close() {},
    };
    const intake = new Intake(duplex, host, DEFAULT_LIMITS, FRAMINGS.lines);
    this.#ended = intake.run(new BufferPool());
  }

  /** Everything that goes on without time has gone on. */
  async settle(): Promise<void> {
    for (let i = 0; i < 1000; i++) await undefined;
  }

  /** The time is over for which it waits. */
  tick(): void {
    this.#timer?.();
  }

  /** The connection changes. */
  change(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  /** Resolves when there is nothing more to read. */
  get ended(): Promise<void> {
    return this.#ended;
  }
}

const CRUMBS = Array<string>(300).fill("x");

Deno.test("a message that comes in crumbs is read when some have come together, where that helps", async () => {
  const reading = new Reading(['["', ...CRUMBS, "y".repeat(100), ...CRUMBS, '"]\n']);
  const counts: number[] = [];
  for (let before = 0; before !== reading.reads;) {
    before = reading.reads;
    await reading.settle();
    counts.push(reading.reads - before);
    reading.tick();
  }
  // Each time twice as many; after a piece that is longer it begins anew.
  assertEquals(counts, [31, 64, 128, 110, 64, 128, 78, 0]);
  await reading.ended;
  assertEquals(reading.texts, [`["${CRUMBS.join("")}${"y".repeat(100)}${CRUMBS.join("")}"]`]);
});

Deno.test("a connection that ends does not wait for more crumbs", async () => {
  const reading = new Reading(CRUMBS);
  for (let i = 0; i < 10; i++) {
    await reading.settle();
    reading.change();
  }
  await reading.ended;
  assertEquals(reading.reads, CRUMBS.length + 1);
});

Deno.test("small messages are no crumbs, however many of them come", async () => {
  const reading = new Reading(Array<string>(300).fill("[1]\n"));
  await reading.ended;
  assertEquals(reading.texts.length, 300);
});

Deno.test("long pieces of a message are no crumbs", async () => {
  const pieces = Array<string>(300).fill("x".repeat(64));
  const reading = new Reading(['["', ...pieces, '"]\n']);
  await reading.ended;
  assertEquals(reading.texts, [`["${pieces.join("")}"]`]);
});
