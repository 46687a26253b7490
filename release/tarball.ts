/**
 * Makes the package for npm. `deno pack` takes the types off and writes `package.json`; the rest is done here:
 * the package has the library alone, without comments in its code, with the console's files ready made, and
 * says what it runs on. The same sources make the same bytes.
 *
 * ```sh
 * deno task pack              # into the current folder
 * deno task pack FOLDER
 * deno task pack --dry-run    # only to see that it can be made
 * ```
 *
 * @module
 */

import { basename } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { create, extract } from "npm:tar@7";
import { makeConsole } from "./console.ts";
import { deno, filesIn } from "./deno.ts";

/** What the package has of the tree. */
const KEPT: ReadonlySet<string> = new Set(["LICENSE", "README.md", "lib", "package.json"]);

/** How many bytes it may take. */
const MAX_BYTES = 300_000;

/** What `deno pack` leaves out of `package.json`. */
const MORE = {
  description:
    "Typed RPC over raw sockets: JSON-RPC 2.0 over TCP, Unix sockets, HTTP and WebSocket",
  keywords: ["rpc", "json-rpc", "tcp", "unix-socket", "websocket", "streaming"],
  engines: { node: ">=22" },
  sideEffects: false,
};

/** The parts of `package.json` that are read here. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * Makes the tarball.
 *
 * @param folder where it is put
 * @returns its name
 */
export async function makeTarball(folder: string): Promise<string> {
  const work = await Deno.makeTempDir({ prefix: "landline-pack-" });
  try {
    const packed = `${work}/packed.tgz`, tree = `${work}/package`;
    await deno(["pack", "--no-source-maps", "--allow-dirty", `--output=${packed}`]);
    await extract({ file: packed, cwd: work });
    for (const { name } of [...Deno.readDirSync(tree)]) {
      if (!KEPT.has(name)) await Deno.remove(`${tree}/${name}`, { recursive: true });
    }
    const manifest = manifestOf(JSON.parse(await Deno.readTextFile(`${tree}/package.json`)));
    await Deno.writeTextFile(`${tree}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
    const paths = filesIn(tree);
    for (const path of paths.filter((path) => path.endsWith(".js"))) {
      await Deno.writeTextFile(path, withoutComments(await Deno.readTextFile(path)));
    }
    await Deno.writeTextFile(`${tree}/lib/http/console_texts.js`, await madeTexts(work));
    await Deno.remove(`${tree}/lib/http/link_modules.js`);

    const name = `${manifest.name.replace("@", "").replace("/", "-")}-${manifest.version}.tgz`;
    const names = filesIn(tree).map((path) => path.slice(work.length + 1));
    await create({ file: `${folder}/${name}`, cwd: work, gzip: { level: 9 }, ...SAME }, names);
    const { size } = await Deno.stat(`${folder}/${name}`);
    if (size > MAX_BYTES) {
      throw new RangeError(`Cannot make ${name}: it may have ${MAX_BYTES} bytes, it has ${size}`);
    }
    return name;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Nothing of the machine, and no time, gets into the tarball. */
const SAME = { portable: true, mtime: new Date(0), noDirRecurse: true };

/** `client.ts` is a program of Deno's besides; here it is the door alone. */
function manifestOf(packed: Manifest): Manifest & typeof MORE {
  const doors = Object.entries(packed.exports).map(([door, files]) => [
    door,
    Object.fromEntries(
      Object.entries(files).map((
        [kind, path],
      ) => [kind, path.replace(/^\.\/client\./, "./lib/client.")]),
    ),
  ]);
  return { ...packed, ...MORE, exports: Object.fromEntries(doors) };
}

/**
 * Code without the comments that begin or end a line: they are half of its bytes, and what users read of them
 * is in the types too. For code as it is written in `lib/`, where no text has lines that look like them.
 */
function withoutComments(code: string): string {
  return code
    .replaceAll(/^[ \t]*(?:\/\*\*[^]*?\*\/[ \t]*)+\n?/gm, "")
    .replaceAll(/^[ \t]*\/\/.*\n|(?<=[;,{}()[\]]) \/\/ .*$/gm, "");
}

/**
 * The module that has the console's files as they are sent: only Deno makes them out of the sources. They are packed
 * with Brotli together, which makes less of them than the tarball would.
 */
async function madeTexts(work: string): Promise<string> {
  const packed = brotliCompressSync(JSON.stringify([...await makeConsole(work)]));
  return `import { Buffer } from "node:buffer";
import { brotliDecompressSync } from "node:zlib";
const packed = "${packed.toString("base64")}";
const texts = JSON.parse(brotliDecompressSync(Buffer.from(packed, "base64")).toString());
export const consoleTexts = new Map(texts.map(([path, text]) => [path, () => text]));
`;
}

if (import.meta.main) {
  const [folder = "."] = Deno.args, isDry = folder === "--dry-run";
  const target = isDry ? await Deno.makeTempDir({ prefix: "landline-pack-" }) : folder;
  await Deno.mkdir(target, { recursive: true });
  const path = `${target}/${await makeTarball(target)}`, { size } = await Deno.stat(path);
  console.log(`${isDry ? basename(path) : path}, ${size} bytes`);
  if (isDry) await Deno.remove(target, { recursive: true });
}
