/**
 * Makes the declaration file of the module of a web page: the declarations of `lib/browser.ts` and of all that they
 * name, in one file that imports nothing. `deno pack` makes the declarations; here they are put together.
 *
 * @module
 */

import { deno } from "./deno.ts";

/** The door, as `deno pack` writes it. */
const DOOR = "lib/browser.d.ts";

/** `import type { A, B } from "./a.js";`, and the same of exports. */
const FROM = /^(import|export)( type)? (\*|\{([^}]*)\}) from "(\.[^"]*)\.js";\n/gm;

/** What a module says of itself. */
const ABOUT = /\/\*\*(?:(?!\*\/)[^])*@module\s*\*\/\s*/;

/** A name that a module exports besides its own: of a module, and as a type alone or as a value too. */
type Exported = readonly [module: URL, isType: boolean];

/** The text of it. */
export async function browserTypes(): Promise<string> {
  // Not above: it reads the environment at once, which a test that makes the module alone may not.
  const { extract } = await import("npm:tar@7");
  const work = await Deno.makeTempDir({ prefix: "landline-types-" });
  try {
    const packed = `${work}/packed.tgz`;
    await deno(["pack", "--no-source-maps", "--allow-dirty", `--output=${packed}`]);
    await extract({ file: packed, cwd: work, filter: (path) => path.endsWith(".d.ts") });
    return togetherOf(new URL(`file://${work}/package/${DOOR}`));
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** The declarations of a door. */
function togetherOf(door: URL): string {
  const names = exportsOf(door);
  const texts = new Map<string, string>();
  const add = (module: URL): void => {
    if (texts.has(module.href)) return;
    texts.set(module.href, ""); // types may name each other in a circle
    const text = read(module);
    for (const { url } of statementsOf(text, module)) add(url);
    texts.set(module.href, declarationsOf(text));
  };
  for (const [module] of names.values()) add(module);
  refuseTwice([...texts.values()]);
  const list = Array.from(names, ([name, [, isType]]) => `  ${isType ? "type " : ""}${name},\n`);
  return `${[...texts.values()].join("")}\nexport {\n${list.join("")}};\n`;
}

/** What a door exports, by name; what it names itself goes before what it has of all of a module. */
function exportsOf(door: URL): Map<string, Exported> {
  const names = new Map<string, Exported>(), all: [URL, boolean][] = [];
  for (const { url, isType, members } of statementsOf(read(door), door)) {
    if (members === undefined) all.push([url, isType]);
    for (const member of members ?? []) {
      const name = member.replace(/^type /, "");
      names.set(name, [url, isType || name !== member]);
    }
  }
  for (const [module, areTypes] of all) {
    for (const [name, [url, isType]] of exportsOf(module)) {
      if (!names.has(name)) names.set(name, [url, areTypes || isType]);
    }
  }
  return names;
}

/** What a module imports and what it exports of others; without members if that is all of one. */
function statementsOf(text: string, module: URL) {
  return Array.from(text.matchAll(FROM), ([, , type, , members, path]) => ({
    url: new URL(`${path}.d.ts`, module),
    isType: type !== undefined,
    members: members?.split(",").map((member) => member.trim()).filter((member) => member !== ""),
  }));
}

/** The declarations of a module, none of them exported. */
function declarationsOf(text: string): string {
  return text.replace(ABOUT, "")
    .replaceAll(FROM, "")
    .replaceAll(/^export type \{[^}]*\};\n/gm, "")
    .replaceAll(/^((?:\/\*\*.*| )\*\/ )?export (?=[a-z])/gm, "$1")
    .replaceAll(/^((?:\/\*\*.*| )\*\/ )(?=[a-z])/gm, (comment) => `${comment.trimEnd()}\n`);
}

/** @throws {Error} if two modules declare the same name, which would be one in one file */
function refuseTwice(texts: readonly string[]): void {
  const seen = new Set<string>();
  for (const text of texts) {
    const declared = text.matchAll(
      /^(?:declare (?:abstract )?)?(?:type|interface|class|const|function) (\w+)/gm,
    );
    for (const name of new Set(Array.from(declared, ([, name]) => name!))) {
      if (seen.has(name)) {
        throw new Error(`Cannot make the types of a page: ${name} is declared twice`);
      }
      seen.add(name);
    }
  }
}

function read(module: URL): string {
  return Deno.readTextFileSync(module).replace(ABOUT, "");
}
