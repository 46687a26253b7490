/**
 * Which framing a peer speaks, by its first bytes and never by timing; and a decoder for a peer whose
 * framing is not known yet: its first bytes decide, and for ever.
 *
 * @module
 */

import { EMPTY } from "./byte_queue.ts";
import type { BadFrame, Decoder, Frame, Framing, FramingLimits, FramingName } from "./frame.ts";
import { isSpace } from "./value_scanner.ts";

/** What the first bytes of a connection are. */
export type Detected =
  | { readonly kind: "framing"; readonly name: FramingName }
  | { readonly kind: "http" }
  | { readonly kind: "tls" }
  | { readonly kind: "unknown"; readonly reason: string }
  /** Too few bytes to tell. */
  | { readonly kind: "undecided" };

/** White space before the first message, beyond which nothing good is to be expected. */
const MAX_SPACE = 16;

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
  let space = 0;
  while (space < bytes.length && isSpace(bytes[space]!)) space++;
  if (space > MAX_SPACE) {
    return { kind: "unknown", reason: `more than ${MAX_SPACE} bytes of white space` };
  }
  if (space === bytes.length) return { kind: "undecided" };
  if (bytes[space] === 0x7b || bytes[space] === 0x5b) return { kind: "framing", name: "json" };
  if (space > 0) return unknown(bytes);
  const start = String.fromCharCode(...bytes.subarray(0, HEADER.length));
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
  /** What came before the framing was known. */
  #first: Uint8Array = EMPTY;
  #decoder: Decoder | undefined;
  #fault: BadFrame | undefined;
  #failed = false;

  /**
   * A decoder that has seen nothing yet.
   *
   * @param onFraming is told once, before the first frame, and may go on with the decoder itself
   */
  constructor(
    framings: Readonly<Record<FramingName, Framing>>,
    limits: FramingLimits,
    onFraming: (framing: Framing, decoder: Decoder) => void = () => {},
  ) {
    this.#framings = framings;
    this.#limits = limits;
    this.#onFraming = onFraming;
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
      const decoder = this.#decoder = framing.decoder(this.#limits);
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

  split(text: string): Frame[] {
    return this.#decoder?.split?.(text) ?? [text];
  }
}

/** Both runs of bytes as one. */
export function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
