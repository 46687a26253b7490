/**
 * Starts threads. Most servers have none, and do not load this.
 *
 * @module
 */

import { getHeapStatistics } from "node:v8";
import { Worker } from "node:worker_threads";
import { errors } from "../../runtime.ts";
import type { Task } from "./messages.ts";
import { type ThreadHost, WorkerThread } from "./worker_handle.ts";

const MIB = 1 << 20;

/** Starts a worker with a task. */
export type StartThread = (task: Task, host: ThreadHost) => WorkerThread;

/** @throws {Deno.errors.NotCapable} if the code of workers may not be read */
export async function threadStarter(): Promise<StartThread> {
  const module = new URL(import.meta.resolve("./worker.ts"));
  if (module.protocol === "file:") {
    const read = await Deno.permissions.query({ name: "read", path: module });
    if (read.state !== "granted") {
      throw new errors.NotCapable(
        `Cannot serve with workers: they need the permission --allow-read=${module.pathname}`,
      );
    }
  }
  // Node's workers begin with files and data: alone, and this library may come from anywhere.
  const code = `import { work } from ${JSON.stringify(module)}; work();`;
  const entry = new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  // The limit that holds anyway. With one that is said, the worker ends at it and not the process.
  const maxOldGenerationSizeMb = Math.floor(getHeapStatistics().heap_size_limit / MIB);
  const resourceLimits = { maxOldGenerationSizeMb };
  return (task, host) =>
    new WorkerThread(new Worker(entry, { workerData: task, resourceLimits }), task, host);
}
