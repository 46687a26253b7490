/**
 * Makes everything that a release has, into one folder, from the tree alone: the same sources make the same
 * files.
 *
 * ```text
 * landline-rpc-0.1.0.tgz    the package for npm
 * bin/server.js             the programs for Deno, a file each: main.ts, client.ts, and both as landline.js;
 * bin/client.js             worker.js and demo.js are what they load
 * bin/landline.js
 * browser/landline.js       the module of a web page, and its types
 * browser/landline.d.ts
 * console/index.html        the console as a page of any web server
 * bytes.html                the page that shows a message in every framing
 * SHA256SUMS                what `sha256sum -c` reads
 * ```
 *
 * ```sh
 * deno task release             # into dist/
 * deno task release FOLDER
 * ```
 *
 * @module
 */

import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { bytesPage } from "../console/bytes/build_page.ts";
import { makeBrowserModule, makeBrowserTypes } from "./browser.ts";
import { makeConsole, staticFiles } from "./console.ts";
import { deno, filesIn } from "./deno.ts";
import { makeTarball } from "./tarball.ts";

/** The programs, and what they load by its address: each is one file in `bin/`. */
const BUNDLES: readonly (readonly [entry: string, name: string])[] = [
  ["main.ts", "server.js"],
  ["client.ts", "client.js"],
  ["cli/landline.ts", "landline.js"],
  ["lib/server/workers/worker.ts", "worker.js"],
  ["examples/demo.ts", "demo.js"],
];

/** Addresses in the sources that lead elsewhere in a bundle, and where to. */
const ADDRESSES: readonly (readonly [from: string, to: string])[] = [
  ['resolve("./worker.ts")', 'resolve("./worker.js")'],
  ['new URL("../../examples/demo.ts", ', 'new URL("./demo.js", '],
  ['new URL("../../main.ts", ', 'new URL("./server.js", '],
  // What modules import that are written out of a server's types.
  ['?? new URL("../../client.ts", import.meta.url).href', '?? "@landline/rpc/client"'],
  ['new URL("../../client.ts", ', 'new URL("./client.js", '],
  // Whose frames a stack is shown without.
  ['new URL("../../lib/", import.meta.url)', "new URL(import.meta.url)"],
];

async function makeRelease(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/bin`, { recursive: true });
  await makeTarball(folder);
  for (const [entry, name] of BUNDLES) {
    const path = `${folder}/bin/${name}`;
    await deno(["bundle", "--lock=tests/deno.lock", "--keep-names", `--output=${path}`, entry]);
    let code = await Deno.readTextFile(path);
    for (const [from, to] of ADDRESSES) code = code.replaceAll(from, to);
    // The console's sources are texts in it.
    const [lost] = /^(?!.*_default = ).*(?:resolve|new URL)\("\.[^"]*\.ts".*/m.exec(code) ?? [];
    if (lost !== undefined) throw new Error(`Cannot bundle ${entry}: it loads a source: ${lost}`);
    // Where each part was, which is another place on another machine.
    await Deno.writeTextFile(path, code.replaceAll(/^\/\/ \S+\.[cm]?[jt]s\n/gm, ""));
  }
  await Deno.mkdir(`${folder}/browser`);
  const browser = await Deno.realPath(`${folder}/browser`);
  await makeBrowserModule(browser);
  await makeBrowserTypes(browser);
  const work = await Deno.makeTempDir({ prefix: "landline-release-" });
  try {
    for (const [path, text] of staticFiles(await makeConsole(work))) {
      await Deno.mkdir(dirname(`${folder}/console/${path}`), { recursive: true });
      await Deno.writeTextFile(`${folder}/console/${path}`, text);
    }
  } finally {
    await Deno.remove(work, { recursive: true });
  }
  await Deno.writeTextFile(`${folder}/bytes.html`, bytesPage());
  await Deno.writeTextFile(`${folder}/SHA256SUMS`, sums(folder));
}

/** A line for each file: its digest and its path. */
function sums(folder: string): string {
  return filesIn(folder).map((path) => {
    const digest = createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
    return `${digest}  ${path.slice(folder.length + 1)}\n`;
  }).join("");
}

if (import.meta.main) {
  const folder = (Deno.args[0] ?? "dist").replace(/\/+$/, "");
  if (await Deno.stat(folder).then(() => true, () => false)) {
    console.error(`Cannot make a release in ${folder}: it is there already`);
    Deno.exit(1);
  }
  await makeRelease(folder);
  console.log(await Deno.readTextFile(`${folder}/SHA256SUMS`));
}
