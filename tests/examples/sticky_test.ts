// examples/sticky.ts, and the page that shows what it prints.
import { assert, assertEquals } from "@std/assert";
import { within } from "../support/deadline.ts";

const root = new URL("../../", import.meta.url);

Deno.test("examples/sticky.ts prints what docs/sockets.md says", async () => {
  const { stdout, stderr } = await within(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "-N", "examples/sticky.ts"],
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output(),
    "the example to end",
  );
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(stderr), "");
  const output = decoder.decode(stdout);
  const page = await Deno.readTextFile(new URL("docs/sockets.md", root));
  const [, shown] = /examples\/sticky\.ts\n```\n\n```text\n([^]*?)```/.exec(page) ?? [];
  assertEquals(output, shown);

  // With framing it is what was sent, whatever happened on the way. Without, only where nothing did.
  const [, sent] = /^sent: (.*)$/m.exec(output)!;
  const heard = (how: string) =>
    Array.from(output.matchAll(new RegExp(`^  ${how} framing: +(.*)$`, "gm")), ([, text]) => text!);
  assertEquals(heard("with"), Array(5).fill(sent));
  const [best, ...others] = heard("without");
  assertEquals(best, sent);
  assertEquals(others.length, 4);
  for (const other of others) assert(other !== sent);
});
