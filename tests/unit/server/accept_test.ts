import { assertEquals } from "@std/assert";
import { acceptAll } from "../../../lib/server/accept.ts";
import { listen, type Listener, type Socket } from "../../../lib/transport/mod.ts";
import { Clock } from "../../support/clock.ts";
import { turn, until, within } from "../../support/deadline.ts";
import { pipe } from "../../support/memory.ts";

/** A socket that tells whether it is closed. */
function socket(): Socket & { isClosed: boolean } {
  const [near] = pipe();
  return {
    isClosed: false,
    remote: "memory:there",
    local: "memory:here",
    read: (buffer) => near.read(buffer),
    write: (bytes) => near.write(bytes),
    close() {
      this.isClosed = true;
    },
  };
}

/** A listener at which happens what the test says. */
class ScriptedListener implements Listener {
  readonly address = "memory:scripted";
  isClosed = false;
  accepts = 0;
  readonly #outcomes: (Socket | Error)[];
  #waiting: PromiseWithResolvers<Socket> | undefined;

  constructor(...outcomes: (Socket | Error)[]) {
    this.#outcomes = outcomes;
  }

  async accept(): Promise<Socket> {
    this.accepts++;
    if (this.isClosed) throw new Deno.errors.BadResource("Listener has been closed");
    const outcome = this.#outcomes.shift();
    if (outcome === undefined) return await (this.#waiting = Promise.withResolvers()).promise;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  /** A caller comes. */
  call(caller: Socket): void {
    this.#waiting!.resolve(caller);
  }

  close(): void {
    if (this.isClosed) throw new Deno.errors.BadResource("Listener has been closed");
    this.isClosed = true;
    this.#waiting?.reject(new Deno.errors.Interrupted("operation canceled"));
  }
}

const { NotConnected, ConnectionReset, ConnectionAborted } = Deno.errors;
const noDescriptors = () => new Error("Too many open files (os error 24)");

Deno.test("acceptAll() hands over sockets until the signal aborts, and closes the listener", async () => {
  const sockets = [socket(), socket()], late = socket();
  const listener = new ScriptedListener(...sockets);
  const stop = new AbortController();
  const handed: Socket[] = [];
  const done = acceptAll(listener, (it) => void handed.push(it), { signal: stop.signal });
  await until(() => listener.accepts === 3, "the third accept");
  listener.call(late);
  await until(() => listener.accepts === 4, "the fourth accept");
  assertEquals(handed, [...sockets, late]);
  stop.abort();
  await within(done, "the loop to end");
  assertEquals([listener.isClosed, listener.accepts], [true, 4]);
});

Deno.test("acceptAll() accepts nobody when the signal has aborted already", async () => {
  const listener = new ScriptedListener(socket());
  await acceptAll(listener, () => {}, { signal: AbortSignal.abort() });
  assertEquals([listener.isClosed, listener.accepts], [true, 0]);
});

Deno.test("acceptAll() hands over a socket that comes in the moment of the abort", async () => {
  const listener = new ScriptedListener(), caller = socket();
  const stop = new AbortController();
  const handed: Socket[] = [];
  const done = acceptAll(listener, (it) => void handed.push(it), { signal: stop.signal });
  listener.call(caller);
  stop.abort();
  await within(done, "the loop to end");
  assertEquals([handed, caller.isClosed, listener.isClosed], [[caller], false, true]);
});

Deno.test("acceptAll() ends when the owner of the listener closes it", async () => {
  const listener = new ScriptedListener();
  const errors: unknown[] = [];
  const done = acceptAll(listener, () => {}, {
    signal: new AbortController().signal,
    onError: (error) => void errors.push(error),
  });
  listener.close();
  await within(done, "the loop to end");
  assertEquals(errors, []);
});

Deno.test("acceptAll() goes on at once when a caller is gone before it is accepted", async () => {
  const caller = socket();
  const gone = [new NotConnected(), new ConnectionReset(), new ConnectionAborted()];
  const listener = new ScriptedListener(...gone, caller);
  const stop = new AbortController();
  const clock = new Clock();
  const handed: Socket[] = [], errors: unknown[] = [];
  const done = acceptAll(listener, (it) => void handed.push(it), {
    signal: stop.signal,
    onError: (error) => void errors.push(error),
    timers: clock,
  });
  await until(() => handed.length === 1, "the caller that stayed");
  assertEquals([errors, clock.pending], [[], []]);
  stop.abort();
  await done;
});

Deno.test("acceptAll() waits longer each time when there are no descriptors, and then goes on", async () => {
  const first = socket(), second = socket();
  const failures = Array.from({ length: 9 }, noDescriptors);
  const listener = new ScriptedListener(...failures, first, noDescriptors(), second);
  const stop = new AbortController();
  const clock = new Clock();
  const handed: Socket[] = [], errors: unknown[] = [], waits: number[] = [];
  const done = acceptAll(listener, (it) => void handed.push(it), {
    signal: stop.signal,
    onError: (error) => void errors.push(error),
    timers: clock,
  });
  for (let i = 1; i <= 10; i++) {
    await until(() => clock.pending.length === 1, "a pause");
    assertEquals([errors.length, handed.length], [i, i < 10 ? 0 : 1]);
    waits.push(clock.pending[0]!);
    clock.advance(waits.at(-1)! - 1);
    await turn();
    assertEquals(clock.pending, [1], "not before the time");
    clock.advance(1);
  }
  await until(() => handed.length === 2, "the second caller");
  assertEquals(waits, [10, 20, 40, 80, 160, 320, 640, 1000, 1000, 10]);
  assertEquals(handed, [first, second]);
  stop.abort();
  await done;
});

Deno.test("acceptAll() ends at once when it is told to while it waits", async () => {
  const listener = new ScriptedListener(noDescriptors());
  const stop = new AbortController();
  const clock = new Clock();
  const done = acceptAll(listener, () => {}, { signal: stop.signal, timers: clock });
  await until(() => clock.pending.length === 1, "a pause");
  stop.abort();
  await within(done, "the loop to end");
  assertEquals([clock.pending, listener.accepts], [[], 1]);
});

Deno.test("acceptAll() ends when the error is the reason to stop", async () => {
  const listener = new ScriptedListener(noDescriptors());
  const stop = new AbortController();
  const clock = new Clock();
  await acceptAll(listener, () => {}, {
    signal: stop.signal,
    onError: () => stop.abort(),
    timers: clock,
  });
  assertEquals([clock.pending, listener.isClosed], [[], true]);
});

Deno.test("acceptAll() closes a socket that nobody could take over, and goes on", async () => {
  const bad = socket(), good = socket();
  const listener = new ScriptedListener(bad, good);
  const stop = new AbortController();
  const mistake = new Error("mistake"), errors: unknown[] = [], handed: Socket[] = [];
  const done = acceptAll(listener, (it) => {
    if (it === bad) throw mistake;
    handed.push(it);
  }, { signal: stop.signal, onError: (error) => void errors.push(error) });
  await until(() => handed.length === 1, "the second socket");
  assertEquals([errors, bad.isClosed, handed], [[mistake], true, [good]]);
  stop.abort();
  await done;
});

for (const address of ["tcp://127.0.0.1:0", "unix:///tmp/landline-accept.sock", "memory:"]) {
  const { protocol } = new URL(address);
  Deno.test(`acceptAll() lets go of a real listener at ${protocol} when the signal aborts`, async () => {
    const own = address.replace("accept", crypto.randomUUID());
    const stop = new AbortController();
    const listener = await listen(own, { tcpBacklog: 16 });
    const done = acceptAll(listener, () => {}, { signal: stop.signal });
    await turn();
    stop.abort();
    await within(done, "the loop to end");
    // The name is free again. A port would be too, and somebody else may have it by now.
    if (protocol !== "tcp:") (await listen(listener.address, { tcpBacklog: 16 })).close();
  });
}
