// What parsed JSON takes in memory, as it is charged and as V8 has it.

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { HEAVIEST, measure, weigh } from "../../../lib/message/weight.ts";
import { run } from "../../support/child.ts";

Deno.test("weigh() says no less than three quarters of what V8 takes, and no more than it can be", async () => {
  const { stdout, stderr } = await run(
    `
    import { getHeapStatistics } from "node:v8";
    import { weigh } from ${
      JSON.stringify(new URL("../../../lib/message/weight.ts", import.meta.url).href)
    };
    const size = 1 << 19;
    const fill = (one, more = (i) => one) => {
      const parts = [];
      for (let length = 0, i = 0; length < size; i++) {
        const part = more(i);
        parts.push(part);
        length += part.length + 1;
      }
      return "[" + parts.join(",") + "]";
    };
    const texts = {
      "{}": fill("{}"),
      "[]": fill("[]"),
      "[[]]": fill("[[]]"),
      "names": fill("", (i) => '{"k' + i + '":1}'),
      "abc": fill('{"a":1,"b":2,"c":3}'),
      "rows": fill("", (i) => '{"id":' + i + ',"name":"n' + i + '","price":1.5}'),
      nested: fill("", (i) => '{"a":{"x":1},"b' + i + '":[{"c' + i % 9 + '":1}]}'),
      "texts": fill("", (i) => '"x' + i + '"'),
      "numbers": fill("1.5"),
      "text": JSON.stringify(["x".repeat(size)]),
    };
    const used = () => (gc(), gc(), getHeapStatistics().used_heap_size), kept = [];
    for (const [name, text] of Object.entries(texts)) {
      const before = used();
      kept.push(JSON.parse(text));
      console.log(name, (weigh(text) / (used() - before)).toFixed(2), kept.length);
    }
    `,
    ["--v8-flags=--expose-gc"],
  );
  const ratios = stdout.trim().split("\n").map((line) => Number(line.split(" ")[1]));
  assert(
    ratios.length === 10 && ratios.every((ratio) => ratio > 0.75 && ratio < 2.5),
    stdout + stderr,
  );
});

Deno.test("measure() finds no long text heavier than HEAVIEST, and the end of texts whatever is in them", () => {
  const nested = (open: string, close: string) => open.repeat(5000) + "1" + close.repeat(5000);
  const names = Array.from({ length: 5000 }, (_, i) => `{"${i.toString(36)}":1}`);
  for (const text of [nested("[", "]"), nested('{"":', "}"), `[${names.join()}]`]) {
    assertLessOrEqual(weigh(text), HEAVIEST * text.length, text.slice(0, 20));
  }
  for (
    const inside of ["x".repeat(500), '\\"'.repeat(300), "[{,:".repeat(200), "\\\\".repeat(99)]
  ) {
    assertEquals(measure(`["${inside}",[[]]]`).depth, 3, inside);
    assertEquals(measure(`["${inside}`).depth, 1, inside);
  }
});
