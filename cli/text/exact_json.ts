/**
 * JSON whose numbers stay as they were written: `12345678901234567890` and `1.0` do not survive
 * JSON.parse, but people who type them mean them.
 *
 * @module
 */

import { isDeeperThan } from "../../lib/message/depth.ts";

/** The part of JSON that TypeScript's library does not know yet. */
const RAW = JSON as unknown as {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
};

/** Values within each other: what parses is walked by functions that call themselves. */
const MAX_DEPTH = 1000;

/**
 * Parses JSON. A number that would be written differently again is kept as an object that
 * JSON.stringify writes as it was read.
 *
 * @throws {SyntaxError} for what is not JSON, and for more than 1000 values within each other
 */
export function parseExactJson(text: string): unknown {
  if (isDeeperThan(text, MAX_DEPTH)) throw new SyntaxError("the JSON is nested too deeply");
  // Most texts hold no such number, and are parsed five times faster.
  if (!/\d[.eE]|\d{16}|-0/.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value, context?: { source: string }) => {
    const source = context?.source;
    const isExact = typeof value !== "number" || source === undefined || String(value) === source;
    return isExact ? value : RAW.rawJSON(source);
  });
}

/** Whether a value of {@linkcode parseExactJson} is a number, kept either way. */
export function isExactNumber(value: unknown): boolean {
  return typeof value === "number" || RAW.isRawJSON(value);
}
