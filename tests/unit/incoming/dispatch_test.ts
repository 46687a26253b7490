// From params to the handler and back, as a peer sees it.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { type } from "npm:arktype@2";
import * as v from "npm:valibot@1";
import * as z from "npm:zod@4";
import {
  type Api,
  method,
  notification,
  RpcError,
  type ServeOptions,
  type StandardSchema,
  type StandardSchemaResult,
} from "../../../lib/mod.ts";
import { serveLocally } from "../../support/local.ts";
import type { Answer } from "../../support/raw.ts";
import { ANYTHING } from "../../support/schemas.ts";

/** A server of this API, with a peer to ask it. */
function dispatching(api: Api, limits: NonNullable<ServeOptions["limits"]> = {}) {
  const local = serveLocally(api, { limits });
  const peer = local.peer();
  return {
    /** What callers are not told, and what it was about. */
    reports: local.errors,
    ask: (method: string, params?: unknown): Promise<Answer> =>
      peer.ask({ jsonrpc: "2.0", id: 1, method, params }),
    /** Sends a notification; what it does has begun when the next call is answered. */
    notify: (method: string, params?: unknown) => peer.send({ jsonrpc: "2.0", method, params }),
    async [Symbol.asyncDispose]() {
      peer.close();
      await local[Symbol.asyncDispose]();
    },
  };
}

/** A schema that answers later. */
function later<T>(validate: (value: unknown) => StandardSchemaResult<T>): StandardSchema<T> {
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: async (value) => await Promise.resolve(validate(value)),
    },
  };
}

/** The names of an API's methods, as it tells them. */
async function namesOf(api: Api): Promise<string[]> {
  await using ends = dispatching(api);
  const { result } = await ends.ask("rpc.discover");
  return (result as { methods: { name: string }[] }).methods.map(({ name }) => name);
}

Deno.test("serve() takes methods by their whole names, in the order in which they stand", async () => {
  const a = method(() => 1), b = method(() => 2), c = method(() => 3);
  assertEquals(await namesOf({ z: a, deep: { er: { b } }, a: c, $: a }), [
    "z",
    "deep.er.b",
    "a",
    "$",
  ]);
  assertEquals(await namesOf({}), []);
  assertEquals(await namesOf(Object.assign(Object.create(null), { a })), ["a"]);
});

Deno.test("serve() refuses names that are reserved, or cannot be called", () => {
  const m = method(() => 1);
  const refused: [unknown, string][] = [
    [{ rpc: { ping: m } }, '"rpc" is reserved, names must not begin with "rpc."'],
    [{ "rpc.mine": m }, '"rpc.mine" is reserved, names must not begin with "rpc."'],
    [{ rpc: m }, '"rpc" is reserved'],
    [{ "$/mine": m }, '"$/mine" is reserved, names must not begin with "$/"'],
    [{ "": m }, 'there are two methods ""'],
    [{ "a.b": m, a: { b: m } }, 'there are two methods "a.b"'],
    [{ f: () => 1 }, "f is a function, expected method(...) or a plain object of methods"],
    [{ a: { n: null } }, "a.n is null"],
    [{ a: { n: 5 } }, "a.n is a number"],
    [{ a: new Date() }, "a is a object"],
    [{ a: [m] }, "a is a object"],
  ];
  for (const [api, message] of refused) {
    assertThrows(() => serveLocally(api as Api), TypeError, `Cannot use the API: ${message}`);
  }
  const cycle: Record<string, unknown> = { m };
  cycle.self = cycle;
  assertThrows(() => serveLocally(cycle as unknown as Api), TypeError, "self. holds itself");
});

Deno.test("serve() takes an object of methods under two names, and names that only look reserved", async () => {
  const m = method(() => 1), shared = { m };
  assertEquals(await namesOf({ a: shared, b: shared }), ["a.m", "b.m"]);
  assertEquals(await namesOf({ rpcs: m, RPC: { x: m }, $x: m, a: { rpc: m } }), [
    "rpcs",
    "RPC.x",
    "$x",
    "a.rpc",
  ]);
});

Deno.test("a request waits for anything that can be waited for", async () => {
  const thenable = { then: (resolve: (value: string) => void) => resolve("waited") };
  await using ends = dispatching({
    thenable: method(() => thenable),
    nested: method(async () => await Promise.resolve(Promise.resolve("waited"))),
    member: method(() => ({ then: "no function" })),
  });
  assertEquals((await ends.ask("thenable")).result, "waited");
  assertEquals((await ends.ask("nested")).result, "waited");
  assertEquals((await ends.ask("member")).result, { then: "no function" });
});

Deno.test("a request takes schemas that answer later, and says what they refuse", async () => {
  const even = later<number>((value) =>
    typeof value === "number" && value % 2 === 0
      ? { value }
      : { issues: [{ message: "expected an even number", path: [{ key: "n" }, 0] }] }
  );
  await using ends = dispatching({
    even: method(even, (n) => n),
    fails: method(later(() => Promise.reject(new Error("down")) as never), () => 1),
  });
  assertEquals((await ends.ask("even", [2])).result, 2);
  const { error } = await ends.ask("even", [3]);
  assertEquals(error, {
    code: -32602,
    message: "Invalid params",
    data: { issues: [{ path: ["n", 0], message: "expected an even number" }] },
  });
  assertEquals((await ends.ask("fails", [3])).error?.code, -32603);
  assertEquals(ends.reports.length, 1);
});

Deno.test("a request survives a schema that throws, or gives nonsense", async () => {
  const schema = (validate: () => unknown) =>
    ({ "~standard": { version: 1, vendor: "test", validate } }) as unknown as StandardSchema;
  await using ends = dispatching({
    throws: method(
      schema(() => {
        throw new Error("secret");
      }),
      () => 1,
    ),
    nothing: method(schema(() => undefined), () => 1),
    text: method(schema(() => "text"), () => 1),
    strange: method(schema(() => ({ issues: [null] })), () => 1),
  });
  for (const name of ["throws", "nothing", "text", "strange"]) {
    const answer = await ends.ask(name, [1]);
    assertEquals(answer.error, { code: -32603, message: "Internal error" }, name);
  }
  assertEquals(ends.reports.length, 4);
});

// ---- The one value of the params -------------------------------------------------------------------

const object = z.object({ a: z.number(), b: z.number().optional() });

/** What the handler sees: the schema, the params, and the value; or undefined where they are refused. */
const VALUES: readonly [name: string, StandardSchema, params: unknown, value: unknown][] = [
  ["an object by name", object, { a: 1, b: 2 }, { a: 1, b: 2 }],
  ["an object by position", object, [1, 2], { a: 1, b: 2 }],
  ["an object by position, in part", object, [1], { a: 1 }],
  ["an object in an array", object, [{ a: 1 }], { a: 1 }],
  ["an object with metadata", object, { a: 1, _meta: { x: 1 } }, { a: 1 }],
  ["an object with too many positions", object, [1, 2, 3], undefined],
  ["an object that has a member value", z.object({ value: z.number() }), { value: 1 }, {
    value: 1,
  }],
  ["an object of a schema's defaults", z.object({ a: z.number().default(7) }), undefined, { a: 7 }],
  ["an optional object, left out", object.optional(), undefined, undefined],
  ["an object of valibot by position", v.object({ b: v.number(), a: v.number() }), [1, 2], {
    b: 1,
    a: 2,
  }],
  ["an object of arktype by name", type({ b: "number", a: "number" }), { a: 2, b: 1 }, {
    a: 2,
    b: 1,
  }],
  ["an object of arktype by position", type({ b: "number", a: "number" }), [1, 2], undefined],
  ["an array", z.array(z.number()), [1, 2], [1, 2]],
  ["an empty array", z.array(z.number()), [], []],
  ["an array, left out", z.array(z.number()), undefined, []],
  ["an array in an array", z.array(z.number()), [[1, 2]], [1, 2]],
  ["an array of arrays", z.array(z.array(z.number())), [[1, 2]], [[1, 2]]],
  ["an array by name", z.array(z.number()), { value: [1, 2], _meta: {} }, [1, 2]],
  ["a tuple", z.tuple([z.string(), z.number()]), ["a", 1], ["a", 1]],
  ["a scalar", z.number(), [5], 5],
  ["a scalar by name", z.number(), { value: 5 }, 5],
  ["a scalar with metadata", z.number(), { value: 5, _meta: {} }, 5],
  ["a scalar of null", z.null(), [null], null],
  ["an optional scalar, left out", z.number().optional(), undefined, undefined],
  ["an optional scalar, of nothing", z.number().optional(), [], undefined],
  ["a scalar with a default", z.number().default(7), undefined, 7],
  ["one scalar of two", z.union([z.string(), z.number()]), ["x"], "x"],
  ["anything by position", ANYTHING, [1], [1]],
  ["anything by name", ANYTHING, { a: 1 }, { a: 1 }],
  ["anything of nothing", ANYTHING, undefined, undefined],
  ["anything by name with metadata", ANYTHING, { a: 1, _meta: 1 }, { a: 1 }],
  ["anything with metadata beside it", ANYTHING, { value: "x", _meta: {} }, "x"],
  [
    "members called as in a prototype",
    ANYTHING,
    JSON.parse('{"__proto__":1}'),
    JSON.parse('{"__proto__":1}'),
  ],
];

for (const [name, schema, params, value] of VALUES) {
  Deno.test(`a handler sees ${name}`, async () => {
    let seen: unknown = "not called";
    await using ends = dispatching({
      m: method(schema, (value) => {
        seen = value;
      }),
    });
    const { error } = await ends.ask("m", params);
    const refused = ["an object with too many positions", "an object of arktype by position"];
    if (refused.includes(name)) {
      assertEquals([error?.code, seen], [-32602, "not called"]);
    } else assertEquals([error, seen], [undefined, value]);
    assertEquals(ends.reports, []);
  });
}

for (const params of [undefined, null, [], {}, [null], [{}], { _meta: { x: 1 } }]) {
  Deno.test(`what may be left out is left out with params of ${JSON.stringify(params)}`, async () => {
    const limit = z.object({ limit: z.int() }), seen: unknown[] = [];
    const see = (value: unknown) => void seen.push(value);
    await using ends = dispatching({
      scalar: method(z.string().optional(), see),
      object: method(limit.optional(), see),
      default: method(limit.default({ limit: 3 }), see),
      tuple: method(z.tuple([z.int()]).optional(), see),
      either: method(z.union([z.string(), limit]).optional(), see),
      members: method(z.object({ limit: z.int().optional() }), see),
    });
    for (const name of ["scalar", "object", "default", "tuple", "either", "members"]) {
      assertEquals((await ends.ask(name, params ?? undefined)).error, undefined, name);
    }
    assertEquals(seen, [undefined, undefined, { limit: 3 }, undefined, undefined, {}]);
  });
}

Deno.test("a method without a schema takes no params, however they are left out", async () => {
  await using ends = dispatching({ m: method((value) => value === undefined) });
  for (const params of [undefined, [], {}, [null], [{}], { _meta: {} }]) {
    assertEquals((await ends.ask("m", params)).result, true, JSON.stringify(params));
  }
  for (const params of [[1], { a: 1 }, [null, null], [[]], [{ a: 1 }]]) {
    assertEquals((await ends.ask("m", params)).error, {
      code: -32602,
      message: "Invalid params",
      data: { issues: [{ path: [], message: "The method takes no params" }] },
    });
  }
});

Deno.test("the handler sees what the schema made of the value, once", async () => {
  let validations = 0;
  const counted: StandardSchema<unknown, number> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value) => ({ value: Array.isArray(value) ? ++validations : -1 }),
    },
  };
  await using ends = dispatching({ m: method(counted, (n) => n) });
  assertEquals((await ends.ask("m", [1])).result, 1);
});

Deno.test("issues name paths as text and numbers, whatever keys a schema gives", async () => {
  const issues = [
    { message: "a", path: ["x", 0, { key: "y" }, Symbol("z")] },
    { message: "b" },
    { message: "c", path: [] },
  ];
  await using ends = dispatching({
    m: method({ "~standard": { version: 1, vendor: "t", validate: () => ({ issues }) } }, () => 1),
  });
  assertEquals((await ends.ask("m", { a: 1 })).error?.data, {
    issues: [
      { path: ["x", 0, "y", "Symbol(z)"], message: "a" },
      { path: [], message: "b" },
      { path: [], message: "c" },
    ],
  });
});

Deno.test("a hundred issues are told, and how many there are", async () => {
  const list = z.array(z.number());
  await using ends = dispatching({
    list: method(list, () => 1),
    later: method(
      later((value) =>
        list.safeParse(value).success ? { value } : {
          issues: list.safeParse(value).error!.issues,
        }
      ),
      () => 1,
    ),
  });
  for (const name of ["list", "later"]) {
    for (const count of [99, 100, 101, 40_000]) {
      const { error } = await ends.ask(name, Array(count).fill([]));
      const { issues, ...others } = error!.data as { issues: { path: unknown }[] };
      assertEquals([error!.code, issues.length], [-32602, Math.min(100, count)]);
      assertEquals<unknown>(others, count > 100 ? { issueCount: count } : {});
      assertEquals(issues.at(-1)!.path, [issues.length - 1]);
    }
  }
  assertEquals(ends.reports, []);
});

Deno.test("an issue is told at no length, whatever it repeats of the value", async () => {
  await using ends = dispatching({
    strict: method(z.strictObject({ a: z.record(z.string(), z.number()) }), () => 1),
  });
  const long = "x".repeat(100_000);
  const { error } = await ends.ask("strict", { a: { [long]: "no" }, [long]: 1 });
  const { issues } = error!.data as { issues: { path: string[]; message: string }[] };
  assertEquals(
    issues.map(({ path, message }) => [path.join().length < 2000, message.length < 2000]),
    [
      [true, true],
      [true, true],
    ],
  );
});

Deno.test("bytes are found in a list however long it is, and wrong ones are counted", async () => {
  await using ends = dispatching({
    sizes: method(
      z.array(z.instanceof(Uint8Array)),
      (all) => all.reduce((n, { length }) => n + length, 0),
    ),
  });
  const marker = { $base64: "AQID" };
  assertEquals((await ends.ask("sizes", Array(1000).fill(marker))).result, 3000);
  const { error } = await ends.ask("sizes", Array(1000).fill({ $base64: "!" }));
  const { issues } = error!.data as { issues: { message: string }[] };
  assertEquals([error!.code, issues.length], [-32602, 100]);
  assert(issues.every(({ message }) => message.startsWith("$base64 holds no base64: ")));
});

Deno.test("a call longer than its method takes is refused before its schema sees it", async () => {
  let looked = 0;
  const schema: StandardSchema = {
    "~standard": { version: 1, vendor: "t", validate: (value) => (looked++, { value }) },
  };
  const heard: unknown[] = [];
  await using ends = dispatching({
    m: method(schema, (value) => value, { maxBytes: 100 }),
    none: method(() => 1, { maxBytes: 100 }),
    tell: notification(schema, (value) => void heard.push(value), { maxBytes: 100 }),
  });
  const text = (length: number, unit = "x") => unit.repeat(length);
  const envelope = '{"jsonrpc":"2.0","id":1,"method":"m","params":[""]}'.length;
  assertEquals((await ends.ask("m", [text(100 - envelope)])).result, [text(100 - envelope)]);
  assertEquals(looked, 1);
  for (const params of [[text(101 - envelope)], [text(40, "é")]]) {
    assertEquals((await ends.ask("m", params)).error, {
      code: -32008,
      message: "The call is too long: the method takes 100 bytes",
      data: { name: "RESOURCE_EXHAUSTED", limit: "maxBytes", details: { maxBytes: 100 } },
    });
  }
  assertEquals((await ends.ask("none", { _meta: { a: text(100) } })).error?.code, -32008);
  await ends.notify("tell", [text(100)]);
  await ends.notify("tell", ["short"]);
  assertEquals((await ends.ask("none")).result, 1);
  assertEquals([looked, heard], [2, [["short"]]]);
});

Deno.test("an item of a batch is measured by its params", async () => {
  await using local = serveLocally({ m: method(ANYTHING, (value) => value, { maxBytes: 10 }) });
  using peer = local.peer();
  const items = [["12345678"], ["1234567"], [], undefined];
  await peer.send(
    JSON.stringify(items.map((params, id) => ({ jsonrpc: "2.0", id, method: "m", params }))),
  );
  const answers = JSON.parse(await peer.text()) as Answer[];
  assertEquals(answers.map(({ error }) => error?.code), [-32008, -32008, undefined, undefined]);
});

// ---- What comes back -------------------------------------------------------------------------------

Deno.test("a request takes an RpcError of another copy of the library for what it is", async () => {
  class RpcError extends Error {
    override readonly name = "RpcError";
    readonly code = 7;
    readonly data = { from: "elsewhere" };
  }
  await using ends = dispatching({
    other: method(() => {
      throw new RpcError("text");
    }),
    broken: method(() => {
      throw Object.assign(new RpcError("text"), { code: "7" });
    }),
    hostile: method(() => {
      throw new Proxy(new Error("text"), {
        get() {
          throw new Error("touched");
        },
        getPrototypeOf() {
          throw new Error("touched");
        },
      });
    }),
  });
  assertEquals((await ends.ask("other")).error, {
    code: 7,
    message: "text",
    data: { from: "elsewhere" },
  });
  for (const name of ["broken", "hostile"]) {
    assertEquals((await ends.ask(name)).error?.code, -32603);
  }
  assertEquals(ends.reports.map(([, method]) => method), ["broken", "hostile"]);
});

Deno.test("a request gives a result up to maxResponseBytes, and RESOURCE_EXHAUSTED past it", async () => {
  await using ends = dispatching({
    text: method(z.string(), (text) => text),
    later: method(z.string(), async (text) => await Promise.resolve(text)),
  }, { maxResponseBytes: 256 });
  for (const name of ["text", "later"]) {
    for (const text of ["x".repeat(254), "é".repeat(127)]) {
      assertEquals((await ends.ask(name, [text])).result, text);
      assertEquals((await ends.ask(name, [text + "x"])).error, {
        code: -32008,
        message: "The result is too large",
        data: { name: "RESOURCE_EXHAUSTED", limit: "maxResponseBytes" },
      });
    }
  }
  assertEquals(ends.reports, []);
});

Deno.test("a request masks an error that is too large, and reports it", async () => {
  const large = new RpcError(5, "text", { details: "x".repeat(1000) });
  await using ends = dispatching({
    m: method(() => {
      throw large;
    }),
  }, { maxResponseBytes: 200 });
  assertEquals((await ends.ask("m")).error, { code: -32603, message: "Internal error" });
  assertEquals(ends.reports, [[large, "m"]]);
});

Deno.test("a notification runs its method, and what fails is reported", async () => {
  const seen: unknown[] = [];
  const failure = new Error("told to nobody"), meant = new RpcError(5, "told to nobody");
  await using ends = dispatching({
    sync: method(z.string(), (text) => void seen.push(text)),
    async: method(async () => {
      await null;
      seen.push("async");
    }),
    fails: method(() => {
      throw failure;
    }),
    failsLater: method(() => Promise.reject(meant)),
  });
  await ends.notify("sync", ["x"]);
  await ends.notify("nope");
  await ends.notify("sync", [5]);
  await ends.notify("fails");
  await ends.notify("async");
  await ends.notify("failsLater");
  await ends.ask("rpc.ping");
  assertEquals(seen, ["x", "async"]);
  assertEquals(ends.reports.map(([, method]) => method), ["sync", "fails", "failsLater"]);
  assertEquals([ends.reports[1]![0], ends.reports[2]![0]], [failure, meant]);
});

Deno.test("a request never looks a method up on a prototype", async () => {
  await using ends = dispatching({ a: { b: method(() => 1) } });
  for (const name of ["toString", "constructor", "__proto__", "hasOwnProperty", "a", "a.b.c"]) {
    assertEquals((await ends.ask(name)).error?.code, -32601, name);
  }
});

Deno.test("an API with own members called as those of a prototype has those methods", async () => {
  const m = method(() => "mine");
  await using ends = dispatching({ toString: m, constructor: m, hasOwnProperty: { call: m } });
  for (const name of ["toString", "constructor", "hasOwnProperty.call"]) {
    assertEquals((await ends.ask(name)).result, "mine");
  }
  assert((await ends.ask("valueOf")).error !== undefined);
});
