// The rules that hold lib/ together: a file imports only from files above it, nothing is downloaded, and
// nothing is shared behind one's back.

import { assert, assertEquals } from "@std/assert";

const LIB = new URL("../../lib/", import.meta.url);

/** The way of one request: each file, or folder, imports only from those before it. */
const ORDER = [
  "error.ts",
  "limits.ts",
  "framing/",
  "message/base64.ts",
  "message/parse.ts",
  "schema/json_schema.ts",
  "schema/vendors.ts",
  "schema/standard_schema.ts",
  "api/procedure.ts",
  "api/stub.ts",
  "api/context.ts",
  "api/middleware.ts",
  "api/method.ts",
  "api/with_context.ts",
  "stream/event.ts",
  "stream/event_ring.ts",
  "stream/receiver.ts",
  "overload/token_bucket.ts",
  "overload/rate_limit.ts",
  "overload/connection_count.ts",
  "client/middleware.ts",
  "timers.ts",
  "overload/load_shedding.ts",
  "overload/time_slice.ts",
  "overload/fair_queue.ts",
  "link/keepalive.ts",
  "link/framed_writer.ts",
  "link/read_buffer.ts",
  "api/auth.ts",
  "incoming/params.ts",
  "incoming/dispatch.ts",
  "incoming/request.ts",
  "incoming/batch.ts",
  "incoming/requests.ts",
  "link/framed_reader.ts",
  "outgoing/call.ts",
  "outgoing/call_table.ts",
  "outgoing/calls.ts",
  "connection/control.ts",
  "outgoing/name_proxy.ts",
  "connection/connection.ts",
  "client/retry.ts",
  "client/endpoint.ts",
  "client/channel.ts",
  "transport/",
  "server/accept.ts",
  "builtin/health.ts",
  "builtin/openrpc.ts",
  "builtin/mod.ts",
  "server/serve.ts",
  "server/workers/load_module.ts",
  "server/workers/messages.ts",
  "server/workers/worker.ts",
  "server/workers/thread.ts",
  "server/workers/mod.ts",
  "client/connect.ts",
  "testing/pair.ts",
  "testing/mock.ts",
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

/** Where a file stands in the order. */
function rank(path: string): number {
  return ORDER.findIndex((entry) => entry.endsWith("/") ? path.startsWith(entry) : path === entry);
}

Deno.test("every file of lib/ has its place in the order", () => {
  assertEquals([...files.keys()].filter((path) => rank(path) < 0), []);
});

Deno.test("a file of lib/ imports only from files above it", () => {
  const wrong: string[] = [];
  for (const [path, source] of files) {
    for (const specifier of importsOf(source)) {
      if (!specifier.startsWith(".")) continue;
      const target = new URL(specifier, new URL(path, LIB)).href.slice(LIB.href.length);
      assert(files.has(target), `${path} imports ${specifier}, which is not in lib/`);
      const sameFolder = ORDER[rank(path)]?.endsWith("/") && rank(target) === rank(path);
      if (rank(target) >= rank(path) && !sameFolder) wrong.push(`${path} imports ${target}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("no files of lib/ import each other in a circle", () => {
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]) => {
    assert(!above.includes(path), `a circle: ${[...above, path].join(" -> ")}`);
    if (done.has(path)) return;
    for (const specifier of importsOf(files.get(path)!)) {
      if (!specifier.startsWith(".")) continue;
      const target = new URL(specifier, new URL(path, LIB)).href.slice(LIB.href.length);
      visit(target, [...above, path]);
    }
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

Deno.test("each file of lib/ says in its first lines what it is", () => {
  const wrong = [...files].filter(([, source]) => !/^\/\*\*\n[\s\S]*?@module/.test(source));
  assertEquals(wrong.map(([path]) => path), []);
});
