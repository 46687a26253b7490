/**
 * What client.ts and landline do when they are run: finds the command, and gives it its words and
 * options.
 *
 * @module
 */

import {
  type ArgumentOptions,
  givenOf,
  LOCAL_OPTIONS,
  readArguments,
  SHARED_OPTIONS,
} from "../command/args.ts";
import { errorText } from "../command/errors.ts";
import { CLIENT, type Command, COMMANDS, OPTIONS, type Program } from "./commands.ts";
import { EXIT, Exit } from "../command/exit.ts";
import { print } from "../text/stdio.ts";

/** What is done where no command stands: by the options that ask for it, else by the words. */
const BY_OPTION: ReadonlyMap<string, () => Promise<Command>> = new Map<
  string,
  () => Promise<Command>
>([
  ["raw", () => import("../raw/telephone.ts")],
  ["list", () => import("../describe/describe.ts")],
  ["describe", () => import("../describe/describe.ts")],
  ["types", () => import("../describe/generate_types.ts")],
  ["completions", () => import("./completions.ts")],
]);

/**
 * Does what the command line says.
 *
 * @param program the one that was started
 * @returns the exit code
 */
export async function runClient(args: string[], program: Program = CLIENT): Promise<number> {
  try {
    const [name = ""] = readArguments(args, OPTIONS, false).words;
    const command = await COMMANDS.get(name)?.importModule();
    const read = readArguments(args, command?.options ?? OPTIONS), { words, values } = read;
    if (values.has("help")) return await help(program, command);
    if (values.has("version")) return await version();
    if (command !== undefined) {
      if (command.connects === false) refuseConnecting(name, values);
      return await command.run(words.slice(1), givenOf(read), program);
    }
    const chosen = await moduleFor(words, values);
    refuseOthers(values, chosen.options);
    return await chosen.run(words, givenOf(read), program);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return EXIT.NO_READER;
    const json = args.includes("--json"); // the arguments may be why we are here
    if (error instanceof TypeError) {
      console.error(errorText(error, json, "INVALID_ARGUMENT"));
      return EXIT.USAGE;
    }
    if (!(error instanceof Exit)) throw error;
    console.error(errorText(error, json, "UNAVAILABLE"));
    return error.code;
  }
}

function moduleFor(
  [address, method]: readonly string[],
  values: ReadonlyMap<string, unknown>,
): Promise<Command> {
  for (const [option, importModule] of BY_OPTION) if (values.has(option)) return importModule();
  if (address === undefined) {
    throw new TypeError("Cannot call: ADDRESS is missing, --help shows how");
  }
  if (method === undefined) return import("../prompt/prompt.ts");
  return method === "-" ? import("../call/stdin_calls.ts") : import("../call/call.ts");
}

/** Options that mean nothing to what is done: who gave them expected something. */
function refuseOthers(values: ReadonlyMap<string, unknown>, own: ArgumentOptions): void {
  const names = Object.keys(OPTIONS);
  const other = names.find((name) => values.has(name) && !Object.hasOwn(own, name));
  if (other === undefined) return;
  const asked = names.find((name) => values.has(name) && BY_OPTION.has(name));
  throw new TypeError(
    `Cannot use --${other} ${asked === undefined ? "here" : `with --${asked}`}, --help shows where`,
  );
}

/** Options about a server, for a command that calls none. */
function refuseConnecting(command: string, values: ReadonlyMap<string, unknown>): void {
  const other = Object.keys(SHARED_OPTIONS).find((name) =>
    values.has(name) && !Object.hasOwn(LOCAL_OPTIONS, name)
  );
  if (other === undefined) return;
  throw new TypeError(`Cannot use --${other} with ${command}, which calls no server`);
}

async function help(program: Program, command?: Command): Promise<number> {
  const { commandHelp, clientHelp } = await import("./help.ts");
  await print(command === undefined ? clientHelp(program) : commandHelp(program, command));
  return EXIT.OK;
}

async function version(): Promise<number> {
  const { VERSION } = await import("../version.ts");
  await print(`landline ${VERSION}\n`);
  return EXIT.OK;
}
