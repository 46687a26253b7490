/**
 * Listens at an address, with the transport that its scheme names.
 *
 * @module
 */

import { type Address, parseAddress } from "./address.ts";
import { explain } from "./explain_error.ts";
import { fd } from "./fd.ts";
import { memory } from "./memory/mod.ts";
import { stdio } from "./process/stdio.ts";
import { proxiesOf } from "./proxy/mod.ts";
import * as shared from "./reuse_port.ts";
import type { Listener, ListenOptions, Transport } from "./socket.ts";
import { tcp } from "./tcp.ts";
import { tls } from "./tls/mod.ts";
import { udp } from "./udp/mod.ts";
import { unix } from "./unix.ts";
import { refuseElsewhere, unusable } from "./unsupported.ts";
import { vsock } from "./vsock.ts";
import { clear, secure } from "./web.ts";

// All are there from the beginning: who listens wants the address at once. `command:` is for callers only.
const TRANSPORTS: ReadonlyMap<string, Pick<Transport, "listen">> = new Map([
  ["tcp", tcp],
  ["unix", unix],
  ["tls", tls],
  ["http", clear],
  ["https", secure],
  ["ws", clear],
  ["wss", secure],
  ["udp", udp],
  ["stdio", stdio],
  ["vsock", vsock],
  ["memory", memory],
  ["fd", fd],
]);

/** Listens at an address; a promise only where the transport has to look first. */
export function listen(
  address: string | URL,
  options: ListenOptions,
): Listener | Promise<Listener> {
  const parsed = parseAddress(address);
  const transport = transportOf(parsed);
  refuseElsewhere(parsed, "listen at");
  if (options.reusePort) shared.refuseUnshared(parsed);
  proxiesOf(options.proxyProtocol); // before anything is open
  const fail = (error: unknown): never => {
    throw explain(error, "listen at", parsed);
  };
  try {
    const listener = transport.listen(parsed, options);
    return listener instanceof Promise ? listener.catch(fail) : listener;
  } catch (error) {
    return fail(error);
  }
}

/** Throws where an address cannot have several listeners; see `reuse_port.ts`. */
export function refuseUnshared(address: string | URL): void {
  const parsed = parseAddress(address);
  transportOf(parsed);
  shared.refuseUnshared(parsed);
}

function transportOf(address: Address): Pick<Transport, "listen"> {
  const transport = TRANSPORTS.get(address.scheme);
  if (transport === undefined) throw unusable(address);
  return transport;
}
