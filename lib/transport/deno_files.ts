/**
 * Files by Deno's own functions.
 *
 * @module
 */

import { errors } from "../runtime.ts";
import type { Files } from "./system.ts";

/** Deno's files. */
export const denoFiles: Files = {
  mayUse(folder) {
    // For the whole folder: permissions for a path alone are not enough to come there.
    for (const name of ["read", "write"] as const) {
      if (Deno.permissions.requestSync({ name, path: folder }).state === "granted") continue;
      throw new errors.NotCapable(
        `Requires ${name} access to "${folder}", run again with the --allow-${name} flag`,
      );
    }
  },
  makeFolder: (path, mode) => Deno.mkdirSync(path, { mode }),
  chmod: (path, mode) => Deno.chmodSync(path, mode),
  look(path) {
    const { dev, ino, isSocket } = Deno.lstatSync(path);
    return { dev, ino, isSocket: isSocket ?? false };
  },
  link: (path, other) => Deno.linkSync(path, other),
  rename: (path, other) => Deno.renameSync(path, other),
  remove: (path) => Deno.removeSync(path, { recursive: true }),
  async tryLock(folder) {
    const file = await Deno.open(folder);
    if (await file.tryLock(true)) return () => file.close();
    file.close();
    return undefined;
  },
  version(path) {
    const { ino, size, mtime, ctime } = Deno.statSync(path);
    return `${ino} ${size} ${mtime?.getTime()} ${ctime?.getTime()}`;
  },
  readText: (path) => Deno.readTextFileSync(path),
};
