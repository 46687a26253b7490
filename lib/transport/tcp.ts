/**
 * `tcp://host:port`, over IPv4 and IPv6.
 *
 * @module
 */

import { formatAddress, hostAndPort } from "./address.ts";
import { isLocalhost, joinListeners, listenAtBoth, LOOPBACKS } from "./localhost.ts";
import { behindProxies } from "./proxy/mod.ts";
import type { Listener, Socket, Transport } from "./socket.ts";
import { DenoSocket } from "./deno_socket.ts";

/** TCP. */
export const tcp: Transport = {
  listen(address, options): Listener {
    const { tcpBacklog = 1024, reusePort = false } = options;
    const { hostname, port } = hostAndPort(address);
    const listenAt = (hostname: string, port: number) => {
      // A variable: reusePort is among Deno's unstable types, which a project need not have.
      const given = { hostname, port, tcpBacklog, reusePort };
      return Deno.listen(given);
    };
    if (!isLocalhost(hostname)) {
      return behindProxies(toListener(listenAt(hostname, port)), options);
    }
    const both = listenAtBoth(port, listenAt, (listener) => listener.addr.port);
    return behindProxies(
      joinListeners(
        formatAddress("tcp", "localhost", both.port),
        both.listeners.map(toListener),
      ),
      options,
    );
  },
  async dial(address, { signal }) {
    const { hostname, port } = hostAndPort(address);
    // Of a name with several addresses the next is tried after 250 ms without an answer, and the
    // first that answers is taken: Deno does so by itself.
    const dialAt = (hostname: string) =>
      Deno.connect({ hostname, port, ...(signal && { signal }) });
    try {
      return toSocket(await dialAt(hostname));
    } catch (error) {
      if (!isLocalhost(hostname) || !isNobody(error)) throw error;
      return toSocket(await dialLoopbacks(dialAt, error));
    }
  },
};

/** Asks where the system's table of hosts may not lead: many know `localhost` as 127.0.0.1 alone. */
async function dialLoopbacks(
  dialAt: (hostname: string) => Promise<Deno.TcpConn>,
  first: unknown,
): Promise<Deno.TcpConn> {
  for (const hostname of LOOPBACKS) {
    try {
      return await dialAt(hostname);
    } catch (error) {
      // A permission for the name alone is no reason for another error than the first.
      if (!isNobody(error) && !(error instanceof Deno.errors.NotCapable)) throw error;
    }
  }
  throw first;
}

function isNobody(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.AddrNotAvailable;
}

function toListener(listener: Deno.TcpListener): Listener {
  return {
    address: format(listener.addr),
    accept: async () => toSocket(await listener.accept()),
    close: () => listener.close(),
  };
}

function format({ hostname, port }: Deno.NetAddr): string {
  return formatAddress("tcp", hostname, port);
}

function toSocket(conn: Deno.TcpConn): Socket {
  try {
    conn.setNoDelay(true);
    conn.setKeepAlive(true);
    return new DenoSocket(conn, format);
  } catch (error) {
    conn.close(); // nobody else knows of it
    throw error;
  }
}
