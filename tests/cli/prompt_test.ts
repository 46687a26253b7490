// client.ts ADDRESS: the prompt, on a terminal of its own, and without one.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import { method, notification, RpcError, serve, type Server, stream } from "../../lib/mod.ts";
import { within } from "../support/deadline.ts";
import { testWith } from "../support/tools.ts";
import { callsOf, CLIENT, makeFolder, Program, runClient, say, serveRaw } from "./_programs.ts";
import { screenOf } from "./_screen.ts";

const HERE = { listen: "tcp://127.0.0.1:0" };

const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b, {
    summary: "a + b",
    result: z.number(),
  }),
  upper: method(z.string(), (text) => text.toUpperCase()),
  paint: method(
    z.object({ colour: z.enum(["red", "green"]), "hard to type": z.boolean() }),
    ({ colour }) => colour,
  ),
  count: stream(z.int(), function* (to) {
    for (let n = 1; n <= to; n++) yield n;
  }),
  box: method(() => ({ text: "\x1b[2J", n: [1, true] })),
};

/** Types at client.ts on a terminal: each of the keys once the text before it has appeared. */
async function onTerminal(
  server: Server,
  steps: readonly (readonly [text: string, keys: string])[],
  { flags = ["-N"], env = {} }: { flags?: string[]; env?: Record<string, string> } = {},
): Promise<{ code: number; output: string; screen: string[] }> {
  const { code, stdout, stderr } = await within(
    new Deno.Command("python3", {
      args: [
        `${import.meta.dirname}/_terminal.py`,
        JSON.stringify(steps),
        ...[Deno.execPath(), "run", "-q", "--no-prompt", ...flags, CLIENT, server.addresses[0]!],
      ],
      env: { NO_COLOR: "1", ...env },
    }).output(),
    "the prompt to end",
  );
  const output = new TextDecoder().decode(stdout);
  assertEquals(new TextDecoder().decode(stderr), "");
  return { code, output, screen: screenOf(output) };
}

testWith(["python3"], "the prompt shows results, items, errors, and leaves at Ctrl-D", async () => {
  await using server = serve(api, HERE);
  const { code, screen } = await onTerminal(server, [
    [">>: ", "add a=1 b=2\r"],
    [">>: ", 'upper "hi"\r'],
    [">>: ", "count 2\r"],
    [">>: ", "box\r"],
    [">>: ", "add a=1 b=x\r"],
    [">>: ", "\r"],
    [">>: ", "\x04"],
  ]);
  assertEquals(screen, [
    `Connected to ${server.addresses[0]}: landline 0.0.0, 5 methods; try .help`,
    ">>: add a=1 b=2",
    "3",
    '>>: upper "hi"',
    '"HI"',
    ">>: count 2",
    "1",
    "2",
    ">>: box",
    "{",
    String.raw`  "text": "\u001b[2J",`,
    '  "n": [',
    "    1,",
    "    true",
    "  ]",
    "}",
    ">>: add a=1 b=x",
    "error -32602 INVALID_PARAMS: Invalid params",
    "  b: Invalid input: expected number, received string",
    ">>:",
    ">>:",
    "",
  ]);
  assertEquals(code, 0);
});

testWith(["python3"], "the prompt completes commands, methods, and params with Tab", async () => {
  await using server = serve(api, HERE);
  const { screen } = await onTerminal(server, [
    [">>: ", ".des"],
    [".des", "\t"],
    ["cribe", "ad"],
    ["ad", "\t"],
    ["d ", "\r"],
    [">>: ", "pa"],
    ["pa", "\t"],
    ["int ", "{"],
    ["{", '"co'],
    ['"co', "\t"],
    ['lour": ', "\t"],
    [': "', "r"],
    ["r", "\t"],
    ['ed"', ', "hard to type": true}\r'],
    [">>: ", "paint "],
    ["paint ", "\t"],
    ["colour=", "g"],
    ["g", "\t"],
    ["reen ", "\x15\x04"],
  ]);
  const text = screen.join("\n");
  assertStringIncludes(text, ">>: .describe add\nadd(a: number, b: number): number\n\n  a + b\n");
  assertStringIncludes(text, '>>: paint {"colour": "red", "hard to type": true}\n"red"\n>>:');
});

testWith(
  ["python3"],
  "the prompt lists what Tab may mean, and nothing in it acts on the terminal",
  async () => {
    const evil = { ...api, "add\x1b[2J": method(() => 1), "ad d": method(() => 1) };
    await using server = serve({ ...evil, adder: method(() => 1) }, HERE);
    const { screen, output } = await onTerminal(server, [
      [">>: ", "ad"],
      ["ad", "\t"],
      ["dd", "\t"],
      ["adder", "\x15.list\r"],
      ["box", ""],
      [">>: ", "\x04"],
    ]);
    assertMatch(screen.join("\n"), /\nadd\s+adder\n/);
    assertStringIncludes(screen.join("\n"), String.raw`add\u001b[2J`);
    assert(!output.includes("\x1b[2J"));
  },
);

testWith(
  ["python3"],
  "the prompt takes JSON on several lines, and remembers it as one",
  async () => {
    await using server = serve(api, HERE);
    const { screen } = await onTerminal(server, [
      [">>: ", 'add {"a": 1,\r'],
      ["... ", '"b": 2\r'],
      ["... ", "}\r"],
      [">>: ", "\x1b[A"],
      ['add {"a": 1, "b": 2 }', "\r"],
      [">>: ", "add {\r"],
      ["... ", "\x03"],
      [">>: ", "\x04"],
    ]);
    assertEquals(screen.slice(1), [
      '>>: add {"a": 1,',
      '... "b": 2',
      "... }",
      "3",
      '>>: add {"a": 1, "b": 2 }',
      "3",
      ">>: add {",
      "...",
      ">>:",
      "",
    ]);
  },
);

testWith(
  ["python3"],
  "the prompt cancels a call at Ctrl-C, and quits with 130 at the next",
  async () => {
    const cancelled = Promise.withResolvers<unknown>();
    // It may be cancelled before it is sent: a key is fast.
    const wait = method(async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    });
    const ticks = stream(async function* (_, { signal }) {
      yield "tick";
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      cancelled.resolve(signal.reason);
    });
    await using server = serve({ wait, ticks }, HERE);
    const { code, screen } = await onTerminal(server, [
      [">>: ", "ticks\r"],
      ['"tick"', "\x03"],
      ["CANCELLED", ""],
      [">>: ", "wait\r"],
      ["wait", ""],
      ["\r\n", "\x03"],
      ["CANCELLED", ""],
      [">>: ", "\x03"],
    ]);
    const reason = await within(cancelled.promise, "the call to be cancelled");
    assert(reason instanceof RpcError && reason.reason === "CANCELLED");
    assertEquals(screen.slice(1), [
      ">>: ticks",
      '"tick"',
      "error -32800 CANCELLED: Cancelled",
      ">>: wait",
      "error -32800 CANCELLED: Cancelled",
      ">>:",
    ]);
    assertEquals(code, 130);
  },
);

testWith(
  ["python3"],
  "the prompt throws a line away at Ctrl-C, and warns before it quits",
  async () => {
    await using server = serve(api, HERE);
    const { code, screen } = await onTerminal(server, [
      [">>: ", "nonsense"],
      ["nonsense", "\x03"],
      [">>: ", ""],
      [">>: ", "\x03"],
      ["again", ""],
      [">>: ", "\x03"],
    ]);
    assertEquals(screen.slice(-3), [">>:", "(Ctrl-C again or Ctrl-D leaves)", ">>:"]);
    assertEquals(code, 130);
  },
);

testWith(
  ["python3"],
  "the prompt keeps its history between runs, without tokens, for its owner alone",
  async () => {
    await using server = serve(api, HERE);
    await using folder = await makeFolder();
    const options = {
      flags: ["-N", `-R=${folder.path}`, `-W=${folder.path}`, "-E=HOME,XDG_STATE_HOME"],
      env: { XDG_STATE_HOME: folder.path },
    };
    await onTerminal(server, [
      [">>: ", 'rpc.authenticate {"scheme":"bearer","token":"s3cret"}\r'],
      [">>: ", "add a=1 b=2\r"],
      [">>: ", "\x04"],
    ], options);
    const file = `${folder.path}/landline/history`;
    assertEquals(await Deno.readTextFile(file), "add a=1 b=2\n");
    if (Deno.build.os !== "windows") {
      assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
    }
    const again = await onTerminal(server, [
      [">>: ", "\x1b[A"],
      ["add a=1 b=2", "\r"],
      [">>: ", "\x04"],
    ], options);
    assertEquals(again.screen.slice(1, 3), [">>: add a=1 b=2", "3"]);
    assertEquals(await Deno.readTextFile(file), "add a=1 b=2\nadd a=1 b=2\n");
  },
);

testWith(["python3"], "the prompt tells how long calls take, notifies, and helps", async () => {
  const told = Promise.withResolvers<string>();
  const log = notification(z.object({ text: z.string() }), ({ text }) => told.resolve(text));
  await using server = serve({ ...api, log }, HERE);
  const { screen } = await onTerminal(server, [
    [">>: ", ".time\r"],
    [">>: ", "add a=1 b=2\r"],
    [" ms", ""],
    [">>: ", ".notify log text=hello\r"],
    [">>: ", ".help\r"],
    [">>: ", ".nonsense\r"],
    [">>: ", ".describe none\r"],
    [">>: ", "\x04"],
  ]);
  const text = screen.join("\n");
  assertMatch(text, /\n>>: add a=1 b=2\n3\n\d+\.\d ms\n>>:/);
  assertEquals(await within(told.promise, "the notification"), "hello");
  assertStringIncludes(text, "Tab completes methods and params.");
  assertStringIncludes(text, 'error: There is no ".nonsense", .help lists what is\n');
  assertStringIncludes(text, 'error: The server names no method "none"\n');
});

testWith(["python3"], "the prompt has colours on a terminal that wants them", async () => {
  await using server = serve(api, HERE);
  const { output } = await onTerminal(server, [[">>: ", "box\r"], [">>: ", "\x04"]], {
    env: { NO_COLOR: "" },
  });
  assertStringIncludes(
    output,
    '\x1b[34m"text"\x1b[39m: \x1b[32m"\\u001b[2J"\x1b[39m',
  );
  assertStringIncludes(output, "\x1b[33m1\x1b[39m");
});

Deno.test("without a terminal the prompt reads lines, prompts for nothing, and exits with 1 after an error", async () => {
  await using server = serve(api, HERE);
  const stdin = 'add a=1 b=2\n.describe upper\n\nadd {"a": 1,\n\n  "b": 2}\ncount 2';
  assertEquals(await runClient([server.addresses[0]!], { stdin }), {
    code: 0,
    stdout: "3\nupper(value: string): unknown\n\nParams, by position:\n  value  string\n\n" +
      "Result:\n  unknown\n3\n1\n2\n",
    stderr: "",
  });
  const failed = await runClient([server.addresses[0]!], { stdin: "nope\nadd [1,2]\nadd {" });
  assertEquals([failed.code, failed.stdout], [1, "3\n"]);
  assertMatch(
    failed.stderr,
    /^error -32601 .*\nerror: Cannot read the params: not valid JSON.*\n$/,
  );
});

Deno.test("the prompt calls a server that does not describe itself, and says so when it is asked", async () => {
  await using server = serveRaw(async (socket) => {
    for await (const line of callsOf(socket)) {
      await say(socket, `{"jsonrpc":"2.0","id":${JSON.parse(line).id},"result":"plain"}\n`);
    }
  });
  const { code, stdout, stderr } = await runClient([server.address], { stdin: "any\n.list\n" });
  assertEquals([code, stdout], [1, '"plain"\n']);
  assertEquals(
    stderr,
    "error -32601 METHOD_NOT_FOUND: The server does not describe itself: it has no method " +
      "rpc.discover\n",
  );
});

Deno.test("the prompt connects again where the server has hung up", async () => {
  let calls = 0;
  await using server = serveRaw(async (socket) => {
    for await (const line of callsOf(socket)) {
      await say(socket, `{"jsonrpc":"2.0","id":${JSON.parse(line).id},"result":${++calls}}\n`);
      return; // hangs up
    }
  });
  // A call that is on its way when the server hangs up is lost: nobody can know whether it ran.
  const { stdout } = await runClient([server.address], { stdin: "any\n".repeat(6) });
  assertStringIncludes(stdout, "1\n2\n");
});

Deno.test("the prompt hangs up and exits with 143 at SIGTERM", async () => {
  await using server = serve(api, HERE);
  await using client = new Program(CLIENT, [server.addresses[0]!], { flags: ["-N"] });
  await client.write("add [1,2]\n");
  assertEquals(await client.line(), "3");
  client.kill("SIGTERM");
  assertEquals(await client.outcome(), { code: 143, stdout: "", stderr: "" });
});

for (const word of ["exit", "quit", "\\q", ".exit", ".quit"]) {
  testWith(["python3"], `the prompt leaves at ${word}`, async () => {
    await using server = serve(api, HERE);
    const { code, screen } = await onTerminal(server, [[">>: ", `${word}\r`]]);
    assertEquals([code, screen.slice(1)], [0, [`>>: ${word}`, ""]]);
  });
}

testWith(["python3"], "the prompt understands what psql's users type", async () => {
  await using server = serve(api, HERE);
  const { screen } = await onTerminal(server, [
    [">>: ", "\\d\r"],
    [">>: ", "\\d add\r"],
    [">>: ", "help add\r"],
    [">>: ", "\\?\r"],
    [">>: ", "?\r"],
    [">>: ", "help\r"],
    [">>: ", "\\timing\r"],
    [">>: ", "\\x\r"],
    [">>: ", ".hepl\r"],
    [">>: ", "\\q\r"],
  ]);
  const text = screen.join("\n");
  assertMatch(text, /\n>>: \\d\nadd +a \+ b\n/);
  assertEquals(text.split("add(a: number, b: number): number").length, 3);
  assertEquals(text.split("Tab completes methods and params.").length, 4);
  assertStringIncludes(text, "\nTiming is on\n");
  assertStringIncludes(text, 'error: There is no "\\\\x", ');
  assertStringIncludes(
    text,
    'error: There is no ".hepl", did you mean .help? .help lists what is\n',
  );
});

testWith(
  ["python3"],
  "a method of the server's comes before a command that is called so",
  async () => {
    await using server = serve(
      { help: method(() => "mine"), exit: method(() => "still here") },
      HERE,
    );
    const { screen } = await onTerminal(server, [
      [">>: ", "help\r"],
      [">>: ", "exit\r"],
      [">>: ", ".exit\r"],
    ]);
    assertEquals(screen.slice(1, 5), [">>: help", '"mine"', ">>: exit", '"still here"']);
  },
);

testWith(
  ["python3"],
  "the prompt sends a text as it was typed, and tells which method was meant",
  async () => {
    await using server = serve(api, HERE);
    const { screen } = await onTerminal(server, [
      [">>: ", "upper hello  there\r"],
      [">>: ", "upper 7\r"],
      [">>: ", "upper a=b\r"],
      [">>: ", "uper\r"],
      [">>: ", ".describe ad\r"],
      [">>: ", "add 5 x\r"],
      [">>: ", "\x04"],
    ]);
    assertEquals(screen.slice(1, 7), [
      ">>: upper hello  there",
      '"HELLO  THERE"',
      ">>: upper 7",
      '"7"',
      ">>: upper a=b",
      '"A=B"',
    ]);
    const text = screen.join("\n");
    assertStringIncludes(text, '\n  did you mean "upper"?\n');
    assertStringIncludes(text, '"ad", did you mean "add"?\n');
    assertStringIncludes(
      text.replaceAll("\n", ""),
      "the method is add(a: number, b: number): number",
    );
  },
);

testWith(["python3"], "Tab completes when it comes together with other keys", async () => {
  await using server = serve(api, HERE);
  const { screen, output } = await onTerminal(server, [
    [">>: ", 'upp\t"hi"\r'],
    [">>: ", "pai\tcol\tr\thard\x15"],
    [">>: ", "ad\ta=1 b=2\r"],
    [">>: ", ".ex\t\r"],
  ]);
  assertEquals(screen.slice(1), [
    '>>: upper "hi"',
    '"HI"',
    ">>: add a=1 b=2",
    "3",
    ">>: .exit",
    "",
  ]);
  assertStringIncludes(output, "paint colour=");
  assert(!output.includes("\t"));
});

testWith(["python3"], "the prompt takes pasted lines, one after another", async () => {
  await using server = serve(api, HERE);
  const { screen } = await onTerminal(server, [
    [">>: ", "upper one\rupper two\r\\q\r"],
  ]);
  assertEquals(screen.filter((line) => /^"/.test(line)), ['"ONE"', '"TWO"']);
});

Deno.test("without a terminal the prompt ends at \\q, and reads no more", async () => {
  await using server = serve(api, HERE);
  assertEquals(await runClient([server.addresses[0]!], { stdin: "upper a\n\\q\nupper b\n" }), {
    code: 0,
    stdout: '"A"\n',
    stderr: "",
  });
});
