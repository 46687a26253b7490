/**
 * What a program writes to standard error: it goes to ours, and its end is kept, to say why the program
 * has ended.
 *
 * @module
 */

/** Bytes that are kept. */
const KEPT = 1 << 10;

/** Milliseconds for which the last of it is waited for: a program that was started may hold it open. */
const PATIENCE = 200;

/** Passes on standard error, and remembers its end. */
export class ErrorOutput {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #write: (bytes: Uint8Array) => Promise<number>;
  readonly #passed: Promise<void>;
  #kept: Uint8Array = new Uint8Array(0);
  #isCut = false;

  /** @param write writes to ours, some of what it is given */
  constructor(stream: ReadableStream<Uint8Array>, write: (bytes: Uint8Array) => Promise<number>) {
    this.#reader = stream.getReader();
    this.#write = write;
    this.#passed = this.#pass();
  }

  async #pass(): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await this.#reader.read();
        if (done) return;
        this.#keep(value);
        for (let rest = value; rest.length > 0;) {
          rest = rest.subarray(await this.#write(rest));
        }
      }
    } catch {
      // ours is closed, or the program's was let go of
    }
  }

  #keep(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#kept.length + bytes.length);
    all.set(this.#kept);
    all.set(bytes, this.#kept.length);
    this.#isCut ||= all.length > KEPT;
    this.#kept = all.slice(-KEPT);
  }

  /** The program has ended: the last lines that it has written, as one; empty if it has written none. */
  async end(): Promise<string> {
    let timer;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, PATIENCE));
    await Promise.race([this.#passed, late]);
    clearTimeout(timer);
    const text = new TextDecoder().decode(this.#kept);
    // The first line may have begun before what is kept.
    const lines = (this.#isCut ? text.slice(text.indexOf("\n") + 1) : text).split("\n");
    return lines.map((line) => line.trim()).filter((line) => line !== "").join(" | ");
  }

  /** Lets go of what it reads. */
  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => {}); // it has failed before
    await this.#passed;
  }
}
