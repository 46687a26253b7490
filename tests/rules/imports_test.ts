// The rules that hold lib/ together: a folder imports only from folders below it, nothing is downloaded,
// and nothing is shared behind one's back.

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const LIB = new URL("lib/", ROOT);

/**
 * lib/ from the bottom up, in the order of the bytes. A folder or file imports only what stands in a line
 * above its own: what shares a line does not know of each other.
 */
const LAYERS = [
  "error.ts limits.ts timers.ts",
  "framing/",
  "message/",
  "transport/",
  "schema/",
  "api/",
  "stream/",
  "overload/",
  "link/",
  "incoming/ outgoing/",
  "connection/",
  "builtin/",
  "server/ client/",
  "testing/",
  "client.ts testing.ts wire.ts",
  "mod.ts",
];

/** What breaks a rule for a reason. */
const EXCEPTIONS: readonly string[] = [
  // The name of a memory: address is known to the whole process, as a port is to the whole machine.
  "transport/memory/mod.ts: const LISTENERS = new Map<string, MemoryListener>();",
  // stdio: is these two, and takes them only when it is asked for.
  "transport/process/stdio.ts: Deno.stdin",
  "transport/process/stdio.ts: Deno.stdout",
];

/** All files of lib/ by their paths in it. */
const files = new Map(
  Array.from(walk(LIB), (path) => [path, Deno.readTextFileSync(new URL(path, LIB))]),
);

function* walk(folder: URL, prefix = ""): Iterable<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* walk(new URL(`${name}/`, folder), `${prefix}${name}/`);
    else if (name.endsWith(".ts")) yield prefix + name;
  }
}

/** The code alone: comments are blanked out, so that examples in them do not count. */
function codeOf(source: string): string {
  return source.replaceAll(
    /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm,
    (comment) => comment.replaceAll(/[^\n]/g, " "),
  );
}

/** What a file imports, statically or not, as it stands there. */
function importsOf(source: string): string[] {
  const found = codeOf(source).matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^"';]*?\bfrom\s*"([^"]+)"|(?:^|\n)\s*import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/g,
  );
  return Array.from(found, ([, from, bare, dynamic]) => (from ?? bare ?? dynamic)!);
}

/** The files of lib/ that a file imports, by their paths. */
function neighboursOf(path: string): string[] {
  return importsOf(files.get(path)!).filter((specifier) => specifier.startsWith("."))
    .map((specifier) => {
      const target = new URL(specifier, new URL(path, LIB)).href.slice(LIB.href.length);
      assert(files.has(target), `${path} imports ${specifier}, which is not in lib/`);
      return target;
    });
}

/** The folder of lib/ in which a file lies, or the file where it lies in none. */
function roomOf(path: string): string {
  return /^[^/]+\/?/.exec(path)![0];
}

/** In which line of the list a room stands; -1 where it stands in none. */
function layerOf(room: string): number {
  return LAYERS.findIndex((line) => line.split(" ").includes(room));
}

Deno.test("the list of layers names every folder and file of lib/, and nothing else", () => {
  const rooms = new Set([...files.keys()].map(roomOf));
  assertEquals(new Set(LAYERS.flatMap((line) => line.split(" "))), rooms);
});

Deno.test("a folder of lib/ imports only folders below it", () => {
  const wrong: string[] = [];
  for (const path of files.keys()) {
    for (const target of neighboursOf(path)) {
      const from = roomOf(path), to = roomOf(target);
      if (from !== to && layerOf(to) >= layerOf(from)) wrong.push(`${path} imports ${target}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("README.md and CONTRIBUTING.md show the same list of layers", () => {
  for (const page of ["README.md", "CONTRIBUTING.md"]) {
    const text = Deno.readTextFileSync(new URL(page, ROOT));
    const [, tree] = /^ *```text\n *lib\/ .*\n([^]*?)^ *```$/m.exec(text) ?? [];
    assert(tree !== undefined, `${page} has no tree of lib/`);
    const shown = tree.trimEnd().split("\n").map((line) => line.trim().split(/ {2,}/)[0]);
    assertEquals(shown, LAYERS.toReversed(), page);
  }
});

Deno.test("no files of lib/ import each other in a circle", () => {
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]) => {
    assert(!above.includes(path), `a circle: ${[...above, path].join(" -> ")}`);
    if (done.has(path)) return;
    for (const target of neighboursOf(path)) visit(target, [...above, path]);
    done.add(path);
  };
  for (const path of files.keys()) visit(path, []);
});

Deno.test("lib/ imports nothing but itself and what is built in", () => {
  const wrong: string[] = [];
  for (const [path, source] of files) {
    for (const specifier of importsOf(source)) {
      if (!/^\.{1,2}\/|^node:/.test(specifier)) wrong.push(`${path} imports ${specifier}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("lib/ owns no process: no console, no arguments, no signals, no exit", () => {
  const wrong: string[] = [];
  for (const [path, source] of files) {
    for (
      const [found] of codeOf(source).matchAll(
        /\bconsole\b|\bDeno\.(args|exit|addSignalListener|stdin|stdout|stderr)\b/g,
      )
    ) {
      wrong.push(`${path}: ${found}`);
    }
  }
  assertEquals(wrong.filter((found) => !EXCEPTIONS.includes(found)), []);
});

Deno.test("lib/ has no module-level mutable state", () => {
  const wrong: string[] = [];
  for (const [path, source] of files) {
    for (const line of codeOf(source).split("\n")) {
      // A binding that changes, or a collection that can be added to: a constant one says ReadonlyMap.
      const isMutable = /^(?:export )?(?:let|var)\b/.test(line) ||
        /^(?:export )?const \w+(?:: (?!Readonly)[^=]*)? = new (?:Map|Set|WeakMap|WeakSet|Array)\b/
          .test(line) ||
        /^(?:export )?const \w+(?:: (?!readonly)[^=]*)? = \[\];/.test(line);
      if (isMutable) wrong.push(`${path}: ${line}`);
    }
  }
  assertEquals(wrong.filter((found) => !EXCEPTIONS.includes(found)), []);
});

Deno.test("the names of rpc. methods and $/ messages stand in message/control.ts alone", () => {
  const wrong: string[] = [];
  for (const [path, source] of files) {
    if (path === "message/control.ts") continue;
    for (const [found] of codeOf(source).matchAll(/["'`](?:rpc\.|\$\/)[\w./]*/g)) {
      wrong.push(`${path}: ${found}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("each file of lib/ says in its first lines what it is", () => {
  const wrong = [...files].filter(([, source]) => !/^\/\*\*\n[\s\S]*?@module/.test(source));
  assertEquals(wrong.map(([path]) => path), []);
});
