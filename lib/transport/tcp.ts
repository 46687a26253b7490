/**
 * `tcp://host:port`, over IPv4 and IPv6.
 *
 * @module
 */

import { errors } from "../runtime.ts";
import { formatAddress, hostAndPort } from "./address.ts";
import { isLocalhost, joinListeners, listenAtBoth, LOOPBACKS } from "./localhost.ts";
import { net, whenThere } from "./net.ts";
import { behindProxies } from "./proxy/mod.ts";
import type { Listener, Socket, Transport } from "./socket.ts";

/** TCP. */
export const tcp: Transport = {
  listen(address, options): Listener | Promise<Listener> {
    const { tcpBacklog = 1024, reusePort = false } = options;
    const { hostname, port } = hostAndPort(address);
    const listenAt = (hostname: string, port: number) =>
      net.listen({ hostname, port }, { tcpBacklog, reusePort });
    const listener = isLocalhost(hostname)
      ? whenThere(
        listenAtBoth(port, listenAt, portOf),
        ({ listeners, port }) => joinListeners(formatAddress("tcp", "localhost", port), listeners),
      )
      : listenAt(hostname, port);
    return whenThere(listener, (listener) => behindProxies(listener, options));
  },
  async dial(address, { signal }) {
    const { hostname, port } = hostAndPort(address);
    const dialAt = (hostname: string) => net.connect({ hostname, port }, signal);
    try {
      return await dialAt(hostname);
    } catch (error) {
      if (!isLocalhost(hostname) || !isNobody(error)) throw error;
      return await dialLoopbacks(dialAt, error);
    }
  },
};

function portOf({ address }: Listener): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

/** Asks where the system's table of hosts may not lead: many know `localhost` as 127.0.0.1 alone. */
async function dialLoopbacks(
  dialAt: (hostname: string) => Promise<Socket>,
  first: unknown,
): Promise<Socket> {
  for (const hostname of LOOPBACKS) {
    try {
      return await dialAt(hostname);
    } catch (error) {
      // A permission for the name alone is no reason for another error than the first.
      if (!isNobody(error) && !(error instanceof errors.NotCapable)) throw error;
    }
  }
  throw first;
}

function isNobody(error: unknown): boolean {
  return error instanceof errors.ConnectionRefused || error instanceof errors.AddrNotAvailable;
}
