// client.ts ADDRESS METHOD: what people who know grpcurl, httpie and curl reach for.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import { event, EventRing, method, serve, stream } from "../../lib/mod.ts";
import { within } from "../support/deadline.ts";
import { testWith } from "../support/tools.ts";
import { CLIENT, linesOf, makeFolder, runClient, say, serveRaw } from "./_programs.ts";
import { screenOf } from "./_screen.ts";

const HERE = { listen: "tcp://127.0.0.1:0" };

const NEWS = ["one", "two", "three"];

const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  echo: method(z.unknown(), (value) => value),
  release: method(z.object({ v: z.string() }), ({ v }) => v),
  pause: method(z.number(), (ms) => ms),
  lines: method(() => "one\ntwo \x1b[2J"),
  meta: method((_, { meta }) => meta),
  sum: method(z.object({ start: z.number() }), async ({ start }, { items }) => {
    let sum = start;
    for await (const item of items) sum += item;
    return sum;
  }, { items: z.number() }),
  work: method(z.object({ steps: z.int() }), ({ steps }, { progress }) => {
    for (let step = 1; step <= steps; step++) progress({ step });
    return "done";
  }),
  news: stream(function* (_, { after }) {
    for (let at = Number(after ?? 0); at < NEWS.length; at++) yield event(String(at + 1), NEWS[at]);
  }),
  ring: stream((_, { after, signal }) => new EventRing({ size: 1 }).events(after, signal)),
  tell: method((_, { peer }) => peer.notify.log!({ text: "hi" })),
  ask: method(async (_, { peer }) => await peer.call.confirm!({ text: "sure?" })),
};

/** Calls a method of the API. */
async function call(args: readonly string[], stdin = "", flags = ["-N"]) {
  await using server = serve(api, HERE);
  return await runClient([server.addresses[0]!, ...args], { stdin, flags });
}

for (
  const [args, result] of [
    [["upper", "hello"], '"HELLO"'],
    [["upper", "7"], '"7"'],
    [["upper", "a=b"], '"A=B"'],
    [["upper", "two words"], '"TWO WORDS"'],
    [["release", "v=1.10"], '"1.10"'],
    [["echo", "v=1.10"], '{"v":1.1}'],
  ] as const
) {
  Deno.test(`client.ts ${args.join(" ")} sends a text where the method takes one`, async () => {
    assertEquals(await call(args), { code: 0, stdout: result + "\n", stderr: "" });
  });
}

Deno.test("client.ts blames the word that is too much, and tells what the method takes", async () => {
  assertEquals(await call(["pause", "5", "x"]), {
    code: 2,
    stdout: "",
    stderr: 'error: Cannot read the params: pause takes one param, there is also "x"; ' +
      "the method is pause(value: number): unknown\n",
  });
});

Deno.test("client.ts reads params from a file, and from standard input", async () => {
  await using folder = await makeFolder({ "a.json": '{"v":"1.0"}\n', "b.txt": "7\n" });
  const flags = ["-N", `-R=${folder.path}`];
  const at = (name: string) => `@${folder.path}/${name}`;
  const out = async (args: string[], stdin?: string) => (await call(args, stdin, flags)).stdout;
  assertEquals(await out(["release", at("a.json")]), '"1.0"\n');
  assertEquals(await out(["upper", at("b.txt")]), '"7"\n');
  assertEquals(await out(["echo", `v=${at("b.txt")}`, `w:=${at("b.txt")}`]), '{"v":"7","w":7}\n');
  assertEquals(await out(["echo", "@-"], '[1,\n{"a":2}]\n'), '[1,{"a":2}]\n');
  assertEquals(await out(["upper", "@-"], "text\n"), '"TEXT"\n');
  assertEquals(await out(["echo", 'v="@x"']), '{"v":"@x"}\n');
  const { code, stderr } = await call(["echo", `v=${at("none")}`], "", flags);
  assertEquals(code, 2);
  assertMatch(stderr, /^error: Cannot read @\S+none: No such file[^\n]+\n$/);
});

Deno.test("client.ts streams items up from standard input", async () => {
  assertEquals(await call(["sum", "start=1"], "2\n\n3\n4"), {
    code: 0,
    stdout: "10\n",
    stderr: "",
  });
  const bad = await call(["sum", "start=1"], "2\nthree\n");
  assertEquals([bad.code, bad.stdout], [1, ""]);
  assertStringIncludes(bad.stderr, "line 2 of standard input, it is not JSON");
});

Deno.test("client.ts shows progress on standard error", async () => {
  assertEquals(await call(["work", "steps=2"]), {
    code: 0,
    stdout: '"done"\n',
    stderr: 'progress: {"step":1}\nprogress: {"step":2}\n',
  });
  const { stderr } = await call(["work", "steps=1", "--json"]);
  assertEquals(stderr, '{"progress":{"step":1}}\n');
});

Deno.test("client.ts --meta sends metadata, and says so where the server takes none", async () => {
  const { stdout } = await call(["meta", "--meta", "tenant=7", "--meta", "user=ann"]);
  const { tenant, user } = JSON.parse(stdout);
  assertEquals([tenant, user], [7, "ann"]);
  assertEquals(
    (await call(["meta", "--meta", "tenant"])).stderr,
    [
      'error: Cannot read --meta: it needs NAME=VALUE, it is "tenant"',
      "",
    ].join("\n"),
  );
  await using server = serveRaw(async (socket) => {
    for await (const line of linesOf(socket)) {
      const { id, method } = JSON.parse(line);
      const outcome = method === "m"
        ? { result: line.includes("_meta") }
        : { error: { code: -32601, message: "Method not found" } };
      await say(socket, JSON.stringify({ jsonrpc: "2.0", id, ...outcome }) + "\n");
    }
  });
  assertEquals(await runClient([server.address, "m", "--meta", "a=1"]), {
    code: 0,
    stdout: "false\n",
    stderr: "note: the server takes no metadata, --meta is not sent\n",
  });
});

Deno.test("client.ts -r prints a text without quotes", async () => {
  assertEquals((await call(["-r", "lines"])).stdout, "one\ntwo \x1b[2J\n");
  assertEquals((await call(["--raw-output", "echo", "a=1"])).stdout, '{"a":1}\n');
});

Deno.test("client.ts --after goes on with a stream, and each stream of events tells where", async () => {
  const told = (id: number) => `the last event is ${id}: --after ${id} goes on there\n`;
  assertEquals(await call(["news"]), {
    code: 0,
    stdout: '"one"\n"two"\n"three"\n',
    stderr: told(3),
  });
  assertEquals((await call(["news", "--after", "1"])).stdout, '"two"\n"three"\n');
  assertEquals(
    (await call(["ring", "--after", "1"])).stderr,
    "error -32015 DATA_LOSS: The events after this id are not known here\n",
  );
});

Deno.test("client.ts --answer answers what the server calls back", async () => {
  const { code, stdout, stderr } = await call(["ask", "--answer", "confirm=true"]);
  assertEquals([code, stdout], [0, "true\n"]);
  assertEquals(stderr, 'the server calls confirm {"text":"sure?"}\n');
  assertEquals((await call(["ask", "--answer", "confirm=yes"])).code, 2);
  const told = await call(["tell", "--answer", "log=null"]);
  assertEquals(told.stderr, 'the server calls log {"text":"hi"}\n');
});

Deno.test("client.ts tells of an answer that is nobody's, and takes one whose id became a text", async () => {
  await using server = serveRaw(async (socket) => {
    for await (const line of linesOf(socket)) {
      const { id, method } = JSON.parse(line);
      const said = method.startsWith("rpc.")
        ? [{ id, error: { code: -32601, message: "Method not found" } }]
        : [{ id: 99, result: "lost" }, { id: String(id), result: "pong" }];
      for (const one of said) await say(socket, JSON.stringify({ jsonrpc: "2.0", ...one }) + "\n");
    }
  });
  const { code, stdout, stderr } = await runClient([server.address, "ping"]);
  assertEquals([code, stdout], [0, '"pong"\n']);
  assertMatch(
    stderr,
    /^note: The peer answered a call with the id "?99"?, and none waits for it\n$/,
  );
});

Deno.test("client.ts --version-1 speaks JSON-RPC 1.0 and asks nothing else", async () => {
  const seen: string[] = [];
  await using server = serveRaw(async (socket) => {
    for await (const line of linesOf(socket)) {
      seen.push(line);
      await say(socket, `{"id":${JSON.parse(line).id},"result":["a"],"error":null}\n`);
    }
  });
  const { stdout } = await runClient(["--version-1", server.address, "list_dbs"]);
  assertEquals(stdout, '["a"]\n');
  assertEquals(seen, ['{"id":1,"method":"list_dbs","params":[]}']);
});

Deno.test("client.ts fails with the reason where params are nested too deep", async () => {
  const { code, stderr } = await call(["echo", "[".repeat(70) + "]".repeat(70)]);
  assertEquals(code, 1);
  assertMatch(stderr, /^error -32\d+ \w+: .*nesting/s);
});

Deno.test("client.ts asks nothing of a server that hangs up after each answer but the call", async () => {
  const connections: string[][] = [];
  await using server = serveRaw(async (socket) => {
    const seen: string[] = [];
    connections.push(seen);
    for await (const line of linesOf(socket)) {
      const { id, method } = JSON.parse(line);
      seen.push(method);
      const outcome = method.startsWith("rpc.")
        ? { error: { code: -32601, message: "Method not found" } }
        : { result: "pong" };
      await say(socket, JSON.stringify({ jsonrpc: "2.0", id, ...outcome }) + "\n");
      return;
    }
  });
  assertEquals(await runClient([server.address, "ping"]), {
    code: 0,
    stdout: '"pong"\n',
    stderr: "",
  });
  assertEquals(connections.at(-1), ["ping"]);
  connections.length = 0;
  assertEquals((await runClient(["--plain", server.address, "ping"])).stdout, '"pong"\n');
  assertEquals(connections, [["ping"]]);
});

/** Calls a method of the API on a terminal: each of the keys is typed once the text before it has appeared. */
async function onTerminal(args: readonly string[], steps: readonly (readonly [string, string])[]) {
  await using server = serve(api, HERE);
  const { code, stdout } = await within(
    new Deno.Command("python3", {
      args: [
        `${import.meta.dirname}/_terminal.py`,
        JSON.stringify(steps),
        ...[Deno.execPath(), "run", "-q", "-N", CLIENT, server.addresses[0]!, ...args],
      ],
      env: { NO_COLOR: "1" },
    }).output(),
    "the call to end",
  );
  const output = new TextDecoder().decode(stdout);
  return { code, output, screen: screenOf(output) };
}

testWith(
  ["python3"],
  "client.ts on a terminal takes items that are typed, and Ctrl-D ends them",
  async () => {
    const { code, screen } = await onTerminal(["sum", "start=1"], [
      ["Items", "2\r"],
      ["2", "3\r"],
      ["3", "\x04"],
    ]);
    assertEquals(code, 0);
    assertEquals(screen[0], "Items: a JSON text on each line; Ctrl-D ends them");
    assertEquals(screen.findLast((line) => line !== ""), "6");
  },
);

testWith(
  ["python3"],
  "client.ts on a terminal shows progress on a line that the result replaces",
  async () => {
    const { output, screen } = await onTerminal(["work", "steps=3"], []);
    assertStringIncludes(output, 'progress: {"step":3}');
    assertEquals(screen, ['"done"', ""]);
  },
);

testWith(
  ["python3"],
  "client.ts -r on a terminal keeps lines, and nothing else acts on it",
  async () => {
    const { screen } = await onTerminal(["-r", "lines"], []);
    assertEquals(screen, ["one", String.raw`two \u001b[2J`, ""]);
  },
);

testWith(["python3"], "client.ts --answer on a terminal shows what the server calls", async () => {
  const { screen } = await onTerminal(["ask", "--answer", "confirm=true"], []);
  assertEquals(screen, ['the server calls confirm {"text":"sure?"}', "true", ""]);
});
