// The version stands in deno.json. What repeats it says the same, and CHANGELOG.md has the form that it names.

import { assert, assertEquals } from "@std/assert";
import { VERSION } from "../../cli/version.ts";

const read = (path: string) => Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));
const { version } = JSON.parse(read("deno.json"));

Deno.test("the programs and CHANGELOG.md have the version of deno.json", () => {
  assertEquals(VERSION, version);
  const [, said, rest] = /^## \[(.*?)\].*\n+(.*)/m.exec(read("CHANGELOG.md")) ?? [];
  assertEquals(said, "Unreleased");
  // What is being worked on, or the last that was released.
  const isNamed = rest === `What will be ${version}.` || rest?.startsWith(`## [${version}] - `);
  assert(isNamed, `${rest} is not ${version}`);
});

Deno.test("docs/releases.md names the package of this version", () => {
  const names = read("docs/releases.md").match(/landline-rpc-[\d.]+\d(?=\.tgz)/g);
  assertEquals(new Set(names), new Set([`landline-rpc-${version}`]));
});

Deno.test("CHANGELOG.md has the headings of Keep a Changelog", () => {
  const kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
  const headings = Array.from(
    read("CHANGELOG.md").matchAll(/^(##+) (.*)/gm),
    ([, , text]) => text!,
  );
  const versions = headings.filter((text) => !kinds.includes(text));
  assertEquals(versions[0], "[Unreleased]");
  for (const text of versions.slice(1)) {
    assert(/^\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/.test(text), text);
  }
});
