/**
 * The head of a request: the first line and the headers. What two readers of the same bytes may understand
 * differently is refused. Pure.
 *
 * @module
 */

import type { Limits } from "../limits.ts";

/** The limits of a request. They are read for each: that of the body may change between head and body. */
export type RequestLimits = Pick<
  Limits,
  "maxHttpHeadBytes" | "maxHttpHeadLines" | "maxMessageBytes"
>;

/** What comes before a body. */
export interface RequestHead {
  readonly kind: "head";
  readonly method: string;
  /** As it was sent. */
  readonly target: string;
  /** Whether it is HTTP/1.0. */
  readonly isOld: boolean;
  /** By their names in lower case; the values of one that was repeated are joined by `, `. */
  readonly headers: ReadonlyMap<string, string>;
  /** Whether another request may follow on the connection. */
  readonly keepsAlive: boolean;
  /** Bytes of the body; -1 if it comes in chunks. */
  readonly length: number;
}

/** What is no request: the status to answer with, and why. Nothing comes after it. */
export interface BadRequest {
  readonly kind: "bad";
  readonly status: number;
  readonly reason: string;
}

const TAB = 9, SPACE = 32, COLON = 0x3a;

/** What may stand in a name or a method (`tchar`, RFC 9110, section 5.6.2), in a value, and in a target. */
const TOKEN = bytesOf((byte) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte)));
export const VALUE = bytesOf((byte) => byte === TAB || byte >= SPACE && byte !== 127);
const TARGET = bytesOf((byte) => byte > SPACE && byte < 127);

function bytesOf(isIn: (byte: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => isIn(byte) ? 1 : 0);
}

/** Headers that say something by being there once: two may be two different things to two readers. */
const ONLY_ONCE: ReadonlySet<string> = new Set([
  "authorization",
  "content-length",
  "content-type",
  "expect",
  "host",
  "last-event-id",
  "origin",
  "sec-websocket-key",
  "sec-websocket-version",
  "timeout-ms",
  "transfer-encoding",
]);

/**
 * Reads a head, which may be as long as it is.
 *
 * @param text the same as the bytes, with the empty line at its end
 */
export function parseHead(
  text: string,
  bytes: Uint8Array,
  { maxHttpHeadLines }: RequestLimits,
): RequestHead | BadRequest {
  let eol = text.indexOf("\r\n");
  const first = text.indexOf(" "), second = text.indexOf(" ", first + 1);
  if (first < 1 || second < first + 2 || second > eol) {
    return bad(400, "the first line is not METHOD TARGET HTTP/1.1");
  }
  if (!isAll(TOKEN, bytes, 0, first)) return bad(400, "the method is no name");
  if (!isAll(TARGET, bytes, first + 1, second)) {
    return bad(400, "the target has bytes that must be escaped");
  }
  const version = text.slice(second + 1, eol), isOld = version === "HTTP/1.0";
  if (!isOld && version !== "HTTP/1.1") {
    return /^HTTP\/\d\.\d$/.test(version)
      ? bad(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
      : bad(400, "the first line does not end with HTTP/1.1");
  }
  const headers = new Map<string, string>();
  let lines = 0;
  for (let at = eol + 2; at < bytes.length - 2; at = eol + 2) {
    eol = text.indexOf("\r\n", at);
    if (++lines > maxHttpHeadLines) return tooManyLines(maxHttpHeadLines);
    const field = fieldIn(bytes, at, eol);
    if (field === undefined) return bad(400, `line ${lines} of the header is not NAME: VALUE`);
    const name = text.slice(at, field[0]).toLowerCase(), value = text.slice(field[1], field[2]);
    const before = headers.get(name);
    if (before !== undefined && ONLY_ONCE.has(name)) {
      return bad(400, `there are two headers ${name}`);
    }
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  if (!isOld && !headers.has("host")) return bad(400, "there is no header host");
  const length = bodyLength(headers, isOld);
  if (typeof length !== "number") return length;
  const connection = headers.get("connection")?.toLowerCase() ?? "";
  return {
    kind: "head",
    method: text.slice(0, first),
    target: text.slice(first + 1, second),
    isOld,
    headers,
    keepsAlive: !hasMember(connection, "close") && (!isOld || hasMember(connection, "keep-alive")),
    length,
  };
}

/** Bytes of the body; -1 if it comes in chunks. RFC 9112, section 6.3, without what is ambiguous there. */
function bodyLength(headers: ReadonlyMap<string, string>, isOld: boolean): number | BadRequest {
  const length = headers.get("content-length"), coding = headers.get("transfer-encoding");
  if (coding !== undefined) {
    if (length !== undefined) {
      return bad(400, "both content-length and transfer-encoding are there");
    }
    if (isOld) return bad(400, "HTTP/1.0 has no transfer-encoding");
    return coding.toLowerCase() === "chunked" ? -1 : bad(501, "the only coding is chunked");
  }
  if (length === undefined) return 0;
  return /^\d{1,10}$/.test(length) ? Number(length) : bad(400, "content-length is no number");
}

/** Where the name of a header line ends, and where its value begins and ends; undefined if it is none. */
export function fieldIn(
  bytes: Uint8Array,
  from: number,
  to: number,
): readonly [nameEnd: number, valueStart: number, valueEnd: number] | undefined {
  let nameEnd = from;
  while (nameEnd < to && TOKEN[bytes[nameEnd]!] === 1) nameEnd++;
  if (nameEnd === from || nameEnd === to || bytes[nameEnd] !== COLON) return undefined;
  let start = nameEnd + 1, end = to;
  if (!isAll(VALUE, bytes, start, end)) return undefined;
  while (start < end && isBlank(bytes[start]!)) start++;
  while (end > start && isBlank(bytes[end - 1]!)) end--;
  return [nameEnd, start, end];
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** Whether the table has all of these bytes. */
export function isAll(table: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (table[bytes[i]!] === 0) return false;
  return true;
}

/** Whether a list in a header, in lower case, has this member. */
export function hasMember(list: string, member: string): boolean {
  return list === member || list.includes(member) &&
      list.split(",").some((it) => it.trim() === member);
}

// ---- What is wrong with a request ------------------------------------------------------------

/** It is answered with this status. */
export function bad(status: number, reason: string): BadRequest {
  return { kind: "bad", status, reason };
}

/** It has more bytes than its limit. */
export function headTooLong(max: number): BadRequest {
  return bad(431, `the header is longer than ${max} bytes`);
}

/** It has more lines than its limit. */
export function tooManyLines(max: number): BadRequest {
  return bad(431, `the header has more than ${max} lines`);
}
