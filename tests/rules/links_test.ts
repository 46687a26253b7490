// Links in the pages: a relative one leads to a file that is there, and its anchor to a heading of it.

import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** Where the pages are. */
const FOLDERS = ["", "docs/", "tests/", "bench/"];

function* pages(): Iterable<string> {
  for (const folder of FOLDERS) {
    for (const { name, isFile } of Deno.readDirSync(new URL(folder || ".", ROOT))) {
      if (isFile && name.endsWith(".md")) yield folder + name;
    }
  }
}

/** The text without its code, in which nothing is a link or a heading. */
function proseOf(markdown: string): string {
  return markdown.replaceAll(/^( *)```[^]*?^\1```$/gm, "").replaceAll(/`[^`\n]*`/g, (code) =>
    // The words stay, for anchors of headings; what would be a link does not.
    code.slice(1, -1).replaceAll(/[[\]()]/g, ""));
}

/** The anchors of a page's headings, as GitHub makes them; equal ones are numbered. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of proseOf(markdown).matchAll(/^#+ (.*)$/gm)) {
    const text = heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1");
    const anchor = text.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
    let unique = anchor;
    for (let n = 1; anchors.has(unique); n++) unique = `${anchor}-${n}`;
    anchors.add(unique);
  }
  return anchors;
}

/** The relative links of a page. */
function linksOf(markdown: string): string[] {
  const links = Array.from(proseOf(markdown).matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target!);
  return links.filter((target) => !/^[a-z]+:/.test(target));
}

/** What is wrong with a link; undefined if it leads somewhere. */
function mistakeIn(link: string, page: string): string | undefined {
  const url = new URL(link, new URL(page, ROOT));
  const anchor = decodeURIComponent(url.hash.slice(1));
  url.hash = "";
  if (!url.href.startsWith(ROOT.href)) return "leaves the project";
  try {
    if (Deno.statSync(url).isDirectory) {
      return anchor === "" ? undefined : "a folder has no headings";
    }
  } catch {
    return "no such file";
  }
  if (anchor === "" || !url.pathname.endsWith(".md")) return undefined;
  return anchorsOf(Deno.readTextFileSync(url)).has(anchor) ? undefined : "no such heading";
}

for (const page of pages()) {
  Deno.test(`every relative link of ${page} leads to a file, and its anchor to a heading`, () => {
    const wrong: string[] = [];
    for (const link of linksOf(Deno.readTextFileSync(new URL(page, ROOT)))) {
      const mistake = mistakeIn(link, page);
      if (mistake !== undefined) wrong.push(`${link}: ${mistake}`);
    }
    assertEquals(wrong, []);
  });
}

Deno.test("every page of docs/ is in README's table", () => {
  const shown = new Set(linksOf(Deno.readTextFileSync(new URL("README.md", ROOT))));
  assertEquals([...pages()].filter((page) => page.startsWith("docs/") && !shown.has(page)), []);
});

Deno.test("links in code are none, and anchors are those that GitHub makes", () => {
  assertEquals(linksOf("[a](b.md) `[c](d.md)`\n```ts\n[e](f.md)\n```\n[g](https://h.org)"), [
    "b.md",
  ]);
  const headings = "# A `b()`, c\n## [D](e.md)\n## D\n```sh\n# no\n```\n# Größe: 1\n";
  assertEquals([...anchorsOf(headings)], ["a-b-c", "d", "d-1", "größe-1"]);
  assertEquals(mistakeIn("nothing.md", "docs/cli.md"), "no such file");
  assertEquals(mistakeIn("cli.md#nothing", "docs/cli.md"), "no such heading");
  assertEquals(mistakeIn("#install", "docs/cli.md"), undefined);
});
