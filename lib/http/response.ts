/**
 * Answers of HTTP/1.1 as text: heads, whole answers, and the parts of one that goes on. Pure.
 *
 * @module
 */

import type { Framing, Reserve } from "../framing/frame.ts";
import { encodeUtf8, utf8Length } from "../framing/utf8.ts";

/** What the statuses that are answered are called. */
const PHRASES: Readonly<Record<number, string>> = {
  101: "Switching Protocols",
  200: "OK",
  202: "Accepted",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

/** The types of what is answered. */
export const JSON_TYPE = "application/json";
export const TEXT_TYPE = "text/plain; charset=utf-8";
export const EVENTS_TYPE = "text/event-stream";
export const LINES_TYPE = "application/x-ndjson";

/** Tells the client that the body comes later, if it waits to be told (RFC 9110, section 10.1.1). */
export const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** What an answer has besides its status. */
export interface Answer {
  /** Lines of the header, each with its CR LF. */
  readonly headers?: string;
  readonly type?: string;
  readonly body?: string;
  /** Bytes in place of a body: they are counted, and sent by themselves. */
  readonly bytes?: Uint8Array;
  /** Whether it answers HEAD: the body is counted and not sent. */
  readonly isHead?: boolean;
  /** What is said of the connection: `close`, or `keep-alive` to HTTP/1.0. */
  readonly connection?: string;
}

/** A whole answer. */
export function answer(
  status: number,
  date: string,
  { headers = "", type, body = "", bytes, isHead = false, connection }: Answer,
): string {
  // 204 and 304 have no body, and no length of one (RFC 9110, section 8.6).
  const length = status === 204 || status === 304
    ? ""
    : `Content-Length: ${bytes?.length ?? utf8Length(body)}\r\n`;
  const head = headOf(status, date, type, connection) + headers + length + "\r\n";
  return isHead ? head : head + body;
}

/** The head of an answer that goes on: its parts are chunks, and {@linkcode LAST_CHUNK} ends it. */
export function openHead(
  date: string,
  type: string,
  headers: string,
  connection: string | undefined,
): string {
  return headOf(200, date, type, connection) + headers +
    "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n";
}

function headOf(
  status: number,
  date: string,
  type: string | undefined,
  connection: string | undefined,
): string {
  return `HTTP/1.1 ${status} ${PHRASES[status]}\r\nDate: ${date}\r\n` + NOSNIFF +
    (type === undefined ? "" : `Content-Type: ${type}\r\n`) +
    (connection === undefined ? "" : `Connection: ${connection}\r\n`);
}

/** What a browser is told with each answer: it is of the type that it says. */
const NOSNIFF = "X-Content-Type-Options: nosniff\r\n";

/** One part of an answer that goes on. */
export function chunk(text: string): string {
  return `${utf8Length(text).toString(16)}\r\n${text}\r\n`;
}

export const LAST_CHUNK = "0\r\n\r\n";

/** A message as a Server-Sent Event: JSON has no line ends in it, nor has an id that is good for one. */
export function event(message: string, id?: string): string {
  const isGood = id !== undefined && !/[\r\n\0]/.test(id);
  return isGood ? `id: ${id}\ndata: ${message}\n\n` : `data: ${message}\n\n`;
}

/** An event that says nothing: the connection is still there. */
export const SILENCE = ":\n\n";

/**
 * Stands for the head of the usual answer, `200` with JSON, before a text that is its body. It is empty, so that
 * a writer never ends a write behind it.
 */
export const USUAL = "";

/**
 * Writes answers. Where a text is {@linkcode USUAL} the next one is a body, and its head is made while it is
 * written, on the guess that a unit is a byte, and once more where it is not. Any other text goes out as it is.
 */
export class Answers implements Pick<Framing, "encode"> {
  #date = "";
  /** Until when it is true. */
  #dateEnd = 0;

  /** The time, as a header has it. */
  get date(): string {
    const now = Date.now();
    if (now >= this.#dateEnd || now < this.#dateEnd - 1000) {
      this.#dateEnd = now - now % 1000 + 1000;
      this.#date = new Date(now).toUTCString();
    }
    return this.#date;
  }

  encode(texts: readonly string[], reserve: Reserve): Uint8Array<ArrayBuffer> {
    const guess = this.#join(texts, (text) => text.length), bytes = encodeUtf8(guess, reserve);
    return bytes.length === guess.length
      ? bytes
      : encodeUtf8(this.#join(texts, utf8Length), reserve);
  }

  /** To look at a character of a text would have V8 copy all of it, which it has joined from parts. */
  #join(texts: readonly string[], sizeOf: (text: string) => number): string {
    let all = "";
    for (let i = 0; i < texts.length; i++) {
      if (texts[i] !== USUAL) all += texts[i];
      else {
        const body = texts[++i] ?? "";
        all += `${USUAL_HEAD}${this.date}\r\nContent-Length: ${sizeOf(body)}\r\n\r\n${body}`;
      }
    }
    return all;
  }
}

const USUAL_HEAD = `HTTP/1.1 200 OK\r\nContent-Type: ${JSON_TYPE}\r\n${NOSNIFF}Date: `;
