// What a call that fails tells its caller: which method, what was wrong, and the caller's own line.

import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import * as z from "npm:zod@4";
import {
  type ClientMiddleware,
  ConnectionLostError,
  method,
  notification,
  RpcError,
  settle,
  stream,
} from "../../lib/mod.ts";
import { pair } from "../../lib/testing.ts";
import { makeFolder } from "../cli/_programs.ts";
import { LIB } from "../support/child.ts";

const api = {
  math: {
    add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  },
  bug: method(() => {
    throw new Error("for the log alone");
  }),
  find: method(z.int(), (id) => {
    throw new RpcError("NOT_FOUND", "No such user", { details: { id } });
  }),
  refuses: method((): void => {
    throw new RpcError("INVALID_PARAMS", "Not today", { details: "closed on Sundays" });
  }),
  buy: method((_, { error }) => {
    throw error("OUT_OF_STOCK", { left: 0 });
  }, { errors: { OUT_OF_STOCK: z.object({ left: z.int() }) } }),
  never: method(async (_, { signal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }),
  some: stream(async function* () {
    yield 1;
    await Promise.resolve();
    throw new RpcError("ABORTED", "Lost against another");
  }),
  note: notification(() => {}),
};

/** Without an onError the errors of handlers would be printed. */
const quiet = { serve: { onError: () => {} } };

/** A call that is wrong on purpose: the types would refuse it. */
const wrong = (value: unknown) => value as never;

/** What is awaited by a function of this file fails; its error, and the functions in its stack. */
async function failure(call: () => unknown): Promise<[error: Error, frames: string[]]> {
  try {
    await caller(call);
  } catch (error) {
    assert(error instanceof Error);
    const frames = error.stack!.split("\n    at ").slice(1);
    return [error, frames.map((frame) => frame.replace(/ \(.*:(\d+):\d+\)$/, ""))];
  }
  throw new Error("It did not fail");
}
async function caller(call: () => unknown): Promise<unknown> {
  return await call();
}

/** The functions that wait for the call, from the inside out. */
const WAITING = ["async caller", "async failure"];

Deno.test("a call's error says which method, the first issue, and how many more there are", async () => {
  await using ends = await pair(api, quiet);
  const { call, request } = ends.line;
  const said: [() => Promise<unknown>, string | RegExp][] = [
    [
      () => call.math.add(wrong({ a: 1, b: "2" })),
      /^math\.add: Invalid params at b: .*expected number, received string$/,
    ],
    [() => call.math.add(wrong({})), /^math\.add: Invalid params at a: .* \(and 1 more\)$/],
    [() => call.find(wrong("x")), /^find: Invalid params: .*expected number, received string$/],
    [() => request("math.sub"), "math.sub: Method not found"],
    [() => request("note"), "note: Invalid Request: note is a notification: send it without an id"],
    [() => call.bug(), "bug: Internal error"],
    [() => call.refuses(), "refuses: Not today: closed on Sundays"],
    // The author's own words stay what they are.
    [() => call.find(1), "No such user"],
    [() => call.buy(), "OUT_OF_STOCK"],
  ];
  for (const [make, expected] of said) {
    const error = await assertRejects(make, RpcError);
    if (typeof expected === "string") assertEquals(error.message, expected);
    else assertMatch(error.message, expected);
    assert(error.method !== undefined);
  }
});

Deno.test("an error is handed on, compared and settled with what the peer said", async () => {
  await using ends = await pair(api, quiet);
  const { call } = ends.line;
  const bug = await assertRejects(() => call.bug(), RpcError);
  assertEquals(bug.toJSON(), { code: -32603, message: "Internal error" });
  assertEquals([bug.method, bug.reason], ["bug", "INTERNAL_ERROR"]);
  const bought = await settle(call.buy());
  assert(!bought.ok && bought.reason === "OUT_OF_STOCK");
  assertEquals([bought.data, bought.error.method], [{ left: 0 }, "buy"]);
  assert(!("method" in new RpcError("NOT_FOUND", "made by a handler")));
});

Deno.test("an error's stack is that of the code that waits, whatever the call failed with", async () => {
  await using ends = await pair(api, quiet);
  const { call, request, batch } = ends.line;
  const calls: (() => Promise<unknown>)[] = [
    () => call.math.add(wrong({})),
    () => call.find(1),
    () => call.bug(),
    () => call.buy(),
    () => request("nope"),
    () => call.never(undefined, { timeout: 1 }),
    () => call.never(undefined, { timeout: 0 }),
    () => call.never(undefined, { timeout: -1 }),
    () => call.never(undefined, { after: "7" }),
    () => batch((call) => [call.bug()])[0],
    () => call.some(), // awaited, and not iterated
  ];
  for (const make of calls) {
    const [error, frames] = await failure(make);
    assertEquals(frames.slice(0, 2), WAITING, error.stack);
    assert("method" in error);
    assert(error.stack!.startsWith(`${error.name}: ${error.message}\n`), error.stack);
  }
});

Deno.test("an error's stack goes through Promise.all, loops and middleware", async () => {
  const through: ClientMiddleware = async (_, next) => await next();
  for (const use of [[], [through]]) {
    await using ends = await pair(api, { ...quiet, connect: { use } });
    const { call, batch } = ends.line;
    const [, all] = await failure(() =>
      Promise.all(batch((call) => [call.math.add({ a: 1, b: 1 }), call.bug()]))
    );
    assertEquals(all.slice(0, 3), ["async Promise.all (index 1)", ...WAITING]);
    const [, single] = await failure(() => call.bug());
    assertEquals(single.slice(0, 2), WAITING);
    const loop = async () => {
      for await (const _ of call.some());
    };
    const [error, looped] = await failure(loop);
    assertEquals(error.message, "Lost against another");
    assertEquals(looped.slice(use.length === 0 ? 0 : 1).slice(0, 3), ["async loop", ...WAITING]);
  }
});

Deno.test("an error's stack is that of the code that waits where the connection is lost", async () => {
  await using ends = await pair(api, { ...quiet, connect: { reconnect: false } });
  const lost = failure(() => ends.line.call.never());
  await ends.line.request("rpc.ping"); // by now it has been sent
  await ends.server.shutdown(0);
  const [error, frames] = await lost;
  assert(error instanceof Error);
  assertEquals(frames.slice(0, 2), WAITING, error.stack);
  const [late, waiting] = await failure(() => ends.line.call.never());
  assert(late instanceof ConnectionLostError);
  assertEquals([late.method, ...waiting.slice(0, 2)], ["never", ...WAITING]);
});

Deno.test("a caller's own reason is what its call fails with, untouched", async () => {
  await using ends = await pair(api, quiet);
  const { call } = ends.line;
  const reason = new Error("changed my mind"), { stack } = reason;
  const before = AbortSignal.abort(reason);
  assertStrictEquals(
    await assertRejects(() => call.never(undefined, { signal: before })),
    reason,
  );
  const user = new AbortController();
  const running = call.never(undefined, { signal: user.signal });
  await ends.line.request("rpc.ping");
  user.abort(reason);
  assertStrictEquals(await assertRejects(() => running), reason);
  assertEquals([reason.stack, "method" in reason], [stack, false]);
});

Deno.test("a script that does not catch shows its own line, the method and the issue", async () => {
  await using folder = await makeFolder({
    "main.ts": `
import { method } from ${JSON.stringify(LIB)};
import { pair } from ${JSON.stringify(new URL("testing.ts", LIB).href)};
import * as z from "npm:zod@4";
await using ends = await pair({ upper: method(z.string(), (text) => text.toUpperCase()) });
async function shout(text: unknown) {
  return await ends.line.call.upper(text as string);
}
console.log(await shout(7));
`,
  });
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", `${folder.path}/main.ts`],
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 1);
  assertMatch(text, /RpcError: upper: Invalid params: .*expected string, received number\n/);
  assertMatch(text, / {2}return await ends\.line\.call\.upper\(text as string\);\n/);
  assertMatch(text, /at async shout \(.*main\.ts:7:\d+\)\n.*at async file:.*main\.ts:9:\d+/);
  assert(!text.includes("/lib/"), text);
});

Deno.test("a stub has a text, and is asked for it without a call", async () => {
  const called: string[] = [];
  await using ends = await pair({}, {
    connect: {
      use: [(call) => {
        called.push(call.method);
        return { result: null };
      }],
    },
  });
  const { call, notify } = ends.line as unknown as { call: never; notify: never };
  const stubs: [unknown, string][] = [
    [call, "[Stub]"],
    [notify, "[Stub]"],
    [(call as { math: { add: unknown } }).math.add, "[Stub: math.add]"],
  ];
  for (const [stub, text] of stubs) {
    assertEquals([`${stub}`, (stub as string) + "", String(stub)], [text, text, text]);
    assertEquals([Number(stub), stub == text], [NaN, true]);
    JSON.stringify({ stub });
    Deno.inspect(stub);
    await stub;
  }
  assertEquals(called, []);
  // A peer may well have a method of this name.
  await (call as { toString(): Promise<unknown> }).toString();
  assertEquals(called, ["toString"]);
});
