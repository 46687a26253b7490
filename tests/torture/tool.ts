/**
 * What the tools in this folder do when they are run.
 *
 * @module
 */

/**
 * Reads the command line, and exits with what the tool gives; with 2 where the command line makes no
 * sense.
 *
 * @param run undefined where it only prints
 */
export async function runTool<Options>(
  read: (args: string[]) => Options,
  run: (options: Options) => Promise<number> | undefined,
): Promise<void> {
  let options: Options;
  try {
    options = read(Deno.args);
  } catch (error) {
    console.error(`error: ${(error as Error).message}`);
    Deno.exit(2);
  }
  const code = run(options);
  if (code !== undefined) Deno.exit(await code);
}
