/**
 * Where a JSON object or array ends, found in bytes without parsing them.
 *
 * @module
 */

/** Deeper than any limit on depth allows: what nests more is left to the line that it stands in. */
const MAX_DEPTH = 8192;

/**
 * Looks for the end of the first value of a run of bytes that grows. Each byte is looked at once,
 * however often more of them arrive.
 */
export class ValueScanner {
  #at = 0;
  /** The closing brackets that are due, innermost last. */
  #due: number[] = [];
  /** Where the string began that has not ended; -1 outside of strings. */
  #string = -1;
  /** Where the first value ended; -1 before. */
  #end = -1;
  /** What stands here is no object or array: only a newline ends it. */
  #plain = false;

  /** Starts over, at the first byte of the next run. */
  reset(): void {
    this.#at = 0;
    this.#due.length = 0;
    this.#string = this.#end = -1;
    this.#plain = false;
  }

  /**
   * The length of the first value in these bytes, which begin as they did at the last call; -1 where
   * it has not ended.
   *
   * @param alone whether a value ends where it closes; otherwise only where another one begins
   */
  scan(bytes: Uint8Array, alone: boolean): number {
    while (!this.#plain && this.#at < bytes.length) {
      if (this.#string >= 0) this.#closeString(bytes);
      else if (this.#end >= 0) {
        const byte = bytes[this.#at]!;
        if (alone || byte === 0x7b || byte === 0x5b) return this.#end;
        if (isSpace(byte)) this.#at++;
        else this.#plain = true;
      } else this.#step(bytes[this.#at++]!);
    }
    return alone ? this.#end : -1;
  }

  #step(byte: number): void {
    const due = this.#due;
    if (byte === 0x22 && due.length > 0) this.#string = this.#at;
    else if (byte === 0x7b || byte === 0x5b) {
      if (due.push(byte + 2) > MAX_DEPTH) this.#plain = true;
    } else if (byte === 0x7d || byte === 0x5d) {
      if (due.pop() !== byte) this.#plain = true;
      else if (due.length === 0) this.#end = this.#at;
    } else if (due.length === 0 && !isSpace(byte)) this.#plain = true;
  }

  #closeString(bytes: Uint8Array): void {
    const quote = bytes.indexOf(0x22, this.#at);
    if (quote < 0) {
      this.#at = bytes.length;
      return;
    }
    let escapes = quote;
    while (escapes > this.#string && bytes[escapes - 1] === 0x5c) escapes--;
    if ((quote - escapes) % 2 === 0) this.#string = -1;
    this.#at = quote + 1;
  }
}

/** Whether a byte is white space between JSON's tokens. */
export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}
