// What Tab completes: pure, without a terminal.
import { assertEquals } from "@std/assert";
import { complete } from "../../cli/prompt/completer.ts";
import { readDescription } from "../../cli/describe/discover.ts";

const DESCRIPTION = readDescription({
  methods: [
    { name: "add", params: [{ name: "a", schema: {} }, { name: "b", schema: {} }] },
    {
      name: "paint",
      params: [
        { name: "colour", schema: { enum: ["red", "green", "dark red", 7, "\x1b"] } },
        { name: "on", schema: { type: "boolean" } },
        { name: "two words", schema: {} },
        { name: "evil\x1b", schema: {} },
        { name: "shape", schema: { $ref: "#/components/schemas/Shape" } },
      ],
    },
    { name: "pair", params: [{ name: "x", schema: { const: "only" } }] },
    { name: "evil\u202e", params: [] },
    { name: "two words", params: [] },
  ],
  components: {
    schemas: {
      Shape: {
        properties: { kind: { enum: ["box", "ball"] }, sides: { items: { type: "boolean" } } },
      },
    },
  },
});

for (
  const [line, completions, of] of [
    ["", ["add", "paint", "pair"], ""],
    ["a", ["add "], "a"],
    ["pa", ["paint", "pair"], "pa"],
    ["zz", [], "zz"],
    [".", [".describe", ".help"], "."],
    [".d", [".describe "], ".d"],
    [".describe p", ["paint", "pair"], "p"],
    [".describe add ", [], ""],
    [".help a", [], ""],
    ["add ", ["a=", "b="], ""],
    ["add a=1 ", ["b="], ""],
    ["nothing ", [], ""],
    ["paint ", ["colour=", "on=", "shape="], ""],
    ["paint colour=", ["red", "green", '"dark red"', "7"], ""],
    ["paint colour:=g", ["green "], "g"],
    ["paint on=t", ["true "], "t"],
    ["paint {", ['"colour": ', '"on": ', '"two words": ', '"shape": '], ""],
    ['paint {"c', ['"colour": '], '"c'],
    ['paint {"colour": ', ['"red"', '"green"', '"dark red"', "7"], ""],
    ['paint {"colour": "r', ['"red"'], '"r'],
    ['paint {"colour": "red"', [], ""],
    ['paint {"colour": "red", "o', ['"on": '], '"o'],
    ['paint {"on": true, ', ['"colour": ', '"two words": ', '"shape": '], ""],
    ['paint {"shape": {', ['"kind": ', '"sides": '], ""],
    ['paint {"shape": {"kind": "b', ['"box"', '"ball"'], '"b'],
    ['paint {"shape": {"kind": "box", "sides": [true, f', ["false"], "f"],
    ['paint {"shape": {},\n"on"', ['"on": '], '"on"'],
    ["paint [", ['"red"', '"green"', '"dark red"', "7"], ""],
    ['paint ["red", t', ["true"], "t"],
    ['pair {"x": ', ['"only"'], ""],
    ['add {"a": 1} ', [], ""],
    ["add }", [], "}"],
  ] as [string, string[], string][]
) {
  Deno.test(`complete() of ${JSON.stringify(line)} is ${JSON.stringify(completions)}`, () => {
    assertEquals(complete(line, [".describe", ".help"], DESCRIPTION), [completions, of]);
  });
}
