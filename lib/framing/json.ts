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

import { ByteQueue, EMPTY } from "./byte_queue.ts";
import type { BadFrame, Decoder, Frame, Framing, FramingLimits } from "./frame.ts";
import { decodeLoosely, decodeUtf8, encodeUtf8 } from "./utf8.ts";
import { ValueScanner } from "./value_scanner.ts";

const LF = 10;

/** Bytes of lines that are worth decoding apart from the line before them. */
const LONG = 4096;

/** Bytes of a line that is too long which are shown: enough for the envelope of most messages. */
const START = 64;

const NOT_UTF8: BadFrame = { kind: "malformed", reason: "the line is not UTF-8", fatal: false };

class JsonDecoder implements Decoder {
  readonly #limits: FramingLimits;
  /** Bytes that were lent, how far they have been looked at, and where their last newline is. */
  #chunk: Uint8Array = EMPTY;
  #at = 0;
  #last = -1;
  /**
   * Whole lines as text, and where the next of them begins. Decoding a run of lines costs a fraction
   * of one by one, and a newline is found in text twenty times as fast as in bytes.
   */
  #run = "";
  #from = 0;
  /** The lines of this chunk have to be decoded one by one: among them is one that is not UTF-8. */
  #apart = false;
  /** The beginning of a line whose end has not come. */
  readonly #tail = new ByteQueue();
  /** Looks for values that end within the tail; most peers never need it. */
  #scanner: ValueScanner | undefined;
  /** The peer does without newlines. */
  #concatenated = false;
  /** The tail is a whole line that is not UTF-8. */
  #torn = false;
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
    this.#apart = false;
  }

  next(): Frame | undefined {
    for (;;) {
      while (this.#from < this.#run.length) {
        const end = this.#run.indexOf("\n", this.#from);
        const line = this.#run.slice(this.#from, end);
        this.#from = end + 1;
        if (!isBlank(line)) return line;
      }
      this.#run = "";
      if (this.#at > this.#last) return this.#keep(this.#chunk.length);
      if (this.#decodeRun()) continue;
      const frame = this.#line(this.#chunk.indexOf(LF, this.#at));
      if (frame !== undefined) return frame;
    }
  }

  /** Decodes all lines that end in the chunk; false where they have to be looked at one by one. */
  #decodeRun(): boolean {
    const tail = this.#tail, held = tail.length;
    if (this.#apart || this.#torn || this.#skipping) return false;
    let end = this.#last + 1;
    // The line that began earlier is copied behind its beginning: a long run is not copied with it.
    if (held > 0 && end - this.#at > LONG) end = this.#chunk.indexOf(LF, this.#at) + 1;
    if (held + end - this.#at > this.#limits.maxMessageBytes) return false; // one may be too long
    let bytes = this.#chunk.subarray(this.#at, end);
    if (held > 0) {
      tail.append(bytes);
      bytes = tail.bytes;
    }
    const run = decodeUtf8(bytes);
    if (run === undefined) {
      tail.cut(held);
      this.#apart = true;
      return false;
    }
    if (held > 0) this.#forget();
    this.#run = run;
    this.#from = 0;
    this.#at = end;
    return true;
  }

  /** The line that ends here: its frame, or undefined where it is blank. */
  #line(end: number): Frame | undefined {
    const tail = this.#tail;
    if (!this.#skipping && tail.length + end - this.#at > this.#limits.maxMessageBytes) {
      return this.#keep(end);
    }
    if (this.#skipping) {
      this.#skipping = false;
      this.#at = end + 1;
      return undefined;
    }
    let line = this.#torn ? undefined : decodeUtf8(this.#upTo(end));
    if (line === undefined) {
      // Values before the bad bytes are whole: had they come alone, they would have been taken.
      if (tail.length === 0) tail.append(this.#chunk.subarray(this.#at, end));
      this.#at = end;
      this.#torn = true;
      const value = this.#value();
      if (value !== undefined) return value;
      this.#torn = false;
      line = decodeUtf8(tail.bytes);
    }
    this.#forget();
    this.#at = end + 1;
    return line === undefined ? NOT_UTF8 : isBlank(line) ? undefined : line;
  }

  /** The bytes of the line that ends here. */
  #upTo(end: number): Uint8Array {
    const part = this.#chunk.subarray(this.#at, end);
    if (this.#tail.length === 0) return part;
    this.#tail.append(part);
    this.#at = end;
    return this.#tail.bytes;
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
    const scanner = this.#scanner ??= new ValueScanner();
    const end = scanner.scan(bytes, this.#concatenated);
    if (end < 0) return undefined;
    this.#concatenated = true;
    const text = decodeUtf8(bytes.subarray(0, end));
    this.#tail.drop(end);
    scanner.reset();
    return text ?? NOT_UTF8;
  }

  #forget(): void {
    this.#tail.clear();
    this.#scanner?.reset();
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
export const json: Framing = {
  name: "json",
  decoder: (limits) => new JsonDecoder(limits),
  encode(messages, reserve) {
    let text = ""; // not joined: that would copy all of it once more
    for (const message of messages) text += message + "\n";
    return encodeUtf8(text, reserve);
  },
};
