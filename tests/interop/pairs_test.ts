// Each pair of the table in docs/interop.md, run; and the table itself.

import { assertEquals } from "@std/assert";
import { testWith } from "../support/tools.ts";
import { allPairs, page, tables } from "./_page.ts";

for (const { title, pairs } of allPairs()) {
  for (const { theirs, over, tools, show } of pairs) {
    testWith(tools, `${title}: ${theirs} over ${over}`, async (t) => {
      await show((feature, run) => t.step(feature, run));
    });
  }
}

Deno.test("docs/interop.md says which pairs do what", async () => {
  console.log(tables());
  const file = new URL("../../docs/interop.md", import.meta.url);
  assertEquals(await Deno.readTextFile(file), page());
});
