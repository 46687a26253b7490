/**
 * `http://`, `https://`, `ws://` and `wss://` for those who listen: TCP or TLS, where nothing else is spoken.
 * What is spoken is not decided here.
 *
 * @module
 */

import type { Address } from "./address.ts";
import type { Listener, ListenOptions, Transport } from "./socket.ts";
import { tcp } from "./tcp.ts";
import { tls } from "./tls/mod.ts";

/** The ports that addresses without one mean (RFC 9110, section 4.2; RFC 6455, section 3). */
const PORTS = { clear: 80, secure: 443 } as const;

/** Listens at an address of a scheme like `http:`. */
export const clear: Pick<Transport, "listen"> = over(tcp, PORTS.clear);

/** Listens at an address of a scheme like `https:`. */
export const secure: Pick<Transport, "listen"> = over(tls, PORTS.secure);

function over(
  transport: Pick<Transport, "listen">,
  defaultPort: number,
): Pick<Transport, "listen"> {
  return {
    listen(address: Address, options: ListenOptions): Listener | Promise<Listener> {
      const { scheme, port = defaultPort } = address;
      const below = transport.listen({ ...address, port }, options);
      return below instanceof Promise
        ? below.then((below) => named(below, scheme))
        : named(below, scheme);
    },
  };
}

/** The same listener, with the scheme that was asked for in its address. */
function named(below: Listener, scheme: string): Listener {
  return {
    address: scheme + below.address.slice(below.address.indexOf(":")),
    accept: () => below.accept(),
    close: () => below.close(),
  };
}
