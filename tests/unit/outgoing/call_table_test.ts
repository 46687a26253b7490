import { assertEquals } from "@std/assert";
import { CallTable } from "../../../lib/outgoing/call_table.ts";

/** One that has just got its id. */
function added(pending: CallTable<{ id: number }>): { id: number } {
  const it = { id: pending.nextId() };
  pending.add(it);
  return it;
}

Deno.test("Pending gives ids from 1 on, one after another, however many are there", () => {
  const pending = new CallTable<{ id: number }>();
  const all = Array.from({ length: 1000 }, () => added(pending));
  assertEquals(all.map(({ id }) => id), Array.from({ length: 1000 }, (_, i) => i + 1));
  assertEquals(pending.size, 1000);
  for (const it of all) assertEquals(pending.get(it.id), it);
  assertEquals([...pending], all);
});

Deno.test("Pending steps over the ids whose place is taken, and gives none twice", () => {
  const pending = new CallTable<{ id: number }>();
  const lasting = [added(pending), added(pending)];
  const given = new Set<number>();
  for (let i = 0; i < 1000; i++) {
    const it = added(pending);
    assertEquals(given.has(it.id), false);
    given.add(it.id);
    pending.delete(it);
  }
  assertEquals([...pending], lasting);
  assertEquals(lasting.map(({ id }) => pending.get(id)), lasting);
});

Deno.test("get() finds nothing under an id that was not given, or is no number", () => {
  const pending = new CallTable<{ id: number }>();
  const { id } = added(pending);
  for (const other of [0, id + 16, -id, id + 0.5, String(id), null, undefined, NaN, {}]) {
    assertEquals(pending.get(other), undefined);
  }
});

Deno.test("delete() forgets one, and may come twice or for one that was never added", () => {
  const pending = new CallTable<{ id: number }>();
  const first = added(pending), second = added(pending);
  pending.delete(first);
  pending.delete(first);
  pending.delete({ id: second.id });
  pending.delete({ id: 0 });
  assertEquals([pending.size, [...pending]], [1, [second]]);
});

Deno.test("Pending gives none that was deleted while it was looped over", () => {
  const pending = new CallTable<{ id: number }>();
  const [first, second, third] = [added(pending), added(pending), added(pending)];
  const seen: { id: number }[] = [];
  for (const it of pending) {
    seen.push(it);
    pending.delete(second);
  }
  assertEquals(seen, [first, third]);
});
