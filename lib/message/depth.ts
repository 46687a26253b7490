/**
 * How deep the arrays and objects of a JSON text lie within each other, told without parsing it.
 *
 * @module
 */

/** Whether more arrays and objects than this lie within each other. */
export function isDeeperThan(text: string, max: number): boolean {
  // Each level takes an opening and a closing bracket.
  if (text.length < 2 * (max + 1)) return false;
  let brackets = 0;
  for (const open of "[{") {
    for (let at = text.indexOf(open); at >= 0; at = text.indexOf(open, at + 1)) {
      if (++brackets > max) return measuredDepth(text, max) > max;
    }
  }
  return false;
}

/** How deep the arrays and objects of a JSON text nest. */
export function depthOf(text: string): number {
  return measuredDepth(text, Infinity);
}

/** How deep the brackets nest, as far as `max` + 1. */
function measuredDepth(text: string, max: number): number {
  let depth = 0, deepest = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0x22) {
      i = closingQuote(text, i + 1);
      if (i < 0) return 0;
    } else if (unit === 0x7b || unit === 0x5b) {
      if (++depth > deepest) deepest = depth;
      if (deepest > max) return deepest;
    } else if (unit === 0x7d || unit === 0x5d) depth--;
  }
  return deepest;
}

/** Where the string ends whose first character stands here; -1 if it does not end. */
export function closingQuote(text: string, first: number): number {
  let quote = text.indexOf('"', first);
  while (quote >= 0 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++;
  return backslashes % 2 === 1;
}
