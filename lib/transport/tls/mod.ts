/**
 * `tls://host:port`: TCP, encrypted, with certificates of the server and, where it asks, of clients.
 *
 * Deno's own TLS cannot ask for a client's certificate, nor let go of a peer that is silent; its
 * `node:tls` over a stream of ours can do both.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../limits.ts";
import { hostAndPort } from "../address.ts";
import { clientCredentials, ServerCertificate } from "./certificate.ts";
import { NodeStream } from "./node_stream.ts";
import type { Listener, Transport } from "../socket.ts";
import { tcp } from "../tcp.ts";
import { cannotConnect, clientHandshake } from "./handshake.ts";
import { TlsListener } from "./listener.ts";
import { TlsSocket } from "./socket.ts";

/** TLS over TCP. */
export const tls: Transport = {
  listen(address, options) {
    const { tls, limits = DEFAULT_LIMITS, onError = () => {} } = options;
    if (tls === undefined) {
      throw new TypeError(
        `Cannot listen at ${address.text}: the option tls with cert and key is missing`,
      );
    }
    const certificate = new ServerCertificate(tls);
    const below = tcp.listen(address, options);
    const toListener = (below: Listener) => new TlsListener(below, certificate, limits, onError);
    return below instanceof Promise ? below.then(toListener) : toListener(below);
  },
  async dial(address, options) {
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
  },
};
