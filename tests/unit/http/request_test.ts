import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { RequestLimits } from "../../../lib/http/head.ts";
import { KnownHeads } from "../../../lib/http/known_heads.ts";
import { RequestDecoder, type RequestPart } from "../../../lib/http/request.ts";
import { Dice } from "../../support/dice.ts";
import { bytesOf, join } from "../../support/raw.ts";

const LIMITS: RequestLimits = {
  maxHttpHeadBytes: 16384,
  maxHttpHeadLines: 100,
  maxMessageBytes: 1 << 20,
};

/** Parts as they are compared: a head by its first line and its length, a body by its text. */
function told(part: RequestPart): string {
  switch (part.kind) {
    case "head":
      return `${part.method} ${part.target} ${part.length}${part.keepsAlive ? "" : " end"}`;
    case "body":
      return `body ${new TextDecoder().decode(part.bytes)}`;
    case "bad":
      return `bad ${part.status}`;
  }
}

/** What a decoder makes of chunks. Each is lent, and overwritten once it has been looked at. */
function decode(chunks: readonly Uint8Array[], limits = LIMITS): string[] {
  const decoder = new RequestDecoder(limits), parts: string[] = [];
  for (const chunk of chunks) {
    const lent = chunk.slice();
    decoder.push(lent);
    for (let part; (part = decoder.next()) !== undefined;) parts.push(told(part));
    lent.fill(0x2a);
  }
  return parts;
}

function cut(bytes: Uint8Array, ...places: readonly number[]): Uint8Array[] {
  const all = [0, ...places, bytes.length];
  return all.slice(1).map((place, index) => bytes.subarray(all[index], place));
}

const H = "Host: a\r\n";
const CHUNKED = `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n`;
const AFTER = `GET /after HTTP/1.1\r\n${H}\r\n`;

/** A request, or what is none, and the parts of it; what is bad is followed by nothing. */
const TABLE: readonly (readonly [name: string, bytes: string | Uint8Array, ...parts: string[]])[] =
  [
    ["no body", `GET / HTTP/1.1\r\n${H}\r\n`, "GET / 0", "body "],
    ["a body", `POST / HTTP/1.1\r\n${H}Content-Length: 2\r\n\r\n{}`, "POST / 2", "body {}"],
    [
      "two in a row",
      `POST /1 HTTP/1.1\r\n${H}Content-Length: 2\r\n\r\n{}POST /2 HTTP/1.1\r\n${H}Content-Length: 2\r\n\r\n[]`,
      "POST /1 2",
      "body {}",
      "POST /2 2",
      "body []",
    ],
    [
      "names in any case, and tabs around values",
      "POST / HTTP/1.1\r\nhOST:\ta\t\r\nCONTENT-length:\t 2 \t\r\n\r\n{}",
      "POST / 2",
      "body {}",
    ],
    [
      "GET with a body, then another request",
      `GET / HTTP/1.1\r\n${H}Content-Length: 3\r\n\r\nabc${AFTER}`,
      "GET / 3",
      "body abc",
      "GET /after 0",
      "body ",
    ],
    ["one empty line before", `\r\n${AFTER}`, "GET /after 0", "body "],
    ["two empty lines before", `\r\n\r\n${AFTER}`, "bad 400"],
    [
      "an empty line between two",
      `${AFTER}\r\n${AFTER}`,
      "GET /after 0",
      "body ",
      "GET /after 0",
      "body ",
    ],
    ["HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET / 0 end", "body "],
    ["HTTP/1.0 that stays", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / 0", "body "],
    [
      "a connection that ends",
      `GET / HTTP/1.1\r\n${H}Connection: x, Close\r\n\r\n`,
      "GET / 0 end",
      "body ",
    ],
    ["the form with a host", `GET http://a/x HTTP/1.1\r\n${H}\r\n`, "GET http://a/x 0", "body "],
    [
      "a value with bytes beyond ASCII",
      `GET / HTTP/1.1\r\n${H}X: \u00e9\r\n\r\n`,
      "GET / 0",
      "body ",
    ],
    // Chunks.
    ["chunks", `${CHUNKED}2\r\n{}\r\n0\r\n\r\n`, "POST / -1", "body {}"],
    [
      "chunks with all that they may have, and another request",
      `${CHUNKED}00A;x=y;z="q"\r\n0123456789\r\n1\r\na\r\n0;e\r\nX-Trailer: 1\r\n\r\n${AFTER}`,
      "POST / -1",
      "body 0123456789a",
      "GET /after 0",
      "body ",
    ],
    ...["27 ", "0x27", "+27", "0_27", "-1", "", " 27", "123456789", "g", "\t2"].map((size) =>
      [
        `a chunk with the size ${JSON.stringify(size)}`,
        `${CHUNKED}${size}\r\n{}\r\n0\r\n\r\n`,
        "POST / -1",
        "bad 400",
      ] as const
    ),
    ["a chunk size ended by LF", `${CHUNKED}2\n{}\r\n0\r\n\r\n`, "POST / -1", "bad 400"],
    ["LF in an extension", `${CHUNKED}2;a\nb\r\n{}\r\n0\r\n\r\n`, "POST / -1", "bad 400"],
    ["CR in an extension", `${CHUNKED}2;a\rb\r\n{}\r\n0\r\n\r\n`, "POST / -1", "bad 400"],
    ["data longer than its size", `${CHUNKED}2\r\n{}}\r\n0\r\n\r\n`, "POST / -1", "bad 400"],
    ["data without its end", `${CHUNKED}2\r\n{}0\r\n\r\n`, "POST / -1", "bad 400"],
    ["data ended by LF", `${CHUNKED}2\r\n{}\n0\r\n\r\n`, "POST / -1", "bad 400"],
    ["a bad trailer", `${CHUNKED}0\r\nno header\r\n\r\n`, "POST / -1", "bad 400"],
    ["a long line of a size", `${CHUNKED}2;${"x".repeat(300)}\r\n{}\r\n`, "POST / -1", "bad 400"],
    [
      "chunks that are mostly extensions",
      CHUNKED + `1;${"x".repeat(200)}\r\na\r\n`.repeat(100),
      "POST / -1",
      "bad 400",
    ],
    ["too many trailers", `${CHUNKED}0\r\n${"a: b\r\n".repeat(101)}\r\n`, "POST / -1", "bad 431"],
    // What two readers may understand differently.
    [
      "the same length twice",
      `POST / HTTP/1.1\r\n${H}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`,
      "bad 400",
    ],
    [
      "two lengths",
      `POST / HTTP/1.1\r\n${H}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
      "bad 400",
    ],
    ...["", "+2", "-2", "2, 2", "0x2", "2 2", "2.0", "12345678901", "\u0662"].map((length) =>
      [
        `the length ${JSON.stringify(length)}`,
        `POST / HTTP/1.1\r\n${H}Content-Length: ${length}\r\n\r\n{}`,
        "bad 400",
      ] as const
    ),
    [
      "a length and chunks",
      `POST / HTTP/1.1\r\n${H}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}`,
      "bad 400",
    ],
    ...["identity, chunked", "gzip, chunked", "chunked, chunked", "identity", "xchunked", ""].map(
      (coding) =>
        [
          `the coding ${JSON.stringify(coding)}`,
          `POST / HTTP/1.1\r\n${H}Transfer-Encoding: ${coding}\r\n\r\n`,
          "bad 501",
        ] as const,
    ),
    [
      "chunks twice",
      `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
      "bad 400",
    ],
    ["chunks in HTTP/1.0", `POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n`, "bad 400"],
    ["a folded line", `GET / HTTP/1.1\r\n${H}X: a\r\n b\r\n\r\n`, "bad 400"],
    ["an empty name", `GET / HTTP/1.1\r\n${H}: a\r\n\r\n`, "bad 400"],
    ["no colon", `GET / HTTP/1.1\r\n${H}X\r\n\r\n`, "bad 400"],
    ["a space before the colon", `GET / HTTP/1.1\r\n${H}X : a\r\n\r\n`, "bad 400"],
    ["a space before the first name", `GET / HTTP/1.1\r\n ${H}\r\n`, "bad 400"],
    ["a tab before the first name", `GET / HTTP/1.1\r\n\t${H}\r\n`, "bad 400"],
    ["a name beyond ASCII", `GET / HTTP/1.1\r\n${H}\u00e9: a\r\n\r\n`, "bad 400"],
    ["NUL in a value", `GET / HTTP/1.1\r\n${H}X: a\0b\r\n\r\n`, "bad 400"],
    ["NUL in a name", `GET / HTTP/1.1\r\n${H}X\0: a\r\n\r\n`, "bad 400"],
    ["CR in a value", `GET / HTTP/1.1\r\n${H}X: a\rb\r\n\r\n`, "bad 400"],
    ["CR CR LF", `GET / HTTP/1.1\r\n${H}X: a\r\r\n\r\n`, "bad 400"],
    ["LF alone everywhere", "GET / HTTP/1.1\nHost: a\n\n", "bad 400"],
    ["LF alone after one line", `GET / HTTP/1.1\r\n${H}X: a\nY: b\r\n\r\n`, "bad 400"],
    ["LF alone as the end", `GET / HTTP/1.1\r\n${H}\n`, "bad 400"],
    ["no host", "GET / HTTP/1.1\r\n\r\n", "bad 400"],
    ["two hosts", `GET / HTTP/1.1\r\n${H}${H}\r\n`, "bad 400"],
    ["two types", `POST / HTTP/1.1\r\n${H}Content-Type: a\r\nContent-Type: a\r\n\r\n`, "bad 400"],
    // First lines.
    ["no version", "POST / \r\nHost: a\r\n\r\n", "bad 400"],
    ["neither version nor space", "POST /\r\nHost: a\r\n\r\n", "bad 400"],
    ["HTTP/2", "POST / HTTP/2.0\r\nHost: a\r\n\r\n", "bad 505"],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "bad 505"],
    ["HTTP/1.2", "POST / HTTP/1.2\r\nHost: a\r\n\r\n", "bad 505"],
    ["http/1.1", "POST / http/1.1\r\nHost: a\r\n\r\n", "bad 400"],
    ["HTTP/1.11", "POST / HTTP/1.11\r\nHost: a\r\n\r\n", "bad 400"],
    ["two spaces", "POST  / HTTP/1.1\r\nHost: a\r\n\r\n", "bad 400"],
    ["a space behind the version", "POST / HTTP/1.1 \r\nHost: a\r\n\r\n", "bad 400"],
    ["a tab for a space", "POST\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "bad 400"],
    ["a target beyond ASCII", "POST /\u00e9 HTTP/1.1\r\nHost: a\r\n\r\n", "bad 400"],
    ["a method that is no name", "PO(ST / HTTP/1.1\r\nHost: a\r\n\r\n", "bad 400"],
    ["CONNECT", `CONNECT a:1 HTTP/1.1\r\n${H}\r\n`, "CONNECT a:1 0", "body "],
    // Limits.
    ["a long head", `GET / HTTP/1.1\r\n${H}X: ${"a".repeat(17000)}\r\n\r\n`, "bad 431"],
    ["a head without end", `GET / HTTP/1.1\r\n${H}X: ${"a".repeat(17000)}`, "bad 431"],
    ["many lines", `GET / HTTP/1.1\r\n${H}${"a: b\r\n".repeat(2000)}\r\n`, "bad 431"],
    [
      "a body that is too long",
      `POST / HTTP/1.1\r\n${H}Content-Length: 1048577\r\n\r\n`,
      "POST / 1048577",
      "bad 413",
    ],
    ["chunks that are too long", `${CHUNKED}100001\r\n`, "POST / -1", "bad 413"],
  ];

for (const [name, text, ...parts] of TABLE) {
  Deno.test(`RequestDecoder finds ${JSON.stringify(parts.at(-1))} when it reads ${name}`, () => {
    const bytes = bytesOf(text);
    assertEquals(decode([bytes]), parts);
    // However it is cut. Of what is long only the ends are, beside one byte at a time.
    const last = bytes.length - 1;
    for (let at = 1; at < bytes.length; at++) {
      if (at > 400 && at < last - 400) continue;
      assertEquals(decode(cut(bytes, at)), parts, `cut at ${at}`);
    }
    assertEquals(decode(Array.from(bytes, (byte) => Uint8Array.of(byte))), parts);
  });
}

Deno.test("RequestDecoder gives the same parts when a stream is cut at any two places", () => {
  const stream = bytesOf(
    `\r\n${AFTER}\r\n${CHUNKED}2;a=b\r\n{}\r\n0\r\nT: 1\r\n\r\n` +
      `POST /x HTTP/1.1\r\n${H}Content-Length: 2\r\n\r\n[]\r\n`,
  );
  const parts = decode([stream]);
  assertEquals(parts.length, 6);
  for (let a = 0; a < stream.length; a += 3) {
    for (let b = a; b < stream.length; b += 7) {
      assertEquals(decode(cut(stream, a, b)), parts, `cut at ${a} and ${b}`);
    }
  }
});

Deno.test("RequestDecoder gives the same parts when random bytes are cut at random", () => {
  const dice = new Dice(18);
  const words = [
    "GET ",
    "POST ",
    "/ ",
    "HTTP/1.1\r\n",
    "HTTP/1.0\r\n",
    "\r\n",
    "\n",
    "\r",
    H,
    "\r\n\r\n",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "abc",
    ":",
    " ",
    "\t",
    "\0",
    "X: y\r\n",
    "ffffffff\r\n",
    "1;e\r\n",
  ];
  const limits = { maxHttpHeadBytes: 120, maxHttpHeadLines: 4, maxMessageBytes: 40 };
  for (let round = 0; round < 4000; round++) {
    const start = dice.chance(80) ? `POST / HTTP/1.1\r\n${H}` : "";
    const text = start + Array.from({ length: dice.int(1, 14) }, () => dice.pick(words)).join("");
    const bytes = bytesOf(text), parts = decode([bytes], limits);
    const places = Array.from({ length: dice.int(0, 5) }, () => dice.int(0, bytes.length));
    const pieces = cut(bytes, ...places.sort((a, b) => a - b));
    assertEquals(decode(pieces, limits), parts, JSON.stringify([text, places]));
    assertEquals(decode(Array.from(bytes, (byte) => Uint8Array.of(byte)), limits), parts, text);
  }
});

Deno.test("RequestDecoder keeps at most a head and a body when it is sent both without end", () => {
  const decoder = new RequestDecoder({ ...LIMITS, maxMessageBytes: 100 });
  let held = 0;
  decoder.push(bytesOf(CHUNKED));
  decoder.next();
  for (let i = 0; i < 1000; i++) {
    decoder.push(bytesOf("1\r\na\r\n"));
    decoder.next();
    held = Math.max(held, decoder.held);
  }
  assertEquals([held, decoder.held], [100, 0]);
});

Deno.test("RequestDecoder.rest is what lies behind a head when it has no body", () => {
  const decoder = new RequestDecoder(LIMITS);
  decoder.push(join([bytesOf(AFTER), Uint8Array.of(0x81, 0x80)]));
  decoder.next();
  assertEquals(decoder.next()?.kind, "body");
  assertEquals(decoder.rest, Uint8Array.of(0x81, 0x80));
});

Deno.test("RequestDecoder reads a head once that connections of a server send again and again", () => {
  const heads = new KnownHeads();
  const read = (text: string) => {
    const decoder = new RequestDecoder(LIMITS, heads);
    decoder.push(bytesOf(text + text)); // twice on each connection
    const [first, , second] = [decoder.next(), decoder.next(), decoder.next()];
    assertStrictEquals(first, second);
    return first;
  };
  const first = read(AFTER);
  assertStrictEquals(read(AFTER), first);
  assertEquals(told(read(AFTER.replace("/after", "/other"))!), "GET /other 0");
  // 64 are kept, so that nobody can have us keep many.
  for (let i = 0; i < 62; i++) read(`GET /${i} HTTP/1.1\r\n${H}\r\n`);
  assertStrictEquals(read(AFTER), first);
  read(`GET /64 HTTP/1.1\r\n${H}\r\n`);
  assert(read(AFTER) !== first);
});

Deno.test("RequestDecoder keeps no long head for other connections", () => {
  const heads = new KnownHeads(), long = AFTER.replace(H, `${H}X: ${"x".repeat(1 << 10)}\r\n`);
  const [first, second] = [1, 2].map(() => {
    const decoder = new RequestDecoder(LIMITS, heads);
    decoder.push(bytesOf(long));
    return decoder.next();
  });
  assertEquals(told(first!), "GET /after 0");
  assert(first !== second);
});
