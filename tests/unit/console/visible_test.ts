// What is shown of the texts of a server.

import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@4";
import {
  isPlain,
  jsonOf,
  textOf,
  visible,
  visibleLines,
  visibleName,
} from "../../../console/visible.ts";

Deno.test("visible() writes what cannot be seen as escapes", () => {
  const rows: [string, string][] = [
    ["plain, grüße, 你好, 👩‍💻", "plain, grüße, 你好, 👩‍💻"],
    ["a\0b\x1b[31m\x7f", "a\\u0000b\\u001b[31m\\u007f"],
    ["user\u202Etxt.exe", "user\\u202etxt.exe"],
    ["\u2066\u2069\u200B\uFEFF\u2028", "\\u2066\\u2069\\u200b\\ufeff\\u2028"],
    ["\ud800x\udc00", "\\ud800x\\udc00"],
    ["\u{e0041}", "\\udb40\\udc41"],
    ["a\nb\tc\r\n", "a\\u000ab\\u0009c\\u000d\\u000a"],
  ];
  for (const [text, shown] of rows) assertEquals(visible(text), shown);
});

Deno.test("visibleLines() keeps line ends and tabs, and JSON means the same", () => {
  assertEquals(visibleLines("a\n\tb\r\u202e"), "a\n\tb\\u000d\\u202e");
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    assertEquals(JSON.parse(visibleLines(JSON.stringify(value, undefined, 2))), value);
    assertEquals(JSON.parse(visible(JSON.stringify(value))), value);
  }));
});

Deno.test("visibleName() cuts a name at 200 characters and never within one", () => {
  assertEquals(visibleName("x".repeat(200)), "x".repeat(200));
  assertEquals(visibleName("x".repeat(201)), "x".repeat(200) + "…");
  assertEquals(visibleName("x".repeat(199) + "😀😀"), "x".repeat(199) + "…");
  assertEquals(visibleName("\u202e".repeat(1_000_000)).length, 200 * 6 + 1);
});

Deno.test("isPlain() is true of texts that a field for texts keeps", () => {
  for (const text of ["", "a", "a\nb", "a\tb", "😀"]) assert(isPlain(text), text);
  for (const text of ["a\r\nb", "\0", "\u202e", "\ud800"]) assert(!isPlain(text), text);
});

Deno.test("textOf() gives the JSON of what is no text, also of what has no text of its own", () => {
  const rows: [unknown, string][] = [
    ["a", "a"],
    [7, "7"],
    [null, "null"],
    [undefined, ""],
    [{ toString: 1, valueOf: null }, '{"toString":1,"valueOf":null}'],
  ];
  for (const [value, text] of rows) assertEquals(textOf(value), text);
});

Deno.test("jsonOf() writes in several lines what is not too deep for that", () => {
  assertEquals(jsonOf({ a: [1] }), '{\n  "a": [\n    1\n  ]\n}');
  assertEquals(jsonOf(undefined), "");
  const deep = "[".repeat(50_000) + "]".repeat(50_000);
  assertEquals(jsonOf(JSON.parse(deep)), deep);
});
