/**
 * Reads JSON that the user has typed. Numbers such as `12345678901234567890` and `1.0` keep their digits.
 *
 * @module
 */

import { isDeeperThan } from "../../lib/message/depth.ts";
import { parseExactly } from "../../lib/message/exact_numbers.ts";

export { isExactNumber } from "../../lib/message/exact_numbers.ts";

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
  return parseExactly(text);
}
