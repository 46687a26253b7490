// How much a pool keeps of what it lends.

import { assertEquals } from "@std/assert";
import { BufferPool, MAX_WRITE } from "../../../lib/link/buffer_pool.ts";

Deno.test("BufferPool keeps 4 MiB for the next who take one, and gives the rest back at once", () => {
  const pool = new BufferPool();
  const buffers = Array.from({ length: 100 }, () => pool.take(MAX_WRITE));
  for (const buffer of buffers) pool.give(buffer);
  const kept = buffers.filter(({ length }) => length > 0);
  assertEquals(kept.length * MAX_WRITE, 4 << 20);
  const again = new Set(kept.map(() => pool.take(MAX_WRITE)));
  assertEquals(again, new Set(kept), "each is lent once");
  for (const buffer of again) pool.give(buffer);
  assertEquals(kept.filter(({ length }) => length > 0).length, kept.length);
});
