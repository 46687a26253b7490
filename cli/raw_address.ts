/**
 * Which addresses bytes without framing can be exchanged over.
 *
 * @module
 */

import { schemeOf } from "../lib/transport/mod.ts";
import { quoted } from "./printable.ts";

/**
 * Refuses an address whose transport carries no stream. Anything else that may be wrong with it shows
 * when it is used.
 *
 * @throws {TypeError} for datagrams: pieces would be answered in others, and which is which nobody knew
 */
export function mustBeStream(address: string): void {
  if (schemeOf(address) !== "udp") return;
  throw new TypeError(
    `Cannot use the address ${quoted(address)}: bytes without framing need a stream; use tcp://`,
  );
}
