// How long a text is as UTF-8, counted in two ways that must agree.

import { assertEquals } from "@std/assert";
import { isLongerThan, utf8Length } from "../../../lib/framing/utf8.ts";

Deno.test("utf8Length() is what TextEncoder makes of a text, wherever its long parts are cut", () => {
  const encoder = new TextEncoder();
  for (const unit of ["a", "é", "€", "😀", "\ud800", "\udc00", "a😀", "\ud800😀", "é\udc00"]) {
    for (const before of ["", "x", "xx"]) {
      for (const count of [0, 1, 100, 5461, 8191, 8192, 8193, 16383, 16384, 16385, 33000]) {
        const text = before + unit.repeat(count), bytes = encoder.encode(text).length;
        assertEquals(utf8Length(text), bytes, `${JSON.stringify(unit)} ${count} times`);
        assertEquals([isLongerThan(text, bytes), isLongerThan(text, bytes - 1)], [
          false,
          true,
        ]);
      }
    }
  }
});
