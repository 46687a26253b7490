// main.ts before strangers: who may call, how fast, and what it survives.
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { connect, RpcError } from "../../lib/mod.ts";
import { Log } from "../../cli/serve/rate_limited_log.ts";
import type { Api as Demo } from "../../examples/demo.ts";
import { RawPeer } from "../support/raw.ts";
import { makeFolder, runServer, startServer } from "./_programs.ts";

const LIBRARY = new URL("../../lib/mod.ts", import.meta.url).href;

/** An API whose methods fail where nobody waits for them. */
const CARELESS = `
  import { method } from ${JSON.stringify(LIBRARY)};
  export const api = {
    reject: method(() => void Promise.reject(new Error("nobody waits"))),
    timer: method(() => void setTimeout(() => { throw new Error("too late") }, 0)),
    fine: method(() => "fine"),
  };
`;

/** What a call is refused with. */
async function refusal(call: Promise<unknown>): Promise<string | undefined> {
  return (await assertRejects(() => call, RpcError)).reason;
}

Deno.test("main.ts --token-file asks who calls, and SIGHUP reads it again", async () => {
  await using folder = await makeFolder({ "tokens": "# who may call\n\n  s3cret alice\nother\n" });
  const file = `${folder.path}/tokens`;
  await using server = await startServer(["--token-file", file]);
  await using line = await connect<Demo>(server.address, { token: "s3cret" });
  assertEquals((await line.call.whoami()).identity, "alice");
  await using nameless = await connect<Demo>(server.address, { token: "other" });
  assertEquals((await nameless.call.whoami()).identity, true);
  await using stranger = await connect<Demo>(server.address);
  assertEquals(await refusal(stranger.call.now()), "UNAUTHENTICATED");
  assertEquals(await refusal(connect(server.address, { token: "s3cre" })), "UNAUTHENTICATED");

  await Deno.writeTextFile(file, "next bob\n");
  server.kill("SIGHUP");
  await server.lineWith(/^the token file was read again$/);
  assertEquals(await refusal(connect(server.address, { token: "s3cret" })), "UNAUTHENTICATED");
  await using next = await connect<Demo>(server.address, { token: "next" });
  assertEquals((await next.call.whoami()).identity, "bob");
  assertEquals((await line.call.whoami()).identity, "alice", "who is known stays so");

  await Deno.writeTextFile(file, "");
  server.kill("SIGHUP");
  await server.errorWith(
    /^error: Cannot use --token-file .*: there is no token in it; what was read/m,
  );
  await using still = await connect<Demo>(server.address, { token: "next" });
  assertEquals((await still.call.whoami()).identity, "bob");
  server.kill("SIGTERM");
  const { code, stdout, stderr } = await server.outcome();
  assertEquals(code, 0);
  for (const secret of ["s3cret", "other", "next"]) {
    assert(!(stdout + stderr).includes(secret), `${secret} is in the log`);
  }
});

for (
  const [content, why] of [
    [undefined, /Cannot read --token-file .*No such file/],
    ["", /Cannot use --token-file .*: there is no token in it/],
    ["# only a comment\n", /Cannot use --token-file .*: there is no token in it/],
    ["a one\n\na two", /Cannot use --token-file .*: line 3 repeats a token/],
  ] as const
) {
  Deno.test(`main.ts --token-file exits with 2 where it holds ${JSON.stringify(content)}`, async () => {
    await using folder = await makeFolder(content === undefined ? {} : { "tokens": content });
    const { code, stdout, stderr } = await runServer(["--token-file", `${folder.path}/tokens`]);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, why);
    assertEquals(stderr.split("\n").length, 2);
  });
}

for (const raw of [[], ["--raw"]]) {
  Deno.test(`main.ts ${raw.join()} names the ways out where other machines could reach it`, async () => {
    const { code, stdout, stderr } = await runServer([...raw, "--listen", "tcp://0.0.0.0:0"]);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(
      stderr,
      "error: Cannot listen at tcp://0.0.0.0:0: other machines can reach",
    );
    assertStringIncludes(stderr, "--token-file FILE");
    assertStringIncludes(stderr, "--insecure");
    // With leave for loopback alone it is the runtime that refuses what is meant.
    const meant = await runServer([...raw, "--listen", "tcp://0.0.0.0:0", "--insecure"], {
      flags: ["--no-prompt", "-R", "--allow-net=127.0.0.1"],
    });
    assertEquals(meant.code, 2);
    assertMatch(meant.stderr, /--allow-net|permission|net access/i);
  });
}

Deno.test("main.ts --rate bounds how fast callers may go", async () => {
  await using server = await startServer(["--rate", "1"]);
  await using line = await connect<Demo>(server.address);
  const answers = await Promise.allSettled(Array.from({ length: 12 }, () => line.call.now()));
  const refused = answers.filter(({ status }) => status === "rejected").length;
  // Ten at once; what flows in while the test runs is more on a slow machine.
  assert(refused >= 1 && refused <= 2, String(refused));
});

Deno.test("main.ts survives what fails where nobody waits, and counts it", async () => {
  await using folder = await makeFolder({ "api.ts": CARELESS });
  await using server = await startServer([`${folder.path}/api.ts`]);
  await using line = await connect(server.address);
  assertEquals(await line.request("reject"), null);
  await server.errorWith(
    /^error in code that nobody waits for \(1 so far\): Error "nobody waits"/m,
  );
  assertEquals(await line.request("timer"), null);
  await server.errorWith(/^error in code that nobody waits for \(2 so far\): Error "too late"/m);
  assertEquals(await line.request("fine"), "fine");
  server.kill("SIGTERM");
  assertEquals((await server.outcome()).code, 0);
});

for (const method of ["reject", "timer"]) {
  Deno.test(`main.ts --crash-on-error ends at ${method}`, async () => {
    await using folder = await makeFolder({ "api.ts": CARELESS });
    await using server = await startServer([`${folder.path}/api.ts`, "--crash-on-error"]);
    using peer = await RawPeer.dial(server.address);
    await peer.send({ jsonrpc: "2.0", id: 1, method });
    assertEquals((await server.outcome()).code, 1);
  });
}

/** A log that is looked at: its lines, and what writes them. */
function logged() {
  const lines: string[] = [];
  const write = (text: string) => void lines.push(...text.split("\n"));
  const log = new Log(write), { line } = log.stream(write);
  return { lines, log: { line, flush: () => log.flush() } };
}

Deno.test("Log writes at most a hundred lines a second, and how many it left out", () => {
  const { lines, log } = logged();
  for (let n = 1; n <= 150; n++) log.line(`line ${n}`, "a");
  assertEquals([lines.length, lines.at(-1)], [50, "line 50"]);
  for (let source = 0; source < 200; source++) {
    for (let n = 0; n < 10; n++) log.line("line", `b${source}`);
  }
  assertEquals(lines.length, 100);
  log.flush();
  assertEquals([lines.length, lines.at(-1)], [
    101,
    "2050 more lines in one second were left out, 100 of them about a",
  ]);
  log.line("next", "a");
  assertEquals(lines.at(-1), "next");
  log.flush();
  assertEquals(lines.length, 102);
});

Deno.test("Log makes no line that it leaves out, and counts it", () => {
  const { lines, log } = logged();
  let made = 0;
  for (let n = 1; n <= 150; n++) log.line(() => `line ${++made}`, "a");
  assertEquals([made, lines.length, lines.at(-1)], [50, 50, "line 50"]);
  log.flush();
  assertEquals(lines.at(-1), "100 more lines in one second were left out, about a");
});

Deno.test("Log has lines for others beside a source that makes thousands", () => {
  const { lines, log } = logged();
  for (let n = 0; n < 5000; n++) {
    log.line("loud", "a");
    if (n % 1000 === 999) log.line("quiet", `b${n}`);
  }
  assertEquals(lines.filter((line) => line === "quiet").length, 5);
  log.flush();
  assertEquals(lines.at(-1), "4950 more lines in one second were left out, about a");
});

Deno.test("Log counts the lines of a stack, and tells a bounded number of sources apart", () => {
  const { lines, log } = logged();
  const stack = "error" + "\n    at x".repeat(10);
  for (let n = 0; n < 100; n++) log.line(stack, "a");
  assertEquals(lines.length, 55);
  for (let n = 0; n < 5000; n++) log.line("line", `b${n}`);
  assertEquals(lines.length, 100);
  log.flush();
  const left = 1045 + 4955;
  assertEquals(
    lines.at(-1),
    `${left} more lines in one second were left out, 4001 of them about others`,
  );
});

Deno.test("main.ts tells of another method's error while one caller makes thousands", async () => {
  await using folder = await makeFolder({
    "api.ts": `import { method } from ${JSON.stringify(LIBRARY)};
      const fail = () => { throw new Error("x".repeat(1000)); };
      export const api = { loud: method(fail), quiet: method(fail) };`,
  });
  await using server = await startServer([`${folder.path}/api.ts`]);
  using peer = await RawPeer.dial(server.address);
  const loud = Array.from({ length: 2000 }, (_, id) => ({ jsonrpc: "2.0", id, method: "loud" }));
  await peer.send(...loud, { jsonrpc: "2.0", id: 2000, method: "quiet" });
  await peer.answers(2001);
  server.kill("SIGTERM");
  const { stderr } = await server.outcome();
  assertStringIncludes(stderr, "\nerror in quiet: Error ");
  assertMatch(stderr, /more lines in one second were left out, .*about loud$/m);
});

/** An API whose schemas collect much of what they refuse. */
const COLLECTING = `
  import { method } from ${JSON.stringify(LIBRARY)};
  import * as z from "npm:zod@4";
  const item = z.union([z.number(), z.string(), z.object({ a: z.number() })]);
  export const api = { list: method(z.array(item), (all) => all.length) };
`;

Deno.test("main.ts lives with a heap of 192 MB when schemas refuse all of a long message", async () => {
  await using folder = await makeFolder({ "api.ts": COLLECTING });
  const flags = ["-P=serve", "--v8-flags=--max-old-space-size=192"];
  for (const [args, method] of [[[], "sum"], [[`${folder.path}/api.ts`], "list"]] as const) {
    await using server = await startServer(args, { flags });
    using peer = await RawPeer.dial(server.address);
    const ask = (count: number) =>
      peer.ask({ jsonrpc: "2.0", id: 1, method, params: Array(count).fill([]) });
    for (const [count, code] of [[345_000, -32008], [5000, -32602], [345_000, -32008]] as const) {
      assertEquals((await ask(count)).error?.code, code);
    }
    if (method === "list") assertEquals((await ask(50_000)).error?.code, -32602);
  }
});
