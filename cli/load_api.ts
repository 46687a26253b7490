/**
 * Finds what is to be served in a module.
 *
 * @module
 */

import { stripVTControlCharacters } from "node:util";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Api } from "../lib/mod.ts";
import { printable } from "./printable.ts";
import type { RawService } from "./raw_connection.ts";

/**
 * Loads a module and gives what it exports as `api`, or else as its default.
 *
 * @param module a path from the current directory on, or a URL
 * @throws {TypeError} for a module that cannot be loaded or exports no API; the message is one line
 */
export async function loadApi(module: string): Promise<Api> {
  const exports = await load(module);
  const name = ["api", "default"].find((name) => exports[name] !== undefined);
  if (name === undefined) {
    throw new TypeError(
      `Cannot serve ${printable(module)}: it exports neither api nor a default, ${all(exports)}`,
    );
  }
  const api = exports[name];
  if (api === null || typeof api !== "object" || Array.isArray(api)) {
    const kind = api === null ? "null" : Array.isArray(api) ? "an array" : `a ${typeof api}`;
    throw new TypeError(
      `Cannot serve ${
        printable(module)
      }: its export ${name} is ${kind}, expected an object of methods`,
    );
  }
  return api as Api;
}

/**
 * Loads a module and gives what it exports as `raw`, a function of a piece of bytes and a `RawContext`.
 *
 * @param module a path from the current directory on, or a URL
 * @throws {TypeError} for a module that cannot be loaded or exports no `raw`; the message is one line
 */
export async function loadRaw(module: string): Promise<RawService> {
  const exports = await load(module);
  const { raw } = exports;
  if (typeof raw !== "function") {
    throw new TypeError(
      `Cannot serve ${printable(module)} with --raw: it exports no function raw, ${all(exports)}`,
    );
  }
  // The bytes are raw()'s own: it may keep them.
  return (context) => ({ answer: (bytes) => raw(bytes.slice(), context) });
}

async function load(module: string): Promise<Record<string, unknown>> {
  try {
    return await import(urlOf(module));
  } catch (error) {
    throw new TypeError(`Cannot load ${printable(module)}: ${reasonOf(error)}`, { cause: error });
  }
}

function all(exports: Record<string, unknown>): string {
  const names = Object.keys(exports).join(", ");
  return `it exports ${names === "" ? "nothing" : names}`;
}

/** A scheme has two letters at least: `C:\api.ts` is a path. */
function urlOf(module: string): string {
  return /^[a-z][a-z0-9+.-]+:/i.test(module) ? module : pathToFileURL(resolve(module)).href;
}

/** What went wrong and where, on one line: without the runtime's colours, hints and code frames. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${printable(String(error))}`;
  const message = stripVTControlCharacters(error.message);
  const [first = "", ...others] = message.split("\n");
  const title = first.replace(/^\[\w+\] /, "").replace(/\.$/, "");
  // A failed download lists its causes by number, the last one says what it was.
  const cause = others.map((line) => /^ +\d+: (.*)/.exec(line)?.[1]).findLast(Boolean);
  const isOurs = "code" in error || error.name === "Error"; // the module did not throw it
  return printable(
    (isOurs ? title : `${error.name}: ${title}`) +
      (cause === undefined ? "" : `: ${cause}`) + placeOf(message, error.stack ?? ""),
  );
}

/** Where in which module, if that is not plain already. */
function placeOf(message: string, stack: string): string {
  const place = /\b(\w+:\/\/[^\s()]+):\d+:\d+/;
  const [at, file] = place.exec(message) ?? place.exec(stripVTControlCharacters(stack)) ?? [];
  // The line that imports is ours, and tells nothing.
  const isPlain = file === undefined || file === import.meta.url || message.includes(`"${file}"`);
  return isPlain ? "" : ` (${at})`;
}
