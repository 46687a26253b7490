// Every expression in lib/ has its worst input in tests/support/worst_inputs.ts.

import { assertEquals } from "@std/assert";
import { COMPOSED, EXPRESSIONS } from "../support/worst_inputs.ts";

const LIB = new URL("../../lib/", import.meta.url);

/** Files that read nothing but our own sources. */
const OWN: ReadonlySet<string> = new Set(["http/link_modules.ts"]);

async function* filesIn(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesIn(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield new URL(name, folder);
  }
}

/** Reports each expression of a file: a literal as it stands there, any other by the name that it is given. */
const FINDER: Deno.lint.Plugin = {
  name: "expressions",
  rules: {
    find: {
      create: (context) => ({
        Literal(node) {
          if ("regex" in node && node.regex !== undefined) {
            context.report({ node, message: context.sourceCode.getText(node) });
          }
        },
        "NewExpression, CallExpression"(node: Deno.lint.NewExpression | Deno.lint.CallExpression) {
          const { callee, parent } = node;
          if (callee.type !== "Identifier" || callee.name !== "RegExp") return;
          const name = parent.type === "VariableDeclarator" && parent.id.type === "Identifier"
            ? parent.id.name
            : context.sourceCode.getText(node);
          context.report({ node, message: name });
        },
      }),
    },
  },
};

function expressionsIn(file: string, text: string): string[] {
  return Deno.lint.runPlugin(FINDER, file, text).map(({ message }) => message);
}

Deno.test("every expression in lib/ is timed on its worst text", async () => {
  const found: string[] = [];
  for await (const file of filesIn(LIB)) {
    const name = file.href.slice(LIB.href.length);
    if (OWN.has(name)) continue;
    for (const expression of expressionsIn(name, await Deno.readTextFile(file))) {
      found.push(`${name} ${expression}`);
    }
  }
  const known = [
    ...EXPRESSIONS.map(([file, expression]) => `${file} ${expression}`),
    ...COMPOSED.map(([file, name]) => `${file} ${name}`),
  ];
  assertEquals([...new Set(found)].sort(), known.sort());
});

Deno.test("an expression is found however it is made", () => {
  const text = 'const A = new RegExp("a");\nconst b = /b"/g.test(`${/c/}`);\nRegExp("d" + `e`);\n';
  assertEquals(expressionsIn("x.ts", text), ["A", '/b"/g', "/c/", 'RegExp("d" + `e`)']);
});
