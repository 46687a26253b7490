/**
 * Requests of HTTP/1.1 in a stream of bytes, however it was cut: RFC 9112, and less than it allows. What two
 * readers of the same bytes may understand differently is refused, and nothing behind it is read. Pure:
 * nothing here knows of sockets, JSON-RPC or time.
 *
 * @module
 */

import { ByteQueue, EMPTY } from "../framing/byte_queue.ts";
import {
  bad,
  type BadRequest,
  fieldIn,
  headTooLong,
  isAll,
  parseHead,
  type RequestHead,
  type RequestLimits,
  tooManyLines,
  VALUE,
} from "./head.ts";
import { type KnownHead, KnownHeads } from "./known_heads.ts";

/** The whole body of the last head; empty if it has none. Valid until the next part is asked for. */
export interface RequestBody {
  readonly kind: "body";
  readonly bytes: Uint8Array;
}

/** A part of the stream. */
export type RequestPart = RequestHead | RequestBody | BadRequest;

const LF = 10, CR = 13, SEMICOLON = 0x3b;

/** Bytes of a line that says how long a chunk is, with its extensions. */
const MAX_SIZE_LINE = 256;

/** Hexadecimal digits of the size of a chunk. */
const MAX_SIZE_DIGITS = 8;

/** Bytes that each chunk may take beside its data, without counting as more than chunks need. */
const CHUNK_COST = 16;

/** A byte is one unit in it, so that places in bytes and text are the same. Only ASCII is compared. */
const latin1 = /* @__PURE__ */ new TextDecoder("latin1");

/** Finds requests. Used as a `Decoder` of a framing is. */
export class RequestDecoder {
  readonly #limits: RequestLimits;
  #chunk: Uint8Array = EMPTY;
  #at = 0;
  #state: "head" | "body" | "size" | "data" | "dataEnd" | "trailer" | "failed" = "head";
  /** A head, or a line of the chunked coding, as far as it lies in earlier pieces. */
  readonly #block = new ByteQueue();
  /** Of the head so far: bytes that were looked at, and where its last line begins. */
  #looked = 0;
  #lineStart = 0;
  /** Whether the empty line that may stand before a request was there. */
  #hasSkipped = false;
  readonly #body = new ByteQueue();
  /** Bytes of the body, or of the chunk, that are to come. */
  #missing = 0;
  /** Lines of the trailer, and bytes of the chunked coding beyond what it needs. */
  #lines = 0;
  #excess = 0;
  readonly #heads: KnownHeads;
  /** The last head, if it is known. */
  #last: KnownHead | undefined;

  /** @param heads those that connections with the same limits have read */
  constructor(limits: RequestLimits, heads: KnownHeads = new KnownHeads()) {
    this.#limits = limits;
    this.#heads = heads;
  }

  /** Whether a request has begun and not ended. */
  get midway(): boolean {
    return this.#state !== "head" || this.#block.length > 0;
  }

  /** Whether it is its body that is to come. */
  get isInBody(): boolean {
    return this.#state !== "head";
  }

  /** Bytes that are kept of it. */
  get held(): number {
    return this.#block.length + this.#body.length;
  }

  /** Lends bytes that arrived. All pushed before must have been looked at. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** What was lent and not looked at: after an upgrade it belongs to another protocol. */
  get rest(): Uint8Array {
    return this.#chunk.subarray(this.#at);
  }

  /** The next part; undefined means that more bytes are needed. */
  next(): RequestPart | undefined {
    for (;;) {
      switch (this.#state) {
        case "head":
          return this.#head();
        case "body": {
          if (this.#missing > this.#limits.maxMessageBytes) return this.#tooLong();
          const bytes = this.#take(this.#missing);
          return bytes && this.#end(bytes);
        }
        case "size": {
          const size = this.#size();
          if (typeof size !== "number") return size && this.#fail(size);
          if (this.#body.length + size > this.#limits.maxMessageBytes) return this.#tooLong();
          this.#missing = size;
          this.#state = size === 0 ? "trailer" : "data";
          break;
        }
        case "data": {
          const part = this.#chunk.subarray(this.#at, this.#at + this.#missing);
          this.#at += part.length;
          this.#missing -= part.length;
          this.#body.append(part);
          if (this.#missing > 0) return undefined;
          this.#missing = 2;
          this.#state = "dataEnd";
          break;
        }
        case "dataEnd":
          for (; this.#missing > 0; this.#missing--) {
            if (this.#at === this.#chunk.length) return undefined;
            if (this.#chunk[this.#at++] !== (this.#missing === 2 ? CR : LF)) {
              return this.#fail(bad(400, "a chunk is longer than its size says"));
            }
          }
          this.#state = "size";
          break;
        case "trailer": {
          const isLast = this.#trailer();
          if (typeof isLast !== "boolean") return isLast && this.#fail(isLast);
          if (isLast) return this.#end(this.#body.bytes);
          break;
        }
        case "failed":
          return undefined;
      }
    }
  }

  #end(bytes: Uint8Array): RequestBody {
    this.#state = "head";
    this.#hasSkipped = false;
    this.#lines = this.#excess = 0;
    return { kind: "body", bytes };
  }

  #fail(reason: BadRequest): BadRequest {
    this.#state = "failed";
    this.#block.free();
    this.#body.free();
    return reason;
  }

  #tooLong(): BadRequest {
    const { maxMessageBytes } = this.#limits;
    return this.#fail(bad(413, `the body is longer than ${maxMessageBytes} bytes`));
  }

  // ---- The head ------------------------------------------------------------------------------

  #head(): RequestHead | BadRequest | undefined {
    this.#body.free(); // the last one has been used
    const { maxHttpHeadBytes: max } = this.#limits, before = this.#block.length;
    const from = this.#at, last = this.#last;
    // A head has one end: what begins with the bytes of a whole one begins with that one.
    if (before === 0 && last !== undefined && beginsWith(this.#chunk, from, last.bytes)) {
      this.#at += last.bytes.length;
      return this.#begin(last.head);
    }
    let bytes = before === 0 ? this.#chunk.subarray(from) : this.#chunk.subarray(from, from + max);
    if (bytes.length === 0) return undefined;
    if (before > 0) {
      this.#block.append(bytes);
      bytes = this.#block.bytes;
    }
    for (;;) {
      const lf = bytes.indexOf(LF, this.#looked), end = lf + 1;
      // Whatever else is wrong with it: this is found first, however the bytes were cut.
      if (end > max || lf < 0 && bytes.length > max) return this.#fail(headTooLong(max));
      if (lf < 0) {
        if (before === 0) this.#block.append(bytes);
        this.#looked = bytes.length;
        this.#at = this.#chunk.length;
        return undefined;
      }
      if (lf === this.#lineStart || bytes[lf - 1] !== CR) {
        return this.#fail(bad(400, "a line does not end with CR LF"));
      }
      const isEmpty = lf === this.#lineStart + 1;
      this.#looked = this.#lineStart = end;
      if (!isEmpty) continue;
      this.#looked = this.#lineStart = 0;
      this.#at = from + end - before;
      if (end > 2) {
        const head = this.#parse(bytes.subarray(0, end));
        this.#block.free();
        return head;
      }
      this.#block.free();
      if (this.#hasSkipped) return this.#fail(bad(400, "there are empty lines before the request"));
      this.#hasSkipped = true;
      return this.#head();
    }
  }

  #parse(bytes: Uint8Array): RequestHead | BadRequest {
    const text = latin1.decode(bytes);
    this.#last = this.#heads.find(text);
    if (this.#last !== undefined) return this.#begin(this.#last.head);
    const head = parseHead(text, bytes, this.#limits);
    if (head.kind === "bad") return this.#fail(head);
    this.#last = this.#heads.add(text, head, bytes);
    return this.#begin(head);
  }

  #begin(head: RequestHead): RequestHead {
    this.#state = head.length < 0 ? "size" : "body";
    this.#missing = Math.max(0, head.length);
    return head;
  }

  // ---- The body ------------------------------------------------------------------------------

  #take(size: number): Uint8Array | undefined {
    const part = this.#chunk.subarray(this.#at, this.#at + size);
    this.#at += part.length;
    this.#missing -= part.length;
    if (this.#missing === 0 && this.#body.length === 0) return part;
    this.#body.append(part);
    return this.#missing === 0 ? this.#body.bytes : undefined;
  }

  /** A line of at most so many bytes, without its end. Clear the block once it has been used. */
  #line(max: number): Uint8Array | BadRequest | undefined {
    const lf = this.#chunk.indexOf(LF, this.#at), end = lf < 0 ? this.#chunk.length : lf + 1;
    if (this.#block.length + end - this.#at > max) {
      return bad(400, "a line of the chunked body is too long");
    }
    let line = this.#chunk.subarray(this.#at, end);
    this.#at = end;
    if (lf < 0 || this.#block.length > 0) {
      this.#block.append(line);
      line = this.#block.bytes;
    }
    if (lf < 0) return undefined;
    return line[line.length - 2] === CR
      ? line.subarray(0, -2)
      : bad(400, "a line does not end with CR LF");
  }

  /** How long the next chunk is. Extensions (RFC 9112, section 7.1.1) mean nothing. */
  #size(): number | BadRequest | undefined {
    const line = this.#line(MAX_SIZE_LINE);
    if (line === undefined || "kind" in line) return line;
    let size = 0, digits = 0;
    for (let digit; (digit = HEX[line[digits] ?? LF]!) >= 0; digits++) size = size * 16 + digit;
    if (digits === 0) return bad(400, "a chunk has no size");
    if (digits > MAX_SIZE_DIGITS) return bad(400, "the size of a chunk is too long");
    if (digits < line.length && line[digits] !== SEMICOLON) {
      return bad(400, "the size of a chunk is not hexadecimal");
    }
    if (!isAll(VALUE, line, digits, line.length)) {
      return bad(400, "the extension of a chunk is no text");
    }
    this.#excess += Math.max(0, line.length + 4 - CHUNK_COST - size);
    if (this.#excess > this.#limits.maxHttpHeadBytes) {
      return bad(400, "the chunked body is mostly not data");
    }
    this.#block.clear();
    return size;
  }

  /** One line of the trailer, which means nothing: whether it was the last. */
  #trailer(): boolean | BadRequest | undefined {
    const { maxHttpHeadBytes, maxHttpHeadLines } = this.#limits;
    const line = this.#line(maxHttpHeadBytes);
    if (line === undefined || "kind" in line) return line;
    if (line.length > 0) {
      if (++this.#lines > maxHttpHeadLines) return tooManyLines(maxHttpHeadLines);
      if (fieldIn(line, 0, line.length) === undefined) {
        return bad(400, "a line of the trailer is no header");
      }
      this.#excess += line.length;
      if (this.#excess > maxHttpHeadBytes) return headTooLong(maxHttpHeadBytes);
    }
    this.#block.clear();
    return line.length === 0;
  }
}

/** The value of each byte as a hexadecimal digit; -1 if it is none. */
const HEX = Int8Array.from({ length: 256 }, (_, byte) => {
  const digit = "0123456789abcdef".indexOf(String.fromCharCode(byte).toLowerCase());
  return byte < 128 ? digit : -1;
});

function beginsWith(bytes: Uint8Array, from: number, start: Uint8Array): boolean {
  if (bytes.length - from < start.length) return false;
  for (let i = 0; i < start.length; i++) if (bytes[from + i] !== start[i]) return false;
  return true;
}
