/**
 * Connects to `tls://host:port`.
 *
 * @module
 */

import { type Address, hostAndPort } from "../address.ts";
import type { DialOptions, Socket } from "../socket.ts";
import { tcp } from "../tcp.ts";
import { clientCredentials } from "./certificate.ts";
import { cannotConnect, clientHandshake } from "./handshake.ts";
import { NodeStream } from "./node_stream.ts";
import { TlsSocket } from "./socket.ts";

/** Connects, and shakes hands. */
export async function dial(address: Address, options: DialOptions): Promise<Socket> {
  const { signal, tls = {} } = options;
  const { hostname } = hostAndPort(address);
  const credentials = clientCredentials(tls);
  const socket = await tcp.dial(address, options);
  const below = new NodeStream(socket);
  const onAbort = () => below.close();
  signal?.addEventListener("abort", onAbort);
  try {
    signal?.throwIfAborted();
    const secure = await clientHandshake(below, tls.serverName ?? hostname, credentials);
    return new TlsSocket(secure, below, socket);
  } catch (error) {
    below.close();
    signal?.throwIfAborted();
    throw cannotConnect(address.text, error);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}
