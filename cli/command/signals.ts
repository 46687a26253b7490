/**
 * Ctrl-C and SIGTERM: the first ends in order, the second at once.
 *
 * @module
 */

import { SIGNALS } from "./exit.ts";

/** What signals do to a command. */
export interface Interruption {
  /** Aborts at the first signal: what runs is cancelled, and nothing more is to be said. */
  readonly signal: AbortSignal;
  /** Resolves at the first signal, to the exit code; the second exits with it. */
  readonly exitCode: Promise<number>;
}

/** Listens for signals from here on. */
export function listenForSignals(): Interruption {
  const { promise, resolve } = Promise.withResolvers<number>();
  const controller = new AbortController();
  for (const [signal, exitCode] of Object.entries(SIGNALS)) {
    if (signal === "SIGTERM" && Deno.build.os === "windows") continue; // there is none
    Deno.addSignalListener(signal as keyof typeof SIGNALS, () => {
      if (controller.signal.aborted) Deno.exit(exitCode);
      resolve(exitCode);
      controller.abort();
    });
  }
  return { signal: controller.signal, exitCode: promise };
}
