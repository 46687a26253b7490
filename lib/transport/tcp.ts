/**
 * `tcp://host:port`, over IPv4 and IPv6.
 *
 * @module
 */

import { type Address, badAddress, formatAddress } from "./address.ts";
import { DenoSocket, type Listener, type Transport } from "./socket.ts";

/** TCP. */
export const tcp: Transport = {
  listen(address, { tcpBacklog }): Listener {
    const { hostname, port } = hostAndPort(address);
    const listener = Deno.listen({ hostname, port, tcpBacklog });
    return {
      address: format(listener.addr),
      accept: async () => toSocket(await listener.accept()),
      close: () => listener.close(),
    };
  },
  async dial(address, { signal }) {
    const { hostname, port } = hostAndPort(address);
    return toSocket(await Deno.connect({ hostname, port, ...(signal && { signal }) }));
  },
};

function hostAndPort(address: Address): { hostname: string; port: number } {
  const { hostname, port, text } = address;
  if (hostname === "") throw badAddress(text, "it has no host; tcp://127.0.0.1:8080 has one");
  if (port === undefined) throw badAddress(text, "it has no port; tcp://127.0.0.1:8080 has one");
  if (address.path !== "" && address.path !== "/") {
    throw badAddress(text, `a tcp address has no path, it has ${JSON.stringify(address.path)}`);
  }
  return { hostname, port };
}

function format(addr: Deno.NetAddr): string {
  return formatAddress("tcp", addr.hostname, addr.port);
}

function toSocket(conn: Deno.TcpConn): DenoSocket {
  try {
    conn.setNoDelay(true);
    conn.setKeepAlive(true);
    return new DenoSocket(conn, format(conn.remoteAddr), format(conn.localAddr));
  } catch (error) {
    conn.close(); // nobody else knows of it
    throw error;
  }
}
