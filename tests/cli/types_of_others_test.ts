// client.ts --types: modules of documents that other projects wrote, and of awkward ones, are type-checked.
import { assertEquals, assertStringIncludes } from "@std/assert";
import apiWithExamples from "npm:@open-rpc/examples@1/build/service-descriptions/api-with-examples-openrpc.json" with {
  type: "json",
};
import links from "npm:@open-rpc/examples@1/build/service-descriptions/link-example-openrpc.json" with {
  type: "json",
};
import petstoreByName from "npm:@open-rpc/examples@1/build/service-descriptions/params-by-name-petstore-openrpc.json" with {
  type: "json",
};
import petstoreExpanded from "npm:@open-rpc/examples@1/build/service-descriptions/petstore-expanded-openrpc.json" with {
  type: "json",
};
import petstore from "npm:@open-rpc/examples@1/build/service-descriptions/petstore-openrpc.json" with {
  type: "json",
};
import simpleMath from "npm:@open-rpc/examples@1/build/service-descriptions/simple-math-openrpc.json" with {
  type: "json",
};
import * as z from "npm:zod@4";
import { connect, method, serve, stream } from "../../lib/mod.ts";
import { CLIENT, linesOf, makeFolder, runClient, say, serveRaw } from "./_programs.ts";

/** Every strict option that a project may have set. */
const STRICT = {
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    noImplicitOverride: true,
    noImplicitReturns: true,
    noPropertyAccessFromIndexSignature: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
  },
};

/** An API of ours with what is awkward to write down. */
const awkward = {
  json: method(z.json(), (value) => value, { result: z.json() }),
  deep: method(z.object({ any: z.record(z.string(), z.json()) }), ({ any }) => any),
  two: method(z.object({ a: z.number(), "b-c": z.string().optional() }), ({ a }) => a),
  fails: method(() => 1, { errors: { FULL: z.object({ left: z.number() }) } }),
  items: stream(z.tuple([z.number()]).rest(z.string()), function* () {}, { result: z.json() }),
};

/** Schemas that refer to each other, and to themselves alone. */
const circular = {
  openrpc: "1.3.2",
  info: { title: "circular", version: "1" },
  methods: ["Self", "Either", "Or", "Both", "Tree", "Map"].map((name) => ({
    name: name.toLowerCase(),
    paramStructure: "by-position",
    params: [{ name: "value", required: true, schema: ref(name) }],
    result: { name: "result", schema: ref(name) },
  })),
  components: {
    schemas: {
      Self: ref("Self"),
      Either: { anyOf: [ref("Or"), { type: "string" }] },
      Or: { oneOf: [ref("Either"), { type: "number" }] },
      Both: { allOf: [ref("Both"), { properties: { a: ref("Both") } }] },
      Tree: { type: "object", properties: { children: { type: "array", items: ref("Tree") } } },
      Map: { anyOf: [{ additionalProperties: ref("Map") }, { type: "null" }] },
    },
  },
};

function ref(name: string) {
  return { $ref: `#/components/schemas/${name}` };
}

/** What `--types` writes of a document. */
async function typesOf(document: unknown): Promise<string> {
  await using server = serveRaw(async (socket) => {
    for await (const line of linesOf(socket)) {
      const { id } = JSON.parse(line);
      await say(socket, JSON.stringify({ jsonrpc: "2.0", id, result: document }) + "\n");
    }
  });
  const { code, stdout, stderr } = await runClient(["--types", server.address]);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

async function describedByUs(): Promise<unknown> {
  await using server = serve(awkward, { listen: "tcp://127.0.0.1:0" });
  await using line = await connect(server.addresses[0]!);
  return await line.request("rpc.discover");
}

/** Uses what was made, as a caller would. */
const PROGRAM = `
import { connect, type Line } from ${JSON.stringify(CLIENT)};
import type { Api as Examples } from "./api_with_examples.ts";
import type { Api as Links } from "./links.ts";
import type { Api as ByName } from "./petstore_by_name.ts";
import type { Api as Expanded } from "./petstore_expanded.ts";
import type { Api as Petstore } from "./petstore.ts";
import type { Api as SimpleMath } from "./simple_math.ts";
import type { Api as Awkward } from "./awkward.ts";
import type { Api as Circular } from "./circular.ts";

export async function use(address: string): Promise<void> {
  const math: Line<SimpleMath> = await connect<SimpleMath>(address);
  const sum: number = await math.call.addition({ a: 1, b: 2 });
  const links = await connect<Links>(address);
  const owner: string | undefined = (await links.call.get_repository({ username: "a", slug: "b" }))
    .owner?.username;
  const pets = await (await connect<Petstore>(address)).call.list_pets({ limit: sum });
  const first: number | undefined = pets[0]?.id;
  const more = await (await connect<Expanded>(address)).call.get_pet_by_id({ id: first ?? 1 });
  const names: string[] = [more.name, owner ?? ""];
  await (await connect<ByName>(address)).call.list_pets({ limit: names.length });
  const versions: string = await (await connect<Examples>(address)).call.get_version_details();
  const awkward = await connect<Awkward>(address);
  await awkward.call.two({ a: 1, "b-c": versions });
  await awkward.call.json({ a: [1, null, { b: "c" }] });
  // @ts-expect-error: a function is no JSON
  await awkward.call.json(() => {});
  const circular = await connect<Circular>(address);
  await circular.call.tree({ children: [{ children: [] }] });
  await circular.call.either("text");
  // @ts-expect-error: it is a text or a number
  await circular.call.either(true);
}
`;

Deno.test("client.ts --types of other projects' documents, and of awkward ones, compiles", async () => {
  const documents: Record<string, unknown> = {
    api_with_examples: apiWithExamples,
    links,
    petstore_by_name: petstoreByName,
    petstore_expanded: petstoreExpanded,
    petstore,
    simple_math: simpleMath,
    awkward: await describedByUs(),
    circular,
  };
  const files: Record<string, string> = {
    "deno.json": JSON.stringify(STRICT),
    "program.ts": PROGRAM,
  };
  for (const [name, document] of Object.entries(documents)) {
    files[`${name}.ts`] = await typesOf(document);
  }
  await using folder = await makeFolder(files);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "-q", "program.ts", ...Object.keys(documents).map((name) => `${name}.ts`)],
    cwd: folder.path,
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals([new TextDecoder().decode(stderr), success], ["", true]);
  assertStringIncludes(files["simple_math.ts"]!, 'import type { Method, NoErrors } from "file:');
});
