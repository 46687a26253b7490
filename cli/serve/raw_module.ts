/**
 * Finds what `--raw` serves in a module, as it is named on a command line.
 *
 * @module
 */

import { namesOf } from "../../lib/server/api_module.ts";
import { importNamed } from "../command/api_module.ts";
import type { RawService } from "../raw/connection.ts";

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
