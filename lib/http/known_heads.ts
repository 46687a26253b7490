/**
 * Heads that were read before. A client sends the same few heads again and again, on all of its connections:
 * they are read once, and kept once.
 *
 * @module
 */

import type { RequestHead } from "./head.ts";

/** A head, and the bytes that it was read from. */
export interface KnownHead {
  readonly head: RequestHead;
  readonly bytes: Uint8Array;
}

/** How many are kept: those of a browser differ in the length of their bodies, and in little else. */
const MAX_KNOWN = 64;

/** Bytes of the longest that is kept. */
const MAX_LENGTH = 1 << 10;

/** The heads that came last. */
export class KnownHeads {
  readonly #heads = new Map<string, KnownHead>();

  /** The head with this text; undefined if it is not known. */
  find(text: string): KnownHead | undefined {
    return this.#heads.get(text);
  }

  /** Keeps one if it is short, instead of the one that came first if there are too many. */
  add(text: string, head: RequestHead, bytes: Uint8Array): KnownHead | undefined {
    if (bytes.length > MAX_LENGTH) return undefined;
    for (const first of this.#heads.keys()) {
      if (this.#heads.size < MAX_KNOWN) break;
      this.#heads.delete(first);
    }
    const known = { head, bytes: bytes.slice() };
    this.#heads.set(text, known);
    return known;
  }
}
