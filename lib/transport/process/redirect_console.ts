/**
 * Standard output as a wire: what is printed with `console` meanwhile goes to standard error, where it does
 * not stand between the messages.
 *
 * @module
 */

import { nodeModule } from "../../runtime.ts";

/** What prints to standard output. The others print to standard error anyway. */
const PRINTING = [
  "log",
  "info",
  "debug",
  "dir",
  "dirxml",
  "table",
  "count",
  "countReset",
  "time",
  "timeLog",
  "timeEnd",
  "group",
  "groupCollapsed",
  "groupEnd",
  "clear",
] as const;

/**
 * Has what is printed to standard output with `console` go to standard error.
 *
 * @returns gives standard output back
 */
export function redirectConsole(): () => void {
  // Loaded here: it takes some milliseconds, and few programs speak over their standard output.
  const { Console } = nodeModule("node:console");
  const { stderr } = globalThis.process, { console } = globalThis;
  const own = Object.fromEntries(PRINTING.map((name) => [name, console[name]]));
  const other = new Console(stderr, stderr);
  const redirected = Object.fromEntries(PRINTING.map((name) => [name, other[name].bind(other)]));
  Object.assign(console, redirected);
  return () => {
    for (const name of PRINTING) {
      // What somebody has put in its place since stays there.
      if (console[name] === redirected[name]) Object.assign(console, { [name]: own[name] });
    }
  };
}
