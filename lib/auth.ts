/**
 * Who a peer is: credentials in, an identity out, once a connection.
 *
 * @module
 */

import type { PeerInfo } from "./context.ts";
import { RpcError } from "./error.ts";

/** What a peer shows to say who it is. */
export type Credentials = /** A secret that was given out before: RFC 6750. */
  { readonly scheme: "bearer"; readonly token: string };

/**
 * Decides who a peer is.
 *
 * @returns the identity, which handlers find as `context.peer.identity`; undefined refuses. An
 * {@linkcode RpcError} that is thrown refuses in its own words.
 */
export type Authenticate = (credentials: Credentials, peer: PeerInfo) => unknown;

/** Whether a peer may call, and who it is. */
export class Gate {
  readonly #authenticate: Authenticate | undefined;
  #identity: unknown;
  #isOpen: boolean;
  #failures = 0;

  /** @param authenticate undefined lets everyone pass */
  constructor(authenticate: Authenticate | undefined) {
    this.#authenticate = authenticate;
    this.#isOpen = authenticate === undefined;
  }

  /** Whether the peer may call. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Who it is; undefined where nobody asked. */
  get identity(): unknown {
    return this.#identity;
  }

  /** How often the peer was refused. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * Looks at credentials. A peer that was known stays so until it is known as another.
   *
   * @throws {RpcError} `UNAUTHENTICATED`
   */
  async enter(credentials: Credentials, peer: PeerInfo): Promise<void> {
    if (this.#authenticate === undefined) {
      throw new RpcError("FAILED_PRECONDITION", "This server does not ask who calls");
    }
    try {
      const identity = await this.#authenticate(credentials, peer);
      if (identity === undefined || identity === null || identity === false) {
        throw new RpcError("UNAUTHENTICATED", "The credentials are not known");
      }
      this.#identity = identity;
      this.#isOpen = true;
    } catch (error) {
      this.#failures++;
      throw error;
    }
  }
}

/**
 * Whether two texts are the same, in a time that does not tell where they differ.
 *
 * @example
 * ```ts
 * import { timingSafeEqual } from "@landline/rpc";
 * import { assert } from "@std/assert";
 *
 * assert(timingSafeEqual("secret", "secret"));
 * assert(!timingSafeEqual("secret", "secreT"));
 * ```
 */
export function timingSafeEqual(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  const given = encoder.encode(a), known = encoder.encode(b);
  let difference = given.length ^ known.length;
  for (let i = 0; i < given.length; i++) difference |= given[i]! ^ (known[i % known.length] ?? 0);
  return difference === 0;
}

/**
 * Knows peers by bearer tokens.
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
  const known = Object.entries(tokens);
  return ({ token }) => {
    let found: unknown;
    // All are looked at: the time must not tell which of them is near.
    for (const [candidate, identity] of known) {
      if (timingSafeEqual(token, candidate)) found = identity;
    }
    return found;
  };
}
