// deploy/landline.env, the settings of docs/memory.md.
import { assertEquals } from "@std/assert";
import settings from "../../deploy/landline.env" with { type: "text" };
import { startServer } from "./_programs.ts";

Deno.test("deploy/landline.env has one NAME=VALUE on each line, which shells, systemd and Docker read alike", () => {
  const lines = settings.trimEnd().split("\n");
  assertEquals(lines.filter((line) => !/^[A-Z0-9_]+=[-A-Za-z0-9=,]+$/.test(line)), []);
});

Deno.test("main.ts starts with the settings of deploy/landline.env, and V8 knows its flag", async () => {
  const env = Object.fromEntries(
    settings.trimEnd().split("\n").map((line) => /^(\w+)=(.*)$/.exec(line)!.slice(1)),
  );
  await using server = await startServer(["--quiet"], { env });
  server.kill("SIGTERM");
  // V8 refuses a flag that it does not know: with a line here, and exit code 1.
  assertEquals(await server.outcome(), { code: 0, stdout: "", stderr: "" });
});
