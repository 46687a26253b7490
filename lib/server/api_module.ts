/**
 * Finds an API in a module that is known by its address alone.
 *
 * @module
 */

import type { Api } from "../api/api.ts";

/** What a module exports, by name. */
export type Exports = Readonly<Record<string, unknown>>;

/**
 * Imports a module.
 *
 * @param url its address
 * @param name what errors call it
 * @throws {TypeError} for a module that cannot be loaded; the message is one line, and says where
 */
export async function importModule(url: string, name: string = url): Promise<Exports> {
  try {
    return await import(url);
  } catch (error) {
    // Imported here: a module that can be imported needs no reason.
    const { stripVTControlCharacters } = await import("node:util");
    const reason = reasonOf(error, stripVTControlCharacters);
    throw new TypeError(`Cannot load ${name}: ${reason}`, { cause: error });
  }
}

/**
 * What a module exports as `api`, or else as its default. Whether all its members are methods shows
 * when it is served.
 *
 * @param name what errors call the module
 * @param purpose what cannot be done without an API, for errors
 * @throws {TypeError} for a module that exports no API
 */
export function apiOf(exports: Exports, name: string, purpose: string = "serve"): Api {
  const found = ["api", "default"].find((name) => exports[name] !== undefined);
  if (found === undefined) {
    throw new TypeError(
      `Cannot ${purpose} ${name}: it exports neither api nor a default, ${namesOf(exports)}`,
    );
  }
  const api = exports[found];
  if (api === null || typeof api !== "object" || Array.isArray(api)) {
    const kind = api === null ? "null" : Array.isArray(api) ? "an array" : `a ${typeof api}`;
    throw new TypeError(
      `Cannot ${purpose} ${name}: its export ${found} is ${kind}, expected an object of methods`,
    );
  }
  return api as Api;
}

/** What there is, for errors about what there is not. */
export function namesOf(exports: Exports): string {
  const names = Object.keys(exports).join(", ");
  return `it exports ${names === "" ? "nothing" : names}`;
}

/** What went wrong and where, on one line: without the runtime's colours, hints and code frames. */
function reasonOf(error: unknown, strip: (text: string) => string): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}`;
  const message = strip(error.message);
  const [first = "", ...others] = message.split("\n");
  const title = first.replace(/^\[\w+\] /, "").replace(/\.$/, "");
  // A failed download lists its causes by number, the last one says what it was.
  const cause = others.map((line) => /^ +\d+: (.*)/.exec(line)?.[1]).findLast(Boolean);
  const isOurs = "code" in error || error.name === "Error"; // the module did not throw it
  return (isOurs ? title : `${error.name}: ${title}`) +
    (cause === undefined ? "" : `: ${cause}`) + placeOf(message, strip(error.stack ?? ""));
}

/** Where in which module, if that is not plain already. */
function placeOf(message: string, stack: string): string {
  const place = /\b(\w+:\/\/[^\s()]+):\d+:\d+/;
  const [at, file] = place.exec(message) ?? place.exec(stack) ?? [];
  // The line that imports is ours, and tells nothing.
  const isPlain = file === undefined || file === import.meta.url || message.includes(`"${file}"`);
  return isPlain ? "" : ` (${at})`;
}
