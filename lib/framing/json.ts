/**
 * A stream of JSON texts: an object or array is a frame, and ends where its bracket closes. Nearly all peers
 * send one a line, and such lines are taken without a look at their bytes: that a line can be parsed shows
 * that it was one whole text. All else is for the {@linkcode TextScanner}, which has the rules; the two find
 * the same frames, however the bytes were cut.
 *
 * What stands behind the last newline is looked at if it may be whole, or if the peer does without newlines:
 * a large message is not to be scanned only because it has not come to its end.
 *
 * @module
 */

import { ByteQueue, EMPTY } from "./byte_queue.ts";
import {
  type BadFrame,
  type Decoder,
  type Frame,
  type Framing,
  type FramingLimits,
  UNFINISHED,
} from "./frame.ts";
import { isSkipped, SHOWN, TextScanner } from "./text_scanner.ts";
import { decodeLoosely, decodeUtf8, encodeUtf8 } from "./utf8.ts";

const LF = 10;

/** Bytes of lines that are worth decoding apart from the line before them. */
const LONG = 4096;

/** Bytes that are added at a time to a text of which a part is kept. */
const PIECE = 4096;

const encoder = /* @__PURE__ */ new TextEncoder();

class JsonDecoder implements Decoder {
  readonly #limits: FramingLimits;
  readonly #isParsed: boolean;
  /** Bytes that were lent, how far they were taken, and where their last newline is. */
  #chunk: Uint8Array = EMPTY;
  #at = 0;
  #last = -1;
  /**
   * Whole lines as text, and where the next of them begins. Decoding a run of lines costs a fraction
   * of one by one, and a newline is found in text twenty times as fast as in bytes.
   */
  #run = "";
  #from = 0;
  /** Where the line begins that was given last; -1 where a scanner has found the frame. */
  #line = -1;
  /** The beginning of a text that has not ended, or of a line whose end has not come. */
  readonly #tail = new ByteQueue();
  /** How many bytes of it were scanned. */
  #scanned = 0;
  readonly #scanner: TextScanner;
  /** Whether the scanner has stopped in something that has not ended. */
  #isWithin = false;
  /** All that is left is scanned. */
  #isCareful = false;
  /**
   * The chunk as text, from a byte on, if it is ASCII: frames are then cut out of it. That costs a fraction
   * of decoding one by one, too. Empty if it is not.
   */
  #ascii: string | undefined;
  #asciiFrom = 0;
  #isEnding = false;

  constructor(limits: FramingLimits, isParsed: boolean) {
    this.#limits = limits;
    this.#isParsed = isParsed;
    this.#scanner = new TextScanner(limits);
  }

  get held(): number {
    return this.#tail.length;
  }

  get midway(): boolean {
    return this.#tail.length > 0 || this.#isWithin && this.#scanner.isMidway;
  }

  get left(): number {
    return this.#chunk.length - this.#at;
  }

  get isLost(): boolean {
    return this.#isWithin && this.#scanner.isBroken && !this.#scanner.hasBoundaries;
  }

  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
    this.#last = chunk.lastIndexOf(LF);
    if (this.#last >= 0) this.#scanner.hasBoundaries = true;
    this.#isCareful = !this.#isParsed || this.#isEnding;
    this.#ascii = undefined;
  }

  end(): void {
    this.#isCareful = this.#isEnding = true;
  }

  next(): Frame | undefined {
    for (;;) {
      while (this.#from < this.#run.length) {
        const line = this.#nextLine();
        if (line !== "") return line;
      }
      this.#run = "";
      this.#line = -1;
      if (this.#isCareful || this.#isWithin) {
        const frame = this.#scan();
        this.#isWithin = !this.#scanner.isBetween;
        if (frame !== undefined) return frame;
        if (this.#at === this.#chunk.length) return this.#isEnding ? this.#ending() : undefined;
      } else if (this.#at <= this.#last) this.#decodeRun();
      else if (this.#at < this.#chunk.length) this.#keepRest();
      else return undefined;
    }
  }

  reject(): boolean {
    if (this.#line < 0) return false;
    this.#tail.append(encoder.encode(this.#run.slice(this.#line)));
    this.#run = "";
    this.#from = 0;
    this.#isCareful = true;
    return true;
  }

  /** The next line of the run, without what is skipped before a text. */
  #nextLine(): string {
    const run = this.#run, end = run.indexOf("\n", this.#from);
    let from = this.#from;
    while (from < end && isSkippedUnit(run.charCodeAt(from))) from++;
    this.#line = from;
    this.#from = end + 1;
    return run.slice(from, end);
  }

  /** Decodes all lines that end in the chunk, unless they have to be scanned. */
  #decodeRun(): void {
    const tail = this.#tail, held = tail.length;
    let end = this.#last + 1;
    // The line that began earlier is copied behind its beginning: a long run is not copied with it.
    if (held > 0 && end - this.#at > LONG) end = this.#chunk.indexOf(LF, this.#at) + 1;
    // One of them may be too long; and what stands behind a frame is no line of its own.
    this.#isCareful = held + end - this.#at > this.#limits.maxMessageBytes ||
      this.#scanner.isInLine;
    if (this.#isCareful) return;
    let bytes = this.#chunk.subarray(this.#at, end);
    if (held > 0) {
      tail.append(bytes);
      bytes = tail.bytes;
    }
    const run = decodeUtf8(bytes);
    if (run === undefined) {
      tail.cut(held);
      this.#isCareful = true;
      return;
    }
    if (held > 0) tail.clear();
    this.#run = run;
    this.#from = 0;
    this.#at = end;
  }

  /** Keeps what stands behind the last newline, unless it has to be scanned. */
  #keepRest(): void {
    const tail = this.#tail, chunk = this.#chunk;
    let end = chunk.length;
    while (end > this.#at && isSkipped(chunk[end - 1]!)) end--;
    // A peer that waits for its answers has closed its last value; only then is it worth looking.
    const last = end > this.#at ? chunk[end - 1] : 0;
    this.#isCareful = last === 0x7d || last === 0x5d || this.#scanner.isConcatenated ||
      tail.length === 0 && last === 0 ||
      tail.length + chunk.length - this.#at > this.#limits.maxMessageBytes;
    if (this.#isCareful) return;
    tail.append(chunk.subarray(this.#at));
    this.#at = chunk.length;
  }

  /** Reads on byte by byte: the next frame, or undefined when all that came has been looked at. */
  #scan(): Frame | undefined {
    const tail = this.#tail, chunk = this.#chunk, scanner = this.#scanner;
    // The last bytes of the tail that lie in the chunk as well.
    let fresh = 0;
    for (;;) {
      // A text of which nothing is kept is read where it lies.
      const isKept = tail.length > 0, bytes = isKept ? tail.bytes : chunk;
      let begin = isKept && scanner.isUntold ? 0 : -1;
      let at = scanner.scan(bytes, isKept ? this.#scanned : this.#at);
      if (scanner.event === "begin") {
        begin = at;
        at = scanner.scan(bytes, at);
      }
      if (scanner.event !== "none") {
        const frame = scanner.event === "end" && !isKept
          ? this.#cutOut(begin, at)
          : this.#frame(bytes, begin, at);
        const left = bytes.length - at;
        this.#scanned = 0;
        if (!isKept) this.#at = at;
        else if (left > fresh) tail.drop(at);
        else {
          this.#at -= left;
          tail.clear();
        }
        return frame;
      }
      const done = begin < 0 ? at : begin;
      if (isKept) tail.drop(done);
      else {
        tail.append(bytes.subarray(done));
        this.#at = bytes.length;
      }
      this.#scanned = begin < 0 ? 0 : tail.length;
      if (this.#at === chunk.length) return undefined;
      if (tail.length === 0) continue;
      fresh = Math.min(PIECE, chunk.length - this.#at);
      tail.append(chunk.subarray(this.#at, this.#at + fresh));
      this.#at += fresh;
    }
  }

  /** The frame that lies in these bytes of the chunk. */
  #cutOut(begin: number, end: number): Frame {
    const chunk = this.#chunk;
    if (this.#ascii === undefined) {
      const bytes = chunk.subarray(begin), text = decodeUtf8(bytes);
      this.#ascii = text?.length === bytes.length ? text : "";
      this.#asciiFrom = begin;
    }
    return this.#ascii === ""
      ? frameOf(chunk.subarray(begin, end))
      : this.#ascii.slice(begin - this.#asciiFrom, end - this.#asciiFrom);
  }

  /** What a scanner has stopped for. */
  #frame(bytes: Uint8Array, begin: number, at: number): Frame {
    const scanner = this.#scanner, { maxMessageBytes, maxDepth } = this.#limits;
    const text = bytes.subarray(begin, at);
    switch (scanner.event) {
      case "line":
        return frameOf(text.subarray(0, scanner.length));
      case "oversized": {
        const reason = `the text is longer than ${maxMessageBytes} bytes`;
        return { ...malformed(reason, text), kind: "oversized", maxBytes: maxMessageBytes };
      }
      case "deep":
        return { ...malformed(`more than ${maxDepth} levels of nesting`, text), maxDepth };
      case "malformed":
        return malformed(scanner.reason, text);
      default:
        return frameOf(text);
    }
  }

  /** Nothing more comes: a text that has begun may have been cut off. */
  #ending(): Frame | undefined {
    const tail = this.#tail, { isBroken, isUntold, reason } = this.#scanner;
    const isTorn = tail.length > 0 || isUntold;
    const frame = isTorn ? malformed(isBroken ? reason : UNFINISHED, tail.bytes) : undefined;
    this.#isEnding = false;
    tail.clear();
    return frame;
  }
}

function frameOf(bytes: Uint8Array): Frame {
  return decodeUtf8(bytes) ?? malformed("the text is not UTF-8", bytes);
}

function malformed(reason: string, bytes: Uint8Array): BadFrame {
  const start = decodeLoosely(bytes.subarray(0, SHOWN));
  return { kind: "malformed", reason, start, fatal: false };
}

/** The same as {@linkcode isSkipped} in text, where a byte order mark is one unit. */
function isSkippedUnit(unit: number): boolean {
  return unit <= 0x20 ? isSkipped(unit) : unit === 0xfeff;
}

/** JSON texts one after another. */
export const json: Framing = {
  name: "json",
  decoder: (limits, isParsed = false) => new JsonDecoder(limits, isParsed),
  encode(messages, reserve) {
    let text = ""; // not joined: that would copy all of it once more
    for (const message of messages) text += message + "\n";
    return encodeUtf8(text, reserve);
  },
  around: () => ({ before: EMPTY, after: Uint8Array.of(LF) }),
};
