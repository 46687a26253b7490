// rpc.discover against OpenRPC's own meta-schemas, for three validators, with schemas that contain themselves.

import { assert, assertEquals } from "@std/assert";
import openRpcMetaSchema from "npm:@open-rpc/meta-schema@^1.14.9";
import { OpenRPCSpecificationSchema1_4 } from "npm:@open-rpc/spec@^1.4.1";
import jsonSchemaMetaSchema from "npm:@json-schema-tools/meta-schema@^1.8.0";
import { Ajv, type ValidateFunction } from "npm:ajv@^8.20.0";
import { scope, type } from "npm:arktype@2";
import * as v from "npm:valibot@1";
import * as z from "npm:zod@4";
import { type Api, method, notification, type StandardSchema, stream } from "../../../lib/mod.ts";
import type { JsonSchema } from "../../../lib/schema/questions.ts";
import { pair } from "../../../lib/testing.ts";

interface Described {
  readonly name: string;
  readonly paramStructure: string;
  readonly params: readonly { name: string; required: boolean; schema: JsonSchema }[];
  readonly result?: { readonly name: string; readonly schema: JsonSchema };
  readonly "x-stream"?: { readonly down?: JsonSchema; readonly up?: JsonSchema };
  readonly "x-notification"?: true;
  readonly "x-errors"?: readonly { name: string; code: number; schema: JsonSchema }[];
}

interface Document {
  readonly openrpc: string;
  readonly methods: readonly Described[];
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

async function discover(api: Api): Promise<Document> {
  await using ends = await pair(api, { serve: { name: "tests", version: "1.2.3" } });
  return await ends.line.request("rpc.discover") as Document;
}

/** A document's check by one of the meta-schemas, which refer to that of JSON Schema. */
function checkBy(metaSchema: object): ValidateFunction {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const slash of ["", "/"]) {
    ajv.addSchema(withoutId(jsonSchemaMetaSchema), `https://meta.json-schema.tools${slash}`);
  }
  return ajv.compile(withoutId(metaSchema));
}

/** They name a dialect of their own, which ajv would have to be taught; two hide behind a default export. */
function withoutId(module: object): Record<string, unknown> {
  const schema = (module as { default?: object }).default ?? module;
  const { $id: _, $schema: __, ...others } = JSON.parse(JSON.stringify(schema));
  return others;
}

const by14 = checkBy(OpenRPCSpecificationSchema1_4);
const byNpm = checkBy(openRpcMetaSchema);

/** Holds the document to the meta-schemas, and each of its schemas to JSON Schema draft-07. */
function check(document: Document): void {
  assert(by14(document), Deno.inspect(by14.errors));
  // The meta-schema on npm knows no version after 1.3; all else it says holds for 1.4.
  assert(byNpm({ ...document, openrpc: "1.3.2" }), Deno.inspect(byNpm.errors));
  const ajv = new Ajv({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: "doc:", ...document });
  for (const schema of schemasIn(document)) ajv.compile(pointedAt(schema));
  for (const ref of refsIn(document)) assert(resolves(ref, document), ref);
}

/** The schema with its references into the document, as ajv finds them. */
function pointedAt(schema: JsonSchema): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"doc:#/'));
}

function* schemasIn({ methods, components }: Document): Generator<JsonSchema> {
  for (const described of methods) {
    for (const { schema } of described.params) yield schema;
    if (described.result) yield described.result.schema;
    for (const { schema } of described["x-errors"] ?? []) yield schema;
    yield* Object.values(described["x-stream"] ?? {});
  }
  yield* Object.values(components.schemas);
}

function refsIn(document: Document): string[] {
  return [...JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)].map(([, ref]) => ref!);
}

/** Whether a reference (RFC 6901) leads to something in the document. */
function resolves(ref: string, document: Document): boolean {
  assert(ref.startsWith("#/"), ref);
  let found: unknown = document;
  for (const step of decodeURIComponent(ref).slice(2).split("/")) {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    if (found === null || typeof found !== "object" || !Object.hasOwn(found, key)) return false;
    found = (found as Record<string, unknown>)[key];
  }
  return true;
}

/** Whether values fit the schema at a place of the document. */
function fits(document: Document, schema: JsonSchema, value: unknown): boolean {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: "doc:", ...document });
  return ajv.validate(pointedAt(schema), value);
}

// ---- The same API in three ways ----------------------------------------------------------------------

interface Tree {
  name: string;
  kids?: Tree[] | undefined;
}

interface Schemas {
  readonly int: StandardSchema;
  readonly text: StandardSchema;
  readonly object: StandardSchema;
  readonly tuple: StandardSchema;
  readonly union: StandardSchema;
  readonly date: StandardSchema;
  readonly tree: StandardSchema;
  readonly within: StandardSchema;
}

const zodTree = z.object({
  name: z.string(),
  get kids() {
    return z.array(zodTree).optional();
  },
});
const valibotTree: v.GenericSchema<Tree> = v.object({
  name: v.string(),
  kids: v.optional(v.array(v.lazy(() => valibotTree))),
});
const arktypeTree = scope({ tree: { name: "string", "kids?": "tree[]" } }).export().tree;

const validators: Record<string, Schemas> = {
  zod: {
    int: z.int(),
    text: z.string().min(1).describe("A text"),
    object: z.object({ a: z.number(), b: z.string().optional(), c: z.enum(["x", "y"]) }),
    tuple: z.tuple([z.string(), z.number()]),
    union: z.union([z.object({ a: z.number() }), z.string()]),
    date: z.date(),
    tree: zodTree,
    within: z.object({ root: zodTree, "odd/na~me %": z.int() }),
  },
  valibot: {
    int: v.pipe(v.number(), v.integer()),
    text: v.pipe(v.string(), v.minLength(1), v.description("A text")),
    object: v.object({ a: v.number(), b: v.optional(v.string()), c: v.picklist(["x", "y"]) }),
    tuple: v.tuple([v.string(), v.number()]),
    union: v.union([v.object({ a: v.number() }), v.string()]),
    date: v.date(),
    tree: valibotTree,
    within: v.object({ root: valibotTree, "odd/na~me %": v.number() }),
  },
  arktype: {
    int: type("number.integer"),
    text: type("string >= 1").describe("A text"),
    object: type({ a: "number", "b?": "string", c: "'x' | 'y'" }),
    tuple: type(["string", "number"]),
    union: type({ a: "number" }, "|", "string"),
    date: type("Date"),
    tree: arktypeTree,
    within: type({ root: arktypeTree, "odd/na~me %": "number" }),
  },
};

/** Everything that an API can hold, in the words of one validator. */
function apiOf(schemas: Schemas): Api {
  const api: Record<string, Api[string]> = {
    nothing: method(() => {}),
    streamOfNothing: stream(() => []),
    log: notification(schemas.object, () => {}),
  };
  for (const [name, schema] of Object.entries(schemas) as [string, StandardSchema][]) {
    api[name] = {
      method: method(schema, () => {}, {
        summary: "One line",
        description: "More than one line",
        deprecated: true,
        idempotent: true,
        maxBytes: 1000,
        result: schema,
        errors: { FIRST: schema, "an odd name": schema },
      }),
      stream: stream(schema, () => [], { result: schema, items: schema }),
      upload: method(() => {}, { items: schema }),
      notification: notification(schema, () => {}),
    };
  }
  return api;
}

for (const [vendor, schemas] of Object.entries(validators)) {
  Deno.test(`rpc.discover passes OpenRPC's meta-schemas with ${vendor}`, async () => {
    check(await discover(apiOf(schemas)));
  });

  Deno.test(`rpc.discover says what params are, by name and position, with ${vendor}`, async () => {
    const document = await discover(apiOf(schemas));
    const paramsOf = (name: string) => {
      const { params, paramStructure } = document.methods.find((method) => method.name === name)!;
      return [paramStructure, ...params.map(({ name, required }) => required ? name : `${name}?`)];
    };
    assertEquals(paramsOf("nothing"), ["either"]);
    assertEquals(paramsOf("text.method"), ["by-position", "value"]);
    assertEquals(paramsOf("tuple.method"), ["by-position", "item0", "item1"]);
    const [structure, ...names] = paramsOf("object.method");
    assertEquals(names.toSorted(), ["a", "b?", "c"]);
    assertEquals(structure, "by-name", "an optional one in the middle leaves a hole");
    assertEquals(paramsOf("within.method").slice(1).toSorted(), ["odd/na~me %", "root"]);
    assertEquals(paramsOf("tree.method").slice(1).toSorted(), ["kids?", "name"]);
  });

  Deno.test(`rpc.discover describes a schema that contains itself, as deep as it goes, with ${vendor}`, async () => {
    const document = await discover({
      grow: method(schemas.within, () => {}, { result: schemas.tree }),
    });
    check(document);
    const { params, result } = document.methods[0]!;
    const { schema } = params.find(({ name }) => name === "root")!;
    const good = { name: "a", kids: [{ name: "b", kids: [{ name: "c" }] }] };
    const bad = { name: "a", kids: [{ name: "b", kids: [{ name: 7 }] }] };
    for (const each of [schema, result!.schema]) {
      assert(fits(document, each, good));
      // What is read from valibot's structure is cut where it comes round: true, and says less.
      assertEquals(fits(document, each, bad), vendor === "valibot");
      assert(!fits(document, each, { kids: [] }));
    }
  });
}

Deno.test("the meta-schemas refuse what is no OpenRPC, so that passing them says something", async () => {
  const document = await discover({ add: method(z.object({ a: z.int() }), () => 1) });
  const [add] = document.methods;
  const param = add!.params[0]!;
  const broken: object[] = [
    { ...document, info: {} },
    { ...document, methods: [{ ...add, name: "" }] },
    { ...document, methods: [{ ...add, unknown: 1 }] },
    { ...document, methods: [{ ...add, paramStructure: "by-luck" }] },
    { ...document, methods: [{ ...add, params: [{ name: "a" }] }] },
    { ...document, methods: [{ ...add, params: [{ ...param, schema: { type: "whole" } }] }] },
  ];
  for (const each of broken) {
    assertEquals(by14(each), false);
    assertEquals(byNpm({ ...each, openrpc: "1.3.2" }), false);
  }
  assert(!by14({ ...document, openrpc: "1.3.2" }));
});

// ---- What OpenRPC has no words for -------------------------------------------------------------------

Deno.test("rpc.discover tells streams, with their items in both directions", async () => {
  const document = await discover({
    down: stream(() => [1], { result: z.int() }),
    up: method(() => 1, { items: z.string().transform(Number), result: z.int() }),
    both: stream(() => [1], { items: z.string(), result: z.int() }),
    silent: stream(() => [1]),
    plain: method(() => 1),
  });
  check(document);
  const int = { type: "integer", minimum: -(2 ** 53 - 1), maximum: 2 ** 53 - 1 };
  const streams = document.methods.map((each) => [each["x-stream"], each.result?.schema]);
  assertEquals<unknown>(streams, [
    [{ down: int }, { type: "array", items: int }],
    [{ up: { type: "string" } }, int],
    [{ down: int, up: { type: "string" } }, { type: "array", items: int }],
    [{ down: {} }, { type: "array", items: {} }],
    [undefined, {}],
  ]);
});

Deno.test("rpc.discover tells notifications, which have no result", async () => {
  const document = await discover({
    log: notification(z.object({ text: z.string() }), () => {}, { summary: "Notes it" }),
  });
  check(document);
  assertEquals<unknown>(document.methods, [{
    name: "log",
    summary: "Notes it",
    paramStructure: "either",
    params: [{ name: "text", required: true, schema: { type: "string" } }],
    "x-notification": true,
  }]);
});

Deno.test("rpc.discover tells declared errors, with the shape of their data as it travels", async () => {
  const document = await discover({
    buy: method(() => 1, {
      errors: { OUT_OF_STOCK: z.object({ left: z.int() }), LATE: z.date(), BARE: z.undefined() },
    }),
  });
  check(document);
  const [buy] = document.methods;
  assertEquals<unknown>(
    buy!["x-errors"]!.map(({ name, code, schema }) => [name, code, schema.type, schema.format]),
    [
      ["OUT_OF_STOCK", -32000, "object", undefined],
      ["LATE", -32000, "string", "date-time"],
      ["BARE", -32000, "null", undefined],
    ],
  );
});

Deno.test("rpc.discover keeps methods apart whose names differ only in what a component may not have", async () => {
  const first = z.object({ root: zodTree, first: z.int() });
  const second = z.object({ root: zodTree, second: z.int() });
  const document = await discover({
    "a b": method(first, () => {}),
    "a_b": method(second, () => {}),
    "a?b": method(first, () => {}),
    a: { result: method(second, () => {}) },
    "constructor": method(first, () => {}),
  });
  check(document);
  for (const { name, params } of document.methods) {
    const { schema } = params.find(({ name }) => name === "root")!;
    assert(fits(document, schema, { name: "x" }), name);
  }
  assertEquals(Object.keys(document.components.schemas).length, 5);
});

Deno.test("rpc.discover of a client describes the client's own methods", async () => {
  await using ends = await pair({
    ask: method(async (_, { peer }) => await peer.call.rpc!.discover!()),
  }, { connect: { api: { name: method(() => "x") } } });
  const document = await ends.line.call.ask() as Document;
  check(document);
  assertEquals(document.methods.map(({ name }) => name), ["name"]);
});

Deno.test("rpc.discover of many methods lets other callers be served in between", async () => {
  let described = 0, begun = () => {};
  const slow: StandardSchema = {
    "~standard": {
      version: 1,
      vendor: "slow",
      validate: (value) => ({ value }),
      jsonSchema: {
        input: () => {
          described++;
          begun();
          for (const end = performance.now() + 6; performance.now() < end;);
          return { type: "object", properties: {} };
        },
        output: () => ({}),
      },
    },
  };
  const api = Object.fromEntries(
    Array.from({ length: 50 }, (_, n) => [`m${n}`, method(slow, () => n)]),
  );
  await using ends = await pair(api);
  described = 0; // serving asks what kind of value each takes
  const first = new Promise<void>((resolve) => begun = resolve);
  const discovered = ends.line.request("rpc.discover");
  await first;
  await ends.line.request("rpc.ping");
  const soFar = described;
  await discovered;
  assert(soFar < described, "the other call was answered only when all was described");
});
