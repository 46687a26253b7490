// Requests of HTTP against a reference: all of the bytes at once as a text, one expression for each rule of RFC
// 9112. It shares no code with lib/http/.

import type { RequestLimits } from "../../lib/http/head.ts";
import { RequestDecoder, type RequestPart } from "../../lib/http/request.ts";
import type { Dice } from "../support/dice.ts";
import { join } from "../support/raw.ts";
import { mustBeWorth, type Summary, tryAll } from "./_check.ts";
import { type Input, mutated } from "./_inputs.ts";

/** Bytes of a client. */
export interface HttpInput extends Pick<Input, "cuts" | "bytes"> {
  readonly http: RequestLimits;
}

// ---- The reference -------------------------------------------------------------------------------

const FIRST = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) (.*)$/s;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
const SIZE = /^([0-9A-Fa-f]{1,8})(;[\t\x20-\x7e\x80-\xff]*)?$/;
const SINGLE = "authorization content-length content-type expect host last-event-id origin " +
  "sec-websocket-key sec-websocket-version timeout-ms transfer-encoding";

/** Everything in these bytes, in order. */
export function requestsIn({ bytes, http: limits }: HttpInput): string[] {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const { maxHttpHeadBytes: max, maxHttpHeadLines, maxMessageBytes } = limits;
  const events: string[] = [];
  let at = 0;
  const fail = (status: number) => [...events, `bad ${status}`];
  for (;;) {
    for (let skipped = 0;; skipped++) {
      if (text.slice(at, at + 2) !== "\r\n") break;
      if (skipped === 1) return fail(400);
      at += 2;
    }
    // The lines of the head, up to the empty one.
    const lines: string[] = [];
    for (let start = at;;) {
      const end = text.indexOf("\n", start);
      if (end < 0) return text.length - at > max ? fail(431) : events;
      if (end + 1 - at > max) return fail(431);
      if (end === start || text[end - 1] !== "\r") return fail(400);
      if (end === start + 1) {
        at = end + 1;
        break;
      }
      lines.push(text.slice(start, end - 1));
      start = end + 1;
    }
    const [, method, target, version] = FIRST.exec(lines.shift()!) ?? [];
    if (version === undefined) return fail(400);
    if (version !== "HTTP/1.1" && version !== "HTTP/1.0") {
      return fail(/^HTTP\/[0-9]\.[0-9]$/.test(version) ? 505 : 400);
    }
    const headers = new Map<string, string[]>();
    for (const [index, line] of lines.entries()) {
      if (index === maxHttpHeadLines) return fail(431);
      const [, name, value] = FIELD.exec(line) ?? [];
      if (name === undefined) return fail(400);
      const key = name.toLowerCase(), all = headers.get(key) ?? [];
      if (all.length > 0 && SINGLE.split(" ").includes(key)) return fail(400);
      headers.set(key, [...all, value!.replace(/[ \t]+$/, "")]);
    }
    if (version === "HTTP/1.1" && !headers.has("host")) return fail(400);
    const [length] = headers.get("content-length") ?? [];
    const [coding] = headers.get("transfer-encoding") ?? [];
    let size = 0;
    if (coding !== undefined) {
      if (length !== undefined || version === "HTTP/1.0") return fail(400);
      if (coding.toLowerCase() !== "chunked") return fail(501);
      size = -1;
    } else if (length !== undefined) {
      if (!/^[0-9]{1,10}$/.test(length)) return fail(400);
      size = Number(length);
    }
    events.push(`${method} ${target} ${size}`);
    if (size > maxMessageBytes) return fail(413);
    if (size >= 0) {
      if (text.length < at + size) return events;
      events.push(`body ${text.slice(at, at += size)}`);
      continue;
    }
    const line = (most: number): string | number | undefined => {
      const end = text.indexOf("\n", at), stop = end < 0 ? text.length : end + 1;
      if (stop - at > most) return 400;
      if (end < 0) return undefined;
      if (end === at || text[end - 1] !== "\r") return 400;
      return text.slice(at, (at = end + 1) - 2);
    };
    let body = "", excess = 0;
    for (let isLast = false; !isLast;) {
      const found = line(256);
      if (typeof found !== "string") return found === undefined ? events : fail(found);
      const digits = SIZE.exec(found)?.[1];
      if (digits === undefined) return fail(400);
      const count = Number.parseInt(digits, 16);
      excess += Math.max(0, found.length - 12 - count);
      if (excess > max) return fail(400);
      if (body.length + count > maxMessageBytes) return fail(413);
      isLast = count === 0;
      if (isLast) break;
      body += text.slice(at, at + count);
      if (text.length < at + count) return events;
      at += count;
      const end = text.slice(at, at + 2);
      if (end !== "\r\n".slice(0, end.length)) return fail(400);
      if (end.length < 2) return events;
      at += 2;
    }
    for (let count = 1;; count++) {
      const found = line(max);
      if (typeof found !== "string") return found === undefined ? events : fail(found);
      if (found === "") break;
      if (count > maxHttpHeadLines) return fail(431);
      if (!FIELD.test(found)) return fail(400);
      excess += found.length;
      if (excess > max) return fail(431);
    }
    events.push(`body ${body}`);
  }
}

// ---- The decoder ---------------------------------------------------------------------------------

function eventOf(part: RequestPart): string {
  switch (part.kind) {
    case "head":
      return `${part.method} ${part.target} ${part.length}`;
    case "body":
      return `body ${Array.from(part.bytes, (byte) => String.fromCharCode(byte)).join("")}`;
    case "bad":
      return `bad ${part.status}`;
  }
}

function decoded({ http, bytes }: HttpInput, cuts: readonly number[]): string[] {
  const decoder = new RequestDecoder(http), events: string[] = [];
  let pushes = 0;
  mustBeWorth(() => {
    for (let at = 0; at < bytes.length; pushes++) {
      const piece = bytes.slice(at, at + cuts[pushes % cuts.length]!);
      at += piece.length;
      decoder.push(piece);
      for (let part; (part = decoder.next()) !== undefined;) events.push(eventOf(part));
      piece.fill(0x21); // it was only lent
      const most = 2 * http.maxHttpHeadBytes + http.maxMessageBytes + 256;
      if (decoder.held > most) throw new Error(`it holds ${decoder.held}`);
    }
    return bytes.length + 64 * pushes + 200 * events.length;
  });
  return events;
}

/** What is wrong with how an input is read; undefined where nothing is. */
export function wrongWithHttp(input: HttpInput): string | undefined {
  try {
    const expected = JSON.stringify(requestsIn(input));
    for (const cuts of [input.cuts, [1 << 30]]) {
      const found = JSON.stringify(decoded(input, cuts));
      if (found !== expected) return `cut by ${cuts} it is ${found}, expected ${expected}`;
    }
    return undefined;
  } catch (error) {
    return `it throws ${error}`;
  }
}

// ---- Inputs --------------------------------------------------------------------------------------

const encoder = new TextEncoder();

/** One of these, and rarely one of the others. */
function usually(dice: Dice, usual: readonly string[], others: readonly string[]): string {
  return dice.pick(dice.chance(92) ? usual : others);
}

function request(dice: Dice): string {
  const eol = () => usually(dice, ["\r\n"], ["\n", "\r", "\r\n ", "\r\r\n"]);
  const method = usually(dice, ["GET", "POST"], ["", "BREW", "P(", "post"]);
  const target = usually(dice, ["/", "/rpc", "http://a/"], ["", "*", "/\xe9", "/ x"]);
  const version = usually(dice, ["HTTP/1.1"], ["HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "", "http/1.1"]);
  const lines = [
    usually(dice, ["Host: a"], ["host:\ta ", "Host : a", "Hos", "Host: a\r\nHost: a"]),
  ];
  for (let count = dice.int(0, 3); count > 0; count--) {
    lines.push(
      usually(dice, ["X: y", "a:b", "Accept: */*", "X:", "Y: \xe9\t"], [
        ": a",
        "X: \0",
        " X: y",
        "\xe9: a",
      ]),
    );
  }
  const body = "x".repeat(dice.int(0, 40));
  const end = dice.chance(95) ? eol() + eol() : "";
  const head = (...more: readonly string[]) =>
    `${method} ${target} ${version}${eol()}` + [...lines, ...more].join("\r\n") + end;
  const kind = dice.int(0, 9);
  if (kind < 3) return head();
  if (kind < 6) {
    const length = usually(dice, [`${body.length}`], [
      "",
      "+1",
      "1, 1",
      "99999999999",
      "200",
      "0x1",
    ]);
    return head(`Content-Length: ${length}`, ...dice.chance(4) ? ["Content-Length: 1"] : []) + body;
  }
  const coding = usually(dice, ["chunked", "Chunked"], ["gzip, chunked", "identity", ""]);
  let chunks = "";
  for (let count = dice.int(0, 4); count > 0; count--) {
    const data = "y".repeat(dice.int(1, 30)), size = data.length.toString(16);
    const said = usually(dice, [size, size.toUpperCase(), `00${size}`], [
      `${size} `,
      `0x${size}`,
      "",
      "fffffffff",
      "1",
    ]);
    const extension = usually(dice, ["", "", ";a=b"], [
      ";a\n",
      ";\0",
      " ;a",
      ";" + "e".repeat(260),
    ]);
    chunks += said + extension + eol() + data + eol();
  }
  const last = usually(dice, ["0\r\n\r\n", "0;a\r\nT: 1\r\n\r\n"], [
    "",
    "0\r\n",
    "0\r\nbad\r\n\r\n",
    "0\n\n",
  ]);
  return head(`Transfer-Encoding: ${coding}`, ...dice.chance(3) ? ["Content-Length: 1"] : []) +
    chunks + last;
}

/** Bytes for the decoder. */
export function drawHttp(dice: Dice): HttpInput {
  const parts = Array.from({ length: dice.int(1, 5) }, () => {
    const text = (dice.chance(15) ? "\r\n" : "") + request(dice);
    return dice.chance(50)
      ? Uint8Array.from(text, (unit) => unit.charCodeAt(0))
      : encoder.encode(text);
  });
  return {
    http: {
      maxHttpHeadBytes: dice.pick([90, 200, 16384]),
      maxHttpHeadLines: dice.pick([2, 5, 100]),
      maxMessageBytes: dice.pick([20, 100, 1 << 20]),
    },
    cuts: Array.from({ length: dice.int(1, 4) }, () => dice.pick([1, 2, 3, 7, 30, 100, 1000])),
    bytes: dice.chance(75) ? join(parts) : mutated(dice, join(parts)),
  };
}

/** Tries the inputs of these seeds. */
export function fuzzHttp(first: number, count: number): Summary {
  return tryAll(first, count, drawHttp, wrongWithHttp);
}
