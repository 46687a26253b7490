/**
 * Files by `node:fs`.
 *
 * @module
 */

import { nodeModule, operatingSystem } from "../../runtime.ts";
import type { Files } from "../system.ts";
import { orSystemError } from "./errors.ts";
import { listenAt } from "./net.ts";

/** The files of `node:fs`. */
export const nodeFiles: Files = {
  mayUse() {}, // the next operation throws if it may not
  makeFolder: (path, mode) => orSystemError(() => fs().mkdirSync(path, { mode })),
  chmod: (path, mode) => orSystemError(() => fs().chmodSync(path, mode)),
  look(path) {
    const found = orSystemError(() => fs().lstatSync(path)), { dev, ino } = found;
    return { dev, ino, isSocket: found.isSocket() };
  },
  link: (path, other) => orSystemError(() => fs().linkSync(path, other)),
  rename: (path, other) => orSystemError(() => fs().renameSync(path, other)),
  remove: (path) => orSystemError(() => fs().rmSync(path, { recursive: true })),
  /**
   * Node has no locks of files. On Linux a name without a file stands for one: it is free again when its
   * process ends, however that is. Elsewhere two servers that replace the file of a dead one in the same
   * milliseconds are not kept apart, nor are one of Deno and one of Node.
   */
  async tryLock(folder) {
    if (operatingSystem() !== "linux") return () => {};
    const { dev, ino } = nodeFiles.look(folder);
    try {
      const lock = await listenAt({ path: `\0landline-${dev}-${ino}` }, "unix:");
      return () => lock.close();
    } catch {
      return undefined;
    }
  },
  version(path) {
    const { ino, size, mtimeMs, ctimeMs } = orSystemError(() => fs().statSync(path));
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  },
  readText: (path) => orSystemError(() => fs().readFileSync(path, "utf8")),
};

function fs(): typeof import("node:fs") {
  return nodeModule("node:fs");
}
