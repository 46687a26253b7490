/**
 * Picks the transport by the address.
 *
 * @module
 */

import { type Address, badAddress, isHostAndPort, parseAddress } from "./address.ts";
import { command } from "./process/command.ts";
import { explain } from "./explain_error.ts";
import { insteadOf } from "./unsupported.ts";
import { memory } from "./memory/mod.ts";
import type { DialOptions, Listener, ListenOptions, Socket, Transport } from "./socket.ts";
import * as shared from "./reuse_port.ts";
import { stdio } from "./process/stdio.ts";
import { tcp } from "./tcp.ts";
import { tls } from "./tls/mod.ts";
import { udp } from "./udp/mod.ts";
import { unix } from "./unix.ts";
import { vsock } from "./vsock.ts";

export type {
  DialOptions,
  Listener,
  ListenOptions,
  Socket,
  TlsClientOptions,
  TlsServerOptions,
} from "./socket.ts";

const TRANSPORTS: ReadonlyMap<string, Transport> = new Map([
  ["tcp", tcp],
  ["unix", unix],
  ["tls", tls],
  ["udp", udp],
  ["stdio", stdio],
  ["command", command],
  ["vsock", vsock],
  ["memory", memory],
]);

/** Listens at an address; a promise only where the transport has to look first. */
export function listen(
  address: string | URL,
  options: ListenOptions,
): Listener | Promise<Listener> {
  const parsed = parseAddress(address);
  const transport = transportOf(parsed);
  if (options.reusePort) shared.refuseUnshared(parsed);
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

/** Connects to an address. */
export async function dial(address: string | URL, options: DialOptions = {}): Promise<Socket> {
  const parsed = parseAddress(address);
  const transport = transportOf(parsed);
  try {
    return await transport.dial(parsed, options);
  } catch (error) {
    throw error === options.signal?.reason ? error : explain(error, "connect to", parsed);
  }
}

/** The scheme of an address that can be used. */
export function schemeOf(address: string): string {
  return address.slice(0, address.indexOf(":")).toLowerCase();
}

function transportOf(address: Address): Transport {
  const transport = TRANSPORTS.get(address.scheme);
  if (transport !== undefined) return transport;
  const known = [...TRANSPORTS.keys()].map((scheme) => scheme + ":").join(", ");
  throw badAddress(
    address.text,
    insteadOf(address.scheme) ??
      (isHostAndPort(address.text)
        ? `it has no scheme; tcp://${address.text} has one`
        : `nothing is known of ${address.scheme}:, there are ${known}`),
  );
}
