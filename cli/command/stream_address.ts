/**
 * Which addresses bytes without framing can be exchanged over.
 *
 * @module
 */

import { schemeOf } from "../../lib/wire.ts";
import { quoted } from "../text/printable.ts";

/**
 * Refuses an address whose transport carries no stream. Anything else that may be wrong with it shows
 * when it is used.
 *
 * @throws {TypeError} for datagrams: pieces would be answered in others, and which is which nobody knew
 */
export function mustBeStream(address: string): void {
  if (schemeOf(address) === "udp") {
    throw badAddress(address, "bytes without framing need a stream; use tcp://");
  }
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
  return new TypeError(`Cannot use the address ${quoted(address)}: ${why}`);
}
