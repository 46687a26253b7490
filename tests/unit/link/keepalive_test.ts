// How often a connection's deadlines are looked at, and when it ends, by a clock that the test moves.

import { assertEquals, assertLessOrEqual } from "@std/assert";
import { DEFAULT_LIMITS } from "../../../lib/mod.ts";
import { Keepalive, type KeepaliveHost } from "../../../lib/link/keepalive.ts";
import { Clock } from "../../support/clock.ts";

/** A connection that only has deadlines; what becomes of it is noted with the time. */
function watched(change: Partial<KeepaliveHost> = {}) {
  const timers = new Clock(), notes: string[] = [];
  const note = (what: string) => void notes.push(`${timers.now()} ${what}`);
  const connection: KeepaliveHost = {
    limits: DEFAULT_LIMITS,
    timers,
    isDialler: false,
    isLasting: false,
    lastActive: 0,
    lastEnd: 0,
    messageSince: undefined,
    writingSince: undefined,
    isKnown: true,
    isIdle: true,
    isEnding: false,
    ping: () => Promise.resolve(true),
    finish: ({ reason }) => {
      note(`finish: ${reason}`);
      watch.stop();
    },
    refuse: ({ message }) => note(`refuse: ${message}`),
    linger: (reason) => note(`linger: ${reason}`),
    drain: (_, reason) => note(`drain: ${reason}`),
    ...change,
  };
  const watch = new Keepalive(connection);
  return { connection, timers, notes, watch };
}

Deno.test("a silent connection is looked at a few times a minute", () => {
  let looks = 0;
  const { timers, watch } = watched({
    get lastActive() {
      looks++;
      return 0;
    },
  });
  for (let ms = 0; ms < 60_000; ms += 8) timers.advance(8);
  watch.stop();
  assertLessOrEqual(looks, 7);
  assertEquals(timers.pending, []);
});

for (
  const [what, change, note] of [
    [
      "a message that does not end",
      { messageSince: 0 },
      "15000 refuse: Message too slow: a message took longer than 15000 ms",
    ],
    [
      "a peer that takes nothing",
      { writingSince: 0 },
      "10000 finish: the peer took nothing for 10000 ms",
    ],
    [
      "a peer that does not say who it is",
      { isKnown: false },
      "5000 refuse: Nobody said who calls within 5000 ms",
    ],
    ["a silent peer", {}, "600000 linger: nothing was said for 600000 ms"],
    [
      "a silent peer after a handler",
      { lastEnd: 1000 },
      "601000 linger: nothing was said for 600000 ms",
    ],
  ] as const
) {
  Deno.test(`${what} is ended when its time is over`, () => {
    const { timers, watch, notes } = watched(change);
    for (let ms = 0; ms < 602_000 && notes.length === 0; ms += 8) timers.advance(8);
    watch.stop();
    assertEquals(notes, [note]);
  });
}

for (const hasCome of [true, false]) {
  const outcome = hasCome ? "is not ended where it had come" : "is ended where it had not";
  Deno.test(`what is overdue after this process stood still is looked at again, and ${outcome}`, () => {
    const { connection, timers, watch, notes } = watched({ messageSince: 0 });
    timers.advance(600);
    const ticking = timers.now.bind(timers);
    timers.now = () => ticking() + 20_000; // it stands still, and the look that was due comes late
    timers.advance(10_000);
    assertEquals(notes, []);
    if (hasCome) connection.messageSince = undefined;
    timers.advance(600);
    watch.stop();
    assertEquals(notes.length, hasCome ? 0 : 1);
  });
}
