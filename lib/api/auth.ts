/**
 * Who a peer is: credentials in, an identity out. They are what the connection itself shows, or what the
 * peer sends in `rpc.authenticate`.
 *
 * @module
 */

import { nodeModule } from "../runtime.ts";
import type { PeerInfo } from "./context.ts";
import type { PeerCertificate } from "../transport/socket.ts";

/** What a peer shows to say who it is, by its `scheme`. */
export type Credentials =
  /** A secret that was given out before, from `rpc.authenticate`: RFC 6750. */
  | { readonly scheme: "bearer"; readonly token: string }
  /** A certificate that was asked for and is trusted, from the handshake of TLS. */
  | { readonly scheme: "certificate"; readonly certificate: PeerCertificate }
  /**
   * A Unix socket: the peer may open its file, and more is not known. Deno does not tell which user it
   * is, so whoever may open the file is one identity; `serve` gives the file to its owner alone.
   */
  | { readonly scheme: "unix" };

/**
 * Decides who a peer is.
 *
 * It is asked when a connection begins that shows something by itself, a certificate or a Unix socket,
 * and each time that the peer calls `rpc.authenticate`. At the beginning the peer has said nothing: what
 * it sends waits for the decision, and `peer.framing` is not known.
 *
 * @returns the identity, which handlers find as `context.peer.identity`; undefined, null and false are
 * none. Then `rpc.authenticate` is refused; at the beginning it is waited for, and nothing is counted as
 * a failure. An {@linkcode RpcError} that is thrown refuses in its own words, and at the beginning it
 * ends the connection, as any other error does: to wait for a token instead, return undefined.
 *
 * @example Unix sockets and certificates at once, a token from everyone else
 * ```ts
 * import { type Authenticate, bearerTokens, connect, method, serve } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * const tokens = bearerTokens({ "s3cret": "alice" });
 * const authenticate: Authenticate = (credentials, peer) => {
 *   switch (credentials.scheme) {
 *     case "unix":
 *       return "operator"; // whoever may open the socket file
 *     case "certificate":
 *       return credentials.certificate.subject.CN;
 *     case "bearer":
 *       return tokens(credentials, peer);
 *   }
 * };
 *
 * const api = { whoami: method((_, { peer }) => String(peer.identity)) };
 * const path = `/tmp/landline-${crypto.randomUUID()}.sock`;
 * await using server = serve(api, { listen: `unix://${path}`, authenticate });
 * await using line = await connect<typeof api>(server.addresses[0]!);
 *
 * assert(await line.call.whoami() === "operator");
 * ```
 */
export type Authenticate = (credentials: Credentials, peer: PeerInfo) => unknown;

/** UTF-16 units of a token, beyond which it is refused unread unless one that is known is as long. */
const MAX_TOKEN = 4096;

/**
 * Knows peers by bearer tokens, and by nothing else. It takes the same time for one token as for a million,
 * and this time does not tell how near a guess was: a guess is looked up by its SHA-256 digest.
 *
 * @param tokens the identity for each token
 *
 * @example
 * ```ts
 * import { bearerTokens, connect, method, serve } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * const api = { whoami: method((_, { peer }) => String(peer.identity)) };
 * await using server = serve(api, {
 *   listen: "tcp://127.0.0.1:0",
 *   authenticate: bearerTokens({ "s3cret": "alice" }),
 * });
 * await using line = await connect<typeof api>(server.addresses[0]!, { token: "s3cret" });
 *
 * assert(await line.call.whoami() === "alice");
 * ```
 */
export function bearerTokens(tokens: Readonly<Record<string, unknown>>): Authenticate {
  // Loaded here: it takes as long as all of this library, and most servers have no tokens.
  const { createHash } = nodeModule("node:crypto");
  const digestOf = (token: string) => createHash("sha256").update(token).digest("base64");
  const known = new Map<string, unknown>();
  let longest = MAX_TOKEN;
  for (const [token, identity] of Object.entries(tokens)) {
    known.set(digestOf(token), identity);
    longest = Math.max(longest, token.length);
  }
  return (credentials) =>
    credentials.scheme === "bearer" && credentials.token.length <= longest
      ? known.get(digestOf(credentials.token))
      : undefined;
}
