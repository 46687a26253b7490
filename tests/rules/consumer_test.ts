// A project that imports Landline by path: no warning, and no package of ours in its lockfile.

import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { makeFolder } from "../cli/_programs.ts";

const TREE = new URL("../../", import.meta.url);
const MOD = new URL("lib/mod.ts", TREE).href;
const CLIENT = new URL("client.ts", TREE).href;

/** A project of somebody else's, with its configuration and files. */
async function project(config: unknown, files: Readonly<Record<string, string>>) {
  const folder = await makeFolder({ "deno.json": JSON.stringify(config), ...files });
  return {
    /** Runs deno there. */
    async deno(args: readonly string[], env: Record<string, string> = {}) {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [...args],
        cwd: folder.path,
        env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
        stdin: "null",
      }).output();
      const decoder = new TextDecoder();
      return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    },
    /** The packages in its lockfile, as they are named there, whatever for. */
    lockedPackages: async () => {
      const text = await Deno.readTextFile(`${folder.path}/deno.lock`);
      return Array.from(text.matchAll(/"((?:npm|jsr):[^"]*)"/g), ([, name]) => name!);
    },
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

/** Serves and calls; zod is the project's own package. */
function script(mod: string, client: string): string {
  return `
    import { method, serve } from "${mod}";
    import { connect } from "${client}";
    import * as z from "npm:zod@4";
    const api = { upper: method(z.string(), (text) => text.toUpperCase()) };
    await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
    await using line = await connect<typeof api>(server.addresses[0]!);
    console.log(await line.call.upper("hello"));`;
}

const WAYS: readonly { readonly name: string; readonly config: unknown; readonly main: string }[] =
  [
    { name: "by their paths", config: {}, main: script(MOD, CLIENT) },
    {
      name: "through its import map",
      config: { imports: { landline: MOD, "landline/client": CLIENT } },
      main: script("landline", "landline/client"),
    },
    {
      name: "as a linked package",
      config: {
        links: [fileURLToPath(TREE)],
        imports: { "@landline/rpc": "jsr:@landline/rpc@^0.1.0" },
      },
      main: script("@landline/rpc", "@landline/rpc/client"),
    },
  ];

for (const { name, config, main } of WAYS) {
  Deno.test(`a project that imports Landline ${name} sees no warning and locks no package of ours`, async () => {
    await using theirs = await project(config, { "main.ts": main });
    const run = await theirs.deno(["run", "--allow-net=127.0.0.1", "main.ts"]);
    // What npm downloads is told there too.
    const told = (stderr: string) => stderr.replaceAll(/^(?:Check|Download|Initialize) .*\n/gm, "");
    assertEquals({ ...run, stderr: told(run.stderr) }, { code: 0, stdout: "HELLO\n", stderr: "" });
    const check = await theirs.deno(["check", "main.ts"]);
    assertEquals([check.code, told(check.stderr)], [0, ""]);
    const locked = await theirs.lockedPackages();
    assert(locked.length > 0);
    assertEquals(locked.filter((name) => !/^npm:zod@4|^jsr:@landline\//.test(name)), []);
  });
}

Deno.test("a project that imports Landline through its import map keeps its own @std packages", async () => {
  await using theirs = await project({ imports: { landline: MOD } }, {
    "main.ts": `import "landline"; import "jsr:@std/assert@^1";`,
  });
  // Its registry is asked, and is not there: ours in std/ would have been found without it.
  const { code, stderr } = await theirs.deno(["run", "main.ts"], { JSR_URL: "http://127.0.0.1:1" });
  assertEquals([code, stderr.includes("http://127.0.0.1:1/@std/assert/")], [1, true], stderr);
});
