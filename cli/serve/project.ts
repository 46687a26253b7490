/**
 * Serves a module of a project that has its own deno.json.
 *
 * @module
 */

import { runInProject } from "../command/project.ts";
import { readServeArguments } from "./args.ts";
import { runServer } from "./main.ts";

const MAIN = new URL("../../main.ts", import.meta.url).href;

/**
 * Runs the server until it has ended.
 *
 * @param command what starts it, as its help shows that
 * @returns the exit code
 */
export async function serveProject(args: string[], command: string): Promise<number> {
  return await runInProject(moduleIn(args), MAIN, args) ?? await runServer(args, command);
}

function moduleIn(args: string[]): string | undefined {
  try {
    return readServeArguments(args).module;
  } catch {
    return undefined; // the server says what is wrong
  }
}
