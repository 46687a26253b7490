/**
 * Runs a program with the configuration of the project that a module belongs to.
 *
 * An installed command runs with a configuration of its own, and a program cannot change that: the
 * import map of the project would not be read. So the program is started once more, with the project's
 * configuration. Without permission to do that, the module is imported as it is.
 *
 * @module
 */

import { isGranted } from "./permissions.ts";

/** Permissions that the other process gets when this one has them whole. */
const PERMISSIONS = ["net", "read", "write", "env", "sys", "run", "ffi", "import"] as const;

/**
 * Starts a program in the project of a module, and waits for its end.
 *
 * @param module a path from the current directory on; undefined, or a URL, belongs to no project
 * @param program the address of the program
 * @returns its exit code; undefined if there is no project, or no permission to start it
 */
export async function runInProject(
  module: string | undefined,
  program: string,
  args: readonly string[],
): Promise<number | undefined> {
  const config = await configFor(module);
  return config === undefined
    ? undefined
    : await startAgain(["--config", config, ...permissionFlags(), program], args);
}

/** The configuration of the project that the module belongs to; undefined when there is none. */
async function configFor(module: string | undefined): Promise<string | undefined> {
  if (module === undefined || /^[a-z][a-z0-9+.-]+:/i.test(module)) return;
  if (!isGranted({ name: "run", command: Deno.execPath() })) return;
  const { dirname, join, resolve } = await import("node:path");
  for (let folder = dirname(resolve(module)), above = "";; folder = above) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      if (isFile(join(folder, name))) return join(folder, name);
    }
    above = dirname(folder);
    if (above === folder) return;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function permissionFlags(): string[] {
  return PERMISSIONS.filter((name) => isGranted({ name })).map((name) => `--allow-${name}`);
}

/** Starts the program in a process of its own, which gets the signals that come here. */
async function startAgain(flags: readonly string[], args: readonly string[]): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--unstable-net", "--unstable-vsock", ...flags, ...args],
  }).spawn();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    if (signal !== "SIGINT" && Deno.build.os === "windows") continue; // there are none
    Deno.addSignalListener(signal, () => {
      try {
        child.kill(signal);
      } catch {
        // has ended
      }
    });
  }
  return (await child.status).code;
}
