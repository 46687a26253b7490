/**
 * The bytes of a WebSocket to messages, and to what the framing itself asks for.
 *
 * @module
 */

import { ByteQueue, EMPTY } from "./byte_queue.ts";
import { NORMAL, NOT_UTF8, POLICY, PROTOCOL_ERROR, TOO_BIG } from "./close_code.ts";
import type { BadFrame, ControlFrame, Decoder, Frame, FramingLimits } from "./frame.ts";
import { decodeUtf8 } from "./utf8.ts";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  controlFrame,
  FIN,
  IN_EIGHT,
  IN_TWO,
  keyAt,
  MASKED,
  MAX_CONTROL,
  PING,
  PONG,
  RESERVED,
  TEXT,
  unmask,
} from "./websocket_frame.ts";

/** Bytes of a payload up to which frames are worth decoding together. */
const SMALL = 4096;

/**
 * Fragments of a message that may be tiny. Beyond them each must bring this many bytes on average, so that
 * nobody sends a message without end in frames that hold nothing.
 */
const MAX_TINY = 1024;
const TINY = 64;

/** Stands in a text where the head of a frame was; JSON holds none. */
const MARK = 1;
const MARK_TEXT = "\x01";

/** Finds the messages that one end of a WebSocket sends. */
export class WebSocketDecoder implements Decoder {
  readonly #limits: FramingLimits;
  /** Whether the peer is a client, and masks. */
  readonly #isMasked: boolean;
  /** Bytes that were lent, and how far they have been looked at. */
  #chunk: Uint8Array = EMPTY;
  #at = 0;
  /** What was decoded together, and how much of it was taken. */
  #run: Frame[] = [];
  #taken = 0;
  /** The head of a frame as it comes in. */
  readonly #head = new ByteQueue();
  /** The frame whose head has come: its opcode, -1 where there is none, and how much of it is to come. */
  #opcode = -1;
  #isLast = false;
  #missing = 0;
  /** Its key, and which byte of it is next. */
  #key = 0;
  #turn = 0;
  /** The opcode of the message that has begun, 0 where none has; how many frames it has; what has come of it. */
  #message = 0;
  #fragments = 0;
  readonly #parts = new ByteQueue();
  /** What has come of a control frame: it may stand between the frames of a message. */
  readonly #control = new ByteQueue();
  #hasEnded = false;

  constructor(limits: FramingLimits, isMasked: boolean) {
    this.#limits = limits;
    this.#isMasked = isMasked;
  }

  get held(): number {
    return this.#head.length + this.#parts.length + this.#control.length;
  }

  get midway(): boolean {
    return this.#message !== 0 || this.#opcode >= 0 || this.#head.length > 0;
  }

  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  next(): Frame | undefined {
    for (;;) {
      if (this.#taken < this.#run.length) return this.#run[this.#taken++];
      if (this.#hasEnded || this.#at === this.#chunk.length && this.#opcode < 0) return undefined;
      if (this.#opcode < 0) {
        if (this.#head.length === 0) {
          this.#passPongs();
          if (this.#message === 0 && this.#decodeRun()) continue;
        }
        const bad = this.#readHead();
        if (bad !== undefined) return bad;
        if (this.#opcode < 0) return undefined;
      }
      const frame = this.#opcode >= CLOSE ? this.#readControl() : this.#readData();
      if (frame !== undefined) return frame;
      if (this.#opcode >= 0) return undefined; // it goes on in the next chunk
    }
  }

  /**
   * Decodes in one go the small whole messages that come next: unmasked where they are, with marks over
   * the heads between them.
   */
  #decodeRun(): boolean {
    const chunk = this.#chunk, begin = this.#at, masked = this.#isMasked ? MASKED : 0;
    const max = Math.min(SMALL, this.#limits.maxMessageBytes);
    const bounds: number[] = [];
    let at = begin;
    while (at + 2 < chunk.length && (chunk[at] === (FIN | TEXT) || chunk[at] === (FIN | BINARY))) {
      let size = chunk[at + 1]! ^ masked, from = at + 2;
      if (size === IN_TWO) {
        size = chunk[from]! << 8 | chunk[from + 1]!;
        from += 2;
        if (size < IN_TWO) break;
      } else if (size > IN_TWO) break;
      if (masked !== 0) from += 4;
      const end = from + size;
      if (size === 0 || size > max || !(end <= chunk.length)) break;
      if (masked !== 0) unmask(chunk, from, end, keyAt(chunk, from - 4), 0);
      bounds.push(from, end);
      at = end;
    }
    if (at === begin) return false;
    this.#at = at;
    this.#taken = 0;
    if (bounds.length === 2) {
      this.#run = [this.#textOf(chunk.subarray(bounds[0], at))];
      return true;
    }
    for (let i = 2; i < bounds.length; i += 2) chunk.fill(MARK, bounds[i - 1], bounds[i]);
    const start = bounds[0]!, all = decodeUtf8(chunk.subarray(start, at));
    const isAscii = all !== undefined && all.length === at - start;
    this.#run = isAscii
      ? cut(all, bounds)
      : all !== undefined && cutAtMarks(all, bounds) || this.#decodeApart(bounds);
    return true;
  }

  /** Decodes messages one by one: one of them is not UTF-8, or holds a mark. */
  #decodeApart(bounds: readonly number[]): Frame[] {
    const run: Frame[] = [];
    for (let i = 0; i < bounds.length && !this.#hasEnded; i += 2) {
      run.push(this.#textOf(this.#chunk.subarray(bounds[i], bounds[i + 1])));
    }
    return run;
  }

  /** Passes over pongs: they say nothing, so that a flood of them should cost nothing. */
  #passPongs(): void {
    const chunk = this.#chunk, masked = this.#isMasked ? MASKED : 0, head = this.#isMasked ? 6 : 2;
    while (chunk[this.#at] === (FIN | PONG)) {
      const size = chunk[this.#at + 1]! ^ masked, end = this.#at + head + size;
      if (size > MAX_CONTROL || end > chunk.length) return; // the slow way looks at it
      this.#at = end;
    }
  }

  /** Reads on in the head of a frame; what is wrong with it is told by its first bytes that show it. */
  #readHead(): BadFrame | undefined {
    if (!this.#hasHead(2)) return undefined;
    const [first, second] = this.#head.bytes as Uint8Array & [number, number];
    const opcode = first & 0x0f, length = second & ~MASKED;
    const wrong = this.#wrongWith(first, second);
    if (wrong !== undefined) return this.#fail(PROTOCOL_ERROR, wrong);
    const digits = length === IN_TWO ? 2 : length === IN_EIGHT ? 8 : 0;
    if (!this.#hasHead(2 + digits)) return undefined;
    let size = digits === 0 ? length : 0;
    const head = this.#head.bytes;
    if (digits === 8 && head[2]! >= 0x80) {
      return this.#fail(PROTOCOL_ERROR, "the length of a frame has more than 63 bits");
    }
    for (let i = 2; i < 2 + digits; i++) size = size * 256 + head[i]!;
    if (digits > 0 && size < (digits === 2 ? IN_TWO : 0x10000)) {
      return this.#fail(PROTOCOL_ERROR, `a length of ${size} is written in ${digits} bytes`);
    }
    if (opcode < CLOSE) {
      const { maxMessageBytes } = this.#limits, sum = this.#parts.length + size;
      const fragments = opcode === CONTINUATION ? this.#fragments + 1 : 1;
      if (sum > maxMessageBytes) {
        const has = first >= FIN ? `has ${sum}` : `has more than ${maxMessageBytes}`;
        const reason = `the message ${has} bytes, the limit is ${maxMessageBytes}`;
        return { ...this.#fail(TOO_BIG, reason), kind: "oversized", maxBytes: maxMessageBytes };
      }
      if (sum < TINY * (fragments - MAX_TINY)) {
        return this.#fail(POLICY, `a message has ${fragments} fragments, and only ${sum} bytes`);
      }
    }
    if (this.#isMasked && !this.#hasHead(6 + digits)) return undefined;
    this.#key = this.#isMasked ? keyAt(this.#head.bytes, 2 + digits) : 0;
    this.#turn = 0;
    this.#head.clear();
    this.#opcode = opcode;
    this.#isLast = first >= FIN;
    this.#missing = size;
    if (opcode >= CLOSE) return undefined;
    this.#fragments = opcode === CONTINUATION ? this.#fragments + 1 : 1;
    if (opcode !== CONTINUATION) this.#message = opcode;
    return undefined;
  }

  /** Whether so many bytes of the head have come. */
  #hasHead(bytes: number): boolean {
    const head = this.#head, part = this.#chunk.subarray(this.#at, this.#at + bytes - head.length);
    if (part.length > 0 && head.length < bytes) {
      head.append(part);
      this.#at += part.length;
    }
    return head.length >= bytes;
  }

  /** What is wrong with the first two bytes of a frame. */
  #wrongWith(first: number, second: number): string | undefined {
    const opcode = first & 0x0f, isWhole = first >= FIN;
    if ((first & RESERVED) !== 0) return "a reserved bit is set, and no extension was agreed on";
    if (opcode > BINARY && opcode < CLOSE || opcode > PONG) {
      return `the opcode ${opcode} means nothing`;
    }
    if (second >= MASKED !== this.#isMasked) {
      return this.#isMasked ? "a client must mask its frames" : "a server must not mask its frames";
    }
    if (opcode >= CLOSE) {
      if (!isWhole) return "a control frame is fragmented";
      return (second & ~MASKED) > MAX_CONTROL
        ? `a control frame has more than ${MAX_CONTROL} bytes`
        : undefined;
    }
    if (opcode === CONTINUATION) {
      return this.#message === 0 ? "there is no message to continue" : undefined;
    }
    return this.#message === 0 ? undefined : "a message begins within another one";
  }

  /** Takes what there is of the frame's payload, unmasked. */
  #take(): Uint8Array {
    const from = this.#at, end = Math.min(this.#chunk.length, from + this.#missing);
    if (this.#isMasked) {
      unmask(this.#chunk, from, end, this.#key, this.#turn);
      this.#turn = this.#turn + end - from & 3;
    }
    this.#missing -= end - from;
    this.#at = end;
    return this.#chunk.subarray(from, end);
  }

  /** Reads on in a frame of a message: the message, where this was its end. */
  #readData(): Frame | undefined {
    const part = this.#take(), parts = this.#parts;
    const hasEnded = this.#missing === 0 && this.#isLast;
    // One that lies in a single chunk is decoded where it is.
    const isApart = !hasEnded || parts.length > 0;
    if (isApart) parts.append(part);
    if (this.#missing > 0) return undefined;
    this.#opcode = -1;
    if (!hasEnded) return undefined;
    this.#message = 0;
    const frame = this.#textOf(isApart ? parts.bytes : part);
    parts.clear();
    return frame;
  }

  /** The frame whose bytes these are. */
  #textOf(bytes: Uint8Array): Frame {
    if (bytes.length === 0) {
      return { kind: "malformed", reason: "the message has no bytes", fatal: false };
    }
    return decodeUtf8(bytes) ?? this.#fail(NOT_UTF8, "the message is not UTF-8");
  }

  /** Reads on in a control frame: what it asks for, if it has ended and asks for something. */
  #readControl(): Frame | undefined {
    const control = this.#control;
    control.append(this.#take());
    if (this.#missing > 0) return undefined;
    const opcode = this.#opcode, payload = control.bytes.slice();
    control.clear();
    this.#opcode = -1;
    if (opcode === CLOSE) return this.#closed(payload);
    if (opcode === PING) {
      return { kind: "ping", answer: this.#frame(PONG, payload), reason: "ping", fatal: false };
    }
    return undefined;
  }

  /** The peer has said its last: the answer is a close with the same code. */
  #closed(payload: Uint8Array<ArrayBuffer>): Frame {
    if (payload.length === 0) return this.#end(NORMAL, "");
    const code = payload[0]! << 8 | payload[1]!;
    if (payload.length === 1 || !isCode(code)) {
      const what = payload.length === 1 ? "of one byte" : `${code}`;
      return this.#fail(PROTOCOL_ERROR, `the close code ${what} may not be sent`);
    }
    const reason = decodeUtf8(payload.subarray(2));
    if (reason === undefined) return this.#fail(NOT_UTF8, "the reason of a close is not UTF-8");
    return this.#end(code, reason);
  }

  #end(closeCode: number, said: string): ControlFrame {
    this.#hasEnded = true;
    const reason = `the peer closed the connection, ${closeCode} ${said}`.trimEnd();
    const answer = this.#frame(CLOSE, new Uint8Array([closeCode >> 8, closeCode]));
    return { kind: "close", answer, reason, closeCode, fatal: true };
  }

  /** Nothing that follows counts. */
  #fail(closeCode: number, reason: string): BadFrame {
    this.#hasEnded = true;
    this.#opcode = -1;
    this.#message = 0;
    for (const queue of [this.#head, this.#parts, this.#control]) queue.clear();
    return { kind: "malformed", reason, fatal: true, closeCode };
  }

  #frame(opcode: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
    return controlFrame(opcode, payload, !this.#isMasked);
  }
}

/** The messages in a text whose characters are a byte each. @param bounds where their bytes begin and end */
function cut(text: string, bounds: readonly number[]): string[] {
  const run: string[] = [], start = bounds[0]!;
  for (let i = 0; i < bounds.length; i += 2) {
    run.push(text.slice(bounds[i]! - start, bounds[i + 1]! - start));
  }
  return run;
}

/**
 * The messages in any text, which marks tell apart; undefined if a message holds a mark: then not every mark
 * is where a head was, as it has to be up to the last.
 */
function cutAtMarks(text: string, bounds: readonly number[]): string[] | undefined {
  const run: string[] = [];
  for (let i = 0, at = 0; i < bounds.length; i += 2) {
    const from = i === 0 ? 0 : at + bounds[i]! - bounds[i - 1]!;
    for (; at < from; at++) if (text.charCodeAt(at) !== MARK) return undefined;
    const next = text.indexOf(MARK_TEXT, from);
    if (next < 0 !== (i === bounds.length - 2)) return undefined;
    at = next < 0 ? text.length : next;
    run.push(text.slice(from, at));
  }
  return run;
}

/** Whether a close may carry this code: RFC 6455, section 7.4, and IANA's registry. */
function isCode(code: number): boolean {
  return code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006) ||
    code >= 3000 && code <= 4999;
}
