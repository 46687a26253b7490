// lib/mod.ts and client.ts under every strict option of TypeScript, in a project that imports them.
//
// Not isolatedDeclarations: it asks for types to be written down for tools that read one file at a time,
// and finds no mistakes; deno doc --lint and the rules for JSR ask that of what is public.

import { assertEquals } from "@std/assert";
import { makeFolder } from "../cli/_programs.ts";

const MOD = new URL("../../lib/mod.ts", import.meta.url).href;
const CLIENT = new URL("../../client.ts", import.meta.url).href;

/** Every option of TypeScript that makes it stricter, as far as Deno takes it. */
const STRICT = {
  strict: true,
  allowUnreachableCode: false,
  allowUnusedLabels: false,
  erasableSyntaxOnly: true,
  exactOptionalPropertyTypes: true,
  noFallthroughCasesInSwitch: true,
  noImplicitAny: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noImplicitThis: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  skipLibCheck: false,
  strictBindCallApply: true,
  strictBuiltinIteratorReturn: true,
  strictFunctionTypes: true,
  strictNullChecks: true,
  strictPropertyInitialization: true,
  useUnknownInCatchVariables: true,
  verbatimModuleSyntax: true,
};

/** The libraries of a project for Deno, and of one that is also for pages: without unstable ones. */
const LIBRARIES: readonly (readonly string[])[] = [
  ["deno.ns", "deno.unstable", "deno.window"],
  ["deno.ns", "dom", "dom.iterable", "dom.asynciterable", "esnext"],
];

for (const lib of LIBRARIES) {
  Deno.test(`lib/mod.ts and client.ts pass every strict option with ${lib.join(", ")}`, async () => {
    assertEquals(await check({ ...STRICT, lib }, [MOD, CLIENT]), "");
  });
}

/** Checks modules in a project with these options; gives what is said besides the names of modules. */
async function check(
  options: Record<string, unknown>,
  modules: readonly string[],
): Promise<string> {
  await using project = await makeFolder({
    "deno.json": JSON.stringify({ compilerOptions: options }),
    "main.ts": modules.map((module) => `import "${module}";`).join("\n"),
  });
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "main.ts"],
    cwd: project.path,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).output();
  const said = new TextDecoder().decode(stderr).replaceAll(/^Check .*\n/gm, "");
  return code === 0 ? said : said || `exit code ${code}`;
}
