/**
 * The sockets of Deno's own: TCP, Unix, vsock.
 *
 * @module
 */

import type { Socket } from "./socket.ts";

/** A socket of the runtime's own, with its addresses as text. */
export class DenoSocket<A extends Deno.Addr = Deno.Addr> implements Socket {
  readonly #conn: Deno.Conn<A>;
  readonly #format: (address: A) => string;

  /** @param format is asked when somebody wants to know: few connections are ever asked for theirs */
  constructor(conn: Deno.Conn<A>, format: (address: A) => string) {
    this.#conn = conn;
    this.#format = format;
  }

  get remote(): string {
    return this.#format(this.#conn.remoteAddr);
  }

  get local(): string {
    return this.#format(this.#conn.localAddr);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#conn.read(buffer as Uint8Array<ArrayBuffer>);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes as Uint8Array<ArrayBuffer>);
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  ref(): void {
    this.#conn.ref();
  }

  unref(): void {
    this.#conn.unref();
  }

  close(): void {
    this.#conn.close();
  }
}
