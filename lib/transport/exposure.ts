/**
 * What an address says of where a peer is: on this machine, or in which network.
 *
 * @module
 */

import { parseAddress, schemeOf } from "./address.ts";
import { isLocalhost } from "./localhost.ts";
import type { Listener } from "./socket.ts";

/** The schemes whose peers may be on other machines. */
const REMOTE: ReadonlySet<string> = new Set([
  "tcp",
  "tls",
  "udp",
  "http",
  "https",
  "ws",
  "wss",
]);

/** Of these the ones where callers may have to show a certificate. */
const ENCRYPTED: ReadonlySet<string> = new Set(["tls", "https", "wss"]);

/**
 * Whether only this machine can reach it: its loopback, a file, another virtual machine of its own. Of a
 * descriptor nothing is known before it is listened at.
 */
export function isLocal(address: string | URL): boolean {
  const { scheme, hostname } = parseAddress(address);
  if (scheme === "fd") return false;
  return !REMOTE.has(scheme) || hostname === "" || isLoopback(hostname);
}

/** What protects a server that other machines can reach. */
export interface Exposure {
  /** Everyone may call: that is meant. */
  readonly insecure?: boolean;
  /** Callers have to say who they are. */
  readonly asks?: boolean;
  /** Callers over TLS have to show a certificate. */
  readonly asksByTls?: boolean;
}

/**
 * Keeps a server from serving the whole world by oversight, and from asking where the answer can be forged. A
 * descriptor passes: {@linkcode refuseExposedListener} asks when it shows where it is.
 *
 * @throws {TypeError} for an address that other machines can reach, where nobody is asked who calls,
 * and for datagrams where somebody is
 */
export function refuseExposed(
  address: string | URL,
  { insecure = false, asks = false, asksByTls = false }: Exposure,
): void {
  const { scheme } = parseAddress(address), isForgeable = scheme === "udp";
  if (isForgeable && asks) {
    throw new TypeError(
      `Cannot listen at ${address}: authenticate needs a connection, a datagram can be sent in anyone's name`,
    );
  }
  if (
    insecure || asks || scheme === "fd" || isLocal(address) || asksByTls && ENCRYPTED.has(scheme)
  ) return;
  throw new TypeError(
    `Cannot listen at ${address}: other machines can reach it, and nobody is asked who calls; ` +
      (isForgeable ? "" : "ask with authenticate (--token-file FILE), or ") +
      "let everyone in with insecure (--insecure)",
  );
}

/**
 * Asks {@linkcode refuseExposed} of a descriptor, once its listener shows where it is, and closes a listener that
 * is refused.
 *
 * @param address what was listened at. Only of a descriptor is the listener's own address asked: that of a
 * socket file is for people to read, and cannot always be parsed again
 * @throws {TypeError} as {@linkcode refuseExposed}
 */
export function refuseExposedListener(
  address: string | URL,
  listener: Pick<Listener, "address" | "close">,
  exposure: Exposure,
): void {
  if (schemeOf(String(address)) !== "fd") return;
  try {
    refuseExposed(listener.address, exposure);
  } catch (error) {
    listener.close();
    throw error;
  }
}

/**
 * The part of a peer's address that one caller has to itself: an IPv4 address, or the first 64 bits of
 * an IPv6 address, of which everyone has the rest to choose from. Undefined on this machine.
 */
export function networkOf(address: string): string | undefined {
  const { scheme, hostname } = parseAddress(address);
  if (!REMOTE.has(scheme) || isLoopback(hostname)) return undefined;
  return asIpv4(hostname) ?? (hostname.includes(":") ? `${prefixOf(hostname)}::/64` : hostname);
}

function isLoopback(hostname: string): boolean {
  return isLocalhost(hostname) || hostname === "::1" ||
    /^127\./.test(asIpv4(hostname) ?? hostname) && /^[0-9.:a-f]+$/i.test(hostname);
}

/** The IPv4 address that an IPv6 address stands for (RFC 4291, section 2.5.5.2). */
export function asIpv4(hostname: string): string | undefined {
  const mapped = /^::ffff:(?:([0-9.]+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i.exec(hostname);
  if (mapped === null) return undefined;
  const [, dotted, high = "", low = ""] = mapped;
  if (dotted !== undefined) return dotted;
  const bytes = [high, low].map((group) => parseInt(group, 16)).flatMap((n) => [n >> 8, n & 255]);
  return bytes.join(".");
}

/** The first four groups, without leading zeros. */
function prefixOf(hostname: string): string {
  return groupsOf(hostname).slice(0, 4).map((group) => group.toString(16)).join(":");
}

/** The eight groups of an IPv6 address in colons and hexadecimal digits. */
export function groupsOf(hostname: string): number[] {
  const [address = ""] = hostname.split("%"); // a zone may follow
  const [left = "", right] = address.toLowerCase().split("::");
  const groups = left === "" ? [] : left.split(":");
  if (right !== undefined) {
    const after = right === "" ? [] : right.split(":");
    while (groups.length + after.length < 8) groups.push("0");
    groups.push(...after);
  }
  return groups.map((group) => parseInt(group, 16));
}
