// Headers of the PROXY protocol, written down by hand.

import { join } from "./raw.ts";

export const SIGNATURE: Uint8Array = new Uint8Array(
  [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10],
);

/** A header of version 2, with these bytes behind its length. */
export function block(command: number, family: number, rest: readonly number[]): Uint8Array {
  const { length } = rest, size = [length >> 8, length & 255];
  return join([SIGNATURE, new Uint8Array([command, family, ...size, ...rest])]);
}

/** A value behind the addresses: its type, its length, and what it is. */
export function value(type: number, bytes: readonly number[]): number[] {
  return [type, bytes.length >> 8, bytes.length & 255, ...bytes];
}

/** The header of a caller at an IPv4 address, in one of the versions. */
export function headerOf(version: 1 | 2, ip: string, port: number): Uint8Array {
  if (version === 1) {
    return new TextEncoder().encode(`PROXY TCP4 ${ip} 192.0.2.1 ${port} 80\r\n`);
  }
  const numbers = ip.split(".").map(Number);
  return block(0x21, 0x11, [...numbers, 192, 0, 2, 1, port >> 8, port & 255, 0, 80]);
}
