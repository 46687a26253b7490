// docs/interop.md is what the tests beside this run.

import { assertEquals } from "@std/assert";
import { page } from "./_page.ts";

Deno.test("docs/interop.md says which pairs do what", async () => {
  const file = new URL("../../docs/interop.md", import.meta.url);
  assertEquals(await Deno.readTextFile(file), page());
});
