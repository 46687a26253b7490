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
  /** What stands after the question mark. */
  readonly query: URLSearchParams;
  /** The name and the password before the host, as they were written; empty where there is none. */
  readonly username: string;
  readonly password: string;
  /** The address as it was written, without its password: errors show it. */
  readonly text: string;
}

/**
 * Takes an address apart.
 *
 * @throws {TypeError} for what is no URL
 */
export function parseAddress(address: string | URL): Address {
  const whole = String(address), text = withoutPassword(whole);
  // The ports of vsock have 32 bits, those of a URL 16.
  const wide = /^(vsock:\/\/[^/:?#]+):([0-9]+)/i.exec(whole);
  let url: URL;
  try {
    url = new URL(wide === null ? whole : wide[1] + whole.slice(wide[0].length));
  } catch {
    throw badAddress(
      text,
      isHostAndPort(text)
        ? `it has no scheme; tcp://${text} has one`
        : "it is not a URL such as tcp://127.0.0.1:8080 or unix:///run/app.sock",
    );
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
    port: wide !== null ? Number(wide[2]) : url.port === "" ? undefined : Number(url.port),
    path,
    query: url.searchParams,
    username: url.username,
    password: url.password,
    text,
  };
}

/** An address as it may be shown: `…` stands for its password. */
export function withoutPassword(address: string): string {
  return address.replace(/^([a-z+.-]+:\/\/[^/?#:@]*:)[^/?#]*@/i, "$1…@");
}

/**
 * The host and the port of an address that has nothing else.
 *
 * @param params the names that may stand after the question mark
 * @throws {TypeError} where one of the two is missing, and where there is more
 */
export function hostAndPort(
  { scheme, hostname, port, path, query, text }: Address,
  params: readonly string[] = [],
): { hostname: string; port: number } {
  if (hostname === "") throw badAddress(text, `it has no host; ${scheme}://127.0.0.1:8080 has one`);
  if (port === undefined) {
    throw badAddress(text, `it has no port; ${scheme}://127.0.0.1:8080 has one`);
  }
  if (path !== "" && path !== "/") {
    throw badAddress(text, `a ${scheme} address has no path, it has ${JSON.stringify(path)}`);
  }
  for (const name of query.keys()) {
    if (!params.includes(name)) {
      throw badAddress(text, `a ${scheme} address has no option ${JSON.stringify(name)}`);
    }
  }
  return { hostname, port };
}

/** Whether this is a host and a port alone; as a URL `localhost:80` has the scheme `localhost`. */
export function isHostAndPort(text: string): boolean {
  return /^([^/:[\]]+|\[[^/[\]]+\]):[0-9]+$/.test(text);
}

/** The address of a host and a port, with brackets around IPv6. */
export function formatAddress(scheme: string, hostname: string, port: number): string {
  return `${scheme}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** An error that names the address and says what is wrong with it. */
export function badAddress(text: string, why: string): TypeError {
  return new TypeError(`Cannot use the address ${JSON.stringify(text)}: ${why}`);
}

/** The scheme of an address that can be used. */
export function schemeOf(address: string): string {
  return address.slice(0, address.indexOf(":")).toLowerCase();
}

/** The address of a socket of TCP as one of TLS. */
export function secured(address: string): string {
  return address.replace(/^tcp:/, "tls:");
}
