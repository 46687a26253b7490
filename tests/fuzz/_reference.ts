// What a stream of bytes holds, found slowly and in the open: all of the bytes at once, one rule of
// PROTOCOL.md after another, a byte at a time. It shares no code with lib/framing/.

import type { FramingName } from "../../lib/mod.ts";
import { meaningOf } from "../support/reference.ts";

/** The limits of a framing, as far as an input sets them. */
export interface FrameLimits {
  readonly maxMessageBytes: number;
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
      return linesIn(bytes, limits);
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
  const text = Array.from(bytes.slice(0, 20), (byte) => String.fromCharCode(byte)).join("");
  if (text === "") return undefined;
  if (text[0] === "\0") return "length";
  if (/^[ \t\r\n]{0,16}[{[]/.test(text)) return "json";
  if (/^[ \t\r\n]{1,16}$/.test(text)) return undefined;
  if (/^content-/i.test(text)) return "headers";
  const begun = ["content-", "\x16\x03", "get ", "post", "put ", "head", "opti", "dele", "patc"];
  if (begun.some((it) => it.startsWith(text.toLowerCase()) && it !== text.toLowerCase())) {
    // HTTP's methods are written in capitals.
    const isHeader = "content-".startsWith(text.toLowerCase());
    if (isHeader || text === text.toUpperCase()) return undefined;
  }
  return "none";
}

// ---- Lines ---------------------------------------------------------------------------------------

function linesIn(bytes: Uint8Array, { maxMessageBytes }: FrameLimits): Event[] {
  const events: Event[] = [];
  let at = 0, doesWithoutNewlines = false;
  while (at < bytes.length) {
    const newline = bytes.indexOf(10, at);
    const line = bytes.subarray(at, newline < 0 ? bytes.length : newline);
    const isTooLong = line.length > maxMessageBytes;
    const whole = isTooLong || newline < 0 ? BAD : textOf(line);
    const isJson = typeof whole === "string" && !isUnparsable(whole);
    const end = isJson ? -1 : valueIn(line.subarray(0, maxMessageBytes), doesWithoutNewlines);
    if (end >= 0) {
      events.push(textOf(line.subarray(0, end)));
      doesWithoutNewlines = true;
      at += end;
      continue;
    }
    if (newline < 0 && !isTooLong) break; // it may have been cut off
    if (isTooLong) events.push({ fault: "oversized", fatal: false });
    else if (whole !== "") events.push(whole);
    at += line.length + 1;
  }
  return events;
}

function isUnparsable(text: string): boolean {
  const meaning = meaningOf(text);
  return meaning.kind === "invalid" && meaning.code === -32700;
}

/** Where the object or array ends that these bytes begin with, as far as its end is known; else -1. */
function valueIn(bytes: Uint8Array, doesWithoutNewlines: boolean): number {
  const space = (at: number) => {
    while (at < bytes.length && " \t\r\n".includes(String.fromCharCode(bytes[at]!))) at++;
    return at;
  };
  const opens = (at: number) => bytes[at] === 0x7b || bytes[at] === 0x5b;
  let at = space(0);
  if (!opens(at)) return -1;
  const due: number[] = [];
  do {
    const byte = bytes[at];
    if (byte === undefined) return -1;
    if (opens(at)) due.push(byte + 2);
    else if (byte === 0x7d || byte === 0x5d) {
      if (due.pop() !== byte) return -1;
    } else if (byte === 0x22) {
      at++;
      while (at < bytes.length && bytes[at] !== 0x22) at += bytes[at] === 0x5c ? 2 : 1;
      if (at >= bytes.length) return -1;
    }
    at++;
  } while (due.length > 0);
  return doesWithoutNewlines || opens(space(at)) ? at : -1;
}

// ---- Headers and lengths -------------------------------------------------------------------------

function headersIn(
  bytes: Uint8Array,
  { maxMessageBytes, maxHeaderBytes, maxHeaderLines }: FrameLimits,
): Event[] {
  const events: Event[] = [];
  for (let at = 0;;) {
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
