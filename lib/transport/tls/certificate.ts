/**
 * Certificates and keys: read from files or given as text, checked before anybody depends on them,
 * and read again when the files change.
 *
 * @module
 */

import { nodeModule } from "../../runtime.ts";
import { files } from "../files.ts";
import type { TlsClientOptions, TlsServerOptions } from "../socket.ts";

/** What `node:tls` is given: PEM text. */
export interface Credentials {
  cert?: string;
  key?: string;
  ca?: string;
}

/** The certificate of a server, as it is now. */
export class ServerCertificate {
  readonly #options: TlsServerOptions;
  #credentials: Credentials;
  /** The files as they were when they were read last, whether they were any good or not. */
  #seen: string;

  /** @throws {TypeError} where something is missing, unreadable or does not fit together */
  constructor(options: TlsServerOptions) {
    this.#options = options;
    this.#seen = this.#state();
    this.#credentials = this.#read();
  }

  /** Whether clients have to show a certificate. */
  get asksClients(): boolean {
    return this.#options.clientCa !== undefined;
  }

  /** What the next handshake is made with. */
  get credentials(): Credentials {
    return this.#credentials;
  }

  /**
   * Reads the files again if one of them has changed. What is good replaces what was there; what is
   * not good leaves it as it was.
   *
   * @throws {TypeError} once for each change that is not good
   */
  refresh(): void {
    const state = this.#state();
    if (state === this.#seen) return;
    this.#seen = state;
    this.#credentials = this.#read();
  }

  #read(): Credentials {
    const { cert, key, clientCa } = this.#options;
    return {
      ...readPair(cert, key),
      ...(clientCa !== undefined && { ca: readAuthorities("client CA", clientCa) }),
    };
  }

  #state(): string {
    const { cert, key, clientCa } = this.#options;
    return [cert, key, clientCa].map((source) => {
      if (source === undefined || isPem(source)) return "";
      try {
        return files.version(source);
      } catch {
        return "none"; // reading it tells why
      }
    }).join("\n");
  }
}

/**
 * What a client trusts and shows.
 *
 * @throws {TypeError} where something is unreadable or does not fit together
 */
export function clientCredentials({ ca, cert, key }: TlsClientOptions): Credentials {
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? "certificate" : "key";
    throw new TypeError(`Cannot use tls.cert and tls.key: the ${missing} is missing`);
  }
  return {
    ...(ca !== undefined && { ca: readAuthorities("CA", ca) }),
    ...(cert !== undefined && key !== undefined && readPair(cert, key)),
  };
}

function readPair(certSource: string | URL, keySource: string | URL): Credentials {
  const cert = readPem("certificate", certSource);
  const key = readPem("key", keySource);
  const { createPrivateKey, X509Certificate } = nodeModule("node:crypto");
  const certificate = check("certificate", certSource, () => new X509Certificate(cert));
  const privateKey = check("key", keySource, () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new TypeError(
      `Cannot use the TLS key ${show(keySource)}: it does not belong to the certificate ${
        show(certSource)
      }`,
    );
  }
  return { cert, key };
}

/** One certificate or more, each of which is looked at. */
function readAuthorities(what: string, source: string | URL): string {
  const text = readPem(what, source);
  const { X509Certificate } = nodeModule("node:crypto");
  const all = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  check(what, source, () => {
    if (all.length === 0) throw new TypeError("there is no certificate in it");
    for (const one of all) new X509Certificate(one);
  });
  return text;
}

function readPem(what: string, source: string | URL | undefined): string {
  if (source === undefined) throw new TypeError(`Cannot use TLS: the ${what} is missing`);
  if (isPem(source)) return source;
  const text = check(what, source, () => files.readText(source));
  return check(what, source, () => {
    if (isPem(text)) return text;
    throw new TypeError("it is not PEM, which begins with -----BEGIN");
  });
}

/** Text is told from a path by the line that PEM begins with. */
function isPem(source: string | URL): source is string {
  return typeof source === "string" && source.includes("-----BEGIN ");
}

function check<T>(what: string, source: string | URL, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TypeError(`Cannot use the TLS ${what} ${show(source)}: ${why}`, { cause: error });
  }
}

function show(source: string | URL): string {
  return isPem(source) ? "that was given as text" : JSON.stringify(String(source));
}
