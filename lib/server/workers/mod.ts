/**
 * A server of several workers behind one address, each with an event loop of its own. Those that fail
 * are replaced.
 *
 * The system spreads connections over the workers: each has a listener of its own at the same address.
 * What a worker does is in `worker.ts`.
 *
 * @module
 */

import type { CloseInfo, PeerInfo } from "../../api/context.ts";
import { type HealthStatus, ServerHealth } from "../../builtin/health.ts";
import { checkHttpOptions, type MetricsPage } from "../../http/options.ts";
import { type Limits, resolveLimits } from "../../limits.ts";
import { callBack } from "../../error.ts";
import { callbackOf, tellError } from "../../incoming/print_error.ts";
import { errors, isDeno } from "../../runtime.ts";
import { addressesOf, type Server } from "../options.ts";
import { metricsPage, noMetrics } from "../server_metrics.ts";
import { Shutdown } from "../shutdown.ts";
import { NOTHING, type Snapshot, sumOf } from "../../telemetry/snapshot.ts";
import { dial } from "../../transport/dial.ts";
import { refuseUnshared } from "../../transport/listen.ts";
import { proxiesOf } from "../../transport/proxy/mod.ts";
import type { StartThread } from "./start_thread.ts";
import type { ThreadHost, WorkerThread } from "./worker_handle.ts";
import type { Task } from "./messages.ts";
import { taskOf, type WorkersOptions, type WorkersTask } from "./options.ts";

const MAX_WORKERS = 256;
/** A worker that lived for so many milliseconds did not fail because it cannot begin. */
const STEADY = 10_000;
/** Milliseconds until a worker is replaced that fails for the second time in a row, and at most. */
const MIN_BACKOFF = 100;
const MAX_BACKOFF = 30_000;
/** Milliseconds in which somebody who listens at our address answers. */
const CALL_TIMEOUT = 1_000;
/** Milliseconds that a worker may take to end beyond those that its connections may. */
const END_MARGIN = 1_000;

/**
 * Serves the API of a module with several workers: threads of this process, each with an event loop
 * and a listener at the same address. The system spreads connections over them by a hash of the
 * addresses of both ends: many land evenly, a few may not, and one is in one worker.
 *
 * The module exports the API as `api` or as its default, and may export `connectionState` and `observe`, which
 * are the options of {@linkcode ServeOptions}. Each worker loads it for itself: nothing that it keeps in
 * memory is shared. Middleware stands in the module, around its API: `api = withMiddleware([log], { … })`. The
 * functions among the options are called in this thread; what `authenticate` returns is copied to the
 * worker as `structuredClone` does it.
 *
 * Peers belong to the worker that has accepted them: handlers find those of their worker as `context.peers`,
 * and there are no others to be told things.
 *
 * It is one server: `connections` and the limit `maxConnections` count those of all workers, `health`
 * and `shutdown` are for all. The other limits of a whole server (`maxRunning`, `maxBufferedBytes`,
 * `maxHandshakes`, and what one address may do) are shared out: together the workers never let through
 * more, and one worker refuses when its share is used up. A worker that fails is told to `onError`, its connections are lost, and it
 * is replaced: at once, and where it fails again and again after pauses that grow to 30 s. It fails by
 * an error that nobody catches, a rejection that nobody handles, `Deno.exit`, and when its memory
 * runs out. A worker whose code never comes back to its event loop cannot be ended by Deno: it is not
 * replaced.
 *
 * Only Linux can, with `tcp:` and `tls:` addresses, and Deno needs the flag `--unstable-net`. Where an
 * address is in use the server does not begin, unless `reusePort` says that it may be shared.
 *
 * @param module its address, such as `import.meta.resolve("./api.ts")`
 * @throws {TypeError} for a module and an address that cannot be used
 * @throws {RangeError} for limits, and a number of workers, that cannot be kept
 * @throws {Deno.errors.NotSupported} on another system, and where the flag is missing
 *
 * @example
 * ```ts ignore
 * import { serveWorkers } from "@landline/rpc";
 *
 * const server = serveWorkers(import.meta.resolve("./api.ts"), {
 *   listen: "tcp://127.0.0.1:8080",
 *   workers: 4,
 *   onError: (error, about) => console.error(about, error),
 * });
 * await server.finished;
 * ```
 */
export function serveWorkers(
  module: string | URL,
  options: WorkersOptions = {},
): Omit<Server, "peers"> {
  return new WorkersServer(module, options);
}

class WorkersServer implements Omit<Server, "peers">, ThreadHost {
  readonly addresses: string[] = [];
  readonly health: HealthOfAll = new HealthOfAll((service, status) => {
    for (const thread of this.#threads) thread.tell({ kind: "health", service, status });
  });
  readonly ready: Promise<void>;
  readonly #options: WorkersOptions;
  readonly #limits: Limits;
  readonly #task: WorkersTask;
  /** Those that live, each in its place. */
  readonly #threads: WorkerThread[] = [];
  /** What workers had counted that were replaced. */
  #counted: Snapshot = NOTHING;
  readonly #keeping: Promise<void>[] = [];
  /** Once it begins no worker is replaced any more. */
  readonly #shutdown: Shutdown;

  constructor(module: string | URL, options: WorkersOptions) {
    if (!isDeno) {
      throw new errors.NotSupported(
        "Cannot serve with workers: only on Deno; here start one process for each core, each with serve() and reusePort",
      );
    }
    const { workers = navigator.hardwareConcurrency, signal } = options;
    if (!Number.isSafeInteger(workers) || workers < 1 || workers > MAX_WORKERS) {
      throw new RangeError(
        `Cannot serve: workers must be an integer from 1 to ${MAX_WORKERS}, it is ${workers}`,
      );
    }
    if (!URL.canParse(module)) {
      throw new TypeError(
        `Cannot load ${
          JSON.stringify(module)
        }: it is not a URL, such as import.meta.resolve() makes`,
      );
    }
    checkHttpOptions(options.http || {}, options.authenticate !== undefined);
    proxiesOf(options.proxyProtocol);
    this.#options = options;
    this.#limits = resolveLimits(options.limits);
    const addresses = addressesOf(options).map(String);
    for (const address of addresses) refuseUnshared(address);
    this.#task = taskOf(module, options, { addresses, limits: this.#limits, workers });
    this.#shutdown = new Shutdown({
      grace: this.#limits.shutdownGrace,
      signal,
      end: (grace) => this.#end(grace),
    });
    this.ready = this.#start();
    this.#shutdown.beginUnlessReady(this.ready);
    this.#shutdown.arm();
  }

  get finished(): Promise<void> {
    return this.#shutdown.finished;
  }

  get connections(): number {
    return this.#task.connections.reduce((sum, count) => sum + count, 0);
  }

  async #start(): Promise<void> {
    try {
      const { connections, options: { listen: where } } = this.#task;
      if (!this.#options.reusePort) { for (const address of where) await refuseTaken(address); }
      const start = await (await import("./start_thread.ts")).threadStarter();
      // Where the system chooses the port, the first worker has to listen before the others can.
      const addresses = await this.#begin(0, where, start).listening;
      for (let index = 1; index < connections.length; index++) {
        this.#begin(index, addresses, start);
      }
      await Promise.all(this.#threads.map((thread) => thread.listening));
      this.addresses.push(...addresses);
      this.#keeping.push(...this.#threads.map((_, index) => this.#keep(index, start)));
    } catch (error) {
      if (!this.#shutdown.hasBegun) throw error;
      return; // it was to end before it had begun
    }
    for (const address of this.addresses) {
      this.#tell(() => this.#options.onListen?.(address), "onListen");
    }
  }

  #begin(index: number, listen: readonly string[], start: StartThread): WorkerThread {
    this.#shutdown.signal.throwIfAborted();
    const task: Task = {
      ...this.#task,
      options: { ...this.#task.options, listen },
      index,
      health: [...this.health.statuses],
    };
    return this.#threads[index] = start(task, this);
  }

  /** Replaces the worker in one place whenever it fails, until the server ends. */
  async #keep(index: number, start: StartThread): Promise<void> {
    const { signal } = this.#shutdown, name = `worker ${index + 1}`;
    for (let failures = 1;; failures++) {
      const since = performance.now();
      const failure = await this.#threads[index]!.ended;
      if (failure === undefined) return;
      const { counted } = this.#threads[index]!;
      if (signal.aborted) return this.onError(failure.error, name);
      if (performance.now() - since > STEADY) failures = 1;
      const pause = failures === 1 ? 0 : Math.min(MAX_BACKOFF, MIN_BACKOFF * 2 ** (failures - 2));
      this.onError(
        failure.error,
        failures === 1
          ? `${name}, which is replaced`
          : `${name}, which failed ${failures} times in a row and is replaced in ${pause} ms`,
      );
      await sleep(pause, signal);
      if (signal.aborted) return;
      this.#begin(index, this.addresses, start);
      this.#counted = sumOf([this.#counted, counted]);
    }
  }

  async metrics(): Promise<string> {
    if (!this.#options.metrics) throw noMetrics();
    return await this.metricsPage("prometheus");
  }

  readonly metricsPage: MetricsPage = async (format) => {
    // Taken now: a thread that is replaced meanwhile is among these, and counts here from then on.
    const before = this.#counted;
    const counted = await Promise.all(this.#threads.map((thread) => thread.count()));
    return await metricsPage(sumOf([before, ...counted]), format);
  };

  get authenticate(): ThreadHost["authenticate"] {
    return this.#options.authenticate;
  }

  onOpen(peer: PeerInfo): void {
    this.#tell(() => this.#options.onOpen?.(peer), "onOpen");
  }

  onClose(peer: PeerInfo, info: CloseInfo): void {
    this.#tell(() => this.#options.onClose?.(peer, info), "onClose");
  }

  onError(error: unknown, about: string): void {
    tellError(this.#options.onError, error, about, "serveWorkers()");
  }

  #tell(callback: () => void, name: string): void {
    callBack(callback, (error) => this.onError(error, callbackOf(name, "serveWorkers()")));
  }

  shutdown(grace?: number): Promise<void> {
    return this.#shutdown.begin(grace);
  }

  async #end(grace: number): Promise<void> {
    this.health.drain();
    const patience = grace + this.#limits.lingerTimeout + END_MARGIN;
    for (const thread of this.#threads) thread.shutdown(grace, patience);
    await Promise.all(this.#threads.map((thread) => thread.ended));
    await this.ready.catch(() => {});
    await Promise.all(this.#keeping);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}

/** How the services are, for the workers that live and for those that are still to come. */
class HealthOfAll extends ServerHealth {
  readonly statuses = new Map<string, HealthStatus>();
  readonly #onSet: (service: string, status: HealthStatus) => void;

  constructor(onSet: (service: string, status: HealthStatus) => void) {
    super();
    this.#onSet = onSet;
  }

  override set(service: string, status: HealthStatus): void {
    super.set(service, status);
    this.statuses.set(service, status);
    this.#onSet(service, status);
  }
}

/**
 * Throws where somebody listens at an address. Whoever shares it would get a part of the callers, and
 * listening would not show it. To listen once without sharing would: but callers who come just then would
 * be hung up on.
 *
 * @throws {Deno.errors.AddrInUse}
 */
async function refuseTaken(address: string): Promise<void> {
  let isSelf: boolean;
  try {
    const signal = AbortSignal.timeout(CALL_TIMEOUT);
    const socket = await dial(address.replace(/^tls:/i, "tcp:"), { signal });
    isSelf = socket.local === socket.remote; // the port that the system chose for us was that one
    socket.close();
  } catch {
    return; // nobody answers
  }
  if (isSelf) return;
  throw new errors.AddrInUse(`Cannot listen at ${address}: Address already in use`);
}

/** Waits, and keeps the process: no worker may live meanwhile. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener("abort", wake);
  });
}
