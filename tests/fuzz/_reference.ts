// What a stream of bytes holds, found slowly and in the open: all of the bytes at once, one rule of
// PROTOCOL.md after another, a byte at a time. It shares no code with lib/framing/.

import type { FramingName } from "../../lib/mod.ts";

/** The limits of a framing, as far as an input sets them. */
export interface FrameLimits {
  readonly maxMessageBytes: number;
  readonly maxDepth: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaderLines: number;
}

/** A message's text, without the white space around it; or a fault. */
export type Event = string | { readonly fault: "oversized" | "malformed"; readonly fatal: boolean };

const BAD: Event = { fault: "malformed", fatal: false };
const FATAL: Event = { fault: "malformed", fatal: true };

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): Event {
  try {
    return trim(decoder.decode(bytes));
  } catch {
    return BAD;
  }
}

/** Takes JSON's white space off, and no other. */
export function trim(text: string): string {
  return text.replace(/^[ \t\r\n]+/, "").replace(/[ \t\r\n]+$/, "");
}

/** Everything in these bytes, in order; what follows a fatal fault does not count. */
export function eventsIn(
  framing: FramingName | "detect",
  bytes: Uint8Array,
  limits: FrameLimits,
): Event[] {
  switch (framing) {
    case "json":
      return textsIn(bytes, limits);
    case "headers":
      return headersIn(bytes, limits);
    case "length":
      return lengthsIn(bytes, limits);
    case "detect": {
      const found = framingOf(bytes);
      if (found === undefined) return [];
      return found === "none" ? [FATAL] : eventsIn(found, bytes, limits);
    }
  }
}

// ---- The first bytes -----------------------------------------------------------------------------

/** What the first bytes decide; undefined while they may become anything. */
function framingOf(bytes: Uint8Array): FramingName | "none" | undefined {
  for (let length = 1; length <= Math.min(bytes.length, 40); length++) {
    const letters = String.fromCharCode(...bytes.slice(0, length));
    if (letters[0] === "\0") return "length";
    const before = letters.slice(0, skippedAt(letters, 0)), rest = letters.slice(before.length);
    if (before.includes("\0")) return "none";
    if (before.length > 16) return "none";
    if (/^[{[]/.test(rest)) return "json";
    if (/^(?:\r\n)*content-$/i.test(letters)) return "headers";
    const word = /^(?:\r\n)*([a-z-]*)$/i.exec(letters)?.[1];
    const isHeader = word !== undefined && "content-".startsWith(word.toLowerCase());
    const verbs = ["GET ", "POST", "PUT ", "HEAD", "OPTI", "DELE", "PATC"];
    const isVerb = word !== undefined && verbs.some((it) => it !== word && it.startsWith(word));
    const isMark = rest === "\xef" || rest === "\xef\xbb";
    if (rest !== "" && !isHeader && !isVerb && !isMark && letters !== "\x16") return "none";
  }
  return undefined;
}

// ---- JSON texts ----------------------------------------------------------------------------------

/** What the bytes are, a letter for each: rules are easier to read of letters. */
type Letters = string;

/** Why a text cannot be read to its end. */
class Stop extends Error {
  readonly isBroken: boolean;
  readonly at: number;

  constructor(isBroken: boolean, at: number) {
    super();
    this.isBroken = isBroken;
    this.at = at;
  }
}

function textsIn(bytes: Uint8Array, { maxMessageBytes, maxDepth }: FrameLimits): Event[] {
  const letters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const events: Event[] = [];
  let at = 0, resumedAt = 0;
  const toNextLine = () => {
    const newline = letters.indexOf("\n", at);
    at = newline < 0 ? letters.length : newline + 1;
  };
  for (;;) {
    at += skippedAt(letters, at);
    if (at === letters.length) return events;
    const begin = at, isFrame = "{[".includes(letters[at]!);
    // Another text than an object or array has its line for itself.
    const line = Math.max(resumedAt, letters.lastIndexOf("\n", at - 1) + 1);
    const before = letters.slice(line, at);
    const mayBeOther = /["\-0-9tfn]/.test(letters[at]!) && skippedAt(before, 0) === before.length;
    if (!isFrame && !mayBeOther) {
      events.push(BAD);
      toNextLine();
      continue;
    }
    const reader = new Reader(letters, begin, maxDepth);
    let stop: Stop | undefined;
    try {
      reader.value();
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
      stop = error;
    }
    // What came first of all that can be wrong is what is told.
    const end = stop?.at ?? reader.at, past = begin + maxMessageBytes;
    // Another text counts with the space behind it, up to its line feed.
    const space = isFrame || stop !== undefined ? 0 : spaceAt(letters, end);
    const next = letters[end + space], isLine = next === "\n";
    const needsMore = stop?.isBroken || !isFrame && !stop && next !== undefined && !isLine;
    const isTooLong = needsMore ? past <= end + space : past < end + space;
    const isTooDeep = reader.tooDeepAt < Math.min(past, end);
    at = end;
    if (isTooDeep) events.push(BAD);
    else if (isTooLong) events.push({ fault: "oversized", fatal: false });
    const isTold = isTooDeep || isTooLong;
    if (!isFrame) {
      if (isTold) {
        at = past;
        toNextLine();
        continue;
      }
      const isWhole = stop === undefined && isLine;
      events.push(isWhole ? textOf(bytes.subarray(begin, end)) : BAD);
      toNextLine();
      continue;
    }
    if (stop === undefined) {
      if (!isTold) events.push(textOf(bytes.subarray(begin, end)));
      continue;
    }
    if (!isTold) events.push(BAD);
    if (!stop.isBroken) return events;
    for (;; at++) {
      if (at === letters.length) return events;
      if ("{[".includes(letters[at]!) && letters[at - 1] === "\n") break;
      if ("\0\x1e".includes(letters[at]!)) {
        resumedAt = ++at;
        break;
      }
    }
  }
}

/** How much white space stands here before the end of the line. */
function spaceAt(letters: Letters, at: number): number {
  const space = /[ \t\r]*/y;
  space.lastIndex = at;
  return space.exec(letters)![0].length;
}

/** How many letters mean nothing where no text has begun. */
function skippedAt(letters: Letters, from: number): number {
  for (let at = from;;) {
    if (letters.startsWith(MARK, at)) at += MARK.length;
    else if (at < letters.length && SKIPPED.includes(letters[at]!)) at++;
    else return at - from;
  }
}

const MARK = "\xef\xbb\xbf";
const SKIPPED = " \t\r\n\0\x1e";

/** Reads a JSON text by the grammar of RFC 8259, one rule a method. */
class Reader {
  at: number;
  tooDeepAt = Infinity;
  readonly #letters: Letters;
  readonly #maxDepth: number;
  #depth = 0;

  constructor(letters: Letters, at: number, maxDepth: number) {
    this.#letters = letters;
    this.at = at;
    this.#maxDepth = maxDepth;
  }

  value(): void {
    switch (this.#letter()) {
      case "{":
        return this.#nested("}", () => {
          if (this.#letter() !== '"') this.#broken();
          this.#text();
          this.#space();
          this.#must(":");
          this.#space();
          this.value();
        });
      case "[":
        return this.#nested("]", () => this.value());
      case '"':
        return this.#text();
      case "t":
        return this.#word("true");
      case "f":
        return this.#word("false");
      case "n":
        return this.#word("null");
      default:
        return this.#number();
    }
  }

  #nested(close: string, item: () => void): void {
    if (this.#depth === this.#maxDepth) return this.#passOver();
    this.#depth++;
    this.at++;
    this.#space();
    if (this.#letter() !== close) {
      for (;;) {
        item();
        this.#space();
        if (this.#letter() === close) break;
        this.#must(",");
        this.#space();
      }
    }
    this.at++;
    this.#depth--;
  }

  /** What lies too deep: nothing but texts, and how many brackets are open. */
  #passOver(): void {
    this.tooDeepAt = Math.min(this.tooDeepAt, this.at);
    let open = 0;
    do {
      const letter = this.#letter();
      if (letter === '"') this.#text();
      else {
        if (letter < " " && !"\t\n\r".includes(letter)) this.#broken();
        if ("{[".includes(letter)) open++;
        if ("}]".includes(letter)) open--;
        this.at++;
      }
    } while (open > 0);
  }

  #text(): void {
    this.at++;
    for (;;) {
      const letter = this.#letter();
      if (letter < " ") this.#broken();
      this.at++;
      if (letter === '"') return;
      if (letter !== "\\") continue;
      const escape = this.#letter();
      if (!'"\\/bfnrtu'.includes(escape)) this.#broken();
      this.at++;
      for (let left = escape === "u" ? 4 : 0; left > 0; left--) {
        if (!/[0-9a-fA-F]/.test(this.#letter())) this.#broken();
        this.at++;
      }
    }
  }

  #word(word: string): void {
    for (const letter of word) this.#must(letter);
  }

  #number(): void {
    if (this.#letter() === "-") this.at++;
    if (this.#letter() === "0") this.at++;
    else this.#digits();
    if (this.#may(".")) this.#digits();
    if (this.#may("eE")) {
      this.#may("+-");
      this.#digits();
    }
    if (this.#depth === 0) this.#letter(); // more digits may follow
  }

  /** One at least. */
  #digits(): void {
    if (!/[0-9]/.test(this.#letter())) this.#broken();
    while (/[0-9]/.test(this.#letters[this.at] ?? "")) this.at++;
  }

  #may(some: string): boolean {
    const isThere = this.at < this.#letters.length && some.includes(this.#letters[this.at]!);
    if (isThere) this.at++;
    return isThere;
  }

  #must(letter: string): void {
    if (this.#letter() !== letter) this.#broken();
    this.at++;
  }

  #space(): void {
    while (" \t\r\n".includes(this.#letters[this.at] ?? "x")) this.at++;
  }

  /** The letter here; where there is none the text was cut off. */
  #letter(): string {
    if (this.at === this.#letters.length) throw new Stop(false, this.at);
    return this.#letters[this.at]!;
  }

  #broken(): never {
    throw new Stop(true, this.at);
  }
}

// ---- Headers and lengths -------------------------------------------------------------------------

function headersIn(
  bytes: Uint8Array,
  { maxMessageBytes, maxHeaderBytes, maxHeaderLines }: FrameLimits,
): Event[] {
  const events: Event[] = [];
  const letters = (at: number, count: number) =>
    String.fromCharCode(...bytes.subarray(at, at + count));
  for (let at = 0;;) {
    for (let empty; (empty = /^\r\n/.exec(letters(at, 2))) !== null;) at += empty[0].length;
    const begin = at, lines: string[] = [];
    for (;;) {
      const newline = bytes.indexOf(10, at);
      const end = newline < 0 ? bytes.length : newline + 1;
      if (end - begin > maxHeaderBytes) return [...events, FATAL];
      if (newline < 0) return events;
      if (newline === at || bytes[newline - 1] !== 13) return [...events, FATAL];
      const line = String.fromCharCode(...bytes.subarray(at, newline - 1));
      at = end;
      if (line === "") break;
      lines.push(line);
      if (lines.length > maxHeaderLines) return [...events, FATAL];
    }
    const length = lengthOf(lines);
    if (length === undefined) return [...events, FATAL];
    if (length > maxMessageBytes) return [...events, { fault: "oversized", fatal: true }];
    if (at + length > bytes.length) return events;
    events.push(length === 0 ? BAD : textOf(bytes.subarray(at, at + length)));
    at += length;
  }
}

/** The one good Content-Length; undefined where anything is wrong with the headers. */
function lengthOf(lines: readonly string[]): number | undefined {
  const lengths: string[] = [];
  for (const line of lines) {
    const colon = line.indexOf(":"), name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) return undefined;
    // What a regular expression takes for the end of a line is none here.
    const value = line.slice(colon + 1).replace(/^[ \t]+/, "").replace(/[ \t]+$/, "");
    if (/[\r\n]/.test(value)) return undefined;
    if (name === "content-length") lengths.push(value);
    const [, charset] = /charset=(.*)/i.exec(value) ?? [];
    if (name === "content-type" && charset !== undefined) {
      if (!/^"?utf-?8"?[ \t]*(;|$)/i.test(charset)) return undefined;
    }
  }
  const [only, ...others] = lengths;
  return only === undefined || others.length > 0 || !/^[0-9]{1,10}$/.test(only)
    ? undefined
    : Number(only);
}

function lengthsIn(bytes: Uint8Array, { maxMessageBytes }: FrameLimits): Event[] {
  const events: Event[] = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const size = ((bytes[at]! * 256 + bytes[at + 1]!) * 256 + bytes[at + 2]!) * 256 +
      bytes[at + 3]!;
    if (size > maxMessageBytes) return [...events, { fault: "oversized", fatal: true }];
    at += 4;
    if (at + size > bytes.length) break;
    events.push(size === 0 ? BAD : textOf(bytes.subarray(at, at + size)));
    at += size;
  }
  return events;
}
