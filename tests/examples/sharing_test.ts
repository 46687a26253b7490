// docs/types.md, "Sharing the types of an API": its commands and programs run one after another in one
// folder, as the page has them.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeFolder, startServer } from "../cli/_programs.ts";
import { within } from "../support/deadline.ts";
import { testWith } from "../support/tools.ts";

const TREE = new URL("../../", import.meta.url);
const page = await Deno.readTextFile(new URL("docs/types.md", TREE));
const [, section] = /^## Sharing the types of an API\n([^]*?)^## /m.exec(page)!;

/** The programs that name their file in the first line, and the commands, of the section. */
const programs = new Map(
  Array.from(
    section!.matchAll(/^```ts(?: ignore)?\n\/\/ (\w+\.ts)\n([^]*?)^```$/gm),
    ([, name, code]) => [name!, code!],
  ),
);
const commands = Array.from(section!.matchAll(/^\$ (.*)$/gm), ([, command]) => command!);

testWith(["sh"], "the ways of docs/types.md to share types work as they are written", async () => {
  assertEquals([...programs.keys()], ["api.ts", "script.ts", "elsewhere.ts"]);
  assertEquals(commands.length, 4);
  const names = { "": "lib/mod.ts", "/client": "client.ts" };
  const imports = Object.fromEntries(
    Object.entries(names).map(([door, path]) => [`@landline/rpc${door}`, new URL(path, TREE).href]),
  );
  await using folder = await makeFolder({
    "deno.json": JSON.stringify({
      imports: { ...imports, "@acme/shop-api": "./api.d.ts" },
      compilerOptions: { noUncheckedIndexedAccess: true },
    }),
    ...Object.fromEntries(programs),
  });

  const run = async (command: string) => {
    const deno = `'${Deno.execPath()}'`, landline = new URL("cli/landline.ts", TREE).href;
    const config = new URL("deno.json", TREE).pathname;
    const { code, stdout, stderr } = await within(
      new Deno.Command("sh", {
        args: [
          "-c",
          `deno() { ${deno} "$@"; }\n` +
          `landline() { ${deno} run -q -A --config '${config}' '${landline}' "$@"; }\n${command}`,
        ],
        cwd: folder.path,
        env: { NO_COLOR: "1" },
        stdin: "null",
      }).output(),
      command,
    );
    const decoder = new TextDecoder();
    assertEquals([code, decoder.decode(stderr)], [0, ""], command);
    return decoder.decode(stdout);
  };

  await using server = await startServer([`${folder.path}/api.ts`]);
  for (const command of [...commands, "landline types api.ts -o api.d.ts"]) {
    assertEquals(await run(command.replace("tcp://127.0.0.1:8080", server.address)), "", command);
  }
  // What the server says of itself is what its module says.
  const typesIn = async (name: string) => {
    const text = await Deno.readTextFile(`${folder.path}/${name}`);
    return text.slice(text.indexOf("export interface"));
  };
  assertMatch(await typesIn("api_types.ts"), /price: Method<{ item: string }, number,/);
  assertEquals(await typesIn("shop_api.ts"), await typesIn("api_types.ts"));
  const { methods } = JSON.parse(await Deno.readTextFile(`${folder.path}/openrpc.json`));
  assert(methods.length === 2);

  for (const [name, output] of [["script.ts", "300\n"], ["elsewhere.ts", "tea\ncake\n"]]) {
    assertEquals(await run(`deno run -q -N --check ${name} ${server.address}`), output, name);
  }
});
