// Params as people type them, and text made fit for a terminal.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseExactJson } from "../../cli/text/exact_json.ts";
import { parseCall, parseParams } from "../../cli/command/params.ts";
import { printable, printableJson, quoted } from "../../cli/text/printable.ts";
import { errorLines } from "../../cli/serve/log.ts";

const PARAMS: [words: string[], json: string | undefined][] = [
  [[], undefined],
  [['{"a": 1}'], '{"a":1}'],
  [["[]"], "[]"],
  [["[42, 23]"], "[42,23]"],
  [['"text"'], '["text"]'],
  [["5"], "[5]"],
  [["-1.5e3"], "[-1.5e3]"],
  [["true"], "[true]"],
  [["null"], "[null]"],
  [[" 7 "], "[7]"],
  [["12345678901234567890"], "[12345678901234567890]"],
  [["a=1"], '{"a":1}'],
  [
    ["a=1", "b=two", "c=true", "d=null", 'e="5"', "f="],
    '{"a":1,"b":"two","c":true,"d":null,"e":"5","f":""}',
  ],
  [["list=[1,2]", "object={}"], '{"list":[1,2],"object":{}}'],
  [["list=[1,2"], '{"list":"[1,2"}'],
  [["a:=5", 'b:={"c":[]}'], '{"a":5,"b":{"c":[]}}'],
  [["when=2025-01-31", "n=007", "x=0x10"], '{"when":"2025-01-31","n":"007","x":"0x10"}'],
  [["expression=a=b:=c"], '{"expression":"a=b:=c"}'],
  [["a.b=1", "a:b=2", "c d=3"], '{"a.b":1,"a:b":2,"c d":3}'],
  [["n=1.10"], '{"n":1.10}'],
  [["__proto__=1", "constructor=2"], '{"__proto__":1,"constructor":2}'],
  [["text=two words"], '{"text":"two words"}'],
  [["emoji=☎️"], '{"emoji":"☎️"}'],
];

for (const [words, json] of PARAMS) {
  Deno.test(`parseParams() reads ${JSON.stringify(words)}`, () => {
    assertEquals(JSON.stringify(parseParams(words)), json);
  });
}

for (
  const [words, message] of [
    [["text"], '"text" is neither JSON nor name=value'],
    [[""], '"" is neither JSON nor name=value'],
    [["{a:1}"], 'not valid JSON, "{a:1}"'],
    [['{"a":"="'], "not valid JSON"],
    [["[1,", "2]"], 'not valid JSON, "[1, 2]"'],
    [["1", '"b"'], `there are 2 values, write them as one array: '[1,"b"]'`],
    [["a=1", "b"], 'expected name=value, got "b"'],
    [["=1"], 'expected name=value, got "=1"'],
    [[":=1"], 'expected name=value, got ":=1"'],
    [["a=1", "a=2"], '"a" is given twice'],
    [["a:=word"], 'the value of "a" is not JSON, "word"'],
  ] as const
) {
  Deno.test(`parseParams() refuses ${JSON.stringify(words)}`, () => {
    assertThrows(() => parseParams(words), TypeError, message);
  });
}

for (
  const [line, method, json] of [
    ["now", "now", undefined],
    ["  now  ", "now", undefined],
    ["upper \t 5", "upper", "[5]"],
    ['upper "two words"', "upper", '["two words"]'],
    ['add {"a": 1, "b": [2, 3]}', "add", '{"a":1,"b":[2,3]}'],
    ["add a=1   b=2", "add", '{"a":1,"b":2}'],
    [
      'greet name="John \\" Smith" tags=["a b", "c]"] age:=7',
      "greet",
      '{"name":"John \\" Smith","tags":["a b","c]"],"age":7}',
    ],
    ['a o={"b": {"c": "} "}} d=1', "a", '{"o":{"b":{"c":"} "}},"d":1}'],
    ['a b=say"hi there=1', "a", '{"b":"say\\"hi","there":1}'],
    ['a b="open', "a", '{"b":"\\"open"}'],
    ["a=1", "a=1", undefined],
  ] as const
) {
  Deno.test(`parseCall() reads ${line}`, () => {
    const call = parseCall(line);
    assertEquals([call.method, JSON.stringify(call.params)], [method, json]);
  });
}

Deno.test("parseExactJson() keeps numbers as they were written", () => {
  for (
    const text of ["12345678901234567890", "1.0", "-0", "1E5", "[1.50,2]", '{"id":1e400}', '"1.0"']
  ) {
    assertEquals(JSON.stringify(parseExactJson(text)), text);
  }
  assertThrows(() => parseExactJson("1.0.0"), SyntaxError);
});

Deno.test("printable() escapes what a terminal would act on, and nothing else", () => {
  assertEquals(
    printable("\0\x1b[2J\r\n\t\x7f\x9b\u202e\u2066\u2028\ufeff\u{e0001}\ud800"),
    String
      .raw`\u0000\u001b[2J\u000d\u000a\u0009\u007f\u009b\u202e\u2066\u2028\ufeff\udb40\udc01\ud800`,
  );
  for (const text of ["plain ASCII ~", "naïve 電話 ☎️ 👩‍👧", "עברית العربية"]) {
    assertEquals(printable(text), text);
  }
});

Deno.test("printableJson() gives the same JSON", () => {
  const value = { "\u202ea": ["\x9b2J", "\n\u2028", "👩‍👧"], b: {} };
  const json = printableJson(JSON.stringify(value, undefined, 2));
  assertEquals(JSON.parse(json), value);
  assert(!/[\x9b\u202e\u2028]/.test(json));
  assertEquals(json.split("\n").length, 8);
});

Deno.test("quoted() cuts a text to 128 characters", () => {
  assertEquals(quoted("x".repeat(128)), `"${"x".repeat(128)}"`);
  assertEquals(quoted("x".repeat(129)), `"${"x".repeat(128)}"…`);
  assertEquals(quoted('a"\n\x1b'), String.raw`"a\"\n\u001b"`);
});

Deno.test("errorLines() is one line for what is no mistake in a handler", () => {
  assertEquals(
    errorLines(
      new Deno.errors.ConnectionReset("Connection reset (os error 104)"),
      "connection of x",
    ),
    'error in connection of x: ConnectionReset "Connection reset (os error 104)"',
  );
});

Deno.test("errorLines() takes anything that can be thrown", () => {
  const hostile = new Proxy({}, {
    get() {
      throw new Error("no");
    },
  });
  for (const thrown of [undefined, null, 0, "", Symbol("s"), {}, Object.create(null), hostile]) {
    const lines = errorLines(thrown, "m").split("\n");
    assertEquals(lines.length, 1);
    assert(lines[0]!.startsWith("error in m: "));
  }
});

Deno.test("parseCall() reads a line with any number of blanks in it", () => {
  const blanks = " ".repeat(1_000_000);
  assertEquals(parseCall(`${blanks}m${blanks}a=1${blanks}b=2${blanks}`), {
    method: "m",
    params: { a: 1, b: 2 },
  });
});
