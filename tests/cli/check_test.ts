// client.ts check: our own server passes, and a server that does not is told what it does.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import { casesFor } from "../../cli/check/cases.ts";
import { method, serve } from "../../lib/mod.ts";
import { FRAMING_NAMES } from "../support/raw.ts";
import { linesOf, runClient, say, serveRaw } from "./_programs.ts";

const HERE = { listen: "tcp://127.0.0.1:0" };
const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
};

for (const framing of FRAMING_NAMES) {
  Deno.test(`client.ts check passes everything at our own server (${framing})`, async () => {
    await using server = serve(api, HERE);
    const { code, stdout, stderr } = await runClient(
      ["check", "--framing", framing, "--timeout=20000", server.addresses[0]!],
    );
    assertEquals([code, stderr], [0, ""], stdout);
    const lines = stdout.trimEnd().split("\n");
    assertEquals(lines[0], `${server.addresses[0]}, ${framing}`);
    const cases = lines.slice(2, -2);
    for (const line of cases) {
      assertMatch(line, /^(pass|n\/a) {2,3}[^\n]+ \((section \d(\.\d)?|edge)\)/);
    }
    // What is about another framing is all that is left out.
    const left = cases.filter((line) => line.startsWith("n/a"));
    for (const line of left) assert(line.endsWith(`: the framing is ${framing}`), line);
    const all = casesFor({ method: "m", params: undefined }).length;
    assertEquals(cases.length, all);
    assertEquals(
      lines.at(-1),
      `${all - left.length} passed, 0 failed, ${left.length} not applicable`,
    );
  });
}

Deno.test("client.ts check calls the method that it is given", async () => {
  await using server = serve(api, HERE);
  const { code, stdout } = await runClient(
    ["check", "--method=add", "--params=[1,2]", server.addresses[0]!],
  );
  assertEquals(code, 0, stdout);
  assertStringIncludes(stdout, "pass  a call of add has a result and no error (section 5)\n");
});

Deno.test("client.ts check fails where a call that was said to succeed does not", async () => {
  await using server = serve(api, HERE);
  const { code, stdout } = await runClient(
    ["check", "--method=add", "--params=[1]", server.addresses[0]!],
  );
  assertEquals(code, 1);
  assertStringIncludes(
    stdout,
    "FAIL  a call of add has a result and no error (section 5)\n" +
      "        why       expected a result, it is an error\n" +
      '        sent      {"jsonrpc":"2.0","id":"ok","method":"add","params":[1]}\\n\n' +
      '        received  {"jsonrpc":"2.0","id":"ok","error":{"code":-32602,',
  );
});

/** A server in which everything is wrong that can be. */
function serveBadly() {
  return serveRaw(async (socket) => {
    for await (const line of linesOf(socket)) {
      const [, id] = /"id":\s*("[^"]*"|\d+)/.exec(line) ?? [];
      // Answers notifications; text instead of a code; a number for every id; no batches.
      const echoed = id?.startsWith('"') ? 7 : id ?? null;
      const error = '{"code":"no","message":"\\u001b"}';
      // The client hangs up where an answer is wrong.
      await say(socket, `{"jsonrpc":"2.0","id":${echoed},"error":${error}}\n`).catch(() => {});
    }
  });
}

Deno.test("client.ts check --json tells a server what it does wrong, with the bytes", async () => {
  await using server = serveBadly();
  const { code, stdout } = await runClient(["check", "--json", "--timeout=300", server.address]);
  assertEquals(code, 1);
  const report = JSON.parse(stdout);
  assertEquals([report.address, report.framing], [server.address, "json"]);
  assertEquals(report.passed + report.failed + report.notApplicable, report.cases.length);
  const find = (name: string) =>
    report.cases.find((it: { name: string }) => it.name.startsWith(name));
  assertEquals(find("the id 0 comes back"), {
    name: "the id 0 comes back",
    source: "4",
    outcome: "fail",
    why: "its code is not an integer",
    sent: '{"jsonrpc":"2.0","id":0,"method":"check.no_such_method"}\\n',
    received: '{"jsonrpc":"2.0","id":0,"error":{"code":"no","message":"\\u001b"}}\\n',
  });
  assertMatch(find("an empty string as id").why, /^expected id "", it is (7|null)$/);
  assertEquals(find("a batch of three").why, "expected an array");
  assertEquals(find("a notification with params").why, "expected nothing");
  assertEquals(find("calls that succeed").outcome, "n/a");
});

Deno.test("client.ts check goes on where a server hangs up or is silent", async () => {
  let count = 0;
  await using server = serveRaw(async (socket) => {
    count++;
    for await (const line of linesOf(socket)) {
      if (line.includes('"foobar')) return;
    }
  });
  const { code, stdout, stderr } = await runClient(["check", "--timeout=100", server.address]);
  assertEquals(code, 1, stdout + stderr);
  assert(count > 50, `${count} connections`);
  assertStringIncludes(stdout, "there are 0, then the end of the connection");
  assertStringIncludes(stdout, "there are 0 in 100 ms");
  assertStringIncludes(stdout, "the call that follows is not answered in 100 ms");
});

for (
  const [args, message] of [
    [[], "Cannot check: one ADDRESS is needed, check --help shows how"],
    [["tcp://127.0.0.1:1", "m"], "Cannot check: one ADDRESS is needed, check --help shows how"],
    [
      ["--params=[]", "tcp://127.0.0.1:1"],
      "Cannot read --params: they belong to a --method, there is none",
    ],
    [["--method=", "tcp://127.0.0.1:1"], "Cannot read --method: it needs the name of a method"],
    [["udp://127.0.0.1:1"], ""],
  ] as const
) {
  Deno.test(`client.ts check ${args.join(" ")} exits with 2`, async () => {
    const { code, stdout, stderr } = await runClient(["check", ...args]);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, `error: ${message}`);
  });
}

Deno.test("client.ts check exits with 3 where nobody listens", async () => {
  const { code, stdout, stderr } = await runClient(["check", "tcp://127.0.0.1:1"]);
  assertEquals([code, stdout], [3, ""]);
  assertMatch(stderr, /^error: Cannot connect to tcp:\/\/127\.0\.0\.1:1: /);
});
