// A short selection of `deno task torture`, and that its table of cases is whole. Nothing here asserts how
// long something took: the server lives, no healthy call is lost or answered wrongly, each attack has the
// outcome that it must have, and descriptors are given back.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ATTACKS } from "./attacks.ts";
import { Child } from "./child.ts";
import { attacksOf, MATRIX } from "./matrix.ts";

/** One of each kind, at a fiftieth of its size and with timeouts that are soon over. */
const SELECTION = [
  "thousand-in-one-write",
  "endless-line",
  "bad-headers",
  "announced-never-sent",
  "browser-post",
  "odd-json",
  "odd-requests",
  "deep-nesting",
  "reset-before-accept",
  "never-reads",
  "reset-while-running",
  "error-while-sending",
  "leave-streams",
  "partial-messages",
  "half-heads",
  "half-frames",
  "smuggling",
  "events-stop",
  "http-never-reads",
  "http-half-closes",
  "ws-empty-fragments",
  "ws-broken-frames",
];
const LIMITS = ["messageTimeout=1000", "httpHeadTimeout=1000", "writeStallTimeout=1000"];

/** Runs main.ts of the torture to its end. */
function torture(...args: string[]) {
  return run("main.ts", args);
}

/** Runs a program to its end. */
async function run(program: string, args: readonly string[]) {
  await using child = new Child(`tests/torture/${program}`, args);
  const lines: string[] = [];
  try {
    for (;;) lines.push(await child.line());
  } catch {
    // all was said
  }
  const { code } = await child.status;
  return { code, stdout: lines.join("\n"), stderr: await child.errors };
}

/** What it measures is read from /proc. */
function testOnLinux(name: string, fn: () => Promise<void>): void {
  const ignore = Deno.build.os !== "linux";
  if (ignore) console.log(`skipped: ${name} needs Linux`);
  Deno.test({ name, ignore, fn });
}

testOnLinux("a server withstands a selection of attacks, one after another", async () => {
  const { code, stdout, stderr } = await torture(
    `--only=${SELECTION.join()}`,
    "--seconds=0.2",
    "--quiet-ms=100",
    "--scale=0.02",
    ...LIMITS.map((limit) => `--limit=${limit}`),
  );
  assertEquals(code, 0, stdout + stderr);
  assertStringIncludes(stdout, `${SELECTION.length} of ${SELECTION.length} attacks withstood`);
});

testOnLinux("torture says no when an attack succeeds", async () => {
  // A server that does not let calls of 200 ms end has lost.
  const { code, stdout } = await torture(
    "--only=calls-then-fin",
    "--seconds=0.1",
    "--quiet-ms=100",
    "--scale=0.02",
    "--limit=callTimeout=50",
  );
  assertEquals(code, 1, stdout);
  assertStringIncludes(stdout, "0 of 1 attacks withstood");
});

testOnLinux("torture says no when a healthy caller loses a call", async () => {
  const { code, stdout } = await torture(
    "--only=pipeline",
    "--seconds=0.1",
    "--quiet-ms=100",
    "--limit=callTimeout=50",
  );
  assertEquals(code, 1, stdout);
  assertStringIncludes(stdout, "calls failed: RpcError");
});

testOnLinux(
  "a search prints the plan that a server does not withstand, and replays it",
  async () => {
    // A server that refuses everybody: no plan goes well there.
    const broken = ["--quiet-ms=50", "--limit=maxValues=1"];
    const search = await torture("--search", "--seed=3", "--seconds=0.1", ...broken);
    assertEquals(search.code, 1, search.stdout + search.stderr);
    assertStringIncludes(search.stdout, "healthy calls are refused");
    assertStringIncludes(search.stdout, "deno task torture --replay 3");
    assertStringIncludes(search.stdout, "0 of 1 plans withstood, up to seed 3");
    const replay = await torture("--replay=3", "--seconds=0.2", ...broken);
    assertEquals(replay.code, 1, replay.stdout + replay.stderr);
    const plan = /^plan 3: .*$/m.exec(search.stdout)![0];
    assertStringIncludes(replay.stdout, plan);
  },
);

testOnLinux("a client of ours tells how its calls ended at a hostile server", async () => {
  const { code, stdout, stderr } = await torture("--only=client-goaways", "--seconds=0.3");
  assertEquals(code, 0, stdout + stderr);
  assertStringIncludes(stdout, "DEADLINE_EXCEEDED");
});

testOnLinux(
  "a server that is killed under chaos runs no call twice, and no call is silent",
  async () => {
    const args = ["--minutes=0.08", "--clients=20", "--kill-every=2", "--rate=200"];
    const { code, stdout, stderr } = await run("chaos.ts", args);
    assertEquals(code, 0, stdout + stderr);
    const count = (what: string) => Number(new RegExp(`^${what} +(\\d+)`, "m").exec(stdout)?.[1]);
    assert(count("answered") > 0 && count("kills of the server") > 0, stdout);
  },
);

testOnLinux("a soak tells what became of its calls", async () => {
  const args = ["--minutes=0.05", "--rate=200", "--connects=20"];
  const { code, stdout, stderr } = await run("soak.ts", args);
  assertEquals(code, 0, stdout + stderr);
  assertStringIncludes(stdout, "nothing was lost, nothing grew");
});

Deno.test("torture, soak and chaos say what is wrong with their options", async () => {
  for (
    const [program, option] of [
      ["main.ts", "--only=nothing"],
      ["main.ts", "--seconds=x"],
      ["main.ts", "--limit=nothing=1"],
      ["main.ts", "--nothing"],
      ["main.ts", "--replay=x"],
      ["main.ts", "--heap=x"],
      ["soak.ts", "--minutes=0"],
      ["chaos.ts", "--clients=x"],
    ] as const
  ) {
    const { code, stderr } = await run(program, [option]);
    assertEquals(code, 2);
    assert(stderr.startsWith("error: Cannot "), stderr);
  }
});

Deno.test("every case of the matrix is an attack, a test that exists, or says why not", async () => {
  for (const { id, reference } of MATRIX) {
    if (reference === undefined) {
      assert(attacksOf(id).length > 0, `nothing tries ${id}`);
    } else if (typeof reference !== "string") {
      const [file, test] = reference;
      const source = await Deno.readTextFile(new URL(`../${file}`, import.meta.url));
      assertStringIncludes(source, test, `the test of ${id}`);
    }
  }
});

Deno.test("attacks have names of their own, and cases that exist", () => {
  const known = new Set(MATRIX.map(({ id }) => id));
  // Of the other sections only single cases are attacks on a server with sockets.
  const others = new Set(["B01", "B02", "B06", "C01", "C04", "C06", "C07", "W06", "Z06"]);
  for (const { name, rows } of ATTACKS) {
    for (const row of rows) assert(known.has(row) || others.has(row), `${name}: ${row}`);
  }
  assertEquals(new Set(ATTACKS.map(({ name }) => name)).size, ATTACKS.length);
  assert(SELECTION.every((name) => ATTACKS.some((it) => it.name === name)));
});
