// The package for npm: what is in it, its types for TypeScript alone, and that it runs on Deno. run_times_test.ts
// runs it on Node and Bun.

import { assert, assertEquals } from "@std/assert";
import { binary, packaged } from "../interop/_npm.ts";
import { testWith } from "../support/tools.ts";
import { installed, output, pack } from "./_installed.ts";

const NEEDED = ["npm"];

/** What a file of the package imports of the others. */
const IMPORTS = /^(?:import|export|\}) ?[^"]*\bfrom "(\.[^"]+)"|import\("(\.[^"]+)"\)/gm;

testWith(NEEDED, "the package has the library alone, and says what it runs on", async () => {
  const { folder, tarball } = await installed();
  const path = `${folder}/node_modules/@landline/rpc`;
  const names = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  assertEquals(names, ["LICENSE", "README.md", "lib", "package.json"]);
  const ours = JSON.parse(await Deno.readTextFile("deno.json"));
  const theirs = JSON.parse(await Deno.readTextFile(`${path}/package.json`));
  for (const member of ["name", "version", "license"]) {
    assertEquals(theirs[member], ours[member], member);
  }
  assertEquals([theirs.type, theirs.sideEffects, theirs.engines], ["module", false, {
    node: ">=22",
  }]);
  assertEquals(theirs.dependencies, undefined);
  assertEquals(Object.keys(theirs.exports), Object.keys(ours.exports));
  for (const file of Object.values<Record<string, string>>(theirs.exports).flatMap(Object.values)) {
    assert((await Deno.stat(`${path}/${file}`)).isFile, file);
  }
  const files = (await output(["tar", "-tzf", tarball], folder)).trim().split("\n");
  const others = files.filter((file) => !/\.js$|\.d\.ts$/.test(file)).sort();
  assertEquals(others, ["LICENSE", "README.md", "package.json"].map((name) => `package/${name}`));
  for (const file of files.filter((file) => /\.js$|\.d\.ts$/.test(file))) {
    const url = new URL(file.replace(/^package/, "."), `file://${path}/`);
    for (const [, bound, loaded] of (await Deno.readTextFile(url)).matchAll(IMPORTS)) {
      const imported = (bound ?? loaded)!;
      assert((await Deno.stat(new URL(imported, url))).isFile, `${file} imports ${imported}`);
    }
  }
  const { size } = await Deno.stat(tarball);
  assert(size <= 300_000, `${size} bytes`);
});

testWith(NEEDED, "the same sources make the same package, byte for byte", async () => {
  const { tarball } = await installed();
  const folder = await Deno.makeTempDir({ prefix: "landline-package-" });
  try {
    assertEquals(await digest(await pack(folder)), await digest(tarball));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function digest(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}

const USES = `
import { connect, method, serve, serveWorkers, stream, RpcError } from "@landline/rpc";
import type { Line, StandardSchema } from "@landline/rpc";
import { connect as connectOnly, settle } from "@landline/rpc/client";
import { mock, pair } from "@landline/rpc/testing";
import { dial, FRAMINGS, FrameStream, listen } from "@landline/rpc/wire";

const text: StandardSchema<string> = {
  "~standard": {
    version: 1,
    vendor: "own",
    validate: (value) => typeof value === "string" ? { value } : { issues: [{ message: "no text" }] },
  },
};
const api = {
  upper: method(text, (it) => it.toUpperCase()),
  now: method(() => new Date()),
  deep: { count: stream(async function* () { yield 1; }) },
};
const server = serve(api, { listen: "tcp://127.0.0.1:0", onError: (error: unknown) => console.log(error) });
const line: Line<typeof api> = await connect<typeof api>(server.addresses[0]!);
const upper: string = await line.call.upper("x", { timeout: 1000 });
const now: string = await line.call.now();
for await (const n of line.call.deep.count()) n satisfies number;
const settled = await settle(line.call.upper("x"));
if (settled.ok) settled.value satisfies string;

// @ts-expect-error a text is asked for
await line.call.upper(5);
// @ts-expect-error there is no such method
await line.call.lower("x");
// @ts-expect-error a Date arrives as a text
const date: Date = await line.call.now();
// @ts-expect-error a handler that takes a value needs a schema
method((value: string) => value);
// @ts-expect-error there is no such option
serve(api, { listens: "tcp://127.0.0.1:0" });
// @ts-expect-error there is no such name
import { connects } from "@landline/rpc/client";

await using ends = await pair(api);
const mocked = mock<typeof api>({ upper: () => "X" });
console.log(upper, now, date, ends, mocked, connects, connectOnly, dial, FRAMINGS, FrameStream, listen);
console.log(serveWorkers, RpcError);
`;

/** What tells the compiler of the run time: a page's types, or Node's. */
const AMBIENT: readonly (readonly [string, unknown])[] = [
  ["a page's types", { lib: ["ESNext", "DOM"], types: [] }],
  ["Node's types", { lib: ["ESNext"], types: ["node"] }],
];

for (const [name, options] of AMBIENT) {
  testWith(
    [...NEEDED, "npm:typescript@5", "npm:@types/node@22", "npm:undici-types@6.19"],
    `TypeScript takes the package's types with ${name}, without skipLibCheck`,
    async () => {
      const { folder } = await installed();
      await copy("@types/node@22", `${folder}/node_modules/@types/node`);
      await copy("undici-types@6.19", `${folder}/node_modules/undici-types`);
      await Deno.writeTextFile(`${folder}/uses.ts`, await everyDoor() + USES);
      const compilerOptions = {
        noEmit: true,
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        module: "nodenext",
        target: "esnext",
        ...options as object,
      };
      const config = { compilerOptions, files: ["uses.ts"] };
      await Deno.writeTextFile(`${folder}/tsconfig.json`, JSON.stringify(config));
      assertEquals(await output(packaged("typescript@5/tsc", "-p", folder), folder), "");
    },
  );
}

/** Imports all that each door has. */
async function everyDoor(): Promise<string> {
  const { exports } = JSON.parse(await Deno.readTextFile("deno.json"));
  return Object.keys(exports).map((door, n) =>
    `import * as door${n} from "@landline/rpc${door.slice(1)}"; console.log(door${n});\n`
  ).join("");
}

/** Puts a package of Deno's cache where TypeScript looks for it. */
async function copy(name: string, folder: string): Promise<void> {
  const from = (await binary(name, "package.json")).replace(/package\.json$/, ".");
  await Deno.mkdir(folder, { recursive: true });
  await output(["cp", "-r", from, folder], folder);
}

const API = `
import { method } from "@landline/rpc";
const validate = (value) => typeof value === "string" ? { value } : { issues: [{ message: "no text" }] };
const text = { "~standard": { version: 1, vendor: "own", validate } };
export const api = { upper: method(text, (it) => it.toUpperCase()) };
`;

const ON_DENO = `
import { connect, serveWorkers } from "@landline/rpc";
import { pair } from "@landline/rpc/testing";
import { api } from "./api.js";
{
  await using ends = await pair(api);
  console.log(await ends.line.call.upper("pair"));
}
await using server = serveWorkers(import.meta.resolve("./api.js"), {
  listen: "tcp://127.0.0.1:0",
  workers: 2,
});
await server.ready;
await using line = await connect(server.addresses[0]);
console.log(await line.call.upper("workers"));
`;

testWith(NEEDED, "pair() and serveWorkers() of the package run on Deno", async () => {
  const { folder } = await installed();
  await Deno.writeTextFile(`${folder}/api.js`, API);
  await Deno.writeTextFile(`${folder}/on_deno.js`, ON_DENO);
  const command = [Deno.execPath(), "run", "-A", "--unstable-net", "on_deno.js"];
  assertEquals(await output(command, folder), "PAIR\nWORKERS\n");
});
