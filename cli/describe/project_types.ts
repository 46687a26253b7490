/**
 * `landline types` for a module of a project that has its own deno.json.
 *
 * @module
 */

import { readArguments } from "../command/args.ts";
import { runInProject } from "../command/project.ts";
import { options } from "./api_types.ts";

const CLIENT = new URL("../../client.ts", import.meta.url).href;

/**
 * Writes the types in the project of the module that the command line names.
 *
 * @param args the command line, from the command on
 * @returns the exit code; undefined if there is no project
 */
export async function typesInProject(args: string[]): Promise<number | undefined> {
  const { words: [, module] } = readArguments(args, options, false);
  return await runInProject(module, CLIENT, args);
}
