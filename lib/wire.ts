/**
 * The wire without the RPC: addresses to sockets, and bytes to the frames of messages. For tools that
 * look at what peers say to each other: proxies, recorders, test suites, load generators.
 *
 * @example The frames in a stream of bytes
 * ```ts
 * import { FrameStream } from "@landline/rpc/wire";
 * import { assert } from "@std/assert";
 *
 * const bytes = ReadableStream.from([new TextEncoder().encode('{"jsonrpc":"2.0"'), "}\n"].map(
 *   (part) => typeof part === "string" ? new TextEncoder().encode(part) : part,
 * ));
 * const frames = await Array.fromAsync(bytes.pipeThrough(new FrameStream()));
 *
 * assert(frames[0] === '{"jsonrpc":"2.0"}');
 * ```
 *
 * @module
 */

export {
  type Around,
  type BadFrame,
  type ControlFrame,
  type Decoder,
  DetectingDecoder,
  type Frame,
  type Framing,
  type FramingLimits,
  type FramingName,
  FRAMINGS,
  type Reserve,
} from "./framing/mod.ts";
export { FrameStream, type FrameStreamOptions } from "./framing/transform_stream.ts";
export { DEFAULT_LIMITS, type Limits } from "./limits.ts";
export {
  dial,
  type DialOptions,
  listen,
  type Listener,
  type ListenOptions,
  schemeOf,
  type TlsClientOptions,
  type TlsServerOptions,
} from "./transport/mod.ts";
export type { Duplex, PeerCertificate, Socket } from "./transport/socket.ts";
