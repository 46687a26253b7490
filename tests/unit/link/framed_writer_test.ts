import { assert, assertEquals } from "@std/assert";
import { FRAMINGS } from "../../../lib/framing/mod.ts";
import { websocket } from "../../../lib/framing/websocket.ts";
import { FramedWriter } from "../../../lib/link/framed_writer.ts";
import { BufferPool } from "../../../lib/link/buffer_pool.ts";
import type { Duplex } from "../../../lib/transport/socket.ts";
import { turn, within } from "../../support/deadline.ts";

/** A socket whose writes a test lets go one by one. */
class Sink implements Duplex {
  readonly chunks: string[] = [];
  readonly #waiting: (() => void)[] = [];
  /** Bytes that a write takes at most. */
  most = Infinity;
  /** Whether writes wait for {@linkcode release}. */
  holds = false;
  error: Error | undefined;

  get text(): string {
    return this.chunks.join("");
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.error !== undefined) throw this.error;
    const taken = bytes.subarray(0, this.most);
    this.chunks.push(new TextDecoder().decode(taken));
    if (this.holds) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.error !== undefined) throw this.error;
    return taken.length;
  }

  release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  read(): Promise<null> {
    return Promise.resolve(null);
  }

  close(): void {}
}

/** Takes everything, a part at a time. */
class Bytes extends Sink {
  readonly parts: Uint8Array[] = [];
  longest = 0;
  override write(bytes: Uint8Array): Promise<number> {
    this.longest = Math.max(this.longest, bytes.length);
    const taken = bytes.slice(0, 300_000);
    this.parts.push(taken);
    return Promise.resolve(taken.length);
  }

  get bytes(): Uint8Array {
    const all = new Uint8Array(this.parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

/** A writer and what it tells. */
function writing(sink: Sink, clock: () => number = () => 0) {
  const errors: unknown[] = [];
  let rooms = 0;
  const writer = new FramedWriter(sink, FRAMINGS.json, new BufferPool(), { now: clock }, 0, {
    onHigh() {},
    onGone: (error) => void errors.push(error),
    onRoom: () => void rooms++,
  });
  return {
    writer,
    errors,
    get rooms() {
      return rooms;
    },
    drained: () => within(writer.drained(), "the writer to drain"),
  };
}

Deno.test("push() sends whole frames in order, those of one turn in one write", async () => {
  const sink = new Sink();
  const { writer, drained } = writing(sink);
  for (const text of ["1", "2", "3"]) writer.push(text);
  assertEquals(sink.chunks, [], "not before the turn ends");
  await drained();
  assertEquals(sink.chunks, ["1\n2\n3\n"]);
  writer.push("4");
  await drained();
  assertEquals(sink.chunks, ["1\n2\n3\n", "4\n"]);
});

Deno.test("push() sends what comes while a write is under way in the next one", async () => {
  const sink = new Sink();
  sink.holds = true;
  const { writer, drained } = writing(sink);
  writer.push("1");
  await turn();
  writer.push("2");
  writer.push("3");
  await turn();
  assertEquals(sink.chunks, ["1\n"]);
  sink.holds = false;
  sink.release();
  await drained();
  assertEquals(sink.chunks, ["1\n", "2\n3\n"]);
});

Deno.test("push() is never forgotten, in whatever microtask after a write it comes", async () => {
  for (let depth = 0; depth < 16; depth++) {
    const sink = new Sink();
    sink.holds = true;
    const { writer, drained } = writing(sink);
    writer.push("1");
    await turn();
    sink.holds = false;
    sink.release();
    for (let n = 0; n < depth; n++) await null;
    writer.push("2");
    await turn();
    assertEquals(sink.text, "1\n2\n", `after ${depth} microtasks`);
    await drained();
  }
});

Deno.test("a write that takes a part is followed by the rest", async () => {
  const sink = new Sink();
  sink.most = 3;
  const { writer, drained } = writing(sink);
  writer.push("0123456789");
  writer.push("é€😀");
  await drained();
  const bytes = new TextEncoder().encode("0123456789\né€😀\n").length;
  assertEquals(sink.chunks.length, Math.ceil(bytes / 3));
  const whole = new Sink();
  const other = writing(whole);
  other.writer.push("0123456789");
  other.writer.push("é€😀");
  await other.drained();
  assertEquals(whole.text, "0123456789\né€😀\n");
});

Deno.test("a long queue is written in parts, and none of it is lost or turned around", async () => {
  const sink = new Sink();
  const { writer, drained } = writing(sink);
  const texts = Array.from({ length: 2000 }, (_, n) => `${n}:${"x".repeat(500)}`);
  for (const text of texts) writer.push(text);
  await drained();
  assert(sink.chunks.length > 1);
  assert(sink.text === texts.join("\n") + "\n");
  assertEquals([writer.queuedCount, writer.sentCount, writer.queuedBytes], [2000, 2000, 0]);
});

/** A text of so many units, of which the units at all places where it may be cut are pairs. */
function longText(units: number, char: string): string {
  return JSON.stringify(("x" + char.repeat(units)).slice(0, units));
}

for (const framing of [FRAMINGS.json, FRAMINGS.length, FRAMINGS.headers, websocket.server]) {
  Deno.test(`a long message is written in pieces that are the bytes of one frame: ${framing.name}`, async () => {
    const sink = new Bytes(), room: number[] = [];
    const writer = new FramedWriter(sink, framing, new BufferPool(), { now: () => 0 }, 0, {
      onHigh() {},
      onGone: (error) => assertEquals(error, undefined),
      onRoom: () => void room.push(writer.queuedBytes),
    });
    const texts = [
      '"short"',
      longText(700_001, "é"),
      '"between"',
      longText(2_000_000, "x"),
      longText(700_000, "\u{1f600}"),
      '"last"',
    ];
    for (const text of texts) writer.push(text);
    await within(writer.drained(), "the writer to drain");
    assertEquals(sink.bytes, framing.encode(texts, (size) => new Uint8Array(size)));
    assertEquals(writer.queuedBytes, 0);
    assertEquals([writer.queuedCount, writer.sentCount], [6, 6]);
    assert(sink.longest < 1 << 20, `${sink.longest} bytes in one write`);
    assert(room.some((bytes) => bytes > 0), "room is told of while more is written");
  });
}

Deno.test("stop() forgets what is left of a long message", async () => {
  const sink = new Sink(), { writer, drained } = writing(sink);
  sink.holds = true;
  writer.push(longText(2_000_000, "x"));
  await turn();
  writer.stop();
  sink.release();
  await drained();
  assertEquals(sink.chunks.length, 1);
  assertEquals(writer.queuedBytes, 0);
});

Deno.test("a datagram is written whole, however long", async () => {
  const sink = Object.assign(new Sink(), { datagrams: true }), { writer, drained } = writing(sink);
  writer.push(longText(700_000, "x"));
  await drained();
  assertEquals(sink.chunks.map(({ length }) => length), [700_003]);
});

Deno.test("waiting counts what is queued and what is being written", async () => {
  const sink = new Sink();
  sink.holds = true;
  sink.most = 4;
  let now = 5;
  const { writer, drained } = writing(sink, () => now);
  assertEquals([writer.queuedBytes, writer.writingSince], [0, undefined]);
  writer.push("01234567");
  assertEquals(writer.queuedBytes, 8);
  await turn();
  assertEquals([writer.queuedBytes, writer.writingSince], [9, 5]);
  writer.push("89");
  assertEquals(writer.queuedBytes, 11);
  now = 7;
  sink.release();
  await turn();
  assertEquals([writer.queuedBytes, writer.writingSince], [7, 7], "a part of it is progress");
  sink.holds = false;
  sink.release();
  await drained();
  assertEquals([writer.queuedBytes, writer.writingSince], [0, undefined]);
});

Deno.test("onError is told once when a write fails, and nothing more is written", async () => {
  const sink = new Sink();
  const state = writing(sink);
  const { writer, errors, drained } = state;
  sink.error = new Deno.errors.BrokenPipe("gone");
  writer.push("1");
  await drained();
  assertEquals(errors, [sink.error]);
  const { rooms } = state;
  assert(rooms > 0, "who waits for room must learn that there is none");
  writer.push("2");
  await drained();
  assertEquals([errors.length, sink.chunks, writer.queuedBytes], [1, [], 0]);
});

Deno.test("stop() forgets what is queued, and a write that fails then is nobody's error", async () => {
  const sink = new Sink();
  sink.holds = true;
  sink.most = 1;
  const { writer, errors, drained } = writing(sink);
  writer.push("12");
  await turn();
  writer.push("3");
  writer.stop();
  sink.error = new Deno.errors.Interrupted("closed by us");
  sink.release();
  await drained();
  assertEquals([errors, sink.chunks], [[], ["1"]]);
});

Deno.test("raw() writes bytes that are no frame, whole", async () => {
  const sink = new Sink();
  sink.most = 2;
  const { writer, drained } = writing(sink);
  writer.raw(new TextEncoder().encode("HTTP/1.1 400\r\n"));
  await drained();
  assertEquals(sink.text, "HTTP/1.1 400\r\n");
});

Deno.test("BufferPool lends a buffer of the size that is asked for, and takes it back", () => {
  const pool = new BufferPool();
  const small = pool.take(10);
  assert(small.length >= 10);
  const large = pool.take(1 << 20);
  assert(large.length >= 1 << 20);
  assert(small !== pool.take(10), "what is lent is not lent again");
  pool.give(small);
  assert(pool.take(10) === small);
  pool.give(small);
  assert(pool.take(1 << 20).length >= 1 << 20, "one that is too small does not do");
});

Deno.test("FramedWriter tells of room after a write whose text was below the mark and whose bytes were not", async () => {
  const sink = new Sink();
  let rooms = 0;
  const writer = new FramedWriter(sink, FRAMINGS.json, new BufferPool(), { now: () => 0 }, 10, {
    onHigh: () => {},
    onGone: () => {},
    onRoom: () => void rooms++,
  });
  sink.holds = true;
  writer.push("漢漢漢漢"); // 4 units, 12 bytes
  await turn();
  assert(writer.queuedBytes > 10);
  sink.release();
  await within(writer.drained(), "the writer to drain");
  assert(rooms > 0);
});

Deno.test("FramedWriter.pushLastWord() tells nobody that much waits", async () => {
  const sink = new Sink();
  const told: string[] = [];
  const writer = new FramedWriter(sink, FRAMINGS.json, new BufferPool(), { now: () => 0 }, 0, {
    onHigh: () => void told.push("high"),
    onGone: () => {},
    onRoom: () => void told.push("room"),
  });
  writer.pushLastWord("bye");
  assert(told.length === 0);
  await within(writer.drained(), "the writer to drain");
  assert(sink.text === "bye\n");
});
