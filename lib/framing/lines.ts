/**
 * Newline-delimited JSON: one message a line. `\r\n` and blank lines are fine, and so are JSON values
 * that follow each other without a newline between them.
 *
 * Where a frame ends never depends on how the bytes were cut:
 * - a line is one frame, whatever is in it;
 * - an object or array followed by another one ends where the other begins; from then on the
 *   connection counts as one that does without newlines, and values end where they close;
 * - a last line without a newline is not a frame: it may have been cut off.
 *
 * A line over the limit is reported once and skipped to its end.
 *
 * @module
 */

import { ByteQueue } from "./buffer.ts";
import type { Decoder, Fault, Frame, Framing, FramingLimits } from "./frame.ts";
import { decodeLoosely, decodeUtf8, encodeUtf8 } from "./text.ts";
import { ValueScanner } from "./values.ts";

const LF = 10;
const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** From this many bytes on a line is decoded by itself: a long line gains nothing from company. */
const LONG_LINE = 1024;

/** Bytes of a line that is too long which are shown: enough for the envelope of most messages. */
const START = 64;

const NOT_UTF8: Fault = { kind: "malformed", reason: "the line is not UTF-8", fatal: false };

class LineDecoder implements Decoder {
  readonly #limits: FramingLimits;
  /** Bytes that were lent, how far they have been looked at, and where their last newline is. */
  #chunk = EMPTY;
  #at = 0;
  #last = -1;
  /** Whole short lines as text: decoding a run of them costs a fraction of one by one. */
  #run = "";
  #from = 0;
  /** The beginning of a line whose end has not come. */
  readonly #tail = new ByteQueue();
  /** Looks for values that end within the tail. */
  readonly #scanner = new ValueScanner();
  /** The peer does without newlines. */
  #concatenated = false;
  /** The rest of a line that was too long is passed over. */
  #skipping = false;

  constructor(limits: FramingLimits) {
    this.#limits = limits;
  }

  get held(): number {
    return this.#tail.length;
  }

  get midway(): boolean {
    return this.#skipping || this.#tail.length > 0;
  }

  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
    this.#last = chunk.lastIndexOf(LF);
  }

  next(): Frame | undefined {
    for (;;) {
      while (this.#from < this.#run.length) {
        const end = this.#run.indexOf("\n", this.#from);
        const line = this.#run.slice(this.#from, end);
        this.#from = end + 1;
        if (!isBlank(line)) return line;
      }
      if (this.#at > this.#last) return this.#keep(this.#chunk.length);
      const frame = this.#line(this.#chunk.indexOf(LF, this.#at));
      if (frame !== undefined) return frame;
    }
  }

  /** The line that ends here: its frame, or undefined where it is blank, or part of a run. */
  #line(end: number): Frame | undefined {
    const chunk = this.#chunk, from = this.#at, tail = this.#tail;
    if (!this.#skipping && tail.length + end - from > this.#limits.maxMessageBytes) {
      return this.#keep(end);
    }
    this.#at = end + 1;
    if (this.#skipping) {
      this.#skipping = false;
      return undefined;
    }
    let line: string | undefined;
    if (tail.length > 0) {
      tail.append(chunk.subarray(from, end));
      line = decodeUtf8(tail.bytes);
      this.#forget();
    } else {
      if (end - from < LONG_LINE && this.#last - from <= this.#limits.maxMessageBytes) {
        const run = decodeUtf8(chunk.subarray(from, this.#last + 1));
        if (run !== undefined) {
          this.#run = run;
          this.#from = 0;
          this.#at = this.#last + 1;
          return undefined;
        }
      }
      line = decodeUtf8(chunk.subarray(from, end));
    }
    return line === undefined ? NOT_UTF8 : isBlank(line) ? undefined : line;
  }

  /**
   * Keeps bytes of a line that does not end among them, as far as the limit allows. Returns a value
   * that ended without a newline, or the fault of a line that is too long.
   */
  #keep(end: number): Frame | undefined {
    const tail = this.#tail;
    if (this.#skipping) {
      this.#at = end;
      return undefined;
    }
    const size = end - this.#at, taken = Math.min(size, this.#limits.maxMessageBytes - tail.length);
    if (taken > 0) {
      tail.append(this.#chunk.subarray(this.#at, this.#at + taken));
      this.#at += taken;
    }
    // A peer that waits for its answers has closed its last value; only then is it worth looking.
    const last = taken > 0 ? this.#chunk[this.#at - 1] : 0;
    if (taken < size || this.#concatenated || last === 0x7d || last === 0x5d) {
      const value = this.#value();
      if (value !== undefined) return value;
    }
    if (taken === size) return undefined;
    const start = decodeLoosely(tail.bytes.subarray(0, START));
    this.#forget();
    this.#skipping = true;
    this.#at = end;
    return {
      kind: "oversized",
      reason: `the line is longer than ${this.#limits.maxMessageBytes} bytes`,
      maxBytes: this.#limits.maxMessageBytes,
      start,
      fatal: false,
    };
  }

  /** The first value of the tail, where it is known to have ended. */
  #value(): Frame | undefined {
    const bytes = this.#tail.bytes;
    const end = this.#scanner.scan(bytes, this.#concatenated);
    if (end < 0) return undefined;
    this.#concatenated = true;
    const text = decodeUtf8(bytes.subarray(0, end));
    this.#tail.drop(end);
    this.#scanner.reset();
    return text ?? NOT_UTF8;
  }

  #forget(): void {
    this.#tail.clear();
    this.#scanner.reset();
  }

  split(text: string): Frame[] {
    let rest = new TextEncoder().encode(text);
    const frames: Frame[] = [];
    const scanner = new ValueScanner();
    for (;;) {
      const end = scanner.scan(rest, this.#concatenated);
      if (end < 0) break;
      this.#concatenated = true;
      frames.push(decodeUtf8(rest.subarray(0, end))!);
      rest = rest.subarray(end);
      scanner.reset();
    }
    const last = decodeUtf8(rest)!;
    if (!isBlank(last)) frames.push(last);
    return frames;
  }
}

function isBlank(line: string): boolean {
  const first = line.charCodeAt(0);
  return first !== 0x7b && first !== 0x5b && /^[ \t\r\n]*$/.test(line);
}

/** One message a line. */
export const lines: Framing = {
  name: "lines",
  decoder: (limits) => new LineDecoder(limits),
  encode: (messages, reserve) =>
    encodeUtf8((messages.length === 1 ? messages[0] : messages.join("\n")) + "\n", reserve),
};
