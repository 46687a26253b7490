/**
 * What runs in a worker: the server of a module's API, which tells the main thread what happens.
 *
 * @module
 */

import { getHeapStatistics } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import type { Authenticate } from "../../api/auth.ts";
import type { MetricsPage } from "../../http/options.ts";
import { resolveLimits } from "../../limits.ts";
import { apiOf, type Exports, importModule } from "../api_module.ts";
import { type HasRoom, ListeningServer } from "../listening_server.ts";
import type { ServeOptions } from "../options.ts";
import {
  fromThrown,
  type FromWorker,
  type Task,
  toThrown,
  type ToWorker,
  workerError,
} from "./messages.ts";

/** Milliseconds between two looks at the memory. */
const MEMORY_CHECK = 250;

/** Serves what the main thread has asked for, until that ends the worker. */
export async function work(): Promise<void> {
  // Web code knows the global object by this name; a worker of Node's kind does not have it.
  Object.assign(globalThis, { self: globalThis });
  const task = workerData as Task;
  catchErrors(task);
  checkMemory();
  try {
    await serveTask(task);
    tell({ kind: "ended" });
  } catch (error) {
    fail(error);
  }
}

/** Resolves when it was told to end, and has. */
async function serveTask(task: Task): Promise<void> {
  const { module, connections, index } = task;
  const exports = await importModule(module);
  const connectionState = exportOf(exports, "connectionState", "function", module);
  const observe = exportOf(exports, "observe", "object", module);
  const mainThread = new MainThread();
  const server = new ListeningServer(apiOf(exports, module), {
    ...task.options,
    reusePort: true,
    ...(connectionState && { connectionState }),
    ...(observe && { observe }),
    ...(task.authenticates && { authenticate: mainThread.authenticate }),
    onOpen(peer) {
      if (task.hearsConnections) tell({ kind: "open", peer: { ...peer } });
    },
    onClose(peer, { reason, error }) {
      Atomics.store(connections, index, server.connections);
      if (!task.hearsConnections) return;
      tell({
        kind: "close",
        peer: { ...peer },
        reason,
        ...(error !== undefined && { error: toThrown(error) }),
      });
    },
    onError: (error, about) => tell({ kind: "error", error: toThrown(error), about }),
  }, { hasRoom: hasRoom(task), metricsPage: mainThread.metricsPage });
  for (const [service, status] of task.health) server.health.set(service, status);
  parentPort!.on("message", (message: ToWorker) => {
    switch (message.kind) {
      case "shutdown":
        return void server.shutdown(message.grace);
      case "health":
        return server.health.set(message.service, message.status);
      case "identity":
        return mainThread.answer(message.id, message.identity);
      case "refused":
        return mainThread.refuse(message.id, fromThrown(message.error));
      case "count":
        return tell({ kind: "counted", id: message.id, snapshot: server.snapshot });
      case "page":
        return mainThread.answer(message.id, message.page);
    }
  });
  await server.ready;
  tell({ kind: "listening", addresses: server.addresses });
  await server.finished;
}

/**
 * The limit `maxConnections` holds for all workers together. One adds itself before it counts the others:
 * two that take the last place at one moment may both be refused, and never both be let in.
 */
function hasRoom({ connections, index, options }: Task): HasRoom {
  const { maxConnections } = resolveLimits(options.limits);
  return (open) => {
    Atomics.store(connections, index, open + 1);
    let all = 0;
    for (let i = 0; i < connections.length; i++) all += Atomics.load(connections, i);
    if (all <= maxConnections) return true;
    Atomics.store(connections, index, open);
    return false;
  };
}

/** What the main thread was asked. */
class MainThread {
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  #id = 0;

  readonly authenticate: Authenticate = (credentials, peer) =>
    this.#ask((id) => ({ kind: "authenticate", id, credentials, peer: { ...peer } }));

  readonly metricsPage: MetricsPage = async (format) =>
    await this.#ask((id) => ({ kind: "page", id, format })) as string;

  #ask(question: (id: number) => FromWorker): Promise<unknown> {
    const answer = Promise.withResolvers<unknown>(), id = this.#id++;
    this.#asked.set(id, answer);
    tell(question(id));
    return answer.promise;
  }

  answer(id: number, answer: unknown): void {
    this.#asked.get(id)?.resolve(answer);
    this.#asked.delete(id);
  }

  refuse(id: number, error: unknown): void {
    this.#asked.get(id)?.reject(error);
    this.#asked.delete(id);
  }
}

/** An option that is an export of the module, because a thread cannot be sent it. */
function exportOf<Name extends "connectionState" | "observe">(
  exports: Exports,
  name: Name,
  type: "function" | "object",
  module: string,
): ServeOptions[Name] {
  const { [name]: value } = exports;
  if (value === undefined || typeof value === type && value !== null) {
    return value as ServeOptions[Name];
  }
  throw new TypeError(
    `Cannot serve ${module}: its export ${name} is a ${typeof value}, expected a ${type}`,
  );
}

function tell(message: FromWorker): void {
  parentPort!.postMessage(message);
}

/** The main thread will end this worker, and begin another. */
function fail(error: unknown): void {
  tell({ kind: "failed", error: toThrown(error) });
}

/** Without this the worker would end, and nobody would know the error's stack. */
function catchErrors({ restartOnError }: Task): void {
  const hear = (event: Event, error: unknown) => {
    event.preventDefault();
    if (restartOnError) fail(error);
    else tell({ kind: "error", error: toThrown(error), about: "code that nobody waits for" });
  };
  addEventListener("unhandledrejection", (event) => hear(event, event.reason));
  addEventListener("error", (event) => hear(event, event.error));
}

/**
 * Where memory runs out V8 cuts off what runs just then, wherever that is, and raises the limit once.
 * Whatever was cut off never ends: this worker cannot be trusted any more.
 */
function checkMemory(): void {
  const limit = getHeapStatistics().heap_size_limit;
  setInterval(() => {
    if (getHeapStatistics().heap_size_limit <= limit) return;
    fail(workerError(`Out of memory: the worker needs more than ${limit} bytes`));
  }, MEMORY_CHECK);
}
