// The options of client.ts that every command takes.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "zod";
import { bearerTokens, method, serve } from "../../lib/mod.ts";
import { FRAMING_NAMES } from "../_raw.ts";
import { makeFolder, runClient } from "./_programs.ts";

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
  assertMatch(refused.stderr, /^error -32016 UNAUTHENTICATED: /);
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
