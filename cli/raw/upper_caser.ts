/**
 * Bytes to upper case as they arrive, wherever they are cut.
 *
 * Knows nothing of sockets. What is not UTF-8 passes unchanged, in its place.
 *
 * @module
 */

const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** No character grows more than this in upper case: ΐ has 2 bytes, Ϊ́ has 6. A test looks at them all. */
const MAX_GROWTH = 3;

/**
 * Upper-cases a stream. Of what was pushed at most the last 3 bytes are held back: the beginning of a
 * character whose other bytes may still come. However a stream is cut, the outputs together are the
 * same.
 */
export class UpperCaser {
  /** The beginning of a character. */
  #tail = EMPTY;

  /** The upper case of what is complete; the chunk may be used again afterwards. */
  push(chunk: Uint8Array): Uint8Array {
    let bytes = chunk;
    if (this.#tail.length > 0) {
      bytes = new Uint8Array(this.#tail.length + chunk.length);
      bytes.set(this.#tail);
      bytes.set(chunk, this.#tail.length);
    }
    const end = bytes.length - unfinished(bytes);
    this.#tail = bytes.slice(end);
    return upperCase(bytes.subarray(0, end));
  }

  /** What was held back, unchanged: nothing comes that could complete it. */
  end(): Uint8Array {
    const tail = this.#tail;
    this.#tail = EMPTY;
    return tail;
  }
}

function upperCase(bytes: Uint8Array): Uint8Array {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return upperCaseAround(bytes);
  }
  // The default mapping of Unicode: a character's upper case does not depend on its neighbours.
  return encoder.encode(text.toUpperCase());
}

/** The same where not everything is UTF-8: character by character. */
function upperCaseAround(bytes: Uint8Array): Uint8Array {
  const upper = new Uint8Array(bytes.length * MAX_GROWTH);
  let end = 0;
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at]!;
    const size = sizeOfCharacter(bytes, at);
    if (size > 1) {
      const text = decoder.decode(bytes.subarray(at, at + size)).toUpperCase();
      end += encoder.encodeInto(text, upper.subarray(end)).written;
      at += size;
    } else {
      upper[end++] = byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte;
      at++;
    }
  }
  return upper.slice(0, end);
}

/** How many bytes at the end are the beginning of a character that is not complete: 0 to 3. */
function unfinished(bytes: Uint8Array): number {
  for (let count = 1; count <= 3 && count <= bytes.length; count++) {
    const at = bytes.length - count;
    if (isContinuation(bytes[at]!)) continue;
    return sizeOfCharacter(bytes, at) === UNFINISHED ? count : 0;
  }
  return 0;
}

const UNFINISHED = -1;

/**
 * The bytes of the character that begins here (RFC 3629, section 4); 0 where none does, and
 * {@linkcode UNFINISHED} where the bytes end before it is complete.
 */
function sizeOfCharacter(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (let i = 1; i < size; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return UNFINISHED;
    if (!isContinuation(byte) || i === 1 && !canFollow(first, byte)) return 0;
  }
  return size;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** The second byte also rules out longer forms than needed, surrogates, and what is past U+10FFFF. */
function canFollow(first: number, second: number): boolean {
  switch (first) {
    case 0xe0:
      return second >= 0xa0;
    case 0xed:
      return second <= 0x9f;
    case 0xf0:
      return second >= 0x90;
    case 0xf4:
      return second <= 0x8f;
    default:
      return true;
  }
}
