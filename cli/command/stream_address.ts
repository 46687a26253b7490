/**
 * Which addresses bytes without framing can be exchanged over.
 *
 * @module
 */

import { schemeOf } from "../../lib/wire.ts";
import { printableAddress, quoted } from "../text/printable.ts";

/** What addresses carry that are reached by HTTP: no stream of bytes. */
const CARRIED: ReadonlyMap<string, string> = new Map([
  ["http", "each call is a request of its own there; use tcp://"],
  ["https", "each call is a request of its own there; use tls://"],
  ["ws", "a WebSocket carries messages; use tcp://"],
  ["wss", "a WebSocket carries messages; use tls://"],
  ["udp", "bytes without framing need a stream; use tcp://"],
]);

/**
 * Refuses an address whose transport carries no stream. Anything else that may be wrong with it shows
 * when it is used.
 *
 * @param others schemes that are taken although they carry none
 * @throws {TypeError} for datagrams: pieces would be answered in others, and which is which nobody knew
 */
export function mustBeStream(address: string, others: readonly string[] = []): void {
  const scheme = schemeOf(address), why = CARRIED.get(scheme);
  if (why !== undefined && !others.includes(scheme)) throw badAddress(address, why);
}

/**
 * Refuses an address that takes away what the prompt needs.
 *
 * @throws {TypeError} for standard input and output
 */
export function mustLeaveTerminal(address: string): void {
  if (schemeOf(address) === "stdio") {
    throw badAddress(address, "standard input is what is read from at the prompt");
  }
}

function badAddress(address: string, why: string): TypeError {
  return new TypeError(`Cannot use the address ${quoted(printableAddress(address))}: ${why}`);
}
