// The frames of RFC 6455, written down as simply as can be, without the library.

import { bytesOf, join } from "./raw.ts";

/** Opcodes. */
export const OP = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** What a frame has that is not as usual. */
export interface FrameOptions {
  readonly fin?: boolean;
  readonly rsv?: number;
  /** Four bytes; null for a frame without a mask. */
  readonly key?: readonly number[] | null;
  /** Bytes in which the length is written: 0, 2 or 8. */
  readonly digits?: number;
  /** The length that is written, whatever there is. */
  readonly length?: bigint;
}

/** One frame, masked as a client's if nothing else is said. */
export function wsFrame(
  opcode: number,
  payload: string | Uint8Array = "",
  { fin = true, rsv = 0, key = [0x37, 0xfa, 0x21, 0x3d], digits, length }: FrameOptions = {},
): Uint8Array<ArrayBuffer> {
  const bytes = bytesOf(payload), size = length ?? BigInt(bytes.length);
  const places = digits ?? (size < 126n ? 0 : size < 65536n ? 2 : 8);
  const head = [
    (fin ? 0x80 : 0) | rsv << 4 | opcode,
    (key === null ? 0 : 0x80) | (places === 0 ? Number(size) : places === 2 ? 126 : 127),
  ];
  for (let i = places - 1; i >= 0; i--) head.push(Number(size >> BigInt(8 * i) & 0xffn));
  const masked = bytes.map((byte, i) => key === null ? byte : byte ^ key[i % 4]!);
  return join([new Uint8Array([...head, ...(key ?? [])]), masked]);
}

/** The payload of a close. */
export function closePayload(code: number, reason: string | Uint8Array = ""): Uint8Array {
  return join([new Uint8Array([code >> 8, code & 255]), bytesOf(reason)]);
}

/** A frame as it is read. */
export interface WholeFrame {
  readonly opcode: number;
  /** Without its mask. */
  readonly payload: Uint8Array;
  /** Bytes that all of it takes. */
  readonly size: number;
}

/** The first frame in these bytes, masked or not; undefined while it is not whole. */
export function wholeFrame(bytes: Uint8Array): WholeFrame | undefined {
  const [first = 0, second = 0] = bytes, isMasked = second >= 0x80, short = second & 0x7f;
  const digits = short === 126 ? 2 : short === 127 ? 8 : 0, from = 2 + digits + (isMasked ? 4 : 0);
  if (bytes.length < from) return undefined;
  let length = digits === 0 ? short : 0;
  for (const byte of bytes.subarray(2, 2 + digits)) length = length * 256 + byte;
  if (bytes.length < from + length) return undefined;
  const key = bytes.subarray(from - 4, from), payload = bytes.slice(from, from + length);
  if (isMasked) { for (let i = 0; i < length; i++) payload[i]! ^= key[i % 4]!; }
  return { opcode: first & 0x0f, payload, size: from + length };
}
