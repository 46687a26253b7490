/**
 * The ways in which a message stands in bytes: the library's own framings, HTTP and WebSocket. Each says which
 * bytes are the message's and which are the frame's, and reads what comes of them.
 *
 * @module
 */

import { ByteQueue } from "../../lib/framing/byte_queue.ts";
import type { Decoder, Framing, FramingLimits, Reserve } from "../../lib/framing/frame.ts";
import { headers } from "../../lib/framing/headers.ts";
import { json } from "../../lib/framing/json.ts";
import { lengthPrefix } from "../../lib/framing/length_prefix.ts";
import { decodeLoosely } from "../../lib/framing/utf8.ts";
import { websocket } from "../../lib/framing/websocket.ts";
import type { RequestLimits } from "../../lib/http/head.ts";
import { RequestDecoder } from "../../lib/http/request.ts";
import { answer, JSON_TYPE } from "../../lib/http/response.ts";

/** Which way a message goes: to the server, or from it. */
export type Direction = "out" | "in";

/** Bytes with one meaning. */
export interface Mark {
  readonly from: number;
  readonly to: number;
  /** Whether they are the message itself. */
  readonly isMessage: boolean;
  /** What they are, in words. */
  readonly what: string;
}

/** What a decoder found in a piece. */
export type Found =
  /** A whole message. */
  | { readonly kind: "message"; readonly text: string }
  /** A part that is no message, and is told at once: the head of an HTTP request. */
  | { readonly kind: "head"; readonly text: string }
  | { readonly kind: "fault"; readonly text: string };

/** Reads bytes as they come. */
export interface Reader {
  /** What became whole with this piece. */
  push(piece: Uint8Array): Found[];
  /** Bytes of a message that has begun and not ended. */
  readonly held: number;
}

/** One way to put messages into bytes. */
export interface Wire {
  readonly name: "lines" | "json" | "headers" | "length" | "http" | "websocket";
  readonly label: string;
  /** What a frame is. */
  readonly about: string;
  encode(texts: readonly string[], direction: Direction): { bytes: Uint8Array; marks: Mark[] };
  reader(direction: Direction): Reader;
}

/** The defaults of the library, as far as they matter here. */
const LIMITS: FramingLimits & RequestLimits = {
  maxMessageBytes: 1 << 20,
  maxDepth: 64,
  maxHeaderBytes: 4096,
  maxHeaderLines: 16,
  maxHttpHeadBytes: 16 << 10,
  maxHttpHeadLines: 100,
};

const encoder = new TextEncoder();

const reserve: Reserve = (bytes) => new Uint8Array(bytes);

/** All of them. */
export const WIRES: readonly Wire[] = [
  {
    name: "lines",
    label: "Lines",
    about:
      "One JSON text a line. A message ends where its bracket closes; the line feed is for people.",
    encode: (texts) =>
      framed(texts, (text) => json.encode([text], reserve), (size) => [
        { from: size - 1, to: size, isMessage: false, what: "the end of the line" },
      ]),
    reader: () => new FrameReader(json.decoder(LIMITS)),
  },
  {
    name: "json",
    label: "JSON alone",
    about: "JSON texts with nothing between them. A message ends where its bracket closes.",
    encode: (texts) => framed(texts, (text) => encoder.encode(text), () => []),
    reader: () => new FrameReader(json.decoder(LIMITS)),
  },
  {
    name: "headers",
    label: "Headers (LSP)",
    about: "Content-Length, an empty line, and that many bytes, as language servers speak.",
    encode: (texts) =>
      framed(texts, (text) => headers.encode([text], reserve), (size, text) => [
        {
          from: 0,
          to: size - encoder.encode(text).length,
          isMessage: false,
          what: "the header: how many bytes follow, and an empty line",
        },
      ]),
    reader: () => new FrameReader(headers.decoder(LIMITS)),
  },
  {
    name: "length",
    label: "Length",
    about: "Four bytes that say how many follow, the most significant first.",
    encode: (texts) =>
      framed(texts, (text) => lengthPrefix.encode([text], reserve), () => [
        { from: 0, to: 4, isMessage: false, what: "how many bytes follow" },
      ]),
    reader: () => new FrameReader(lengthPrefix.decoder(LIMITS)),
  },
  {
    name: "http",
    label: "HTTP",
    about: "A head with Content-Length, an empty line, and the message as the body.",
    encode: (texts, direction) =>
      framed(
        texts,
        (text) => encoder.encode(direction === "out" ? request(text) : response(text)),
        (size, text) => [{
          from: 0,
          to: size - encoder.encode(text).length,
          isMessage: false,
          what: "the head, which ends with an empty line",
        }],
      ),
    reader: (direction) => direction === "out" ? new RequestReader() : new AnswerReader(),
  },
  {
    name: "websocket",
    label: "WebSocket",
    about:
      "A head of 2 to 14 bytes, and the message. What a client sends is masked with a random key.",
    encode: (texts, direction) =>
      framed(
        texts,
        (text) => sender(direction).encode([text], reserve),
        (size, text) => headOf(size - encoder.encode(text).length, direction),
      ),
    reader: (direction) => new FrameReader(sender(direction).peer!.decoder(LIMITS)),
  },
];

function sender(direction: Direction): Framing {
  return direction === "out" ? websocket.client : websocket.server;
}

/** The marks of the head of a WebSocket frame: RFC 6455, section 5.2. */
function headOf(size: number, direction: Direction): Mark[] {
  const end = direction === "out" ? size - 4 : size, isMessage = false;
  return [
    { from: 0, to: 1, isMessage, what: "the last frame of a message, and a text" },
    { from: 1, to: end, isMessage, what: "whether it is masked, and how many bytes follow" },
    ...(direction === "out"
      ? [{ from: end, to: size, isMessage, what: "the key of the mask" }]
      : []),
  ];
}

/**
 * The bytes of messages, one frame each.
 *
 * @param marks says which bytes of a frame are its own; all others are the message
 */
function framed(
  texts: readonly string[],
  encode: (text: string) => Uint8Array,
  marks: (size: number, text: string) => readonly Mark[],
): { bytes: Uint8Array; marks: Mark[] } {
  const bytes = new ByteQueue(), all: Mark[] = [];
  for (const text of texts) {
    const frame = encode(text), start = bytes.length;
    let at = 0;
    const add = (from: number, to: number, isMessage: boolean, what: string) => {
      if (to > from) all.push({ from: start + from, to: start + to, isMessage, what });
    };
    for (const { from, to, what } of marks(frame.length, text)) {
      add(at, from, true, "the message");
      add(from, to, false, what);
      at = to;
    }
    add(at, frame.length, true, "the message");
    bytes.append(frame);
  }
  return { bytes: bytes.bytes.slice(), marks: all };
}

/** A request as `curl` sends it, without what curl says of itself. */
function request(text: string): string {
  const host = globalThis.location?.host || "localhost";
  return `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${encoder.encode(text).length}\r\n\r\n${text}`;
}

/** The answer as a server of ours sends it. */
function response(text: string): string {
  return answer(200, new Date().toUTCString(), { type: JSON_TYPE, body: text });
}

/** What a framing's own decoder makes of pieces. */
class FrameReader implements Reader {
  readonly #decoder: Decoder;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  get held(): number {
    return this.#decoder.held;
  }

  push(piece: Uint8Array): Found[] {
    const found: Found[] = [];
    this.#decoder.push(piece.slice()); // it may write in what it is lent
    for (let frame; (frame = this.#decoder.next()) !== undefined;) {
      found.push(
        typeof frame === "string"
          ? { kind: "message", text: frame }
          : { kind: "fault", text: frame.reason },
      );
    }
    return found;
  }
}

/** What the library's own reader of requests makes of pieces. */
class RequestReader implements Reader {
  readonly #decoder = new RequestDecoder(LIMITS);

  get held(): number {
    return this.#decoder.held;
  }

  push(piece: Uint8Array): Found[] {
    const found: Found[] = [];
    this.#decoder.push(piece.slice());
    for (let part; (part = this.#decoder.next()) !== undefined;) {
      if (part.kind === "head") {
        const text = `${part.method} ${part.target}, a body of ${part.length} bytes follows`;
        found.push({ kind: "head", text });
      } else if (part.kind === "body") {
        found.push({ kind: "message", text: decodeLoosely(part.bytes) });
      } else found.push({ kind: "fault", text: `${part.status}: ${part.reason}` });
    }
    return found;
  }
}

/** What a client makes of answers whose length stands in their head. */
class AnswerReader implements Reader {
  readonly #bytes = new ByteQueue();
  /** Bytes of the body that is to come; -1 if that is not known yet. */
  #length = -1;

  get held(): number {
    return this.#bytes.length;
  }

  push(piece: Uint8Array): Found[] {
    const found: Found[] = [];
    this.#bytes.append(piece);
    for (;;) {
      if (this.#length < 0) {
        const text = decodeLoosely(this.#bytes.bytes), end = text.indexOf("\r\n\r\n");
        if (end < 0) return found;
        const [, status] = /^HTTP\/1\.1 (\d{3}[^\r]*)/.exec(text) ?? [];
        const [, length] = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end)) ?? [];
        if (status === undefined || length === undefined) {
          this.#bytes.clear();
          return [...found, { kind: "fault", text: "this is no answer with a length" }];
        }
        this.#length = Number(length);
        this.#bytes.drop(end + 4); // a head is ASCII
        found.push({ kind: "head", text: `${status}, a body of ${length} bytes follows` });
      }
      if (this.#bytes.length < this.#length) return found;
      const body = this.#bytes.bytes.slice(0, this.#length);
      found.push({ kind: "message", text: decodeLoosely(body) });
      this.#bytes.drop(this.#length);
      this.#length = -1;
      if (this.#bytes.length === 0) return found;
    }
  }
}
