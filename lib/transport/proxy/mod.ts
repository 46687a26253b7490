/**
 * Listeners that a proxy reaches, with the PROXY protocol.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../../limits.ts";
import { LoadingListener } from "../loading_listener.ts";
import { Networks } from "../networks.ts";
import type { Listener, ListenOptions } from "../socket.ts";

/**
 * Where those proxies are.
 *
 * @throws {RangeError} for what is no network
 */
export function proxiesOf(proxyProtocol: readonly string[] = []): Networks {
  return new Networks(proxyProtocol, "proxyProtocol");
}

/** The same listener, which reads the headers of proxies if there are any. */
export function behindProxies(
  below: Listener,
  { proxyProtocol = [], limits = DEFAULT_LIMITS, onError = () => {} }: ListenOptions,
): Listener {
  if (proxyProtocol.length === 0) return below;
  const proxies = proxiesOf(proxyProtocol);
  return new LoadingListener(below.address, async () => {
    const { ProxyListener } = await import("./listener.ts");
    return new ProxyListener(below, proxies, limits, onError);
  });
}
