import { assert, assertEquals } from "@std/assert";
import { type } from "npm:arktype@2";
import * as v from "npm:valibot@1";
import * as z from "npm:zod@4";
import * as mini from "npm:zod@4/mini";
import {
  type InferInput,
  type InferOutput,
  isStandardSchema,
  type StandardSchema,
} from "../../../lib/schema/standard_schema.ts";
import {
  type JsonSchema,
  jsonSchemaOf,
  parameterNames,
  type ParamsShape,
  paramsShape,
} from "../../../lib/schema/questions.ts";

/** A schema of no library: it validates, and says nothing about itself. */
function byHand(jsonSchema?: StandardSchema["~standard"]["jsonSchema"]): StandardSchema {
  return {
    "~standard": { version: 1, vendor: "hand", validate: (value) => ({ value }), jsonSchema },
  };
}

/** The same, with Standard JSON Schema: it describes itself as this. */
function describedAs(schema: JsonSchema): StandardSchema {
  return byHand({ input: () => schema, output: () => schema });
}

const operands = { subtrahend: z.number(), minuend: z.number() };
const vOperands = { subtrahend: v.number(), minuend: v.number() };
const miniOperands = { subtrahend: mini.number(), minuend: mini.number() };
const Tree = z.object({
  name: z.string(),
  get kids() {
    return z.array(Tree);
  },
});

Deno.test("isStandardSchema() is true when a value speaks version 1, as an object or a function", () => {
  for (const schema of [z.string(), mini.string(), v.string(), type("string"), byHand()]) {
    assert(isStandardSchema(schema));
  }
});

Deno.test("isStandardSchema() is false when a value is anything else", () => {
  const others = [
    undefined,
    null,
    "~standard",
    {},
    () => {},
    { "~standard": true },
    { "~standard": { version: 1 } },
    { "~standard": { version: 2, validate: () => ({ value: 1 }) } },
  ];
  for (const other of others) assertEquals(isStandardSchema(other), false, Deno.inspect(other));
});

Deno.test("InferInput and InferOutput give what goes in and what comes out when a schema transforms", () => {
  const ofZod = z.string().transform((text) => text.length);
  const ofValibot = v.pipe(v.string(), v.transform((text) => text.length));
  const ofArktype = type("string").pipe((text) => text.length);
  const zod: [InferInput<typeof ofZod>, InferOutput<typeof ofZod>] = ["in", 3];
  const valibot: [InferInput<typeof ofValibot>, InferOutput<typeof ofValibot>] = ["in", 3];
  const arktype: [InferInput<typeof ofArktype>, InferOutput<typeof ofArktype>] = ["in", 3];
  // @ts-expect-error The input is text.
  const wrong: InferInput<typeof ofZod> = 3;
  assertEquals([zod, valibot, arktype, wrong].length, 4);
});

const shapes: { [shape in ParamsShape]: { [name: string]: StandardSchema } } = {
  object: {
    "zod object": z.object(operands),
    "zod strict object": z.strictObject(operands),
    "zod loose object": z.looseObject(operands),
    "zod optional object": z.object(operands).optional(),
    "zod object with a default": z.object(operands).default({ subtrahend: 1, minuend: 2 }),
    "zod readonly object": z.object(operands).readonly(),
    "zod refined object": z.object(operands).refine(() => true),
    "zod transformed object": z.object(operands).transform(String),
    "zod preprocessed object": z.preprocess((value) => value, z.object(operands)),
    "zod lazy object": z.lazy(() => z.object(operands)),
    "zod object that contains itself": Tree,
    "zod record": z.record(z.string(), z.number()),
    "zod intersection": z.intersection(z.object({ a: z.string() }), z.object({ b: z.string() })),
    "zod union of objects": z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("a") }),
      z.object({ kind: z.literal("b"), b: z.number() }),
    ]),
    "zod/mini object": mini.object(miniOperands),
    "valibot object": v.object(vOperands),
    "valibot strict object": v.strictObject(vOperands),
    "valibot object with rest": v.objectWithRest(vOperands, v.number()),
    "valibot optional object": v.optional(v.object(vOperands)),
    "valibot piped object": v.pipe(v.object(vOperands), v.check(() => true), v.transform(String)),
    "valibot record": v.record(v.string(), v.number()),
    "valibot intersect": v.intersect([v.object({ a: v.string() }), v.object({ b: v.string() })]),
    "arktype object": type({ subtrahend: "number", minuend: "number" }),
    "arktype object or undefined": type({ a: "number" }).or("undefined"),
    "arktype piped object": type({ a: "number" }).pipe(String),
    "arktype object that contains itself": type.module({ box: { "inner?": "box" } }).box,
    "described object": describedAs({ type: "object" }),
    "described by reference": describedAs({
      $ref: "#/definitions/a~1b",
      definitions: { "a/b": { type: "object" } },
    }),
  },
  array: {
    "zod array": z.array(z.string()),
    "zod tuple": z.tuple([z.string(), z.number()]),
    "zod optional array": z.array(z.string()).optional(),
    "zod/mini array": mini.array(mini.string()),
    "valibot array": v.array(v.string()),
    "valibot tuple": v.tuple([v.string()]),
    "valibot piped array": v.pipe(v.array(v.string()), v.nonEmpty()),
    "arktype array": type("string[]"),
    "arktype tuple": type(["string", "number"]),
    "described array": describedAs({ type: "array" }),
    "described constant": describedAs({ const: [] }),
  },
  scalar: {
    "zod string": z.string(),
    "zod optional string": z.string().optional(),
    "zod nullable number": z.number().nullable(),
    "zod coerced number": z.coerce.number(),
    "zod date": z.date(),
    "zod enum": z.enum(["a", "b"]),
    "zod literal": z.literal("a"),
    "zod union of scalars": z.union([z.string(), z.number(), z.undefined()]),
    "zod void": z.void(),
    "zod codec": z.codec(z.string(), z.object({}), { decode: () => ({}), encode: () => "" }),
    "zod/mini string": mini.string(),
    "valibot string": v.pipe(v.string(), v.email()),
    "valibot picklist": v.picklist(["a", "b"]),
    "valibot nullish": v.nullish(v.boolean()),
    "valibot date": v.date(),
    "valibot union of scalars": v.union([v.string(), v.number()]),
    "arktype string": type("string.email"),
    "arktype union of scalars": type("string | number | null"),
    "arktype Date": type("Date"),
    "arktype parsed date": type("string.date.parse"),
    "described scalar": describedAs({ type: ["string", "null"] }),
    "zod bytes": z.instanceof(Uint8Array),
    "zod bytes or text": z.union([z.instanceof(Uint8Array), z.string()]),
    "zod/mini bytes": mini.instanceof(Uint8Array),
    "valibot bytes": v.pipe(v.instance(Uint8Array), v.check(() => true)),
    "arktype bytes": type("TypedArray.Uint8"),
  },
  unknown: {
    "zod unknown": z.unknown(),
    "zod any JSON": z.json(),
    "zod custom": z.custom(() => true),
    "zod class": z.instanceof(Map),
    "zod nullable object": z.object(operands).nullable(),
    "zod array or string": z.union([z.array(z.string()), z.string()]),
    "zod/mini unknown": mini.unknown(),
    "valibot any": v.any(),
    "valibot nullable object": v.nullable(v.object(vOperands)),
    "valibot custom": v.custom(() => true),
    "arktype unknown": type("unknown"),
    "arktype mixed": type("string | string[]"),
    "hand-written": byHand(),
    "described as anything": describedAs({}),
    "described elsewhere": describedAs({ $ref: "https://example.com/schema" }),
    "described by nothing": describedAs({ $ref: "#/definitions/absent" }),
    "described in a circle": describedAs({ $ref: "#" }),
    "described by a converter that throws": byHand({ input: fail, output: fail }),
    "described in no JSON Schema": describedAs({ enum: 5 } as unknown as JsonSchema),
    "described in no object": describedAs("string" as unknown as JsonSchema),
  },
};

function fail(): never {
  throw new Error("not convertible");
}

for (const [shape, schemas] of Object.entries(shapes)) {
  Deno.test(`paramsShape() is ${shape} when the schema takes it`, async (t) => {
    for (const [name, schema] of Object.entries(schemas)) {
      await t.step(name, () => assertEquals(paramsShape(schema), shape));
    }
  });
}

Deno.test("parameterNames() keeps the declared order when the schema is an object", async (t) => {
  const declared: { [name: string]: StandardSchema } = {
    "zod object": z.object(operands),
    "zod strict object": z.strictObject(operands),
    "zod loose object": z.looseObject(operands),
    "zod optional object": z.object(operands).optional(),
    "zod nullable object": z.object(operands).nullable(),
    "zod object with a default": z.object(operands).default({ subtrahend: 1, minuend: 2 }),
    "zod object with a prefault": z.object(operands).prefault({ subtrahend: 1, minuend: 2 }),
    "zod object with a catch": z.object(operands).catch({ subtrahend: 1, minuend: 2 }),
    "zod readonly object": z.object(operands).readonly(),
    "zod branded object": z.object(operands).brand("operands"),
    "zod refined object": z.object(operands).refine(() => true),
    "zod transformed object": z.object(operands).transform(String),
    "zod piped object": z.object(operands).pipe(z.any()),
    "zod preprocessed object": z.preprocess((value) => value, z.object(operands)),
    "zod lazy object": z.lazy(() => z.object(operands)),
    "zod extended object": z.object({ subtrahend: z.number() }).extend({ minuend: z.number() }),
    "zod intersection": z.object({ subtrahend: z.number() }).and(z.object({ minuend: z.number() })),
    "zod object or string": z.union([z.string(), z.object(operands)]),
    "zod/mini object": mini.object(miniOperands),
    "zod/mini optional object": mini.optional(mini.object(miniOperands)),
    "valibot object": v.object(vOperands),
    "valibot strict object": v.strictObject(vOperands),
    "valibot loose object": v.looseObject(vOperands),
    "valibot optional object": v.optional(v.object(vOperands)),
    "valibot nullable object": v.nullable(v.object(vOperands)),
    "valibot piped object": v.pipe(v.object(vOperands), v.readonly(), v.transform(String)),
    "valibot object in a pipe in a pipe": v.pipe(v.pipe(v.object(vOperands), v.title("operands"))),
    "valibot lazy object": v.lazy(() => v.object(vOperands)),
    "valibot intersect": v.intersect([
      v.object({ subtrahend: v.number() }),
      v.object({ minuend: v.number() }),
    ]),
    "described object": describedAs({ properties: { subtrahend: true, minuend: {} } }),
    "described by reference": describedAs({
      $ref: "#/definitions/it",
      definitions: { it: { type: "object", properties: { subtrahend: {}, minuend: {} } } },
    }),
  };
  for (const [name, schema] of Object.entries(declared)) {
    await t.step(name, () => assertEquals(parameterNames(schema), ["subtrahend", "minuend"]));
  }
});

Deno.test("parameterNames() is undefined when there is no object or no order to tell", async (t) => {
  const without: { [name: string]: StandardSchema } = {
    "zod string": z.string(),
    "zod array": z.array(z.object(operands)),
    "zod record": z.record(z.string(), z.number()),
    "zod union of objects": z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]),
    "zod object or anything": z.union([z.object(operands), z.unknown()]),
    "valibot string": v.string(),
    "valibot variant": v.variant("kind", [
      v.object({ kind: v.literal("a") }),
      v.object({ kind: v.literal("b") }),
    ]),
    "arktype string": type("string"),
    "arktype sorts": type({ subtrahend: "number", minuend: "number" }),
    "hand-written": byHand(),
    "described in a circle": describedAs({ $ref: "#" }),
    "described by a converter that throws": byHand({ input: fail, output: fail }),
    "described in no JSON Schema": describedAs({ allOf: 5 } as unknown as JsonSchema),
  };
  for (const [name, schema] of Object.entries(without)) {
    await t.step(name, () => assertEquals(parameterNames(schema), undefined));
  }
});

Deno.test("parameterNames() names the property when an arktype object has only one", () => {
  assertEquals(parameterNames(type({ text: "string" })), ["text"]);
});

Deno.test("parameterNames() is empty when an object has no properties", () => {
  for (const schema of [z.object({}), mini.object({}), v.object({})]) {
    assertEquals(parameterNames(schema), []);
  }
});

const dateTime = { type: "string", format: "date-time" };
const base64 = {
  type: "object",
  properties: { $base64: { type: "string", contentEncoding: "base64" } },
  required: ["$base64"],
  additionalProperties: false,
};
const described: [name: string, StandardSchema, input: JsonSchema, output?: JsonSchema][] = [
  // Three libraries say it themselves.
  ["zod object", z.object({ b: z.int().min(1).max(9), a: z.string().optional() }), {
    type: "object",
    properties: { b: { type: "integer", minimum: 1, maximum: 9 }, a: { type: "string" } },
    required: ["b"],
  }, {
    type: "object",
    properties: { b: { type: "integer", minimum: 1, maximum: 9 }, a: { type: "string" } },
    required: ["b"],
    additionalProperties: false,
  }],
  ["zod tuple", z.tuple([z.string(), z.number()]), {
    type: "array",
    items: [{ type: "string" }, { type: "number" }],
    additionalItems: false,
    minItems: 2,
    maxItems: 2,
  }],
  ["zod date", z.date(), dateTime],
  ["zod bytes", z.instanceof(Uint8Array), base64],
  ["zod/mini bytes", mini.instanceof(Uint8Array), base64],
  ["valibot bytes", v.instance(Uint8Array), base64],
  ["valibot class", v.instance(Map), {}],
  ["arktype bytes", type("TypedArray.Uint8"), base64],
  ["zod date with a format of its own", z.date().meta({ type: "string", format: "date" }), {
    type: "string",
    format: "date",
  }],
  ["zod dates inside", z.array(z.date().nullable()), {
    type: "array",
    items: { anyOf: [dateTime, { type: "null" }] },
  }],
  [
    "zod codec",
    z.codec(z.string(), z.date(), { decode: (text) => new Date(text), encode: String }),
    {
      type: "string",
    },
    dateTime,
  ],
  ["zod transform", z.string().transform(Number), { type: "string" }, {}],
  ["zod default", z.string().default("a"), { type: "string", default: "a" }],
  ["zod bigint", z.object({ n: z.bigint(), s: z.string() }), {
    type: "object",
    properties: { n: {}, s: { type: "string" } },
    required: ["n", "s"],
  }, {
    type: "object",
    properties: { n: {}, s: { type: "string" } },
    required: ["n", "s"],
    additionalProperties: false,
  }],
  ["zod void", z.void(), { not: {} }, { type: "null" }],
  ["arktype object", type({ "b?": "string", a: "number.integer >= 1" }), {
    type: "object",
    properties: { a: { type: "integer", minimum: 1 }, b: { type: "string" } },
    required: ["a"],
  }],
  ["arktype Date", type("Date"), dateTime],
  ["arktype parsed date", type("string.date.parse"), { type: "string" }, dateTime],
  ["arktype undefined", type("undefined"), { not: {} }, { type: "null" }],
  ["described", describedAs({ $schema: "https://example.com", type: "string" }), {
    type: "string",
  }],

  // zod/mini is read from its structure.
  [
    "zod/mini object",
    mini.strictObject({
      string: mini.string(),
      int: mini.int(),
      boolean: mini.boolean(),
      null: mini.null(),
      literal: mini.literal("a"),
      enum: mini.enum(["a", "b"]),
      array: mini.array(mini.number()),
      tuple: mini.tuple([mini.string(), mini.optional(mini.string())], mini.number()),
      record: mini.record(mini.string(), mini.number()),
      union: mini.union([mini.string(), mini.nullable(mini.date())]),
      both: mini.intersection(mini.object({}), mini.looseObject({ a: mini.unknown() })),
      optional: mini.optional(mini.string()),
      default: mini._default(mini.string(), "a"),
    }),
    {
      type: "object",
      properties: miniProperties(),
      required: Object.keys(miniProperties()).slice(0, -2),
      additionalProperties: false,
    },
    {
      type: "object",
      properties: miniProperties(),
      required: Object.keys(miniProperties()).filter((name) => name !== "optional"),
      additionalProperties: false,
    },
  ],
  ["zod/mini transform", mini.pipe(mini.string(), mini.transform(Number)), { type: "string" }, {}],

  // valibot is read from its structure.
  ["valibot string", v.string(), { type: "string" }],
  ["valibot number", v.number(), { type: "number" }],
  ["valibot boolean", v.boolean(), { type: "boolean" }],
  ["valibot null", v.null(), { type: "null" }],
  ["valibot literal", v.literal(7), { const: 7 }],
  ["valibot literal that JSON has not", v.literal(7n), {}],
  ["valibot picklist", v.picklist(["a", "b"]), { enum: ["a", "b"] }],
  ["valibot enum", v.enum({ A: "a", B: "b" }), { enum: ["a", "b"] }],
  ["valibot array", v.array(v.date()), { type: "array", items: dateTime }],
  ["valibot tuple", v.tuple([v.string(), v.optional(v.number())]), {
    type: "array",
    items: [{ type: "string" }, { type: "number" }],
    minItems: 1,
  }],
  ["valibot strict tuple", v.strictTuple([v.string()]), {
    type: "array",
    items: [{ type: "string" }],
    minItems: 1,
    maxItems: 1,
  }],
  ["valibot tuple with rest", v.tupleWithRest([v.string()], v.number()), {
    type: "array",
    items: [{ type: "string" }],
    minItems: 1,
    additionalItems: { type: "number" },
  }],
  ["valibot empty tuple", v.strictTuple([]), { type: "array", minItems: 0, maxItems: 0 }],
  [
    "valibot object",
    v.object({ b: v.string(), a: v.optional(v.number(), 3), c: v.nullish(v.boolean()) }),
    { type: "object", properties: valibotProperties(), required: ["b"] },
    { type: "object", properties: valibotProperties(), required: ["b", "a"] },
  ],
  ["valibot strict object", v.strictObject({}), {
    type: "object",
    properties: {},
    additionalProperties: false,
  }],
  ["valibot loose object", v.looseObject({}), { type: "object", properties: {} }],
  ["valibot object with rest", v.objectWithRest({}, v.string()), {
    type: "object",
    properties: {},
    additionalProperties: { type: "string" },
  }],
  ["valibot record", v.record(v.string(), v.number()), {
    type: "object",
    additionalProperties: { type: "number" },
  }],
  ["valibot undefinedable", v.undefinedable(v.string()), { type: "string" }],
  ["valibot nullable", v.nullable(v.string(), "a"), {
    anyOf: [{ type: "string" }, { type: "null" }],
    default: "a",
  }],
  ["valibot default from a function", v.optional(v.string(), fail), { type: "string" }],
  ["valibot union", v.union([v.string(), v.number()]), {
    anyOf: [{ type: "string" }, { type: "number" }],
  }],
  ["valibot variant", v.variant("k", [v.object({ k: v.literal("a") })]), {
    anyOf: [{ type: "object", properties: { k: { const: "a" } }, required: ["k"] }],
  }],
  ["valibot intersect", v.intersect([v.object({}), v.looseObject({})]), {
    allOf: [{ type: "object", properties: {} }, { type: "object", properties: {} }],
  }],
  ["valibot any", v.any(), {}],
  ["valibot void", v.void(), { not: {} }, { type: "null" }],
  ["valibot map", v.map(v.string(), v.string()), {}],
  [
    "valibot number checks",
    v.pipe(v.number(), v.integer(), v.minValue(1), v.ltValue(9), v.multipleOf(2)),
    { type: "integer", minimum: 1, exclusiveMaximum: 9, multipleOf: 2 },
  ],
  ["valibot text checks", v.pipe(v.string(), v.length(3), v.regex(/^a/), v.regex(/b$/)), {
    type: "string",
    minLength: 3,
    maxLength: 3,
    pattern: "^a",
  }],
  ["valibot pattern with flags", v.pipe(v.string(), v.regex(/^a/i)), { type: "string" }],
  ["valibot formats", v.tuple([v.pipe(v.string(), v.email()), v.pipe(v.string(), v.url())]), {
    type: "array",
    items: [{ type: "string", format: "email" }, { type: "string", format: "uri" }],
    minItems: 2,
  }],
  ["valibot array checks", v.pipe(v.array(v.any()), v.nonEmpty(), v.maxLength(3)), {
    type: "array",
    items: {},
    minItems: 1,
    maxItems: 3,
  }],
  ["valibot remarks", v.pipe(v.string(), v.title("A"), v.metadata({ description: "B", c: 1 })), {
    type: "string",
    title: "A",
    description: "B",
  }],
  [
    "valibot checks around a transformation",
    v.pipe(
      v.string(),
      v.maxLength(9),
      v.brand("text"),
      v.transform(Number),
      v.number(),
      v.minValue(1),
    ),
    { type: "string", maxLength: 9 },
    { type: "number", minimum: 1 },
  ],
  ["valibot trimmed text", v.pipe(v.string(), v.minLength(5), v.trim(), v.minLength(1)), {
    type: "string",
    minLength: 5,
  }, { type: "string", minLength: 1 }],
  ["valibot unknown transformation", v.pipe(v.string(), v.transform(Number)), {
    type: "string",
  }, {}],
  ["valibot object with a hostile name", v.object({ ["__proto__"]: v.string() }), {
    type: "object",
    properties: Object.fromEntries([["__proto__", { type: "string" }]]),
    required: ["__proto__"],
  }],
];

function miniProperties(): { [name: string]: JsonSchema } {
  return {
    string: { type: "string" },
    int: { type: "integer" },
    boolean: { type: "boolean" },
    null: { type: "null" },
    literal: { const: "a" },
    enum: { enum: ["a", "b"] },
    array: { type: "array", items: { type: "number" } },
    tuple: {
      type: "array",
      items: [{ type: "string" }, { type: "string" }],
      minItems: 1,
      additionalItems: { type: "number" },
    },
    record: { type: "object", additionalProperties: { type: "number" } },
    union: { anyOf: [{ type: "string" }, { anyOf: [dateTime, { type: "null" }] }] },
    both: {
      allOf: [{ type: "object", properties: {} }, {
        type: "object",
        properties: { a: {} },
        required: ["a"],
        additionalProperties: {},
      }],
    },
    optional: { type: "string" },
    default: { type: "string" },
  };
}

function valibotProperties(): { [name: string]: JsonSchema } {
  return {
    b: { type: "string" },
    a: { type: "number", default: 3 },
    c: { anyOf: [{ type: "boolean" }, { type: "null" }] },
  };
}

Deno.test("jsonSchemaOf() describes what goes in and what comes out when a schema can be read", async (t) => {
  for (const [name, schema, input, output = input] of described) {
    await t.step(name, () => {
      assertEquals(jsonSchemaOf(schema, "input"), input);
      assertEquals(jsonSchemaOf(schema, "output"), output);
    });
  }
});

Deno.test("jsonSchemaOf() is undefined when a library does not tell", () => {
  assertEquals(jsonSchemaOf(byHand(), "input"), undefined);
  assertEquals(jsonSchemaOf(byHand({ input: fail, output: fail }), "output"), undefined);
});

Deno.test("jsonSchemaOf() ends when a type contains itself", () => {
  const list: v.GenericSchema = v.object({ next: v.optional(v.lazy(() => list)) });
  assertEquals(jsonSchemaOf(list, "input"), { type: "object", properties: { next: {} } });
  const node: mini.ZodMiniType = mini.object({ next: mini.optional(mini.lazy(() => node)) });
  assertEquals(jsonSchemaOf(node, "input"), { type: "object", properties: { next: {} } });
});

Deno.test("jsonSchemaOf() lets references start where the description will stand when told", () => {
  const at = "#/components/schemas/plant";
  assertEquals(jsonSchemaOf(Tree, "input", at), {
    type: "object",
    properties: { name: { type: "string" }, kids: { type: "array", items: { $ref: at } } },
    required: ["name", "kids"],
  });
  const named = z.object({ $ref: z.string().meta({ id: "Landline.Reference" }) });
  assertEquals(jsonSchemaOf(named, "input", at), {
    type: "object",
    properties: { $ref: { $ref: `${at}/definitions/Landline.Reference` } },
    required: ["$ref"],
    definitions: { "Landline.Reference": { type: "string" } },
  });
  const elsewhere = describedAs({ anyOf: [{ $ref: "https://example.com" }, { const: 1 }] });
  assertEquals(jsonSchemaOf(elsewhere, "input", at), {
    anyOf: [{ $ref: "https://example.com" }, { const: 1 }],
  });
});

Deno.test("jsonSchemaOf() leaves the library's own description as it is when it moves one", () => {
  const own: JsonSchema = { $schema: "x", items: { $ref: "#" } };
  jsonSchemaOf(describedAs(own), "output", "#/a");
  assertEquals(own, { $schema: "x", items: { $ref: "#" } });
});
