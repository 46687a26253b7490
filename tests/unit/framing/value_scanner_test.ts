import { assertEquals } from "@std/assert";
import { ValueScanner } from "../../../lib/framing/value_scanner.ts";
import { bytesOf } from "../../support/raw.ts";

/** Where the first value ends, however much of the text is shown at once. */
function scan(text: string, alone: boolean): number {
  const bytes = bytesOf(text);
  const whole = new ValueScanner().scan(bytes, alone);
  const growing = new ValueScanner();
  let found = -1;
  for (let length = 0; length <= bytes.length && found < 0; length++) {
    found = growing.scan(bytes.subarray(0, length), alone);
  }
  assertEquals(found, whole, `${text} byte by byte`);
  return whole;
}

Deno.test("scan() finds the end of a value when it closes, where values stand alone", () => {
  const ends: [string, number][] = [
    ["{}", 2],
    ["[]rest", 2],
    ['{"a":[{}]}{', 10],
    ['  {"a":1}', 9],
    ['["]"]', 5],
    ['["\\"]"]', 7],
    ['["\\\\"]', 6],
    ['["\\\\\\"]"]', 9],
    ['{"😀":"é"}', 13],
  ];
  for (const [text, end] of ends) assertEquals(scan(text, true), end, text);
});

Deno.test("scan() waits for the next value when values need not stand alone", () => {
  const ends: [string, number][] = [
    ["{}", -1],
    ["{} ", -1],
    ["{}{", 2],
    ["{}[", 2],
    ["{} \r\n\t[", 2],
    ["{}x{", -1],
    ["{},{", -1],
  ];
  for (const [text, end] of ends) assertEquals(scan(text, false), end, text);
});

Deno.test("scan() finds no end when there is none, or what stands there is no object or array", () => {
  const without = ["", " ", "{", "[[]", '["', '["\\"]', "x{}", '"a"{}', "1[]", "{]{}", "}{}", "]"];
  for (const text of without) {
    assertEquals(scan(text, true), -1, text);
    assertEquals(scan(text, false), -1, text);
  }
});

Deno.test("scan() starts over after reset()", () => {
  const scanner = new ValueScanner();
  assertEquals(scanner.scan(bytesOf('["'), true), -1);
  scanner.reset();
  assertEquals(scanner.scan(bytesOf("{}"), true), 2);
});
