/**
 * What every transport gives: sockets, and listeners that accept them.
 *
 * @module
 */

import type { Duplex } from "../writer.ts";
import type { Address } from "./address.ts";

/** One end of a connection. */
export interface Socket extends Duplex {
  /** The address of the other end. */
  readonly remote: string;
  /** The address of this end. */
  readonly local: string;
}

/** Accepts sockets at one address. */
export interface Listener {
  /** Where it really listens: with the port that the system chose, where 0 was asked for. */
  readonly address: string;
  /** The next socket. Rejects with `BadResource` or `Interrupted` once the listener is closed. */
  accept(): Promise<Socket>;
  /** Accepts no more. */
  close(): void;
}

/** What a listener takes besides its address. */
export interface ListenOptions {
  /** Connections that the system completes before they are accepted. */
  readonly tcpBacklog: number;
}

/** What a dial takes besides its address. */
export interface DialOptions {
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/** One way to reach a peer. */
export interface Transport {
  /**
   * Listens. The promise is for transports that have to look before they can; addresses whose
   * transports need not are listened at when this returns.
   */
  listen(address: Address, options: ListenOptions): Listener | Promise<Listener>;
  /** Connects. */
  dial(address: Address, options: DialOptions): Promise<Socket>;
}

/** A socket of the runtime's own, with its addresses as text. */
export class DenoSocket implements Socket {
  readonly #conn: Deno.Conn;
  readonly remote: string;
  readonly local: string;

  constructor(conn: Deno.Conn, remote: string, local: string) {
    this.#conn = conn;
    this.remote = remote;
    this.local = local;
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

  close(): void {
    this.#conn.close();
  }
}
