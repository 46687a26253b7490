/**
 * The streams of `@std/streams` that this project uses, with the names, types and behaviour of the
 * real package, for machines that reach npm but not JSR.
 *
 * ```ts
 * import { TextLineStream } from "@std/streams";
 * import { assertEquals } from "@std/assert";
 *
 * const lines = ReadableStream.from(["one\ntw", "o\n"]).pipeThrough(new TextLineStream());
 * assertEquals(await Array.fromAsync(lines), ["one", "two"]);
 * ```
 *
 * @module
 */
export { mergeReadableStreams } from "./merge_readable_streams.ts";
export { TextLineStream } from "./text_line_stream.ts";
export type { TextLineStreamOptions } from "./text_line_stream.ts";
export { toText } from "./to_text.ts";
