// The doors of lib/ and a program that uses them under every strict option of TypeScript, in a project that imports them.
//
// Not isolatedDeclarations: it asks for types to be written down for tools that read one file at a time,
// and finds no mistakes; deno doc --lint and the rules for JSR ask that of what is public.

import { assertEquals } from "@std/assert";
import { makeFolder } from "../cli/_programs.ts";

const MOD = new URL("../../lib/mod.ts", import.meta.url).href;
const CLIENT = new URL("../../client.ts", import.meta.url).href;
const CONTRACT = new URL("../../lib/contract.ts", import.meta.url).href;
const TESTING = new URL("../../lib/testing.ts", import.meta.url).href;
const WIRE = new URL("../../lib/wire.ts", import.meta.url).href;
const WORKER = new URL("../../lib/server/workers/worker.ts", import.meta.url).href;

/** A program as it is written under such options: an index signature is read with brackets. */
const PROGRAM = `
import { type ApiShape, connect, method, notification, RpcError, serve, settle } from "${MOD}";
import { type Middleware, stream, type StandardSchema, withContext } from "${MOD}";
import { contract, implement } from "${CONTRACT}";
import { pair } from "${TESTING}";

declare const text: StandardSchema<string>;
declare const left: StandardSchema<{ left: number }>;
const counted = withContext<{ state: { calls: number } }>();
const users = counted.use((_, next) => next({ user: "alice" }));
const named: Middleware<{ name: string }, { user: string }> = ({ context }, next) =>
  next({ name: context.user.toUpperCase() });
const api = {
  upper: method(text, (text) => text.toUpperCase(), { result: text }),
  buy: method((_, { error }): number => {
    throw error("OUT_OF_STOCK", { left: 1 });
  }, { errors: { OUT_OF_STOCK: left } }),
  count: users.use(named).method((_, { state, name, user }) => [++state.calls, name, user]),
  items: stream(async function* (_, { items }) {
    for await (const item of items) yield item;
  }, { items: text }),
  log: notification(text, () => {}),
};
const options = { connectionState: () => ({ calls: 0 }) };
await using server = serve(api, { ...options, onError: (error, about) => console.error(about, error) });
await using line = await connect<typeof api>(server.addresses[0] ?? "", { idempotent: ["upper"] });
const bought = await settle(line.call.buy());
if (!bought.ok && bought.reason === "OUT_OF_STOCK") console.log(bought.data.left);
for await (const item of line.call.items(undefined, { items: ["a"] })) console.log(item);
line.notify.log("x");
const untyped = await connect(server.addresses[0] ?? "");
await untyped.call["upper"]?.("x").catch((error: unknown) => error instanceof RpcError && error.method);
const start = <A extends ApiShape<A>>(api: A) => serve(api);
start({ upper: api.upper });
await using ends = await pair(api, { serve: options });
console.log(await ends.line.call.upper("x"), String(line.call));
const loud = contract({ sub: { upper: contract.method(text, { result: text }) } });
serve(implement(loud, { sub: { upper: (text) => text.toUpperCase() } }));
const held = await connect(server.addresses[0] ?? "", { contract: loud });
console.log(await held.call.sub.upper("x"));
`;

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
  Deno.test(`a program and every door pass every strict option with ${lib.join(", ")}`, async () => {
    assertEquals(await check({ ...STRICT, lib }, [CONTRACT, TESTING, WIRE, WORKER], PROGRAM), "");
  });
}

/** Checks modules in a project with these options; gives what is said besides the names of modules. */
async function check(
  options: Record<string, unknown>,
  modules: readonly string[],
  program = "",
): Promise<string> {
  await using project = await makeFolder({
    "deno.json": JSON.stringify({ compilerOptions: options }),
    "main.ts": modules.map((module) => `import "${module}";`).join("\n") + program,
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
