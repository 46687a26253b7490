// What can travel does, and what cannot is refused: by serve() if a schema tells, else by the call, else by
// the server. Nothing arrives as something else.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type } from "npm:arktype@2";
import * as v from "npm:valibot@1";
import * as z from "npm:zod@4";
import * as mini from "npm:zod@4/mini";
import {
  connect,
  type Method,
  method,
  RpcError,
  serve,
  type StandardSchema,
  stream,
} from "../../lib/mod.ts";
import { mock, pair } from "../../lib/testing.ts";
import { RawPeer } from "../support/raw.ts";

const AT = new Date("2024-02-29T12:00:00.000Z");

Deno.test("dates travel to a schema that asks for them, wherever they stand", async () => {
  const byHand: StandardSchema<Date> = {
    "~standard": {
      version: 1,
      vendor: "example",
      validate: (value) =>
        value instanceof Date ? { value } : { issues: [{ message: "expected a Date" }] },
    },
  };
  const text = (date: Date) => `${date instanceof Date} ${date.toISOString()}`;
  const api = {
    zod: method(z.date(), text),
    mini: method(mini.date(), text),
    valibot: method(v.date(), text),
    arktype: method(type("Date"), text),
    byHand: method(byHand, text),
    coerced: method(z.coerce.date(), text),
    later: method(z.date().refine((date) => Promise.resolve(date < new Date())), text),
    member: method(
      z.object({ at: z.date(), note: z.string() }),
      ({ at, note }) => [text(at), note],
    ),
    deep: method(
      z.object({ days: z.array(z.object({ at: z.date().optional() })) }),
      ({ days }) => days.map(({ at }) => at && text(at)),
    ),
    either: method(
      z.union([z.object({ at: z.date() }), z.int()]),
      (it) => typeof it === "number" ? it : text(it.at),
    ),
    list: method(z.array(z.date()), (all) => all.map(text)),
    items: method(async (_, { items }) => (await Array.fromAsync(items)).map(text), {
      items: z.date(),
    }),
  };
  await using ends = await pair(api);
  const { call, request } = ends.line, seen = `true ${AT.toISOString()}`;
  for (const name of ["zod", "mini", "valibot", "arktype", "byHand", "coerced", "later"] as const) {
    assertEquals(await call[name](AT), seen, name);
    assertEquals(await call[name](AT, { meta: { a: 1 } }), seen, name);
  }
  const note = AT.toISOString(); // looks like a date, and is wanted as a text
  assertEquals(await call.member({ at: AT, note }), [seen, note]);
  assertEquals(await call.deep({ days: [{ at: AT }, {}] }), [seen, null]);
  assertEquals([await call.either({ at: AT }), await call.either(5)], [seen, 5]);
  assertEquals(await call.list([AT, AT]), [seen, seen]);
  assertEquals(await call.items(undefined, { items: [AT] }), [seen]);
  // As other languages write them.
  const written = ["2024-02-29T12:00:00Z", "2024-02-29T14:00:00+02:00", "2024-02-29t12:00:00.0z"];
  for (const text of written) assertEquals(await request("zod", [text]), seen, text);
  const none = [
    "2024-02-29",
    "2024-13-01T12:00:00Z",
    "2023-02-29T12:00:00Z",
    "2024-04-31T00:00:00+02:00",
    "12:00",
    "2024-02-29T12:00:00",
    "",
    5,
    null,
  ];
  for (const value of none) {
    const error = await assertRejects(() => request("zod", [value]), RpcError);
    assertEquals(error.reason, "INVALID_PARAMS", String(value));
  }
});

Deno.test("serve() refuses a schema that asks for what cannot travel, and says what takes its place", () => {
  class Money {}
  const refused: [StandardSchema, string][] = [
    [z.bigint(), "m takes a bigint, which JSON cannot carry: use z.coerce.bigint()"],
    [z.object({ n: z.bigint().optional() }), "m takes a bigint at n, which JSON cannot carry"],
    [z.array(z.object({ m: z.map(z.string(), z.int()) })), "m takes a Map at [].m,"],
    [z.set(z.string()), "m takes a Set,"],
    [z.tuple([z.int(), z.symbol()]), "m takes a symbol at [1],"],
    [z.record(z.string(), z.int64()), "m takes a bigint at *,"],
    [z.bigint().nullable(), "m takes a bigint,"],
    [z.union([z.bigint(), z.undefined()]), "m takes a bigint,"],
    [z.instanceof(Money), "m takes an instance of Money,"],
    [z.literal(5n), "m takes a bigint,"],
    [z.nan(), "m takes NaN,"],
    [z.promise(z.int()), "m takes a Promise,"],
    [z.file(), "m takes a File,"],
    [mini.object({ n: mini.bigint() }), "m takes a bigint at n,"],
    [v.object({ n: v.optional(v.pipe(v.bigint(), v.minValue(0n))) }), "m takes a bigint at n,"],
    [v.map(v.string(), v.string()), "m takes a Map,"],
    [v.instance(Money), "m takes an instance of Money,"],
    [type({ "a?": { b: "bigint[]" } }), "m takes a bigint at a.b[],"],
    [type({ a: "Set" }), "m takes a Set at a,"],
    [type.instanceOf(Money), "m takes an instance of a class,"],
  ];
  for (const [schema, message] of refused) {
    const api = { m: method(schema, () => 1) };
    const error = assertThrows(() => serve(api, { listen: "memory:" }), TypeError);
    assertStringIncludes(error.message, `Cannot use the API: ${message}`);
  }
  const parts: [object, string][] = [
    [{ items: z.bigint() }, "m takes as items a bigint,"],
    [{ result: z.object({ n: z.bigint() }) }, "m returns a bigint at n, which JSON cannot carry"],
    [{ errors: { BAD: z.set(z.string()) } }, "m throws with BAD a Set, which JSON cannot carry"],
  ];
  for (const [options, message] of parts) {
    const api = { m: method(() => 1, options as never) };
    const error = assertThrows(() => serve(api, { listen: "memory:" }), TypeError);
    assertStringIncludes(error.message, `Cannot use the API: ${message}`);
  }
});

Deno.test("connect() refuses such an API as serve() does", async () => {
  await using server = serve({}, { listen: "memory:" });
  const api = { m: method(z.bigint(), () => 1) };
  await assertRejects(
    () => connect(server.addresses[0]!, { api }),
    TypeError,
    "Cannot use the API: m takes a bigint",
  );
});

Deno.test("serve() takes a schema that makes of JSON what JSON cannot carry", async () => {
  interface Tree {
    kids: Tree[];
  }
  const tree: z.ZodType<Tree> = z.object({
    get kids() {
      return z.array(tree);
    },
  });
  const taken: StandardSchema[] = [
    z.date(),
    z.coerce.bigint(),
    z.string().transform(BigInt),
    z.preprocess((value) => BigInt(String(value)), z.bigint()),
    z.union([z.string(), z.bigint()]),
    z.bigint().catch(5n),
    z.custom<bigint>(),
    z.any(),
    z.json(),
    z.instanceof(Uint8Array),
    z.instanceof(Date),
    z.undefined(),
    z.literal(["a", 5n]),
    z.object({ a: z.never().optional() }),
    tree,
    v.pipe(v.string(), v.transform((value) => BigInt(value))),
    v.pipe(v.any(), v.transform((value) => BigInt(value)), v.bigint()),
    v.union([v.string(), v.bigint()]),
    v.instance(Uint8Array),
    type("string | bigint"),
    type("'a' | bigint"),
    type("string.numeric.parse"),
    type("Date"),
    type.instanceOf(Uint8Array),
    type(["number", "string[]"]),
  ];
  const api = Object.fromEntries(taken.map((schema, i) => [`m${i}`, method(schema, () => 1)]));
  await using server = serve(api, { listen: "memory:" });
  assert(server.addresses.length === 1);
});

/** Values that contain themselves. */
const CIRCLE: Record<string, unknown> = {}, BYTES_IN_CIRCLE = { bytes: new Uint8Array(1), CIRCLE };
CIRCLE.self = CIRCLE;

/** What JSON has no words for, and what is said of it. */
const UNTRAVELLED: readonly (readonly [unknown, string])[] = [
  [5n, "a bigint cannot travel as JSON: send String(it)"],
  [{ list: [{ n: 5n }] }, "a bigint at list[0].n cannot travel as JSON: send String(it)"],
  [new Map(), "a Map cannot travel as JSON: send Object.fromEntries(it) or [...it]"],
  [{ users: new Set(["a"]) }, "a Set at users cannot travel as JSON: send [...it]"],
  [NaN, "NaN cannot travel as JSON"],
  [1e308 + 1e308, "Infinity cannot travel as JSON"],
  [{ a: { b: [1, -Infinity] } }, "-Infinity at a.b[1] cannot travel as JSON"],
  [[() => 1], "a function at [0] cannot travel as JSON"],
  [() => 1, "a function cannot travel as JSON"],
  [Symbol("x"), "a symbol cannot travel as JSON"],
  [{ later: Promise.resolve(1) }, "a Promise at later cannot travel as JSON"],
  [{ why: new Error("x") }, "an Error at why cannot travel as JSON"],
  [/x/, "a RegExp cannot travel as JSON"],
  [new Date(NaN), "an invalid Date cannot travel as JSON"],
  [new Float64Array(2), "a Float64Array cannot travel as JSON"],
  [{ bytes: new ArrayBuffer(2) }, "an ArrayBuffer at bytes cannot travel as JSON"],
  [{ bytes: new Uint8Array(2), n: NaN }, "NaN at n cannot travel as JSON"],
  [CIRCLE, "Converting circular structure to JSON"],
  [BYTES_IN_CIRCLE, "a value that contains itself or nests too deeply cannot travel as JSON"],
  // However far from the start.
  [{ all: Array(100).fill({ a: 1, b: null }), n: NaN }, "NaN at n cannot travel as JSON"],
  [{ all: Array(100).fill("x"), m: new Map() }, "a Map at m cannot travel as JSON"],
];

Deno.test("a result that cannot travel is INTERNAL_ERROR, and the server's log says what and where", async () => {
  for (const [result, message] of UNTRAVELLED) {
    const errors: unknown[] = [];
    const api = { m: method(() => result), s: stream(() => [result]) };
    await using ends = await pair(api, { serve: { onError: (error) => errors.push(error) } });
    const error = await assertRejects(() => ends.line.call.m(), RpcError);
    assertEquals(error.toJSON(), { code: -32603, message: "Internal error" });
    await assertRejects(() => ends.line.call.s(), RpcError, "Internal error");
    await assertRejects(
      async () => await Array.fromAsync(ends.line.call.s()[Symbol.asyncIterator]()),
      RpcError,
      "Internal error",
    );
    assertEquals(errors.length, 3, message);
    const [single, ...items] = errors as Error[];
    assertEquals(single!.message, "Cannot write the result as JSON");
    assertStringIncludes((single!.cause as Error).message, message);
    const what = message.split(" at ")[0]!.split(" cannot ")[0]!;
    for (const { message, cause = { message } } of items) {
      assertStringIncludes((cause as Error).message, what);
    }
  }
});

Deno.test("a value that cannot travel is a call that fails, with the method and the place", async () => {
  await using server = serve({ m: method(z.any(), () => 1) }, { listen: "tcp://127.0.0.1:0" });
  await using line = await connect<{ m: Method<unknown, number> }>(
    server.addresses[0]!,
  );
  for (const [value, message] of UNTRAVELLED) {
    const error = await assertRejects(() => line.call.m(value), TypeError);
    assertStringIncludes(error.message, `Cannot call m: ${message}`);
    assertMatch(error.stack!, /at async .*travel_test\.ts/);
    await assertRejects(async () => await Array.fromAsync(line.request("m", [value])), TypeError);
    assertThrows(() => line.notify.m(value), TypeError, message);
  }
});

Deno.test("what JSON leaves out is left out, and what it writes is written", async () => {
  class Point {
    x = 1;
    #secret = 2;
    norm(): number {
      return this.x + this.#secret;
    }
  }
  const written: [unknown, unknown][] = [
    [{ a: undefined, f: () => 1, n: null }, { n: null }],
    [[undefined, null], [null, null]],
    [new Point(), { x: 1 }],
    [new (class Empty {})(), {}],
    [Object.create(null), {}],
    [AT, AT.toISOString()],
    [new URL("http://a/"), "http://a/"],
    [{ all: Array(100).fill(null), at: AT }, { all: Array(100).fill(null), at: AT.toISOString() }],
    [{ toJSON: () => ({ n: 1 }) }, { n: 1 }],
    [-0, 0],
  ];
  const api = { echo: method(z.int(), (n) => written[n]![0]) };
  await using ends = await pair(api);
  for (const [n, [, arrives]] of written.entries()) {
    assertEquals(await ends.line.call.echo(n), arrives);
  }
});

Deno.test("a mock's results travel as those of a server", async () => {
  await using line = await mock<{ m: Method<undefined, unknown> }>({
    m: () => ({ bytes: new Uint8Array([1, 2]), at: AT }),
  });
  assertEquals(await line.call.m(), { bytes: new Uint8Array([1, 2]), at: AT.toISOString() });
  await using wrong = await mock<{ m: Method<undefined, unknown> }>({ m: () => new Map() });
  await assertRejects(() => wrong.call.m(), TypeError, "a Map cannot travel");
});

Deno.test("a peer without the library learns what a Date is from its text", async () => {
  await using server = serve({ year: method(z.date(), (at) => at.getUTCFullYear()) }, {
    listen: "tcp://127.0.0.1:0",
  });
  using peer = await RawPeer.dial(server.addresses[0]!);
  const params = ["2024-02-29T12:00:00Z"];
  assertEquals((await peer.ask({ jsonrpc: "2.0", id: 1, method: "year", params })).result, 2024);
});
