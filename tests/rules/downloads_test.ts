// What the two commands download on a machine that has nothing in its cache: for the server what the
// demo needs, for the client nothing.

import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { makeFolder, Program } from "../cli/_programs.ts";

const TREE = fileURLToPath(new URL("../../", import.meta.url));

/** A cache with nothing in it. */
async function emptyCache() {
  const folder = await makeFolder();
  return {
    options: { cwd: TREE, env: { DENO_DIR: folder.path, DENO_NO_UPDATE_CHECK: "1" } },
    /** The packages in the cache: npm's, and what came from URLs and from JSR. */
    packages: () => [...packagesIn(`${folder.path}/npm`), ...namesIn(`${folder.path}/remote`)],
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

/** A package is unpacked in `npm/REGISTRY/[@SCOPE/]NAME/VERSION`. */
function* packagesIn(folder: string, depth = 0): Iterable<string> {
  for (const name of namesIn(folder)) {
    if (depth > 0 && /^\d+\.\d+\.\d/.test(name)) yield folder.slice(folder.lastIndexOf("/") + 1);
    else if (depth < 4) yield* packagesIn(`${folder}/${name}`, depth + 1);
  }
}

function namesIn(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
}

/** Starts a task, as `deno task NAME` does. */
function startTask(
  name: string,
  args: readonly string[],
  cache: Awaited<ReturnType<typeof emptyCache>>,
) {
  return new Program(name, args, { ...cache.options, command: "task" });
}

Deno.test("deno task serve downloads zod alone when the cache is empty", async () => {
  await using cache = await emptyCache();
  await using server = startTask("serve", ["--listen", "tcp://127.0.0.1:0"], cache);
  await server.lineWith(/^listening on tcp:/);
  const packages = cache.packages();
  // Ended in order before anything can fail: what a task has started outlives it when it is killed.
  server.kill("SIGTERM");
  assertEquals([(await server.outcome()).code, packages], [0, ["zod"]]);
});

Deno.test("deno task client downloads nothing when the cache is empty", async () => {
  await using cache = await emptyCache();
  await using client = startTask("client", ["--version"], cache);
  const { code, stdout } = await client.outcome();
  assertEquals([code, stdout.startsWith("landline "), cache.packages()], [0, true, []]);
});
