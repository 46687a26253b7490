/**
 * JSON texts that a peer may send: what breaks programs that trust a value, and what is merely large.
 *
 * @module
 */

import type { Dice } from "../../support/dice.ts";
import { bytesOf } from "../../support/raw.ts";

/** Small texts that programs stumble over. All of them are JSON. */
export const HOSTILE: readonly string[] = [
  '{"toString":1,"valueOf":1}',
  '{"toString":null}',
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '{"hasOwnProperty":1,"length":4294967295}',
  '{"then":1}',
  '{"then":{"call":1},"catch":2}',
  '{"toJSON":"x"}',
  '{"length":-1,"0":1}',
  "9007199254740992",
  "9007199254740993",
  "-0",
  "1e999",
  "-1e999",
  "1e-999",
  "0.1",
  "null",
  "true",
  '""',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u0000"',
  '"__proto__"',
  '"\u2028\u2029"',
  '"\\u202e\\u001b[31m"',
  '{"\\ud800":1}',
  '{"":{"":[]}}',
  '{"$base64":"AQL/"}',
  '{"$base64":"not base64!"}',
  '{"$base64":5}',
  '{"$$base64":"x"}',
  '{"$base64":{"$base64":"AQ=="}}',
  '{"a":1,"a":2,"\\u0061":3}',
  '{"value":{"value":[]},"_meta":{}}',
  "[]",
  "{}",
  "[[[[[[[[]]]]]]]]",
  "[null]",
  "[1e999,{},[],null]",
];

/** How large a value is to be, in bytes. */
export const SIZES: readonly number[] = [0, 0, 0, 100, 100, 5_000, 60_000, 300_000, 1_000_000];

/** How many kinds of large values there are. */
export const KINDS = 10;

/** A value: one that is hostile, or one of a kind and of about so many bytes. */
export function drawValue(
  dice: Dice,
  size: number = dice.pick(SIZES),
  kind: number = dice.int(0, KINDS - 1),
): string {
  if (size === 0) return dice.pick(HOSTILE);
  const repeat = (unit: string) =>
    Array(Math.ceil(size / (bytesOf(unit).length + 1))).fill(unit).join();
  switch (kind) {
    case 0:
      return `"${"x".repeat(size)}"`;
    case 1:
      return `"${"\\u0041".repeat(size / 6)}"`;
    case 2:
      return `"${"é".repeat(size / 2)}"`;
    case 3:
      return `[${repeat("{}")}]`;
    case 4:
      return `[${repeat("[]")}]`;
    case 5:
      return `[${repeat(String(dice.int(0, 9999)))}]`;
    case 6:
      return `{${Array.from({ length: size / 12 }, (_, i) => `"k${i}":1`).join()}}`;
    case 7: {
      // Up to the limit of 64, just past it, or as deep as it is large.
      const depth = dice.pick([30, 55, 66, Math.floor(size / 2)]);
      return "[".repeat(depth) + "]".repeat(depth);
    }
    case 8:
      return `{"$base64":"${"QUJD".repeat(size / 4)}"}`;
    default:
      return `[${repeat(dice.pick(HOSTILE))}]`;
  }
}
