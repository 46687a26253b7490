// Calls both ways: what a client serves on its line, and handlers that call back.

import { assert, assertEquals, assertFalse, assertInstanceOf } from "@std/assert";
import * as z from "npm:zod@4";
import {
  connect,
  ConnectionLostError,
  type Line,
  method,
  notification,
  type Peer,
  RpcError,
  serve,
  settle,
  withContext,
} from "../../lib/mod.ts";
import { pair } from "../../lib/testing.ts";
import { turn, within } from "../support/deadline.ts";
import { aborted, Events, rejection } from "../support/events.ts";

const reasonOf = (error: unknown) => error instanceof RpcError ? error.reason : error;

const clientApi = {
  name: method(() => "client"),
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  deep: { er: method(z.string(), (text) => text.toUpperCase()) },
  fail: method((_, { error }): number => {
    throw error("SORRY", { why: "no" });
  }, { errors: { SORRY: z.object({ why: z.string() }) } }),
};
const typed = withContext<{ peer: Peer<typeof clientApi> }>();

Deno.test("a handler calls the client back, with its types, on the same connection", async () => {
  const api = {
    ask: typed.method(async (_, { peer: { call } }) => [
      await call.name(),
      await call.add({ a: 1, b: 2 }),
      await call.deep.er("x"),
    ]),
  };
  for (const listen of ["memory:", "tcp://127.0.0.1:0"]) {
    await using server = serve(api, { listen });
    await using line = await connect<typeof api>(server.addresses[0]!, { api: clientApi });
    assertEquals(await line.call.ask(), ["client", 3, "X"]);
    assertEquals(server.connections, 1);
  }
});

Deno.test("a call back fails as any call does", async () => {
  const api = {
    ask: typed.method(async (_, { peer }) => {
      const settled = await settle(peer.call.fail());
      if (settled.ok || settled.reason !== "SORRY") throw new Error("expected SORRY");
      const refused = await rejection(peer.call.add({ a: 1, b: "2" as unknown as number }));
      return [settled.data.why, reasonOf(refused)];
    }),
    unknown: method(async (_, { peer }) => reasonOf(await rejection(peer.call.nothing!()))),
  };
  await using ends = await pair(api, { connect: { api: clientApi } });
  assertEquals(await ends.line.call.ask(), ["no", "INVALID_PARAMS"]);
  assertEquals(await ends.line.call.unknown(), "METHOD_NOT_FOUND");
});

Deno.test("a client that serves nothing has no methods to call back", async () => {
  const api = {
    ask: typed.method(async (_, { peer }) => reasonOf(await rejection(peer.call.name()))),
  };
  await using ends = await pair(api);
  assertEquals(await ends.line.call.ask(), "METHOD_NOT_FOUND");
});

Deno.test("a call back that is not caught is an accident, and one that is handed on is not", async () => {
  const api = {
    passed: typed.method((_, { peer }) => peer.call.fail()),
    handed: typed.method(async (_, { peer }) => {
      const error = await rejection(peer.call.fail());
      assertInstanceOf(error, RpcError);
      throw new RpcError("ABORTED", error.message, { details: error.reason });
    }),
  };
  await using ends = await pair(api, { connect: { api: clientApi } });
  assertEquals(reasonOf(await rejection(ends.line.call.passed())), "INTERNAL_ERROR");
  const error = await rejection(ends.line.call.handed());
  assertInstanceOf(error, RpcError);
  assertEquals(error.data, { name: "ABORTED", details: "SORRY" });
});

Deno.test("calls go back and forth as deep as one likes", async () => {
  type Down = { down: typeof down };
  const up = method(
    z.int(),
    async (n, { peer }): Promise<number> =>
      n === 0 ? 0 : 1 + await (peer as unknown as Peer<Down>).call.down(n - 1),
  );
  const down = method(
    z.int(),
    async (n, { peer }): Promise<number> =>
      n === 0 ? 0 : 1 + await (peer as unknown as Peer<{ up: typeof up }>).call.up(n - 1),
  );
  await using ends = await pair({ up }, { connect: { api: { down } } });
  assertEquals(await ends.line.call.up(40), 40);
});

Deno.test("a handler that calls back at maxInFlight does not deadlock", async () => {
  // Each round holds all places with handlers that wait for a call back, which wait for the next one.
  for (const limit of [1, 3]) {
    const gate = Promise.withResolvers<void>();
    const entered = new Events();
    const slowApi = {
      ...clientApi,
      name: method(async () => {
        entered.add("name");
        await gate.promise;
        return "client";
      }),
    };
    const api = {
      ask: typed.method(async (_, { peer }) => await peer.call.name()),
      plain: method(() => "plain"),
      later: method(async () => await Promise.resolve("later")),
    };
    await using ends = await pair(api, {
      serve: { limits: { maxInFlight: limit } },
      connect: { api: slowApi },
    });
    assertEquals(await ends.line.call.plain(), "plain");
    const asks = Array.from({ length: limit }, () => ends.line.call.ask());
    await entered.count(limit);
    // Nothing is free, and the answers to the calls back lie behind what comes now.
    assertEquals(await ends.line.call.plain(), "plain", "what is answered at once needs no place");
    const waiting = Array.from({ length: 5 }, () => ends.line.call.later());
    gate.resolve();
    assertEquals(await within(Promise.all(waiting), "what waited"), waiting.map(() => "later"));
    assertEquals(await within(Promise.all(asks), "the calls back"), asks.map(() => "client"));
    assertEquals(await ends.line.call.plain(), "plain");
  }
});

Deno.test("a request that waits for a place goes on waiting when a handler begins to call back", async () => {
  const begun = new Events(), gate = Promise.withResolvers<void>();
  const api = {
    ask: typed.method(async (_, { peer }) => {
      begun.add("ask");
      await gate.promise;
      return await peer.call.name();
    }),
    later: method(async () => await Promise.resolve("later")),
  };
  await using ends = await pair(api, {
    serve: { limits: { maxInFlight: 1 } },
    connect: { api: clientApi },
  });
  const ask = ends.line.call.ask();
  await begun.count(1);
  const waiting = ends.line.call.later();
  for (let n = 0; n < 5; n++) await turn();
  gate.resolve();
  assertEquals(await within(ask, "the call that calls back"), "client");
  assertEquals(await waiting, "later");
});

Deno.test("two peers that are both at their limits and call each other do not deadlock", async () => {
  type Down = { down: typeof down };
  const up = method(async (_, { peer }) => await (peer as unknown as Peer<Down>).call.down());
  const down = method(() => 1);
  await using ends = await pair({ up }, {
    serve: { limits: { maxInFlight: 2 } },
    connect: { api: { down }, limits: { maxInFlight: 1 } },
  });
  const calls = Array.from({ length: 50 }, () => settle(ends.line.call.up()));
  const settled = await within(Promise.all(calls), "all calls");
  for (const outcome of settled) {
    assert(outcome.ok || reasonOf(outcome.error) === "UNAVAILABLE", Deno.inspect(outcome));
  }
  assert(settled.some(({ ok }) => ok));
});

Deno.test("notifications go both ways, in order, typed", async () => {
  const atServer = new Events<number>(), atClient = new Events<number>();
  const clientSide = { told: notification(z.int(), (n) => atClient.add(n)) };
  const both = withContext<{ peer: Peer<typeof clientSide> }>();
  const api = {
    tell: notification(z.int(), (n) => atServer.add(n)),
    nested: { tell: notification(z.int(), (n) => atServer.add(-n)) },
    start: both.method((_, { peer }) => {
      for (let n = 0; n < 100; n++) peer.notify.told(n);
    }),
    plain: method(z.int(), (n) => atServer.add(1000 + n)),
  };
  await using ends = await pair(api, { connect: { api: clientSide } });
  const { notify, call } = ends.line;
  for (let n = 0; n < 100; n++) notify.tell(n);
  assertEquals(await atServer.count(100), Array.from({ length: 100 }, (_, n) => n));
  notify.nested.tell(1);
  notify.plain(1);
  await atServer.count(102);
  assertEquals(atServer.all.slice(100), [-1, 1001]);
  await call.start();
  assertEquals(await atClient.count(100), Array.from({ length: 100 }, (_, n) => n));
});

Deno.test("a notification that is called with an id is INVALID_REQUEST, and does not run", async () => {
  let ran = 0;
  const api = { tell: notification(z.int(), () => void ran++), ping: method(() => true) };
  await using ends = await pair(api);
  const error = await rejection(ends.line.request("tell", [1]));
  assertInstanceOf(error, RpcError);
  assertEquals(error.reason, "INVALID_REQUEST");
  assertFalse("tell" in (ends.line.call as object));
  assertEquals(ran, 0);
});

Deno.test("a notification that is wrong, fails or is unknown harms nobody, and is reported where it failed", async () => {
  const errors = new Events<unknown>();
  const api = {
    tell: notification(z.int(), (n) => {
      if (n === 1) throw new Error("sync");
      return Promise.reject(new Error("async"));
    }),
    ping: method(() => true),
  };
  await using ends = await pair(api, { serve: { onError: errors.add } });
  const line = ends.line as unknown as Line;
  line.notify.tell!("text");
  line.notify.tell!(1);
  line.notify.tell!(2);
  line.notify.nothing!();
  line.notify.toString!();
  await ends.line.call.ping();
  await errors.count(3);
  assertEquals(
    errors.all.map((error) => (error as Error).message),
    ["Invalid params", "sync", "async"],
  );
});

Deno.test("notify() throws for a value that is no JSON, and is silent on a line that is closed", async () => {
  const api = { tell: notification(z.unknown(), () => {}) };
  const ends = await pair(api);
  assertInstanceOf(
    await rejection(Promise.try(() => ends.line.notify.tell(1n))),
    TypeError,
  );
  await ends[Symbol.asyncDispose]();
  ends.line.notify.tell(1);
});

Deno.test("handlers of a client are told when the line ends, and their calls fail", async () => {
  const events = new Events<unknown>();
  const waitingApi = {
    wait: method(async (_, { signal, call }) => {
      events.add("begun");
      await aborted(signal);
      events.add(await rejection(call.anything!()));
    }),
  };
  const waiter = withContext<{ peer: Peer<typeof waitingApi> }>();
  const api = { ask: waiter.method((_, { call }) => call.wait()) };
  await using server = serve(api, { listen: "memory:" });
  const line = await connect<typeof api>(server.addresses[0]!, { api: waitingApi });
  const call = rejection(line.call.ask());
  await events.count(1);
  await line.close();
  assertInstanceOf(await call, ConnectionLostError);
  await events.count(2);
  assertEquals(reasonOf(events.all[1]), "CANCELLED");
});

Deno.test("a cancelled call is answered once, and its place stays taken until its handler has ended", async () => {
  const gate = Promise.withResolvers<void>(), events = new Events();
  const api = {
    stubborn: method(async (_, { signal }) => {
      await aborted(signal);
      events.add("aborted");
      await gate.promise;
      return "too late";
    }),
    plain: method(async () => {
      events.add("plain");
      return await Promise.resolve("plain");
    }),
  };
  await using ends = await pair(api, { serve: { limits: { maxInFlight: 1 } } });
  const controller = new AbortController();
  const call = rejection(ends.line.call.stubborn(undefined, { signal: controller.signal }));
  await turn();
  controller.abort();
  assertInstanceOf(await call, DOMException);
  await events.count(1);
  const plain = ends.line.call.plain();
  for (let n = 0; n < 10; n++) await turn();
  assertEquals(events.all, ["aborted"]);
  gate.resolve();
  assertEquals(await plain, "plain");
});

Deno.test("a cancellation that comes too late changes nothing", async () => {
  const api = { ping: method(() => true) };
  await using ends = await pair(api);
  const controller = new AbortController();
  assertEquals(await ends.line.call.ping(undefined, { signal: controller.signal }), true);
  controller.abort();
  assertEquals(await ends.line.call.ping(), true);
  const before = AbortSignal.abort(new Error("before"));
  assertEquals(
    (await rejection(ends.line.call.ping(undefined, { signal: before })) as Error).message,
    "before",
  );
});

Deno.test("a signal keeps nothing of the calls that it might have cancelled", async () => {
  let listeners = 0;
  const { signal } = new AbortController();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = function (...args: Parameters<typeof addEventListener>) {
    listeners++;
    return addEventListener.apply(signal, args);
  } as typeof addEventListener;
  signal.removeEventListener = function (...args: Parameters<typeof removeEventListener>) {
    listeners--;
    return removeEventListener.apply(signal, args);
  } as typeof removeEventListener;
  await using ends = await pair({
    ping: method(() => true),
    fail: method(() => {
      throw new RpcError("ABORTED", "no");
    }),
  });
  for (let n = 0; n < 10; n++) await ends.line.call.ping(undefined, { signal });
  for (let n = 0; n < 10; n++) await rejection(ends.line.call.fail(undefined, { signal }));
  await rejection(ends.line.call.ping(undefined, { signal, timeout: 0 }));
  await rejection(ends.line.call.ping(undefined, { signal, timeout: NaN }));
  assertEquals(listeners, 0);
});
