/**
 * A stream read whole, as text.
 *
 * @module
 */

/**
 * Reads a stream to its end and gives its text. Bytes are decoded as UTF-8, with U+FFFD for what is
 * not.
 *
 * @param stream The stream to read.
 * @returns All of its text.
 */
export async function toText(
  stream: ReadableStream<string> | ReadableStream<Uint8Array>,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (
    const chunk of stream as ReadableStream<string | Uint8Array<ArrayBuffer>>
  ) {
    text += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
