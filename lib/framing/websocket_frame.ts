/**
 * What the frames of a WebSocket are made of: the numbers of their heads, control frames, masks.
 * Source: RFC 6455, section 5.
 *
 * @module
 */

/** Opcodes: RFC 6455, section 5.2. From {@linkcode CLOSE} on they are those of control frames. */
export const CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

/** In the first byte of a frame: the last frame of its message; and the bits of extensions. */
export const FIN = 0x80, RESERVED = 0x70;

/** In the second byte: the payload is masked. */
export const MASKED = 0x80;

/** In the second byte, instead of a length: the length stands in the next two or eight bytes. */
export const IN_TWO = 126, IN_EIGHT = 127;

/** Bytes of the longest head: two, the length, the key. */
export const MAX_HEAD = 14;

/** Bytes that the payload of a control frame has at most. */
export const MAX_CONTROL = 125;

/** Bytes from which a payload is unmasked eight at a time: to look at them so costs something, too. */
const LONG = 128;

/** A frame of at most 125 bytes. */
export function controlFrame(
  opcode: number,
  payload: Uint8Array,
  isMasked: boolean,
): Uint8Array<ArrayBuffer> {
  const from = isMasked ? 6 : 2;
  const frame = new Uint8Array(from + payload.length);
  frame[0] = FIN | opcode;
  frame[1] = (isMasked ? MASKED : 0) | payload.length;
  frame.set(payload, from);
  if (isMasked) mask(frame, from, frame.length, freshKeys(1)[0]!);
  return frame;
}

// ---- Masks: section 5.3 ----------------------------------------------------------------------

/** The key that stands in four bytes, its first byte lowest. */
export function keyAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
}

/** Keys that cannot be foretold: what a page has us send must not look like another protocol to a proxy. */
export function freshKeys(count: number): Int32Array {
  const keys = new Int32Array(count);
  for (let at = 0; at < count; at += 1 << 14) {
    crypto.getRandomValues(keys.subarray(at, at + (1 << 14)));
  }
  return keys;
}

/** Masks a payload, and writes the key before it. */
export function mask(bytes: Uint8Array, from: number, end: number, key: number): void {
  for (let i = 0; i < 4; i++) bytes[from - 4 + i] = key >>> 8 * i;
  unmask(bytes, from, end, key, 0);
}

/**
 * Takes a mask off these bytes, or puts it on: it is the same.
 *
 * @param turn which byte of the key is the first
 */
export function unmask(
  bytes: Uint8Array,
  from: number,
  end: number,
  key: number,
  turn: number,
): void {
  let at = from, turned = rotated(key, turn);
  if (end - from >= LONG) {
    const odd = -(bytes.byteOffset + at) & 7;
    for (const last = at + odd; at < last; at++, turned = rotated(turned, 1)) bytes[at]! ^= turned;
    // V8 makes one instruction on a register of what is cut to 64 bits at once: twice as fast as 32 bits.
    const words = new BigUint64Array(bytes.buffer, bytes.byteOffset + at, end - at >> 3);
    // Deno runs on machines alone whose words begin with the lowest byte, as the key does.
    const half = BigInt.asUintN(32, BigInt(turned)), both = half << 32n | half;
    for (let i = 0; i < words.length; i++) words[i] = BigInt.asUintN(64, words[i]! ^ both);
    at += 8 * words.length;
  }
  const second = turned >>> 8, third = turned >>> 16, fourth = turned >>> 24;
  for (; at + 3 < end; at += 4) {
    bytes[at]! ^= turned;
    bytes[at + 1]! ^= second;
    bytes[at + 2]! ^= third;
    bytes[at + 3]! ^= fourth;
  }
  for (; at < end; at++, turned = rotated(turned, 1)) bytes[at]! ^= turned;
}

/** The key with so many of its bytes moved to its end. */
function rotated(key: number, turn: number): number {
  return turn === 0 ? key : key >>> 8 * turn | key << 32 - 8 * turn;
}
