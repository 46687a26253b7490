/**
 * Who a peer is, once it has shown it, and whether it may call.
 *
 * It is shown by the connection itself, a certificate or a Unix socket, before anything is read; or by the
 * peer, in `rpc.authenticate`. Guessing is made slow, and ends the connection after a while.
 *
 * @module
 */

import type { Authenticate, Credentials } from "../api/auth.ts";
import type { PeerInfo } from "../api/context.ts";
import { asRpcError, RpcError } from "../error.ts";
import type { FramingLimits, FramingName } from "../framing/frame.ts";
import type { Limits } from "../limits.ts";
import type { Guesses } from "../overload/guesses.ts";
import type { Timers } from "../timers.ts";
import type { Socket } from "../transport/socket.ts";
import { CLOSED, LINGERING } from "./in_flight.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** What all identities of a server have in common. */
export interface IdentityOptions {
  readonly limits: Limits;
  readonly timers: Timers;
  /** Makes guessing slow, over however many connections; without it each is slow by itself. */
  readonly guesses?: Guesses;
}

/** What is known of a peer without credentials. */
export type Ends = Pick<Socket, "remote" | "local" | "certificate">;

/** Milliseconds that each wrong guess is answered later than the one before it. */
const DELAY = 100;

/** What a connection shows by itself of who the peer is. */
function shownBy({ certificate, transport }: PeerInfo): Credentials | undefined {
  if (certificate !== undefined) return { scheme: "certificate", certificate };
  return transport === "unix" ? { scheme: "unix" } : undefined;
}

/** Who one peer is. */
export class Identity {
  /** Whether the peer may call: it is known, or nobody asks. */
  isKnown: boolean;
  /** How much of the peer is read: little until it is known. */
  readonly framingLimits: FramingLimits;
  readonly #options: IdentityOptions;
  readonly #ends: Ends;
  readonly #transport: string;
  readonly #authenticate: Authenticate | undefined;
  readonly #lifecycle: Lifecycle | undefined;
  /** Told in the moment in which the peer is known as somebody else than before. */
  onKnown: ((before: PeerInfo) => void) | undefined;
  #framing: FramingName;
  #peer: PeerInfo | undefined;
  #failures = 0;

  /**
   * @param framing what the peer speaks, as far as is known
   * @param authenticate decides who the peer is; without it every peer may call
   * @param lifecycle ends if the peer guesses, or is refused at the beginning; without it nothing does
   */
  constructor(
    options: IdentityOptions,
    ends: Ends,
    transport: string,
    framing: FramingName,
    authenticate?: Authenticate,
    lifecycle?: Lifecycle,
  ) {
    this.#options = options;
    this.#ends = ends;
    this.#transport = transport;
    this.#framing = framing;
    this.#authenticate = authenticate;
    this.#lifecycle = lifecycle;
    this.isKnown = authenticate === undefined;
    const { maxMessageBytes, maxUnauthenticatedBytes, maxHeaderBytes, maxHeaderLines } =
      options.limits;
    this.framingLimits = this.isKnown ? options.limits : {
      maxMessageBytes: Math.min(maxMessageBytes, maxUnauthenticatedBytes),
      maxHeaderBytes,
      maxHeaderLines,
    };
  }

  /** The peer, with its identity if there is one. */
  get peer(): PeerInfo {
    return this.#peer ??= this.#describe();
  }

  /** What tells it from others, once it is known: the author makes a new object of it each time. */
  get key(): unknown {
    const { identity } = this.peer;
    try {
      return JSON.stringify(identity) ?? identity;
    } catch {
      return identity;
    }
  }

  #describe(): PeerInfo {
    const { remote, local, certificate } = this.#ends;
    return {
      address: remote,
      localAddress: local,
      transport: this.#transport,
      framing: this.#framing,
      ...(certificate && { certificate }),
    };
  }

  /** The peer speaks this framing: its first bytes have told. */
  set framing(framing: FramingName) {
    this.#framing = framing;
    if (this.#peer !== undefined) this.#peer = { ...this.#peer, framing };
  }

  /**
   * Looks at what the connection shows by itself, if it shows something and is asked for it. Until that is
   * decided, or the connection ends, nothing is to be read: what the peer sends waits. Never rejects.
   */
  introduce(): Promise<void> | undefined {
    // Where everyone may call nobody is looked at, and a quiet connection makes no `peer`.
    const credentials = this.isKnown ? undefined : shownBy(this.peer);
    return credentials && this.#decide(credentials, this.#lifecycle!);
  }

  async #decide(credentials: Credentials, lifecycle: Lifecycle): Promise<void> {
    let isDecided = false;
    this.#look(credentials).catch((error) => {
      if (lifecycle.phase >= LINGERING) return; // it is too late to refuse
      const meant = asRpcError(error);
      lifecycle.refuse(meant ?? new RpcError("INTERNAL_ERROR", "Internal error"));
      if (meant === undefined) lifecycle.report(error);
    }).then(() => {
      isDecided = true;
      lifecycle.wake();
    });
    while (!isDecided && lifecycle.phase < LINGERING) await lifecycle.change();
  }

  /**
   * Looks at credentials that the peer has sent. A peer that was known stays so until it is known as
   * another.
   *
   * @throws {RpcError} `UNAUTHENTICATED`, later each time
   */
  async authenticate(credentials: Credentials): Promise<void> {
    const { timers, limits: { maxAuthFailures } } = this.#options, lifecycle = this.#lifecycle;
    try {
      await this.#enter(credentials);
    } catch (error) {
      if (lifecycle?.phase === CLOSED) throw error; // nobody is told
      const failures = this.#failures;
      // Guessing is made slow; the last answer is sent before the end.
      await new Promise<void>((resolve) => timers.after(DELAY * failures, resolve));
      if (failures >= maxAuthFailures) {
        timers.after(0, () => lifecycle?.linger(`${failures} times wrong credentials`));
      }
      throw error;
    }
  }

  async #enter(credentials: Credentials): Promise<void> {
    const { guesses } = this.#options, { remote } = this.#ends, wait = guesses?.delay(remote);
    if (wait !== undefined) await wait;
    if (this.#lifecycle?.phase === CLOSED) throw new RpcError("CANCELLED", "The caller is gone");
    if (this.#failures >= this.#options.limits.maxAuthFailures) {
      throw new RpcError("UNAUTHENTICATED", "Too many wrong credentials");
    }
    if (this.#authenticate === undefined) {
      throw new RpcError("FAILED_PRECONDITION", "This server does not ask who calls");
    }
    try {
      if (await this.#look(credentials)) return;
      throw new RpcError("UNAUTHENTICATED", "The credentials are not known");
    } catch (error) {
      this.#failures++;
      guesses?.fail(remote);
      throw error;
    }
  }

  /** Whether there is an identity in these credentials; if so, it is the peer's. */
  async #look(credentials: Credentials): Promise<boolean> {
    const identity = await this.#authenticate!(credentials, this.peer);
    if (identity === undefined || identity === null || identity === false) return false;
    const before = this.peer;
    this.isKnown = true;
    this.#peer = { ...before, identity };
    this.onKnown?.(before);
    // The decoder looks at its limits for each message.
    Object.assign(this.framingLimits, { maxMessageBytes: this.#options.limits.maxMessageBytes });
    return true;
  }
}
