// client.ts types: the types of an API, out of its module and without a server.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { CLIENT, makeFolder, Program, runClient, startServer } from "./_programs.ts";

const LIB = new URL("../../lib/mod.ts", import.meta.url).href;

/** An API of which everything can be told, in a module that serves only if it is run. */
const API = `
import { method, notification, serve, stream } from "${LIB}";
import * as z from "npm:zod@4";
export const api = {
  /** Not for the generator: it reads what runs. */
  upper: method(z.string(), (text) => text.toUpperCase(), { result: z.string(), summary: "Loud" }),
  math: {
    add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b, {
      result: z.number(),
      errors: { TOO_LARGE: z.object({ most: z.number() }) },
    }),
  },
  digest: method(z.object({ data: z.instanceof(Uint8Array) }), ({ data }) => data, {
    result: z.instanceof(Uint8Array),
  }),
  countdown: stream(z.int(), function* (n) { while (n > 0) yield n--; }, { result: z.int() }),
  log: notification(z.string(), () => {}),
};
if (import.meta.main) await serve(api, { listen: "tcp://127.0.0.1:0" }).finished;
`;

const USE = `
import { connect, settle } from "${CLIENT}";
import type { Api } from "./api_types.ts";
export async function use(address: string): Promise<number> {
  await using line = await connect<Api>(address);
  const text: string = await line.call.upper("a");
  line.notify.log(text);
  const bytes: Uint8Array = await line.call.digest({ data: new Uint8Array(2) });
  console.log(bytes.length);
  for await (const n of line.call.countdown(2)) console.log(n + 1);
  const sum = await settle(line.call.math.add({ a: 1, b: 2 }));
  if (!sum.ok && sum.reason === "TOO_LARGE") return sum.data.most;
  // @ts-expect-error: a number is no text
  await line.call.upper(1);
  return 0;
}
`;

const FLAGS = ["-R", "-W"];

/** Runs `client.ts types` in a folder. */
function types(cwd: string, ...args: string[]) {
  return runClient(["types", ...args], { cwd, flags: FLAGS });
}

async function checks(folder: string, ...files: string[]): Promise<string> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "-q", ...files],
    cwd: folder,
    env: { NO_COLOR: "1" },
  }).output();
  return success ? "" : new TextDecoder().decode(stderr);
}

Deno.test("client.ts types writes what a client needs, and --check tells when it is out of date", async () => {
  await using folder = await makeFolder({ "api.ts": API, "use.ts": USE });
  const { path } = folder, from = ["--from", CLIENT];
  const silent = { code: 0, stdout: "", stderr: "" };

  const missing = await types(path, "api.ts", "-o", "api_types.ts", "--check", ...from);
  assertEquals([missing.code, missing.stdout], [1, ""]);
  assertMatch(missing.stderr, /^error: api_types\.ts does not have .*: it cannot be read, No such/);

  assertEquals(await types(path, "api.ts", "-o", "api_types.ts", ...from), silent);
  assertEquals(await checks(path, "use.ts"), "");
  assertEquals(await types(path, "api.ts", "-o", "api_types.ts", "--check", ...from), silent);

  await Deno.writeTextFile(`${path}/api.ts`, API.replace("a: z.number()", "a: z.string()"));
  const stale = await types(path, "./api.ts", "-o", "api_types.ts", "--check", ...from);
  assertEquals([stale.code, stale.stdout], [1, ""]);
  assertStringIncludes(
    stale.stderr,
    "error: api_types.ts does not have the types of the API: line ",
  );
  assertStringIncludes(stale.stderr, "; types ./api.ts -o api_types.ts writes them\n");
});

Deno.test("client.ts types writes the same for a module as --types for its server", async () => {
  await using folder = await makeFolder({ "api.ts": API });
  const module = await types(folder.path, "api.ts");
  assertEquals([module.code, module.stderr], [0, ""]);
  assertMatch(
    module.stdout,
    /^\/\/ deno-fmt-ignore-file\n\/\*\* The API of api\.ts, made by .*\*\/\n/,
  );
  await using server = await startServer([`${folder.path}/api.ts`]);
  const asked = await runClient(["--types", server.address, "--from", "@landline/rpc/client"]);
  const body = (text: string) => text.slice(text.indexOf("import type"));
  assertEquals(body(module.stdout), body(asked.stdout));
  assert(body(asked.stdout).length > 200);
});

Deno.test("client.ts types writes a .d.ts, and names the methods whose results are unknown", async () => {
  await using folder = await makeFolder({
    "api.ts": `
      import { method } from "${LIB}";
      export default { one: method(() => 1), two: { deep: method(() => 2) } };`,
    "use.ts": `
      import type { Api } from "./api_types.d.ts";
      import type { Stub } from "${CLIENT}";
      export const use = async (call: Stub<Api>): Promise<unknown> => await call.two.deep();`,
  });
  const { code, stdout, stderr } = await types(
    folder.path,
    "api.ts",
    "-o",
    "api_types.d.ts",
    "--from",
    CLIENT,
  );
  assertEquals([code, stdout], [0, ""]);
  assertEquals(stderr, "unknown results, for want of the option result: one, two.deep\n");
  assertEquals(await checks(folder.path, "use.ts"), "");
});

/** Modules with which something is wrong, and what is said of it. */
const WRONG: readonly (readonly [what: string, source: string, code: number, message: RegExp])[] = [
  [
    "exports no API",
    "export const port = 1;",
    2,
    /^error: Cannot write the types of api\.ts: it exports neither api nor a default, it exports port\n$/,
  ],
  [
    "throws",
    'throw new Error("no database");',
    2,
    /^error: Cannot load api\.ts: no database \(file:.*api\.ts:1:\d+\)\n$/,
  ],
  ["does not parse", "export const api = {;", 2, /^error: Cannot load api\.ts: .*api\.ts:1/],
  [
    "has a member that is no method",
    "export const api = { a: { b: 1 } };",
    2,
    /^error: Cannot use the API: a\.b is a number, expected method/,
  ],
  [
    "has a schema that tells nothing",
    `import { method } from "${LIB}";
     const schema = { "~standard": { version: 1, vendor: "ours", validate: (value) => ({ value }) } };
     export const api = { a: { b: method(schema, () => 1), c: method(() => 1, { result: schema }) } };`,
    1,
    /^error: Cannot write the types of api\.ts: the schema of what a\.b takes, of ours, does not tell its JSON Schema \(and 1 more\); give it /,
  ],
  [
    "serves when it is imported",
    `import { serve } from "${LIB}";
     export const api = {};
     await serve(api, { listen: "tcp://127.0.0.1:0" }).finished;`,
    2,
    /^error: Cannot load api\.ts: .*; what serves stands behind if \(import\.meta\.main\)\n$/,
  ],
];
for (const [what, source, code, message] of WRONG) {
  Deno.test(`client.ts types says what is wrong with a module that ${what}`, async () => {
    await using folder = await makeFolder({ "api.ts": source });
    const outcome = await types(folder.path, "api.ts", "-o", "api_types.ts");
    assertEquals([outcome.code, outcome.stdout], [code, ""], outcome.stderr);
    assertMatch(outcome.stderr, message);
    const files = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
    assertEquals(files, ["api.ts"]);
  });
}

Deno.test("client.ts types says what it waits for when the module serves, and may", async () => {
  await using folder = await makeFolder({ "api.ts": API.replace("if (import.meta.main) ", "") });
  await using program = new Program(CLIENT, ["types", "api.ts"], {
    cwd: folder.path,
    flags: ["-R", "-N"],
  });
  await program.errorWith(/^api\.ts is still being loaded: .* behind if \(import\.meta\.main\)\n/m);
});

for (
  const [args, message] of [
    [[], "Cannot write the types: API is missing, --help shows how"],
    [["a.ts", "b.ts"], 'Cannot write the types of more than one API: "a.ts", "b.ts"'],
    [["a.ts", "-o"], "Cannot write the types: -o needs the path of a file"],
    [["a.ts", "--check"], "Cannot check the types: -o FILE says which file is to have them"],
    [["a.ts", "--framing", "json"], "Cannot use --framing with types, which calls no server"],
  ] as const
) {
  Deno.test(`client.ts types ${args.join(" ")} says why on one line and exits with 2`, async () => {
    const outcome = await runClient(["types", ...args]);
    assertEquals(outcome, { code: 2, stdout: "", stderr: `error: ${message}\n` });
  });
}
