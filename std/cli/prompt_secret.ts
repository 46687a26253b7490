/**
 * A question whose answer is not shown.
 *
 * @module
 */

/** Options of {@linkcode promptSecret}. */
export type PromptSecretOptions = {
  /**
   * What stands for each character typed; nothing is shown when it is empty.
   *
   * @default {"*"}
   */
  mask?: string;
  /**
   * Whether to remove the question from the terminal once it is answered.
   *
   * @default {false}
   */
  clear?: boolean;
};

const ENTER = new Set(["\n", "\r"]);
const BACKSPACE = new Set(["\b", "\x7f"]);
const CLEAR_LINE = "\r\x1b[K";

/**
 * Asks a question on the terminal and gives the answer, up to Enter, without showing it. Blocks the
 * whole program meanwhile, as `prompt()` does.
 *
 * @param message The question.
 * @param options How to stand in for what is typed.
 * @returns The answer, or `null` if standard input is not a terminal.
 */
export function promptSecret(
  message = "Secret",
  options?: PromptSecretOptions,
): string | null {
  if (!Deno.stdin.isTerminal()) return null;
  const { mask = "*", clear = false } = options ?? {};
  const question = `${message} `;
  // Before the question is asked, so that not even an early key is shown. In cbreak mode a Ctrl-C still
  // ends the program; Windows has no such mode.
  Deno.stdin.setRaw(true, { cbreak: Deno.build.os !== "windows" });
  try {
    write(question);
    return readAnswer((length) => {
      if (mask) write(CLEAR_LINE + lastRow(question + mask.repeat(length)));
    });
  } finally {
    Deno.stdin.setRaw(false);
    write(clear ? CLEAR_LINE : "\n");
  }
}

/** Reads up to the end of the line, telling after each key how many characters there are. */
function readAnswer(typed: (length: number) => void): string {
  const answer: string[] = [];
  const decoder = new TextDecoder();
  const byte = new Uint8Array(1);
  while (Deno.stdin.readSync(byte)) {
    const character = decoder.decode(byte, { stream: true });
    if (ENTER.has(character)) break;
    if (BACKSPACE.has(character)) answer.pop();
    else if (character) answer.push(character);
    typed(answer.length);
  }
  return answer.join("");
}

/** The end of a line that is too long for the terminal: only one row can be redrawn. */
function lastRow(line: string): string {
  const { columns } = Deno.consoleSize();
  return line.slice(Math.floor((line.length - 1) / columns) * columns);
}

function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
