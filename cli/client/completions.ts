/**
 * `client.ts --completions SHELL`: what completes the command line of `landline` in a shell. Options and
 * commands come from the tables that read them; methods are asked of the server whose address stands
 * on the line.
 *
 * A name from a server is only taken if it has nothing in it that a shell would act on, and could not
 * be an option.
 *
 * @module
 */

import {
  type ArgumentOptions,
  type Given,
  LOCAL_OPTIONS,
  SHARED_OPTIONS,
} from "../command/args.ts";
import { COMMANDS, OPTIONS, type Program } from "./commands.ts";
import { EXIT } from "../command/exit.ts";
import { quoted } from "../text/printable.ts";
import { print } from "../text/stdio.ts";

/** Its own options. */
export const options = { completions: { type: "string" } } as const satisfies ArgumentOptions;

/** What the options take that do not take just anything. */
const VALUES: Readonly<Record<string, string>> = {
  framing: "json headers length",
  completions: "bash zsh fish",
  "line-end": "lf crlf",
};

/** The options that take a file. */
const FILES = ["ca", "cert", "client-ca", "key", "output", "token-file"];

/** Prints the names of the methods of the server at `$address`. */
const METHODS = `landline --timeout 2000 --list --json "$address" 2>/dev/null |
    sed -n 's/^{"name":"\\([A-Za-z0-9._/][A-Za-z0-9._/-]*\\)".*/\\1/p'`;

/** The options of a command. */
interface Commands {
  readonly name: string;
  readonly summary: string;
  readonly options: ArgumentOptions;
  /** Whether its words are files, and not an address and a method. */
  readonly takesFiles?: boolean;
}

/** Prints the script. */
export async function run(
  words: readonly string[],
  { values }: Given,
  { server }: Program,
): Promise<number> {
  const shell = values.get("completions");
  const script = { bash, zsh, fish }[shell as "bash" | "zsh" | "fish"];
  if (script === undefined || words.length > 0) {
    const got = shell ? `it is ${quoted(shell)}` : "there is none";
    throw new TypeError(
      words.length > 0
        ? `Cannot make completions: after the shell nothing may stand, there is ${
          quoted(words[0]!)
        }`
        : `Cannot make completions: the shell must be bash, zsh or fish, ${got}`,
    );
  }
  const commands: Commands[] = [];
  for (const [name, { summary, importModule }] of COMMANDS) {
    const { connects = true, options } = await importModule();
    const shared = connects ? SHARED_OPTIONS : LOCAL_OPTIONS;
    const takesFiles = !connects;
    commands.push({ name, summary, options: { ...shared, ...options }, takesFiles });
  }
  if (server !== undefined) {
    commands.push({ ...server, options: await server.importOptions(), takesFiles: true });
  }
  await print(script({ ...SHARED_OPTIONS, ...OPTIONS }, commands));
  return EXIT.OK;
}

function bash(options: ArgumentOptions, commands: readonly Commands[]): string {
  return `\
# source <(landline --completions bash)
_landline() {
  local line=\${COMP_LINE:0:COMP_POINT} current=\${COMP_WORDS[COMP_CWORD]}
  local words word address= method= command= previous= options
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] || unset "words[\${#words[@]}-1]"
  for word in "\${words[@]:1}"; do
${walk("    ", options, commands)}
  done
  case $previous in
${valueCases((values) => `COMPREPLY=($(compgen -W "${values}" -- "$current"))`)}
    ${FILES.map(long).join(" | ")}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  options="${longOptions(options)}"
  case $command in
${optionCases(commands)}
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
${
    fileWords(commands, `COMPREPLY=($(compgen -f -- "$current"))`)
  }  elif [[ -z $address && -z $command ]]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")}" -- "$current"))
  elif [[ -n $address && -z $method ]]; then
    COMPREPLY=($(compgen -W "$(${METHODS})" -- "$current"))
  fi
}
complete -F _landline landline
`;
}

function zsh(options: ArgumentOptions, commands: readonly Commands[]): string {
  return `\
# source <(landline --completions zsh), after compinit
_landline() {
  local word address= method= command= previous= options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    word=\${(Q)word}
${walk("    ", options, commands)}
  done
  case $previous in
${valueCases((values) => `compadd -- ${values}`)}
    ${FILES.map(long).join(" | ")}) _files; return ;;
  esac
  options="${longOptions(options)}"
  case $command in
${optionCases(commands)}
  esac
  if [[ $PREFIX == -* ]]; then
    compadd -- \${=options}
${fileWords(commands, "_files")}  elif [[ -z $address && -z $command ]]; then
    compadd -- ${commands.map(({ name }) => name).join(" ")}
  elif [[ -n $address && -z $method ]]; then
    compadd -- \${(f)"$(${METHODS})"}
  fi
}
compdef _landline landline
`;
}

function fish(options: ArgumentOptions, commands: readonly Commands[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const line = (condition: string, name: string, { type, short }: ArgumentOptions[string]) => {
    const values = VALUES[name];
    const value = FILES.includes(name)
      ? " -r -F"
      : values !== undefined
      ? ` -x -a '${values}'`
      : type === "string"
      ? " -x"
      : "";
    return `complete -c landline ${condition}-l ${name}${short ? ` -s ${short}` : ""}${value}\n`;
  };
  const alone = commands.filter(({ takesFiles }) => takesFiles).map(({ name }) => name).join(" ");
  const others = alone === "" ? "" : `-n 'not __fish_seen_subcommand_from ${alone}' `;
  const shared = Object.entries(SHARED_OPTIONS).map(([name, option]) => line(others, name, option));
  const own = Object.entries(options).filter(([name]) => !Object.hasOwn(SHARED_OPTIONS, name))
    .map(([name, option]) => line(`-n 'not __fish_seen_subcommand_from ${names}' `, name, option));
  const ofCommands = commands.flatMap(({ name: command, options, takesFiles }) =>
    Object.entries(options).filter(([name]) => takesFiles || !Object.hasOwn(SHARED_OPTIONS, name))
      .map(([name, option]) => line(`-n '__fish_seen_subcommand_from ${command}' `, name, option))
  );
  return `\
# landline --completions fish | source
function __landline_address
  commandline -opc | string match -- '*:*' | head -n 1
end
function __landline_needs_method
  set -l words (commandline -opc)
  string match -q -- '*:*' $words[-1]
end
function __landline_methods
  set -l address (__landline_address)
  ${METHODS}
end
complete -c landline -f
complete -c landline -n __landline_needs_method -a '(__landline_methods)'
${alone === "" ? "" : `complete -c landline -n '__fish_seen_subcommand_from ${alone}' -F\n`}${
    commands.map(({ name, summary }) =>
      `complete -c landline -n '__fish_use_subcommand' -a ${name} -d '${
        summary.replaceAll("'", "\\'")
      }'\n`
    ).join("")
  }${[...shared, ...own, ...ofCommands].join("")}`;
}

/** Finds out, word by word, what stands before the cursor. The same in bash and in zsh. */
function walk(indent: string, options: ArgumentOptions, commands: readonly Commands[]): string {
  const all = [options, ...commands.map(({ options }) => options)];
  const names = new Set(
    all.flatMap((options) =>
      Object.entries(options).filter(([, { type }]) => type === "string").map(([name]) =>
        long(name)
      )
    ),
  );
  const lines = [
    `if [[ -n $previous ]]; then previous=; continue; fi`,
    `case $word in`,
    `  ${[...names].join(" | ")}) previous=$word ;;`,
    `  -?*) ;;`,
    `  *:*) [[ -n $address ]] && method=$word || address=$word ;;`,
    `  ${commands.map(({ name }) => name).join(" | ")})`,
    `    [[ -z $address ]] && command=$word || method=$word ;;`,
    `  *) [[ -n $address ]] && method=$word ;;`,
    `esac`,
  ];
  return lines.map((line) => indent + line).join("\n");
}

/** What completes the words of commands that take files, a branch of an if. */
function fileWords(commands: readonly Commands[], complete: string): string {
  const names = commands.filter(({ takesFiles }) => takesFiles).map(({ name }) => name);
  return names.length === 0
    ? ""
    : `  elif [[ $command == ${names.join(" || $command == ")} ]]; then\n    ${complete}\n`;
}

function valueCases(complete: (values: string) => string): string {
  return Object.entries(VALUES)
    .map(([name, values]) => `    ${long(name)}) ${complete(values)}; return ;;`).join("\n");
}

function optionCases(commands: readonly Commands[]): string {
  return commands.map(({ name, options }) => `    ${name}) options="${longOptions(options)}" ;;`)
    .join("\n");
}

function longOptions(options: ArgumentOptions): string {
  return Object.keys(options).map(long).join(" ");
}

function long(name: string): string {
  return "--" + name;
}
