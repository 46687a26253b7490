/**
 * The framings by name, and frames as a web stream.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../limits.ts";
import { detect } from "./detect.ts";
import type { Decoder, Fault, Frame, Framing, FramingLimits, FramingName } from "./frame.ts";
import { headers } from "./headers.ts";
import { lengthPrefix } from "./length_prefix.ts";
import { lines } from "./lines.ts";

export { detect, DETECT_BYTES, type Detected } from "./detect.ts";
export type {
  Decoder,
  Fault,
  Frame,
  Framing,
  FramingLimits,
  FramingName,
  Reserve,
} from "./frame.ts";

/** The framings by name. */
export const FRAMINGS: Readonly<Record<FramingName, Framing>> = {
  lines,
  headers,
  length: lengthPrefix,
};

/** What {@linkcode FrameStream} takes. */
export interface FrameStreamOptions extends Partial<FramingLimits> {
  /** The framing; where it is not given the first bytes tell. */
  readonly framing?: FramingName;
}

/**
 * Bytes to frames as a web stream, for those who compose streams themselves: each chunk that comes
 * out is the text of one message, or a {@linkcode Fault} that stood in its place. After a fatal
 * fault, or where the first bytes are no framing, the stream ends.
 *
 * @example
 * ```ts
 * import { FrameStream } from "@landline/rpc";
 *
 * const bytes = new Blob(['{"a":1}\n{"b"', ":2}\n"]).stream();
 * const frames = await Array.fromAsync(bytes.pipeThrough(new FrameStream()));
 *
 * console.assert(frames.join() === '{"a":1},{"b":2}');
 * ```
 */
export class FrameStream extends TransformStream<Uint8Array, Frame> {
  /** @param options the framing and the limits; see {@linkcode Limits} for their defaults */
  constructor(options: FrameStreamOptions = {}) {
    const limits = { ...DEFAULT_LIMITS, ...options };
    let decoder: Decoder | undefined = options.framing &&
      FRAMINGS[options.framing].decoder(limits);
    let first: Uint8Array = new Uint8Array(0);
    super({
      transform(chunk, controller) {
        if (decoder === undefined) {
          first = concat(first, chunk);
          const detected = detect(first);
          if (detected.kind === "undecided") return;
          if (detected.kind !== "framing") {
            const reason = detected.kind === "unknown"
              ? detected.reason
              : `the first bytes are ${detected.kind.toUpperCase()}`;
            controller.enqueue({ kind: "malformed", reason, fatal: true });
            controller.terminate();
            return;
          }
          decoder = FRAMINGS[detected.name].decoder(limits);
          chunk = first;
        }
        decoder.push(chunk);
        for (let frame; (frame = decoder.next()) !== undefined;) {
          controller.enqueue(frame);
          if (typeof frame !== "string" && frame.fatal) return controller.terminate();
        }
      },
    });
  }
}

/** Both runs of bytes as one. */
export function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
