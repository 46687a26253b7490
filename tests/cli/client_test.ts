// client.ts, as a process: one call, what it prints and how it exits.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import { method, RpcError, serve, type Server } from "../../lib/mod.ts";
import { connect as connectOfClient } from "../../client.ts";
import { VERSION } from "../../cli/version.ts";
import { testWith } from "../support/tools.ts";
import {
  callsOf,
  CLIENT,
  linesOf,
  makeFolder,
  Program,
  runClient,
  say,
  serveRaw,
} from "./_programs.ts";

const CUSTOM_DATA = { name: "TOO_LATE", details: { since: 7 }, retryAfterMs: 5 };

/** An API in which everything happens that a client has to tell of. */
const api = {
  echo: method(z.unknown(), (params) => params),
  upper: method(z.string(), (text) => text.toUpperCase()),
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  tags: method(z.object({ user: z.object({ tags: z.array(z.string()) }) }), () => null),
  whoami: method((_, { peer }) => peer),
  nothing: method(() => undefined),
  bytes: method(z.instanceof(Uint8Array), (bytes) => ({ bytes })),
  evil: method(() => "\x1b[31m\u009b2J\u202e"),
  fail: {
    named: method(() => {
      throw new RpcError("NOT_FOUND", "No such user");
    }),
    custom: method(() => {
      throw new RpcError(17, "Gate closed\x1b[2J\nat noon", CUSTOM_DATA);
    }),
    plain: method(() => {
      throw new RpcError(-5, "Odd", ["a", 1]);
    }),
    late: method(() => {
      throw new RpcError("DEADLINE_EXCEEDED", "The database took too long");
    }),
  },
};

/** Serves the API for the time of a test. */
function serveApi(): Server {
  return serve(api, { listen: "tcp://127.0.0.1:0" });
}

/** Calls a method of the API. */
async function call(...args: string[]) {
  await using server = serveApi();
  return await runClient([server.addresses[0]!, ...args]);
}

Deno.test("client.ts prints the result as JSON on one line, and exits with 0", async () => {
  assertEquals(await call("echo", '{"a": [1, 2],  "b": {}}'), {
    code: 0,
    stdout: '{"a":[1,2],"b":{}}\n',
    stderr: "",
  });
  assertEquals((await call("nothing")).stdout, "null\n");
  assertEquals((await call("upper", '"hello"')).stdout, '"HELLO"\n');
});

Deno.test("client.ts takes and prints bytes as they travel", async () => {
  const { stdout } = await call("bytes", '{"$base64":"AQL/"}');
  assertEquals(stdout, '{"bytes":{"$base64":"AQL/"}}\n');
});

Deno.test("client.ts takes params as JSON, as pairs, or not at all", async () => {
  await using server = serveApi();
  for (
    const [params, seen] of [
      [[], null],
      [["[1,[2]]"], [1, [2]]],
      [["-15.5"], [-15.5]],
      [["a=1", "b=two", "c:=[3]"], { a: 1, b: "two", c: [3] }],
      [["--", "--a=1"], { "--a": 1 }],
    ] as const
  ) {
    const { stdout } = await runClient([server.addresses[0]!, "echo", ...params]);
    assertEquals(JSON.parse(stdout), seen);
  }
});

Deno.test("client.ts sends numbers digit for digit", async () => {
  const received = Promise.withResolvers<string>();
  await using server = serveRaw(async (socket) => {
    for await (const line of callsOf(socket)) {
      received.resolve(line);
      await say(socket, `{"jsonrpc":"2.0","id":${JSON.parse(line).id},"result":true}\n`);
    }
  });
  await runClient([server.address, "m", "n=12345678901234567890", "x:=[1.0]"]);
  assertStringIncludes(await received.promise, '"params":{"n":12345678901234567890,"x":[1.0]}');
});

for (
  const [args, stderr] of [
    [["no.such"], "error -32601 METHOD_NOT_FOUND: Method not found\n"],
    [
      ["upper", "[5]"],
      "error -32602 INVALID_PARAMS: Invalid params\n" +
      "  Invalid input: expected string, received number\n",
    ],
    [["uper", '"a"'], 'error -32601 METHOD_NOT_FOUND: Method not found\n  did you mean "upper"?\n'],
    [
      ["add", "a=1", "b=x"],
      "error -32602 INVALID_PARAMS: Invalid params\n" +
      "  b: Invalid input: expected number, received string\n",
    ],
    [
      ["tags", '{"user":{"tags":["a",7]}}'],
      "error -32602 INVALID_PARAMS: Invalid params\n" +
      "  user.tags[1]: Invalid input: expected string, received number\n",
    ],
    [["fail.named"], "error -32005 NOT_FOUND: No such user\n"],
    [["fail.late"], "error -32004 DEADLINE_EXCEEDED: The database took too long\n"],
    [
      ["fail.custom"],
      String.raw`error 17 TOO_LATE: Gate closed\u001b[2J\u000aat noon` +
      '\n  details: {"since":7}\n  retryAfterMs: 5\n',
    ],
    [["fail.plain"], 'error -5: Odd\n  data: ["a",1]\n'],
  ] as const
) {
  Deno.test(`client.ts tells of the error that ${args.join(" ")} is answered with, and exits with 1`, async () => {
    assertEquals(await call(...args), { code: 1, stdout: "", stderr });
  });
}

for (
  const [args, message] of [
    [[], "Cannot call: ADDRESS is missing, --help shows how"],
    [["tcp://127.0.0.1:1", "m", "--loud"], 'there is no "--loud", --help lists them'],
    [["tcp://127.0.0.1:1", "m", "-x"], 'there is no "-x", --help lists them'],
    [["tcp://127.0.0.1:1", "m", "--timeout"], "Cannot read --timeout: it needs milliseconds"],
    [["tcp://127.0.0.1:1", "m", "--timeout=2s"], 'it needs milliseconds, "2s"'],
    [["tcp://127.0.0.1:1", "m", "--timeout", "-1"], 'it needs milliseconds, "-1"'],
    [["tcp://127.0.0.1:1", "m", "--framing=xml"], 'json, headers or length, it is "xml"'],
    [["tcp://127.0.0.1:1", "m", "[1"], 'not valid JSON, "[1"'],
    [["tcp://127.0.0.1:1", "m", "1", "2"], "write them as one array: '[1,2]'"],
    [["tcp://127.0.0.1:1", "m", "a=1", "a=2"], '"a" is given twice'],
    [["tcp://127.0.0.1:1", "m", "a:=x"], 'the value of "a" is not JSON, "x"'],
    [["tcp://127.0.0.1:1", "-", "a=1"], 'come from standard input, there is "a=1"'],
    [["127.0.0.1:1", "m"], 'Cannot use the address "127.0.0.1:1": '],
    [["localhost:1", "m"], "it has no scheme; tcp://localhost:1 has one"],
    [["raw://127.0.0.1", "m"], 'Cannot use the address "raw://127.0.0.1": '],
    [["tcp://127.0.0.1", "m"], "it has no port"],
  ] as const
) {
  Deno.test(`client.ts ${JSON.stringify(args)} says why on one line and exits with 2`, async () => {
    const { code, stdout, stderr } = await runClient(args);
    assertStringIncludes(stderr, message);
    assertMatch(stderr, /^error: [^\p{Cc}]+\n$/u);
    assertEquals([code, stdout], [2, ""]);
  });
}

Deno.test("client.ts exits with 3 where nothing listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `tcp://127.0.0.1:${listener.addr.port}`;
  listener.close();
  const { code, stdout, stderr } = await runClient([address, "m"]);
  assertMatch(stderr, new RegExp(`^error: Cannot connect to ${address}: Connection refused.*\n$`));
  assertEquals([code, stdout], [3, ""]);
});

Deno.test("client.ts exits with 3 where there is no such socket file", async () => {
  await using folder = await makeFolder();
  const address = `unix://${folder.path}/none.sock`;
  const { code, stdout, stderr } = await runClient([address, "m"], { flags: ["-N", "-R", "-W"] });
  assertMatch(stderr, new RegExp(`^error: Cannot connect to ${address}: No such file.*\n$`));
  assertEquals([code, stdout], [3, ""]);
});

for (
  const [address, given, missing] of [
    ["tcp://127.0.0.1:1", [], "--allow-net"],
    ["unix:///tmp/none.sock", ["-N"], "--allow-read"],
    ["unix:///tmp/none.sock", ["-N", "-R"], "--allow-write"],
  ] as const
) {
  Deno.test(`client.ts ${address} with ${given.length} permissions asks for ${missing}, and exits with 3`, async () => {
    const { code, stdout, stderr } = await runClient([address, "m"], { flags: given });
    assertMatch(stderr, /^error: Cannot connect to [^\n]+\n$/);
    assertStringIncludes(stderr, missing);
    assertEquals([code, stdout], [3, ""]);
  });
}

Deno.test("client.ts calls over a Unix socket", async () => {
  await using folder = await makeFolder();
  const address = `unix://${folder.path}/api.sock`;
  await using server = serve(api, { listen: address });
  await server.ready;
  const { stdout } = await runClient([address, "upper", '"a"'], { flags: ["-N", "-R", "-W"] });
  assertEquals(stdout, '"A"\n');
});

Deno.test("client.ts --timeout exits with 4 and cancels the call", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  const hang = method((_, { signal }) => {
    signal.addEventListener("abort", () => cancelled.resolve(signal.reason));
    return cancelled.promise;
  });
  await using server = serve({ hang }, { listen: "tcp://127.0.0.1:0" });
  assertEquals(await runClient(["--timeout", "1500", server.addresses[0]!, "hang"]), {
    code: 4,
    stdout: "",
    stderr: "error -32004 DEADLINE_EXCEEDED: no answer within 1500 ms\n",
  });
  await cancelled.promise;
});

Deno.test("client.ts --timeout 0 exits with 4 and calls nothing", async () => {
  const { code, stderr } = await call("upper", '"a"', "--timeout", "0");
  assertMatch(stderr, /^error -32004 DEADLINE_EXCEEDED: no \w+ within 0 ms\n$/);
  assertEquals(code, 4);
});

for (const framing of ["json", "headers", "length"]) {
  Deno.test(`client.ts --framing ${framing} speaks it`, async () => {
    const { stdout } = await call("--framing", framing, "whoami");
    assertEquals(JSON.parse(stdout).framing, framing);
  });
}

Deno.test("client.ts --notify sends a notification and waits for nothing", async () => {
  const received: string[] = [];
  const ended = Promise.withResolvers<void>();
  await using server = serveRaw(async (socket) => {
    for await (const line of linesOf(socket)) received.push(line);
    ended.resolve();
  });
  const outcome = await runClient(["--notify", server.address, "note", "a=1"]);
  assertEquals(outcome, { code: 0, stdout: "", stderr: "" });
  await ended.promise;
  assertEquals(received, ['{"jsonrpc":"2.0","method":"note","params":{"a":1}}']);
});

Deno.test("client.ts exits with 1 where the server hangs up before it answers", async () => {
  await using server = serveRaw(async (socket) => {
    await callsOf(socket).next();
  });
  const tls = server.address.replace("tcp:", "tls:");
  assertEquals(await runClient([server.address, "m"]), {
    code: 1,
    stdout: "",
    stderr:
      "error: The connection ended: the peer closed the connection without a word, as a TLS " +
      `server does; if it is one, use ${tls}; the call may have run\n`,
  });
});

Deno.test("client.ts exits with 1 where the server refuses without an id", async () => {
  await using server = serveRaw(async (socket) => {
    await socket.read(new Uint8Array(1000));
    await say(
      socket,
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32014,"message":"Full","data":{"name":"UNAVAILABLE"}}}\n',
    );
    await socket.read(new Uint8Array(1000)); // it does not wait for us to hang up
  });
  assertEquals(await runClient([server.address, "m"]), {
    code: 1,
    stdout: "",
    stderr: "error -32014 UNAVAILABLE: Full\n",
  });
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`client.ts hangs up and exits with ${code} at ${signal}`, async () => {
    const begun = Promise.withResolvers<void>(), cancelled = Promise.withResolvers<void>();
    const hang = method((_, { signal }) => {
      signal.addEventListener("abort", () => cancelled.resolve());
      begun.resolve();
      return cancelled.promise;
    });
    await using server = serve({ hang }, { listen: "tcp://127.0.0.1:0" });
    await using client = new Program(CLIENT, [server.addresses[0]!, "hang"], { flags: ["-N"] });
    await begun.promise;
    client.kill(signal);
    assertEquals(await client.outcome(), { code, stdout: "", stderr: "" });
    await cancelled.promise;
  });
}

Deno.test("client.ts says nothing where nobody reads its result", async () => {
  const answer = Promise.withResolvers<string>();
  const slow = method(() => answer.promise);
  await using server = serve({ slow }, { listen: "tcp://127.0.0.1:0" });
  await using client = new Program(CLIENT, [server.addresses[0]!, "slow"], { flags: ["-N"] });
  await client.stopReading();
  answer.resolve("x".repeat(1 << 20)); // more than a pipe holds
  const { code, stderr } = await client.outcome();
  assertEquals([code, stderr], [141, ""]);
});

Deno.test("client.ts --help and --version print to standard output and exit with 0", async () => {
  const help = await runClient(["--help"]);
  assertEquals([help.code, help.stderr], [0, ""]);
  for (const part of ["Usage:", "--timeout MS", "Exit codes:", "Examples:"]) {
    assertStringIncludes(help.stdout, part);
  }
  assert(help.stdout.split("\n").every((line) => line.length <= 80));
  assertEquals(await runClient(["-h"]), help);
  const version = await runClient(["--version"]);
  assertEquals(version, { code: 0, stdout: `landline ${VERSION}\n`, stderr: "" });
});

testWith(
  ["python3"],
  "client.ts indents the result on a terminal, and nothing in it acts on that",
  async () => {
    await using server = serveApi();
    const run = async (...args: string[]) => {
      const { stdout } = await new Deno.Command("python3", {
        args: [
          `${import.meta.dirname}/_terminal.py`,
          "[]",
          ...[Deno.execPath(), "run", "-q", "-N", CLIENT, server.addresses[0]!, ...args],
        ],
        env: { NO_COLOR: "1" },
      }).output();
      return new TextDecoder().decode(stdout).replaceAll("\r\n", "\n");
    };
    assertEquals(await run("echo", "a=1", "b:=[]"), '{\n  "a": 1,\n  "b": []\n}\n');
    assertEquals(await run("evil"), String.raw`"\u001b[31m\u009b2J\u202e"` + "\n");
  },
);

Deno.test("connect() of client.ts is the library's", async () => {
  await using server = serveApi();
  await using line = await connectOfClient<typeof api>(server.addresses[0]!);
  assertEquals(await line.call.add({ a: 1, b: 2 }), 3);
});
