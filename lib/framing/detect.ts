/**
 * Which framing a peer speaks, by its first bytes and never by timing; and a decoder for a peer whose
 * framing is not known yet: its first bytes decide, and for ever.
 *
 * @module
 */

import { EMPTY } from "./byte_queue.ts";
import type { BadFrame, Decoder, Frame, Framing, FramingLimits, FramingName } from "./frame.ts";
import { isOpening, markAt } from "./text_scanner.ts";
import { isSpace } from "./value_scanner.ts";

/** What the first bytes of a connection are. */
export type Detected =
  | { readonly kind: "framing"; readonly name: FramingName }
  | { readonly kind: "http" }
  | { readonly kind: "tls" }
  | { readonly kind: "unknown"; readonly reason: string }
  /** Too few bytes to tell. */
  | { readonly kind: "undecided" };

const LF = 0x0a, CR = 0x0d, RS = 0x1e;

/** Bytes before the first message, beyond which nothing good is to be expected. */
const MAX_BEFORE = 16;

/** The beginnings of HTTP's methods, and of `Content-` in lower case. */
const VERBS = ["GET ", "POST", "PUT ", "HEAD", "OPTI", "DELE", "PATC", "CONN", "TRAC", "PRI "];
const HEADER = "content-";

/**
 * Looks at the first bytes of a connection, all that have arrived.
 *
 * @example
 * ```ts ignore
 * detect(new TextEncoder().encode("{")); // { kind: "framing", name: "json" }
 * ```
 */
export function detect(bytes: Uint8Array): Detected {
  if (bytes.length === 0) return { kind: "undecided" };
  const first = bytes[0]!;
  if (first === 0) return { kind: "framing", name: "length" };
  if (first === 0x16) {
    if (bytes.length === 1) return { kind: "undecided" };
    return bytes[1] === 3 ? { kind: "tls" } : unknown(bytes);
  }
  let at = 0, mark = 0;
  for (; at < bytes.length && at <= MAX_BEFORE; at += mark || 1) {
    mark = markAt(bytes, at);
    if (mark <= 0 && !isSpace(bytes[at]!) && bytes[at] !== RS) break;
  }
  if (at > MAX_BEFORE) {
    return { kind: "unknown", reason: `more than ${MAX_BEFORE} bytes before the first message` };
  }
  if (at === bytes.length || mark < 0) return { kind: "undecided" };
  if (isOpening(bytes[at]!)) return { kind: "framing", name: "json" };
  if (!areEmptyLines(bytes.subarray(0, at))) return unknown(bytes);
  const start = String.fromCharCode(...bytes.subarray(at, at + HEADER.length));
  if (begins(start.toLowerCase(), HEADER)) {
    return start.length < HEADER.length
      ? { kind: "undecided" }
      : { kind: "framing", name: "headers" };
  }
  if (VERBS.some((verb) => begins(start, verb))) {
    return start.length < 4 ? { kind: "undecided" } : { kind: "http" };
  }
  return unknown(bytes);
}

/** Whether these bytes are CR LF, as often as you like, and nothing else. */
function areEmptyLines(bytes: Uint8Array): boolean {
  return bytes.length % 2 === 0 && bytes.every((byte, at) => byte === (at % 2 === 0 ? CR : LF));
}

/** Whether one of the two begins with the other. */
function begins(a: string, b: string): boolean {
  return a.length < b.length ? b.startsWith(a) : a.startsWith(b);
}

/** Names the bytes that decided and no more: the answer must not depend on how many came at once. */
function unknown(bytes: Uint8Array): Detected {
  let length = 1;
  while (length < bytes.length && detect(bytes.subarray(0, length)).kind === "undecided") length++;
  const start = Array.from(bytes.subarray(0, length), (it) => it.toString(16).padStart(2, "0"));
  return { kind: "unknown", reason: `no framing begins with the bytes ${start.join(" ")}` };
}

const OTHER_PROTOCOLS = {
  http: "HTTP is not served here",
  tls: "a TLS handshake arrived on a port without TLS",
};

/** Finds the framing, then does what its decoder does. */
export class DetectingDecoder implements Decoder {
  readonly #framings: Readonly<Record<FramingName, Framing>>;
  readonly #limits: FramingLimits;
  readonly #onFraming: (framing: Framing, decoder: Decoder) => void;
  readonly #isParsed: boolean;
  /** What came before the framing was known. */
  #first: Uint8Array = EMPTY;
  #decoder: Decoder | undefined;
  #fault: BadFrame | undefined;
  #failed = false;

  /**
   * A decoder that has seen nothing yet.
   *
   * @param onFraming is told once, before the first frame, and may go on with the decoder itself
   * @param isParsed as for {@linkcode Framing.decoder}
   */
  constructor(
    framings: Readonly<Record<FramingName, Framing>>,
    limits: FramingLimits,
    onFraming: (framing: Framing, decoder: Decoder) => void = () => {},
    isParsed = false,
  ) {
    this.#framings = framings;
    this.#limits = limits;
    this.#onFraming = onFraming;
    this.#isParsed = isParsed;
  }

  get held(): number {
    return this.#decoder?.held ?? this.#first.length;
  }

  get midway(): boolean {
    return this.#decoder?.midway ?? this.#first.length > 0;
  }

  push(chunk: Uint8Array): void {
    if (this.#decoder !== undefined) return this.#decoder.push(chunk);
    if (this.#failed) return;
    const first = this.#first.length === 0 ? chunk : concat(this.#first, chunk);
    const detected = detect(first);
    if (detected.kind === "undecided") {
      this.#first = first.slice(); // a few bytes, and the chunk is only lent
      return;
    }
    this.#first = EMPTY;
    if (detected.kind === "framing") {
      const framing = this.#framings[detected.name];
      const decoder = this.#decoder = framing.decoder(this.#limits, this.#isParsed);
      this.#onFraming(framing, decoder);
      return decoder.push(first);
    }
    this.#failed = true;
    this.#fault = detected.kind === "unknown"
      ? { kind: "malformed", reason: detected.reason, fatal: true }
      : {
        kind: "malformed",
        reason: OTHER_PROTOCOLS[detected.kind],
        protocol: detected.kind,
        first,
        fatal: true,
      };
  }

  next(): Frame | undefined {
    const fault = this.#fault;
    this.#fault = undefined;
    return fault ?? this.#decoder?.next();
  }

  get left(): number {
    return this.#decoder?.left ?? 0;
  }

  get isLost(): boolean {
    return this.#decoder?.isLost ?? false;
  }

  end(): void {
    this.#decoder?.end?.();
  }

  reject(): boolean {
    return this.#decoder?.reject?.() ?? false;
  }
}

/** Both runs of bytes as one. */
export function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
