// What pages show of a terminal: the commands, what stands below them, and how to run one.

import { within } from "../support/deadline.ts";

export const ROOT: URL = new URL("../../", import.meta.url);

/** A command of a transcript, and what stands below it. */
export interface Shown {
  readonly command: string;
  readonly output: string;
}

/** The blocks of a page in a language, by default those that show a terminal. */
export function* blocksOf(page: string, language = "console"): Generator<string> {
  const text = Deno.readTextFileSync(new URL(page, ROOT));
  for (const [, block] of text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))) {
    yield block!;
  }
}

/** Comments and blank lines stand between commands. */
export function commandsOf(block: string): Shown[] {
  return block.split(/^\$ /m).slice(1).map((part) => {
    const [command, ...lines] = part.split("\n");
    return {
      command: command!,
      output: lines.filter((line) => line !== "" && !line.startsWith("#")).join("\n"),
    };
  });
}

/** Runs a command as a shell does, in the folder of the project. */
export async function run(command: string): Promise<string> {
  const { stdout } = await within(
    new Deno.Command("sh", {
      args: ["-c", `deno() { '${Deno.execPath()}' "$@"; }\n{ ${command}\n} 2>&1`],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdin: "null",
    }).output(),
    command,
  );
  return new TextDecoder().decode(stdout).trimEnd();
}
