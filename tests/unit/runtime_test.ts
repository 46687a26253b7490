import { assertEquals, assertThrows } from "@std/assert";
import { errors, readBase64, writeBase64 } from "../../lib/runtime.ts";

Deno.test("errors are the classes of Deno, where this is Deno", () => {
  assertEquals(errors.ConnectionRefused, Deno.errors.ConnectionRefused);
});

Deno.test("readBase64() and writeBase64() agree with what newer engines have", () => {
  for (const length of [0, 1, 2, 3, 4, 255, 256, 12_287, 12_288, 12_289, 70_000]) {
    const bytes = Uint8Array.from({ length }, (_, at) => at * 7 % 256);
    const text = bytes.toBase64();
    assertEquals(writeBase64(bytes), text);
    assertEquals(readBase64(text), bytes);
    assertEquals(readBase64(text.replace(/=+$/, "")), bytes);
  }
});

Deno.test("readBase64() refuses what fromBase64() refuses", () => {
  for (const text of ["A", "AAAAA", "A===", "AA=A", "=", "*AAA", "AA-_", "äAAA", "A\0AA"]) {
    assertThrows(() => Uint8Array.fromBase64(text), SyntaxError);
    assertThrows(() => readBase64(text), SyntaxError);
  }
});
