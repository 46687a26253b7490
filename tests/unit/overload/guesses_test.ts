import { assertEquals } from "@std/assert";
import { Guesses } from "../../../lib/overload/guesses.ts";
import { Clock } from "../../support/clock.ts";

/** Milliseconds that a guess from there waits now. */
function delayOf(guesses: Guesses, clock: Clock, address: string): number {
  if (guesses.delay(address) === undefined) return 0;
  const waits = clock.pending.at(-1)!;
  return waits;
}

Deno.test("Guesses lets ten be wrong, then each makes the next wait a second longer, up to a bound", () => {
  const clock = new Clock(), guesses = new Guesses(clock, 4000);
  const address = "tcp://192.0.2.7:1000", found: number[] = [];
  for (let i = 0; i < 16; i++) {
    found.push(delayOf(guesses, clock, address));
    guesses.fail(address);
  }
  assertEquals(found, [...Array(10).fill(0), 1000, 2000, 3000, 4000, 4000, 4000]);
});

Deno.test("Guesses counts an IPv6 network as one, and others by themselves", () => {
  const clock = new Clock(), guesses = new Guesses(clock, 4000);
  for (let i = 0; i < 20; i++) guesses.fail(`tcp://[2001:db8:1:2::${i + 1}]:1`);
  assertEquals(guesses.delay("tcp://[2001:db8:1:2:ffff::9]:2") === undefined, false);
  for (const other of ["tcp://[2001:db8:1:3::1]:1", "tcp://192.0.2.1:1", "tcp://127.0.0.1:1"]) {
    assertEquals(guesses.delay(other), undefined);
  }
});

Deno.test("Guesses forgets a wrong guess each second", () => {
  const clock = new Clock(), guesses = new Guesses(clock, 60_000);
  const address = "tcp://192.0.2.7:1000";
  for (let i = 0; i < 15; i++) guesses.fail(address);
  clock.advance(5000);
  assertEquals(delayOf(guesses, clock, address), 1000);
  clock.advance(1000);
  assertEquals(guesses.delay(address), undefined);
});
