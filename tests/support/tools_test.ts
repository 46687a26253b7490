import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { isInstalled, testWith } from "./tools.ts";

Deno.test("isInstalled() tells programs from what is none", () => {
  assert(isInstalled("sh"));
  assertFalse(isInstalled("landline-no-such-program"));
  assertFalse(isInstalled("debian:landline-no-such-package"));
  assertFalse(isInstalled("npm:landline-no-such-package@1"));
});

testWith(["sh"], "testWith() runs a test whose program is there", async () => {
  const { success } = await new Deno.Command("sh", { args: ["-c", "exit 0"] }).output();
  assert(success);
});

Deno.test("testWith() ignores a test whose program is missing, or fails it if told to", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${folder}/a_test.ts`,
      `import { testWith } from "${import.meta.resolve("./tools.ts")}";
       testWith(["no-such-tool"], "calls", () => {});`,
    );
    const run = async (LANDLINE_NO_SKIP: string) => {
      const { code, stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["test", "--no-config", "--no-check", "--allow-env", "--allow-read", folder],
        env: { LANDLINE_NO_SKIP, NO_COLOR: "1" },
      }).output();
      return { code, output: new TextDecoder().decode(stdout) };
    };

    const skipped = await run("");
    assertEquals(skipped.code, 0, skipped.output);
    assertStringIncludes(skipped.output, "skipped: calls needs no-such-tool");
    assertStringIncludes(skipped.output, "1 ignored");

    const failed = await run("1");
    assertEquals(failed.code, 1, failed.output);
    assertStringIncludes(failed.output, `"calls" needs no-such-tool`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
