// client.ts --list, --describe and --types: what a server says of itself.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import { method, notification, serve, stream } from "../../lib/mod.ts";
import { api as demo } from "../../examples/demo.ts";
import { callsOf, makeFolder, runClient, say, serveRaw } from "./_programs.ts";

const HERE = { listen: "tcp://127.0.0.1:0" };

interface Tree {
  name: string;
  children: Tree[];
}

const Tree: z.ZodType<Tree, Tree> = z.lazy(() =>
  z.object({ name: z.string(), children: z.array(Tree) })
);

const api = {
  ...demo,
  buy: method(
    z.object({ count: z.int(), note: z.string().optional() }),
    () => ({ kind: "a", at: new Date(0) }),
    {
      summary: "Buys\x1b[2J",
      description: "More\nthan one line.",
      deprecated: true,
      result: z.object({ kind: z.enum(["a", "b"]), at: z.date() }),
      errors: { OUT_OF_STOCK: z.object({ left: z.int() }) },
    },
  ),
  pair: method(z.tuple([z.string(), z.number()]), () => null, { result: z.null() }),
  tree: method(z.object({ root: Tree }), ({ root }) => root, { result: Tree }),
  log: notification(z.object({ text: z.string() }), () => {}),
  chat: stream(async function* (_, { items }) {
    yield* items;
  }, { items: z.string(), result: z.string() }),
  math: { round: method(z.number(), Math.round, { result: z.int() }) },
};

async function ask(...args: string[]) {
  await using server = serve(api, HERE);
  return await runClient([server.addresses[0]!, ...args]);
}

/** A server that answers every `rpc.discover` with this. */
async function askOther(document: unknown, ...args: string[]) {
  await using server = serveRaw(async (socket) => {
    const buffer = new Uint8Array(1 << 16);
    const count = await socket.read(buffer);
    const { id } = JSON.parse(new TextDecoder().decode(buffer.subarray(0, count!)));
    await say(socket, JSON.stringify({ jsonrpc: "2.0", id, result: document }) + "\n");
    await socket.read(buffer);
  });
  return await runClient([server.address, ...args]);
}

/** As another library might describe itself, with references and a number for each error. */
const OTHER = {
  openrpc: "1.2.6",
  info: { title: "Pet*/Store", version: "1.0" },
  methods: [
    {
      name: "pets.get",
      summary: "One pet",
      params: [{ $ref: "#/components/contentDescriptors/Id" }],
      result: { name: "pet", schema: { $ref: "#/components/schemas/pet-type" } },
      errors: [{ code: 404, message: "No such pet" }],
    },
    { name: "pets", params: [], result: { name: "all", schema: { type: "array", items: true } } },
    {
      name: "add",
      paramStructure: "by-position",
      params: [{ name: "numbers", required: true, schema: { type: "array" } }],
      result: { name: "sum", schema: { type: ["number", "null"] } },
    },
    { $ref: "#/nowhere" },
    { params: [] },
    "nonsense",
  ],
  components: {
    contentDescriptors: { Id: { name: "id", required: true, schema: { type: "integer" } } },
    schemas: {
      "pet-type": {
        type: "object",
        description: "A pet",
        properties: { name: { type: "string", description: "*/ alert(1) /*" }, "born-in": {} },
        required: ["name"],
      },
    },
  },
};

Deno.test("client.ts --list prints the methods with their summaries", async () => {
  const { code, stdout, stderr } = await ask("--list");
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines.length, 17);
  assertEquals(lines[1], "upper       A text in upper case");
  assertEquals(lines[11], String.raw`buy         Buys\u001b[2J (deprecated)`);
  assertEquals(lines.at(-1), "math.round");
});

Deno.test("client.ts --list --json prints an object for each method", async () => {
  const { stdout } = await ask("--list", "--json");
  const methods = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(methods[1], { name: "upper", summary: "A text in upper case" });
  assertEquals(methods.at(-1), { name: "math.round" });
});

Deno.test("client.ts --describe prints a method's params, result and errors", async () => {
  assertEquals(
    (await ask("--describe", "buy")).stdout,
    `\
buy(count: number, note?: string): { kind: "a" | "b"; at: string }

  Buys\\u001b[2J
  More
  than one line.
  Deprecated.

Params, by name or by position:
  count  number
  note?  string

Result:
  { kind: "a" | "b"; at: string }

Errors:
  OUT_OF_STOCK  -32000  { left: number }
`,
  );
  assertEquals(
    (await ask("--describe", "chat")).stdout,
    "chat(): stream of string\n\nItems:\n  string\n\nItems that the caller sends:\n  string\n",
  );
  assertStringIncludes((await ask("--describe", "log")).stdout, "It never answers.\n");
  assertStringIncludes(
    (await ask("--describe", "tree")).stdout,
    "Result:\n  { name: string; children: tree.result[] }\n",
  );
});

Deno.test("client.ts --describe --json prints the method as the document has it", async () => {
  const { stdout } = await ask("--describe=upper", "--json");
  assertEquals(JSON.parse(stdout).params, [
    { name: "value", required: true, schema: { type: "string" } },
  ]);
});

Deno.test("client.ts --describe reads other servers' documents, and leaves out what is none", async () => {
  const list = await askOther(OTHER, "--list");
  assertEquals(list.stdout, "pets.get  One pet\npets\nadd\n");
  const { stdout } = await askOther(OTHER, "--describe", "pets.get");
  assertStringIncludes(stdout, 'pets.get(id: number): { name: string; "born-in"?: unknown }\n');
  assertStringIncludes(stdout, "Errors:\n  No such pet  404\n");
});

for (
  const [args, code, message] of [
    [["--describe", "none"], 1, 'error: The server names no method "none"'],
    [["--describe", "uper"], 1, 'error: The server names no method "uper", did you mean "upper"?'],
    [["--describe"], 2, "error: Cannot describe: --describe needs the name of a method"],
    [
      ["--list", "upper"],
      2,
      'error: Cannot ask the server: after ADDRESS nothing may stand, there is "upper"',
    ],
    [["--list", "--notify"], 2, "error: Cannot use --notify with --list, --help shows where"],
  ] as const
) {
  Deno.test(`client.ts ${args.join(" ")} says why on one line and exits with ${code}`, async () => {
    assertEquals(await ask(...args), { code, stdout: "", stderr: message + "\n" });
  });
}

Deno.test("client.ts --list says so where the server does not describe itself", async () => {
  await using server = serveRaw(async (socket) => {
    for await (const _ of callsOf(socket));
  });
  const { code, stdout, stderr } = await runClient([server.address, "--list"]);
  assertEquals([code, stdout], [1, ""]);
  assertEquals(
    stderr,
    "error -32601 METHOD_NOT_FOUND: The server does not describe itself: it has no method " +
      "rpc.discover\n",
  );
  const nonsense = await askOther({ methods: 5 }, "--list");
  assertEquals([nonsense.code, nonsense.stdout], [1, ""]);
  assertMatch(nonsense.stderr, /it is no OpenRPC document/);
});

// ---- Types ---------------------------------------------------------------------------------------

const TREE = new URL("../../", import.meta.url);

/** Type-checks files that lie in one folder. */
async function check(files: Readonly<Record<string, string>>) {
  await using folder = await makeFolder(files);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "check",
      "-q",
      "--config",
      `${import.meta.dirname}/../../deno.json`,
      ...Object.keys(files),
    ],
    cwd: folder.path,
    env: { NO_COLOR: "1" },
  }).output();
  return { success, stderr: new TextDecoder().decode(stderr) };
}

Deno.test("client.ts --types makes a module with the types that typeof api has", async () => {
  const { code, stdout, stderr } = await ask("--types");
  assertEquals([code, stderr], [0, ""]);
  const script = `
    import { type Stub, connect, type NotifyStub, settle } from "${TREE}client.ts";
    import { type Equal, of, same } from "${TREE}tests/types/_equal.ts";
    import type { Api as Written } from "${TREE}examples/demo.ts";
    import type { Api } from "./api.ts";

    const made = of<Stub<Api>>(), written = of<Stub<Written>>();
    same<Equal<Parameters<typeof made.upper>, Parameters<typeof written.upper>>>();
    same<Equal<Parameters<typeof made.add>, Parameters<typeof written.add>>>();
    same<Equal<Parameters<typeof made.sum>, Parameters<typeof written.sum>>>();
    same<Equal<ReturnType<typeof made.add>, ReturnType<typeof written.add>>>();
    same<Equal<ReturnType<typeof made.now>, ReturnType<typeof written.now>>>();
    same<Equal<ReturnType<typeof made.time.in>, ReturnType<typeof written.time.in>>>();

    export async function run(address: string) {
      await using line = await connect<Api>(address);
      const text: string = await line.call.upper("a");
      const n: number = await line.call.math.round(1.5);
      for await (const n of line.call.countdown(3)) same<Equal<typeof n, number>>();
      for await (const s of line.call.chat(undefined, { items: ["a"] })) same<Equal<typeof s, string>>();
      const pair: null = await line.call.pair(["a", 1]);
      const tree = await line.call.tree({ root: { name: "a", children: [] } });
      same<Equal<typeof tree.children[0]["name"], string>>();
      line.notify.log({ text });
      const bought = await settle(line.call.buy({ count: 1 }));
      if (bought.ok) same<Equal<typeof bought.value, { kind: "a" | "b"; at: string }>>();
      else if (bought.reason === "OUT_OF_STOCK") same<Equal<typeof bought.data, { left: number }>>();
      // @ts-expect-error: a notification has no answer
      line.call.log({ text });
      // @ts-expect-error: a string is no number
      line.call.add({ a: 1, b: "2" });
      // @ts-expect-error: there is no such method
      line.call.nothing();
      of<NotifyStub<Api>>();
      return [n, pair];
    }`;
  assertEquals(await check({ "api.ts": stdout, "script.ts": script }), {
    success: true,
    stderr: "",
  });
});

Deno.test("client.ts --types makes types of other servers' documents, which say what they like", async () => {
  const { stdout } = await askOther(OTHER, "--types", "--from", "@landline/rpc/client");
  assertStringIncludes(stdout, 'from "@landline/rpc/client";\n');
  assertEquals(
    stdout.slice(stdout.indexOf("export interface")),
    `\
export interface Api {
  /** One pet */
  "pets.get": Method<{ id: number }, PetType, NoErrors, never>;
  pets: Method<undefined, unknown[], NoErrors, never>;
  add: Method<[unknown[]], number | null, NoErrors, never>;
}

export type PetType = {
  /** *\\/ alert(1) /* */
  name: string;
  "born-in"?: unknown;
};
`,
  );
  const local = stdout.replace("@landline/rpc/client", `${TREE}client.ts`);
  assertEquals(await check({ "api.ts": local }), { success: true, stderr: "" });
});
