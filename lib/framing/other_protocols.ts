/**
 * What else may answer at an address than a server that speaks JSON-RPC, told by its first bytes.
 *
 * @module
 */

import { EMPTY } from "./byte_queue.ts";
import { concat } from "./detect.ts";
import type { BadFrame, Decoder, Frame, Framing, FramingLimits, FramingName } from "./frame.ts";

/** A server of another protocol, or of another framing. */
type OtherServer = NonNullable<BadFrame["other"]>;

/** How servers begin to speak, before they are asked or when they are asked something strange. */
const BEGINNINGS: readonly (readonly [start: string, server: OtherServer])[] = [
  ["HTTP/", { name: "an HTTP server", use: { scheme: "http" } }],
  ["<!DOCTYPE", { name: "an HTTP server", use: { scheme: "http" } }],
  ["<html", { name: "an HTTP server", use: { scheme: "http" } }],
  ["\x15\x03", { name: "a TLS server", use: { scheme: "tls" } }],
  ["SSH-", { name: "an SSH server" }],
  ["220 ", { name: "a mail or FTP server" }],
  ["220-", { name: "a mail or FTP server" }],
  ["554 ", { name: "a mail server" }],
  ["+OK", { name: "a POP3 server" }],
  ["* OK", { name: "an IMAP server" }],
  ["-ERR", { name: "a Redis server" }],
  ["-NOAUTH", { name: "a Redis server" }],
  ["-DENIED", { name: "a Redis server" }],
  ["ERROR\r\n", { name: "a memcached server" }],
  ["INFO {", { name: "a NATS server" }],
  ["AMQP", { name: "an AMQP broker" }],
  ["RFB 00", { name: "a VNC server" }],
];

/** Bytes of the longest of them. */
const ENOUGH = Math.max(...BEGINNINGS.map(([start]) => start.length));

/**
 * The server that begins so; undefined if it may speak this framing.
 *
 * @param bytes all that has come
 */
function otherServer(
  bytes: Uint8Array,
  framing: Framing["name"],
): OtherServer | "undecided" | undefined {
  const other = framingOf(bytes);
  if (other === framing) return undefined;
  if (other !== undefined) {
    return { name: `a server with the framing ${other}`, use: { framing: other } };
  }
  const text = String.fromCharCode(...bytes.subarray(0, ENOUGH));
  for (const [start, server] of BEGINNINGS) if (text.startsWith(start)) return server;
  if (isMySql(bytes)) return { name: "a MySQL server" };
  const starts = [HEADERS, ...BEGINNINGS.map(([start]) => start)];
  return starts.some((start) => start.startsWith(text)) ? "undecided" : undefined;
}

const HEADERS = "Content-";

/** The framing of a server that begins so, if it is one of ours. */
function framingOf(bytes: Uint8Array): FramingName | undefined {
  if (bytes[0] === 0x00) return "length";
  if (bytes[0] === 0x7b || bytes[0] === 0x5b) return "json";
  const start = String.fromCharCode(...bytes.subarray(0, HEADERS.length));
  return start.toLowerCase() === HEADERS.toLowerCase() ? "headers" : undefined;
}

/** Whether this is the greeting of MySQL, or its refusal (Client/Server Protocol, Handshake). */
function isMySql(bytes: Uint8Array): boolean {
  return bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0 &&
    (bytes[4] === 0x0a || bytes[4] === 0xff);
}

/** Looks at the first bytes of a server, then does what the decoder of its framing does for one who parses. */
export class ServerDecoder implements Decoder {
  readonly #framing: Framing;
  readonly #onFraming: (framing: Framing, decoder: Decoder) => void;
  readonly #decoder: Decoder;
  /** What came before it was clear. */
  #first: Uint8Array | undefined = EMPTY;
  #other: OtherServer | undefined;

  /** @param onFraming is told once that the server may speak it, and may go on with the decoder itself */
  constructor(
    framing: Framing,
    limits: FramingLimits,
    onFraming: (framing: Framing, decoder: Decoder) => void,
  ) {
    this.#framing = framing;
    this.#decoder = framing.decoder(limits, true);
    this.#onFraming = onFraming;
  }

  get held(): number {
    return this.#decoder.held + (this.#first?.length ?? 0);
  }

  get midway(): boolean {
    return this.#decoder.midway || this.held > 0;
  }

  push(chunk: Uint8Array): void {
    if (this.#first === undefined) return this.#decoder.push(chunk);
    if (chunk.length === 0) return;
    const first = this.#first.length === 0 ? chunk : concat(this.#first, chunk);
    const found = otherServer(first, this.#framing.name);
    if (found === "undecided") this.#first = first.slice(); // a few bytes, and the chunk is only lent
    else if (found === undefined) {
      this.#first = undefined;
      this.#onFraming(this.#framing, this.#decoder);
      this.#decoder.push(first);
    } else this.#other = found;
  }

  next(): Frame | undefined {
    const other = this.#other;
    this.#other = undefined;
    if (other === undefined) return this.#first === undefined ? this.#decoder.next() : undefined;
    return { kind: "malformed", reason: `${other.name} answers here`, other, fatal: true };
  }
}
