// Middleware and context: what runs around a handler, in which order, and what it may change.

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import * as z from "npm:zod@4";
import {
  type Context,
  method,
  type Middleware,
  type MiddlewareNext,
  notification,
  RpcError,
  serve,
  stream,
  withContext,
  withMiddleware,
} from "../../../lib/mod.ts";
import { pair } from "../../../lib/testing.ts";
import { Events, rejection } from "../../support/events.ts";
import { RawPeer } from "../../support/raw.ts";

const reasonOf = (error: unknown) => error instanceof RpcError ? error.reason : error;

/** Notes when it was entered and left. */
function traced(name: string, events: string[]): Middleware {
  return async (_, next) => {
    events.push(`> ${name}`);
    try {
      return await next();
    } finally {
      events.push(`< ${name}`);
    }
  };
}

Deno.test("middleware runs from the server's to the method's, each list from first to last, and back", async () => {
  const events: string[] = [];
  const trace = (name: string) => traced(name, events);
  const { method: defined } = withContext().use(trace("define 1")).use(trace("define 2"));
  const api = withMiddleware([trace("api")], {
    admin: withMiddleware([trace("admin 1"), trace("admin 2")], {
      deep: {
        stop: defined(() => events.push("handler"), { use: [trace("own 1"), trace("own 2")] }),
      },
    }),
    free: method(() => events.push("free")),
  });
  await using ends = await pair(api, { serve: { use: [trace("server 1"), trace("server 2")] } });
  await ends.line.call.admin.deep.stop();
  const order = [
    "server 1",
    "server 2",
    "api",
    "admin 1",
    "admin 2",
    "define 1",
    "define 2",
    "own 1",
    "own 2",
  ];
  assertEquals(events, [
    ...order.map((name) => `> ${name}`),
    "handler",
    ...order.toReversed().map((name) => `< ${name}`),
  ]);
  events.length = 0;
  await ends.line.call.free();
  assertEquals(events, [
    ..."server 1,server 2,api".split(",").map((name) => `> ${name}`),
    "free",
    ..."api,server 2,server 1".split(",").map((name) => `< ${name}`),
  ]);
});

Deno.test("middleware sees the method, the value that the schema made, the context, and the result", async () => {
  const seen: unknown[] = [];
  const watch: Middleware = async (call, next) => {
    const outcome = await next();
    seen.push([call.method, call.value, call.context.method, outcome.result]);
    return outcome;
  };
  const api = {
    math: { square: method(z.string().transform(Number), (n) => n * n) },
    later: method(() => Promise.resolve("later")),
  };
  await using ends = await pair(api, { serve: { use: [watch] } });
  assertEquals(await ends.line.call.math.square("3"), 9);
  assertEquals(await ends.line.call.later(), "later");
  assertEquals(seen, [
    ["math.square", 3, "math.square", 9],
    ["later", undefined, "later", "later"],
  ]);
});

Deno.test("middleware does not see a value that the schema refused, nor the built-in methods", async () => {
  let ran = 0;
  const count: Middleware = (_, next) => {
    ran++;
    return next();
  };
  await using ends = await pair({ m: method(z.int(), () => {}) }, { serve: { use: [count] } });
  await rejection(ends.line.request("m", ["x"]));
  await ends.line.request("rpc.ping");
  await rejection(ends.line.request("unknown"));
  assertEquals(ran, 0);
});

Deno.test("middleware sees what failed, and may answer or fail in its place", async () => {
  const seen: unknown[] = [];
  const errors: unknown[] = [];
  const rescue: Middleware = async (_, next) => {
    try {
      return await next();
    } catch (error) {
      seen.push(error);
      if (error instanceof RangeError) return { result: "rescued" };
      if (error instanceof SyntaxError) throw new RpcError("ABORTED", "replaced");
      throw error;
    }
  };
  const failures = {
    range: new RangeError("r"),
    syntax: new SyntaxError("s"),
    other: new Error("o"),
  };
  const api = {
    fail: method(z.enum(["range", "syntax", "other"]), (which): string => {
      throw failures[which];
    }),
  };
  await using ends = await pair(api, {
    serve: { use: [rescue], onError: (error) => errors.push(error) },
  });
  assertEquals(await ends.line.call.fail("range"), "rescued");
  assertEquals(reasonOf(await rejection(ends.line.call.fail("syntax"))), "ABORTED");
  assertEquals(reasonOf(await rejection(ends.line.call.fail("other"))), "INTERNAL_ERROR");
  assertEquals(seen, Object.values(failures));
  assertEquals(errors, [failures.other]);
});

Deno.test("middleware may replace the result, and refuse before the handler runs", async () => {
  let ran = 0;
  const wrap: Middleware = async (_, next) => ({ result: { wrapped: (await next()).result } });
  const refuse: Middleware = () => {
    throw new RpcError("PERMISSION_DENIED", "Not you");
  };
  const instead: Middleware = () => ({ result: "instead" });
  const run = () => void ran++;
  const api = {
    wrapped: method(() => 1, { use: [wrap] }),
    refused: method(run, { use: [refuse] }),
    replaced: method(run, { use: [instead] }),
  };
  await using ends = await pair(api);
  assertEquals<unknown>(await ends.line.call.wrapped(), { wrapped: 1 });
  const error = await rejection(ends.line.call.refused());
  assertInstanceOf(error, RpcError);
  assertEquals(error.code, -32007);
  assertEquals<unknown>(await ends.line.call.replaced(), "instead");
  assertEquals(ran, 0);
});

Deno.test("middleware that calls next twice fails the call, whose handler ran once, and is reported", async () => {
  let ran = 0;
  const errors: unknown[] = [];
  const twice: Middleware = async (_, next) => {
    await next();
    return await next();
  };
  const both: Middleware = async (_, next) => (await Promise.all([next(), next()]))[0];
  await using ends = await pair({
    twice: method(() => void ran++, { use: [twice] }),
    both: method(() => void ran++, { use: [both] }),
  }, { serve: { onError: (error) => errors.push(error) } });
  for (const name of ["twice", "both"] as const) {
    assertEquals(reasonOf(await rejection(ends.line.call[name]())), "INTERNAL_ERROR");
    assertEquals((errors.pop() as Error).message, `A middleware of ${name} called next twice`);
  }
  assertEquals(ran, 2);
});

Deno.test("middleware that gives nothing back fails the call, and is reported", async () => {
  const errors: unknown[] = [];
  const forgets = (async (_: unknown, next: MiddlewareNext) => {
    await next();
  }) as unknown as Middleware;
  await using ends = await pair({ m: method(() => 1, { use: [forgets] }) }, {
    serve: { onError: (error) => errors.push(error) },
  });
  assertEquals(reasonOf(await rejection(ends.line.call.m())), "INTERNAL_ERROR");
  assertEquals((errors[0] as Error).message, "A middleware of m gave no outcome");
});

Deno.test("middleware adds to the context, for what runs inside of it only, and keeps all else", async () => {
  const kept: unknown[] = [];
  const { method: defined } = withContext<{ state: { id: number } }>()
    .use((call, next) => {
      kept.push("user" in call.context);
      return next({ user: "alice", overridden: "outer" });
    })
    .use((call, next) => {
      const { user } = call.context as unknown as { user: string };
      return next({ shout: user.toUpperCase(), overridden: "inner" });
    });
  const api = {
    all: defined(z.int(), async (value, context) => {
      const { user, shout, overridden, state, signal, timeLeft, progress, meta, peer } = context;
      progress("half");
      return {
        value,
        user,
        shout,
        overridden,
        id: state.id,
        aborted: signal.aborted,
        hasTime: timeLeft() > 0,
        meta,
        back: await peer.call.name!(),
        same: context.signal === signal && context.peer === peer,
        method: context.method,
      };
    }),
    fails: defined((_, { error, user }) => {
      throw error("SORRY", user);
    }, { errors: { SORRY: z.string() } }),
    takes: defined(async (_, { items, user }) => [user, ...await Array.fromAsync(items)], {
      items: z.string(),
    }),
  };
  await using ends = await pair(api, {
    serve: { connectionState: () => ({ id: 7 }) },
    connect: { api: { name: method(() => "client") } },
  });
  const progress: unknown[] = [];
  const result = await ends.line.call.all(1, {
    meta: { tag: "x" },
    onProgress: (value) => progress.push(value),
  });
  const { meta, ...others } = result;
  assertEquals(others, {
    value: 1,
    user: "alice",
    shout: "ALICE",
    overridden: "inner",
    id: 7,
    aborted: false,
    hasTime: true,
    back: "client",
    same: true,
    method: "all",
  });
  assertEquals(meta.tag, "x");
  assertEquals(progress, ["half"]);
  assertEquals(kept, [false]);
  const error = await rejection(ends.line.call.fails()) as RpcError;
  assertEquals(error.data, { name: "SORRY", details: "alice" });
  assertEquals(await ends.line.call.takes(undefined, { items: ["b"] }), ["alice", "b"]);
});

Deno.test("middleware runs around streams and notifications, and may replace a stream", async () => {
  const events = new Events();
  const watch: Middleware = async (call, next) => {
    const outcome = await next();
    events.add(call.method);
    return outcome;
  };
  const doubled: Middleware = async (_, next) => {
    const { result } = await next();
    return {
      result: (async function* () {
        for await (const n of result as AsyncIterable<number>) yield n * 2;
      })(),
    };
  };
  const api = {
    count: stream(function* () {
      yield* [1, 2, 3];
    }, { use: [doubled] }),
    tell: notification(() => events.add("handler")),
    ping: method(() => true),
  };
  await using ends = await pair(api, { serve: { use: [watch] } });
  assertEquals(await Array.fromAsync(ends.line.call.count()), [2, 4, 6]);
  ends.line.notify.tell();
  await ends.line.call.ping();
  assertEquals(events.all, ["count", "handler", "tell", "ping"]);
});

Deno.test("middleware holds for every way in: a request, a notification, a batch, positions, names", async () => {
  let ran = 0;
  const refuse: Middleware = () => {
    throw new RpcError("PERMISSION_DENIED", "Not you");
  };
  const api = withMiddleware([refuse], {
    secret: method(z.object({ a: z.int() }), () => void ran++),
  });
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  using peer = await RawPeer.dial(server.addresses[0]!);
  const call = (id: number | undefined, params: unknown) => ({
    jsonrpc: "2.0",
    ...(id !== undefined && { id }),
    method: "secret",
    params,
  });
  for (const params of [{ a: 1 }, [1], [{ a: 1 }]]) {
    assertEquals((await peer.ask(call(1, params))).error?.code, -32007);
    await peer.send(call(undefined, params));
    await peer.send(JSON.stringify([call(undefined, params), call(2, params)]));
    const [answer] = JSON.parse(await peer.text());
    assertEquals(answer.error.code, -32007);
  }
  const old = await peer.ask('{"id":1,"method":"secret","params":[1]}');
  assertEquals(old.error?.code, -32007);
  assertEquals(ran, 0);
});

// ---- Context ---------------------------------------------------------------------------------------

Deno.test("the context tells the caller's metadata and trace, and the value has none of it", async () => {
  const seen: Pick<Context, "meta" | "trace">[] = [];
  const values: unknown[] = [];
  const note = (value: unknown, { meta, trace }: Pick<Context, "meta" | "trace">) => {
    values.push(value);
    seen.push({ meta, trace });
  };
  const api = {
    object: method(z.strictObject({ a: z.int() }), note),
    scalar: method(z.int(), note),
    array: method(z.array(z.int()), note),
    nothing: method(note),
  };
  await using ends = await pair(api);
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const meta = { traceparent, tracestate: "a=b", tenant: { id: 7 } };
  await ends.line.call.object({ a: 1 }, { meta });
  await ends.line.call.scalar(1, { meta });
  await ends.line.call.array([1, 2], { meta });
  await ends.line.call.nothing(undefined, { meta });
  assertEquals(values, [{ a: 1 }, 1, [1, 2], undefined]);
  for (const { meta: given, trace } of seen) {
    assertEquals(trace, { traceparent, tracestate: "a=b" });
    assertEquals(given, meta);
  }
  seen.length = 0;
  await ends.line.call.nothing();
  await ends.line.call.scalar(1, { meta: { traceparent: 7 } });
  assertEquals(seen.map(({ trace }) => trace), [{}, {}]);
  assertEquals(Object.keys(seen[0]!.meta), []);
});

Deno.test("progress() reaches the caller in order, before the answer, and not after it", async () => {
  const ended = new Events();
  const api = {
    work: method(async (_, { progress }) => {
      for (let n = 0; n < 100; n++) progress(n);
      await null;
      progress({ done: true });
      return "done";
    }),
    late: method((_, { progress, signal }) => {
      signal.addEventListener("abort", () => {
        progress("late");
        ended.add("late");
      });
      return new Promise(() => {});
    }),
    bad: method((_, { progress }) => progress(1n)),
  };
  await using ends = await pair(api);
  const seen: unknown[] = [];
  const onProgress = (value: unknown) => seen.push(value);
  assertEquals(await ends.line.call.work(undefined, { onProgress }), "done");
  assertEquals(seen, [...Array(100).keys(), { done: true }]);
  assertEquals(await ends.line.call.work(), "done", "nobody has to listen");
  assertEquals(
    reasonOf(await rejection(ends.line.call.bad(undefined, { onProgress }))),
    "INTERNAL_ERROR",
  );
  seen.length = 0;
  await rejection(ends.line.call.late(undefined, { onProgress, timeout: 20 }));
  await ended.count(1);
  await ends.line.call.work();
  assertEquals(seen, []);
});

Deno.test("a listener to progress that throws harms nothing but itself", async () => {
  const errors: unknown[] = [];
  const api = {
    work: method((_, { progress }) => {
      progress(1);
      return "done";
    }),
  };
  await using ends = await pair(api, { connect: { onError: (error) => errors.push(error) } });
  const mistake = new Error("mine");
  const onProgress = () => {
    throw mistake;
  };
  assertEquals(await ends.line.call.work(undefined, { onProgress }), "done");
  assertEquals(await ends.line.call.work(), "done");
  assertEquals(errors, [mistake]);
});

Deno.test("a raw peer gets progress for the tokens of ours, of MCP's and of LSP's", async () => {
  const api = {
    work: method(z.looseObject({}), (_, { progress }) => progress("half")),
  };
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  using peer = await RawPeer.dial(server.addresses[0]!);
  const tokens: [unknown, object][] = [
    ["t", { _meta: { progressToken: "t" } }],
    [7, { _meta: { progressToken: 7 } }],
    [0, { _meta: { progressToken: 0 } }],
    ["w", { workDoneToken: "w" }],
  ];
  for (const [token, params] of tokens) {
    await peer.send({ jsonrpc: "2.0", id: 1, method: "work", params });
    assertEquals(await peer.answers(2), [
      { jsonrpc: "2.0", method: "$/progress", params: { token, value: "half" } },
      { jsonrpc: "2.0", id: 1, result: null },
    ]);
  }
  assertEquals((await peer.ask({ jsonrpc: "2.0", id: 1, method: "work", params: {} })).id, 1);
});

Deno.test("state is made once for each connection, and is the same for all of its calls", async () => {
  let made = 0;
  const { method: defined } = withContext<{ state: { id: number; calls: number } }>();
  const api = { count: defined((_, { state }) => [state.id, ++state.calls]) };
  await using ends = await pair(api, {
    serve: { connectionState: (peer) => ({ id: ++made, calls: 0, address: peer.address }) },
  });
  assertEquals(await ends.line.call.count(), [1, 1]);
  assertEquals(await ends.line.call.count(), [1, 2]);
  await using other = serve(api, {
    listen: "memory:",
    connectionState: () => ({ id: ++made, calls: 0 }),
  });
  assert(other.addresses.length === 1);
  assertEquals(await ends.line.call.count(), [1, 3]);
});

Deno.test("a handler takes what it likes out of its context", async () => {
  let first: unknown;
  const api = {
    m: method((_, context) => {
      const { signal, timeLeft, progress, peer, meta, trace, state, error, items } = context;
      progress(timeLeft());
      first = signal;
      assertStrictEquals(context.signal, signal);
      return [typeof peer.address, meta, trace, state, typeof error, typeof items];
    }),
  };
  await using ends = await pair(api);
  assertEquals<unknown>(await ends.line.call.m(), ["string", {}, {}, null, "function", "object"]);
  assertInstanceOf(first, AbortSignal);
});
