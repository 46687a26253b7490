/**
 * `udp://host:port`: one datagram, one message or batch. What is lost is lost: a call ends with its
 * deadline then. See `datagram_socket.ts` for what may be said in one.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../limits.ts";
import { errors } from "../../runtime.ts";
import { formatAddress, hostAndPort } from "../address.ts";
import { LoadingListener } from "../loading_listener.ts";
import { isLocalhost, joinListeners, listenAtBoth } from "../localhost.ts";
import type { Listener, Transport } from "../socket.ts";
import { type DatagramConn, datagramListener } from "../unstable.ts";

/** UDP, for those who listen; who calls loads `dial.ts`. */
export const udp: Pick<Transport, "listen"> = {
  listen(address, { limits }): Listener {
    const { hostname, port } = hostAndPort(address);
    // A server that may not answer is none: peers on loopback can have any port.
    const listenAt = (hostname: string, port: number) => {
      if (isLoopback(hostname)) askFor(hostname.includes(":") ? `[${hostname}]` : hostname);
      return bind(hostname, port);
    };
    const patience = (limits ?? DEFAULT_LIMITS).maxCallTimeout;
    if (!isLocalhost(hostname)) return toListener(listenAt(hostname, port), patience);
    const both = listenAtBoth(port, listenAt, portOf);
    const listeners = both.listeners.map((conn) => toListener(conn, patience));
    return joinListeners(formatAddress("udp", "localhost", both.port), listeners);
  },
};

/** @param patience milliseconds that a call may take */
function toListener(conn: DatagramConn, patience: number): Listener {
  const { hostname, port } = conn.addr as Deno.NetAddr;
  return new LoadingListener(formatAddress("udp", hostname, port), async () => {
    const { UdpListener } = await import("./listener.ts");
    return new UdpListener(conn, { patience });
  });
}

/** Binds a datagram socket. */
export function bind(hostname: string, port: number): DatagramConn {
  const listen = datagramListener();
  if (listen === undefined) {
    throw new errors.NotSupported("UDP needs the flag --unstable-net");
  }
  return listen({ transport: "udp", hostname, port });
}

function portOf(conn: DatagramConn): number {
  return (conn.addr as Deno.NetAddr).port;
}

/** Whether a numeric address is on this machine alone. */
export function isLoopback(hostname: string): boolean {
  return hostname.startsWith("127.") || hostname === "::1";
}

/** Asks for permissions that would be missed only later, when nobody could be told any more. */
export function askFor(...hosts: string[]): void {
  const missing = hosts.filter((host) =>
    Deno.permissions.requestSync({ name: "net", host }).state !== "granted"
  );
  if (missing.length === 0) return;
  throw new errors.NotCapable(
    `Requires net access to "${missing.join()}", run again with the --allow-net flag`,
  );
}
