// client.ts watch: a method is called again, and what changed is shown.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as fc from "npm:fast-check@4";
import * as z from "npm:zod@4";
import { differences, isSame, pathText } from "../../cli/text/json_diff.ts";
import { method, RpcError, serve, type Server } from "../../lib/mod.ts";
import { testWith } from "../support/tools.ts";
import { CLIENT, linesOf, Program, runClient, say, serveRaw } from "./_programs.ts";

/** A server whose method `state` gives these one after another, then the last for ever. */
function serveStates(...states: unknown[]): Server {
  let calls = 0;
  return serve({
    state: method(() => {
      const state = states[Math.min(calls++, states.length - 1)];
      if (state instanceof Error) throw state;
      return state;
    }),
  }, { listen: "tcp://127.0.0.1:0" });
}

const watch = (server: Server, times: number, ...options: string[]) =>
  runClient([
    ...["watch", "--every=1ms", `--times=${times}`, ...options],
    ...[server.addresses[0]!, "state"],
  ]);

Deno.test("client.ts watch prints the first result, and then what changed", async () => {
  await using server = serveStates(
    { users: [{ name: "a" }], n: 1, old: true },
    { users: [{ name: "a" }], n: 1, old: true },
    { users: [{ name: "b" }, { name: "\u001b[31m" }], n: 2 },
  );
  const { code, stdout, stderr } = await watch(server, 5);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    stdout.replaceAll(/^\d\d:\d\d:\d\d$/gm, "TIME"),
    [
      "TIME",
      "{",
      '  "users": [',
      "    {",
      '      "name": "a"',
      "    }",
      "  ],",
      '  "n": 1,',
      '  "old": true',
      "}",
      "TIME",
      '  ~ users[0].name: "a" → "b"',
      '  + users[1]: {"name":"\\u001b[31m"}',
      "  ~ n: 1 → 2",
      "  - old: true",
      "",
    ].join("\n"),
  );
});

Deno.test("client.ts watch tells an error once, and watches on", async () => {
  const lost = new RpcError("UNAVAILABLE", "not now");
  await using server = serveStates(1, lost, lost, 2);
  const { code, stdout } = await watch(server, 6);
  assertEquals(code, 0);
  assertEquals(
    stdout.replaceAll(/^\d\d:\d\d:\d\d$/gm, "TIME"),
    "TIME\n1\nTIME\nerror -32014 UNAVAILABLE: not now\nTIME\n2\n",
  );
});

Deno.test("client.ts watch --json prints changes with their paths", async () => {
  const lost = new RpcError("UNAVAILABLE", "not now");
  await using server = serveStates({ a: [1, 2] }, { a: [1, 2, 3] }, lost, 4);
  const { code, stdout } = await watch(server, 5, "--json");
  assertEquals(code, 0);
  const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  for (const { time } of lines) assertEquals(new Date(time).toISOString(), time);
  assertEquals(lines.map(({ time: _, ...rest }) => rest), [
    { result: { a: [1, 2] } },
    { changes: [{ path: ["a", 2], after: 3 }] },
    { error: { code: -32014, message: "not now", data: { name: "UNAVAILABLE" } } },
    { result: 4 },
  ]);
});

Deno.test("client.ts watch exits with 1 where the connection is lost", async () => {
  await using server = serveRaw(async (socket) => {
    let calls = 0;
    for await (const line of linesOf(socket)) {
      if (++calls === 3) return;
      const { id } = JSON.parse(line);
      await say(socket, `{"jsonrpc":"2.0","id":${id},"result":${calls}}\n`);
    }
  });
  const { code, stdout, stderr } = await runClient(["watch", "--every=1ms", server.address, "m"]);
  assertEquals(code, 1);
  assertStringIncludes(stdout, "  ~ the result: 1 → 2\n");
  assertMatch(stderr, /^error: The connection ended: [^\n]+\n$/);
});

Deno.test("client.ts watch ends at SIGINT with 130", async () => {
  await using server = serveStates("x");
  const args = ["watch", "--every=10m", server.addresses[0]!, "state"];
  await using client = new Program(CLIENT, args, { flags: ["-N"] });
  await client.lineWith(/^"x"$/);
  client.kill("SIGINT");
  assertEquals((await client.outcome()).code, 130);
});

for (
  const [args, message] of [
    [[], "Cannot watch: ADDRESS and METHOD are needed, watch --help shows how"],
    [
      ["--every=1", "tcp://127.0.0.1:1", "m"],
      'Cannot read --every: it needs a time such as 500ms, 1.5s or 2m, it is "1"',
    ],
    [
      ["--every=0s", "tcp://127.0.0.1:1", "m"],
      'Cannot read --every: it needs a time such as 500ms, 1.5s or 2m, it is "0s"',
    ],
    [
      ["--times=0", "tcp://127.0.0.1:1", "m"],
      'Cannot read --times: it needs a whole number from 1 to 1000000000000, it is "0"',
    ],
  ] as const
) {
  Deno.test(`client.ts watch ${args.join(" ")} exits with 2`, async () => {
    const { code, stdout, stderr } = await runClient(["watch", ...args]);
    assertEquals([code, stdout], [2, ""]);
    assertEquals(stderr, `error: ${message}\n`);
  });
}

const TERMINAL = `${import.meta.dirname}/_terminal.py`;

/** What stands on a terminal after a watch of two states. */
async function screenOf(env: Record<string, string>): Promise<string> {
  await using server = serveStates({ n: 1 }, { m: 1 });
  const { code, stdout } = await new Deno.Command("python3", {
    args: [
      ...[TERMINAL, "[]", Deno.execPath(), "run", "-q", "-N", CLIENT, "watch"],
      ...["--every=1ms", "--times=2", server.addresses[0]!, "state"],
    ],
    env,
  }).output();
  assertEquals(code, 0);
  return new TextDecoder().decode(stdout);
}

testWith(
  ["python3"],
  "client.ts watch has colours on a terminal, and counts its calls",
  async () => {
    const screen = await screenOf({ NO_COLOR: "" });
    assertStringIncludes(screen, "\x1b[31m  - n: 1\x1b[0m\r\n");
    assertStringIncludes(screen, "\x1b[32m  + m: 1\x1b[0m\r\n");
    // deno-lint-ignore no-control-regex
    assertMatch(screen, /\r\x1b\[K\d\d:\d\d:\d\d {2}1 calls\r\x1b\[K/);
  },
);

testWith(["python3"], "client.ts watch has no colours with NO_COLOR", async () => {
  assertStringIncludes(await screenOf({ NO_COLOR: "1" }), "\n  - n: 1\r\n  + m: 1\r\n");
});

/** Puts differences into a value, the last place of an array first. */
function patched(value: unknown, changes: ReturnType<typeof differences>): unknown {
  let root = structuredClone(value);
  const removed = changes.filter((change) => !("after" in change)).toReversed();
  for (const change of [...changes.filter((change) => "after" in change), ...removed]) {
    const { path } = change;
    if (path.length === 0) {
      root = change.after;
      continue;
    }
    // deno-lint-ignore no-explicit-any
    let parent = root as any;
    for (const part of path.slice(0, -1)) parent = parent[part];
    const last = path.at(-1)!;
    if (Array.isArray(parent) && !("before" in change)) {
      parent.splice(last as number, 0, change.after);
    } else if (Array.isArray(parent) && !("after" in change)) parent.splice(last as number, 1);
    else if ("after" in change) parent[last] = change.after;
    else delete parent[last];
  }
  return root;
}

Deno.test("differences() are what makes one value of the other, and none where they are the same", () => {
  const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)));
  fc.assert(fc.property(json, json, (a, b) => {
    assertEquals(patched({ v: a }, differences({ v: a }, { v: b })), { v: b });
    assertEquals(differences(a, structuredClone(a)), []);
    assertEquals(isSame(a, b), differences(a, b).length === 0);
  }));
});

Deno.test("differences() tells what was put into the middle of an array as one addition", () => {
  assertEquals(differences([1, 2, 3, 4], [1, 2, 9, 3, 4]), [{ path: [2], after: 9 }]);
  assertEquals(differences([1, 2, 3, 4], [1, 4]), [
    { path: [1], before: 2 },
    { path: [2], before: 3 },
  ]);
});

Deno.test("pathText() writes paths as JavaScript does", () => {
  assertEquals(pathText(["a", 0, "b-c", "d e", "ü"]), 'a[0].b-c["d e"].ü');
  assertEquals(pathText([]), "");
});

Deno.test("client.ts watch sends a text where the method takes one", async () => {
  const upper = method(z.string(), (text) => text.toUpperCase());
  await using server = serve({ upper }, { listen: "tcp://127.0.0.1:0" });
  const args = ["watch", "--times=1", "--json", server.addresses[0]!, "upper", "a=b"];
  assertStringIncludes((await runClient(args)).stdout, '"result":"A=B"}');
});
