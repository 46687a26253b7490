/**
 * WebSocket after its handshake: a message or a batch in each message of RFC 6455, as text. Binary
 * messages are read too. There are no extensions, so every reserved bit is an error.
 *
 * A client masks what it sends and a server does not, so each end has a framing of its own.
 *
 * @module
 */

import { ByteQueue, EMPTY } from "./byte_queue.ts";
import type {
  BadFrame,
  ControlFrame,
  Decoder,
  Frame,
  Framing,
  FramingLimits,
  Reserve,
} from "./frame.ts";
import { NORMAL, NOT_UTF8, POLICY, PROTOCOL_ERROR, TOO_BIG } from "./close_code.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

/** Opcodes: RFC 6455, section 5.2. From {@linkcode CLOSE} on they are those of control frames. */
const CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

/** In the first byte of a frame: the last frame of its message; and the bits of extensions. */
const FIN = 0x80, RESERVED = 0x70;

/** In the second byte: the payload is masked. */
const MASKED = 0x80;

/** In the second byte, instead of a length: the length stands in the next two or eight bytes. */
const IN_TWO = 126, IN_EIGHT = 127;

/** Bytes of the longest head: two, the length, the key. */
const MAX_HEAD = 14;

/** Bytes that the payload of a control frame has at most. */
const MAX_CONTROL = 125;

/** Bytes of a payload up to which frames are worth decoding together. */
const SMALL = 4096;

/** Bytes from which a payload is unmasked four at a time: to look at them so costs something, too. */
const LONG = 128;

/**
 * Fragments of a message that may be tiny. Beyond them each must bring this many bytes on average, so that
 * nobody sends a message without end in frames that hold nothing.
 */
const MAX_TINY = 1024;
const TINY = 64;

const SPACE = 0x20;

class WebSocketDecoder implements Decoder {
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
        if (this.#message === 0 && this.#head.length === 0 && this.#decodeRun()) continue;
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
   * Decodes in one go the small whole messages that come next: unmasked where they are, with spaces over
   * their heads. Nearly all are ASCII, where a text is cut where its bytes are.
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
    for (let i = 0, head = begin; i < bounds.length; i += 2) {
      while (head < bounds[i]!) chunk[head++] = SPACE;
      head = bounds[i + 1]!;
    }
    const run: Frame[] = this.#run = [], all = decodeUtf8(chunk.subarray(begin, at));
    const isAscii = all !== undefined && all.length === at - begin;
    for (let i = 0; i < bounds.length && !this.#hasEnded; i += 2) {
      const from = bounds[i]!, end = bounds[i + 1]!;
      run.push(
        isAscii ? all.slice(from - begin, end - begin) : this.#textOf(chunk.subarray(from, end)),
      );
    }
    return true;
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

/** Whether a close may carry this code: RFC 6455, section 7.4, and IANA's registry. */
function isCode(code: number): boolean {
  return code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006) ||
    code >= 3000 && code <= 4999;
}

/** A frame of at most 125 bytes. */
function controlFrame(
  opcode: number,
  payload: Uint8Array,
  isMasked: boolean,
): Uint8Array<ArrayBuffer> {
  const from = isMasked ? 6 : 2;
  const frame = new Uint8Array(from + payload.length);
  frame[0] = FIN | opcode;
  frame[1] = (isMasked ? MASKED : 0) | payload.length;
  frame.set(payload, from);
  if (isMasked) mask(frame, from, frame.length, freshKeys(1)[0]!);
  return frame;
}

// ---- Masks: RFC 6455, section 5.3 ------------------------------------------------------------

/** The key that stands in four bytes, its first byte lowest. */
function keyAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
}

/** Keys that cannot be foretold: what a page has us send must not look like another protocol to a proxy. */
function freshKeys(count: number): Int32Array {
  const keys = new Int32Array(count);
  for (let at = 0; at < count; at += 1 << 14) {
    crypto.getRandomValues(keys.subarray(at, at + (1 << 14)));
  }
  return keys;
}

/** Masks a payload, and writes the key before it. */
function mask(bytes: Uint8Array, from: number, end: number, key: number): void {
  for (let i = 0; i < 4; i++) bytes[from - 4 + i] = key >>> 8 * i;
  unmask(bytes, from, end, key, 0);
}

/**
 * Takes a mask off these bytes, or puts it on: it is the same.
 *
 * @param turn which byte of the key is the first
 */
function unmask(bytes: Uint8Array, from: number, end: number, key: number, turn: number): void {
  let at = from, turned = rotated(key, turn);
  if (end - from >= LONG) {
    const odd = -(bytes.byteOffset + at) & 3;
    for (const last = at + odd; at < last; at++, turned = rotated(turned, 1)) bytes[at]! ^= turned;
    // Deno runs on machines alone whose words begin with the lowest byte, as the key does.
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + at, end - at >> 2);
    for (let i = 0; i < words.length; i++) words[i]! ^= turned;
    at += 4 * words.length;
  }
  const second = turned >>> 8, third = turned >>> 16, fourth = turned >>> 24;
  for (; at + 3 < end; at += 4) {
    bytes[at]! ^= turned;
    bytes[at + 1]! ^= second;
    bytes[at + 2]! ^= third;
    bytes[at + 3]! ^= fourth;
  }
  for (; at < end; at++, turned = rotated(turned, 1)) bytes[at]! ^= turned;
}

/** The key with so many of its bytes moved to its end. */
function rotated(key: number, turn: number): number {
  return turn === 0 ? key : key >>> 8 * turn | key << 32 - 8 * turn;
}

// ---- Writing ---------------------------------------------------------------------------------

/** Bytes of the head of a frame with a payload of so many bytes, but for the key. */
function headSize(size: number): 2 | 4 | 10 {
  return size < IN_TWO ? 2 : size < 0x10000 ? 4 : 10;
}

/** Characters that hold the place of a head, by its size. */
const PLACES = { 2: "\0\0", 4: "\0\0\0\0", 10: "\0\0\0\0\0\0\0\0\0\0" } as const;
const KEY_PLACE = "\0\0\0\0";

/** Writes whole text messages. */
class Encoder {
  /** Bytes of a key. */
  readonly #keySize: 0 | 4;

  constructor(isMasked: boolean) {
    this.#keySize = isMasked ? 4 : 0;
  }

  encode(messages: readonly string[], reserve: Reserve): Uint8Array<ArrayBuffer> {
    const keyPlace = this.#keySize > 0 ? KEY_PLACE : "";
    // Nearly all JSON is ASCII: all is written in one go on that guess, with places for the heads.
    let text = "";
    for (const message of messages) {
      text += PLACES[headSize(message.length)] + keyPlace + message;
    }
    const bytes = encodeUtf8(text, reserve);
    const sizes = bytes.length === text.length ? undefined : this.#sizesIn(bytes, messages);
    if (sizes === null) return this.#encodeApart(messages, reserve);
    const keys = this.#keys(messages.length);
    for (let i = 0, at = 0; i < messages.length; i++) {
      at = this.#finish(
        bytes,
        at,
        sizes === undefined ? messages[i]!.length : sizes[i]!,
        keys?.[i],
      );
    }
    return bytes;
  }

  /**
   * The sizes of messages that are not ASCII, in the bytes of all of them: JSON holds no NUL, so these are
   * the places. Null where a size needs another head than was guessed, and where a text holds a NUL: not
   * every one is the place of a head then, as it has to be up to the last.
   */
  #sizesIn(bytes: Uint8Array, messages: readonly string[]): number[] | null {
    const sizes: number[] = [];
    let at = 0;
    for (const { length } of messages) {
      const from = at + headSize(length) + this.#keySize, next = bytes.indexOf(0, from);
      while (at < from) if (bytes[at++] !== 0) return null;
      const isLast = sizes.length === messages.length - 1;
      if (isLast !== next < 0) return null;
      const size = (isLast ? bytes.length : next) - from;
      if (headSize(size) !== headSize(length)) return null;
      sizes.push(size);
      at = from + size;
    }
    return sizes;
  }

  /** Writes one message after another, each where the size of its head has shown. */
  #encodeApart(messages: readonly string[], reserve: Reserve): Uint8Array<ArrayBuffer> {
    const keys = this.#keys(messages.length);
    let bytes = reserve(MAX_HEAD), at = 0;
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i]!, guess = at + headSize(message.length) + this.#keySize;
      let { read, written } = encoder.encodeInto(message, bytes.subarray(guess));
      if (read < message.length || guess + written + MAX_HEAD > bytes.length) {
        const larger = new Uint8Array(2 * bytes.length + 3 * message.length + MAX_HEAD);
        larger.set(bytes.subarray(0, at));
        bytes = larger;
        ({ read, written } = encoder.encodeInto(message, bytes.subarray(guess)));
      }
      const from = at + headSize(written) + this.#keySize;
      if (from !== guess) bytes.copyWithin(from, guess, guess + written);
      at = this.#finish(bytes, at, written, keys?.[i]);
    }
    return bytes.subarray(0, at);
  }

  #keys(count: number): Int32Array | undefined {
    return this.#keySize > 0 ? freshKeys(count) : undefined;
  }

  /** Writes the head before a payload that is in its place, and masks it; where the next frame begins. */
  #finish(bytes: Uint8Array, at: number, size: number, key: number | undefined): number {
    const digits = headSize(size) - 2, from = at + 2 + digits + this.#keySize;
    bytes[at] = FIN | TEXT;
    bytes[at + 1] = (digits === 0 ? size : digits === 2 ? IN_TWO : IN_EIGHT) |
      (key === undefined ? 0 : MASKED);
    for (let i = digits, rest = size; i > 0; i--, rest = Math.floor(rest / 256)) {
      bytes[at + 1 + i] = rest;
    }
    if (key !== undefined) mask(bytes, from, from + size, key);
    return from + size;
  }
}

const encoder = /* @__PURE__ */ new TextEncoder();

/** Bytes of the reason that a close may carry: its code takes two. */
const MAX_REASON = MAX_CONTROL - 2;

function framing(isClient: boolean): Framing {
  const texts = new Encoder(isClient);
  return {
    name: "websocket",
    decoder: (limits) => new WebSocketDecoder(limits, !isClient),
    encode: (messages, reserve) => texts.encode(messages, reserve),
    get peer() {
      return isClient ? websocket.server : websocket.client;
    },
    ping: () => controlFrame(PING, EMPTY, isClient),
    close(code, reason) {
      const payload = new Uint8Array(2 + MAX_REASON);
      payload[0] = code >> 8;
      payload[1] = code;
      const { written } = encoder.encodeInto(reason, payload.subarray(2)); // whole characters only
      return controlFrame(CLOSE, payload.subarray(0, 2 + written), isClient);
    },
  };
}

/** WebSocket as each end writes it; it reads what the other one writes. */
export const websocket: { readonly client: Framing; readonly server: Framing } = {
  client: /* @__PURE__ */ framing(true),
  server: /* @__PURE__ */ framing(false),
};
