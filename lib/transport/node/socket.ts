/**
 * A socket of `node:net`: for Node and Bun, and for what Deno has in this shape alone.
 *
 * It reads no more than its owner asks for. Bytes that come while no read waits stop it; what waits here
 * meanwhile is one chunk, and the system keeps the rest.
 *
 * @module
 */

import type { Socket as NetSocket } from "node:net";
import { errors, isDeno } from "../../runtime.ts";
import { EMPTY } from "../../framing/byte_queue.ts";
import type { Socket } from "../socket.ts";
import { systemError } from "./errors.ts";

/** Bytes that one write takes at most: a slow peer shows progress. */
const MAX_WRITE = 1 << 16;

/** A read that waits for bytes, and where they go. */
interface Reader {
  readonly buffer: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: unknown) => void;
}

/** A write that waits until its bytes are with the system. */
interface Writer {
  readonly count: number;
  readonly resolve: (count: number) => void;
  readonly reject: (error: unknown) => void;
}

/** One end of a connection. */
export class NodeSocket implements Socket {
  readonly remote: string;
  readonly local: string;
  readonly #socket: NetSocket;
  /** What came and was not read yet, the oldest first. */
  readonly #chunks: Uint8Array[] = [];
  #isPaused = true;
  #reader: Reader | undefined;
  #writer: Writer | undefined;
  /** Writes with a callback that have begun, and those of them that have ended. */
  #begun = 0;
  #done = 0;
  #hasEnded = false;
  #failure: unknown;
  readonly #onWritten = (): void => {
    if (++this.#done === this.#begun) this.#settleWriter();
  };

  /** Takes over a socket that is connected. @param addresses those of both ends */
  constructor(socket: NetSocket, addresses: Pick<Socket, "remote" | "local">) {
    this.remote = addresses.remote;
    this.local = addresses.local;
    this.#socket = socket;
    socket.pause();
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("end", () => {
      this.#hasEnded = true;
      if (this.#chunks.length === 0) this.#endRead();
    });
    socket.on("error", (error) => this.#fail(systemError(error)));
    socket.on("close", () => this.#fail(new errors.ConnectionReset("Connection reset by peer")));
  }

  // ---- Reading -------------------------------------------------------------------------------

  read(buffer: Uint8Array): Promise<number | null> {
    const [chunk] = this.#chunks;
    if (chunk !== undefined) {
      const count = Math.min(chunk.length, buffer.length);
      buffer.set(count === chunk.length ? chunk : chunk.subarray(0, count));
      if (count < chunk.length) this.#chunks[0] = chunk.subarray(count);
      else this.#chunks.shift();
      return Promise.resolve(count);
    }
    if (this.#hasEnded) return Promise.resolve(null);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#reader = { buffer, resolve, reject };
      if (!this.#isPaused) return;
      this.#isPaused = false;
      this.#socket.resume();
    });
  }

  #receive(chunk: Uint8Array): void {
    const reader = this.#reader;
    if (reader === undefined) {
      this.#chunks.push(chunk);
      this.#isPaused = true;
      this.#socket.pause();
      return;
    }
    this.#reader = undefined;
    const { buffer } = reader, count = Math.min(chunk.length, buffer.length);
    buffer.set(count === chunk.length ? chunk : chunk.subarray(0, count));
    if (count < chunk.length) this.#chunks.push(chunk.subarray(count));
    reader.resolve(count);
  }

  #endRead(): void {
    this.#reader?.resolve(null);
    this.#reader = undefined;
  }

  // ---- Writing -------------------------------------------------------------------------------

  write(bytes: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const part = bytes.length > MAX_WRITE ? bytes.subarray(0, MAX_WRITE) : bytes, { length } = part;
    // A write with a callback takes a round more of Node's; most are done when they return.
    if (isDeno) this.#write(part);
    else {
      this.#socket.write(part);
      if (this.#socket.writableLength === 0) return Promise.resolve(length);
      this.#write(EMPTY); // its end is that of what stands before it
    }
    // The bytes are lent until the system has taken them.
    return new Promise((resolve, reject) => {
      this.#writer = { count: length, resolve, reject };
    });
  }

  #write(bytes: Uint8Array): void {
    this.#begun++;
    this.#socket.write(bytes, this.#onWritten);
  }

  #settleWriter(): void {
    const writer = this.#writer;
    this.#writer = undefined;
    if (this.#failure === undefined) writer?.resolve(writer.count);
    else writer?.reject(this.#failure);
  }

  closeWrite(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#socket.end(() => this.#failure === undefined ? resolve() : reject(this.#failure));
    });
  }

  // ---- The end -------------------------------------------------------------------------------

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  close(): void {
    this.#chunks.length = 0;
    this.#hasEnded = false;
    this.#fail(new errors.Interrupted("The socket was closed"));
    this.#socket.destroy();
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    if (this.#hasEnded && this.#chunks.length === 0) this.#endRead();
    this.#reader?.reject(this.#failure);
    this.#reader = undefined;
    this.#settleWriter();
  }
}
