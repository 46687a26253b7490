/**
 * Finds the API in a module, as the module is named on a command line.
 *
 * @module
 */

import { apiOf, type Exports, importModule } from "../../lib/server/api_module.ts";
import type { Api } from "../../lib/client.ts";

/**
 * Imports a module and gives what it exports as `api`, or else as its default.
 *
 * @param module a path from the current directory on, or a URL
 * @param purpose what it is for, for errors
 * @throws {TypeError} for a module that cannot be loaded or exports no API; the message is one line
 */
export async function importApi(module: string, purpose?: string): Promise<Api> {
  return apiOf(await importNamed(module), module, purpose);
}

/**
 * Imports a module. Deno reads one deno.json for the whole program, which need not be the module's.
 *
 * @throws {TypeError} for a module that cannot be loaded; the message is one line
 */
export async function importNamed(module: string): Promise<Exports> {
  try {
    return await importModule(await urlOf(module), module);
  } catch (error) {
    const { message } = error as Error;
    if (!message.includes("not in import map")) throw error;
    throw new TypeError(
      `${message}; deno run --config deno.json reads the import map of a project`,
      { cause: error },
    );
  }
}

/** The address of a module. A scheme has two letters at least: `C:\api.ts` is a path. */
export async function urlOf(module: string): Promise<string> {
  if (/^[a-z][a-z0-9+.-]+:/i.test(module)) return module;
  // Imported here: these take some 7 ms, and a server without a path does without them.
  const [{ resolve }, { pathToFileURL }] = await Promise.all([
    import("node:path"),
    import("node:url"),
  ]);
  return pathToFileURL(resolve(module)).href;
}
