/**
 * Where the JSON texts of a stream begin and end, and where reading goes on behind what is none. PROTOCOL.md
 * has the table.
 *
 * ```text
 *              ┌──────── the closing bracket ────────┐
 *              v                                     │
 *   ──> between texts ── { or [ ────────────> in a frame ── a byte that does not belong there ──> broken
 *         ^  ^  │                                                                                   │
 *         │  │  ├── "x", 42, null ──> in another text ── its end ──> behind it ──┐                   │
 *         │  │  │                           │                          │       line feed             │
 *         │  │  └── anything else ──> rubbish <── no JSON ──────────────┘           │               │
 *         │  └────────── line feed ─────────┴───────────────────────────────────────┘               │
 *         └──────────── { or [ as the first byte of a line, RS, NUL ────────────────────────────────┘
 * ```
 *
 * @module
 */

import type { FramingLimits } from "./frame.ts";
import { isSpace, ValueScanner } from "./value_scanner.ts";

/** What stopped a scanner. */
export type Event =
  /** Nothing: more bytes are needed. */
  | "none"
  /** A text begins here. */
  | "begin"
  /** A frame has ended. */
  | "end"
  /** A text has ended that is no object or array, and its line: {@linkcode TextScanner.length} is its own. */
  | "line"
  /** What has begun is no JSON text: {@linkcode TextScanner.reason} says why. */
  | "malformed"
  /** More brackets are open than may be. The text goes on. */
  | "deep"
  /** The text is longer than it may be. It goes on. */
  | "oversized";

const encoder = /* @__PURE__ */ new TextEncoder();

const BETWEEN = 0;
const FRAME = 1;
const OTHER = 2;
const BEHIND_OTHER = 3;
const RUBBISH = 4;
const BROKEN = 5;

/** Bytes of a text that are shown where it is no frame: enough for the envelope of most messages. */
export const SHOWN = 64;

const NUL = 0x00, LF = 0x0a, RS = 0x1e;

/** Follows the table, a byte at a time, and each byte once. */
export class TextScanner {
  readonly #limits: FramingLimits;
  readonly #value: ValueScanner;
  #place = BETWEEN;
  /** How many bytes of the text that has begun were looked at. */
  #size = 0;
  /** Whether the text was told to be too long or too deep: nothing more is told of it. */
  #isTold = false;
  /** The byte before the next. */
  #last = -1;
  /** What stopped it. */
  event: Event = "none";
  /** Why what has begun is no JSON text. */
  reason = "";
  /** How many bytes the text took that is no object or array. */
  length = 0;
  /** Whether the peer has sent something behind which reading could go on: a line feed, RS or NUL. */
  hasBoundaries = false;
  /** Whether frames have followed each other within a line. */
  isConcatenated = false;
  /** Whether more than what is skipped has stood in this line. */
  isInLine = false;

  constructor(limits: FramingLimits) {
    this.#limits = limits;
    this.#value = new ValueScanner(limits.maxDepth);
  }

  /** Whether no text has begun. */
  get isBetween(): boolean {
    return this.#place === BETWEEN;
  }

  /** Whether something has begun that has not ended; behind a broken text a new line is nothing yet. */
  get isMidway(): boolean {
    return this.#place !== BETWEEN && !(this.#place === BROKEN && this.#last === LF);
  }

  /** Whether something has begun, and nothing was told of it. */
  get isUntold(): boolean {
    return this.#place !== BETWEEN && !this.#isTold;
  }

  /** Whether what has begun is no JSON text. */
  get isBroken(): boolean {
    return this.#place === RUBBISH || this.#place === BROKEN;
  }

  /** Reads on from `at`; returns where it stopped, and {@linkcode event} says why. */
  scan(bytes: Uint8Array, at: number): number {
    const from = at;
    this.event = "none";
    while (at < bytes.length && this.event === "none") {
      switch (this.#place) {
        case BETWEEN: {
          const byte = bytes[at]!, mark = byte === 0xef ? markAt(bytes, at) : 0;
          if (mark < 0) return this.#stop(bytes, from, at); // it may become one
          if (mark > 0) at += mark;
          else if (isSkipped(byte)) {
            if (byte === LF) this.isInLine = false;
            if (isBoundary(byte)) this.hasBoundaries = true;
            at++;
          } else this.#begin(byte);
          break;
        }
        case FRAME:
        case OTHER:
          at = this.#text(bytes, at);
          break;
        case BEHIND_OTHER: {
          const byte = bytes[at]!;
          if (byte === LF) this.#endLine("line");
          else if (this.#size === this.#limits.maxMessageBytes) {
            this.#place = RUBBISH;
            this.#tell("oversized");
          } else if (isSpace(byte)) {
            this.#size++;
            at++;
          } else this.#fail(RUBBISH, "the end of the line", byte);
          break;
        }
        case RUBBISH:
          at = this.#rubbish(bytes, at);
          break;
        case BROKEN: {
          const byte = bytes[at]!;
          const isFirst = (at > from ? bytes[at - 1] : this.#last) === LF;
          if (isBoundary(byte)) this.hasBoundaries = true;
          const isEnd = byte === RS || byte === NUL;
          if (isEnd || isFirst && isOpening(byte)) {
            this.#place = BETWEEN;
            this.isInLine = false;
            if (!isEnd) break;
          }
          at++;
        }
      }
    }
    return this.#stop(bytes, from, at);
  }

  #stop(bytes: Uint8Array, from: number, at: number): number {
    if (at > from) this.#last = bytes[at - 1]!;
    return at;
  }

  /** The first byte of something. */
  #begin(byte: number): void {
    this.#size = 0;
    this.#isTold = false;
    this.#value.reset();
    this.event = "begin";
    if (isOpening(byte)) {
      if (this.isInLine) this.isConcatenated = true;
      this.#place = FRAME;
    } else if (!isScalar(byte)) this.#fail(RUBBISH, "a JSON text", byte);
    else if (this.isInLine) this.#fail(RUBBISH, "{ or [", byte);
    else this.#place = OTHER;
    this.isInLine = true;
  }

  /** Reads on in a text. */
  #text(bytes: Uint8Array, at: number): number {
    const value = this.#value, room = this.#limits.maxMessageBytes - this.#size;
    const to = this.#isTold ? bytes.length : Math.min(bytes.length, at + room);
    const stop = value.scan(bytes, at, to), isFrame = this.#place === FRAME;
    this.#size += stop - at;
    switch (value.found) {
      case "more":
        if (stop === bytes.length) break;
        if (!isFrame) this.#place = value.isWhole ? BEHIND_OTHER : RUBBISH;
        this.length = this.#size;
        if (!value.isWhole) this.#tell("oversized");
        break;
      case "deep":
        this.#tell("deep");
        break;
      case "end":
        this.#place = isFrame ? BETWEEN : BEHIND_OTHER;
        this.length = this.#size;
        if (isFrame && !this.#isTold) this.event = "end";
        break;
      case "fault":
        this.#fail(isFrame ? BROKEN : RUBBISH, value.expected, bytes[stop]!);
        if (isFrame) this.#tell("malformed");
    }
    return stop;
  }

  /** Reads on to the end of the line. What stood in it is told when so much is known that one can see what. */
  #rubbish(bytes: Uint8Array, at: number): number {
    const lf = bytes.indexOf(LF, at), end = lf < 0 ? bytes.length : lf;
    const shown = this.#isTold ? end : Math.min(end, at + Math.max(0, SHOWN - this.#size));
    this.#size += shown - at;
    if (!this.#isTold && (shown === lf || this.#size >= SHOWN)) this.#tell("malformed");
    else if (shown === lf) {
      this.#endLine("none");
      return lf + 1;
    }
    return shown;
  }

  #endLine(event: Event): void {
    this.#place = BETWEEN;
    this.isInLine = false;
    this.hasBoundaries = true;
    this.event = event;
  }

  #fail(place: number, expected: string, byte: number): void {
    this.#place = place;
    if (!this.#isTold) this.reason = faultAt(expected, this.#size, byte);
  }

  /** Stops for this, once for each text. */
  #tell(event: Event): void {
    if (!this.#isTold) this.event = event;
    this.#isTold = true;
  }
}

/** Why a text is no JSON: what was expected at which byte, and what stands there. */
export function faultIn(text: string): string {
  const bytes = encoder.encode(text), value = new ValueScanner(Infinity);
  const begin = bytes.findIndex((byte) => !isSpace(byte));
  let at = begin < 0 ? bytes.length : value.scan(bytes, begin, bytes.length);
  if (value.found === "fault") return faultAt(value.expected, at, bytes[at]!);
  if (value.found === "more") return "unfinished";
  while (isSpace(bytes[at]!)) at++;
  return faultAt("the end", at, bytes[at]!);
}

function faultAt(expected: string, at: number, byte: number): string {
  return `byte ${at}: expected ${expected}, found ${nameOf(byte)}`;
}

/** Whether a byte means nothing where no text has begun. */
export function isSkipped(byte: number): boolean {
  return isSpace(byte) || byte === NUL || byte === RS;
}

/** Whether a byte opens an object or an array. */
export function isOpening(byte: number): boolean {
  return byte === 0x7b || byte === 0x5b;
}

/** Whether reading can go on behind this byte. */
function isBoundary(byte: number): boolean {
  return byte === LF || byte === RS || byte === NUL;
}

/** Whether a string, a number, `true`, `false` or `null` begins with this byte. */
function isScalar(byte: number): boolean {
  return byte === 0x22 || byte === 0x2d || byte >= 0x30 && byte <= 0x39 ||
    byte === 0x74 || byte === 0x66 || byte === 0x6e;
}

const MARK = [0xef, 0xbb, 0xbf] as const;

/** How many bytes a byte order mark takes here: 3, or 0 if there is none; -1 if it may become one. */
export function markAt(bytes: Uint8Array, at: number): number {
  for (let i = 0; i < MARK.length; i++) {
    if (at + i === bytes.length) return -1;
    if (bytes[at + i] !== MARK[i]) return 0;
  }
  return MARK.length;
}

/** A byte for people. */
function nameOf(byte: number): string {
  if (byte === LF) return "a line feed";
  return byte > 0x20 && byte < 0x7f
    ? String.fromCharCode(byte)
    : `the byte 0x${byte.toString(16).padStart(2, "0")}`;
}
