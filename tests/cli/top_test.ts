// client.ts top: what a running server does, once and as a view in a terminal.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { within } from "../support/deadline.ts";
import { RawPeer } from "../support/raw.ts";
import { testWith } from "../support/tools.ts";
import {
  CLIENT,
  makeFolder,
  type Program,
  runClient,
  runServer,
  startServer,
} from "./_programs.ts";

/** A server with an admin socket, which has answered a call and refused another. */
async function startAdmin(
  folder: { readonly path: string },
  ...args: string[]
): Promise<{ server: Program & { address: string }; admin: string; peer: RawPeer }> {
  const admin = `unix://${folder.path}/100%25%20admin`; // the file's name is "100% admin"
  const server = await startServer(["--admin", admin, ...args]);
  const peer = await RawPeer.dial(server.address);
  await peer.ask({ jsonrpc: "2.0", id: 1, method: "upper", params: ["x"] });
  await peer.ask({ jsonrpc: "2.0", id: 2, method: "nowhere" });
  return { server, admin, peer };
}

const FLAGS = ["-A"];

Deno.test("client.ts top --once --json prints what the admin socket of main.ts tells", async () => {
  await using folder = await makeFolder();
  const { server, admin, peer } = await startAdmin(folder);
  await using _server = server;
  using _peer = peer;
  const { code, stdout, stderr } = await runClient(["top", "--once", "--json", admin], {
    flags: FLAGS,
  });
  assertEquals([code, stderr], [0, ""]);
  const stats = JSON.parse(stdout);
  const of = (name: string) => stats.methods.find((it: { method: string }) => it.method === name);
  assertEquals([of("upper").count, of("upper").errors, of("_OTHER").errors], [1, 0, 1]);
  assert(of("upper").p50 > 0 && of("upper").rate > 0 && stats.loopDelay >= 0);
  assertEquals(
    stats.peers.map(({ transport }: { transport: string }) => transport).sort(),
    ["tcp", "unix"],
  );

  const elsewhere = await runClient(["top", "--once", server.address], { flags: FLAGS });
  assertEquals(elsewhere.code, 1);
  assertMatch(elsewhere.stderr, /PERMISSION_DENIED/);
});

Deno.test("client.ts top --once prints lines of 80 columns, and the owner of the admin socket needs no token", async () => {
  await using folder = await makeFolder({ tokens: "s3cret alice\n" });
  const { server, admin, peer } = await startAdmin(folder, "--token-file", `${folder.path}/tokens`);
  await using _server = server;
  using _peer = peer;
  const { code, stdout, stderr } = await runClient(["top", "--once", admin], { flags: FLAGS });
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.split("\n");
  assertMatch(lines[0]!, /^landline \d\S+, up \d+s: 2 connections of 2, \d+ running, \d+ streams$/);
  assert(lines.some((line) => /^METHOD +CALLS\/S +ERRORS\/S +P50 MS +P99 MS +RUNNING$/.test(line)));
  assert(lines.some((line) => /^unix:\S+ +the owne… /.test(line)), stdout);
  for (const line of lines) assert(line.length <= 80, line);
});

testWith(
  ["python3"],
  "client.ts top draws a view, obeys keys, and leaves the terminal as it was",
  async () => {
    await using folder = await makeFolder();
    const { server, admin, peer } = await startAdmin(folder);
    await using _server = server;
    using _peer = peer;
    for (const [last, expected] of [["q", 0], ["\x03", 130]] as const) {
      const steps = [
        ["s sort: rate", "s"],
        ["s sort: errors", "p"],
        ["p go on", "p/"],
        ["filter: _", "upp\r"],
        ["/ filter upp", last],
      ];
      const { code, stdout, stderr } = await within(
        new Deno.Command("python3", {
          args: [
            `${import.meta.dirname}/_terminal.py`,
            JSON.stringify(steps),
            ...[Deno.execPath(), "run", "-q", "--no-prompt", ...FLAGS, CLIENT],
            ...["top", "--every=50ms", admin],
          ],
        }).output(),
        "the view to end",
      );
      const output = new TextDecoder().decode(stdout);
      assertEquals([code, new TextDecoder().decode(stderr)], [expected, ""]);
      assert(output.startsWith("\x1b[?1049h\x1b[?25l\x1b[H"), JSON.stringify(output.slice(0, 80)));
      assert(output.endsWith("\x1b[?25h\x1b[?1049l"), JSON.stringify(output.slice(-80)));
      assert(!output.includes("\x1b[2J"), "nothing flickers");
      const view = output.slice(output.lastIndexOf("\x1b[H"));
      assert(view.includes("upper") && !view.includes("_OTHER"), view);
    }
  },
);

Deno.test("main.ts --admin and client.ts top refuse what makes no sense", async () => {
  for (
    const [args, message] of [
      [["--admin=tcp://127.0.0.1:1"], "Cannot read --admin: it needs an address such as unix:///"],
      [["--admin=unix:///tmp/a", "--workers=2"], "Cannot use --admin with --workers or --raw"],
    ] as const
  ) {
    const { code, stderr } = await runServer(args);
    assertEquals([code, stderr.startsWith(`error: ${message}`)], [2, true], stderr);
  }
  for (const args of [["top"], ["top", "--json", "unix:///a"], ["top", "unix:///a"]]) {
    assertEquals((await runClient(args)).code, 2);
  }
});
