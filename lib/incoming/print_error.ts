/**
 * Where errors go that nobody listens for.
 *
 * @module
 */

import { callBack, RpcError } from "../error.ts";

/** What an error of a connection is about, before its address. */
const CONNECTION_OF = "connection of ";

/** The function of the author's that takes the callbacks. */
type Taker = "serve()" | "serveWorkers()" | "connect()";

/** What errors are about, at its beginning, that are what a peer did; the second is of TLS. */
const OF_PEERS: readonly string[] = [CONNECTION_OF, "handshake with "];

/**
 * Prints an error on standard error, as `Deno.serve` does: what a handler or a callback throws must not get
 * lost. What peers do wrong is not printed: any of them could fill the log. Nor is an {@linkcode RpcError},
 * which is meant for the peer: that a notification has none to answer, or wrong params, is its sender's matter.
 */
export function printError(error: unknown, about: string): void {
  if (error instanceof RpcError || OF_PEERS.some((start) => about.startsWith(start))) return;
  // The one place of lib/ that prints.
  // deno-lint-ignore no-console
  console.error("error in %s:", about, error);
}

/**
 * Tells the author's `onError` of an error, or prints it where there is none. What `onError` throws is
 * printed: it must not keep a call from its answer.
 */
export function tellError(
  onError: ((error: unknown, about: string) => unknown) | undefined,
  error: unknown,
  about: string,
  taker: Taker,
): void {
  if (onError === undefined) return printError(error, about);
  callBack(
    () => onError(error, about),
    (thrown) => printError(thrown, callbackOf("onError", taker)),
  );
}

/** What an error is about that a callback of the author's threw. */
export function callbackOf(name: string, taker: Taker): string {
  return `the callback ${name} of ${taker}`;
}

/** What an error of a connection is about: the callback of the author's that threw it, or the connection. */
export function aboutConnection(
  address: string,
  callback: string | undefined,
  taker: Taker,
): string {
  return callback === undefined ? CONNECTION_OF + address : callbackOf(callback, taker);
}
