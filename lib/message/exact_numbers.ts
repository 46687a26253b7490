/**
 * JSON whose numbers stay as they were written: `12345678901234567890` and `1.10` do not survive
 * JSON.parse, which makes the nearest double of them.
 *
 * A number that a double does not hold digit for digit becomes what `JSON.rawJSON` makes: an object whose
 * `rawJSON` is the text of the number, and which JSON.stringify writes as that text.
 *
 * Source: https://tc39.es/proposal-json-parse-with-source
 *
 * @module
 */

/** Makes a value of a JSON text, or throws a SyntaxError. */
export type ParseJson = (text: string) => unknown;

/** The part of JSON that TypeScript's library does not know yet. */
const RAW = JSON as unknown as {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
};

/** Whether a text may hold a number that would be written differently again. */
const MAY_HOLD_ODD_NUMBERS = /\d[.eE]|\d{16}|-0/;

/**
 * Parses JSON, with its numbers as they were written.
 *
 * @throws {SyntaxError} for what is not JSON
 */
export function parseExactly(text: string): unknown {
  // Most texts hold no such number, and are parsed five times faster.
  if (!MAY_HOLD_ODD_NUMBERS.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value, context?: { source: string }) => {
    const source = context?.source;
    const isExact = typeof value !== "number" || source === undefined || String(value) === source;
    return isExact ? value : RAW.rawJSON(source);
  });
}

/** Whether a value is a number of {@linkcode parseExactly}, kept either way. */
export function isExactNumber(value: unknown): boolean {
  return typeof value === "number" || RAW.isRawJSON(value);
}
