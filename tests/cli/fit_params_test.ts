// Params as people type them, for methods that are described. Pure.
import { assertEquals, assertThrows } from "@std/assert";
import { parseExactJson } from "../../cli/text/exact_json.ts";
import { readDescription } from "../../cli/describe/discover.ts";
import { fitParams, leavesRoomForMeta } from "../../cli/describe/fit_params.ts";
import { nearest } from "../../cli/describe/hints.ts";

const TEXT = { type: "string" }, NUMBER = { type: "number" };

/** A method of params with these schemas, by their names. */
function method(
  name: string,
  params: Record<string, unknown>,
  paramStructure = "either",
): unknown {
  return {
    name,
    paramStructure,
    params: Object.entries(params).map(([name, schema]) => ({ name, schema, required: true })),
    result: { name: "result", schema: {} },
  };
}

const DESCRIPTION = readDescription({
  methods: [
    method("upper", { value: TEXT }, "by-position"),
    method("sleep", { ms: NUMBER }, "by-position"),
    method("echo", { value: {} }, "by-position"),
    method("zone", { zone: { $ref: "#/components/schemas/Zone" } }, "by-name"),
    method("maybe", { value: { anyOf: [TEXT, { type: "null" }] } }, "by-position"),
    method("either", { value: { type: ["string", "number"] } }, "by-position"),
    method("pick", { value: { enum: ["a", "b"] } }, "by-position"),
    method("add", { a: NUMBER, b: NUMBER }),
    method("release", { name: TEXT, v: TEXT, n: NUMBER, any: {} }),
    method("loop", { value: { $ref: "#/components/schemas/Loop" } }, "by-position"),
    method("now", {}),
  ],
  components: {
    schemas: {
      Zone: { oneOf: [TEXT] },
      Loop: { anyOf: [{ $ref: "#/components/schemas/Loop" }, TEXT] },
    },
  },
});

for (
  const [line, json] of [
    ["upper hello", '["hello"]'],
    ["upper 7", '["7"]'],
    ["upper 1.10", '["1.10"]'],
    ["upper 12345678901234567890", '["12345678901234567890"]'],
    ["upper true", '["true"]'],
    ["upper null", '["null"]'],
    ["upper a=b", '["a=b"]'],
    ['upper "7"', '["7"]'],
    ["upper value=x", '{"value":"x"}'],
    ["upper value=7", '{"value":"7"}'],
    ["upper value:=7", '{"value":7}'],
    ["upper [1]", "[1]"],
    ["upper hello world", '["hello world"]'],
    ["upper", undefined],
    ["sleep 5", "[5]"],
    ["echo hello", '["hello"]'],
    ["echo 7", "[7]"],
    ["echo a=b", '{"a":"b"}'],
    ["zone Asia/Tokyo", '{"zone":"Asia/Tokyo"}'],
    ["zone zone=7", '{"zone":"7"}'],
    ["maybe null", "[null]"],
    ["maybe 7", '["7"]'],
    ["either 7", "[7]"],
    ["either seven", '["seven"]'],
    ["pick a", '["a"]'],
    ["add a=1 b=2", '{"a":1,"b":2}'],
    ["add [1,2]", "[1,2]"],
    ["release name=x v=1.10 n=1.10 any=1.10", '{"name":"x","v":"1.10","n":1.10,"any":1.10}'],
    ['release name="q" v:=2 n=two', '{"name":"q","v":2,"n":"two"}'],
    ["loop 7", "[7]"],
    ["void 7", "[7]"],
  ] as const
) {
  Deno.test(`fitParams() reads ${line}`, () => {
    const [name, ...words] = line.split(" ");
    const params = fitParams({ words, text: words.join(" ") }, name!, DESCRIPTION);
    assertEquals(JSON.stringify(params), json);
  });
}

for (
  const [line, message] of [
    ["sleep 5 x", 'sleep takes one param, there is also "x"; the method is sleep(ms: number)'],
    ["sleep x", '"x" is neither JSON nor name=value (as JSON a text is \'"text"\'); the method is'],
    ["add hello", "the method is add(a: number, b: number): unknown"],
    ["add a=1 2", 'expected name=value, got "2"; the method is add('],
    ["uper hello", 'did you mean "upper"?'],
    ["void hello", '"hello" is neither JSON nor name=value'],
    ["upper {", 'not valid JSON, "{"'],
  ] as const
) {
  Deno.test(`fitParams() refuses ${line}`, () => {
    const [name, ...words] = line.split(" ");
    const fit = () => fitParams({ words, text: words.join(" ") }, name!, DESCRIPTION);
    assertThrows(fit, TypeError, message);
  });
}

Deno.test("fitParams() without a description reads JSON and pairs, and blames the word that is neither", () => {
  const fit = (...words: string[]) => fitParams({ words, text: "" }, "any", undefined);
  assertEquals(fit("7"), [7]);
  assertThrows(() => fit("hello"), TypeError, '"hello" is neither');
  assertThrows(() => fit("5", "x"), TypeError, '"x" is neither');
});

Deno.test("leavesRoomForMeta() is false where a handler could take metadata for its value", () => {
  const ask = (name: string, json?: string) =>
    leavesRoomForMeta(
      json === undefined ? undefined : parseExactJson(json) as unknown[],
      DESCRIPTION.methods.find((method) => method.name === name)!,
    );
  assertEquals(
    [ask("now"), ask("add", '{"a":1}'), ask("upper", '["a"]'), ask("zone", '{"zone":""}')],
    [true, true, true, true],
  );
  assertEquals(
    [ask("echo"), ask("echo", "[1]"), ask("add", "[1,2]"), ask("upper")],
    [false, false, false, false],
  );
});

Deno.test("nearest() is the name that was meant, or none", () => {
  const names = ["upper", "add", "subtract", "time.in", "\x1bpper"];
  for (
    const [name, meant] of [
      ["uper", "upper"],
      ["Upper", "upper"],
      ["uppre", "upper"],
      ["uppper", "upper"],
      ["substract", "subtract"],
      ["timein", "time.in"],
      ["ad", "add"],
      ["x", undefined],
      ["multiply", undefined],
      ["", undefined],
    ] as const
  ) assertEquals(nearest(name, names), meant, name);
});
