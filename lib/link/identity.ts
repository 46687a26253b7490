/**
 * Who the peer of a connection is, once it has shown it, and whether it may call.
 *
 * @module
 */

import type { Authenticate, Credentials } from "../api/auth.ts";
import type { PeerInfo } from "../api/context.ts";
import { RpcError } from "../error.ts";

/** What a connection shows by itself of who the peer is. */
function shownBy({ certificate, transport }: PeerInfo): Credentials | undefined {
  if (certificate !== undefined) return { scheme: "certificate", certificate };
  return transport === "unix" ? { scheme: "unix" } : undefined;
}

/** Whether a peer may call, and who it is. */
export class Identity {
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
   * Looks at what the connection shows by itself, where it shows something and somebody asks. Rejects with
   * what the hook throws; that there is no identity in it is no failure.
   */
  begin(peer: PeerInfo): Promise<void> | undefined {
    const credentials = this.#isOpen ? undefined : shownBy(peer);
    return credentials && this.#look(credentials, peer).then(() => {});
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
      if (await this.#look(credentials, peer)) return;
      throw new RpcError("UNAUTHENTICATED", "The credentials are not known");
    } catch (error) {
      this.#failures++;
      throw error;
    }
  }

  /** Whether there is an identity in these credentials; if so, it is the peer's. */
  async #look(credentials: Credentials, peer: PeerInfo): Promise<boolean> {
    const identity = await this.#authenticate!(credentials, peer);
    if (identity === undefined || identity === null || identity === false) return false;
    this.#identity = identity;
    this.#isOpen = true;
    return true;
  }
}
