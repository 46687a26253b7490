/**
 * The same as `frame_tap.ts` for a WebSocket: the handshake, then frames of RFC 6455, each of which is a
 * piece. Pure, and slow: nothing is expected of it but to lose no byte.
 *
 * @module
 */

import { joined } from "../text/byte_size.ts";
import type { Piece } from "./frame_tap.ts";

/** A frame may be this long; what is longer is passed on without being looked at. */
const MAX_FRAME = 1 << 26;

/** What the heads of the request and of its answer are called. */
export const HANDSHAKE = "the handshake of a WebSocket";

/** What control frames are called, by their opcodes: RFC 6455, section 5.2. */
const CONTROL: ReadonlyMap<number, string> = new Map([[8, "close"], [9, "ping"], [10, "pong"]]);

/** One direction of a connection that is, or becomes, a WebSocket. */
export class WebSocketTap {
  #rest: Uint8Array = new Uint8Array(0);
  #isOpen = false;
  /** Whether no more frames can be found. */
  #isLost = false;
  /** The payloads of a message that has begun. */
  #parts: Uint8Array[] = [];

  /** Takes bytes, which may be used again afterwards; gives the pieces that ended with them. */
  push(chunk: Uint8Array): Piece[] {
    if (this.#isLost) return [this.#noFrame(chunk.slice(), "it is too long")];
    this.#rest = joined([this.#rest, chunk.slice()]);
    const pieces: Piece[] = [];
    for (let piece; (piece = this.#isOpen ? this.#frame() : this.#head()) !== undefined;) {
      this.#rest = this.#rest.slice(piece.bytes.length);
      pieces.push(piece);
    }
    return pieces;
  }

  /** Nothing more comes: what has begun and not ended. */
  end(): Piece[] {
    if (this.#rest.length === 0) return [];
    return [this.#noFrame(this.#rest, "the end came before the end of a frame")];
  }

  /** The head of a request, or of an answer. */
  #head(): Piece | undefined {
    const end = Array.from(this.#rest, (byte) => String.fromCharCode(byte)).join("")
      .indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    this.#isOpen = true;
    return this.#noFrame(this.#rest.slice(0, end + 4), HANDSHAKE);
  }

  #frame(): Piece | undefined {
    const rest = this.#rest, [first, second] = rest;
    if (first === undefined || second === undefined) return undefined;
    const digits = (second & 127) === 126 ? 2 : (second & 127) === 127 ? 8 : 0;
    const from = 2 + digits + (second >= 128 ? 4 : 0);
    if (rest.length < from) return undefined;
    let size = digits === 0 ? second & 127 : 0;
    for (const digit of rest.subarray(2, 2 + digits)) size = size * 256 + digit;
    if (size > MAX_FRAME) {
      this.#isLost = true;
      return this.#noFrame(rest, "it is too long");
    }
    if (rest.length < from + size) return undefined;
    const payload = rest.slice(from, from + size);
    if (second >= 128) { for (const i of payload.keys()) payload[i]! ^= rest[from - 4 + i % 4]!; }
    const bytes = rest.slice(0, from + size), control = CONTROL.get(first & 15);
    if (control !== undefined) return this.#noFrame(bytes, control);
    this.#parts.push(payload);
    if (first < 128) return this.#noFrame(bytes, "a fragment");
    const text = new TextDecoder().decode(joined(this.#parts.splice(0)));
    return { bytes, framing: "websocket", text };
  }

  #noFrame(bytes: Uint8Array, fault: string): Piece {
    return { bytes, framing: this.#isOpen ? "websocket" : undefined, fault };
  }
}

/** Whether an address is one of WebSockets. */
export function isWebSocket(address: string): boolean {
  return /^wss?:/i.test(address);
}

/** What carries a WebSocket: its bytes are passed on, the handshake's too. */
export function below(address: string): string {
  if (!isWebSocket(address)) return address;
  const { protocol, hostname, port } = new URL(address);
  return protocol === "ws:"
    ? `tcp://${hostname}:${port || 80}`
    : `tls://${hostname}:${port || 443}`;
}
