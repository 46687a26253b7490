/**
 * The connection of a caller that a proxy passes on.
 *
 * @module
 */

import type { Socket } from "../socket.ts";
import type { ProxiedEnds } from "./header.ts";

const NONE: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** A socket to a proxy whose ends are those of the caller's connection to the proxy. */
export class ProxiedSocket implements Socket {
  readonly remote: string;
  readonly local: string;
  readonly isRelayed = true;
  readonly #below: Socket;
  /** What came with the header. */
  #first: Uint8Array;

  /** @param ends those of the socket itself if the proxy has said nothing of them */
  constructor(below: Socket, ends: ProxiedEnds | undefined, first: Uint8Array) {
    this.#below = below;
    this.#first = first.slice(); // the rest of its buffer is let go of
    this.remote = ends?.remote ?? below.remote;
    this.local = ends?.local ?? below.local;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const count = Math.min(buffer.length, this.#first.length);
    if (count === 0) return this.#below.read(buffer);
    buffer.set(this.#first.subarray(0, count));
    this.#first = count < this.#first.length ? this.#first.subarray(count) : NONE;
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
