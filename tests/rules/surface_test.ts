// The public names: few, and each is shown in use by a page. A name that no page needs to show is one that
// no user needs.

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** The doors that users import from. What workers load is for packages, and has no reader. */
const DOORS = [
  "lib/mod.ts",
  "client.ts",
  "lib/browser.ts",
  "lib/contract.ts",
  "lib/testing.ts",
  "lib/wire.ts",
];

/** How many names the main door may have. */
const MAX_NAMES = 100;

/** What `deno doc --json` tells, as far as it is needed. */
interface Docs {
  readonly nodes: Readonly<Record<string, { readonly symbols: readonly { name: string }[] }>>;
}

/** The names that each door exports, those of `export *` included. */
async function exportsOf(doors: readonly string[]): Promise<Map<string, string[]>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", ...doors],
    cwd: ROOT,
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as Docs;
  return new Map(doors.map((door) => {
    const node = nodes[new URL(door, ROOT).href];
    assert(node !== undefined, `deno doc says nothing of ${door}`);
    return [door, [...new Set(node.symbols.map(({ name }) => name))]];
  }));
}

/** README.md and the pages in docs/. */
function* pages(): Iterable<string> {
  yield "README.md";
  for (const { name } of Deno.readDirSync(new URL("docs/", ROOT))) {
    if (name.endsWith(".md")) yield `docs/${name}`;
  }
}

/** What a page imports from Landline and uses below the import, in one block of code. */
function namesUsedIn(markdown: string): Set<string> {
  const names = new Set<string>();
  for (const [, block] of markdown.matchAll(/^ *```ts\n([^]*?)^ *```$/gm)) {
    const imported: string[] = [];
    const code = block!
      .replaceAll(/^import\s+(?:type\s+)?\{([^}]*)\} from "([^"]+)";/gm, (_, list, from) => {
        if (/^@landline\/rpc(?:\/|$)/.test(from)) {
          imported.push(...list.split(",").map((name: string) => name.trim().replace("type ", "")));
        }
        return "";
      })
      .replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, "");
    for (const name of imported) {
      if (name !== "" && new RegExp(`\\b${name}\\b`).test(code)) names.add(name);
    }
  }
  return names;
}

const doors = await exportsOf(DOORS);

for (const [door, names] of doors) {
  Deno.test(`every name of ${door} is imported and used in a code block of a page`, () => {
    const shown = new Set<string>();
    for (const page of pages()) {
      const text = Deno.readTextFileSync(new URL(page, ROOT));
      for (const name of namesUsedIn(text)) shown.add(name);
    }
    assertEquals(names.filter((name) => !shown.has(name)), []);
  });
}

Deno.test(`the main door has at most ${MAX_NAMES} names`, () => {
  const names = doors.get("lib/mod.ts")!;
  assert(names.length > 0 && names.length <= MAX_NAMES, `${names.length} names`);
});

Deno.test("a name counts as shown where a block imports it from Landline and uses it", () => {
  const block = (code: string) => [...namesUsedIn("```ts\n" + code + "\n```\n")];
  const used = 'import { type A, b } from "@landline/rpc";\nconst a: A = b;';
  assertEquals(block(used), ["A", "b"]);
  assertEquals(block('import { a } from "@landline/rpc";\n// a'), []);
  assertEquals(block('import { a } from "./a.ts";\na();'), []);
  assertEquals([...namesUsedIn("`A` from `@landline/rpc`")], []);
});
