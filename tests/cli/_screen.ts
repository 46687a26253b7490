// What stands on the screen after a program has written to a terminal.

/** The columns of the terminal: Python's pty has none of its own, readline takes 80 then. */
const WIDTH = 80;

/**
 * The lines of the screen, without the white space at their ends. Knows what `node:readline` uses: cursor
 * movement and erasing. Colours are left out; any other sequence is an error.
 */
export function screenOf(output: string): string[] {
  const lines: string[][] = [[]];
  let row = 0, column = 0;
  // deno-lint-ignore no-control-regex
  for (const [token, count, kind] of output.matchAll(/\x1b\[(\d*)([A-Za-z])|[^]/gu)) {
    if (kind !== undefined) {
      const n = Number(count || "1");
      if (kind === "G") column = n - 1;
      else if (kind === "C") column += n;
      else if (kind === "D") column -= n;
      else if (kind === "A") row -= n;
      else if (kind === "B") row += n;
      else if (kind === "J" && !Number(count)) {
        lines.length = row + 1;
        lines[row]!.length = Math.min(lines[row]!.length, column);
      } else if (kind === "K" && !Number(count)) lines[row]!.length = column;
      else if (kind !== "m") throw new Error(`There is ${JSON.stringify(token)} on the screen`);
    } else if (token === "\r") column = 0;
    else if (token === "\n") row++;
    else {
      if (column === WIDTH) [row, column] = [row + 1, 0];
      lines[row] ??= [];
      lines[row]![column++] = token;
    }
    while (lines.length <= row) lines.push([]);
  }
  return lines.map((line) => Array.from(line, (char) => char ?? " ").join("").trimEnd());
}
