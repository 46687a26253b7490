/**
 * Modules as one script: each in a function, in the order in which they need each other. For modules as they
 * are written here, whose exports are declarations and whose imports have names; anything else is refused.
 *
 * @module
 */

import { stripTypeScriptTypes } from "node:module";

const IMPORT = /^import\s*\{([^}]*)\}\s*from\s*"([^"]+)";?/gm;
const EXPORT = /^export\s+(?=(?:async\s+function|function|class|const)\b)/gm;
const LEFT = /^(?:import|export)\b.*$/m;

/** Comments of several lines, which nobody reads in the one file. */
const COMMENT = /^[ \t]*\/\*[\s\S]*?\*\/[ \t]*\n/gm;

/** A module in the script. */
interface Linked {
  readonly name: string;
  readonly code: string;
  /** What others import of it: the script fails at once if it has no such thing. */
  readonly wanted: Set<string>;
}

/**
 * Links a module with all that it imports.
 *
 * @param entry the URL of the module
 * @param read gives the source at a URL
 * @throws {SyntaxError} for a module that is written in another way
 */
export function linkModules(entry: string, read: (url: string) => string): string {
  const modules = new Map<string, Linked>();
  const link = (url: string, above: readonly string[]): Linked => {
    if (above.includes(url)) throw new SyntaxError(`Cannot link: ${url} imports itself`);
    const known = modules.get(url);
    if (known !== undefined) return known;
    const code = stripTypeScriptTypes(read(url)).replaceAll(COMMENT, "")
      .replaceAll(IMPORT, (_, members: string, specifier: string) => {
        const { name, wanted } = link(new URL(specifier, url).href, [...above, url]);
        const given = members.split(",").map((it) => it.trim()).filter((it) => it !== "");
        for (const member of given) wanted.add(member.split(/\s/)[0]!);
        return `const { ${given.join(", ").replaceAll(/\s+as\s+/g, ": ")} } = ${name};`;
      })
      .replaceAll(EXPORT, "");
    const [left] = LEFT.exec(code) ?? [];
    if (left !== undefined) throw new SyntaxError(`Cannot link: ${url} has "${left}"`);
    const module = { name: `m${modules.size}`, code, wanted: new Set<string>() };
    modules.set(url, module); // behind all that it imports
    return module;
  };
  link(entry, []);
  const linked = Array.from(
    modules.values(),
    ({ name, code, wanted }) =>
      `const ${name} = (() => {\n${code.trim()}\nreturn { ${[...wanted].join(", ")} };\n})();`,
  );
  return `"use strict";\n${linked.join("\n")}\n`.replaceAll(/[ \t]+$/gm, "").replaceAll(
    /\n{2,}/g,
    "\n",
  );
}
