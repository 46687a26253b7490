/**
 * Runs Deno's own commands, and lists files.
 *
 * @module
 */

/** Runs `deno` with arguments; what it says is told if it fails. @param cwd where; the tree, unless said */
export async function deno(args: readonly string[], cwd: string = ROOT): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdout: "null",
  }).output();
  if (!success) throw new Error(`deno ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** The tree. */
export const ROOT: string = new URL("..", import.meta.url).pathname;

/** The files in a folder and below it, in one order. */
export function filesIn(folder: string): string[] {
  const found = [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}/${name}`) : [`${folder}/${name}`]
  );
  return found.sort();
}
