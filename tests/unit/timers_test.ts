import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { TICK, TimerWheel } from "../../lib/timers.ts";
import { turn, within } from "../support/deadline.ts";

/** A wheel that is stopped at the end of the test. */
function wheel(): TimerWheel & Disposable {
  const timers = new TimerWheel();
  return Object.assign(timers, { [Symbol.dispose]: () => timers.stop() });
}

/** Resolves when the timer calls back. The wheel lets the process end, so something has to wait. */
function fired(timers: TimerWheel, ms: number): Promise<number> {
  return within(
    new Promise((resolve) => timers.after(ms, () => resolve(timers.now()))),
    `${ms} ms to pass`,
  );
}

Deno.test("after() calls back once, never too early", async () => {
  using timers = wheel();
  for (const ms of [0, 0.5, 1, TICK - 1, TICK, TICK + 1, 20]) {
    const begun = timers.now();
    assertGreaterOrEqual(await fired(timers, ms), begun + ms);
  }
});

Deno.test("after() calls back in the order of the deadlines, not of the calls", async () => {
  using timers = wheel();
  const order: number[] = [];
  const all = [50, 5, 30].map((ms) => fired(timers, ms).then(() => order.push(ms)));
  await Promise.all(all);
  assertEquals(order, [5, 30, 50]);
});

Deno.test("after() sets timers from within a callback", async () => {
  using timers = wheel();
  let count = 0;
  await within(
    new Promise<void>((resolve) => {
      const again = () => void (++count === 5 ? resolve() : timers.after(0, again));
      again();
    }),
    "five rounds",
  );
  assertEquals(count, 5);
});

Deno.test("cancel() keeps a timer from calling back, and may come late or twice", async () => {
  using timers = wheel();
  const cancelled = timers.after(1, () => assert(false, "was cancelled"));
  cancelled.cancel();
  cancelled.cancel();
  let count = 0;
  const done = timers.after(2, () => void count++);
  await fired(timers, 20);
  done.cancel();
  assertEquals(count, 1);
});

Deno.test("cancel() works on a timer that is due in the same turn", async () => {
  using timers = wheel();
  const calls: string[] = [];
  const first = timers.after(1, () => {
    calls.push("first");
    second.cancel();
  });
  const second = timers.after(1, () => {
    calls.push("second");
    first.cancel();
  });
  await fired(timers, 3 * TICK);
  assertEquals(calls, ["first"]);
});

Deno.test("after() waits for deadlines that setTimeout cannot reach", async () => {
  using timers = wheel();
  timers.after(2 ** 31 + 1000, () => assert(false, "25 days have not passed"));
  timers.after(Number.MAX_SAFE_INTEGER, () => assert(false, "an age has not passed"));
  await fired(timers, 1);
  await turn();
});

Deno.test("stop() forgets everything that waits", async () => {
  const timers = new TimerWheel();
  timers.after(0, () => assert(false, "was stopped"));
  timers.after(1000, () => assert(false, "was stopped"));
  timers.stop();
  using other = wheel();
  await fired(other, 2 * TICK);
});

Deno.test("a wheel does not keep the process alive", async () => {
  const program = `
    import { TimerWheel } from ${JSON.stringify(import.meta.resolve("../../lib/timers.ts"))};
    new TimerWheel().after(600_000, () => {});
  `;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", program],
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  assertEquals((await within(process.status, "the process to end")).code, 0);
});

Deno.test("callbacks that take long together leave others their turn, and keep their order", async () => {
  const timers = new TimerWheel();
  const order: (number | string)[] = [], end = Promise.withResolvers<void>();
  const other = Promise.withResolvers<void>();
  for (let n = 0; n < 100; n++) {
    timers.after(1, () => {
      if (n === 0) {
        setTimeout(() => {
          order.push("other");
          other.resolve();
        }, 0);
      }
      for (const until = performance.now() + 1; performance.now() < until;);
      order.push(n);
      if (n === 99) end.resolve();
    });
  }
  await within(Promise.all([end.promise, other.promise]), "all of them");
  assertEquals(
    order.filter((entry) => entry !== "other"),
    Array.from({ length: 100 }, (_, n) => n),
  );
  assert(order.indexOf("other") < 100, "all others waited");
  timers.stop();
});

Deno.test("hundreds of thousands may have the same deadline", async () => {
  const timers = new TimerWheel(), first = Promise.withResolvers<void>();
  const { now } = performance, begun = now.call(performance);
  performance.now = () => begun; // however long it takes to set them
  for (let i = 0; i < 300_000; i++) timers.after(1, first.resolve);
  performance.now = now;
  await within(first.promise, "the first of them");
  timers.stop();
});
