/**
 * Modules as one script without types and comments: each in a function, in the order in which they need each
 * other. For modules as they are written here, whose exports are declarations and whose imports have names;
 * anything else is refused.
 *
 * @module
 */

import { stripTypeScriptTypes } from "node:module";

const IMPORT = /^import\s*\{([^}]*)\}\s*from\s*"([^"]+)";?/gm;
const EXPORT = /^export\s+(?=(?:async\s+function|function|class|const)\s+([\w$]+))/gm;

/** The imports of a module: what looks like one further down stands in a text. */
const IMPORTS = /^(?:\s*import\s*\{[^}]*\}\s*from\s*"[^"]+";?)*/;

/** What was not linked. The types are off, so that one that is imported stands in a text. */
const LEFT = /^(?:import\b(?!\(| type\b)|export\b).*$/m;

/** A module in the script. */
interface Linked {
  readonly name: string;
  readonly code: string;
  /** What others import of it: the script fails at once if it has no such thing. */
  readonly wanted: Set<string>;
}

/**
 * Links a module with all that it imports. What the module exports, the script exports.
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
    const exported = new Set<string>();
    const code = short(stripTypeScriptTypes(read(url)))
      .replace(IMPORTS, (all) =>
        all.replaceAll(IMPORT, (_, members: string, specifier: string) => {
          const { name, wanted } = link(new URL(specifier, url).href, [...above, url]);
          const given = members.split(",").map((it) => it.trim()).filter((it) => it !== "");
          for (const member of given) wanted.add(member.split(/\s/)[0]!);
          return `const { ${given.join(", ").replaceAll(/\s+as\s+/g, ": ")} } = ${name};`;
        }))
      .replaceAll(EXPORT, (_, name: string) => {
        exported.add(name);
        return "";
      });
    const [left] = LEFT.exec(code) ?? [];
    if (left !== undefined) throw new SyntaxError(`Cannot link: ${url} has "${left}"`);
    const wanted = above.length === 0 ? exported : new Set<string>();
    const module = { name: `m${modules.size}`, code, wanted };
    modules.set(url, module); // behind all that it imports
    return module;
  };
  const { name, wanted } = link(entry, []);
  const linked = Array.from(
    modules.values(),
    ({ name, code, wanted }) =>
      `const ${name} = (() => {\n${code.trim()}\nreturn { ${[...wanted].join(", ")} };\n})();`,
  );
  const exports = wanted.size === 0
    ? ""
    : `export const { ${[...wanted].join(", ")} } = ${name};\n`;
  return `"use strict";\n${linked.join("\n")}\n${exports}`;
}

/**
 * Code without comments that have their lines for themselves, without what was left of types, and without
 * the space around lines: half of the bytes. A file in which a text has several lines keeps their space.
 */
export function short(code: string): string {
  let isComment = false;
  const lines = code.split("\n").filter((line) => {
    const text = line.trim();
    if (isComment || text.startsWith("/**")) {
      isComment = !text.endsWith("*/");
      return false;
    }
    // An empty line may stand in a text.
    return !text.startsWith("//") && (text !== "" || line === "");
  });
  const hasLongTexts = lines.some((line) => line.split("`").length % 2 === 0);
  return (hasLongTexts ? lines : lines.filter((line) => line !== "").map(narrow)).join("\n");
}

/** A line without space around it, and with one space for the many that types have left. */
function narrow(line: string): string {
  const mayHaveText = ['"', "'", "`", "/"].some((mark) => line.includes(mark));
  return mayHaveText ? line.trim() : line.split(" ").filter((part) => part !== "").join(" ");
}
