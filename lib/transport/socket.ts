/**
 * What every transport gives: sockets, and listeners that accept them.
 *
 * @module
 */

import type { Limits } from "../limits.ts";
import type { Socket } from "../link/framed_writer.ts";
import type { Address } from "./address.ts";

export type { Socket };

/** Accepts sockets at one address. */
export interface Listener {
  /** Where it really listens: with the port that the system chose, where 0 was asked for. */
  readonly address: string;
  /** Whether it accepts one socket, and will never accept another. */
  readonly single?: boolean;
  /** The next socket. Rejects with `BadResource` or `Interrupted` once the listener is closed. */
  accept(): Promise<Socket>;
  /** Accepts no more. */
  close(): void;
}

/** What a listener takes besides its address. */
export interface ListenOptions {
  /** Connections that the system completes before they are accepted. */
  readonly tcpBacklog: number;
  /** Whether others may listen at the same address. Of those that cannot be shared see `shared.ts`. */
  readonly reusePort?: boolean;
  /** What a server needs for TLS. */
  readonly tls?: TlsServerOptions;
  /** The limits of the server. */
  readonly limits?: Limits;
  /** Told of what goes wrong before a socket can be accepted. */
  readonly onError?: (error: unknown, about: string) => void;
}

/**
 * What a server needs for `tls://`. Each member is the path of a PEM file, or PEM text. Files are read
 * again when they have changed: new connections get what is new, old ones live on.
 */
export interface TlsServerOptions {
  /** The certificate, followed by those between it and the CA. */
  readonly cert: string | URL;
  /** The private key, not encrypted. */
  readonly key: string | URL;
  /**
   * The CA that clients' certificates must be signed by; a client without such a certificate is
   * refused. @default clients need none
   */
  readonly clientCa?: string | URL;
}

/** What a client may say about `tls://`. Files and text as in {@linkcode TlsServerOptions}. */
export interface TlsClientOptions {
  /** The CA that the server's certificate must be signed by. @default the CAs that Deno trusts */
  readonly ca?: string | URL;
  /** The client's own certificate, for servers that want one. */
  readonly cert?: string | URL;
  /** The private key of {@linkcode cert}. */
  readonly key?: string | URL;
  /** The name that the server's certificate must have. @default the host of the address */
  readonly serverName?: string;
}

/** What a dial takes besides its address. */
export interface DialOptions {
  /** Gives up. */
  readonly signal?: AbortSignal;
  /** What there is to say about TLS. */
  readonly tls?: TlsClientOptions;
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
