/**
 * A web stream of bytes, read as a socket is: into buffers of the reader's.
 *
 * @module
 */

const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** Reads a stream, and keeps what did not fit. */
export class ChunkReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest = EMPTY;

  /** Locks the stream for as long as it lives. */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Reads into a buffer; resolves to the bytes read, null at the end. */
  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#reader.read();
      if (done) return null;
      this.#rest = value;
    }
    const part = this.#rest.subarray(0, buffer.length);
    buffer.set(part);
    this.#rest = this.#rest.subarray(part.length);
    return part.length;
  }

  /** Lets go of what the stream reads from; a pending read resolves to null. */
  async cancel(): Promise<void> {
    try {
      await this.#reader.cancel();
    } catch {
      // it has failed before: nothing is left to let go of
    }
  }
}
