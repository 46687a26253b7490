// What holds for the sources of the console: a browser runs them as they are, and a server that means harm
// finds no way into the page.

import { assert, assertEquals } from "@std/assert";
import { stripTypeScriptTypes } from "node:module";

const ROOT = new URL("../../", import.meta.url);

/** What is run by Deno, and not by a browser. */
const TOOLS: ReadonlySet<string> = new Set([
  "console/bytes/build_page.ts",
]);

function* walk(folder: string): Iterable<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (isDirectory) yield* walk(`${folder}${name}/`);
    else yield folder + name;
  }
}

const read = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));

/** The code alone, as the browser gets it, without comments. */
function codeOf(path: string): string {
  const code = stripTypeScriptTypes(read(path));
  return code.replaceAll(/\/\*[^]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");
}

/** Reports what a module imports when it runs: a text that shows an import is none. */
const IMPORTS: Deno.lint.Plugin = {
  name: "imports",
  rules: {
    find: {
      create: (context) => ({
        ImportDeclaration(node) {
          if (node.importKind !== "type") context.report({ node, message: node.source.value });
        },
        ExportNamedDeclaration(node) {
          if (node.source) context.report({ node, message: node.source.value });
        },
        ImportExpression(node) {
          if (node.source.type !== "Literal") return;
          context.report({ node, message: String(node.source.value) });
        },
      }),
    },
  },
};

/** All modules of the page, by path: those of the console and what they import of lib/. */
function modulesOfPage(): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (path: string) => {
    if (found.has(path)) return;
    found.set(path, codeOf(path));
    for (const { message } of Deno.lint.runPlugin(IMPORTS, path, read(path))) {
      assert(/^\.{1,2}\/.*\.ts$/.test(message), `${path} imports ${message}`);
      visit(new URL(message, new URL(path, ROOT)).href.slice(ROOT.href.length));
    }
  };
  for (const path of walk("console/")) if (path.endsWith(".ts") && !TOOLS.has(path)) visit(path);
  return found;
}

const MODULES = modulesOfPage();

Deno.test("modules of the page touch nothing of Deno's or Node's", () => {
  const wrong: string[] = [];
  for (const [path, code] of MODULES) {
    for (const [found] of code.matchAll(/\b(?:Deno|process|Buffer|require)\s*[.(]|"node:[^"]*"/g)) {
      // What is shown as text is no use.
      if (path === "console/commands.ts" && found === "Deno.") continue;
      wrong.push(`${path}: ${found}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("of lib/ the page imports framings, and what is pure of HTTP", () => {
  const paths = [...MODULES.keys()].filter((path) => path.startsWith("lib/"));
  const allowed = /^lib\/(?:framing\/|http\/(?:head|known_heads|request|response)\.ts$)/;
  assertEquals(paths.filter((path) => !allowed.test(path)), []);
});

Deno.test("no module of the page makes a page or code of a text", () => {
  const wrong: string[] = [];
  const ways =
    /\b(?:innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|setHTML|srcdoc|createContextualFragment|DOMParser|eval)\b|document\.write|new Function\b/g;
  for (const [path, code] of MODULES) {
    for (const [found] of code.matchAll(ways)) wrong.push(`${path}: ${found}`);
  }
  assertEquals(wrong, []);
});

/** A document may also be one of OpenRPC. */
const USES_PAGE =
  /\bwindow\.|\bdocument\.(?:create|query|getElement|addEventListener|body|head|documentElement)/;

Deno.test("only files that say so use the page", () => {
  const wrong = [...MODULES].filter(([path, code]) =>
    path.startsWith("console/") && USES_PAGE.test(code) &&
    !read(path).startsWith('/// <reference lib="dom" />')
  );
  assertEquals(wrong.map(([path]) => path), []);
});

Deno.test("each file of the console says in its first lines what it is", () => {
  const wrong = [...MODULES.keys()].filter((path) =>
    path.startsWith("console/") &&
    !/^(?:\/\/\/ <reference lib="dom" \/>\n)?\/\*\*\n[^]*?@module/.test(read(path))
  );
  assertEquals(wrong, []);
});
