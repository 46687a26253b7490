/**
 * The grammar of RFC 8259, asked of bytes as they come: where a value ends, or which byte does not belong
 * there. Nothing is made of the value.
 *
 * @module
 */

// What is due next, by name. Numbers: they are asked for each byte.
const VALUE = 0;
const FIRST_ITEM = 1;
const FIRST_NAME = 2;
const NAME = 3;
const COLON = 4;
const AFTER_VALUE = 5;
const STRING = 6;
const ESCAPE = 7;
const HEX = 8;
const WORD = 9;
const MINUS = 10;
const ZERO = 11;
const DIGITS = 12;
const POINT = 13;
const FRACTION = 14;
const EXPONENT = 15;
const SIGN = 16;
const POWER = 17;
/** Below `maxDepth`: strings, and how many brackets are open. */
const TOO_DEEP = 18;

const QUOTE = 0x22, COMMA = 0x2c, BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d, OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d;

/** What a scanner has found so far. */
export type Found =
  /** The value goes on. */
  | "more"
  /** It has ended. */
  | "end"
  /** A byte that does not belong there; {@linkcode ValueScanner.fault} says what it is. */
  | "fault"
  /** One bracket more than may be open. The value goes on. */
  | "deep";

/** Reads one value after another. Each byte is looked at once, however often more of them arrive. */
export class ValueScanner {
  readonly #maxDepth: number;
  #due = VALUE;
  /** How many brackets are open, and what closes each, as far as `maxDepth` of them. */
  #depth = 0;
  readonly #closers: number[] = [];
  /** The string is the name of a member. */
  #isName = false;
  /** The word that has begun, or how many hexadecimal digits have come. */
  #word = "";
  #count = 0;
  /** What was found where the last call stopped. */
  found: Found = "more";

  /** @param maxDepth how many brackets may be open */
  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth;
  }

  /** Starts over, before the first byte of a value. */
  reset(): void {
    this.#due = VALUE;
    this.#depth = 0;
  }

  /**
   * Reads on from `at`, and stops at `to` at the latest: {@linkcode found} says why. A number that stands
   * by itself ends at the byte behind it.
   *
   * @returns where it stopped: behind the value, behind the bracket that is one too many, at the byte that
   * does not belong there, or at `to`
   */
  scan(bytes: Uint8Array, at: number, to: number): number {
    const maxDepth = this.#maxDepth;
    let due = this.#due;
    while (at < to) {
      const byte = bytes[at]!;
      switch (due) {
        case STRING: {
          let next = byte;
          while (next >= 0x20 && next !== QUOTE && next !== BACKSLASH && ++at < to) {
            next = bytes[at]!;
          }
          if (at === to) break;
          if (next < 0x20) return this.#stop("fault", due, at);
          at++;
          if (next === BACKSLASH) due = ESCAPE;
          else if (this.#depth > maxDepth) due = TOO_DEEP;
          else if (this.#isName) due = COLON;
          else if (this.#depth > 0) due = AFTER_VALUE;
          else return this.#stop("end", due, at);
          break;
        }
        case FIRST_ITEM:
        case VALUE:
          if (isSpace(byte)) {
            at++;
            break;
          }
          if (byte === QUOTE) {
            this.#isName = false;
            due = STRING;
          } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
            if (this.#depth++ >= maxDepth) return this.#stop("deep", TOO_DEEP, at + 1);
            this.#closers[this.#depth - 1] = byte + 2;
            due = byte === OPEN_ARRAY ? FIRST_ITEM : FIRST_NAME;
          } else if (byte === 0x2d) due = MINUS;
          else if (byte === 0x30) due = ZERO;
          else if (isDigit(byte)) due = DIGITS;
          else if (byte === CLOSE_ARRAY && due === FIRST_ITEM) {
            if (--this.#depth === 0) return this.#stop("end", due, at + 1);
            due = AFTER_VALUE;
          } else {
            this.#word = byte === 0x74 ? "true" : byte === 0x66 ? "false" : "null";
            this.#count = 1;
            if (byte !== this.#word.charCodeAt(0)) return this.#stop("fault", due, at);
            due = WORD;
          }
          at++;
          break;
        case FIRST_NAME:
        case NAME:
          if (byte === QUOTE) {
            this.#isName = true;
            due = STRING;
          } else if (byte === CLOSE_OBJECT && due === FIRST_NAME) {
            if (--this.#depth === 0) return this.#stop("end", due, at + 1);
            due = AFTER_VALUE;
          } else if (!isSpace(byte)) return this.#stop("fault", due, at);
          at++;
          break;
        case COLON:
          if (byte === 0x3a) due = VALUE;
          else if (!isSpace(byte)) return this.#stop("fault", due, at);
          at++;
          break;
        case AFTER_VALUE: {
          const closer = this.#closers[this.#depth - 1];
          if (byte === COMMA) due = closer === CLOSE_OBJECT ? NAME : VALUE;
          else if (byte === closer) {
            if (--this.#depth === 0) return this.#stop("end", due, at + 1);
          } else if (!isSpace(byte)) return this.#stop("fault", due, at);
          at++;
          break;
        }
        case ESCAPE:
          if (byte === 0x75) {
            this.#count = 0;
            due = HEX;
          } else if (isEscape(byte)) due = STRING;
          else return this.#stop("fault", due, at);
          at++;
          break;
        case HEX:
          if (!isHexDigit(byte)) return this.#stop("fault", due, at);
          if (++this.#count === 4) due = STRING;
          at++;
          break;
        case WORD:
          if (byte !== this.#word.charCodeAt(this.#count)) return this.#stop("fault", due, at);
          at++;
          if (++this.#count < this.#word.length) break;
          if (this.#depth === 0) return this.#stop("end", due, at);
          due = AFTER_VALUE;
          break;
        case TOO_DEEP:
          if (byte === QUOTE) due = STRING;
          else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#depth++;
          else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
            if (--this.#depth === maxDepth) due = AFTER_VALUE;
          } else if (byte < 0x20 && !isSpace(byte)) return this.#stop("fault", due, at);
          at++;
          break;
        default: {
          const next = afterDigit(due, byte);
          if (next !== undefined) {
            due = next;
            at++;
          } else if (!isWholeNumber(due)) return this.#stop("fault", due, at);
          else if (this.#depth === 0) return this.#stop("end", due, at);
          else due = AFTER_VALUE;
        }
      }
    }
    return this.#stop("more", due, at);
  }

  #stop(found: Found, due: number, at: number): number {
    this.found = found;
    this.#due = due;
    return at;
  }

  /** Whether what has come is a number that may end here. */
  get isWhole(): boolean {
    return this.#depth === 0 && isWholeNumber(this.#due);
  }

  /** What was due where another byte stood. */
  get expected(): string {
    switch (this.#due) {
      case VALUE:
        return "a value";
      case FIRST_ITEM:
        return "a value or ]";
      case FIRST_NAME:
        return "a name in double quotes or }";
      case NAME:
        return "a name in double quotes";
      case COLON:
        return "a colon";
      case AFTER_VALUE:
        return `a comma or ${String.fromCharCode(this.#closers[this.#depth - 1]!)}`;
      case STRING:
        return "no control character in a string";
      case ESCAPE:
        return 'one of "\\/bfnrtu behind a backslash';
      case HEX:
        return "four hexadecimal digits behind \\u";
      case WORD:
        return this.#word;
      case TOO_DEEP:
        return "no control character";
      case EXPONENT:
        return "a digit, + or -";
      default:
        return "a digit";
    }
  }
}

/** What follows a byte within a number; undefined where the byte is not part of it. */
function afterDigit(due: number, byte: number): number | undefined {
  if (isDigit(byte)) {
    switch (due) {
      case MINUS:
        return byte === 0x30 ? ZERO : DIGITS;
      case ZERO:
        return undefined;
      case POINT:
        return FRACTION;
      case EXPONENT:
      case SIGN:
        return POWER;
      default:
        return due;
    }
  }
  if (byte === 0x2e && (due === ZERO || due === DIGITS)) return POINT;
  if (byte === 0x2b || byte === 0x2d) return due === EXPONENT ? SIGN : undefined;
  const takesPower = due === ZERO || due === DIGITS || due === FRACTION;
  return (byte === 0x65 || byte === 0x45) && takesPower ? EXPONENT : undefined;
}

function isWholeNumber(due: number): boolean {
  return due === ZERO || due === DIGITS || due === FRACTION || due === POWER;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66;
}

/** `"`, `\`, `/`, and the letters b, f, n, r and t. */
function isEscape(byte: number): boolean {
  return byte === QUOTE || byte === BACKSLASH || byte === 0x2f || byte === 0x62 || byte === 0x66 ||
    byte === 0x6e || byte === 0x72 || byte === 0x74;
}

/** Whether a byte is white space between JSON's tokens. */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
