// main.ts --workers, as a process: what it prints, how it ends.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect, ConnectionLostError } from "../../lib/mod.ts";
import type { Api as Demo } from "../../examples/demo.ts";
import { type Api, Lines, linesAfter, MODULE } from "../unit/server/_workers.ts";
import { makeFolder, runServer, startServer } from "./_programs.ts";

Deno.test("main.ts --workers serves with so many threads, and the permissions of the task", async () => {
  await using server = await startServer([MODULE, "--workers", "2"]);
  await using lines = await Lines.to(server.address);
  assertEquals(lines.all.length, 2);
});

Deno.test("main.ts --workers serves the demo, and logs connections as for one thread", async () => {
  await using server = await startServer(["--workers", "2"]);
  const line = await connect<Demo>(server.address);
  const { address } = await line.call.whoami();
  assertEquals(await server.line(), `opened ${address}`);
  await line.close();
  assertEquals(await server.line(), `closed ${address}: the peer closed the connection`);
});

Deno.test("main.ts --workers logs errors of handlers, and workers that are replaced", async () => {
  await using server = await startServer([MODULE, "--workers", "2", "--quiet", "--crash-on-error"]);
  await using lines = await Lines.to(server.address);
  const [thread, line] = [...lines.byThread][0]!;
  await line.call.oops().catch(() => {});
  assert(await line.call.fail("reject").catch((error) => error) instanceof ConnectionLostError);
  await using after = await linesAfter(server.address, thread);
  const [last, other] = [...after.byThread][0]!;
  await other.call.fail("exit").catch(() => {});
  await using _all = await linesAfter(server.address, last);
  server.kill("SIGTERM");
  const { code, stdout, stderr } = await server.outcome();
  assertEquals([code, stdout], [0, ""]);
  const logged = stderr.trimEnd().split("\n").filter((line) => !line.startsWith("    at "));
  assertEquals(logged.map((line) => line.replace(/worker [12],/, "worker N,")), [
    'error in oops: RangeError "by accident"',
    '  caused by Error "because"',
    'error in worker N, which is replaced: TypeError "nobody handles this"',
    'error in worker N, which is replaced: Error "The worker has ended by itself, with code 7"',
  ]);
  assertMatch(stderr, /at .*_workers_api\.ts:\d+/);
});

Deno.test("main.ts --workers survives failures that nobody waits for, as one thread does", async () => {
  await using server = await startServer([MODULE, "--workers", "1", "--quiet"]);
  const line = await connect<Api>(server.address);
  const thread = await line.call.who();
  line.call.fail("reject").catch(() => {});
  assertEquals(await line.call.who(), thread);
  await line.close();
  server.kill("SIGTERM");
  const { code, stderr } = await server.outcome();
  assertEquals(code, 0);
  assertMatch(stderr, /^error in code that nobody waits for: TypeError "nobody handles this"\n/);
});

Deno.test("main.ts --workers asks for the tokens of a file, and reads it again at SIGHUP", async () => {
  await using folder = await makeFolder({ "tokens": "s3cret-of-alice alice\n" });
  await using server = await startServer(
    [MODULE, "--workers", "2", "--token-file", `${folder.path}/tokens`],
  );
  const whoIs = async (token: string) => {
    await using line = await connect<Api>(server.address, { token });
    return await line.call.identity();
  };
  assertEquals(await whoIs("s3cret-of-alice"), "alice");
  await Deno.writeTextFile(`${folder.path}/tokens`, "s3cret-of-bob bob\n");
  server.kill("SIGHUP");
  await server.lineWith(/^the token file was read again$/);
  for (let i = 0; i < 6; i++) assertEquals(await whoIs("s3cret-of-bob"), "bob"); // in both workers
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`main.ts --workers finishes the calls of all workers at ${signal}`, async () => {
    await using server = await startServer(["--workers", "2"]);
    const lines = await Promise.all(
      Array.from({ length: 8 }, () => connect<Demo>(server.address)),
    );
    const running = lines.map((line) => line.call.sleep(1000));
    await Promise.all(lines.map((line) => line.call.now())); // so that sleep has begun
    server.kill(signal);
    await server.lineWith(/^draining 8 connections for at most 10000 ms/);
    assertEquals(new Set(await Promise.all(running)), new Set([1000]));
    assertEquals((await server.outcome()).code, 0);
    for (const line of lines) await line.close();
  });
}

Deno.test("main.ts --workers exits at a second signal", async () => {
  await using server = await startServer(["--workers", "2"]);
  await using line = await connect<Demo>(server.address);
  const running = line.call.sleep(3_600_000).catch((error) => error);
  await line.call.now();
  server.kill("SIGTERM");
  await server.lineWith(/^draining 1 connection/);
  server.kill("SIGTERM");
  assertEquals((await server.outcome()).code, 143);
  assert(await running instanceof ConnectionLostError);
});

for (
  const [args, message] of [
    [["empty.ts"], "it exports neither api nor a default, it exports nothing"],
    [["member.ts"], "a.b is a number, expected method(...)"],
    [["throws.ts"], "throws.ts: no database (file://"],
    [["missing.ts"], 'missing.ts: Module not found "file://'],
    [["--workers", "0"], "workers must be an integer from 1 to 256, it is 0"],
    [["--workers", "many"], 'Cannot read --workers: it needs a whole number, "many"'],
    [["--raw"], "Cannot use --workers with --raw: bytes are served by one thread"],
    [
      ["--listen=unix:///tmp/x.sock"],
      "only tcp:, tls:, http:, https:, ws: and wss: addresses can have several listeners",
    ],
    [
      ["--listen=stdio:"],
      "only tcp:, tls:, http:, https:, ws: and wss: addresses can have several listeners",
    ],
  ] as const
) {
  Deno.test(`main.ts --workers 2 ${args.join(" ")} says why on one line and exits with 2`, async () => {
    await using folder = await makeFolder({
      "empty.ts": "",
      "member.ts": "export const api = { a: { b: 1 } };",
      "throws.ts": 'throw new Error("no \\x1b[31mdatabase\\nsecond line");',
    });
    const outcome = await runServer(["--workers", "2", "--listen=tcp://127.0.0.1:0", ...args], {
      cwd: folder.path,
      flags: ["-A"],
    });
    assertStringIncludes(outcome.stderr, message);
    assertMatch(outcome.stderr, /^error: [^\p{Cc}]+\n$/u);
    assertEquals([outcome.code, outcome.stdout], [2, ""]);
  });
}

Deno.test("main.ts --workers exits with 2 where the port is in use", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `tcp://127.0.0.1:${listener.addr.port}`;
  const outcome = await runServer(["--workers", "2", "--listen", address]);
  assertEquals(outcome.code, 2);
  assertMatch(outcome.stderr, new RegExp(`^error: Cannot listen at ${address}: .*in use.*\n$`));
});
