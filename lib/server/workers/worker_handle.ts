/**
 * One worker as the main thread sees it, from its begin to its end.
 *
 * It is a worker of Node's kind: of a web worker nobody is told that it has closed itself, and where it
 * runs out of memory the whole process is gone.
 *
 * @module
 */

import type { Worker } from "node:worker_threads";
import type { Authenticate } from "../../api/auth.ts";
import type { PeerInfo } from "../../api/context.ts";
import type { MetricsPage } from "../../http/options.ts";
import type { CloseInfo } from "../../link/lifecycle.ts";
import { MAX_MS } from "../../limits.ts";
import { lastOf, NOTHING, type Snapshot } from "../../telemetry/snapshot.ts";
import {
  fromThrown,
  type FromWorker,
  type Task,
  toThrown,
  type ToWorker,
  workerError,
} from "./messages.ts";

/** What a thread needs of the server that it works for. */
export interface ThreadHost {
  readonly authenticate: Authenticate | undefined;
  readonly metricsPage: MetricsPage;
  onOpen(peer: PeerInfo): void;
  onClose(peer: PeerInfo, info: CloseInfo): void;
  onError(error: unknown, about: string): void;
}

/** Milliseconds in which a worker says what it has counted: one that is busy is counted as it was before. */
const PATIENCE = 1000;

/** Why a worker has ended that was not told to. */
export interface Failure {
  readonly error: unknown;
}

/** One worker. */
export class WorkerThread {
  readonly #worker: Worker;
  readonly #task: Task;
  readonly #host: ThreadHost;
  /** Whose connections are open here: they are lost with the worker. */
  readonly #peers = new Map<string, PeerInfo>();
  readonly #listening = Promise.withResolvers<readonly string[]>();
  readonly #ended = Promise.withResolvers<Failure | undefined>();
  /** Questions for what it has counted that have no answer yet, and its last answer. */
  readonly #asked = new Map<number, (snapshot: Snapshot) => void>();
  #lastId = 0;
  #counted: Snapshot = NOTHING;
  #isListening = false;
  #isTold = false;
  #hasEnded = false;
  #failure: Failure | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;

  /** Takes over a worker that was just made. */
  constructor(worker: Worker, task: Task, host: ThreadHost) {
    this.#worker = worker;
    this.#task = task;
    this.#host = host;
    this.#listening.promise.catch(() => {}); // `ended` tells it as well
    worker.on("message", (message: FromWorker) => this.#hear(message));
    worker.on("error", (error) => this.#fail(error));
    worker.on("exit", (code) => this.#end(code));
  }

  /** Resolves with its real addresses once it serves; rejects where it ends before. */
  get listening(): Promise<readonly string[]> {
    return this.#listening.promise;
  }

  /** Resolves once it has ended, with why where it was not told to. Never rejects. */
  get ended(): Promise<Failure | undefined> {
    return this.#ended.promise;
  }

  /** Tells the worker something. */
  tell(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /** What it has counted; its last answer if it gives none soon. Never rejects. */
  count(): Promise<Snapshot> {
    if (!this.#isListening || this.#hasEnded) return Promise.resolve(this.counted);
    const { promise, resolve } = Promise.withResolvers<Snapshot>(), id = ++this.#lastId;
    const late = setTimeout(() => resolve(this.#counted), PATIENCE);
    this.#asked.set(id, resolve);
    this.tell({ kind: "count", id });
    return promise.finally(() => {
      clearTimeout(late);
      this.#asked.delete(id);
    });
  }

  /** What it said last that it had counted; once it has ended what is left of that. */
  get counted(): Snapshot {
    return this.#hasEnded ? lastOf(this.#counted) : this.#counted;
  }

  /**
   * Ends it in order.
   *
   * @param grace milliseconds that its handlers have
   * @param patience milliseconds after which it is ended as it is
   */
  shutdown(grace: number, patience: number): void {
    this.#isTold = true;
    if (!this.#isListening) return void this.#worker.terminate(); // nobody has reached it
    this.tell({ kind: "shutdown", grace });
    this.#patience = setTimeout(
      () => this.#fail(workerError(`The worker has not ended within ${patience} ms`)),
      Math.min(patience, MAX_MS),
    );
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case "listening":
        this.#isListening = true;
        return this.#listening.resolve(message.addresses);
      case "open":
        this.#peers.set(message.peer.id, message.peer);
        return this.#host.onOpen(message.peer);
      case "close": {
        const { peer, reason, error } = message;
        this.#peers.delete(peer.id);
        return this.#host.onClose(peer, { reason, ...(error && { error: fromThrown(error) }) });
      }
      case "error":
        return this.#host.onError(fromThrown(message.error), message.about);
      case "authenticate":
        return void this.#authenticate(message);
      case "counted":
        this.#counted = message.snapshot;
        return this.#asked.get(message.id)?.(message.snapshot);
      case "page":
        return void this.#host.metricsPage(message.format)
          .then((page) => this.tell({ kind: "page", id: message.id, page }));
      case "failed":
        return this.#fail(fromThrown(message.error));
      case "ended":
        return void this.#worker.terminate();
    }
  }

  async #authenticate(
    { id, credentials, peer }: FromWorker & { kind: "authenticate" },
  ): Promise<void> {
    try {
      const identity = await this.#host.authenticate?.(credentials, peer);
      this.tell({ kind: "identity", id, identity }); // throws where it cannot be copied
    } catch (error) {
      this.tell({ kind: "refused", id, error: toThrown(error) });
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#worker.terminate();
  }

  #end(code: number): void {
    clearTimeout(this.#patience);
    this.#hasEnded = true;
    for (const resolve of this.#asked.values()) resolve(this.counted);
    const { connections, index } = this.#task;
    Atomics.store(connections, index, 0);
    for (const peer of this.#peers.values()) {
      this.#host.onClose(peer, { reason: "its worker has ended" });
    }
    if (!this.#isTold) {
      this.#failure ??= { error: workerError(`The worker has ended by itself, with code ${code}`) };
    }
    this.#listening.reject(this.#failure?.error ?? new Error("The worker was ended"));
    this.#ended.resolve(this.#failure);
  }
}
