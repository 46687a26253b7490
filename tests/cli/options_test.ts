// The options of client.ts that every command takes.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TextLineStream, toText } from "@std/streams";
import * as z from "npm:zod@4";
import { bearerTokens, method, RpcError, serve } from "../../lib/mod.ts";
import { FRAMING_NAMES } from "../support/raw.ts";
import { callsOf, CLIENT, makeFolder, runClient, say, serveRaw } from "./_programs.ts";

const HERE = { listen: "tcp://127.0.0.1:0" };

const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  evil: method(() => "\x1b[2J"),
};

Deno.test("client.ts --token-file says who calls, and shows the token to nobody", async () => {
  await using server = serve(api, { ...HERE, authenticate: bearerTokens({ 'a"b\\c': "alice" }) });
  await using folder = await makeFolder({ token: 'a"b\\c\n', wrong: "guess", empty: "\n" });
  const call = (file: string, ...options: string[]) =>
    runClient([...options, "--token-file", file, server.addresses[0]!, "add", "a=1", "b=2"], {
      cwd: folder.path,
      flags: ["-N", "-R=."],
    });
  assertEquals(await call("token"), { code: 0, stdout: "3\n", stderr: "" });
  const refused = await call("wrong");
  assertEquals([refused.code, refused.stdout], [1, ""]);
  assertMatch(refused.stderr, /^error -32016 UNAUTHENTICATED: .*\n$/);
  assertEquals(
    (await runClient([server.addresses[0]!, "add", "a=1", "b=2"])).stderr,
    "error -32016 UNAUTHENTICATED: Call rpc.authenticate before anything else\n" +
      "  --token-file FILE says who calls\n",
  );
  const { stdout, stderr } = await call("token", "-v");
  assertEquals(stdout, "3\n");
  assertStringIncludes(stderr, '"params":{"scheme":"bearer","token":"…"}');
  for (
    const [file, message] of [
      ["empty", "error: Cannot read --token-file: empty is empty\n"],
      ["none", /^error: Cannot read --token-file: .*os error 2/],
      ["/etc/hostname", /^error: Cannot read --token-file: Requires read access/],
      ["", "error: Cannot read --token-file: it needs the path of a file\n"],
    ] as const
  ) {
    const { code, stderr } = await call(file);
    assertEquals(code, 2);
    if (typeof message === "string") assertEquals(stderr, message);
    else assertMatch(stderr, message);
  }
});

for (const framing of FRAMING_NAMES) {
  Deno.test(`client.ts -v shows every frame on standard error, in ${framing}`, async () => {
    await using server = serve(api, HERE);
    const args = ["-v", "--framing", framing, server.addresses[0]!];
    const { stdout, stderr } = await runClient([...args, "add", "[1,2]"]);
    assertEquals(stdout, "3\n");
    const lines = stderr.trimEnd().split("\n");
    assertEquals(lines.map((line) => line.slice(0, 3)), [">> ", "<< ", ">> ", "<< "]);
    assertEquals(lines.slice(2).map((line) => JSON.parse(line.slice(3))), [
      { jsonrpc: "2.0", id: 2, method: "add", params: [1, 2] },
      { jsonrpc: "2.0", id: 2, result: 3 },
    ]);
    // JSON escapes what a server sends, but not each that acts on a terminal.
    assertStringIncludes((await runClient([...args, "evil"])).stderr, String.raw`"\u001b[2J"`);
  });
}

Deno.test("client.ts --json prints errors as JSON, whatever they are", async () => {
  await using server = serve(api, HERE);
  const [address] = server.addresses as [string];
  for (
    const [args, code, error] of [
      [[address, "add", "a=1", "b=x"], 1, { code: -32602, message: "Invalid params" }],
      [["tcp://127.0.0.1:1", "add"], 3, { code: -32014 }],
      [["nowhere", "add"], 2, { code: -32003 }],
      [["--timeout=0", address, "add"], 4, { code: -32004 }],
    ] as const
  ) {
    const { code: exitCode, stdout, stderr } = await runClient(["--json", ...args]);
    assertEquals([exitCode, stdout], [code, ""]);
    const told = JSON.parse(stderr).error;
    for (const [key, value] of Object.entries(error)) assertEquals(told[key], value);
  }
});

Deno.test("client.ts --retry waits for a server that is not there yet", async () => {
  await using folder = await makeFolder();
  const address = `unix://${folder.path}/socket`; // a path is nobody else's, unlike a port
  await using client = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-N", "-R", "-W", CLIENT, "--retry", address, "add", "[1,2]"],
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines = client.stderr.pipeThrough(new TextDecoderStream()).pipeThrough(
    new TextLineStream(),
  );
  for await (const line of lines) {
    assertMatch(line, /^error: Cannot connect to unix:.*; trying again$/);
    break;
  }
  await using _server = serve(api, { listen: address });
  assertEquals(await toText(client.stdout), "3\n");
  assertEquals((await client.status).code, 0);
});

Deno.test("client.ts --retry makes a call on another connection where it was not sent", async () => {
  let connections = 0;
  await using server = serveRaw(async (socket) => {
    if (++connections === 1) return; // hangs up before it is asked for anything
    for await (const line of callsOf(socket)) {
      await say(socket, `{"jsonrpc":"2.0","id":${JSON.parse(line).id},"result":true}\n`);
    }
  });
  const { code, stdout } = await runClient(["--retry", server.address, "m"]);
  assertEquals([code, stdout, connections], [0, "true\n", 2]);
});

Deno.test("client.ts --retry calls again what the server was too busy for, and nothing else", async () => {
  let calls = 0, retryAfterMs = 1;
  await using server = serve({
    busy: method(() => {
      if (++calls < 3) throw new RpcError("UNAVAILABLE", "Busy", { retryAfterMs });
      return calls;
    }),
    broken: method(() => {
      calls++;
      throw new RpcError("ABORTED", "Broken");
    }),
  }, HERE);
  const [address] = server.addresses as [string];
  assertEquals((await runClient(["--retry", address, "busy"])).stdout, "3\n");
  calls = 0;
  assertEquals((await runClient([address, "busy"])).code, 1);
  assertEquals(calls, 1, "without --retry");
  calls = 0;
  assertEquals((await runClient(["--retry", address, "broken"])).code, 1);
  assertEquals(calls, 1, "another error");
  [calls, retryAfterMs] = [0, 100_000]; // later than the time that is left
  const { code, stderr } = await runClient(["--retry", "--timeout=60000", address, "busy"]);
  assertEquals(code, 1);
  assertMatch(stderr, /^error -32014 UNAVAILABLE: Busy\n/);
});

Deno.test("client.ts --retry makes a call again that is refused for now, the calls of - too", async () => {
  const refused = new Set<string>();
  let isEndless = false;
  await using server = serve({
    limited: method(z.string(), (text) => {
      if (refused.has(text) && !isEndless) return text.toUpperCase();
      refused.add(text);
      throw new RpcError("RESOURCE_EXHAUSTED", "Too fast", { limit: "rate", retryAfterMs: 5 });
    }),
  }, HERE);
  const [address] = server.addresses as [string];
  assertEquals((await runClient(["--retry", address, "limited", '"a"'])).stdout, '"A"\n');
  const stdin = 'limited "b"\nlimited "c"\nlimited "b"\n';
  const calls = await runClient(["--retry", address, "-"], { stdin });
  assertEquals([calls.code, calls.stdout], [0, '"B"\n"C"\n"B"\n']);
  refused.clear();
  assertMatch((await runClient([address, "-"], { stdin })).stdout, /^{"error":{"code":-32008/);
  isEndless = true; // no longer than the time that is left
  const late = await runClient(["--retry", "--timeout=600", address, "-"], { stdin });
  assertEquals(late.code, 1);
  assertMatch(late.stdout, /^{"error":{"code":-320/);
});

Deno.test("client.ts --timeout gives a call as long as it says, also the first of a connection", async () => {
  await using server = serve({ left: method((_, { timeLeft }) => timeLeft()) }, HERE);
  const { stdout } = await runClient(["--timeout=60000", server.addresses[0]!, "left"]);
  assertMatch(stdout, /^[45][0-9]{4}(\.[0-9]+)?\n$/);
});

Deno.test("client.ts --retry does not repeat a call that may have run, or one that it may not make", async () => {
  let calls = 0;
  await using server = serveRaw(async (socket) => {
    for await (const _ of callsOf(socket)) {
      calls++;
      return; // hangs up
    }
  });
  const { code, stderr } = await runClient(["--retry", server.address, "m"]);
  assertEquals([code, calls], [1, 1]);
  assertMatch(stderr, /the call may have run\n$/);
  const denied = await runClient(["--retry", "unix:///tmp/none.sock", "m"]);
  assertEquals(denied.code, 3);
  assertStringIncludes(denied.stderr, "it needs the permission");
});
