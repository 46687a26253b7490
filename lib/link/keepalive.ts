/**
 * The slow deadlines of a connection: a message that does not end, a peer that takes nothing or says
 * nothing. They are looked at now and then, so that they cost nothing while bytes flow.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import { TICK, type Timer, type Timers } from "../timers.ts";
import type { FramedWriter } from "./framed_writer.ts";
import type { Identity } from "./identity.ts";
import { CLOSED, LINGERING } from "./in_flight.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** Milliseconds after which a peer that is not read, or sends no more, is told something. */
const PROBE = 3000;

/** What all connections of a server have in common. */
export interface KeepaliveOptions {
  readonly limits: Limits;
  readonly timers: Timers;
}

/** A connection's life, as far as its deadlines go. Times are those of {@linkcode Timers.now}. */
export type KeptAlive = Pick<
  Lifecycle,
  | "phase"
  | "peerSends"
  | "lastActive"
  | "lastEnd"
  | "isIdle"
  | "running"
  | "finish"
  | "refuse"
  | "linger"
  | "drain"
  | "probe"
>;

/** What reads, as far as its deadlines go. */
export interface WatchedReader {
  /** When the first byte of an unfinished message came. */
  messageSince: number | undefined;
  /** Since when nothing is read because what was read has to be handled first. */
  readonly pausedSince: number | undefined;
  /** How long that message may take. @default the limit `messageTimeout` */
  readonly messageTimeout?: number;
  /** What has come of it is all that comes. Whether the peer has been told so; without it it has not. */
  giveUp?(): boolean;
}

/** Looks after the deadlines of one connection. */
export class Keepalive {
  readonly #options: KeepaliveOptions;
  /** Milliseconds for which it may be silent with nothing running. */
  #idleTimeout: number;
  readonly #lifecycle: KeptAlive;
  #identity: Pick<Identity, "isKnown">;
  #reader: WatchedReader;
  readonly #writer: Pick<FramedWriter, "writingSince" | "canPing">;
  readonly #isLasting: boolean;
  readonly #call: ((timeout: number) => Promise<unknown>) | undefined;
  readonly #interval: number;
  #openedAt: number;
  /** With a jitter of 10 %, so that connections made together do not end together. */
  readonly #maxAge: number;
  #timer: Timer | undefined;
  #due = 0;
  /** Since when what was overdue at a look that came late. */
  #doubted: number | undefined;
  #isPinging = false;
  /** When a ping of the framing's was sent that nothing has come behind yet; undefined if none was. */
  #pinged: number | undefined;
  /** When it was last looked whether a peer is there that is silent while something runs for it. */
  #probed = 0;

  /**
   * Begins to look; see {@linkcode stop}.
   *
   * @param isLasting whether silence means nothing
   * @param call calls the peer, if we are the end that dialled: that end pings, where the other ends a
   * silent connection. Any answer in time will do
   */
  constructor(
    options: KeepaliveOptions,
    lifecycle: KeptAlive,
    identity: Pick<Identity, "isKnown">,
    reader: WatchedReader,
    writer: Pick<FramedWriter, "writingSince" | "canPing">,
    isLasting: boolean,
    call?: (timeout: number) => Promise<unknown>,
  ) {
    const { limits, timers } = options;
    this.#options = options;
    this.#idleTimeout = limits.idleTimeout;
    this.#lifecycle = lifecycle;
    this.#identity = identity;
    this.#reader = reader;
    this.#writer = writer;
    this.#isLasting = isLasting;
    this.#call = call;
    this.#interval = interval(limits);
    this.#openedAt = timers.now();
    this.#maxAge = limits.maxConnectionAge * (0.9 + 0.2 * Math.random());
    this.#wait(this.#openedAt + this.#interval, this.#openedAt);
  }

  /** Looks after another reader from now on, which may be silent for so long. */
  watch(reader: WatchedReader, identity: Pick<Identity, "isKnown">, idleTimeout: number): void {
    this.#reader = reader;
    this.#identity = identity;
    this.#idleTimeout = idleTimeout;
    this.#pinged = undefined;
    const now = this.#openedAt = this.#options.timers.now();
    this.stop();
    this.#wait(now + this.#interval, now);
  }

  /** Looks no more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wait(due: number, now: number): void {
    this.#due = due;
    this.#timer = this.#options.timers.after(due - now, this.#look);
  }

  readonly #look = (): void => {
    const now = this.#options.timers.now();
    const due = this.#lookAt(now, now - this.#due > 2 * TICK);
    if (this.#timer !== undefined) this.#wait(Math.max(due, now), now);
  };

  /**
   * Ends what is overdue. What has not begun by now can be overdue after the whole of its time at the
   * earliest: ten thousand silent connections are looked at a thousand times a second.
   *
   * @param isLate whether this process has just stood still
   * @returns when to look again
   */
  #lookAt(now: number, isLate: boolean): number {
    const { limits } = this.#options, lifecycle = this.#lifecycle, reader = this.#reader;
    const { messageSince } = reader, { writingSince } = this.#writer;
    const stalled = (writingSince ?? now) + limits.writeStallTimeout;
    const messageTimeout = reader.messageTimeout ?? limits.messageTimeout;
    const slow = (messageSince ?? now) + messageTimeout;
    // Timers come before sockets: what the peer sent or took meanwhile is known at the next look.
    const since = stalled <= now ? writingSince : messageSince;
    if (isLate && (stalled <= now || slow <= now) && this.#doubted !== since) {
      this.#doubted = since;
      return now + this.#interval;
    }
    if (stalled <= now) {
      lifecycle.finish({ reason: `the peer took nothing for ${limits.writeStallTimeout} ms` });
      return stalled;
    }
    if (lifecycle.phase >= LINGERING) return stalled;
    if (slow > now) return Math.min(stalled, slow, this.#lookAtRest(now));
    const message = `Message too slow: a message took longer than ${messageTimeout} ms`;
    const isTold = reader.giveUp?.() ?? false;
    reader.messageSince = undefined;
    if (isTold) lifecycle.linger(message);
    else lifecycle.refuse(new RpcError("RESOURCE_EXHAUSTED", message, { limit: "messageTimeout" }));
    return stalled;
  }

  /** The same for those who do not say who they are, are silent, or have been here for long. */
  #lookAtRest(now: number): number {
    const { limits } = this.#options, lifecycle = this.#lifecycle;
    let due = Infinity;
    if (!this.#identity.isKnown) {
      due = this.#openedAt + limits.authTimeout;
      if (due <= now) {
        const message = `Nobody said who calls within ${limits.authTimeout} ms`;
        lifecycle.refuse(new RpcError("UNAUTHENTICATED", message, { limit: "authTimeout" }));
        return Infinity;
      }
    }
    if (this.#isLasting) return due;
    const mute = lifecycle.peerSends ? this.#reader.pausedSince : lifecycle.lastActive;
    if (mute !== undefined) {
      this.#pinged = undefined; // its answer is not read either
      // It may have left: that lies behind what is not read, or it has closed its half. Writing shows it.
      const probe = Math.max(mute, this.#probed) + PROBE;
      if (probe > now) return Math.min(due, probe);
      this.#probed = now;
      lifecycle.probe();
      return Math.min(due, now + PROBE);
    }
    if (this.#call !== undefined) {
      const silent = lifecycle.lastActive + limits.pingInterval;
      if (limits.pingInterval === 0) return due;
      if (silent > now) return Math.min(due, silent);
      this.#ping();
      return now + this.#interval;
    }
    if (this.#writer.canPing) due = Math.min(due, this.#lookAtPing(now));
    const since = Math.max(lifecycle.lastActive, lifecycle.lastEnd, this.#probed);
    const silent = since + this.#idleTimeout;
    if (silent > now) due = Math.min(due, silent);
    else if (lifecycle.isIdle) {
      lifecycle.linger(`nothing was said for ${this.#idleTimeout} ms`);
      return Infinity;
    } else {
      this.#probed = now;
      lifecycle.probe();
    }
    if (limits.maxConnectionAge === 0) return due;
    const old = this.#openedAt + this.#maxAge;
    if (old > now) return Math.min(due, old);
    lifecycle.drain(limits.shutdownGrace, "age");
    return due;
  }

  /**
   * The same for a peer whose framing has pings that every peer answers: it is asked while something is open
   * for it, when it has been silent. One that still takes what it is sent is there, and has yet to read a ping.
   *
   * @returns when to look again
   */
  #lookAtPing(now: number): number {
    const { pingInterval, pingTimeout } = this.#options.limits, lifecycle = this.#lifecycle;
    if (pingInterval === 0) return Infinity;
    const { lastActive } = lifecycle, heard = Math.max(lastActive, this.#writer.writingSince ?? 0);
    if (this.#pinged === undefined || heard > this.#pinged || lifecycle.running.size === 0) {
      this.#pinged = undefined;
      if (lifecycle.running.size === 0) return now + pingInterval;
      if (heard + pingInterval > now) return heard + pingInterval;
      this.#pinged = now;
      lifecycle.probe();
    }
    const late = this.#pinged + pingTimeout;
    if (late > now) return late;
    this.#endUnlessHeard(lastActive);
    return now + this.#interval;
  }

  /** A ping has had its time. */
  #endUnlessHeard(lastActive: number): void {
    const { timers, limits: { pingTimeout } } = this.#options, lifecycle = this.#lifecycle;
    // A process that stood still finds the answer once it reads: timers come first.
    timers.after(0, () => {
      if (lifecycle.lastActive !== lastActive || lifecycle.phase >= CLOSED) return;
      lifecycle.finish({ reason: `the peer did not answer a ping within ${pingTimeout} ms` });
    });
  }

  async #ping(): Promise<void> {
    if (this.#isPinging) return;
    this.#isPinging = true;
    const sent = this.#lifecycle.lastActive;
    try {
      await this.#call!(this.#options.limits.pingTimeout);
    } catch (error) {
      // A ping that could not be sent shows nothing.
      const isLate = error instanceof RpcError && error.reason === "DEADLINE_EXCEEDED";
      if (isLate) this.#endUnlessHeard(sent);
    }
    this.#isPinging = false;
  }
}

/** Milliseconds to another look at what cannot be told now. */
function interval(limits: Limits): number {
  const shortest = Math.min(
    ...[
      limits.messageTimeout,
      limits.idleTimeout,
      limits.writeStallTimeout,
      limits.authTimeout,
      limits.pingInterval,
      limits.pingTimeout,
      limits.maxConnectionAge,
    ].filter((ms) => ms > 0),
  );
  return Math.min(500, Math.ceil(shortest / 8));
}
