// Editors with a language server of ours, which they start. They print what they got, as other clients do.

import { Program } from "../support/program.ts";
import { type Pair, pairOf } from "./_pairs.ts";
import { prints } from "./_client_program.ts";

const PROGRAMS = `${import.meta.dirname}/programs`;
const SERVER = [Deno.execPath(), "run", "-q", "-A", `${PROGRAMS}/language_server.ts`];

/** Starts an editor, which finds in its environment how to start our server. */
function editor(...command: string[]) {
  return () => {
    const program = Program.run(command, { LANGUAGE_SERVER: JSON.stringify(SERVER) });
    const end = () => program[Symbol.asyncDispose]();
    return Promise.resolve({ program, [Symbol.asyncDispose]: end });
  };
}

const call = "its methods take objects";

export const EDITORS: readonly Pair[] = [
  pairOf(
    {
      theirs: "Neovim 0.7",
      over: "command, headers",
      how: '`vim.lsp.start_client({ cmd = { "deno", "run", "server.ts" } })`',
    },
    editor("nvim", "--headless", "--clean", "-n", "-S", `${PROGRAMS}/neovim.lua`),
    {
      call,
      "by name": prints("HELLO"),
      error: prints(-32601),
      notification: prints("BYE"),
      batch: "it has no batches",
      "100 at once": prints(["NOPE", "BYE"]),
      cancel: prints("told"),
      progress: prints(["begin", "end"]),
      "calls back": prints(["Not nope", "the setting landline"]),
    },
    ["nvim"],
  ),
  pairOf(
    {
      theirs: "Emacs 28, Eglot 1",
      over: "command, headers",
      how: '`(add-to-list \'eglot-server-programs \'(landline-mode "deno" "run" "server.ts"))`',
    },
    editor("emacs", "--batch", "-l", `${PROGRAMS}/eglot.el`),
    {
      call,
      "by name": prints("HELLO"),
      error: prints(-32601),
      notification: prints("BYE"),
      batch: "it has no batches",
      "100 at once": prints(["BYE"]),
      cancel: "it forgets a call without telling the other end",
      progress: prints(["begin", "end"]),
      "calls back": prints(["landline: Not nope", "the setting landline"]),
    },
    ["emacs", "debian:elpa-eglot"],
  ),
];
