/**
 * Starts programs with Deno.
 *
 * A group needs the permission to signal any process, which is `--allow-run` without a list. With a list
 * the program stays in our group, and is signalled alone.
 *
 * @module
 */

import type { Program } from "../system.ts";

/** @throws {Deno.errors.NotFound} if there is no such program */
export function startOnDeno(program: string, args: readonly string[]): Program {
  const isGroup = Deno.build.os !== "windows" &&
    Deno.permissions.querySync({ name: "run" }).state === "granted";
  // A group's leader has no terminal any more. It must not be one that cannot be signalled as a whole.
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    detached: isGroup,
  }).spawn();
  return {
    input: child.stdin,
    output: child.stdout,
    errors: child.stderr,
    status: child.status,
    isGroup,
    kill: (signal) => isGroup ? Deno.kill(-child.pid, signal) : child.kill(signal),
    onExit(work) {
      addEventListener("unload", work);
      return () => removeEventListener("unload", work);
    },
  };
}

/** Writes to standard error. */
export function writeErrorOnDeno(bytes: Uint8Array): Promise<number> {
  return Deno.stderr.write(bytes);
}
