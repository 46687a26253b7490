/**
 * Serves a module of a project that has its own deno.json.
 *
 * An installed command runs with a configuration of its own, and a program cannot change that: the
 * import map of the project would not be read. So the server is started once more, with the project's
 * configuration. Without permission to do that the module is served as it is.
 *
 * @module
 */

import { readServeArguments } from "./args.ts";
import { runServer } from "./main.ts";

const MAIN = new URL("../../main.ts", import.meta.url).href;

/** Permissions that the other process gets when this one has them whole. */
const PERMISSIONS = ["net", "read", "write", "env", "sys", "run", "ffi", "import"] as const;

/**
 * Runs the server until it has ended.
 *
 * @param command what starts it, as its help shows that
 * @returns the exit code
 */
export async function serveProject(args: string[], command: string): Promise<number> {
  const config = await configFor(args);
  return config === undefined
    ? await runServer(args, command)
    : await startAgain(["--config", config, ...permissionFlags()], args);
}

/** The configuration of the project that the module belongs to; undefined when there is none. */
async function configFor(args: string[]): Promise<string | undefined> {
  let module: string | undefined;
  try {
    module = readServeArguments(args).module;
  } catch {
    return; // the server says what is wrong
  }
  if (module === undefined || /^[a-z][a-z0-9+.-]+:/i.test(module)) return;
  const { state } = await Deno.permissions.query({ name: "run", command: Deno.execPath() });
  if (state !== "granted") return;
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
  return PERMISSIONS.filter((name) => Deno.permissions.querySync({ name }).state === "granted")
    .map((name) => `--allow-${name}`);
}

/** Starts the server in a process of its own, which gets the signals that come here. */
async function startAgain(flags: readonly string[], args: readonly string[]): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--unstable-net", "--unstable-vsock", ...flags, MAIN, ...args],
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
