/**
 * A socket under TLS, whichever end shook hands.
 *
 * @module
 */

import type { TLSSocket } from "node:tls";
import { errors } from "../../runtime.ts";
import { secured } from "../address.ts";
import type { PeerCertificate, Socket } from "../socket.ts";
import type { NodeStream } from "./node_stream.ts";

/**
 * Bytes that one write takes at most: a slow peer shows progress, and TLS below never has to keep
 * what it cannot encrypt yet.
 */
const MAX_WRITE = 1 << 15;

/** Bytes that one read takes from the socket below, at least and at most. */
const MIN_READ = 1 << 10;
const MAX_READ = 1 << 16;

/** A socket whose bytes travel encrypted. */
export class TlsSocket implements Socket {
  readonly remote: string;
  readonly local: string;
  readonly certificate?: PeerCertificate;
  readonly #secure: TLSSocket;
  readonly #below: NodeStream;
  readonly #socket: Socket;
  /** What was decrypted and not read yet: of one read from below at most. */
  readonly #chunks: Uint8Array[] = [];
  #reader: (() => void) | undefined;
  #rejectWrite: ((error: Error) => void) | undefined;
  #inputEnded = false;
  #outputEnded = false;
  #failure: Error | undefined;

  /** Takes over when both ends have shaken hands. */
  constructor(secure: TLSSocket, below: NodeStream, socket: Socket) {
    this.remote = secured(socket.remote);
    this.local = secured(socket.local);
    this.#socket = socket;
    this.#secure = secure;
    this.#below = below;
    const certificate = certificateOf(secure);
    if (certificate !== undefined) this.certificate = certificate;
    below.hold();
    secure.on("data", (bytes: Uint8Array) => {
      this.#chunks.push(bytes);
      this.#wake();
    });
    secure.on("end", () => {
      this.#inputEnded = true;
      this.#wake();
    });
    secure.on("error", (error) => this.#fail(error));
    secure.on(
      "close",
      () => this.#fail(new errors.ConnectionReset("The connection was reset")),
    );
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const [chunk] = this.#chunks;
      if (chunk !== undefined) {
        const part = chunk.subarray(0, buffer.length);
        buffer.set(part);
        if (part.length === chunk.length) this.#chunks.shift();
        else this.#chunks[0] = chunk.subarray(part.length);
        return part.length;
      }
      if (this.#inputEnded) return null;
      if (this.#failure !== undefined) throw this.#failure;
      const more = new Promise<void>((resolve) => this.#reader = resolve);
      this.#below.pull(Math.min(MAX_READ, Math.max(MIN_READ, buffer.length)));
      await more;
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    const part = bytes.subarray(0, MAX_WRITE);
    await this.#send((done) => this.#secure.write(part, done));
    return part.length;
  }

  ref(): void {
    this.#socket.ref?.();
  }

  unref(): void {
    this.#socket.unref?.();
  }

  async closeWrite(): Promise<void> {
    this.#outputEnded = true;
    await this.#send((done) => this.#secure.end(done));
  }

  /** Says goodbye where the peer still takes bytes: it tells an end from a cut. */
  close(): void {
    const canSay = this.#failure === undefined && !this.#outputEnded;
    this.#inputEnded = false;
    this.#chunks.length = 0;
    this.#fail(new errors.Interrupted("The socket was closed"));
    if (!canSay) return this.#below.close();
    this.#below.end();
    this.#secure.end();
  }

  #send(begin: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#rejectWrite = reject;
      begin((error) => error ? reject(error) : resolve());
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#rejectWrite?.(this.#failure);
    this.#wake();
  }

  #wake(): void {
    this.#below.hold();
    this.#reader?.();
    this.#reader = undefined;
  }
}

/** What the peer proved about itself; undefined where it did not. */
function certificateOf(secure: TLSSocket): PeerCertificate | undefined {
  if (!secure.authorized) return undefined;
  const { raw, subject, issuer, fingerprint256, serialNumber, subjectaltname, ...rest } = secure
    .getPeerCertificate();
  if (raw === undefined) return undefined;
  return {
    subject: { ...subject },
    issuer: { ...issuer },
    subjectAltName: subjectaltname ?? "",
    serialNumber,
    fingerprint256,
    validFrom: new Date(rest.valid_from),
    validTo: new Date(rest.valid_to),
    raw: new Uint8Array(raw),
  };
}
