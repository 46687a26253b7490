/**
 * A client's middleware around its calls: what a script calls is a call of its own, and the one that
 * travels is made where the middleware has gone through.
 *
 * Knows nothing of connections: it is given a way to call.
 *
 * @module
 */

import type { CallOptions, ItemIterator, UntypedCallPromise } from "../api/stub.ts";
import { rejection, RpcError } from "../error.ts";
import { itemsOf, iteratorOf } from "../stream/receiver.ts";
import {
  type ClientInvocation,
  type ClientMiddleware,
  type MiddlewareOutcome,
  pass,
} from "../api/middleware.ts";

/** A way to call. */
export interface CallMaker {
  /** Makes a call; its answer becomes a stream where it is iterated in the same turn. */
  call(method: string, value: unknown, options: CallOptions): UntypedCallPromise;
  /** Makes several that travel as one batch. */
  batch<T>(make: () => T): T;
}

/** The same way to call, with middleware around every call. */
export function withClientMiddleware(
  middleware: readonly ClientMiddleware[],
  inner: CallMaker,
): CallMaker {
  /** The calls of the batch that is being made. */
  let batch: (() => void)[] | undefined;
  return {
    call(method, value, options) {
      const answer = Promise.withResolvers<unknown>();
      let begun = false, stream: LaterItems | undefined;
      // As late as the call would be begun without middleware: it is known then whether it is a stream.
      const begin = () => {
        begun = true;
        const isStream = stream !== undefined;
        let opened: ItemIterator<unknown, unknown> | undefined;
        const send = (options: CallOptions) => {
          const answer = inner.call(method, value, options);
          return isStream ? opened = answer[Symbol.asyncIterator]() : answer;
        };
        const outcome = passOut(middleware, { method, value, options, isStream }, send);
        if (stream === undefined) {
          outcome.then(
            ({ result }) => answer.resolve(result),
            (error) => answer.resolve(rejection(error)),
          );
        } else stream.follow(outcome, () => opened);
      };
      if (batch === undefined) queueMicrotask(begin);
      else batch.push(begin);
      return Object.assign(answer.promise, {
        [Symbol.asyncIterator]() {
          if (begun) return itemsOf(answer.promise);
          answer.promise.catch(() => {}); // the loop is told
          return stream ??= new LaterItems(answer);
        },
      });
    },
    batch(make) {
      const outer = batch, made: (() => void)[] = batch = [];
      let answers;
      try {
        answers = make();
      } finally {
        batch = outer;
      }
      // What a middleware holds back for longer travels alone: the others do not wait for it.
      inner.batch(() => made.forEach((begin) => begin()));
      return answers;
    },
  };
}

/** The items of a stream that the middleware has yet to open. */
class LaterItems implements ItemIterator<unknown, unknown> {
  readonly #source = Promise.withResolvers<Iterator<unknown> | AsyncIterator<unknown>>();
  /** The answer itself, for those who wait for the end. */
  readonly #answer: PromiseWithResolvers<unknown>;
  #opened: (() => ItemIterator<unknown, unknown> | undefined) | undefined;
  #ended = false;

  constructor(answer: PromiseWithResolvers<unknown>) {
    this.#answer = answer;
    this.#source.promise.catch(() => {}); // told by next()
  }

  /** @param opened what the middleware has opened by now, even where it has thrown it away */
  follow(
    outcome: Promise<MiddlewareOutcome>,
    opened: () => ItemIterator<unknown, unknown> | undefined,
  ): void {
    this.#opened = opened;
    outcome.then(({ result }) => iteratorOf(result)).then((source) => {
      this.#source.resolve(source);
      if (this.#ended) this.#close();
    }, (error) => {
      opened()?.return?.();
      this.#source.reject(error);
    });
  }

  get lastEventId(): string | undefined {
    return this.#opened?.()?.lastEventId;
  }

  async next(): Promise<IteratorResult<unknown, unknown>> {
    if (this.#ended) return { done: true, value: undefined };
    try {
      const source = await this.#source.promise;
      const next = await source.next();
      if (next.done) {
        this.#ended = true;
        this.#answer.resolve(next.value);
      }
      return next;
    } catch (error) {
      this.#ended = true;
      this.#answer.reject(error);
      throw error;
    }
  }

  async return(value?: unknown): Promise<IteratorResult<unknown, unknown>> {
    if (!this.#ended) {
      this.#ended = true;
      this.#answer.reject(new RpcError("CANCELLED", "The stream was left"));
      this.#close();
    }
    return await Promise.resolve({ done: true, value });
  }

  /** First what was opened: an iterator around it may wait for an item that does not come. */
  #close(): void {
    this.#opened?.()?.return?.();
    this.#source.promise.then((source) => source.return?.()).catch(() => {});
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

/** Runs a client's middleware, and at their end what makes the call. */
function passOut(
  middleware: readonly ClientMiddleware[],
  { options, ...call }: ClientInvocation,
  send: (options: CallOptions) => unknown,
): Promise<MiddlewareOutcome> {
  return pass(middleware, options, {
    method: call.method,
    show: (options): ClientInvocation => ({ ...call, options }),
    add: withMore,
    end: send,
  });
}

/** The options with more of them. */
function withMore(options: CallOptions, more: CallOptions): CallOptions {
  const signals = [options.signal, more.signal].filter((signal) => signal !== undefined);
  return {
    ...options,
    ...more,
    ...(options.meta && more.meta && { meta: { ...options.meta, ...more.meta } }),
    ...(signals.length > 1 && { signal: AbortSignal.any(signals) }),
  };
}
