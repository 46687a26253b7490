// JSON Schema as TypeScript types.
import { assertEquals, assertThrows } from "@std/assert";
import type { Schema } from "../../cli/describe/discover.ts";
import { docComment, memberName, Room, typeOf } from "../../cli/describe/schema_type.ts";

const style = {
  multiline: false,
  nameOf: (ref: string) => ref.split("/").at(-1)!,
  room: new Room(10_000),
};

for (
  const [schema, type] of [
    [{}, "unknown"],
    [true, "unknown"],
    [false, "never"],
    [{ type: "integer", minimum: 0 }, "number"],
    [{ type: ["string", "null"] }, "string | null"],
    [{ type: "string", nullable: true }, "string | null"],
    [{ type: "whatever" }, "unknown"],
    [{ const: 3 }, "3"],
    [{ enum: ["a", 1, null, "\x1b"] }, '"a" | 1 | null | "\\u001b"'],
    [{ const: { a: [1] } }, '{"a":[1]}'],
    [{ type: "array" }, "unknown[]"],
    [{ items: { type: ["string", "number"] } }, "(string | number)[]"],
    [{ prefixItems: [{ type: "string" }], items: { type: "number" } }, "[string, ...number[]]"],
    [{ items: [{ type: "string" }, {}], minItems: 1 }, "[string, unknown?]"],
    [{ prefixItems: [], items: false }, "[]"],
    [{ type: "object" }, "Record<string, unknown>"],
    [{ additionalProperties: { type: "number" } }, "Record<string, number>"],
    [{ properties: { a: {}, "b-c": { const: 1 } }, required: ["a"] }, '{ a: unknown; "b-c"?: 1 }'],
    [{ type: "object", required: ["a"] }, "{ a: unknown }"],
    [
      { properties: { a: {} }, additionalProperties: true },
      "{ a?: unknown; [name: string]: unknown }",
    ],
    [{ anyOf: [{ type: "string" }, { type: "string" }] }, "string"],
    [{ oneOf: [{ type: "string" }, {}] }, "unknown"],
    [{ anyOf: [] }, "unknown"],
    [{ allOf: [{ $ref: "#/x/A" }, { properties: { b: {} } }] }, "A & { b?: unknown }"],
    [{ type: "array", items: { $ref: "#/x/A" } }, "A[]"],
    [
      { properties: { a: {} }, anyOf: [{ $ref: "#/A" }, { $ref: "#/B" }] },
      "{ a?: unknown } & (A | B)",
    ],
    [{ anyOf: 5, allOf: "x", enum: 7, properties: [] }, "Record<string, unknown>"],
  ] as [Schema, string][]
) {
  Deno.test(`typeOf() of ${JSON.stringify(schema)} is ${type}`, () => {
    assertEquals(typeOf(schema, style), type);
  });
}

Deno.test("typeOf() puts a long object on several lines, with what its members are", () => {
  const schema = {
    properties: { a: { description: "The a" }, b: { properties: { c: {} } } },
    required: ["a"],
  };
  assertEquals(
    typeOf(schema, { ...style, multiline: true }),
    "{\n  /** The a */\n  a: unknown;\n  b?: { c?: unknown };\n}",
  );
});

Deno.test("typeOf() writes no more than there is room for", () => {
  const schema = { properties: { a: { enum: [1, 2, 3] }, b: {}, c: {} } };
  assertEquals(typeOf(schema, { ...style, room: new Room(40) }), "{ a?: 1 | 2 | …; … }");
  const room = new Room(40, () => {
    throw new TypeError("no room");
  });
  assertThrows(() => typeOf(schema, { ...style, room }), TypeError, "no room");
});

Deno.test("docComment() and memberName() let nothing out of their place", () => {
  assertEquals(docComment(["a */ b\x1b"], ""), "/** a *\\/ b\\u001b */\n");
  assertEquals(docComment(["a", undefined, "b\nc"], " "), " /**\n  * a\n  *\n  * b\n  * c\n  */\n");
  assertEquals(docComment([undefined, " "], ""), "");
  assertEquals(memberName('a"b\n'), '"a\\"b\\n"');
});
