/**
 * The peer's side of a connection: its requests, from their arrival to their answers.
 *
 * @module
 */

import type { Dispatcher } from "./dispatch.ts";
import { RpcError } from "./error.ts";
import { isLongerThan, utf8Length } from "./framing/text.ts";
import type { Limits } from "./limits.ts";
import { encodeError, type Notification, type Request, type Single } from "./message.ts";
import { type Answer, metaOf, Running, type RunningHost } from "./running.ts";
import { invalidParams } from "./schema.ts";
import type { Timers } from "./timers.ts";

/** What requests need of their connection. */
export interface RequestsHost extends RunningHost {
  readonly limits: Limits;
  readonly timers: Timers;
  readonly dispatcher: Dispatcher;
  /** Whether the peer has said who it is, where it was asked. */
  readonly isKnown: boolean;
  /** When the bytes of the current message came. */
  readonly lastActive: number;
  /** Whether a call of ours waits for its answer. */
  readonly isWaiting: boolean;
  /** Resolves when something changes that somebody may have waited for. */
  change(): Promise<void>;
  /** A handler has ended. */
  onEnd(): void;
}

/** Does one after another, at once where nothing has to wait. */
export function inTurn<T>(
  items: readonly T[],
  work: (item: T) => Promise<void> | undefined,
  from = 0,
): Promise<void> | undefined {
  for (let i = from; i < items.length; i++) {
    const wait = work(items[i]!);
    if (wait !== undefined) return wait.then(() => inTurn(items, work, i + 1));
  }
  return undefined;
}

/** The requests of one peer. */
export class Requests {
  readonly #host: RequestsHost;
  /** Those whose handlers have not ended. */
  readonly #running = new Set<Running>();
  /** How many of them are streams, which may be open for long and are counted by themselves. */
  #streams = 0;
  #closed: "open" | "draining" | "ended" = "open";

  constructor(host: RequestsHost) {
    this.#host = host;
  }

  /** How many run. */
  get size(): number {
    return this.#running.size;
  }

  /** Begins nothing new: requests are told so. */
  drain(): void {
    if (this.#closed === "open") this.#closed = "draining";
  }

  /** Answers all that run with this error, and tells their handlers. */
  stop(error: RpcError): void {
    for (const running of this.#running) running.stop(error);
  }

  /**
   * The peer sends no more. What runs may end and be answered; a stream that wants more of the peer
   * has ended, and one that is quiet is not waited for longer than a call.
   */
  endInput(): void {
    for (const running of this.#running) {
      if (!running.isStreaming) continue;
      running.endInput();
      running.timer ??= this.#host.timers.after(this.#host.limits.callTimeout, () => {
        running.stop(new RpcError("CANCELLED", "The caller has hung up"));
      });
    }
  }

  /** The connection is gone: nobody is answered any more. */
  end(): void {
    this.#closed = "ended";
    this.stop(new RpcError("CANCELLED", "The connection ended"));
  }

  /** The request with this id, while it runs. */
  get(id: unknown): Running | undefined {
    const text = JSON.stringify(id);
    for (const running of this.#running) {
      const { request } = running;
      if (request.kind !== "request") continue;
      // Ids are kept as they were written: 1.0 is known by its value.
      if (request.id === text || typeof id === "number" && Number(request.id) === id) {
        return running;
      }
    }
    return undefined;
  }

  /** All answers of a batch go back in one frame; none, where it held no request. */
  batch(
    items: readonly Single[],
    handle: (item: Single, answer: Answer) => Promise<void> | undefined,
  ): Promise<void> | undefined {
    const answers: string[] = [],
      { isKnown } = this.#host,
      { maxResponseBytes } = this.#host.limits;
    let due = items.filter(({ kind }) => kind === "request" || kind === "invalid").length;
    let size = 0;
    const answer: Answer = (text) => {
      size += utf8Length(text);
      answers.push(text);
      if (--due === 0) this.#host.send(`[${answers.join(",")}]`);
    };
    return inTurn(items, (item) => {
      // Who was not known when the batch came is not known for any of it.
      if (!isKnown && item.kind === "notification") return undefined;
      if (!isKnown && item.kind === "request" && item.method !== AUTHENTICATE) {
        answer(encodeError(item.version, item.id, unauthenticated()));
        return undefined;
      }
      if (item.kind !== "request") return handle(item, answer);
      // The sum is limited too: what has no room in it any more, whenever its handler ends, is told so.
      const { version, id } = item;
      const refuse = () => answer(encodeError(version, id, tooLarge()));
      if (size > maxResponseBytes) return refuse() as undefined;
      return handle(
        item,
        (text) => isLongerThan(text, maxResponseBytes - size) ? refuse() : answer(text),
      );
    });
  }

  /**
   * Begins a request, or waits until there is room.
   *
   * Waiting stops the reading, and with it the peer. But while a call of ours waits for its answer,
   * or a stream for credit, what they wait for lies behind the peer's requests: then it is told
   * "busy", or they would wait for ever.
   */
  request(request: Request, answer: Answer): Promise<void> | undefined {
    if (this.#closed === "ended") return undefined;
    if (this.#closed === "draining") {
      return refuse(request, answer, new RpcError("UNAVAILABLE", "The server is shutting down"));
    }
    if (this.#isFull()) {
      if (this.#mustRead()) {
        const message = "Too many calls are running on this connection";
        return refuse(
          request,
          answer,
          new RpcError("UNAVAILABLE", message, { limit: "maxInFlight" }),
        );
      }
      return this.#host.change().then(() => this.request(request, answer));
    }
    if (!this.#host.isKnown && request.method !== AUTHENTICATE) {
      return refuse(request, answer, unauthenticated());
    }
    const { dispatcher, limits: { maxStreams } } = this.#host;
    if (this.#streams >= maxStreams && dispatcher.isStreaming(request.method)) {
      const message = "Too many streams are open on this connection";
      return refuse(
        request,
        answer,
        new RpcError("RESOURCE_EXHAUSTED", message, { limit: "maxStreams" }),
      );
    }
    const { timeoutMs } = metaOf(request.params);
    if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0)) {
      return refuse(request, answer, refusedTimeout(timeoutMs));
    }
    const running = new Running(this.#host, request, answer, this.#host.lastActive);
    const outcome = dispatcher.answer(request, running);
    if (typeof outcome === "string") running.answer(outcome);
    else this.#await(running, outcome);
    return undefined;
  }

  /** Begins what a notification asks for, or waits until there is room. */
  notification(message: Notification): Promise<void> | undefined {
    if (this.#closed !== "open") return undefined;
    if (this.#isFull()) {
      if (this.#mustRead()) return undefined; // nobody waits for an answer
      return this.#host.change().then(() => this.notification(message));
    }
    if (!this.#host.isKnown) return undefined;
    const running = new Running(this.#host, message, undefined, this.#host.lastActive);
    const { method, params } = message;
    const outcome = this.#host.dispatcher.notify(method, params, running);
    if (outcome !== undefined) this.#await(running, outcome);
    return undefined;
  }

  #isFull(): boolean {
    // Before it is known who a peer is nothing goes on beside finding out.
    const calls = this.#running.size - this.#streams;
    return calls >= (this.#host.isKnown ? this.#host.limits.maxInFlight : 1);
  }

  /** Whether something that runs goes on only if we read on. */
  #mustRead(): boolean {
    return this.#host.isWaiting || this.#streams > 0;
  }

  /** Waits for a handler. Its place is taken until it has really ended, answered or not. */
  async #await(running: Running, outcome: Promise<string | void>): Promise<void> {
    this.#running.add(running);
    const { timeout, isStreaming } = running;
    if (isStreaming) this.#streams++;
    if (timeout !== Infinity) {
      running.timer = this.#host.timers.after(running.timeLeft(), () => {
        const message = `The call took longer than ${timeout} ms`;
        running.stop(new RpcError("DEADLINE_EXCEEDED", message));
      });
    }
    const text = await outcome;
    running.timer?.cancel();
    if (typeof text === "string") running.answer(text);
    this.#running.delete(running);
    if (isStreaming) this.#streams--;
    this.#host.onEnd();
  }
}

/** The only method for those of whom it is not known who they are. */
const AUTHENTICATE = "rpc.authenticate";

function tooLarge(): RpcError {
  return new RpcError("RESOURCE_EXHAUSTED", "The batch's answers are too large", {
    limit: "maxResponseBytes",
  });
}

function unauthenticated(): RpcError {
  return new RpcError("UNAUTHENTICATED", `Call ${AUTHENTICATE} before anything else`);
}

function refuse({ version, id }: Request, answer: Answer, error: RpcError): undefined {
  answer(encodeError(version, id, error));
}

/** The answer to a call that leaves no time, or nonsense. */
function refusedTimeout(timeoutMs: unknown): RpcError {
  if (typeof timeoutMs === "number" && timeoutMs <= 0) {
    return new RpcError("DEADLINE_EXCEEDED", "The call left no time");
  }
  return invalidParams([
    { path: ["_meta", "timeoutMs"], message: "must be milliseconds as a number" },
  ]);
}
