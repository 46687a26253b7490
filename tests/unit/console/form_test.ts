// From a schema to fields to a value and back, without a page.

import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@4";
import { isRecord } from "../../../console/json.ts";
import type { Field } from "../../../console/schema.ts";
import { fieldText, FormModel, type Slot } from "../../../console/form/model.ts";
import { labelsOf } from "../../../console/form/labels.ts";
import { allowed } from "./_schemas.ts";

/** Methods that take a value of this schema, each in another way. */
function methodsOf(schema: unknown): [string, object, (value: unknown) => unknown][] {
  const param = { name: "x", required: true, schema };
  const second = { name: "y", schema: { type: "string" } };
  return [
    ["by name", { paramStructure: "by-name", params: [param, second] }, (x) => ({ x })],
    ["either", { paramStructure: "either", params: [param, second] }, (x) => ({ x })],
    ["by position", { paramStructure: "by-position", params: [param, second] }, (x) => [x]],
  ];
}

/** Fills a place with a value as a person does, who can use nothing but the fields. */
function fill(model: FormModel, slot: Slot, value: unknown): void {
  if (value === undefined) return;
  const { schemas } = model, field = schemas.fieldOf(slot.part);
  // An optional text that is empty can be given in JSON alone, and so can members that are not declared.
  const isEmpty = value === "" && slot.mayBeAbsent && !slot.isRequired;
  const isMore = field.kind === "object" && field.others === undefined && isRecord(value) &&
    Object.keys(value).some((name) => !field.members.some((member) => member.name === name));
  if (!schemas.shows(slot.part, value) || isEmpty || isMore) {
    const json: Field = { kind: "json" };
    type(model, { ...slot, part: { ...slot.part, field: json } }, JSON.stringify(value));
    return;
  }
  switch (field.kind) {
    case "text":
    case "number":
    case "json":
      return type(model, slot, fieldText(field, value));
    case "enum":
      return slot.set(field.values.find((it) => JSON.stringify(it) === JSON.stringify(value)));
    case "bytes":
      return slot.set(value);
    case "list":
      if (slot.get() === undefined) slot.set([]);
      for (const [at, item] of (value as unknown[]).entries()) {
        model.addItem(slot, field.item);
        fill(model, model.item(slot, at, field.item), item);
      }
      return;
    case "tuple":
      if (slot.get() === undefined) slot.set([]);
      for (const [at, item] of (value as unknown[]).entries()) {
        fill(model, model.place(slot, at, field.items[at]!, at < field.required), item);
      }
      return;
    case "object": {
      if (slot.get() === undefined) slot.set(model.initial(slot.part));
      const members = value as Record<string, unknown>;
      for (const { name, part, isRequired } of field.members) {
        if (Object.hasOwn(members, name)) {
          fill(model, model.member(slot, name, part, isRequired), members[name]);
        }
      }
      const known = new Set(field.members.map(({ name }) => name));
      for (const [name, member] of Object.entries(members)) {
        if (!known.has(name)) fill(model, model.member(slot, name, field.others!, true), member);
      }
      return;
    }
    case "choice": {
      const index = schemas.optionOf(field.options, value), option = field.options[index]!;
      model.choose(slot, field.options, index);
      assertEquals(model.chosen(slot, field.options), index);
      return fill(model, { ...model.option(slot, option), isRequired: true }, value);
    }
  }
}

function type(model: FormModel, slot: Slot, text: string): void {
  assertEquals(model.type(slot, text), undefined, text);
}

/** Looks at every field of a value, as drawing them does. */
function* leaves(model: FormModel, slot: Slot): Iterable<Slot> {
  const { schemas } = model, field = schemas.fieldOf(slot.part), value = slot.get();
  if (value === undefined || !schemas.shows(slot.part, value)) return;
  switch (field.kind) {
    case "text":
    case "number":
    case "json":
      yield slot;
      break;
    case "list":
      for (const at of (value as unknown[]).keys()) {
        yield* leaves(model, model.item(slot, at, field.item));
      }
      break;
    case "tuple":
      for (const [at, part] of field.items.entries()) {
        yield* leaves(model, model.place(slot, at, part, at < field.required));
      }
      break;
    case "object":
      for (const { name, part, isRequired } of field.members) {
        yield* leaves(model, model.member(slot, name, part, isRequired));
      }
      break;
    case "choice": {
      const option = field.options[model.chosen(slot, field.options)];
      if (option) yield* leaves(model, { ...model.option(slot, option), isRequired: true });
    }
  }
}

Deno.test("a form gives every value that its schema allows, filled field by field", () => {
  fc.assert(
    fc.property(allowed, ({ schema, value }) => {
      for (const [how, method, paramsOf] of methodsOf(schema)) {
        const model = new FormModel(method, {});
        assertEquals(model.params, undefined);
        fill(model, model.root!, paramsOf(value));
        assertEquals(JSON.parse(JSON.stringify(model.params)), paramsOf(value), how);
        assertEquals(model.problem, undefined);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("a form gives every single value that its schema allows, filled field by field", () => {
  fc.assert(
    fc.property(allowed, ({ schema, value }) => {
      const method = {
        paramStructure: "by-position",
        params: [{ name: "value", required: true, schema }],
      };
      const model = new FormModel(method, {});
      fill(model, model.root!, value);
      const isEmpty = Array.isArray(value) && value.length === 0;
      const isBytes = model.schemas.fieldOf(model.root!.part).kind === "bytes";
      const travels = isEmpty
        ? undefined
        : Array.isArray(value) || isRecord(value) && !isBytes
        ? value
        : [value];
      assertEquals(model.params, travels);
    }),
    { numRuns: 300 },
  );
});

Deno.test("an item that is added is of the first alternative, and leaves nothing to another", () => {
  const model = new FormModel({
    paramStructure: "by-position",
    params: [{
      name: "value",
      schema: {
        type: "array",
        items: {
          oneOf: [{
            type: "object",
            properties: { kind: { const: "a" }, more: { type: "string" } },
            required: ["kind", "more"],
          }, { type: "object", properties: { b: { type: "string" } } }],
        },
      },
    }],
  }, {});
  const list = model.schemas.fieldOf(model.root!.part);
  assert(list.kind === "list");
  model.addItem(model.root!, list.item);
  const item = model.item(model.root!, 0, list.item), choice = model.schemas.fieldOf(item.part);
  assert(choice.kind === "choice");
  // The second alternative takes this too, and the first one does not: it is not whole.
  assertEquals([model.params, model.chosen(item, choice.options)], [[{ kind: "a" }], 0]);
  model.choose(item, choice.options, 1);
  assertEquals([model.params, model.chosen(item, choice.options)], [[{}], 1]);
});

Deno.test("an object whose $base64 is no text is no bytes", () => {
  const model = new FormModel({}, {});
  const kindOf = (type: string) =>
    model.schemas.fieldOf({
      schema: { type: "object", properties: { $base64: { type } }, required: ["$base64"] },
      base: {},
    }).kind;
  assertEquals([kindOf("string"), kindOf("number")], ["bytes", "object"]);
});

Deno.test("a form leaves alone what it is given, whether its fields can show it or not", () => {
  fc.assert(
    fc.property(allowed, fc.jsonValue({ maxDepth: 3 }), ({ schema, value }, other) => {
      for (const [how, method, paramsOf] of methodsOf(schema)) {
        for (const given of [paramsOf(value), paramsOf(other), other]) {
          const model = new FormModel(method, {}), before = JSON.stringify(given);
          model.params = given;
          assertEquals(JSON.stringify(model.params), before, how);
          // What is typed again, as it stands there, changes nothing.
          if (!model.isShown) continue;
          const isFilled = JSON.stringify(model.root!.get());
          for (const slot of [...leaves(model, model.root!)]) {
            const field = model.schemas.fieldOf(slot.part), text = fieldText(field, slot.get());
            if (text !== "") type(model, slot, text);
          }
          assertEquals(JSON.parse(JSON.stringify(model.root!.get())), JSON.parse(isFilled), how);
        }
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("a change of one field changes nothing else", () => {
  const model = new FormModel({
    paramStructure: "by-name",
    params: [{ name: "a", schema: { type: "string" } }, {
      name: "b",
      schema: { type: "object", properties: { c: { type: "integer" } } },
    }],
  }, {});
  model.params = { extra: [1], b: { more: null, c: 1 }, a: "x" };
  const field = model.schemas.fieldOf(model.root!.part);
  assert(field.kind === "object");
  const b = model.member(model.root!, "b", field.members[1]!.part, false);
  const inner = model.schemas.fieldOf(b.part);
  assert(inner.kind === "object");
  const c = model.member(b, "c", inner.members[0]!.part, false);
  model.type(c, "2");
  assertEquals(model.params, { extra: [1], b: { more: null, c: 2 }, a: "x" });
  model.type(c, "");
  assertEquals(model.params, { extra: [1], b: { more: null }, a: "x" });
  model.type(c, "2.x");
  assertEquals(model.problem, { path: ["b", "c"], message: "This is no number" });
  assertEquals(model.params, { extra: [1], b: { more: null }, a: "x" });
  model.type(c, "7");
  assertEquals(model.problem, undefined);
});

/** What stands for a schema, told briefly. */
function brief(schema: unknown, document = {}): unknown {
  const model = new FormModel({ params: [{ name: "x", schema }] }, document);
  const root = model.schemas.fieldOf(model.root!.part);
  assert(root.kind === "object");
  const told = (part: (typeof root.members)[number]["part"], depth: number): unknown => {
    const field = model.schemas.fieldOf(part);
    if (depth > 4) return "…";
    switch (field.kind) {
      case "text":
      case "number":
        return field.hint;
      case "enum":
        return field.values;
      case "list":
        return [told(field.item, depth + 1)];
      case "tuple":
        return { tuple: field.items.map((it) => told(it, depth + 1)), required: field.required };
      case "object":
        return Object.fromEntries([
          ...field.members.map(({ name, part, isRequired }) => [
            name + (isRequired ? "!" : ""),
            told(part, depth + 1),
          ]),
          ...(field.others ? [["*", told(field.others, depth + 1)]] : []),
        ]);
      case "choice":
        return { choice: field.options.map((it) => told(it, depth + 1)) };
      default:
        return field.kind;
    }
  };
  return told(root.members[0]!.part, 0);
}

const TREE = {
  components: {
    schemas: {
      tree: {
        type: "object",
        properties: {
          name: { type: "string" },
          children: { type: "array", items: { $ref: "#/components/schemas/tree" } },
        },
        required: ["name"],
      },
      "a/b~c": { type: "boolean" },
      loop: { $ref: "#/components/schemas/pool" },
      pool: { $ref: "#/components/schemas/loop" },
    },
  },
};

const FIELDS: [schema: unknown, field: unknown][] = [
  [{ type: "string", format: "date-time" }, "date-time"],
  [{ type: "string", minLength: 1, maxLength: 5 }, "text, 1 to 5 characters"],
  [{ type: "string", minLength: 1 }, "text, at least 1 character"],
  [{ type: "string", maxLength: 1, minLength: 1 }, "text, exactly 1 character"],
  [{ type: "string", pattern: "^a" }, "text, like ^a"],
  [{ type: "integer", minimum: 0, maximum: 3_600_000 }, "integer, 0 to 3600000"],
  [{ type: "integer", minimum: -9007199254740991, maximum: 9007199254740991 }, "integer"],
  [{ type: "number", exclusiveMinimum: 0, multipleOf: 0.5 }, "number, more than 0, steps of 0.5"],
  [{ type: "boolean" }, [true, false]],
  [{ type: "null" }, [null]],
  [{ const: "x" }, ["x"]],
  [{ enum: ["a", 1, null] }, ["a", 1, null]],
  [{ anyOf: [{ type: "string", enum: ["a", "b"] }, { type: "null" }] }, ["a", "b", null]],
  [{ type: ["string", "null"] }, { choice: ["text", [null]] }],
  [{ type: "string", nullable: true }, { choice: ["text", [null]] }],
  [{ anyOf: [{ const: 1 }, { const: 2, title: "two" }] }, [1, 2]],
  [{ oneOf: [{ type: "number" }, { type: "string" }] }, { choice: ["number", "text"] }],
  [{ anyOf: [{ type: "number" }] }, "number"],
  [{ type: "array", items: { type: "number" } }, ["number"]],
  [{ type: "array" }, ["json"]],
  [{ type: "array", items: [{ type: "number" }, { type: "string" }], minItems: 1 }, {
    tuple: ["number", "text"],
    required: 1,
  }],
  [{ type: "array", prefixItems: [{ type: "number" }], items: false }, {
    tuple: ["number"],
    required: 1,
  }],
  [{ properties: { a: { type: "string" } }, required: ["a"] }, { "a!": "text" }],
  [{ type: "object", additionalProperties: { type: "number" } }, { "*": "number" }],
  [{ type: "object" }, "json"],
  [{ properties: { $base64: { type: "string" } }, required: ["$base64"] }, "bytes"],
  [
    {
      allOf: [
        { properties: { a: { type: "number" } }, required: ["a"] },
        { properties: { b: { type: "string" }, a: { minimum: 1 } }, required: ["b"] },
      ],
    },
    { "a!": "number, at least 1", "b!": "text" },
  ],
  [
    { allOf: [{ type: "number", minimum: 1 }, { type: "integer", minimum: 2 }] },
    "integer, at least 2",
  ],
  [{ allOf: [{ type: "string", pattern: "a" }, { pattern: "b" }] }, "json"],
  [{ allOf: [{ type: "string" }, { type: "number" }] }, "json"],
  [
    { properties: { t: { type: "string" } }, oneOf: [{ required: ["t"] }, { required: [] }] },
    { choice: [{ "t!": "text" }, { t: "text" }] },
  ],
  [{ $ref: "#/components/schemas/tree/properties/name" }, "text"],
  [{ $ref: "#/components/schemas/a~1b~0c" }, [true, false]],
  [{ $ref: "#/components/schemas/tree" }, {
    "name!": "text",
    children: [{ "name!": "text", children: [{ "name!": "…", children: "…" }] }],
  }],
  [{ $ref: "#/components/schemas/loop" }, "json"],
  [{ $ref: "#/nowhere" }, "json"],
  [{ $ref: "https://elsewhere.example/schema" }, "json"],
  [{ $defs: { n: { type: "number" } }, type: "array", items: { $ref: "#/$defs/n" } }, ["number"]],
  [{ definitions: { n: { const: 1 } }, $ref: "#/definitions/n" }, [1]],
  [true, "json"],
  [false, "json"],
  [null, "json"],
  [7, "json"],
  [{ type: "strange" }, "json"],
  [{ type: 7, properties: [], enum: {}, required: "x" }, "json"],
  [{ anyOf: [] }, "json"],
  [{ anyOf: [true, { type: "string" }] }, { choice: ["json", "text"] }],
];

Deno.test("every kind of schema has its field, and what has none is JSON", () => {
  for (const [schema, field] of FIELDS) {
    assertEquals(brief(schema, TREE), field, JSON.stringify(schema));
  }
});

Deno.test("params travel by name and by position as the method describes them", () => {
  const number = { type: "number" };
  const method = (paramStructure: string, ...names: string[]) => ({
    paramStructure,
    params: names.map((name) => ({ name, required: true, schema: number })),
  });
  const rows: [method: object, given: unknown, value: unknown][] = [
    [method("either", "a", "b"), [1, 2], { a: 1, b: 2 }],
    [method("either", "a", "b"), { a: 1 }, { a: 1 }],
    [method("by-name", "a", "b"), { b: 2 }, { b: 2 }],
    [method("by-position", "a", "b"), [1, 2], [1, 2]],
    [method("by-position", "value"), [7], 7],
    [method("by-position", "value"), undefined, undefined],
    [
      {
        paramStructure: "by-position",
        params: [{ name: "value", schema: { type: "array", items: number } }],
      },
      [1, 2],
      [1, 2],
    ],
    [
      {
        paramStructure: "by-position",
        params: [{ name: "value", schema: { type: "array", items: number } }],
      },
      [[1, 2]],
      [1, 2],
    ],
    [
      {
        paramStructure: "by-position",
        params: [{ name: "value", schema: { type: "object", additionalProperties: number } }],
      },
      { a: 1 },
      { a: 1 },
    ],
  ];
  for (const [method, given, value] of rows) {
    const model = new FormModel(method, {});
    model.params = given;
    assertEquals(model.root!.get(), value, JSON.stringify([method, given]));
  }
});

Deno.test("what is optional is absent until it is filled, and what is required is marked", () => {
  const model = new FormModel({
    paramStructure: "by-name",
    params: [
      { name: "a", required: true, schema: { type: "string" } },
      { name: "b", schema: { type: "string" } },
      { name: "kind", required: true, schema: { const: "k" } },
    ],
  }, {});
  const field = model.schemas.fieldOf(model.root!.part);
  assert(field.kind === "object");
  const [a, b] = field.members.map(({ name, part, isRequired }) =>
    model.member(model.root!, name, part, isRequired)
  );
  assertEquals([a!.isRequired, b!.isRequired, model.params], [true, false, undefined]);
  model.type(b!, "x");
  assertEquals(model.params, { b: "x", kind: "k" });
  model.type(b!, "");
  assertEquals(model.params, { kind: "k" });
  model.type(a!, "");
  assertEquals(model.params, { a: "", kind: "k" });
});

Deno.test("numbers are typed as JSON has them, and told if digits would be lost", () => {
  const model = new FormModel({
    paramStructure: "by-position",
    params: [{ name: "value", required: true, schema: { type: "number" } }],
  }, {});
  const rows: [string, unknown][] = [
    ["7", [7]],
    ["-0.5", [-0.5]],
    [" 1e3 ", [1000]],
    [".5", [0.5]],
    ["1e21", [1e21]],
    ["9007199254740993", undefined],
    ["1e999", undefined],
    ["0x10", undefined],
    ["1,5", undefined],
    ["NaN", undefined],
    ["", undefined],
  ];
  for (const [text, params] of rows) {
    model.params = undefined;
    const problem = model.type(model.root!, text);
    assertEquals(model.params, params, text);
    assertEquals(problem === undefined, params !== undefined || text === "", text);
  }
});

Deno.test("alternatives are told apart by their constants, and choosing one sets them", () => {
  const schema = {
    oneOf: [
      { properties: { type: { const: "circle" }, r: { type: "number" } }, required: ["type", "r"] },
      { properties: { type: { const: "rect" }, w: { type: "number" } }, required: ["type", "w"] },
    ],
  };
  const model = new FormModel({
    paramStructure: "by-position",
    params: [{ name: "value", schema }],
  }, {});
  const root = model.root!, field = model.schemas.fieldOf(root.part);
  assert(field.kind === "choice");
  assertEquals(labelsOf(field.options, model.schemas), ['type: "circle"', 'type: "rect"']);
  assertEquals(model.chosen(root, field.options), -1);
  model.choose(root, field.options, 1);
  assertEquals([model.params, model.chosen(root, field.options)], [{ type: "rect" }, 1]);
  model.params = { type: "circle", r: 1 };
  assertEquals(model.chosen(root, field.options), 0);
  model.choose(root, field.options, -1);
  assertEquals(model.params, undefined);
});

// ---- Servers that mean harm --------------------------------------------------------------------

/** Objects within objects that refer to themselves in many ways. */
function cyclic(width: number): object {
  const properties = Object.fromEntries(
    Array.from({ length: width }, (_, at) => [`m${at}`, { $ref: "#/components/schemas/x" }]),
  );
  return {
    components: {
      schemas: { x: { type: "object", properties, required: Object.keys(properties) } },
    },
  };
}

Deno.test("schemas that refer to themselves end", () => {
  const self = { $ref: "#/components/schemas/x" };
  const documents = [
    cyclic(50),
    { components: { schemas: { x: { anyOf: [self, self, { type: "string" }] } } } },
    { components: { schemas: { x: { allOf: [self, { type: "string" }] } } } },
    { components: { schemas: { x: { oneOf: [{ allOf: [self] }, { anyOf: [self, self] }] } } } },
    { components: { schemas: { x: { type: "array", items: self, minItems: 3 } } } },
    { components: { schemas: { x: { prefixItems: [self, self], minItems: 2 } } } },
    { components: { schemas: { x: { additionalProperties: self } } } },
  ];
  for (const document of documents) {
    const method = { paramStructure: "by-position", params: [{ name: "value", schema: self }] };
    const model = new FormModel(method, document), { part } = model.root!;
    for (const value of [undefined, "x", { m0: { m0: {} } }, [[[]]], { a: { a: {} } }]) {
      model.params = value === undefined ? undefined : [value];
      model.schemas.shows(part, value);
      model.schemas.fits(part, value);
      model.initial(part);
      const field = model.schemas.fieldOf(part);
      if (field.kind === "choice") {
        model.chosen(model.root!, field.options);
        labelsOf(field.options, model.schemas);
      }
    }
  }
});

Deno.test("ten thousand members, values and params are one form", () => {
  const names = Array.from({ length: 10_000 }, (_, at) => `m${at}`);
  const properties = Object.fromEntries(names.map((name) => [name, { type: "string" }]));
  const schema = { type: "object", properties };
  const wide = new FormModel({
    paramStructure: "by-name",
    params: names.map((name) => ({ name, schema: { type: "string" } })),
  }, {});
  const field = wide.schemas.fieldOf(wide.root!.part);
  assert(field.kind === "object");
  assertEquals(field.members.length, 10_000);
  wide.type(wide.member(wide.root!, "m9999", field.members[9999]!.part, false), "x");
  assertEquals(wide.params, { m9999: "x" });
  assertEquals(brief({ enum: names }), names);
  assertEquals(brief({ anyOf: names.map((it) => ({ const: it })) }), names);
  assertEquals(brief({ anyOf: names.map(() => schema) }), "json");
  assertEquals(brief({ allOf: names.map(() => schema) }), "json");
  let deep: object = { type: "string" };
  for (let n = 0; n < 5000; n++) deep = { allOf: [deep] };
  assertEquals(brief(deep), "json");
});

Deno.test("names of prototypes are names like any other", () => {
  const document = JSON.parse(`{
    "components": { "schemas": { "__proto__": { "type": "boolean" } } },
    "params": [
      { "name": "__proto__", "required": true, "schema": { "type": "string" } },
      { "name": "constructor", "schema": { "$ref": "#/components/schemas/__proto__" } },
      { "name": "o", "schema": { "properties": { "__proto__": { "type": "number" } },
        "required": ["__proto__"] } },
      { "name": "none", "schema": { "$ref": "#/components/schemas/toString" } }
    ]
  }`);
  const model = new FormModel({ paramStructure: "by-name", params: document.params }, document);
  const field = model.schemas.fieldOf(model.root!.part);
  assert(field.kind === "object");
  const members = field.members.map(({ name, part, isRequired }) =>
    model.member(model.root!, name, part, isRequired)
  );
  assertEquals(members.map(({ part }) => model.schemas.fieldOf(part).kind), [
    "text",
    "enum",
    "object",
    "json",
  ]);
  assertEquals(members.map((slot) => slot.get()), [undefined, undefined, undefined, undefined]);
  model.type(members[0]!, "x");
  members[1]!.set(true);
  const inner = model.schemas.fieldOf(members[2]!.part);
  assert(inner.kind === "object");
  model.type(model.member(members[2]!, "__proto__", inner.members[0]!.part, true), "7");
  assertEquals(
    JSON.stringify(model.params),
    '{"__proto__":"x","constructor":true,"o":{"__proto__":7}}',
  );
  assertEquals(({} as Record<string, unknown>).polluted, undefined);
  assert(Object.getPrototypeOf(model.params) === Object.prototype);
});

Deno.test("a document that is none has a form all the same", () => {
  const odd = [{}, { params: null }, { params: {} }, { params: [null, 7, {}] }];
  for (const method of odd) {
    for (const document of [null, 7, [], { components: 7 }, { components: { schemas: [] } }]) {
      const model = new FormModel(method, document as never);
      assertEquals(model.root, undefined);
      model.params = [1];
      assertEquals([model.params, model.isShown], [[1], false]);
    }
  }
});
