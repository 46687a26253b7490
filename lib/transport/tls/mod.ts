/**
 * `tls://host:port`: TCP, encrypted, with certificates of the server and, where it asks, of clients.
 *
 * Deno's own TLS cannot ask for a client's certificate, nor let go of a peer that is silent; its
 * `node:tls` over a stream of ours can do both.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../limits.ts";
import { secured } from "../address.ts";
import { LoadingListener } from "../loading_listener.ts";
import type { Listener, Transport } from "../socket.ts";
import { tcp } from "../tcp.ts";
import { ServerCertificate } from "./certificate.ts";

/** TLS over TCP, for those who listen; who connects loads `dial.ts`. */
export const tls: Pick<Transport, "listen"> = {
  listen(address, options) {
    const { tls, limits = DEFAULT_LIMITS, onError = () => {} } = options;
    if (tls === undefined) {
      throw new TypeError(
        `Cannot listen at ${address.text}: the option tls with cert and key is missing`,
      );
    }
    const certificate = new ServerCertificate(tls);
    const below = tcp.listen(address, options);
    const toListener = (below: Listener) =>
      new LoadingListener(secured(below.address), async () => {
        const { TlsListener } = await import("./listener.ts");
        return new TlsListener(below, certificate, limits, onError);
      });
    return below instanceof Promise ? below.then(toListener) : toListener(below);
  },
};
