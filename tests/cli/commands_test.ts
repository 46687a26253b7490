// The commands of client.ts as `--help` shows them.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../cli/client/commands.ts";
import { runClient } from "./_programs.ts";

Deno.test("client.ts --help lists all commands, and each has its own help", async () => {
  const { stdout } = await runClient(["--help"]);
  for (const [name, { usage }] of COMMANDS) {
    assertStringIncludes(stdout, `\n  ${usage}`);
    const help = await runClient([name, "--help"]);
    assertEquals([help.code, help.stderr], [0, ""]);
    assertStringIncludes(help.stdout, `client.ts ${name} `);
    const wide = help.stdout.split("\n").filter((line) => line.length > 80);
    assert(wide.length === 0, wide.join("\n"));
  }
});
