// client.ts --completions: typed at real shells, on terminals of their own.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { serve } from "../../lib/mod.ts";
import { api } from "../../examples/demo.ts";
import { within } from "../support/deadline.ts";
import { testWith } from "../support/tools.ts";
import { makeFolder, runClient } from "./_programs.ts";

const LANDLINE = new URL("../../cli/landline.ts", import.meta.url).href;

/** How to start each shell, with a file of its own that says how to prompt and takes completions. */
const SHELLS = {
  bash: {
    command: ["bash", "--noprofile", "--rcfile", ".bashrc", "-i"],
    file: ".bashrc",
    text: "PS1='READY>'; bind 'set enable-bracketed-paste off'\n" +
      "source <(landline --completions bash)\n",
  },
  zsh: {
    command: ["zsh", "-i"],
    file: ".zshrc",
    text: "PS1='READY>'; autoload -U compinit; compinit -D\n" +
      "source <(landline --completions zsh)\n",
  },
  fish: {
    command: ["fish", "--no-config", "-i", "-C", "source setup.fish"],
    file: "setup.fish",
    text: "function fish_prompt; echo -n 'READY>'; end\nlandline --completions fish | source\n",
  },
} as const;

for (const [shell, { command, file, text }] of Object.entries(SHELLS)) {
  testWith(
    ["python3", "env", shell],
    `${shell} completes the command line of landline`,
    async () => {
      await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
      const address = server.addresses[0]!;
      await using folder = await makeFolder({
        [file]: text,
        landline: `#!/bin/sh\nexec '${Deno.execPath()}' run -q -N '${LANDLINE}' "$@"\n`,
      });
      await Deno.chmod(`${folder.path}/landline`, 0o755);
      const steps = [
        ["READY>", `landline ${address} upp`],
        [`${address} upp`, "\t"],
        ["er", ` '"x"' --fra`],
        ["--fra", "\t"],
        ["ming", "hea"],
        ["hea", "\t"],
        ["ders", "\r"],
        ['"X"', ""],
        ["READY>", "landline benc"],
        ["benc", "\t"],
        ["h ", "--rat"],
        ["--rat", "\t"],
        ["e ", "\x15landline serv"],
        ["serv", "\t"],
        ["e ", "land"],
        ["land", "\t"],
        ["line ", "--work"],
        ["--work", "\t"],
        ["ers ", "\x15exit\r"],
      ];
      const { stdout, stderr, success } = await within(
        new Deno.Command("python3", {
          args: [
            `${import.meta.dirname}/_terminal.py`,
            JSON.stringify(steps),
            "/usr/bin/env",
            ...command,
          ],
          cwd: folder.path,
          env: {
            NO_COLOR: "1",
            HOME: folder.path,
            PATH: `${folder.path}:${Deno.env.get("PATH")}`,
            ZDOTDIR: folder.path,
            TERM: "dumb",
          },
        }).output(),
        "the shell to end",
      );
      assertEquals(new TextDecoder().decode(stderr), "");
      assertStringIncludes(new TextDecoder().decode(stdout), '"X"');
      assertEquals(success, true);
    },
  );
}

for (
  const [args, message] of [
    [["--completions", "csh"], 'the shell must be bash, zsh or fish, it is "csh"'],
    [["--completions"], "the shell must be bash, zsh or fish, there is none"],
    [["--completions", "bash", "x"], 'after the shell nothing may stand, there is "x"'],
  ] as const
) {
  Deno.test(`client.ts ${args.join(" ")} says why on one line and exits with 2`, async () => {
    assertEquals(await runClient(args), {
      code: 2,
      stdout: "",
      stderr: `error: Cannot make completions: ${message}\n`,
    });
  });
}
