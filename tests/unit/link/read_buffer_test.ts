// How a connection's read buffer follows what comes.

import { assertEquals, assertGreaterOrEqual, assertLess, assertLessOrEqual } from "@std/assert";
import { ReadBuffer } from "../../../lib/link/read_buffer.ts";
import { BufferPool } from "../../../lib/link/buffer_pool.ts";

/** So many bytes come at once, and are read to their end; the sizes of the buffers that took them. */
function burst(buffer: ReadBuffer, bytes: number): number[] {
  const sizes: number[] = [];
  for (let left = bytes, full = true; full;) {
    const { length } = buffer.space, count = Math.min(left, length);
    if (count === 0) break; // this read waits
    sizes.push(length);
    left -= count;
    full = count === length;
    buffer.adapt(count);
  }
  return sizes;
}

Deno.test("a read buffer is small while nothing has come", () => {
  assertLessOrEqual(new ReadBuffer(new BufferPool()).space.length, 128);
});

Deno.test("a read buffer grows until what comes at once fits into it", () => {
  const buffer = new ReadBuffer(new BufferPool());
  for (const bytes of [300, 5000, 20_000]) {
    assertGreaterOrEqual(burst(buffer, bytes).length, 2);
    for (let i = 0; i < 100; i++) assertEquals(burst(buffer, bytes).length, 1);
  }
});

Deno.test("a read buffer becomes small again when little comes", () => {
  const buffer = new ReadBuffer(new BufferPool());
  burst(buffer, 30_000);
  for (let i = 0; i < 100; i++) burst(buffer, 60);
  assertLessOrEqual(buffer.space.length, 128);
});

/** A pool of which all large buffers are kept by others. */
function usedUp(): BufferPool {
  const pool = new BufferPool();
  while (pool.keep());
  return pool;
}

Deno.test("a read buffer is small while it waits, whatever has come, where others keep theirs", () => {
  const buffer = new ReadBuffer(usedUp());
  for (const bytes of [1 << 20, 300_001, 1 << 22, 50_001, 1_000_003]) {
    burst(buffer, bytes);
    assertLessOrEqual(buffer.space.length, 128);
  }
});

Deno.test("a read buffer takes large messages in few reads once some have come", () => {
  const buffer = new ReadBuffer(usedUp());
  burst(buffer, 1_000_003);
  const sizes = burst(buffer, 1_000_003);
  assertLessOrEqual(sizes.length, 5);
  assertGreaterOrEqual(Math.max(...sizes), 1 << 18);
});

Deno.test("a few that read much keep their large buffers, 8 MiB together", () => {
  const pool = new BufferPool();
  const buffers = Array.from({ length: 100 }, () => new ReadBuffer(pool));
  for (const buffer of buffers) burst(buffer, 1_000_003);
  const kept = buffers.map(({ space }) => space.length).filter((length) => length > 128);
  assertEquals(kept, Array(32).fill(1 << 18));
  assertEquals(burst(buffers[0]!, 200_000), [1 << 18]);
});

Deno.test("a large read buffer goes to another one where little comes, or the connection ends", () => {
  const pool = new BufferPool();
  const buffers = Array.from({ length: 32 }, () => new ReadBuffer(pool));
  for (const buffer of buffers) burst(buffer, 1_000_003);
  const late = new ReadBuffer(pool);
  burst(late, 1_000_003);
  assertLessOrEqual(late.space.length, 128);
  for (let i = 0; i < 20; i++) burst(buffers[0]!, 60);
  assertLessOrEqual(buffers[0]!.space.length, 128);
  burst(late, 1_000_003);
  assertEquals(late.space.length, 1 << 18);
  buffers[1]!.end();
  const later = new ReadBuffer(pool);
  burst(later, 1_000_003);
  assertEquals(later.space.length, 1 << 18);
});

Deno.test("a read buffer is never more than eight times what a newcomer has sent", () => {
  const buffer = new ReadBuffer(new BufferPool());
  for (let sent = 0; sent < 1 << 17;) {
    const { length } = buffer.space;
    sent += length;
    buffer.adapt(length);
    assertLess(buffer.space.length, Math.max(1 << 14, 8 * sent) + 1);
  }
});
