// Servers that mean harm: what they say of themselves must not hang client.ts, end it with a stack, act
// on the terminal, or become options or code in a shell.

import { assert, assertEquals, assertLess, assertMatch, assertStringIncludes } from "@std/assert";
import { readDescription } from "../../cli/describe/discover.ts";
import { listText, methodText } from "../../cli/describe/describe_text.ts";
import { typesModule } from "../../cli/describe/types_module.ts";
import { complete } from "../../cli/prompt/completer.ts";
import { within } from "../support/deadline.ts";
import { testWith } from "../support/tools.ts";
import { CLIENT, linesOf, makeFolder, Program, runClient, say, serveRaw } from "./_programs.ts";

/** A document with one method, `m`, whose param and result have this schema. */
function about(schema: unknown, more: object = {}) {
  const params = [{ name: "p", schema }];
  return { methods: [{ name: "m", params, result: { name: "r", schema } }], ...more };
}

function times<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}

function nested(depth: number, wrap: (schema: unknown) => unknown): unknown {
  let schema: unknown = { type: "string" };
  for (let level = 0; level < depth; level++) schema = wrap(schema);
  return schema;
}

/** Each refers to the next a hundred times: written out they are 100 to the power of 20. */
function laughs() {
  const schemas = Object.fromEntries(times(20, (n) => {
    const all = times(100, () => ({ $ref: `#/components/schemas/ha${n + 1}` }));
    return [`ha${n}`, { properties: Object.fromEntries(all.map((one, at) => [`p${at}`, one])) }];
  }));
  return about({ $ref: "#/components/schemas/ha0" }, { components: { schemas } });
}

/** Names that act on a terminal, reverse the text, mean something to JavaScript, or are options. */
const NAMES = [
  "\x1b[2J\x1b]0;gone\x07",
  "\u009b31m",
  "\u202eevil",
  "a\nb",
  "__proto__",
  "constructor",
  "__proto__.constructor",
  "toString",
  "--token-file",
  "-v",
  "$(touch gone)",
  "`touch gone`",
  "'; touch gone; '",
];

const HOSTILE: Readonly<Record<string, unknown>> = {
  "references in a circle": about({ $ref: "#/x" }, { x: { $ref: "#/y" }, y: { $ref: "#/x" } }),
  "a type of itself": about({ $ref: "#/x" }, {
    x: { anyOf: [{ $ref: "#/x" }, { items: { $ref: "#/x" } }] },
  }),
  "a billion laughs": laughs(),
  "anyOf within anyOf": about(nested(15, (schema) => ({ anyOf: [schema, schema] }))),
  "deep schemas": about(nested(25, (schema) => ({ allOf: [schema] }))),
  "schemas that are too deep": about(nested(100, (schema) => ({ allOf: [schema] }))),
  "60 kB of <": about({ const: "<".repeat(60_000) }),
  "a summary of 60 kB of <": { methods: [{ name: "m", summary: "<".repeat(60_000) }] },
  "names of 5,000 dots": {
    methods: [{ name: "m" }, { name: ".".repeat(5000) }, { name: "a.".repeat(2500) + "a" }],
  },
  "names of 250 dots": { methods: [{ name: "m" }, { name: "a.".repeat(125) + "a" }] },
  "300,000 methods": { methods: times(300_000, (n) => ({ name: `m${n}` })) },
  "200,000 params": {
    methods: [{ name: "m", params: times(200_000, (n) => ({ name: `p${n}` })) }],
  },
  "methods that are all the same large one": {
    methods: times(9_000, () => ({ $ref: "#/large" })),
    large: { name: "m", params: times(20_000, (n) => ({ name: `p${n}` })) },
  },
  "30,000 types of one name": about({ allOf: times(30_000, (n) => ({ $ref: `#/s/-${n}` })) }, {
    s: Object.fromEntries(times(30_000, (n) => [`-${n}`, { type: "string" }])),
  }),
  "a long reference, often": about({ anyOf: times(20_000, () => ({ $ref: "#/a" })) }, {
    a: { $ref: "#" + "/b".repeat(1_000_000) },
  }),
  "an enum of 500,000": about({ enum: times(500_000, (n) => n) }),
  "200,000 properties": about({
    properties: Object.fromEntries(times(200_000, (n) => [`p${n}`, {}])),
  }),
  "texts of 1 MB": {
    info: { title: "t".repeat(1_000_000) },
    methods: [{ name: "m", summary: "*/".repeat(500_000), description: "\n".repeat(1_000_000) }],
  },
  "what is not what it should be": {
    info: 7,
    methods: [
      { name: 7 },
      { name: {} },
      { name: "m", params: { name: 3 }, result: [], errors: 5, "x-errors": "x", "x-stream": 8 },
      { name: "n", params: [{ name: 1 }, null, 2], summary: {}, description: [1], deprecated: "x" },
    ],
  },
  "bytes where a schema belongs": about({ properties: { $bytes: "AAAA".repeat(500_000) } }),
  "patterns that never end": about({ type: "string", pattern: "^(a+)+$", format: "(a|a)*" }),
  "names that mean harm": {
    methods: [
      { name: "m" },
      ...NAMES.map((name) => ({
        name,
        summary: name,
        params: [{ name, schema: { properties: { [name]: { enum: [name] } } } }],
        result: { schema: { $ref: "#/s/" + name } },
        "x-errors": [{ name, code: 1, schema: {} }],
      })),
    ],
    s: Object.fromEntries(NAMES.map((name) => [name, { description: name }])),
  },
};

/** A server that says this of itself, and answers everything else with it too. */
function serveDocument(document: unknown) {
  const text = JSON.stringify(document);
  return serveRaw(async (socket) => {
    try {
      for await (const line of linesOf(socket)) {
        const { id, method } = JSON.parse(line);
        if (id === undefined) continue;
        const result = method === "rpc.discover" ? text : "null";
        await say(socket, `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}\n`);
      }
    } catch {
      // the client has enough
    }
  });
}

/** What no terminal must be sent. */
// deno-lint-ignore no-control-regex
const UNSAFE = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/;

/** One line; the library's own error for what is nested too deeply has its details below. */
const WHY_NOT =
  /^error: Cannot (read|write) .+\n$|^\{"error":.+\n$|^error -32(?:700|008) .+\n(?: {2}.+\n)+$/;

for (const [what, document] of Object.entries(HOSTILE)) {
  Deno.test(`client.ts bears ${what}: a text, or one line that says why not`, async () => {
    await using server = serveDocument(document);
    for (
      const args of [["--list"], ["--list", "--json"], ["--describe", "m"], ["--types"], ["m"]]
    ) {
      const { code, stdout, stderr } = await within(
        runClient([server.address, ...args]),
        `client.ts ${args.join(" ")}`,
      );
      if (code !== 0) assertMatch(stderr, WHY_NOT);
      assertEquals(code, stderr === "" ? 0 : 1);
      assertEquals(UNSAFE.exec(stdout), null);
      assertLess(stdout.length, 1 << 24);
    }
    const stdin = ".list\n.describe m\nm\n";
    const { stdout, stderr } = await within(runClient([server.address], { stdin }), "the prompt");
    assertEquals(UNSAFE.exec(stdout), null);
    for (const line of stderr.split("\n").slice(0, -1)) {
      assertMatch(line, /^(error| {2}(details|limit))/);
    }
  });
}

Deno.test("a document of a hostile server is walked in bounded steps, whichever method is asked for", () => {
  for (const [what, document] of Object.entries(HOSTILE)) {
    let description;
    try {
      description = readDescription(document);
    } catch (error) {
      assert(error instanceof TypeError, what);
      continue;
    }
    listText(description);
    for (const method of description.methods.slice(0, 20)) {
      assertLess(methodText(method, description).length, 1 << 22, what);
      for (const typed of [" ", " p=", ' {"', ' {"p": ', ' {"p": {"', " ["]) {
        const [completions] = complete(method.name + typed, [], description);
        for (const text of completions) assertEquals(UNSAFE.exec(text), null, what);
        assertLess(completions.length, 1001, what);
      }
    }
  }
});

Deno.test("the types of names that mean harm are a module that can be checked", async () => {
  const description = readDescription(HOSTILE["names that mean harm"]);
  await using folder = await makeFolder({ "api.ts": typesModule(description, CLIENT) });
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "-q", `${folder.path}/api.ts`],
    env: { NO_COLOR: "1" },
    stderr: "piped",
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  assert(success);
});

Deno.test("more completions than can be read are only typed as far as all are the same", () => {
  const methods = times(2000, (n) => `users.get${n}`).map((name) => ({ name }));
  const description = readDescription({ methods });
  assertEquals(complete("us", [], description), [["users.get"], "us"]);
  assertEquals(complete("users.get19", [], description)[0].length, 111);
});

Deno.test("errors of a hostile server are short lines, whatever is in them", async () => {
  const data = {
    name: "n".repeat(100_000),
    issues: [{
      message: "m".repeat(100_000),
      path: [{ toString: 1 }, "p".repeat(100_000), "\x1b"],
    }],
    ...Object.fromEntries(times(1000, (n) => [`member${n}`, "x".repeat(100)])),
  };
  const error = { code: 1, message: "\x1b[2J\u009b" + "e".repeat(1_000_000), data };
  await using server = serveRaw(async (socket) => {
    for await (const line of linesOf(socket)) {
      await say(socket, JSON.stringify({ jsonrpc: "2.0", id: JSON.parse(line).id, error }) + "\n");
    }
  });
  const { code, stderr } = await runClient([server.address, "m"]);
  assertEquals(code, 1);
  assertEquals(UNSAFE.exec(stderr), null);
  const lines = stderr.trimEnd().split("\n");
  assertEquals(lines.length, 102);
  for (const line of lines) assertLess(line.length, 11_000);
  const { stderr: json } = await runClient([server.address, "m", "--json"]);
  assertEquals(UNSAFE.exec(json), null);
  assertEquals(JSON.parse(json).error, error);
});

Deno.test("Ctrl-C ends --list while the server says nothing, and while it says more and more", async () => {
  await using server = serveRaw(async (socket) => {
    for await (const _ of linesOf(socket)) {
      try {
        for (;;) await say(socket, " ".repeat(100_000));
      } catch {
        return;
      }
    }
  });
  await using program = new Program(CLIENT, [server.address, "--list", "-v"], { flags: ["-N"] });
  await program.errorWith(/rpc\.discover/);
  program.kill("SIGINT");
  assertEquals((await within(program.outcome(), "the program to end")).code, 130);
});

Deno.test("client.ts check ends although the server talks on and on", async () => {
  await using server = serveRaw(async (socket) => {
    const notes = JSON.stringify({ jsonrpc: "2.0", method: "note", params: ["x".repeat(1000)] }) +
      "\n";
    try {
      for (;;) await say(socket, notes.repeat(100));
    } catch {
      return; // it has hung up
    }
  });
  const args = ["check", server.address, "--timeout", "60"];
  const { code, stdout } = await within(runClient(args), "the check to end");
  assertEquals(code, 1);
  assertMatch(stdout, /\d+ failed, \d+ not applicable\n$/);
});

/** A recording of one call, in which the server has answered 1. */
const RECORDING = [
  { recording: 1, server: "", listen: "", started: "" },
  { connection: 1, at: 0, from: "client", framing: "json", text: '{"jsonrpc":"2.0","id":1}' },
  { connection: 1, at: 1, from: "server", framing: "json", text: '{"id":1,"result":1}' },
].map((entry) => JSON.stringify(entry) + "\n").join("");

Deno.test("client.ts replay ends although the server talks on and on", async () => {
  await using folder = await makeFolder({ "one.ndjson": RECORDING });
  await using server = serveRaw(async (socket) => {
    try {
      for (;;) await say(socket, '{"jsonrpc":"2.0","method":"note"}\n'.repeat(1000));
    } catch {
      return; // it has hung up
    }
  });
  const flags = ["-N", "-R"];
  const args = ["replay", `${folder.path}/one.ndjson`, server.address, "--timeout", "60"];
  const { code, stdout, stderr } = await within(runClient(args, { flags }), "the replay to end");
  assertEquals([code, stderr], [1, ""]);
  assertMatch(stdout, /0 of \d+ answers and messages are as they were recorded\n$/);
});

Deno.test("client.ts replay, check and watch bear answers that are nested without end", async () => {
  await using folder = await makeFolder({ "one.ndjson": RECORDING });
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  await using server = serveRaw(async (socket) => {
    try {
      for await (const line of linesOf(socket)) {
        const [id = "null"] = /(?<="id":)("[^"]*"|\d+)/.exec(line) ?? [];
        await say(socket, `{"jsonrpc":"2.0","id":${id},"result":${deep}}\n{"id":${deep}}\n`);
      }
    } catch {
      return; // it has hung up
    }
  });
  for (
    const args of [
      ["replay", `${folder.path}/one.ndjson`, server.address],
      ["check", server.address, "--timeout", "20"],
      ["watch", server.address, "m", "--times", "1"],
      ["bench", server.address, "m", "--seconds", "1"],
    ]
  ) {
    const ran = within(runClient(args, { flags: ["-N", "-R"] }), args[0]!);
    const { stdout, stderr } = await ran;
    assertEquals(/Uncaught|RangeError|^ {4}at /m.exec(stdout + stderr), null);
    assertEquals(UNSAFE.exec(stdout + stderr), null);
  }
});

for (
  const [shell, script] of Object.entries({
    bash: `source <("$CLIENT" --completions bash)
      COMP_WORDS=(landline "$ADDRESS" "") COMP_CWORD=2
      COMP_LINE="landline $ADDRESS " COMP_POINT=$((\${#COMP_LINE})); _landline
      printf '%s\\n' "\${COMPREPLY[@]}"`,
    zsh: `compdef() { :; }; compadd() { shift; print -l -- "$@"; }
      source <("$CLIENT" --completions zsh)
      words=(landline "$ADDRESS" "") CURRENT=3 PREFIX=; _landline`,
    fish: `landline --completions fish | source; complete -C "landline $ADDRESS "`,
  })
) {
  testWith(
    ["env", shell],
    `completions of ${shell} offer no name of a server that is an option, or code`,
    async () => {
      await using server = serveDocument(HOSTILE["names that mean harm"]);
      await using folder = await makeFolder({
        landline: `#!/bin/sh\nexec '${Deno.execPath()}' run -q -N '${CLIENT}' "$@"\n`,
      });
      const client = `${folder.path}/landline`;
      await Deno.chmod(client, 0o755);
      const { stdout } = await new Deno.Command(`/usr/bin/env`, {
        args: [shell, "-c", script],
        cwd: folder.path,
        env: {
          ADDRESS: server.address,
          CLIENT: client,
          PATH: `${folder.path}:${Deno.env.get("PATH")}`,
          HOME: folder.path,
          NO_COLOR: "1",
        },
      }).output();
      const offered = new TextDecoder().decode(stdout);
      assertStringIncludes(offered, "toString");
      assertEquals(/^-|touch|evil/m.exec(offered), null);
      const files = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
      assert(!files.includes("gone"), files.join());
    },
  );
}
