import { assertEquals } from "@std/assert";
import type { Call } from "../../../lib/outgoing/call.ts";
import { CallBacklog } from "../../../lib/outgoing/call_backlog.ts";

/** A call, as far as a backlog looks at one. */
const call = (method: string, n: number) => ({ method, n }) as unknown as Call;

/** What is next, until none waits. */
function taken(backlog: CallBacklog, most = Infinity): string[] {
  const names: string[] = [];
  while (backlog.size > 0 && names.length < most) {
    const calls = backlog.take() as unknown as { method: string; n: number }[];
    names.push(calls.map(({ method, n }) => `${method}${n}`).join("+"));
  }
  return names;
}

/** The end of a turn, as far as a backlog knows of turns. */
const turn = () => Promise.resolve();

Deno.test("the methods take turns, and the calls of one of one turn keep their order", () => {
  const backlog = new CallBacklog();
  for (const n of [1, 2, 3, 4]) backlog.add(call("a", n));
  for (const n of [1, 2]) backlog.add(call("b", n));
  assertEquals(backlog.size, 6);
  assertEquals(taken(backlog), ["a1", "b1", "a2", "b2", "a3", "a4"]);
});

Deno.test("the turns in which calls of one method were made take turns too", async () => {
  const backlog = new CallBacklog();
  for (const n of [1, 2, 3]) backlog.add(call("a", n));
  await turn();
  for (const n of [4, 5]) backlog.add(call("a", n));
  assertEquals(taken(backlog, 2), ["a1", "a4"]);
  await turn();
  backlog.add(call("a", 6));
  assertEquals(taken(backlog), ["a6", "a2", "a5", "a3"]);
});

Deno.test("a batch is taken whole, and what was given up not at all", async () => {
  const backlog = new CallBacklog(), first = call("a", 1), second = call("b", 2);
  backlog.addBatch([first, second, call("c", 3)]);
  backlog.add(call("a", 4));
  const only = call("d", 5);
  backlog.add(only);
  only.sink!.drop(only);
  second.sink!.drop(second);
  assertEquals([backlog.size, second.sink, only.sink], [3, undefined, undefined]);
  assertEquals(taken(backlog), ["a1+c3", "a4"]);
  assertEquals(first.sink, undefined);
  await turn();
  backlog.add(call("d", 6));
  assertEquals(taken(backlog), ["d6"]);
});

Deno.test("calls that are to keep their order leave in it, batches among them", async () => {
  const backlog = new CallBacklog(true), given = call("b", 2);
  backlog.add(call("a", 1));
  backlog.add(given);
  await turn();
  backlog.add(call("a", 3));
  backlog.addBatch([call("c", 4), call("a", 5)]);
  backlog.add(call("b", 6));
  given.sink!.drop(given);
  assertEquals(taken(backlog), ["a1", "a3", "c4+a5", "b6"]);
});

Deno.test("many bursts of one call are taken in a time that grows with their number alone", async () => {
  const backlog = new CallBacklog(), COUNT = 50_000;
  for (let n = 0; n < COUNT; n++) {
    backlog.add(call("a", n));
    if (n % 2 === 0) await turn();
  }
  // Squared this would take minutes.
  assertEquals(taken(backlog).length, COUNT);
});
