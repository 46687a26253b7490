// A caller that knows nothing but bytes.

import type { Duplex } from "../../lib/transport/socket.ts";
import { within } from "./deadline.ts";
import { bytesOf, join } from "./raw.ts";

/** One end of a socket, in the hands of a test. */
export class Phone implements AsyncDisposable {
  readonly #socket: Duplex;
  #heard: Uint8Array = new Uint8Array(0);
  #closed = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Sends this, whole. */
  async say(what: string | Uint8Array): Promise<void> {
    for (let rest: Uint8Array = bytesOf(what); rest.length > 0;) {
      rest = rest.subarray(await within(this.#socket.write(rest), "what is said to be taken"));
    }
  }

  /** The next bytes, so many, as text. */
  async hear(count: number): Promise<string> {
    while (this.#heard.length < count) {
      if (!await this.#read()) throw new Error(`Heard only ${this.#heard.length} of ${count} B`);
    }
    const bytes = this.#heard.subarray(0, count);
    this.#heard = this.#heard.subarray(count);
    return new TextDecoder().decode(bytes);
  }

  /** Everything that still comes. */
  async rest(): Promise<Uint8Array> {
    while (await this.#read());
    const bytes = this.#heard;
    this.#heard = new Uint8Array(0);
    return bytes;
  }

  /** Says that it has finished. */
  async finish(): Promise<void> {
    await this.#socket.closeWrite?.();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#socket.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Reads once; false at the end. */
  async #read(): Promise<boolean> {
    const buffer = new Uint8Array(1 << 18);
    const count = await within(this.#socket.read(buffer), "the other end to speak");
    if (count === null) return false;
    this.#heard = join([this.#heard, buffer.subarray(0, count)]);
    return true;
  }
}
