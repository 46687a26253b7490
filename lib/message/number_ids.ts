/**
 * Ids that are numbers, digit for digit as they stand in a JSON text: `1.0` and `12345678901234567890` do
 * not survive JSON.parse. All other values are passed over, and nothing is made of them.
 *
 * It reads only what JSON.parse has taken, and checks nothing again.
 *
 * @module
 */

import { isSpace } from "../framing/value_scanner.ts";
import { closingQuote } from "./depth.ts";

const QUOTE = 0x22, COMMA = 0x2c;
const OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d, OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d;

/**
 * What stands in the text for the member `id` of each item of a batch, in order, or of the one message;
 * undefined if there is none. Of a member that is repeated the last one counts, as in JSON.parse.
 */
export function numberIdsIn(text: string): (string | undefined)[] {
  const walk = new Walk(text), ids: (string | undefined)[] = [];
  if (walk.next() !== OPEN_ARRAY) return [walk.id()];
  walk.step();
  while (walk.next() !== CLOSE_ARRAY) {
    ids.push(walk.id());
    if (walk.next() === COMMA) walk.step();
  }
  return ids;
}

/** Goes through a text once, from its begin to its end. */
class Walk {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Passes over one character. */
  step(): void {
    this.#at++;
  }

  /** Passes over white space; the character that stands behind it. */
  next(): number {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#text.charCodeAt(this.#at);
  }

  /** Passes over one value; the text of its member `id`. */
  id(): string | undefined {
    if (this.next() !== OPEN_OBJECT) {
      this.#value();
      return undefined;
    }
    let id: string | undefined;
    this.step();
    while (this.next() !== CLOSE_OBJECT) {
      const name = this.#value();
      this.next();
      this.step(); // the colon
      this.next();
      const value = this.#value();
      if (isId(name)) id = value;
      if (this.next() === COMMA) this.step();
    }
    this.step();
    return id;
  }

  /** Passes over one value that begins here; its text. */
  #value(): string {
    const text = this.#text, begin = this.#at;
    let at = begin, depth = 0;
    do {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) at = closingQuote(text, at + 1);
      else if (unit === OPEN_OBJECT || unit === OPEN_ARRAY) depth++;
      else if (unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) depth--;
      else if (depth === 0) at = endOfPlain(text, at);
      at++;
    } while (depth > 0);
    this.#at = at;
    return text.slice(begin, at);
  }
}

/** The last character of a number, or of `true`, `false` and `null`. */
function endOfPlain(text: string, at: number): number {
  for (;; at++) {
    const unit = text.charCodeAt(at + 1);
    const isEnd = unit === COMMA || unit === CLOSE_OBJECT || unit === CLOSE_ARRAY || isSpace(unit);
    if (isEnd || at + 1 >= text.length) return at;
  }
}

/** Whether this is the name `id`, which may be written with escapes: as `"\u0069\u0064"` at the longest. */
function isId(name: string): boolean {
  return name === '"id"' ||
    name.length <= 14 && name.includes("\\") && JSON.parse(name) === "id";
}
