// Tests that need a program which does not come with Deno: `nc`, `python3`, `openssl`.
//
// Where a program is missing its tests are ignored, and the output says which and why. Where that must
// not happen (.ci/run) LANDLINE_NO_SKIP=1 makes such a test fail instead.

/** Whether a program is on the path, so that `new Deno.Command(tool)` would find it. */
export function isInstalled(tool: string): boolean {
  const folders = Deno.env.get("PATH")?.split(":") ?? [];
  return folders.some((folder) => {
    try {
      const { isFile, mode } = Deno.statSync(`${folder}/${tool}`);
      return isFile && (mode === null || (mode & 0o111) !== 0);
    } catch {
      return false;
    }
  });
}

/**
 * `Deno.test()` for a test that needs other programs.
 *
 * ```ts ignore
 * testWith(["nc"], "nc gets an answer", async () => { … });
 * ```
 */
export function testWith(
  tools: readonly string[],
  name: string,
  fn: (t: Deno.TestContext) => void | Promise<void>,
): void {
  const missing = tools.filter((tool) => !isInstalled(tool)).join(", ");
  if (missing === "") {
    Deno.test(name, fn);
  } else if (Deno.env.get("LANDLINE_NO_SKIP") === "1") {
    Deno.test(name, () => {
      throw new Error(`"${name}" needs ${missing}, and LANDLINE_NO_SKIP forbids to skip it`);
    });
  } else {
    console.log(`skipped: ${name} needs ${missing}`);
    Deno.test.ignore(name, fn);
  }
}
