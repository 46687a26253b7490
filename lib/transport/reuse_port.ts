/**
 * Which addresses can have several listeners, each of which accepts a part of the callers.
 *
 * Only the system can spread callers: Deno has no way to hand a socket that was accepted here to
 * another thread or process.
 *
 * @module
 */

import { errors, isDeno, operatingSystem } from "../runtime.ts";
import { type Address, badAddress } from "./address.ts";
import { datagramListener } from "./unstable.ts";

const OVER_TCP: ReadonlySet<string> = new Set(["tcp", "tls", "http", "https", "ws", "wss"]);

/**
 * Throws where an address cannot have several listeners.
 *
 * @throws {TypeError} for a scheme that knows one listener alone
 * @throws {Deno.errors.NotSupported} for a system that does not spread callers, and for a missing flag
 */
export function refuseUnshared({ scheme, text }: Address): void {
  if (!OVER_TCP.has(scheme)) {
    throw badAddress(
      text,
      "only tcp:, tls:, http:, https:, ws: and wss: addresses can have several listeners",
    );
  }
  const fail = (why: string): never => {
    throw new errors.NotSupported(
      `Cannot listen at ${text} more than once: ${why}`,
    );
  };
  // Elsewhere the listener that came last gets all callers.
  const os = operatingSystem();
  if (os !== "linux") fail(`${os} does not spread callers over listeners`);
  // With the flag comes listenDatagram; without it Deno would end the process, with code 70.
  if (isDeno && datagramListener() === undefined) fail("that needs the flag --unstable-net");
}
