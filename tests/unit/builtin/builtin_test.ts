import { assert, assertEquals, assertRejects } from "@std/assert";
import { type } from "npm:arktype@2";
import * as v from "npm:valibot@1";
import * as z from "npm:zod@4";
import { type Api, connect, method, RpcError, serve, type ServeOptions } from "../../../lib/mod.ts";

/** What a built-in method answers. */
async function ask(
  name: string,
  params?: unknown,
  api: Api = {},
  options: ServeOptions = {},
): Promise<unknown> {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0", ...options });
  await using line = await connect(server.addresses[0]!);
  return await line.request(name, params);
}

Deno.test("rpc.ping gives what was sent", async () => {
  for (const params of [[], {}, [1, "a", null], { a: { b: 1 } }, ["x"]]) {
    assertEquals(await ask("rpc.ping", params), params);
  }
  assertEquals(await ask("rpc.ping"), null);
});

Deno.test("rpc.serverInfo tells name, version, framing, extensions and the limits that hold", async () => {
  const told = {
    maxMessageBytes: 1000,
    maxResponseBytes: 2000,
    maxDepth: 10,
    maxBatch: 5,
    maxInFlight: 6,
  };
  const info = await ask("rpc.serverInfo", undefined, {}, {
    name: "n",
    version: "1.2.3",
    limits: told,
  }) as Record<string, unknown>;
  assertEquals([info.name, info.version, info.framing], ["n", "1.2.3", "json"]);
  const limits = info.limits as Record<string, number>;
  assertEquals({ ...limits, ...told }, limits);
  assert(Array.isArray(info.extensions) && info.extensions.includes("discover"));
  const bare = await ask("rpc.serverInfo") as Record<string, unknown>;
  assertEquals([bare.name, bare.version], ["landline", "0.0.0"]);
});

const api = {
  subtract: method(
    z.object({ minuend: z.number(), subtrahend: z.number() }),
    ({ minuend, subtrahend }) => minuend - subtrahend,
    { summary: "Subtracts", description: "One from the other", result: z.number() },
  ),
  upper: method(z.string(), (text) => text.toUpperCase()),
  old: method(z.tuple([z.string(), z.number()]), () => 1, { deprecated: true }),
  now: method(() => new Date(), { result: z.date() }),
  deep: {
    valibot: method(v.object({ a: v.number(), b: v.optional(v.string()) }), () => 1),
    arktype: method(type({ b: "number", a: "number" }), () => 1),
  },
  optionalFirst: method(z.object({ a: z.string().optional(), b: z.string() }), () => 1),
  tree: method(
    z.object({
      name: z.string(),
      get kids() {
        return z.array(z.object({ name: z.string() }));
      },
    }),
    () => 1,
  ),
};

interface Described {
  readonly name: string;
  readonly paramStructure: string;
  readonly params: { name: string; required?: boolean; schema: unknown }[];
  readonly result: { name: string; schema: unknown };
  readonly summary?: string;
  readonly description?: string;
  readonly deprecated?: boolean;
}

Deno.test("rpc.discover describes the API as OpenRPC 1.4", async () => {
  const document = await ask("rpc.discover", undefined, api, { name: "n", version: "1.0.0" }) as {
    openrpc: string;
    info: unknown;
    methods: Described[];
    components: unknown;
  };
  assertEquals(document.openrpc, "1.4.0");
  assertEquals(document.info, { title: "n", version: "1.0.0" });
  const methods = new Map(document.methods.map((described) => [described.name, described]));
  assertEquals([...methods.keys()], [
    "subtract",
    "upper",
    "old",
    "now",
    "deep.valibot",
    "deep.arktype",
    "optionalFirst",
    "tree",
  ]);
  const subtract = methods.get("subtract")!;
  assertEquals([subtract.summary, subtract.description, subtract.deprecated], [
    "Subtracts",
    "One from the other",
    undefined,
  ]);
  assertEquals(subtract.paramStructure, "either");
  assertEquals(subtract.params, [
    { name: "minuend", required: true, schema: { type: "number" } },
    { name: "subtrahend", required: true, schema: { type: "number" } },
  ]);
  assertEquals(subtract.result, { name: "result", schema: { type: "number" } });
  assertEquals(methods.get("upper")!.params, [
    { name: "value", required: true, schema: { type: "string" } },
  ]);
  assertEquals(methods.get("old")!.deprecated, true);
  assertEquals(methods.get("old")!.params.map(({ schema }) => schema), [
    { type: "string" },
    { type: "number" },
  ]);
  assertEquals(methods.get("now")!.params, []);
  assertEquals(methods.get("now")!.result.schema, { type: "string", format: "date-time" });
  assertEquals(methods.get("deep.valibot")!.params.map(({ name, required }) => [name, required]), [
    ["a", true],
    ["b", false],
  ]);
  assertEquals(methods.get("deep.arktype")!.paramStructure, "by-name");
  const swapped = methods.get("optionalFirst")!;
  assertEquals(swapped.paramStructure, "by-name", "positions would leave a hole");
  assertEquals(swapped.params.map(({ name }) => name), ["b", "a"]);
});

Deno.test("rpc.discover gives the same document every time", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await using line = await connect(server.addresses[0]!);
  assertEquals(await line.request("rpc.discover"), await line.request("rpc.discover"));
});

Deno.test("rpc.discover describes an API whose schemas say nothing", async () => {
  const silent = {
    "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) },
  } as const;
  const document = await ask("rpc.discover", undefined, { m: method(silent, () => 1) }) as {
    methods: Described[];
  };
  assertEquals(document.methods, [{
    name: "m",
    paramStructure: "by-position",
    params: [{ name: "value", required: false, schema: {} }],
    result: { name: "result", schema: {} },
  }]);
});

Deno.test("built-in methods refuse params that they do not take", async () => {
  await using server = serve({}, { listen: "tcp://127.0.0.1:0" });
  await using line = await connect(server.addresses[0]!);
  for (const name of ["rpc.serverInfo", "rpc.discover"]) {
    const error = await assertRejects(() => line.request(name, [1]), RpcError);
    assertEquals(error.code, -32602);
  }
});
