// One caller of the raw server, without a system: between a pipe and a clock that the test moves.
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type RawAnswer,
  RawConnection,
  type RawContext,
  type RawService,
} from "../../cli/raw/connection.ts";
import { DEFAULT_LIMITS, type Limits } from "../../lib/mod.ts";
import { Clock } from "../support/clock.ts";
import { turn, until, within } from "../support/deadline.ts";
import { pipe, type PipeOptions } from "../support/memory.ts";
import { RawPeer } from "../support/raw.ts";

const peer = { address: "memory:there", localAddress: "memory:here", transport: "memory" };

/** A caller, and the connection that serves it. */
function open(
  answer: (chunk: Uint8Array, context: RawContext) => RawAnswer | Promise<RawAnswer>,
  options: {
    readonly end?: () => RawAnswer;
    readonly limits?: Partial<Limits>;
    readonly pipe?: PipeOptions;
  } = {},
) {
  const [near, far] = pipe(options.pipe);
  const clock = new Clock(), errors: unknown[] = [];
  let context: RawContext | undefined;
  const service: RawService = (it) => {
    context = it;
    return { answer: (bytes) => answer(bytes, it), ...options.end && { end: options.end } };
  };
  const connection = new RawConnection(far, {
    service,
    peer,
    closesIdle: true,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    timers: clock,
    onError: (error) => void errors.push(error),
  });
  return {
    caller: new RawPeer(near, "json"),
    connection,
    clock,
    errors,
    context: context!,
    ended: within(connection.run(), "the connection to end"),
  };
}

/** What a server without framing says after all this; the caller says that it has finished. */
async function rest(caller: RawPeer): Promise<string> {
  await caller.closeWrite();
  return new TextDecoder().decode(await caller.rest());
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const echo = (bytes: Uint8Array) => bytes.slice();
/** Never settles. */
const never = () => new Promise<RawAnswer>(() => {});

Deno.test("RawConnection answers with bytes, texts, promises, or nothing", async () => {
  const answers: (RawAnswer | Promise<RawAnswer>)[] = [
    Uint8Array.of(1, 255),
    "é",
    undefined,
    Promise.resolve("later"),
    "",
  ];
  const asked: string[] = [];
  const { caller, ended, clock, context } = open((chunk) => {
    asked.push(text(chunk));
    return answers.shift();
  });
  for (let i = 0; i < 5; i++) {
    await caller.write(String(i));
    await until(() => asked.length === i + 1, "the piece to arrive");
  }
  await caller.closeWrite();
  assertEquals(
    await caller.rest(),
    Uint8Array.of(1, 255, ...new TextEncoder().encode("élater")),
  );
  assertEquals(await ended, { reason: "the peer closed the connection" });
  assertEquals(asked, ["0", "1", "2", "3", "4"]);
  assert(context.signal.aborted);
  assertEquals(clock.pending, [], "no timer is left");
});

Deno.test("RawConnection says what is left to say when the caller has finished", async () => {
  const { caller, ended } = open(() => undefined, { end: () => "bye" });
  await caller.write("hello");
  assertEquals(await rest(caller), "bye");
  await ended;
});

Deno.test("RawConnection finishes partial writes, and pieces of any size", async () => {
  const { caller, ended } = open(echo, { pipe: { write: 7, room: 100 } });
  const message = "0123456789".repeat(30_000);
  const written = caller.write(message).then(() => caller.closeWrite());
  assertEquals(text(await caller.rest()), message);
  await written;
  assertEquals((await ended).reason, "the peer closed the connection");
});

Deno.test("RawConnection reads nothing while an answer is under way", async () => {
  const pieces: string[] = [];
  const gate = Promise.withResolvers<void>();
  const { caller, ended } = open(async (chunk) => {
    pieces.push(text(chunk));
    await gate.promise;
  });
  await caller.write("one");
  await until(() => pieces.length === 1, "the first piece");
  await caller.write("two");
  await caller.write("three");
  await turn();
  assertEquals(pieces, ["one"]);
  gate.resolve();
  await caller.closeWrite();
  await ended;
  assertEquals(pieces, ["one", "twothree"]);
});

Deno.test("RawConnection holds one piece for a caller that does not read, and ends it in time", async () => {
  let answered = 0;
  const { caller, clock, ended } = open((chunk) => {
    answered += chunk.length;
    return chunk.slice();
  }, { pipe: { room: 1000 }, limits: { writeStallTimeout: 5000 } });
  // The caller's own write never ends either: what it waits for is that the server reads.
  const sent = caller.write("x".repeat(1 << 20)).catch((error) => error);
  await until(() => answered >= 1000, "the first pieces");
  await turn();
  const before = answered;
  clock.advance(4000);
  await turn();
  assertEquals(answered, before, "nothing more was read");
  assert(answered <= 4000, `${answered} B were read`);
  clock.advance(3000);
  assertMatch((await ended).reason, /took nothing for 5000 ms/);
  assert(await sent instanceof Deno.errors.BrokenPipe);
});

Deno.test("RawConnection hangs up on a caller that says nothing for too long", async () => {
  const { caller, clock, ended } = open(echo, { limits: { idleTimeout: 1000 } });
  await caller.write("a");
  await until(() => clock.pending.length === 1, "the connection to begin");
  await turn();
  clock.advance(900);
  await caller.write("b");
  await turn();
  clock.advance(900);
  assertEquals(clock.pending.length, 1, "it was not silent for so long");
  clock.advance(1000);
  assertEquals(text(await caller.rest()), "ab");
  caller.close();
  assertEquals((await ended).reason, "nothing was said for 1000 ms");
});

Deno.test("RawConnection does not count the time of an answer as silence", async () => {
  const gate = Promise.withResolvers<string>();
  const { caller, clock, ended } = open(() => gate.promise, { limits: { idleTimeout: 1000 } });
  await caller.write("a");
  await turn();
  clock.advance(5000);
  gate.resolve("late");
  assertEquals(await rest(caller), "late");
  assertEquals((await ended).reason, "the peer closed the connection");
});

Deno.test("RawContext.close() hangs up after the answer", async () => {
  const { caller, ended } = open((_, context) => {
    context.close();
    context.close();
    return "bye";
  });
  await caller.write("quit");
  assertEquals(text(await caller.rest()), "bye");
  await caller.write("more"); // is read and forgotten: a reset would lose our last words
  caller.close();
  assertEquals((await ended).reason, "raw() hung up");
});

Deno.test("RawContext.close() hangs up at once between answers, and waits for the caller's end", async () => {
  const { caller, context, clock, ended } = open(echo, { limits: { lingerTimeout: 1000 } });
  await caller.write("a");
  await turn();
  context.close();
  assertEquals(text(await caller.rest()), "a");
  assert(!context.signal.aborted);
  clock.advance(1000);
  assertEquals((await ended).reason, "raw() hung up");
  assert(context.signal.aborted);
  assertEquals(clock.pending, []);
});

for (
  const [name, answer, message] of [
    ["throws", () => {
      throw new Error("mistake");
    }, /^mistake$/],
    ["rejects", () => Promise.reject(new Error("mistake")), /^mistake$/],
    ["gives a number", () => 7 as unknown as string, /it gave a value of type number$/],
    ["gives null", () => null as unknown as string, /it gave null$/],
  ] as [string, () => RawAnswer, RegExp][]
) {
  Deno.test(`RawConnection hangs up and tells of it when the session ${name}`, async () => {
    const { caller, errors, ended } = open(answer);
    await caller.write("a");
    assertEquals((await caller.rest()).length, 0);
    caller.close();
    assertEquals((await ended).reason, "raw() failed");
    assertEquals(errors.length, 1);
    assertMatch((errors[0] as Error).message, message);
  });
}

Deno.test("RawConnection tells a caller that vanished from one that closed", async () => {
  const lost = new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)");
  const clock = new Clock();
  const connection = new RawConnection({
    read: () => Promise.reject(lost),
    write: () => Promise.reject(lost),
    close() {
      throw new Deno.errors.BadResource("Bad resource ID");
    },
  }, {
    service: () => ({ answer: echo }),
    closesIdle: true,
    peer,
    limits: DEFAULT_LIMITS,
    timers: clock,
    onError() {},
  });
  assertEquals(await connection.run(), { reason: "the connection was lost", error: lost });
  assertEquals(clock.pending, []);
});

Deno.test("drain() hangs up on a silent caller after a moment", async () => {
  const { caller, connection, clock, ended } = open(echo);
  await caller.write("a");
  await turn();
  connection.drain(10_000);
  clock.advance(200);
  await caller.write("b");
  await turn();
  clock.advance(200);
  await caller.write("c"); // goes on talking, and is answered
  await turn();
  clock.advance(250);
  assertEquals(text(await caller.rest()), "abc");
  caller.close();
  assertEquals(await ended, { reason: "shutdown" });
  assertEquals(clock.pending, []);
});

Deno.test("drain() lets an answer be finished", async () => {
  const gate = Promise.withResolvers<string>();
  const { caller, connection, clock, ended } = open(() => gate.promise);
  await caller.write("a");
  await turn();
  connection.drain(10_000);
  clock.advance(9_000);
  gate.resolve("finished");
  await turn();
  clock.advance(250);
  assertEquals(text(await caller.rest()), "finished");
  caller.close();
  assertEquals((await ended).reason, "shutdown");
});

Deno.test("drain() ends what has not ended when the grace period is over", async () => {
  const { caller, connection, context, clock, ended } = open(never);
  await caller.write("a");
  await turn();
  connection.drain(1000);
  clock.advance(999);
  assert(!context.signal.aborted);
  clock.advance(1);
  assertEquals((await ended).reason, "shutdown");
  assert(context.signal.aborted, "and tells the session");
  assertEquals(clock.pending, []);
});

Deno.test("drain() without a grace period ends now", async () => {
  const { connection, ended, clock } = open(echo);
  connection.drain(0);
  assertEquals((await ended).reason, "shutdown");
  assertEquals(clock.pending, []);
});
