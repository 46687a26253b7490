// The bytes panel as one file, and the linker that makes it.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { bytesPage } from "../../../console/bytes/build_page.ts";
import { linkModules } from "../../../lib/http/link_modules.ts";
import type * as Wires from "../../../console/bytes/wires.ts";

/** Links modules that are given by name. */
function link(modules: Record<string, string>): string {
  return linkModules("test:/main.ts", (url) => modules[url.slice("test:/".length)]!);
}

Deno.test("linkModules() makes one script of modules, whose names do not meet", () => {
  const script = link({
    "main.ts": `import type { T } from "./types.ts";
import { a, type T2, twice as double } from "./a.ts";
import { b } from "./deep/b.ts";
/** A comment
export of nothing */
const x = 1;
globalThis.linked = [x, a, double(b as T)];
`,
    "a.ts": `import { b } from "./deep/b.ts";
const x = 2;
export interface T2 { x: number }
export const other = 7, a = x + b;
export function twice(n: number): number { return 2 * n; }
`,
    "deep/b.ts": `export abstract class Base<T> { declare t: T }
export class B extends Base<string> {}
export const b: number = new B() instanceof Base ? 10 : 0;
`,
  });
  const scope: { linked?: unknown } = {};
  new Function("globalThis", script)(scope);
  assertEquals(scope.linked, [1, 12, 20]);
});

Deno.test("linkModules() refuses what it cannot link", () => {
  const rows: [Record<string, string>, string][] = [
    [{ "main.ts": `import * as a from "./a.ts";` }, 'has "import * as a'],
    [{ "main.ts": `export default 7;` }, 'has "export default 7'],
    [{ "main.ts": `import "./a.ts";` }, 'has "import'],
    [
      { "main.ts": `import { a } from "./a.ts";`, "a.ts": `import { m } from "./main.ts";` },
      "imports itself",
    ],
  ];
  for (const [modules, message] of rows) assertThrows(() => link(modules), SyntaxError, message);
  const script = link({ "main.ts": `import { none } from "./a.ts";`, "a.ts": "const a = 1;" });
  assertThrows(() => new Function(script)(), ReferenceError, "none");
});

Deno.test("the page asks for nothing, and its policy allows its own script and style alone", () => {
  const page = bytesPage();
  const policy = /Content-Security-Policy"\s+content="([^"]*)"/.exec(page)![1]!;
  const inline = (tag: string) => new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`, "g").exec(page)![1]!;
  const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  assert(policy.startsWith("default-src 'none';"), policy);
  assert(policy.includes(`script-src ${hashOf(inline("script"))};`), policy);
  assert(policy.includes(`style-src ${hashOf(inline("style"))};`), policy);
  assertEquals(page.match(/<script/g)?.length, 1);
  assertEquals(page.match(/\b(?:src|href)="[^"]*"/g), ['href="data:,"']);
  assert(!/\bimport\b[^]{0,40}?from\s*"|\bstyle="|\bon\w+="/.test(page));
});

Deno.test("the decoders of the page run where there is no Deno", () => {
  const entry = import.meta.resolve("../../../console/bytes/wires.ts");
  const read = (url: string) => Deno.readTextFileSync(new URL(url));
  const modules = new Map([[
    "test:/main.ts",
    `import { WIRES } from "${entry}";\nout.WIRES = WIRES;`,
  ]]);
  const script = linkModules("test:/main.ts", (url) => modules.get(url) ?? read(url));
  const out: { WIRES?: typeof Wires.WIRES } = {};
  new Function("out", "Deno", "process", "Buffer", script)(out);
  for (const wire of out.WIRES!) {
    const { bytes } = wire.encode(['{"a":"ü"}', "[]"], "out"), reader = wire.reader("out");
    const found = Array.from(bytes, (byte) => reader.push(Uint8Array.of(byte))).flat();
    const messages = found.filter(({ kind }) => kind === "message").map(({ text }) => text);
    assertEquals(messages, ['{"a":"ü"}', "[]"], wire.name);
  }
});
