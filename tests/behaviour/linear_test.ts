// No input takes time that grows faster than its length.

import { assert } from "@std/assert";
import { growth, MAX_GROWTH } from "../support/growth.ts";
import { EXPRESSIONS, pumped, WORK } from "../support/worst_inputs.ts";

for (const [file, expression, ...pumps] of EXPRESSIONS) {
  Deno.test(`${file} reads twice the text in twice the time: ${expression}`, async () => {
    for (const pump of pumps) {
      const ratio = await growth((size) => pumped(pump, size), (text) => {
        expression.lastIndex = 0;
        if (expression.global) text.replaceAll(expression, "");
        else expression.test(text);
      });
      assert(ratio <= MAX_GROWTH, `${JSON.stringify(pump)} takes ${ratio} times as long`);
    }
  });
}

for (const { name, input, work } of WORK) {
  Deno.test(`twice the input takes twice the time: ${name}`, async () => {
    const ratio = await growth<unknown>(input, work as (input: unknown) => void);
    assert(ratio <= MAX_GROWTH, `it takes ${ratio} times as long`);
  });
}

Deno.test("growth() sees what is quadratic, and takes what is linear", async () => {
  const text = (size: number) => " ".repeat(size) + "x";
  const quadratic = await growth(text, (text) => void / +$/.test(text));
  assert(quadratic > MAX_GROWTH, `${quadratic}`);
  const linear = await growth(text, (text) => void text.indexOf("y"));
  assert(linear <= MAX_GROWTH, `${linear}`);
});
