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
import { POLICY } from "../framing/close_code.ts";
import type { FramingLimits } from "../framing/frame.ts";
import type { Limits } from "../limits.ts";
import type { Guesses } from "../overload/guesses.ts";
import type { Timers } from "../timers.ts";
import type { Socket } from "../transport/socket.ts";
import { CLOSED, LINGERING } from "./in_flight.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** Numbers the peers of a server, or of a line, and makes ids of the numbers. */
export class PeerIds {
  /** Tells them from those of others, and of this server before it was started again. */
  readonly #mark = crypto.randomUUID().slice(0, 8);
  #last = 0;

  /** The number of another peer. */
  next(): number {
    return ++this.#last;
  }

  /** The id of the peer with this number. */
  idOf(number: number): string {
    return `${this.#mark}-${number}`;
  }

  /** The number of the peer with this id; NaN if it is none of ours. */
  numberOf(id: string): number {
    return id.startsWith(`${this.#mark}-`) ? Number(id.slice(this.#mark.length + 1)) : NaN;
  }
}

/** What all identities of a server have in common. */
export interface IdentityOptions {
  readonly limits: Limits;
  readonly timers: Timers;
  /** Numbers them; without it each is the only one. */
  readonly ids?: PeerIds;
  /** Makes guessing slow, over however many connections; without it each is slow by itself. */
  readonly guesses?: Guesses;
}

/** What is known of a peer without credentials. */
export type Ends = Pick<Socket, "remote" | "local" | "certificate" | "isRelayed">;

/** Milliseconds that each wrong guess is answered later than the one before it. */
const DELAY = 100;

/** What a connection shows by itself of who the peer is. */
function shownBy({ certificate, isRelayed }: Ends, transport: string): Credentials | undefined {
  if (certificate !== undefined) return { scheme: "certificate", certificate };
  // That a proxy may open the socket file says nothing of who has called it.
  return transport === "unix" && !isRelayed ? { scheme: "unix" } : undefined;
}

/** Whose identity it is, if it is a connection's. */
export interface IdentityOwner extends Lifecycle {
  /** Makes the one object that stands for the peer, of what is known of it now. */
  makePeer(info: PeerInfo): PeerInfo;
  /** Whether calls run that were begun in the name of who the peer is now. */
  readonly isServing: boolean;
  /** Told in the moment in which the peer is known, with who it was before: another object if it is another. */
  onKnown(before: PeerInfo): void;
}

/** Who one peer is. */
export class Identity {
  /** Tells it from the others of {@linkcode PeerIds}. */
  readonly number: number;
  /** Whether the peer may call: it is known, or nobody asks. */
  isKnown: boolean;
  /** How much of the peer is read: little until it is known. */
  readonly framingLimits: FramingLimits;
  readonly #options: IdentityOptions;
  #ends: Ends;
  readonly #transport: string;
  readonly #authenticate: Authenticate | undefined;
  readonly #lifecycle: IdentityOwner | undefined;
  #framing: PeerInfo["framing"];
  #peer: Mutable<PeerInfo> | undefined;
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
    framing: PeerInfo["framing"],
    authenticate?: Authenticate,
    lifecycle?: IdentityOwner,
  ) {
    this.number = options.ids?.next() ?? 1;
    this.#options = options;
    this.#ends = ends;
    this.#transport = transport;
    this.#framing = framing;
    this.#authenticate = authenticate;
    this.#lifecycle = lifecycle;
    this.isKnown = authenticate === undefined;
    this.framingLimits = this.isKnown ? options.limits : limitsOfUnknown(options.limits);
  }

  /** The peer: one object, unless it becomes another while calls run in its name. */
  get peer(): PeerInfo {
    return this.#peer ??= this.#describe();
  }

  /** What tells the peer from others, once it is known. */
  get key(): unknown {
    return keyOf(this.peer.identity);
  }

  #describe(): PeerInfo {
    const { remote, local, certificate } = this.#ends;
    const info = {
      id: (this.#options.ids ?? new PeerIds()).idOf(this.number),
      address: remote,
      localAddress: local,
      transport: this.#transport,
      framing: this.#framing,
      ...(certificate && { certificate }),
    };
    return this.#lifecycle?.makePeer(info) ?? info;
  }

  /** The peer speaks this framing: its first bytes have told. */
  set framing(framing: PeerInfo["framing"]) {
    this.#framing = framing;
    if (this.#peer !== undefined) this.#peer.framing = framing;
  }

  /**
   * It turns out that the connection is that of a proxy, behind which the peer is at these ends: what the
   * connection itself has shown is the proxy's, and nothing is known of the peer.
   */
  relay(ends: Ends): void {
    this.#ends = ends;
    if (this.#authenticate !== undefined) {
      this.isKnown = false;
      Object.assign(this.framingLimits, limitsOfUnknown(this.#options.limits));
    }
    if (this.#peer === undefined) return;
    delete this.#peer.certificate;
    delete this.#peer.identity;
    Object.assign(this.#peer, { address: ends.remote });
  }

  /**
   * Looks at what the connection shows by itself, if it shows something and is asked for it. Until that is
   * decided, or the connection ends, nothing is to be read: what the peer sends waits. Never rejects.
   */
  introduce(): Promise<void> | undefined {
    // Where everyone may call nobody is looked at, and a quiet connection makes no `peer`.
    const credentials = this.isKnown ? undefined : shownBy(this.#ends, this.#transport);
    return credentials && this.#decide(credentials, this.#lifecycle!);
  }

  async #decide(credentials: Credentials, lifecycle: Lifecycle): Promise<void> {
    let isDecided = false;
    this.#look(credentials).catch((error) => {
      if (lifecycle.phase >= LINGERING) return; // it is too late to refuse
      const meant = asRpcError(error);
      lifecycle.refuse(meant ?? new RpcError("INTERNAL_ERROR", "Internal error"));
      if (meant === undefined) lifecycle.report(error, "authenticate");
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
        timers.after(0, () => lifecycle?.linger(`${failures} times wrong credentials`, POLICY));
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
    const { peer } = this,
      isOther = peer.identity !== undefined &&
        keyOf(peer.identity) !== keyOf(identity);
    this.isKnown = true;
    // What runs keeps who it was begun for.
    if (isOther && this.#lifecycle?.isServing) this.#peer = this.#describe();
    Object.assign(this.peer, { identity });
    this.#lifecycle?.onKnown(peer);
    // The decoder looks at its limits for each message.
    Object.assign(this.framingLimits, { maxMessageBytes: this.#options.limits.maxMessageBytes });
    return true;
  }
}

/** How much is read of a peer that is not known. */
function limitsOfUnknown(
  { maxMessageBytes, maxUnauthenticatedBytes, maxDepth, maxHeaderBytes, maxHeaderLines }: Limits,
): FramingLimits {
  return {
    maxMessageBytes: Math.min(maxMessageBytes, maxUnauthenticatedBytes),
    maxDepth,
    maxHeaderBytes,
    maxHeaderLines,
  };
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** What tells an identity from others: the author makes a new object of the same each time. */
function keyOf(identity: unknown): unknown {
  try {
    return JSON.stringify(identity) ?? identity;
  } catch {
    return identity;
  }
}
