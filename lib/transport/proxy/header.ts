/**
 * HAProxy's PROXY protocol, versions 1 and 2: the header before the first byte of a connection, by which a
 * proxy tells whose connection it is. Pure: bytes in, a header out.
 *
 * https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
 *
 * @module
 */

import { formatAddress } from "../address.ts";
import { parseIp } from "../networks.ts";

/** Bytes of a header of version 1 with its line end (section 2.1). */
const MAX_LINE = 107;

/** What a header of version 2 begins with, bytes before the length of the rest has come, and at most. */
const SIGNATURE: Uint8Array = /* @__PURE__ */ new TextEncoder().encode("\r\n\r\n\0\r\nQUIT\n");
const FIXED = 16;

/**
 * Bytes of any header. Addresses take 216 at most; a proxy may send what it knows of the caller's TLS behind
 * them, its certificate too.
 */
export const MAX_HEADER = 4096;

/** The ends of the connection that the proxy has accepted. */
export interface ProxiedEnds {
  readonly remote: string;
  readonly local: string;
}

/** What stands before the first byte of a connection. */
export type ProxyHeader =
  | {
    readonly kind: "header";
    /** How many bytes it has. */
    readonly length: number;
    /** Undefined where the proxy speaks for itself, or can say nothing of who calls. */
    readonly ends: ProxiedEnds | undefined;
  }
  /** Nothing that comes behind this can make a header of it. */
  | { readonly kind: "bad"; readonly reason: string };

/** Reads the header; undefined means that more bytes are needed. */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader | undefined {
  if (bytes.length === 0) return undefined;
  return bytes[0] === SIGNATURE[0] ? readBlock(bytes) : readLine(bytes);
}

// ---- Version 1 -------------------------------------------------------------------------------

const NAME = "PROXY ";

function readLine(bytes: Uint8Array): ProxyHeader | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, MAX_LINE));
  if (!text.startsWith(NAME.slice(0, text.length))) return bad("it begins with neither version");
  const length = text.indexOf("\n") + 1;
  if (length === 0) {
    return text.length < MAX_LINE ? undefined : bad(`its line is longer than ${MAX_LINE} bytes`);
  }
  if (text[length - 2] !== "\r") return bad("its line does not end with CR LF");
  const [, family, ...parts] = text.slice(0, length - 2).split(" ");
  if (family === "UNKNOWN") return { kind: "header", length, ends: undefined };
  if (family !== "TCP4" && family !== "TCP6") {
    return bad("its family is none of TCP4, TCP6, UNKNOWN");
  }
  const [source, target, sourcePort, targetPort] = parts;
  const remote = addressOf(family, source, sourcePort);
  const local = addressOf(family, target, targetPort);
  if (parts.length !== 4 || remote === undefined || local === undefined) {
    return bad(`there are not two addresses and two ports of ${family} in its line`);
  }
  return { kind: "header", length, ends: { remote, local } };
}

function addressOf(family: string, host = "", port = ""): string | undefined {
  const isPort = /^(?:0|[1-9]\d{0,4})$/.test(port) && Number(port) < 1 << 16;
  const ip = (family === "TCP6") === host.includes(":") ? parseIp(host) : undefined;
  return ip && isPort ? formatAddress("tcp", ip.text, Number(port)) : undefined;
}

// ---- Version 2 -------------------------------------------------------------------------------

/** The lower half of the byte with the version: the proxy speaks for itself, or for a caller. */
const LOCAL = 0, PROXY = 1;

/** Families of addresses, and the bytes that two of them take with their ports. */
const UNSPECIFIED = 0, IPV4 = 1, IPV6 = 2, UNIX = 3;
const SIZES: Readonly<Record<number, number>> = {
  [UNSPECIFIED]: 0,
  [IPV4]: 12,
  [IPV6]: 36,
  [UNIX]: 216,
};

/** Protocols: unspecified, streams, datagrams. */
const MAX_PROTOCOL = 2;

/** The type of the value that holds a checksum of the header, and its length. */
const CHECKSUM = 3, CHECKSUM_SIZE = 4;

function readBlock(bytes: Uint8Array): ProxyHeader | undefined {
  for (let i = 0; i < SIGNATURE.length && i < bytes.length; i++) {
    if (bytes[i] !== SIGNATURE[i]) return bad("it begins with neither version");
  }
  const version = bytes[12], kind = bytes[13];
  if (version === undefined) return undefined;
  const command = version & 15;
  if (version >> 4 !== 2) return bad(`its version is ${version >> 4}`);
  if (command !== LOCAL && command !== PROXY) return bad(`its command is ${command}`);
  if (kind === undefined) return undefined;
  const family = kind >> 4, protocol = kind & 15;
  if (command === PROXY && (SIZES[family] === undefined || protocol > MAX_PROTOCOL)) {
    return bad(`its family is 0x${kind.toString(16).padStart(2, "0")}`);
  }
  if (bytes.length < FIXED) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = FIXED + view.getUint16(14);
  if (length > MAX_HEADER) return bad(`it is longer than ${MAX_HEADER} bytes`);
  if (bytes.length < length) return undefined;
  // What a proxy says in its own name is passed over, whatever it is.
  if (command === LOCAL) return { kind: "header", length, ends: undefined };
  const size = SIZES[family]!;
  if (FIXED + size > length) return bad("it is too short for its addresses");
  const why = family === UNSPECIFIED
    ? undefined
    : wrongWithValues(bytes.subarray(0, length), FIXED + size);
  if (why !== undefined) return bad(why);
  const isKnown = (family === IPV4 || family === IPV6) && protocol !== UNSPECIFIED;
  if (!isKnown) return { kind: "header", length, ends: undefined };
  const ipSize = family === IPV4 ? 4 : 16, ports = FIXED + 2 * ipSize;
  const endAt = (at: number, port: number) =>
    formatAddress("tcp", ipIn(bytes.subarray(at, at + ipSize)), view.getUint16(port));
  return {
    kind: "header",
    length,
    ends: { remote: endAt(FIXED, ports), local: endAt(FIXED + ipSize, ports + 2) },
  };
}

function ipIn(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from(
    { length: 8 },
    (_, i) => (bytes[2 * i]! << 8 | bytes[2 * i + 1]!).toString(16),
  );
  return parseIp(groups.join(":"))!.text;
}

/** What is wrong with the values behind the addresses: one has no end, or the checksum is another. */
function wrongWithValues(header: Uint8Array, from: number): string | undefined {
  for (let at = from; at < header.length;) {
    const size = header[at + 1]! << 8 | header[at + 2]!, start = at + 3;
    if (start > header.length || start + size > header.length) return "a value in it has no end";
    if (header[at] === CHECKSUM) {
      if (size !== CHECKSUM_SIZE) return "its checksum has not 4 bytes";
      const sent = new DataView(header.buffer, header.byteOffset).getUint32(start);
      const cleared = header.slice();
      cleared.fill(0, start, start + size);
      if (crc32c(cleared) !== sent) return "its checksum is wrong";
    }
    at = start + size;
  }
  return undefined;
}

/** The polynomial of CRC32c (RFC 4960, appendix B), its bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** A checksum of bytes; few proxies send one, so there is no table. */
export function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc >>> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
  }
  return ~crc >>> 0;
}

function bad(reason: string): ProxyHeader {
  return { kind: "bad", reason };
}
