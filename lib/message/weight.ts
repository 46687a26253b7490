/**
 * What a message takes in memory once it is parsed, told without parsing it. Its length says little of
 * that: 1 MiB of `{}` becomes 21 MiB, 1 MiB of one text stays 1 MiB.
 *
 * @module
 */

import { closingQuote } from "./depth.ts";

/** Bytes that each message takes in any case. */
const LEAST = 128;

/** Bytes of V8's heap that each of these takes, measured on V8 15.0. */
const ARRAY = 64;
const OBJECT = 64;
const NEXT = 8;
const TEXT = 24;

/** Bytes that a name takes where it first stands in an object of this shape: a description of the shape. */
const NAME = 160;

/** Units of a text from which on its names are told apart. */
const LONG = 1 << 12;

/** Names that are remembered at a time, by their hashes; a power of two. */
const NAMES = 1 << 10;

const NO_NAMES = new Int32Array(0);

/** Units of a name by which it is told from others, beside its length. */
const NAME_UNITS = 64;

/** Bytes that a unit of a long text takes at the most: what is not so long need not be measured. */
export const HEAVIEST = 40;

/** What a text is made of. */
export interface Measure {
  /** Bytes of the heap that its value takes: never much less, and seldom much more. */
  readonly weight: number;
  /** How many arrays and objects lie within each other. */
  readonly depth: number;
}

/**
 * Measures a JSON text.
 *
 * @param max the weight beyond which it need not be told by how much
 */
export function measure(text: string, max = Infinity): Measure {
  const { length } = text, names = length < LONG ? NO_NAMES : new Int32Array(NAMES);
  let weight = LEAST + length, open = 0, depth = 0, hash = 0;
  for (let i = 0; i < length && weight <= max; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: { // "
        hash = length;
        weight += TEXT;
        const end = i + NAME_UNITS;
        for (let unit; ++i < length && (unit = text.charCodeAt(i)) !== 0x22;) {
          if (i > end) {
            const quote = closingQuote(text, i);
            hash = Math.imul(hash, 31) + quote - i | 0;
            i = quote < 0 ? length : quote;
            break;
          }
          if (unit === 0x5c) i++;
          hash = Math.imul(hash, 31) + unit | 0;
        }
        break;
      }
      case 0x3a: { // :
        const slot = hash & NAMES - 1;
        if (names[slot] === hash) weight -= TEXT;
        else {
          weight += NAME;
          names[slot] = hash;
        }
        break;
      }
      case 0x2c: // ,
        weight += NEXT;
        break;
      case 0x5b: // [
        weight += ARRAY;
        if (++open > depth) depth = open;
        break;
      case 0x7b: // {
        weight += OBJECT;
        if (++open > depth) depth = open;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        open--;
        break;
    }
  }
  return { weight, depth };
}

/** Bytes of the heap that the value of a JSON text takes; see {@linkcode Measure}. */
export function weigh(text: string): number {
  return measure(text).weight;
}
