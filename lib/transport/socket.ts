/**
 * What every transport gives: sockets, and listeners that accept them.
 *
 * @module
 */

import type { Framing } from "../framing/frame.ts";
import type { Limits } from "../limits.ts";
import type { Address } from "./address.ts";

/** Accepts sockets at one address. */
export interface Listener {
  /** Where it really listens: with the port that the system chose, where 0 was asked for. */
  readonly address: string;
  /** Whether it accepts one socket, and will never accept another. */
  readonly single?: boolean;
  /**
   * The next socket. Rejects with `BadResource` or `Interrupted` once the listener is closed and has given what
   * it had accepted before.
   */
  accept(): Promise<Socket>;
  /** Accepts no more. */
  close(): void;
}

/** What a listener takes besides its address. */
export interface ListenOptions {
  /** TCP connections that the system completes before they are accepted. @default {1024} */
  readonly tcpBacklog?: number;
  /** Whether others may listen at the same address. Of those that cannot be shared see `reuse_port.ts`. */
  readonly reusePort?: boolean;
  /** What a server needs for TLS. */
  readonly tls?: TlsServerOptions;
  /** Networks of proxies whose connections begin with a header of the PROXY protocol. @default none */
  readonly proxyProtocol?: readonly string[];
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
  /** Headers of the requests of HTTP, by their names: for `ws:`, `wss:`, `http:` and `https:`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How much of an answer of HTTP is taken. @default {DEFAULT_LIMITS} */
  readonly limits?: Pick<Limits, "maxResponseBytes" | "maxCollectedItems">;
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

/** Bytes both ways: what reading and writing need of a socket. */
export interface Duplex {
  /** Reads into a buffer; resolves to the bytes read, null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of these bytes; resolves to how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Says that no more bytes will come, where the transport can. */
  closeWrite?(): Promise<void>;
  /** Lets a read that waits keep the process alive, as it does at first. */
  ref?(): void;
  /** Lets the process end although a read waits. */
  unref?(): void;
  /** Lets go of it; a pending read or write rejects. The promise is for what takes a while. */
  close(): void | Promise<void>;
}

/** One end of a connection. */
export interface Socket extends Duplex {
  /** The address of the other end. */
  readonly remote: string;
  /** The address of this end. */
  readonly local: string;
  /** The framing that both ends speak there, where the transport decides it: WebSocket's. */
  readonly framing?: Framing;
  /** Whether it carries datagrams: each is one line, and any of them may be lost. */
  readonly datagrams?: boolean;
  /** Whether it may be silent for as long as it likes: the other end is our parent or our child. */
  readonly lasting?: boolean;
  /** The certificate of the other end, where it has shown one that is trusted. */
  readonly certificate?: PeerCertificate;
  /** Whether a proxy passes on what another sends: that the proxy could connect says nothing of that one. */
  readonly isRelayed?: boolean;
}

/** A certificate that was checked: its chain, its dates, and that the peer has its key. */
export interface PeerCertificate {
  /** Whose it is, in the parts of a name: `{ CN: "alice", O: "Example" }`. */
  readonly subject: Readonly<Record<string, string | string[]>>;
  /** Who signed it, in the same parts. */
  readonly issuer: Readonly<Record<string, string | string[]>>;
  /** Its other names, `DNS:localhost, IP Address:127.0.0.1`; empty where it has none. */
  readonly subjectAltName: string;
  /** Hexadecimal digits; its issuer gives each number once. */
  readonly serialNumber: string;
  /** The SHA-256 of {@linkcode raw}, as `AB:CD:…`. */
  readonly fingerprint256: string;
  /** Not valid before. */
  readonly validFrom: Date;
  /** Not valid after. */
  readonly validTo: Date;
  /** The certificate itself, in DER. */
  readonly raw: Uint8Array;
}
