/**
 * A socket of which something was read before it is handed on: that comes first.
 *
 * @module
 */

import { EMPTY } from "../framing/byte_queue.ts";
import type { Socket } from "./socket.ts";

/** A socket over another, with ends of its own. */
export class PrefixedSocket implements Socket {
  readonly remote: string;
  readonly local: string;
  readonly #below: Socket;
  /** What was read, and not given yet. */
  #first: Uint8Array;

  constructor(
    below: Socket,
    { remote, local }: Pick<Socket, "remote" | "local">,
    first: Uint8Array,
  ) {
    this.#below = below;
    this.#first = first;
    this.remote = remote;
    this.local = local;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const count = Math.min(buffer.length, this.#first.length);
    if (count === 0) return this.#below.read(buffer);
    buffer.set(this.#first.subarray(0, count));
    this.#first = count < this.#first.length ? this.#first.subarray(count) : EMPTY;
    return Promise.resolve(count);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#below.write(bytes);
  }

  async closeWrite(): Promise<void> {
    await this.#below.closeWrite?.();
  }

  ref(): void {
    this.#below.ref?.();
  }

  unref(): void {
    this.#below.unref?.();
  }

  close(): void | Promise<void> {
    return this.#below.close();
  }
}
