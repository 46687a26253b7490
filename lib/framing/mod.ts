/**
 * The framings by name, and frames as a web stream.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../limits.ts";
import { DetectingDecoder } from "./detecting.ts";
import type { Frame, Framing, FramingLimits, FramingName } from "./frame.ts";
import { headers } from "./headers.ts";
import { lengthPrefix } from "./length_prefix.ts";
import { lines } from "./lines.ts";

export { detect, type Detected } from "./detect.ts";
export { DetectingDecoder } from "./detecting.ts";
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
 * import { assert } from "@std/assert";
 *
 * const bytes = new Blob(['{"a":1}\n{"b"', ":2}\n"]).stream();
 * const frames = await Array.fromAsync(bytes.pipeThrough(new FrameStream()));
 *
 * assert(frames.join() === '{"a":1},{"b":2}');
 * ```
 */
export class FrameStream extends TransformStream<Uint8Array, Frame> {
  /**
   * A stream for one connection's bytes.
   *
   * @param options the framing and the limits; see {@linkcode Limits} for their defaults
   */
  constructor(options: FrameStreamOptions = {}) {
    const limits = { ...DEFAULT_LIMITS, ...options };
    const decoder = options.framing === undefined
      ? new DetectingDecoder(FRAMINGS, limits)
      : FRAMINGS[options.framing].decoder(limits);
    super({
      transform(chunk, controller) {
        decoder.push(chunk);
        for (let frame; (frame = decoder.next()) !== undefined;) {
          // Nobody here can tell that a line is not JSON, so each gets the second look at once.
          if (typeof frame === "string" && decoder.split !== undefined) {
            for (const value of decoder.split(frame)) controller.enqueue(value);
          } else controller.enqueue(frame);
          if (typeof frame !== "string" && frame.fatal) return controller.terminate();
        }
      },
    });
  }
}
