/**
 * A decoder for a peer whose framing is not known yet: its first bytes decide, and for ever.
 *
 * @module
 */

import { EMPTY } from "./byte_queue.ts";
import { detect } from "./detect.ts";
import type { Decoder, Fault, Frame, Framing, FramingLimits, FramingName } from "./frame.ts";

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
  #fault: Fault | undefined;
  #failed = false;

  /** @param onFraming is told once, before the first frame, and may go on with the decoder itself */
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
function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
