/**
 * Messages to the frames of a WebSocket.
 *
 * @module
 */

import type { Reserve } from "./frame.ts";
import { encodeUtf8, utf8Length } from "./utf8.ts";
import {
  FIN,
  freshKeys,
  IN_EIGHT,
  IN_TWO,
  mask,
  MASKED,
  MAX_HEAD,
  TEXT,
} from "./websocket_frame.ts";

const encoder = /* @__PURE__ */ new TextEncoder();

/** Bytes of the head of a frame with a payload of so many bytes, but for the key. */
function headSize(size: number): 2 | 4 | 10 {
  return size < IN_TWO ? 2 : size < 0x10000 ? 4 : 10;
}

/** Characters that hold the place of a head, by its size. */
const PLACES = { 2: "\0\0", 4: "\0\0\0\0", 10: "\0\0\0\0\0\0\0\0\0\0" } as const;
const KEY_PLACE = "\0\0\0\0";

/** Writes whole text messages. */
export class WebSocketEncoder {
  /** Bytes of a key. */
  readonly #keySize: 0 | 4;

  constructor(isMasked: boolean) {
    this.#keySize = isMasked ? 4 : 0;
  }

  encode(messages: readonly string[], reserve: Reserve): Uint8Array<ArrayBuffer> {
    const keyPlace = this.#keySize > 0 ? KEY_PLACE : "";
    // Nearly all JSON is ASCII: all is written in one go on that guess, with places for the heads.
    let text = "";
    for (const message of messages) {
      text += PLACES[headSize(message.length)] + keyPlace + message;
    }
    const bytes = encodeUtf8(text, reserve);
    const sizes = bytes.length === text.length ? undefined : this.#sizesIn(bytes, messages);
    if (sizes === null) return this.#encodeApart(messages, reserve);
    const keys = this.#keys(messages.length);
    for (let i = 0, at = 0; i < messages.length; i++) {
      at = this.#finish(
        bytes,
        at,
        sizes === undefined ? messages[i]!.length : sizes[i]!,
        keys?.[i],
      );
    }
    return bytes;
  }

  /** The head of a message that is written in pieces; they are not masked. */
  head(message: string): Uint8Array {
    const size = utf8Length(message), head = new Uint8Array(headSize(size));
    this.#finish(head, 0, size, undefined);
    return head;
  }

  /**
   * The sizes of messages that are not ASCII, in the bytes of all of them: JSON holds no NUL, so these are
   * the places. Null where a size needs another head than was guessed, and where a text holds a NUL: not
   * every one is the place of a head then, as it has to be up to the last.
   */
  #sizesIn(bytes: Uint8Array, messages: readonly string[]): number[] | null {
    if (messages.length === 1) {
      const { length } = messages[0]!, size = bytes.length - headSize(length) - this.#keySize;
      return headSize(size) === headSize(length) ? [size] : null;
    }
    const sizes: number[] = [];
    let at = 0;
    for (const { length } of messages) {
      const from = at + headSize(length) + this.#keySize, next = bytes.indexOf(0, from);
      while (at < from) if (bytes[at++] !== 0) return null;
      const isLast = sizes.length === messages.length - 1;
      if (isLast !== next < 0) return null;
      const size = (isLast ? bytes.length : next) - from;
      if (headSize(size) !== headSize(length)) return null;
      sizes.push(size);
      at = from + size;
    }
    return sizes;
  }

  /** Writes one message after another, each where the size of its head has shown. */
  #encodeApart(messages: readonly string[], reserve: Reserve): Uint8Array<ArrayBuffer> {
    const keys = this.#keys(messages.length);
    let bytes = reserve(MAX_HEAD), at = 0;
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i]!, guess = at + headSize(message.length) + this.#keySize;
      let { read, written } = encoder.encodeInto(message, bytes.subarray(guess));
      if (read < message.length || guess + written + MAX_HEAD > bytes.length) {
        const larger = new Uint8Array(2 * bytes.length + 3 * message.length + MAX_HEAD);
        larger.set(bytes.subarray(0, at));
        bytes = larger;
        ({ read, written } = encoder.encodeInto(message, bytes.subarray(guess)));
      }
      const from = at + headSize(written) + this.#keySize;
      if (from !== guess) bytes.copyWithin(from, guess, guess + written);
      at = this.#finish(bytes, at, written, keys?.[i]);
    }
    return bytes.subarray(0, at);
  }

  #keys(count: number): Int32Array | undefined {
    return this.#keySize > 0 ? freshKeys(count) : undefined;
  }

  /** Writes the head before a payload that is in its place, and masks it; where the next frame begins. */
  #finish(bytes: Uint8Array, at: number, size: number, key: number | undefined): number {
    const digits = headSize(size) - 2, from = at + 2 + digits + this.#keySize;
    bytes[at] = FIN | TEXT;
    bytes[at + 1] = (digits === 0 ? size : digits === 2 ? IN_TWO : IN_EIGHT) |
      (key === undefined ? 0 : MASKED);
    for (let i = digits, rest = size; i > 0; i--, rest = Math.floor(rest / 256)) {
      bytes[at + 1 + i] = rest;
    }
    if (key !== undefined) mask(bytes, from, from + size, key);
    return from + size;
  }
}
