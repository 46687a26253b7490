// That one peer which sends as fast as it can does not hold up the others: server and flood are
// processes of their own, as they are in life.

import { assert, assertEquals } from "@std/assert";
import { TimerWheel } from "../../../lib/timers.ts";
import { TimeSlice } from "../../../lib/overload/time_slice.ts";
import { within } from "../../support/deadline.ts";
import { Program } from "../../support/program.ts";
import { RawPeer } from "../../support/raw.ts";

const SERVER = `
  import { method, serve } from LIB;
  const any = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
  const server = serve({
    echo: method(any, (value) => value),
    work: method(() => {
      for (const end = performance.now() + 1; performance.now() < end;);
    }),
  }, { listen: "tcp://127.0.0.1:0", limits: { maxInFlight: 1000 } });
  console.log(server.addresses[0]);
  await server.finished;
`;

/** Sends one message again and again, and reads what comes. */
const FLOOD = `
  const [port, message, count] = Deno.args;
  const conn = await Deno.connect({ port: Number(port) });
  const block = new TextEncoder().encode((message + "\\n").repeat(Number(count)));
  let isTold = false;
  (async () => {
    const buffer = new Uint8Array(1 << 18);
    while (await conn.read(buffer) !== null) {
      if (!isTold) console.log("answered");
      isTold = true;
    }
  })();
  for (;;) for (let at = 0; at < block.length;) at += await conn.write(block.subarray(at));
`;

const FLOODS: Readonly<Record<string, [message: object, count: number]>> = {
  "small calls": [{ jsonrpc: "2.0", id: 1, method: "echo", params: [1] }, 1000],
  "calls that each take a millisecond": [{ jsonrpc: "2.0", id: 1, method: "work" }, 1000],
  "large calls": [{ jsonrpc: "2.0", id: 1, method: "echo", params: ["x".repeat(60_000)] }, 1],
  "notifications": [{ jsonrpc: "2.0", method: "echo", params: [1] }, 1000],
};

for (const [what, [message, count]] of Object.entries(FLOODS)) {
  Deno.test(`a flood of ${what} does not hold up the others`, async () => {
    await using server = await Program.start(SERVER);
    const address = await server.line();
    const { port } = new URL(address.replace("tcp:", "http:"));
    await using flood = await Program.start(FLOOD, port, JSON.stringify(message), String(count));
    if ("id" in message) await flood.lineWith("answered");
    for (let n = 0; n < 20; n++) {
      // A connection made now: those that are open would be a kinder test.
      using peer = await RawPeer.dial(address);
      const answer = peer.ask({ jsonrpc: "2.0", id: n, method: "echo", params: [n] });
      assertEquals((await within(answer, `answer ${n}`)).id, n);
    }
  });
}

Deno.test("TimeSlice is over after a while, and yields for all who ask at once", async () => {
  const timers = new TimerWheel();
  const timeSlice = new TimeSlice(timers);
  const begun = timers.now();
  assert(!timeSlice.isOver(begun));
  assert(timeSlice.isOver(begun + 1000));
  assert(timeSlice.yield() === timeSlice.yield());
  await timeSlice.yield();
  assert(!timeSlice.isOver(timers.now()));
  await timeSlice.yield(); // by now around its own connection
  await timeSlice.close();
  timers.stop();
});

Deno.test("Turns end without leave to connect to themselves, and after they were closed", {
  permissions: { net: false },
}, async () => {
  const timers = new TimerWheel();
  const timeSlice = new TimeSlice(timers);
  await timeSlice.yield();
  await timeSlice.close();
  await timeSlice.yield();
  timers.stop();
});

Deno.test("Turns let go of their connection to themselves when no descriptor is left to accept it", async () => {
  const { listen } = Deno;
  const listener = (options: Deno.TcpListenOptions) => {
    const real = listen(options);
    const accept = real.accept.bind(real);
    real.accept = async () => {
      (await accept()).close(); // by now it is dialled
      throw new Error("Too many open files (os error 24)");
    };
    return real;
  };
  Reflect.set(Deno, "listen", listener);
  try {
    const timers = new TimerWheel();
    const timeSlice = new TimeSlice(timers);
    await timeSlice.yield();
    await timeSlice.close();
    timers.stop(); // the test fails where a connection was left open
  } finally {
    Reflect.set(Deno, "listen", listen);
  }
});
