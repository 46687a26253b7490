/**
 * Picks the transport by the address.
 *
 * @module
 */

import { type Address, badAddress, parseAddress } from "./address.ts";
import type { DialOptions, Listener, ListenOptions, Socket, Transport } from "./socket.ts";
import { tcp } from "./tcp.ts";
import { unix } from "./unix.ts";

export type { Listener, ListenOptions, Socket } from "./socket.ts";

const TRANSPORTS: ReadonlyMap<string, Transport> = new Map([["tcp", tcp], ["unix", unix]]);

/** Listens at an address; a promise only where the transport has to look first. */
export function listen(
  address: string | URL,
  options: ListenOptions,
): Listener | Promise<Listener> {
  const parsed = parseAddress(address);
  return transportOf(parsed).listen(parsed, options);
}

/** Connects to an address. */
export async function dial(address: string | URL, options: DialOptions = {}): Promise<Socket> {
  const parsed = parseAddress(address);
  return await transportOf(parsed).dial(parsed, options);
}

/** The scheme of an address that can be used. */
export function schemeOf(address: string): string {
  return address.slice(0, address.indexOf(":"));
}

function transportOf(address: Address): Transport {
  const transport = TRANSPORTS.get(address.scheme);
  if (transport !== undefined) return transport;
  const known = [...TRANSPORTS.keys()].map((scheme) => scheme + ":").join(", ");
  const isHost = /^[^/]+:[0-9]+$/.test(address.text);
  throw badAddress(
    address.text,
    isHost
      ? `it has no scheme; tcp://${address.text} has one`
      : `nothing is known of ${address.scheme}:, there are ${known}`,
  );
}
