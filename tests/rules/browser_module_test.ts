// The module of a web page: what holds for the one file, and for the sources that it is made of.

import { assert, assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import { BROWSER_MODULE, makeBrowserModule, MAX_BYTES } from "../../release/browser.ts";
import { testWith } from "../support/tools.ts";

/** A folder that is gone after the test. */
async function temporary() {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

testWith(
  ["deno:bundle"],
  `the module of a web page has at most ${MAX_BYTES} bytes packed, and is the same each time`,
  async () => {
    await using first = await temporary();
    await using second = await temporary();
    const length = await makeBrowserModule(first.path);
    await makeBrowserModule(second.path);
    const module = await Deno.readTextFile(`${first.path}/${BROWSER_MODULE}`);
    assert(gzipSync(module, { level: 9 }).length === length && length <= MAX_BYTES);
    assertEquals(await Deno.readTextFile(`${second.path}/${BROWSER_MODULE}`), module);
    assertEquals([...module.matchAll(/\bfrom\s*"[^"]*"|\bimport\s*\(/g)].map(String), []);
  },
);

testWith(
  ["deno:bundle"],
  "a program is checked against the types of the module of a web page",
  async () => {
    await using folder = await temporary();
    await makeBrowserModule(folder.path);
    const program = (value: string) => `
      import { connect } from "./${BROWSER_MODULE}";
      import type { Api } from "${new URL("../../examples/demo.ts", import.meta.url)}";
      const line = await connect<Api>("wss://example.com/");
      export const sum: number = await line.call.add({ a: 1, b: ${value} });`;
    const imports = {
      "@landline/rpc/browser": `${new URL("../../lib/browser.ts", import.meta.url)}`,
    };
    await Deno.writeTextFile(`${folder.path}/deno.json`, JSON.stringify({ imports }));
    const check = async (value: string) => {
      await Deno.writeTextFile(`${folder.path}/page.ts`, program(value));
      const { success, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["check", "page.ts"],
        cwd: folder.path,
        env: { NO_COLOR: "1" },
      }).output();
      return success ? "" : new TextDecoder().decode(stderr);
    };
    assertEquals(await check("2"), "");
    assert((await check('"two"')).includes("Type 'string' is not assignable to type 'number'"));
  },
);
