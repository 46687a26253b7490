/**
 * Networks that a server is told of, and the IP addresses in them. IPv4 addresses that are written in IPv6
 * are IPv4 addresses.
 *
 * @module
 */

import { parseAddress } from "./address.ts";
import { asIpv4, groupsOf } from "./exposure.ts";

/** The network of all Unix sockets. */
const UNIX = "unix";

/** The longest text of an IPv6 address, with an IPv4 address at its end. */
const MAX_IP = 45;

/** An IP address. */
export interface Ip {
  /** As it is usually written: the same text for the same address. */
  readonly text: string;
  /** 4 or 16 bytes. */
  readonly bytes: Uint8Array;
}

/** The address that a text is; undefined if it is none. */
export function parseIp(text: string): Ip | undefined {
  if (text.length > MAX_IP) return undefined;
  if (!text.includes(":")) return parseIpv4(text);
  if (!/^[0-9A-Fa-f:.]+$/.test(text) || !URL.canParse(`http://[${text}]`)) return undefined;
  const hostname = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const mapped = asIpv4(hostname);
  if (mapped !== undefined) return parseIpv4(mapped);
  const bytes = Uint8Array.from(groupsOf(hostname).flatMap((group) => [group >> 8, group & 255]));
  return { text: hostname, bytes };
}

/** Numbers without leading zeros: with one some readers take them for octal. */
function parseIpv4(text: string): Ip | undefined {
  const numbers = text.split(".");
  const isIp = numbers.length === 4 &&
    numbers.every((number) => /^(?:0|[1-9]\d{0,2})$/.test(number) && Number(number) < 256);
  return isIp ? { text, bytes: Uint8Array.from(numbers, Number) } : undefined;
}

/** Addresses that begin with the same bits. */
interface Network {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/** Several networks. */
export class Networks {
  readonly #networks: readonly Network[];
  readonly #hasUnix: boolean;

  /**
   * @param texts addresses, networks such as `10.0.0.0/8`, or `unix`
   * @param option what they are called where they are given
   * @throws {RangeError} for one that is none
   */
  constructor(texts: readonly string[], option: string) {
    this.#hasUnix = texts.includes(UNIX);
    this.#networks = texts.filter((text) => text !== UNIX).map((text) =>
      parseNetwork(text, option)
    );
  }

  /** Whether there are none. */
  get isEmpty(): boolean {
    return !this.#hasUnix && this.#networks.length === 0;
  }

  /** Whether the peer at this address, such as `tcp://10.0.0.1:8080`, is in one of them. */
  has(address: string): boolean {
    const { scheme, hostname } = parseAddress(address);
    if (scheme === UNIX) return this.#hasUnix;
    const ip = parseIp(hostname);
    return ip !== undefined && this.hasIp(ip);
  }

  /** Whether one of them has this IP address. */
  hasIp({ bytes }: Ip): boolean {
    return this.#networks.some((network) =>
      network.bytes.length === bytes.length && isWithin(bytes, network)
    );
  }
}

function isWithin(ip: Uint8Array, { bytes, bits }: Network): boolean {
  for (let i = 0; i * 8 < bits; i++) {
    const rest = Math.max(0, 8 - (bits - i * 8)); // bits of this byte that are free
    if (ip[i]! >> rest !== bytes[i]! >> rest) return false;
  }
  return true;
}

function parseNetwork(text: string, option: string): Network {
  const [address = "", bits] = String(text).split(/\/(.*)/s);
  const fail = (why: string): never => {
    throw new RangeError(
      `Cannot use ${option}: a network is 10.0.0.0/8, fd00::/8, an address or unix; ${why}, it is ${
        JSON.stringify(text)
      }`,
    );
  };
  const ip = parseIp(address) ?? fail("this has no IP address");
  const max = ip.bytes.length * 8;
  // Of an IPv4 address in IPv6 the first 96 bits are always the same.
  const skipped = address.includes(":") && max === 32 ? 96 : 0;
  if (bits === undefined) return { bytes: ip.bytes, bits: max };
  const count = /^\d{1,3}$/.test(bits) ? Number(bits) - skipped : NaN;
  if (!(count >= 0 && count <= max)) {
    fail(`behind the slash stands a number from ${skipped} to ${max + skipped}`);
  }
  const first = ip.bytes.map((byte, i) =>
    byte & (0xff00 >> Math.min(8, Math.max(0, count - i * 8)))
  );
  if (first.some((byte, i) => byte !== ip.bytes[i])) {
    fail(`this address goes on behind its ${bits} bits`);
  }
  return { bytes: ip.bytes, bits: count };
}
