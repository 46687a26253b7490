// The module of a web page: what holds for the one file, and for the sources that it is made of.

import { assert, assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import { BROWSER_MODULE, makeBrowserModule, MAX_BYTES } from "../../release/browser.ts";
import { packaged } from "../interop/_npm.ts";
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

/** A program of a page, of which the compiler says something if the value is no number. */
const program = (api: string, value: string) => `
  import { connect, type Method, type NoErrors, type Stream } from "./${BROWSER_MODULE}";
  ${api}
  const line = await connect<Api>("wss://example.com/");
  export const sum: number = await line.call.add({ a: 1, b: ${value} });
  export const other: Method | NoErrors | Stream | undefined = undefined;`;

/** What it calls, where there is nothing but the module. */
const OWN = "interface Api { add: Method<{ a: number; b: number }, number> }";

/** How TypeScript is told to find modules. */
const RESOLUTIONS = [
  { module: "nodenext" },
  { module: "esnext", moduleResolution: "bundler" },
];

const WRONG = "Type 'string' is not assignable to type 'number'";

testWith(
  ["npm:typescript@5", "deno:bundle"],
  "a program is checked against the types beside the module of a web page, which need nothing else",
  async () => {
    await using folder = await temporary();
    const { browser } = JSON.parse(await Deno.readTextFile("deno.json")).tasks;
    const [, ...words] = browser.split(" ");
    assertEquals(await complaints([Deno.execPath(), ...words, folder.path], "."), "");
    await Deno.writeTextFile(`${folder.path}/package.json`, `{ "type": "module" }`);
    const checks = async (api: string, command: readonly string[]) => {
      for (const [value, says] of [["2", ""], ['"two"', WRONG]] as const) {
        await Deno.writeTextFile(`${folder.path}/page.ts`, program(api, value));
        const said = await complaints(command, folder.path);
        assert(says === "" ? said === "" : said.includes(says), said);
      }
    };
    for (const resolution of RESOLUTIONS) {
      const compilerOptions = {
        noEmit: true,
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        target: "esnext",
        lib: ["ESNext", "DOM"],
        types: [],
        ...resolution,
      };
      const config = { compilerOptions, files: ["page.ts"] };
      await Deno.writeTextFile(`${folder.path}/tsconfig.json`, JSON.stringify(config));
      await checks(OWN, packaged("typescript@5/tsc", "-p", folder.path));
    }
    await Deno.remove(`${folder.path}/tsconfig.json`);
    await Deno.remove(`${folder.path}/package.json`);
    await Deno.writeTextFile(`${folder.path}/deno.json`, "{}");
    const demo = new URL("../../examples/demo.ts", import.meta.url);
    await checks(`import type { Api } from "${demo}";`, [Deno.execPath(), "check", "page.ts"]);
  },
);

/** What a program says if it fails. */
async function complaints([command, ...args]: readonly string[], cwd: string): Promise<string> {
  const env = { NO_COLOR: "1" };
  const { success, stdout, stderr } = await new Deno.Command(command!, { args, cwd, env }).output();
  if (success) return "";
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}
