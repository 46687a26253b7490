/**
 * Addresses: URLs that say how to reach a peer.
 *
 * @module
 */

/** The parts of an address. */
export interface Address {
  /** The part before the colon: `tcp`. */
  readonly scheme: string;
  /** The host without brackets: `::1`; empty where there is none. */
  readonly hostname: string;
  /** The port; undefined where there is none. */
  readonly port: number | undefined;
  /** The path, decoded; empty where there is none. */
  readonly path: string;
  /** The address as it was written. */
  readonly text: string;
}

/**
 * Takes an address apart.
 *
 * @throws {TypeError} for what is no URL
 */
export function parseAddress(address: string | URL): Address {
  const text = String(address);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw badAddress(text, "it is not a URL such as tcp://127.0.0.1:8080 or unix:///run/app.sock");
  }
  let path: string;
  try {
    path = decodeURIComponent(url.pathname);
  } catch {
    throw badAddress(text, "its path has a % that is not followed by two hexadecimal digits");
  }
  return {
    scheme: url.protocol.slice(0, -1),
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? undefined : Number(url.port),
    path,
    text,
  };
}

/** The address of a host and a port, with brackets around IPv6. */
export function formatAddress(scheme: string, hostname: string, port: number): string {
  return `${scheme}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** An error that names the address and says what is wrong with it. */
export function badAddress(text: string, why: string): TypeError {
  return new TypeError(`Cannot use the address ${JSON.stringify(text)}: ${why}`);
}
