// The rules that hold lib/ and cli/ together: a folder imports only from folders below it, lib/ downloads
// nothing, and nothing is shared behind one's back.

import { assert, assertEquals } from "@std/assert";
import { loadedBy, sourcesIn, withoutTypes } from "./_sources.ts";

const ROOT = new URL("../../", import.meta.url);

/**
 * lib/ from the bottom up, in the order of the bytes. A folder or file imports only what stands in a line
 * above its own: what shares a line does not know of each other.
 */
const LIB_LAYERS = [
  "runtime.ts",
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
  "http/",
  "connection/",
  "builtin/ telemetry/",
  "server/ client/",
  "testing/",
  "client.ts contract.ts testing.ts wire.ts",
  "browser.ts",
  "mod.ts",
];

/** The same for cli/: programs stand above what they share. */
const CLI_LAYERS = [
  "version.ts",
  "text/",
  "command/",
  "raw/ describe/",
  "call/",
  "prompt/ check/ bench/ record/ top/",
  "client/ serve/",
  "landline.ts",
];

/** What cli/ uses of lib/ that no door has: it is for these files alone. */
const CLI_PAST_THE_DOORS: Readonly<Record<string, readonly string[]>> = {
  // Values as they are printed, with bytes as markers.
  "call/pipeline.ts": ["message/base64.ts"],
  // A page is read with the certificates that calls are made with.
  "call/health.ts": ["transport/http/dial.ts", "transport/system.ts"],
  "call/watch.ts": ["message/base64.ts"],
  // What the server may call is an API, and serves nothing.
  "command/call_meta.ts": ["api/method.ts"],
  "command/result_text.ts": ["message/base64.ts"],
  "describe/discover.ts": ["message/base64.ts"],
  // How deep a text is nested, before functions that call themselves walk through its value.
  "text/exact_json.ts": [
    "message/depth.ts",
    "message/exact_numbers.ts",
    "message/exact_numbers.ts",
  ],
  // The delays of the library's own retries.
  "command/retry.ts": ["client/retry.ts"],
  // A server of bytes has the accept loop, the timers and the limits of one of messages.
  "raw/connection.ts": ["overload/time_slice.ts", "timers.ts"],
  "raw/server.ts": [
    "limits.ts",
    "overload/time_slice.ts",
    "server/accept.ts",
    "timers.ts",
    "transport/exposure.ts",
    "transport/fd.ts",
  ],
  // Who can reach an address decides whether it has a console; what was handed over is listened at.
  "serve/args.ts": ["transport/exposure.ts", "transport/fd.ts"],
  // A module that is named on a command line is found as serveWorkers() finds it.
  "command/api_module.ts": ["server/api_module.ts"],
  "serve/raw_module.ts": ["server/api_module.ts"],
  // What the methods of a module would say of themselves, were they served.
  "describe/api_types.ts": [
    "api/api.ts",
    "api/travels.ts",
    "builtin/openrpc.ts",
    "schema/questions.ts",
    "schema/standard_schema.ts",
  ],
  // What the server tells its operators.
  "top/top.ts": ["builtin/stats.ts"],
  "top/view.ts": ["builtin/stats.ts"],
  // A line says which limit refused. Callers share the lines of the log as they share the connections.
  "serve/call_log.ts": ["telemetry/limit_of.ts"],
  "serve/log.ts": ["telemetry/limit_of.ts", "transport/exposure.ts"],
  "text/printable.ts": ["transport/address.ts"],
  // Of Deno's unstable API the types are written once.
  "serve/notify.ts": ["transport/unstable.ts"],
  // What a module prints while it is loaded must not stand in the protocol. Callers of the admin socket are told
  // from others by its path.
  "serve/main.ts": ["transport/address.ts", "transport/process/redirect_console.ts"],
};

/** What breaks a rule for a reason. */
const EXCEPTIONS: readonly string[] = [
  "transport/process/deno_program.ts: Deno.stderr", // where a program's own goes
  // The name of a memory: address is known to the whole process, as a port is to the whole machine.
  "transport/memory/mod.ts: const LISTENERS = new Map<string, MemoryListener>();",
  // Errors that nobody listens for.
  "incoming/print_error.ts: console",
  // stdio: is these two, and takes them only when it is asked for.
  "transport/process/deno_stdio.ts: Deno.stdin",
  "transport/process/deno_stdio.ts: Deno.stdout",
  // What is printed must not stand between the messages of stdio:.
  "transport/process/redirect_console.ts: console",
];

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

/** A folder of the project whose own folders have an order. */
class Tree {
  readonly name: string;
  readonly #layers: readonly string[];
  /** All files by their paths in it. */
  readonly files: ReadonlyMap<string, string>;

  constructor(name: string, layers: readonly string[]) {
    const folder = new URL(name, ROOT);
    this.name = name;
    this.#layers = layers;
    this.files = new Map(
      Array.from(sourcesIn(folder), (path) => [path, Deno.readTextFileSync(new URL(path, folder))]),
    );
  }

  /** The files of the project that a file imports, by their paths from its root. */
  importsOf(path: string): string[] {
    return importsOf(this.files.get(path)!).filter((specifier) => specifier.startsWith("."))
      .map((specifier) => new URL(specifier, new URL(this.name + path, ROOT)).href)
      .map((target) => target.slice(ROOT.href.length));
  }

  /** Those of them that are in this folder, by their paths in it. */
  neighboursOf(path: string): string[] {
    return this.importsOf(path).filter((target) => target.startsWith(this.name)).map((target) => {
      const neighbour = target.slice(this.name.length);
      assert(this.files.has(neighbour), `${path} imports ${target}, which is not there`);
      return neighbour;
    });
  }

  /** A file, and all that is loaded with it. */
  importedBy(path: string): Set<string> {
    return loadedBy([path], (path) => importsOf(withoutTypes(codeOf(this.files.get(path)!))));
  }

  /** In which line of the list a folder stands, or a file that lies in none; -1 if in none. */
  layerOf(room: string): number {
    return this.#layers.findIndex((line) => line.split(" ").includes(room));
  }
}

/** The folder in which a file lies, or the file if it lies in none. */
function roomOf(path: string): string {
  return /^[^/]+\/?/.exec(path)![0];
}

const LIB = new Tree("lib/", LIB_LAYERS), CLI = new Tree("cli/", CLI_LAYERS);

/** The file of lib/ that has the console's sources. */
const CONSOLE_TEXTS = "http/console_texts.ts";
const { files } = LIB;

for (const [tree, layers] of [[LIB, LIB_LAYERS], [CLI, CLI_LAYERS]] as const) {
  const { name } = tree;

  Deno.test(`the list of layers names every folder and file of ${name}, and nothing else`, () => {
    const rooms = new Set([...tree.files.keys()].map(roomOf));
    assertEquals(new Set(layers.flatMap((line) => line.split(" "))), rooms);
  });

  Deno.test(`a folder of ${name} imports only folders below it`, () => {
    const wrong: string[] = [];
    for (const path of tree.files.keys()) {
      for (const target of tree.neighboursOf(path)) {
        const from = roomOf(path), to = roomOf(target);
        if (from !== to && tree.layerOf(to) >= tree.layerOf(from)) {
          wrong.push(`${path} imports ${target}`);
        }
      }
    }
    assertEquals(wrong, []);
  });

  Deno.test(`no files of ${name} import each other in a circle`, () => {
    const done = new Set<string>();
    const visit = (path: string, above: readonly string[]) => {
      assert(!above.includes(path), `a circle: ${[...above, path].join(" -> ")}`);
      if (done.has(path)) return;
      for (const target of tree.neighboursOf(path)) visit(target, [...above, path]);
      done.add(path);
    };
    for (const path of tree.files.keys()) visit(path, []);
  });
}

Deno.test("cli/ comes in by the public doors of lib/, but for what the list says", () => {
  const doors = ["lib/mod.ts", "lib/client.ts", "lib/testing.ts", "lib/wire.ts"];
  const past: Record<string, string[]> = {};
  for (const path of CLI.files.keys()) {
    for (const target of CLI.importsOf(path)) {
      if (!target.startsWith("lib/") || doors.includes(target)) continue;
      (past[path] ??= []).push(target.slice("lib/".length));
    }
    past[path]?.sort();
  }
  assertEquals(past, CLI_PAST_THE_DOORS);
});

Deno.test("README.md and CONTRIBUTING.md show the same list of layers", () => {
  for (const page of ["README.md", "CONTRIBUTING.md"]) {
    const text = Deno.readTextFileSync(new URL(page, ROOT));
    const [, tree] = /^ *```text\n *lib\/ .*\n([^]*?)^ *```$/m.exec(text) ?? [];
    assert(tree !== undefined, `${page} has no tree of lib/`);
    const shown = tree.trimEnd().split("\n").map((line) => line.trim().split(/ {2,}/)[0]);
    assertEquals(shown, LIB_LAYERS.toReversed(), page);
  }
});

Deno.test("lib/ imports nothing but itself and what is built in", () => {
  const wrong: string[] = [];
  for (const [path, source] of files) {
    for (const specifier of importsOf(source)) {
      if (!/^\.{1,2}\/|^node:/.test(specifier)) wrong.push(`${path} imports ${specifier}`);
    }
    for (const target of LIB.importsOf(path)) {
      // The one file that serves the console has it as texts: it runs in browsers and never here.
      if (target.startsWith("lib/") || path === CONSOLE_TEXTS) continue;
      wrong.push(`${path} imports ${target}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("the console is loaded by its first request, as texts", () => {
  const source = codeOf(files.get(CONSOLE_TEXTS)!);
  for (
    const [statement, specifier = ""] of source.matchAll(/import [^;]*? from "([^"]+)"[^;]*;/g)
  ) {
    const isTool = specifier === "./link_modules.ts";
    assert(isTool || statement.includes('with { type: "text" }'), statement);
  }
  const importersOf = (imported: string) =>
    [...files.keys()].filter((path) => LIB.neighboursOf(path).includes(imported));
  assertEquals(importersOf(CONSOLE_TEXTS), ["http/console_files.ts"]);
  assertEquals(importersOf("http/console_files.ts"), ["http/pages.ts"]);
  assert(codeOf(files.get("http/pages.ts")!).includes('await import("./console_files.ts")'));
});

Deno.test("what a client imports does not lead to what speaks HTTP as a server, and to its console", () => {
  const found = LIB.importedBy("client.ts");
  assert(found.has("connection/http_guest.ts"));
  assertEquals(
    ["http/session.ts", "http/router.ts", "http/pages.ts", CONSOLE_TEXTS].filter((path) =>
      found.has(path)
    ),
    [],
  );
});

Deno.test("a contract imports nothing that serves or connects, and a client without one nothing of it", () => {
  const rooms = new Set(Array.from(LIB.importedBy("contract.ts"), roomOf));
  assertEquals([...rooms].sort(), [
    "api/",
    "contract.ts",
    "error.ts",
    "message/",
    "runtime.ts",
    "schema/",
  ]);
  const client = LIB.importedBy("client.ts");
  assert(client.has("api/carried_check.ts"));
  assertEquals(["api/contract.ts", "api/contract_check.ts"].filter((path) => client.has(path)), []);
});

Deno.test("lib/ owns no process: no console, no arguments, no signals, no exit", () => {
  const wrong: string[] = [];
  for (const [path, source] of files) {
    for (
      const [found] of codeOf(source).matchAll(
        // Not the option http.console, and not the folder of the page.
        /(?<![/.])\bconsole(?=\.(?!ts)|\[| \} = globalThis)|\bDeno\.(args|exit|addSignalListener|stdin|stdout|stderr)\b/g,
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
    // OpenTelemetry's attributes begin with rpc. too.
    if (path === "message/control.ts" || path === "telemetry/opentelemetry.ts") continue;
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
