/**
 * JSON whose numbers stay as they were written: `12345678901234567890` and `1.0` do not survive
 * JSON.parse, but people who type them mean them.
 *
 * @module
 */

/** The part of JSON that TypeScript's library does not know yet. */
const RAW = JSON as unknown as {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
};

/**
 * Parses JSON. A number that would be written differently again is kept as an object that
 * JSON.stringify writes as it was read.
 *
 * @throws {SyntaxError} for what is not JSON
 */
export function parseExactJson(text: string): unknown {
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
