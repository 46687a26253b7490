/**
 * The two ends of a handshake, and what can be wrong with a certificate, in words.
 *
 * @module
 */

import type { TLSSocket } from "node:tls";
import { MAX_MS } from "../../limits.ts";
import { errors, nodeModule } from "../../runtime.ts";
import type { Credentials } from "./certificate.ts";
import type { NodeStream } from "./node_stream.ts";
import { cannotAccept } from "./hello.ts";

/** Shakes hands as the server; where a certificate is asked for, {@linkcode refusalOf} tells of it. */
export function serverHandshake(
  below: NodeStream,
  options: Credentials & { requestCert: boolean },
  timeout: number,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    // A server for each connection: its events are about this one, with the certificate of now.
    const server = nodeModule("node:tls").createServer({
      ...options,
      // We refuse on our own, because then we can say why.
      rejectUnauthorized: false,
      // Ours comes first. It only must not be the default of 120 s, which keeps things in memory.
      handshakeTimeout: Math.min(timeout + 1000, MAX_MS),
    });
    server.on("secureConnection", resolve);
    server.on("tlsClientError", reject);
    server.emit("connection", below.stream);
  });
}

/** Shakes hands as a client; rejects unless the server's certificate is good, for this name. */
export function clientHandshake(
  below: NodeStream,
  name: string,
  credentials: Credentials,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = nodeModule("node:tls").connect({
      ...credentials,
      socket: below.stream,
      // The name is what the certificate must have; an IP address is no name that can be asked for.
      host: name,
      rejectUnauthorized: true,
    });
    secure.on("error", reject);
    secure.on("close", () => reject(new errors.ConnectionReset("the server left")));
    secure.on("secureConnect", () => resolve(secure));
  });
}

/** Why a client is refused by its certificate; undefined where it is not. */
export function refusalOf(secure: TLSSocket): Error | undefined {
  const { subject } = secure.getPeerCertificate();
  if (subject !== undefined && secure.authorized) return undefined;
  if (subject === undefined) return cannotAccept("the client sent no certificate");
  const code = String(secure.authorizationError);
  return cannotAccept(
    `the client's certificate ${
      VERDICTS.get(code) ?? `is not accepted (${code})`
    }, its subject is ${JSON.stringify(subject).slice(0, 128)}`,
  );
}

/** What is wrong with a certificate, by the code that Node has for it. */
const VERDICTS: ReadonlyMap<string, string> = new Map([
  ["CERT_HAS_EXPIRED", "has expired"],
  ["CERT_NOT_YET_VALID", "is not valid yet"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "is signed by no CA that is trusted here"],
  ["INVALID_PURPOSE", "is not made for this purpose"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "is signed by no CA that is trusted here"],
  ["UNABLE_TO_GET_ISSUER_CERT", "is signed by no CA that is trusted here"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "is signed by no CA that is trusted here"],
  [
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "is signed by no CA that is trusted here, or not made for this purpose",
  ],
]);

/** Why a handshake with a server failed, for those who dialled. */
export function cannotConnect(address: string, error: unknown): Error {
  const { code = "", message } = error as { code?: string; message: string };
  const verdict = VERDICTS.get(code);
  const why = verdict !== undefined
    ? `the server's certificate ${verdict}`
    : code === "ERR_TLS_CERT_ALTNAME_INVALID"
    ? `the server's certificate is for another name: ${message.replace(/^.*?altnames: /, "")}`
    : code === "ERR_SSL_WRONG_VERSION_NUMBER"
    ? "the server does not speak TLS"
    : code === "ECONNRESET" || error instanceof errors.ConnectionReset
    ? "the server closed the connection during the handshake"
    : message;
  return new errors.InvalidData(`Cannot connect to ${address}: ${why}`, { cause: error });
}
