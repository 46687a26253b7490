/**
 * The accept loop: accepts until it is told to stop, whatever callers do meanwhile.
 *
 * It knows nothing of what is served: it hands over sockets. The three ways in which accepting fails are
 * told apart: the caller has left before it was accepted, which is nobody's business; there are no
 * descriptors, most likely, which passes; and the listener is closed, which is the end.
 *
 * @module
 */

import { attempt, errors } from "../runtime.ts";
import type { Timers } from "../timers.ts";
import type { Listener, Socket } from "../transport/socket.ts";

/** What {@linkcode acceptAll} takes besides the listener. */
export interface AcceptOptions {
  /** Closes the listener and ends the loop when it aborts. */
  readonly signal: AbortSignal;
  /** Told of each failure that makes the loop wait, and of what `handle` throws. */
  readonly onError?: (error: unknown) => void;
  /** Yields to the connections when accepting has gone on for long. */
  readonly yieldWhenOver?: () => Promise<void> | undefined;
  /** What the waiting is measured with. @default timers that keep the process alive */
  readonly timers?: Pick<Timers, "after">;
}

/** Milliseconds to wait after the first failure to accept, and at most. */
const MIN_BACKOFF = 10;
const MAX_BACKOFF = 1000;

/**
 * A wheel's timers let the process end. While the loop waits no accept is pending: with descriptors
 * missing in the whole system, and no connection open here, the server would be gone.
 */
const KEEPING_ALIVE: Pick<Timers, "after"> = {
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/**
 * Accepts sockets and hands them over, one after another. Resolves once the listener is closed, by the
 * signal or by its owner, or has given the only socket that it has; never rejects. What the listener had
 * accepted before it was closed is handed over too: its callers count on an answer.
 *
 * While descriptors are missing it waits for 10 ms, and each time twice as long, up to a second. Callers
 * stay in the backlog meanwhile, and are served when there is a descriptor again.
 *
 * @param handle takes over the socket and returns at once; where it throws the socket is closed
 */
export async function acceptAll(
  listener: Listener,
  handle: (socket: Socket) => void,
  { signal, onError, yieldWhenOver, timers = KEEPING_ALIVE }: AcceptOptions,
): Promise<void> {
  let wake: (() => void) | undefined;
  const stop = () => {
    close(listener);
    wake?.();
  };
  if (signal.aborted) return stop();
  prepareStackTraces();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (let backoff = 0;;) {
      let socket: Socket;
      const wait = yieldWhenOver?.();
      if (wait !== undefined) await wait;
      try {
        socket = await listener.accept();
      } catch (error) {
        if (signal.aborted || error instanceof errors.BadResource) return;
        if (isGoneCaller(error)) continue;
        backoff = Math.min(MAX_BACKOFF, backoff * 2 || MIN_BACKOFF);
        onError?.(error);
        // From within onError the loop may have been told to stop.
        if (signal.aborted) return;
        await new Promise<void>((resolve) => {
          const timer = timers.after(backoff, resolve);
          wake = () => {
            timer.cancel();
            resolve();
          };
        });
        wake = undefined;
        if (signal.aborted) return;
        continue;
      }
      backoff = 0;
      try {
        handle(socket);
      } catch (error) {
        close(socket);
        onError?.(error);
      }
      if (listener.single) return;
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/**
 * The first stack trace that is looked at makes Deno open a file, and where no descriptor is left for
 * that it panics (2.9.6). The first must not be that of an error which says so.
 */
function prepareStackTraces(): void {
  void new Error().stack;
}

/**
 * Whether accepting failed only because the caller left before it was accepted. A listener that is
 * closed while it accepts says `Interrupted`, and `BadResource` when it is asked again.
 */
function isGoneCaller(error: unknown): boolean {
  return error instanceof errors.NotConnected ||
    error instanceof errors.ConnectionReset ||
    error instanceof errors.ConnectionAborted ||
    error instanceof errors.Interrupted;
}

/** It may be closed already, by its owner or from the other side. */
function close(resource: { close(): void | Promise<void> }): void {
  attempt(() => resource.close()).catch(() => {});
}
