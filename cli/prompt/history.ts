/**
 * What was typed at the prompt, kept between runs: in `landline/history` in the user's folder for such
 * files, `$XDG_STATE_HOME` or `~/.local/state`, one entry on a line.
 *
 * Nobody is asked for a permission: without those to read the environment and to read and write the
 * file, what was typed is forgotten.
 *
 * @module
 */

import { isGranted, variable } from "../command/permissions.ts";

/** Entries that are kept. */
export const MAX_ENTRIES = 1000;

/** Where the history is kept; undefined where the environment does not say, or may not be read. */
export function historyFile(): string | undefined {
  const home = variable("XDG_STATE_HOME") ?? below(variable("HOME"), ".local/state");
  return below(home, "landline/history");
}

/** The entries of an earlier run, the oldest first; none where they cannot be read. */
export function readHistory(file: string | undefined): string[] {
  if (file === undefined || !isGranted({ name: "read", path: file })) return [];
  try {
    const entries = Deno.readTextFileSync(file).split("\n").filter((entry) => entry !== "");
    return entries.slice(-MAX_ENTRIES);
  } catch {
    return [];
  }
}

/**
 * Adds entries to the file, the oldest first; others may have added theirs meanwhile. Only its owner
 * may read it.
 */
export function addToHistory(file: string | undefined, entries: readonly string[]): void {
  if (file === undefined || entries.length === 0) return;
  if (!isGranted({ name: "write", path: file })) return;
  const all = [...readHistory(file), ...entries].slice(-MAX_ENTRIES);
  try {
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true, mode: 0o700 });
    Deno.writeTextFileSync(file, all.map((entry) => entry + "\n").join(""), { mode: 0o600 });
  } catch {
    // A full disk or a file of somebody else's must not end the conversation.
  }
}

function below(folder: string | undefined, path: string): string | undefined {
  return folder === undefined ? undefined : `${folder}/${path}`;
}
