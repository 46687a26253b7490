// The two ends of a stream without a connection between them: credit, order, and how they end.

import { assert, assertEquals, assertFalse, assertInstanceOf } from "@std/assert";
import { RpcError } from "../../../lib/mod.ts";
import { iteratorOf, StreamReceiver } from "../../../lib/stream/receiver.ts";
import { type Room, StreamSender } from "../../../lib/stream/sender.ts";
import { turn } from "../../support/deadline.ts";
import { rejection } from "../../support/events.ts";

const LIMIT = { name: "maxResponseBytes", bytes: 1000 } as const;

/** An outlet whose items are kept as they were sent. */
function outletOf(credit: number, room: Partial<Room> = {}) {
  const sent: string[][] = [];
  const send = (items: string[]) => void sent.push(items);
  const always: Room = {
    isFull: false,
    whenRoom: (write) => write(),
    reserve() {},
    pause: () => undefined,
  };
  return {
    sent,
    outlet: new StreamSender(credit, send, { ...always, ...room }, LIMIT, JSON.stringify),
  };
}

/** An inlet with a window, and what it told the other end. */
function inletOf(window = 4) {
  const granted: number[] = [];
  let left = 0;
  const inlet = new StreamReceiver(window, {
    grant: (count) => void granted.push(count),
    leave: () => void left++,
  });
  return { inlet, granted, left: () => left };
}

Deno.test("Outlet.pump() asks for no item before there is credit, and for none after", async () => {
  const { outlet, sent } = outletOf(0);
  let asked = 0;
  const pumped = outlet.pump(function* () {
    while (asked < 5) yield ++asked;
    return "end";
  }());
  await turn();
  assertEquals(asked, 0);
  outlet.grant(2);
  await turn();
  assertEquals(asked, 2);
  assertEquals(sent, [["1", "2"]]);
  outlet.grant(3);
  await turn();
  assertEquals(asked, 5);
  outlet.grant(1);
  assertEquals(await pumped, "end");
  assertEquals(sent.flat(), ["1", "2", "3", "4", "5"]);
});

Deno.test("Outlet.pump() sends items together that come together, and alone those that do not", async () => {
  const { outlet, sent } = outletOf(Infinity);
  await outlet.pump(async function* () {
    yield 1;
    yield 2;
    await turn();
    yield 3;
    await turn();
  }());
  assertEquals(sent, [["1", "2"], ["3"]]);
});

Deno.test("Outlet.pump() bounds what it sends together", async () => {
  const { outlet, sent } = outletOf(Infinity);
  const item = "x".repeat(200);
  await outlet.pump(Array.from({ length: 20 }, () => item).values());
  assertEquals(sent.flat().length, 20);
  for (const items of sent) assert(items.join().length <= LIMIT.bytes / 3, `${items.length}`);
});

Deno.test("Outlet.pump() fails at an item over the limit, after the items before it", async () => {
  const { outlet, sent } = outletOf(Infinity);
  let ended = 0;
  const error = await rejection(outlet.pump(function* () {
    try {
      yield "fits";
      yield "é".repeat(499); // 998 B and two quotes
      yield "é".repeat(500);
    } finally {
      ended++;
    }
  }()));
  assertInstanceOf(error, RpcError);
  assertEquals(error.data, { name: "RESOURCE_EXHAUSTED", limit: "maxResponseBytes" });
  assertEquals(sent.flat().length, 2);
  assertEquals(ended, 1);
});

Deno.test("Outlet.pump() sends the items before a failure, then rejects with it", async () => {
  const { outlet, sent } = outletOf(Infinity);
  const failure = new Error("broken");
  const error = await rejection(outlet.pump(function* () {
    yield 1;
    throw failure;
  }()));
  assertEquals(error, failure);
  assertEquals(sent, [["1"]]);
});

Deno.test("Outlet.pump() fails at an item that is no JSON, and closes its source", async () => {
  const { outlet, sent } = outletOf(Infinity);
  let ended = 0;
  const error = await rejection(outlet.pump(function* () {
    try {
      yield 1;
      yield 1n;
    } finally {
      ended++;
    }
  }()));
  assertInstanceOf(error, TypeError);
  assertEquals(sent, [["1"]]);
  assertEquals(ended, 1);
});

Deno.test("Outlet.stop() closes the source once, while it waits for credit, for room or for an item", async () => {
  for (const waits of ["credit", "room", "item"]) {
    const gate = Promise.withResolvers<void>();
    const { outlet } = outletOf(
      waits === "credit" ? 1 : 10,
      {
        isFull: waits === "room",
        whenRoom: async (write) => (await gate.promise, write()),
      },
    );
    let ended = 0;
    const pumped = outlet.pump(async function* () {
      try {
        yield 1;
        if (waits === "item") await gate.promise;
        yield 2;
      } finally {
        ended++;
      }
    }());
    await turn();
    outlet.stop();
    outlet.stop();
    gate.resolve();
    assertEquals(await pumped, undefined);
    // A generator that was never asked for an item has nothing to run.
    assertEquals(ended, waits === "room" ? 0 : 1, waits);
  }
});

Deno.test("Outlet.stop() drops items that were not sent", async () => {
  const { outlet, sent } = outletOf(10);
  const gate = Promise.withResolvers<void>();
  const pumped = outlet.pump(async function* () {
    yield 1;
    outlet.stop();
    await gate.promise;
  }());
  await turn();
  gate.resolve();
  await pumped;
  assertEquals(sent, []);
});

Deno.test("Inlet gives items in order, to consumers in the order in which they asked", async () => {
  const { inlet } = inletOf();
  const asked = [inlet.next(), inlet.next()];
  inlet.push(["a", "b", "c"]);
  assertEquals(await Promise.all(asked), [{ done: false, value: "a" }, {
    done: false,
    value: "b",
  }]);
  assertEquals(await inlet.next(), { done: false, value: "c" });
});

Deno.test("Inlet grants what was taken, in halves of its window, and nothing for what lies there", async () => {
  const { inlet, granted } = inletOf(4);
  inlet.push([1, 2, 3, 4]);
  assertEquals(granted, []);
  await inlet.next();
  assertEquals(granted, []);
  await inlet.next();
  assertEquals(granted, [2]);
  await inlet.next();
  await inlet.next();
  assertEquals(granted, [2, 2]);
});

Deno.test("Inlet refuses items over its credit, and keeps none of them", async () => {
  const { inlet } = inletOf(4);
  assert(inlet.push([1, 2, 3]));
  assertFalse(inlet.push([4, 5]));
  assert(inlet.push([4]));
  assertFalse(inlet.push([5]));
  inlet.finish("end");
  const seen = [];
  for await (const item of inlet) seen.push(item);
  assertEquals(seen, [1, 2, 3, 4]);
});

Deno.test("Inlet tells a failure after the items before it, once", async () => {
  const { inlet } = inletOf();
  inlet.push([1]);
  const failure = new Error("broken");
  inlet.fail(failure);
  inlet.fail(new Error("again"));
  assertEquals(await inlet.next(), { done: false, value: 1 });
  assertEquals(await rejection(inlet.next()), failure);
  assertEquals(await inlet.next(), { done: true, value: undefined });
});

Deno.test("Inlet tells the result once, and that it is done from then on", async () => {
  const { inlet } = inletOf();
  const asked = [inlet.next(), inlet.next()];
  inlet.finish("end");
  assertEquals(await Promise.all(asked), [
    { done: true, value: "end" },
    { done: true, value: undefined },
  ]);
  assertEquals(await inlet.next(), { done: true, value: undefined });
});

Deno.test("Inlet.return() leaves once, forgets what lies there, and wakes who waits", async () => {
  const { inlet, left } = inletOf();
  inlet.push([1, 2]);
  await inlet.next();
  await inlet.return();
  await inlet.return();
  assertEquals(left(), 1);
  assertEquals(await inlet.next(), { done: true, value: undefined });
  assert(inlet.push([3]), "what is still on its way is no fault");
  assertEquals(await inlet.next(), { done: true, value: undefined });

  const waits = inletOf();
  const asked = waits.inlet.next();
  await waits.inlet.return("left");
  assertEquals(await asked, { done: true, value: "left" });
});

Deno.test("Inlet.return() after the end tells nobody", async () => {
  const { inlet, left } = inletOf();
  inlet.finish(undefined);
  await inlet.return();
  assertEquals(left(), 0);
});

Deno.test("iteratorOf() takes what can be iterated, and nothing else", async () => {
  assertEquals(iteratorOf([7]).next(), { done: false, value: 7 });
  assertEquals(await iteratorOf(ReadableStream.from([7])).next(), { done: false, value: 7 });
  for (const value of [undefined, null, 7, {}, () => {}]) {
    assertInstanceOf(await rejection(Promise.try(() => iteratorOf(value))), TypeError);
  }
});

Deno.test("StreamReceiver grants nothing ahead while much is kept, and all of it to a consumer that waits", async () => {
  const granted: number[] = [];
  let isRoomy = false;
  const receiver = new StreamReceiver(4, {
    hasRoom: () => isRoomy,
    grant: (count) => void granted.push(count),
    leave: () => {},
  });
  assert(receiver.push([1, 2, 3]));
  for (let i = 0; i < 3; i++) await receiver.next();
  assertEquals(granted, []);
  const fourth = receiver.next();
  assertEquals(granted, [3]);
  assert(receiver.push([4, 5, 6, 7]));
  assertEquals((await fourth).value, 4);
  await receiver.next();
  assertEquals(granted, [3], "two are taken, and nobody waits");
  isRoomy = true;
  await receiver.next();
  assertEquals(granted, [3, 3]);
});
