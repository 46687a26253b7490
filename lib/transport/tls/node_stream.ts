/**
 * A socket as a stream of Node's, for what Deno has in Node's shape only. The descriptor stays ours:
 * closing here frees it whatever state the layers above are in.
 *
 * @module
 */

import type { Duplex as NodeDuplex } from "node:stream";
import { nodeModule, unrefTimer } from "../../runtime.ts";
import type { Duplex } from "../socket.ts";

/** Milliseconds that the last bytes before the end may take. */
const LAST_WORDS = 100;

const EMPTY: Uint8Array<ArrayBuffer> = /* @__PURE__ */ new Uint8Array(0);

/** A socket, and the stream that stands for it. */
export class NodeStream {
  /** What Node's modules take for a connection. */
  readonly stream: NodeDuplex;
  readonly #socket: Duplex;
  #nextSlice: (() => Promise<void>) | undefined;
  #buffer = EMPTY;
  /** Whether the stream has room for more. */
  #wanted = false;
  /** Whether whoever stands above the stream wants more. */
  #flowing = true;
  #reading = false;
  #writing = false;
  #ending = false;
  #closed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param first what was read from the socket already
   * @param turn what everything that is read before {@linkcode hold} has to wait for
   */
  constructor(socket: Duplex, first: Uint8Array = EMPTY, nextSlice?: () => Promise<void>) {
    this.#socket = socket;
    this.#nextSlice = nextSlice;
    this.stream = new (nodeModule("node:stream").Duplex)({
      allowHalfOpen: true,
      read: () => {
        this.#wanted = true;
        this.#read();
      },
      write: (bytes: Uint8Array, _encoding, done) => {
        this.#write(bytes).then(() => done(), done);
      },
      final: (done) => {
        if (this.#ending) this.close();
        const ended = this.#closed ? undefined : this.#socket.closeWrite?.();
        (ended ?? Promise.resolve()).then(() => done(), done);
      },
      destroy: (error, done) => {
        this.close();
        done(error);
      },
    });
    this.stream.on("error", () => {}); // whoever waits learns of it from the layer above
    if (first.length > 0) this.stream.push(first);
  }

  /**
   * Reads only as often as {@linkcode pull} says from now on: Deno's `node:tls` takes whatever a
   * stream has, and keeps all of it in memory where nobody asks for it.
   */
  hold(): void {
    this.#flowing = false;
    this.#nextSlice = undefined;
  }

  /** Reads until {@linkcode hold}, about so many bytes at a time. */
  pull(bytes: number): void {
    if (this.#buffer.length !== bytes) this.#buffer = new Uint8Array(bytes);
    this.#flowing = true;
    this.#read();
  }

  /** Closes after one more write, or soon where the peer does not take it. */
  end(): void {
    if (this.#writing) return this.close();
    this.#ending = true;
    this.#timer = setTimeout(() => this.close(), LAST_WORDS);
    unrefTimer(this.#timer);
  }

  /** Closes now. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    try {
      this.#socket.close();
    } catch {
      // the peer was faster
    }
    this.stream.destroy();
  }

  async #read(): Promise<void> {
    if (!this.#wanted || !this.#flowing || this.#reading || this.#closed) return;
    this.#reading = true;
    this.#wanted = false;
    if (this.#buffer.length === 0) this.#buffer = new Uint8Array(1 << 11);
    const buffer = this.#buffer;
    try {
      const count = await this.#socket.read(buffer);
      await this.#nextSlice?.();
      this.#reading = false;
      // A copy: the stream may keep it for a while.
      this.stream.push(count === null ? null : buffer.slice(0, count));
    } catch (error) {
      this.stream.destroy(error as Error);
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#writing = true;
    try {
      for (let rest = bytes; rest.length > 0;) {
        rest = rest.subarray(await this.#socket.write(rest));
      }
    } finally {
      this.#writing = false;
      if (this.#ending) this.close();
    }
  }
}
