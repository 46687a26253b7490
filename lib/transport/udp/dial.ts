/**
 * The end that asks, at `udp://host:port`.
 *
 * @module
 */

import { errors } from "../../runtime.ts";
import { type Address, badAddress, formatAddress, hostAndPort } from "../address.ts";
import { isLocalhost } from "../localhost.ts";
import type { DialOptions, Socket } from "../socket.ts";
import type { DatagramConn } from "../unstable.ts";
import { CallerSocket, MAX_DATAGRAM } from "./datagram_socket.ts";
import { askFor, bind, isLoopback } from "./mod.ts";

/** Bytes of a question where nothing else is said: what every path carries in one piece. */
const DEFAULT_PAD = 1200;

/** Opens a socket that hears one address alone. */
export async function dial(address: Address, { signal }: DialOptions): Promise<Socket> {
  const { hostname, port } = hostAndPort(address, ["pad"]);
  const pad = padOf(address);
  const remote = { transport: "udp" as const, hostname: await resolve(hostname), port };
  signal?.throwIfAborted();
  return call(remote, pad);
}

function call(remote: Deno.NetAddr & { transport: "udp" }, pad: number): CallerSocket {
  const ourSide = ourSideOf(remote.hostname);
  askFor(formatHost({ hostname: ourSide, port: 0 }), formatHost(remote));
  const conn = bind(ourSide, 0);
  const { hostname, port } = conn.addr as Deno.NetAddr;
  const socket = new CallerSocket({
    local: formatAddress("udp", hostname, port),
    remote: formatAddress("udp", remote.hostname, remote.port),
    send: (datagram) => conn.send(datagram, remote),
    closed: () => conn.close(),
  }, pad);
  hear(conn, remote, socket);
  return socket;
}

/** Takes what the server sends, and nothing that others send. */
async function hear(
  conn: DatagramConn,
  remote: Deno.NetAddr,
  socket: CallerSocket,
): Promise<void> {
  const buffer = new Uint8Array(MAX_DATAGRAM + 1), expected = formatHost(remote);
  try {
    for (;;) {
      const [datagram, from] = await conn.receive(buffer);
      if (formatHost(from as Deno.NetAddr) === expected) socket.deliver(datagram);
    }
  } catch (error) {
    socket.fail(error); // unless we closed it ourselves, when nobody listens any more
  }
}

/** Where answers are awaited: on loopback, where the server is there too. */
function ourSideOf(hostname: string): string {
  if (isLoopback(hostname)) return hostname.includes(":") ? "::1" : "127.0.0.1";
  return hostname.includes(":") ? "::" : "0.0.0.0";
}

function padOf({ query, text }: Address): number {
  const pad = query.get("pad") ?? String(DEFAULT_PAD);
  if (!/^[0-9]{1,5}$/.test(pad) || Number(pad) > MAX_DATAGRAM) {
    throw badAddress(text, `pad must be a number of bytes from 0 to ${MAX_DATAGRAM}`);
  }
  return Number(pad);
}

/**
 * The one numeric address that is called: answers are told by where they come from. Nothing refuses
 * a datagram, so that a second address could not be tried after the first.
 */
async function resolve(hostname: string): Promise<string> {
  if (isLocalhost(hostname)) return "127.0.0.1";
  if (hostname.includes(":") || /^[0-9.]+$/.test(hostname)) return hostname;
  askFor(hostname);
  const { lookup } = await import("node:dns/promises");
  try {
    return (await lookup(hostname)).address;
  } catch (error) {
    throw new errors.NotFound(`no address is known for ${hostname}`, { cause: error });
  }
}

function formatHost({ hostname, port }: Pick<Deno.NetAddr, "hostname" | "port">): string {
  return formatAddress("", hostname, port).slice("://".length);
}
