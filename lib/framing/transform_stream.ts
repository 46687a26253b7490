/**
 * Frames as a web stream.
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../limits.ts";
import { DetectingDecoder } from "./detect.ts";
import type { Frame, FramingLimits, FramingName } from "./frame.ts";
import { FRAMINGS } from "./mod.ts";

/** What {@linkcode FrameStream} takes. */
export interface FrameStreamOptions extends Partial<FramingLimits> {
  /** The framing; where it is not given the first bytes tell. */
  readonly framing?: FramingName;
}

/**
 * Bytes to frames as a web stream, for those who compose streams themselves: each chunk that comes
 * out is the text of one message, or a {@linkcode BadFrame} that stood in its place. After a fatal
 * fault, or where the first bytes are no framing, the stream ends.
 *
 * @example
 * ```ts
 * import { FrameStream } from "@landline/rpc/wire";
 * import { assert } from "@std/assert";
 *
 * const bytes = new Blob(['{"a":1}\n{"b"', ":2}\n"]).stream();
 * const frames = await Array.fromAsync(bytes.pipeThrough(new FrameStream()));
 *
 * assert(frames.join() === '{"a":1},{"b":2}');
 * ```
 */
export class FrameStream {
  // Not a TransformStream itself, no more than a TextDecoderStream is: the runtime would have to load
  // all of its streams for everyone who imports this module.

  /** Where frames come out. */
  readonly readable: ReadableStream<Frame>;
  /** Where bytes go in. */
  readonly writable: WritableStream<Uint8Array>;

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
    const take = (controller: TransformStreamDefaultController<Frame>) => {
      for (let frame; (frame = decoder.next()) !== undefined;) {
        controller.enqueue(frame);
        if (typeof frame !== "string" && frame.fatal) return controller.terminate();
      }
    };
    const stream = new TransformStream<Uint8Array, Frame>({
      transform(chunk, controller) {
        decoder.push(chunk);
        take(controller);
      },
      flush(controller) {
        decoder.end?.();
        take(controller);
      },
    });
    this.readable = stream.readable;
    this.writable = stream.writable;
  }
}
