// How often a connection's deadlines are looked at, and when it ends, by a clock that the test moves.

import { assertEquals, assertLessOrEqual } from "@std/assert";
import { OPEN, type Phase } from "../../../lib/link/in_flight.ts";
import { Keepalive } from "../../../lib/link/keepalive.ts";
import { DEFAULT_LIMITS, type RpcError } from "../../../lib/mod.ts";
import { Clock } from "../../support/clock.ts";

/** What a test may know of a connection: the parts that deadlines look at. */
interface Known {
  readonly lastActive: number;
  readonly lastEnd: number;
  messageSince: number | undefined;
  pausedSince: number | undefined;
  readonly writingSince: number | undefined;
  readonly canPing: boolean;
  readonly isKnown: boolean;
  readonly giveUp: () => boolean;
}

/** A connection that only has deadlines; what becomes of it is noted with the time. */
function watched(change: Partial<Known> = {}) {
  const timers = new Clock(), notes: string[] = [];
  const note = (what: string) => void notes.push(`${timers.now()} ${what}`);
  const connection: Known = {
    lastActive: 0,
    lastEnd: 0,
    messageSince: undefined,
    pausedSince: undefined,
    writingSince: undefined,
    canPing: false,
    isKnown: true,
    giveUp: () => false,
    ...change,
  };
  Object.defineProperties(connection, Object.getOwnPropertyDescriptors(change));
  const lifecycle = Object.defineProperties({
    phase: OPEN as Phase,
    peerSends: true,
    isIdle: true,
    running: new Map(),
    finish: ({ reason }: { reason: string }) => {
      note(`finish: ${reason}`);
      watch.stop();
    },
    refuse: ({ message }: RpcError) => note(`refuse: ${message}`),
    linger: (reason: string) => note(`linger: ${reason}`),
    drain: (_: number, reason = "shutdown") => note(`drain: ${reason}`),
    probe: () => note("probe"),
    lastActive: 0,
    lastEnd: 0,
  }, {
    lastActive: { get: () => connection.lastActive },
    lastEnd: { get: () => connection.lastEnd },
  });
  const options = { limits: DEFAULT_LIMITS, timers };
  const watch = new Keepalive(options, lifecycle, connection, connection, connection, false);
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
      "a message that does not end, of which the peer was told,",
      { messageSince: 0, giveUp: () => true },
      "15000 linger: Message too slow: a message took longer than 15000 ms",
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
