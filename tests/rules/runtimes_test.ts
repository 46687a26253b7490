// What other runtimes than Deno load of lib/: no `Deno`, and nothing that Node 22 lacks.

import { assert, assertEquals } from "@std/assert";
import { loadedBy, sourcesIn, withoutTypes } from "./_sources.ts";

const LIB = new URL("../../lib/", import.meta.url);

/** The file that knows what differs. */
const RUNTIME = "runtime.ts";

/** Syntax and built-ins that Node has from version 24 on, and pages for as short a time. */
const TOO_NEW = [
  /\busing\s+\w+\s*=/, // 24
  /\bPromise\.try\b/, // 24
  /\bRegExp\.escape\b/, // 24
  /\bError\.isError\b/, // 24
  /\bMath\.(?:sumPrecise|f16round)\b/,
  /\bFloat16Array\b/, // 24
  /\b(?:Async)?DisposableStack\b/, // 24
  /\bIterator\.(?:concat|zip)\b/,
  /\.getOrInsert(?:Computed)?\(/,
  /\.(?:toBase64|toHex|setFromBase64|setFromHex)\(/, // 25
  /\bUint8Array\.from(?:Base64|Hex)\b/, // 25
  /\bimport\.meta\.main\b/, // 24
  /\/[^/\n]*\(\?[ims]+(?:-[ims]+)?:|\(\?-[ims]+:/, // modifiers in an expression, 23
];

/** The code of a file: no comments. */
function codeOf(path: string): string {
  return Deno.readTextFileSync(new URL(path, LIB)).replaceAll(
    /\/\*[\s\S]*?\*\/|(?<=^|[^:"'`\\])\/\/ .*$/gm,
    "",
  );
}

/** Some files, and all that they load at once: what is imported where it is needed is not. */
function graphOf(...roots: readonly string[]): Set<string> {
  return loadedBy(roots, (path) => {
    const specifiers = withoutTypes(codeOf(path)).matchAll(
      /^(?:import|export)\b[^"';]*?\bfrom\s*"([^"]+)"|^import\s*"([^"]+)"/gm,
    );
    return Array.from(specifiers, ([, from, bare]) => (from ?? bare)!);
  });
}

/** Whether this code uses `Deno`. Texts for people may name it. */
function saysDeno(path: string): boolean {
  return /(?<![\w"'`. ])Deno\b|[ (]Deno[.[]|\bas typeof Deno\b/.test(codeOf(path));
}

Deno.test("a client without transports loads no file that says Deno, but the one for that", () => {
  const graph = graphOf("client/line.ts", "client/open.ts", "client/open_socket.ts");
  assert(graph.has("connection/connection.ts") && graph.has(RUNTIME));
  assertEquals([...graph].filter((path) => saysDeno(path) && path !== RUNTIME), []);
});

/** What Deno alone has: elsewhere it is refused before any of this runs. */
const OF_DENO =
  /(?:^|\/)deno_\w+\.ts$|^transport\/(?:udp\/\w+|vsock|unstable)\.ts$|^server\/workers\/start_thread\.ts$/;

Deno.test("what says Deno is named for it, and asks nothing of Deno when it is loaded", () => {
  const graph = graphOf("mod.ts", "client.ts", "testing.ts", "wire.ts");
  assert(graph.has("transport/deno_net.ts") && graph.has("transport/node/net.ts"));
  const wrong: string[] = [];
  for (const path of sourcesIn(LIB)) {
    if (path === RUNTIME || !saysDeno(path)) continue;
    // Only types and what stands in functions is indented.
    const first = codeOf(path).split("\n").find((line) =>
      /^(?!import|export type|type)\S.*[ (]Deno[.[]\w+\(/.test(line)
    );
    if (!OF_DENO.test(path)) wrong.push(path);
    else if (first !== undefined) wrong.push(`${path}: ${first}`);
  }
  assertEquals(wrong, []);
  // Each of them stands beside one for Node, or is refused there.
  assertEquals([...graph].filter((path) => path.includes("workers/start_thread")), []);
});

Deno.test("lib/ does without what Node 22 lacks", () => {
  const wrong: string[] = [];
  for (const path of sourcesIn(LIB)) {
    if (path === RUNTIME) continue;
    const code = codeOf(path);
    for (const [at, line] of code.split("\n").entries()) {
      if (TOO_NEW.some((it) => it.test(line))) wrong.push(`${path}:${at + 1} ${line.trim()}`);
    }
  }
  assertEquals(wrong, []);
});
