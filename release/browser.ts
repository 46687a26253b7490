/**
 * Makes the module of a web page: `lib/browser.ts` and all that it imports in one file, which a page loads
 * without a bundler; and a declaration file beside it, which finds its types in the package or in this tree. The
 * same sources make the same bytes.
 *
 * ```sh
 * deno task browser           # into the current folder
 * deno task browser FOLDER
 * ```
 *
 * The first time Deno downloads its bundler; after that it needs no network.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { deno, ROOT } from "./deno.ts";

/** How many bytes it may have as a server sends it, packed. */
export const MAX_BYTES = 30_000;

/** Its name. */
export const BROWSER_MODULE = "landline.js";

const TYPES = `// The types of ${BROWSER_MODULE}.\nexport * from "@landline/rpc/browser";\n`;

/**
 * Makes it.
 *
 * @param folder where it is put
 * @returns how many bytes it has packed
 * @throws {RangeError} if these are too many
 */
export async function makeBrowserModule(folder: string): Promise<number> {
  const path = `${folder}/${BROWSER_MODULE}`;
  await deno(["bundle", "--platform=browser", "--minify", "-o", path, `${ROOT}lib/browser.ts`]);
  // TypeScript looks for the file beside it, Deno for this line.
  await Deno.writeTextFile(
    path,
    `// @ts-self-types="./landline.d.ts"\n${await Deno.readTextFile(path)}`,
  );
  await Deno.writeTextFile(path.replace(/\.js$/, ".d.ts"), TYPES);
  const { length } = gzipSync(await Deno.readFile(path), { level: 9 });
  if (length <= MAX_BYTES) return length;
  throw new RangeError(
    `Cannot make ${BROWSER_MODULE}: packed it may have ${MAX_BYTES} bytes, it has ${length}`,
  );
}

if (import.meta.main) {
  const [folder = "."] = Deno.args;
  await Deno.mkdir(folder, { recursive: true });
  const length = await makeBrowserModule(await Deno.realPath(folder));
  console.log(`${folder}/${BROWSER_MODULE}, ${length} bytes packed`);
}
