// The programs in a Markdown file, and what it says that they print.

/** A `ts` block, and the `text` block that follows it. */
export interface Block {
  /** The line where it begins. */
  readonly line: number;
  /** The heading above it. */
  readonly heading: string;
  readonly code: string;
  /** What it prints; undefined where the file does not say. */
  readonly output: string | undefined;
}

/** All `ts` blocks of a file. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let heading = "", fence: { kind: string; line: number; lines: string[] } | undefined;
  let last: Block | undefined;
  for (const [i, text] of markdown.split("\n").entries()) {
    if (fence !== undefined) {
      if (text !== "```") {
        fence.lines.push(text);
        continue;
      }
      const { kind, line, lines } = fence, content = lines.map((text) => text + "\n").join("");
      fence = undefined;
      if (kind === "ts") {
        blocks.push(last = { line, heading, code: content, output: undefined });
      } else {
        if (kind === "text" && last !== undefined) {
          blocks[blocks.length - 1] = { ...last, output: content };
        }
        last = undefined;
      }
    } else if (text.startsWith("```")) fence = { kind: text.slice(3), line: i + 1, lines: [] };
    else if (text.startsWith("#")) heading = text.replace(/^#+ /, "");
    else if (text !== "") last = undefined; // prose: what follows belongs to something else
  }
  return blocks;
}

/** Runs a program as if it lay in the project's folder, with the permissions of tests. */
export async function runBlock(code: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-P=test", "--no-prompt", "--ext=ts", "-"],
    cwd: `${import.meta.dirname}/../..`,
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(code));
  await input.close();
  const { stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return decoder.decode(stdout) + decoder.decode(stderr);
}
