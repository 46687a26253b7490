// Servers that nobody here wrote, with our client: a table of docs/interop.md, run.

import { assertEquals } from "@std/assert";
import { runClient } from "../cli/_programs.ts";
import { testWith } from "../support/tools.ts";
import { THEIR_SERVERS } from "./_page.ts";
import { testPairs } from "./_pairs.ts";
import { startQemu } from "./_server_programs.ts";

testPairs(THEIR_SERVERS);

testWith(["qemu-system-x86_64"], "client.ts --raw talks to the monitor of QEMU", async () => {
  await using stack = new AsyncDisposableStack();
  const commands = ["qmp_capabilities", "query-name", "nope"];
  const { code, stdout, stderr } = await runClient(["--raw", `unix://${await startQemu(stack)}`], {
    flags: ["-A"],
    stdin: commands.map((execute) => `${JSON.stringify({ execute })}\n`).join(""),
  });
  assertEquals(code, 0, stderr);
  const answers = stdout.split("\n").flatMap((line) => /\{.*/.exec(line)?.[0] ?? []);
  assertEquals(answers.map((answer) => Object.keys(JSON.parse(answer))[0]), [
    "QMP",
    "return",
    "return",
    "error",
  ]);
});
