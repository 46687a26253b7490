/**
 * What lies below HTTP: the socket that carries it, and what an address says of the requests.
 *
 * @module
 */

import { toBase64 } from "../../runtime.ts";
import { type Address, badAddress } from "../address.ts";
import type { DialOptions, Socket } from "../socket.ts";
import { tcp } from "../tcp.ts";

/** Connects by TCP, or by TLS for `https:` and `wss:`. */
export async function dialBelow(address: Address, options: DialOptions): Promise<Socket> {
  const isSecure = address.scheme === "https" || address.scheme === "wss";
  // Errors show the address as it was given.
  const below = {
    ...address,
    port: address.port ?? (isSecure ? 443 : 80),
    path: "",
    query: new URLSearchParams(),
  };
  if (!isSecure) return await tcp.dial(below, options);
  const { dial } = await import("../tls/dial.ts");
  return await dial(below, options);
}

/** Where requests go, and with which headers. */
export interface Target {
  /** Without the name and the password. */
  readonly url: URL;
  readonly headers: Headers;
}

/**
 * What an address and the caller say of the requests: the name and the password in an address are a header,
 * RFC 7617.
 *
 * @param own headers that the caller may not set
 * @throws {TypeError} for headers that cannot be sent
 */
export function targetOf(
  { text, hostname, scheme, username, password }: Address,
  given: DialOptions["headers"],
  own: (name: string) => boolean,
): Target {
  if (hostname === "") throw badAddress(text, `it has no host; ${scheme}://127.0.0.1:8080 has one`);
  const url = new URL(text);
  let headers: Headers;
  try {
    headers = new Headers(given);
  } catch (cause) {
    throw new TypeError(`Cannot use the headers: ${(cause as Error).message}`, { cause });
  }
  for (const name of headers.keys()) {
    if (own(name)) {
      throw new TypeError(`Cannot use the header ${name}: it is not the caller's to set`);
    }
  }
  if (username !== "" && !headers.has("authorization")) {
    let words: string;
    try {
      words = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    } catch {
      const why = "its name or password has a % that is not followed by two hexadecimal digits";
      throw badAddress(text, why);
    }
    headers.set("authorization", `Basic ${toBase64(new TextEncoder().encode(words))}`);
  }
  url.username = url.password = url.hash = "";
  return { url, headers };
}

/** The address of a socket below as one of this scheme. */
export function renamed(address: string, scheme: string): string {
  return scheme + address.slice(address.indexOf(":"));
}
