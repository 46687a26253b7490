/**
 * Finds what is to be served in a module, as it is named on a command line.
 *
 * @module
 */

import { apiOf, type Exports, importModule, namesOf } from "../../lib/server/api_module.ts";
import type { Api } from "../../lib/mod.ts";
import type { RawService } from "../raw/connection.ts";

/**
 * Imports a module and gives what it exports as `api`, or else as its default.
 *
 * @param module a path from the current directory on, or a URL
 * @throws {TypeError} for a module that cannot be loaded or exports no API; the message is one line
 */
export async function importApi(module: string): Promise<Api> {
  return apiOf(await importNamed(module), module);
}

/**
 * Imports a module and gives what it exports as `raw`, a function of a piece of bytes and a `RawContext`.
 *
 * @param module a path from the current directory on, or a URL
 * @throws {TypeError} for a module that cannot be loaded or exports no `raw`; the message is one line
 */
export async function importRaw(module: string): Promise<RawService> {
  const exports = await importNamed(module);
  const { raw } = exports;
  if (typeof raw !== "function") {
    throw new TypeError(
      `Cannot serve ${module} with --raw: it exports no function raw, ${namesOf(exports)}`,
    );
  }
  // The bytes are raw()'s own: it may keep them.
  return (context) => ({ answer: (bytes) => raw(bytes.slice(), context) });
}

/** Imports a module. Deno reads one deno.json for the whole program, which need not be the module's. */
async function importNamed(module: string): Promise<Exports> {
  try {
    return await importModule(await urlOf(module), module);
  } catch (error) {
    const { message } = error as Error;
    if (!message.includes("not in import map")) throw error;
    throw new TypeError(
      `${message}; deno run --config deno.json main.ts reads the import map of a project`,
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
