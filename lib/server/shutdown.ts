/**
 * How a server ends: once, by whatever comes first, a call, a signal, or a failure to listen; and in
 * order. What happens to its connections is in `link/lifecycle.ts`.
 *
 * @module
 */

/** What a {@linkcode Shutdown} does. */
export interface ShutdownOptions {
  /** Milliseconds that running handlers have if the caller does not say. */
  readonly grace: number;
  /** Begins it when it aborts. */
  readonly signal: AbortSignal | undefined;
  /** Resolves when all that the server has begun has ended. */
  end(grace: number): Promise<void>;
}

/** The end of one server. */
export class Shutdown {
  readonly #options: ShutdownOptions;
  readonly #begun = new AbortController();
  readonly #finished = Promise.withResolvers<void>();
  readonly #onAbort = () => void this.begin();
  #ending: Promise<void> | undefined;
  /** What kept the server from listening. */
  #failure: { readonly error: unknown } | undefined;

  constructor(options: ShutdownOptions) {
    this.#options = options;
    // It tells of the same failure as `ready`: whoever looks at one of them has seen it.
    this.#finished.promise.catch(() => {});
  }

  /** Listens to the signal of the author. Only once the server can end. */
  arm(): void {
    const { signal } = this.#options;
    if (signal?.aborted) this.begin();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Aborts when it begins. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  /** Whether it was asked for. */
  get hasBegun(): boolean {
    return this.#ending !== undefined;
  }

  /** Resolves when the server has ended; rejects if it could not listen. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Ends the server if it cannot listen: `finished` rejects as `ready` does. */
  beginUnlessReady(ready: Promise<void>): void {
    ready.catch((error) => {
      this.#failure = { error };
      this.begin(0);
    });
  }

  /** The server has never begun: there is nothing to end. */
  giveUp(): void {
    this.#ending = Promise.resolve();
    this.#begun.abort();
  }

  /** Ends the server; the first caller says with how much patience. */
  begin(grace: number = this.#options.grace): Promise<void> {
    return this.#ending ??= this.#run(grace);
  }

  async #run(grace: number): Promise<void> {
    await null; // so that it has begun before anyone is told
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#begun.abort();
    await this.#options.end(grace);
    if (this.#failure === undefined) this.#finished.resolve();
    else this.#finished.reject(this.#failure.error);
  }
}
