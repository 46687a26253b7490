/**
 * Makes the module of a web page: `lib/browser.ts` and all that it imports in one file, which a page loads
 * without a bundler; and a declaration file beside it, which has all of its types. The same sources make the same
 * bytes.
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
import { browserTypes } from "./browser_types.ts";
import { deno, ROOT } from "./deno.ts";

/** How many bytes it may have as a server sends it, packed. */
export const MAX_BYTES = 30_000;

/** Its name. */
export const BROWSER_MODULE = "landline.js";

/** The name of its types. */
export const BROWSER_TYPES = "landline.d.ts";

/**
 * Makes it, without its types.
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
    `// @ts-self-types="./${BROWSER_TYPES}"\n${await Deno.readTextFile(path)}`,
  );
  const { length } = gzipSync(await Deno.readFile(path), { level: 9 });
  if (length <= MAX_BYTES) return length;
  throw new RangeError(
    `Cannot make ${BROWSER_MODULE}: packed it may have ${MAX_BYTES} bytes, it has ${length}`,
  );
}

/** Makes its types. @param folder where they are put */
export async function makeBrowserTypes(folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/${BROWSER_TYPES}`, await browserTypes());
}

if (import.meta.main) {
  const [folder = "."] = Deno.args;
  await Deno.mkdir(folder, { recursive: true });
  const path = await Deno.realPath(folder);
  const length = await makeBrowserModule(path);
  await makeBrowserTypes(path);
  console.log(`${folder}/${BROWSER_MODULE}, ${length} bytes packed`);
}
