/**
 * The slow deadlines of a connection: a message that does not end, a peer that takes nothing or says
 * nothing. They are looked at now and then, so that they cost nothing while bytes flow.
 *
 * @module
 */

import { RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import { TICK, type Timer, type Timers } from "../timers.ts";

/** A connection, as far as its deadlines go. Times are those of {@linkcode Timers.now}. */
export interface KeepaliveHost {
  readonly limits: Limits;
  readonly timers: Timers;
  /** Whether we are the end that dialled: it pings, where the other ends a silent connection. */
  readonly isDialler: boolean;
  /** Whether silence means nothing. */
  readonly isLasting: boolean;
  /** When bytes came last. */
  readonly lastActive: number;
  /** When the last handler ended: silence counts from there, too. */
  readonly lastEnd: number;
  /** When the first byte of an unfinished message came; undefined between messages. */
  messageSince: number | undefined;
  /** When the write that is under way last made progress; undefined while there is none. */
  readonly writingSince: number | undefined;
  /** Whether it is known who the peer is, where it is asked. */
  readonly isKnown: boolean;
  /** Whether nothing runs, and nothing waits. */
  readonly isIdle: boolean;
  /** Whether nothing more will be read. */
  readonly isEnding: boolean;
  /** Whether the peer answers a ping in time; any answer will do. */
  ping(): Promise<boolean>;
  /** Ends it, in the ways that there are. */
  finish(info: { readonly reason: string }): void;
  refuse(error: RpcError): void;
  linger(reason: string): void;
  drain(grace: number, reason: string): void;
}

/** Looks after the deadlines of one connection. */
export class Keepalive {
  readonly #connection: KeepaliveHost;
  readonly #interval: number;
  readonly #openedAt: number;
  /** With a jitter of 10 %, so that connections made together do not end together. */
  readonly #maxAge: number;
  #timer: Timer | undefined;
  #due = 0;
  /** Since when what was overdue at a look that came late. */
  #doubted: number | undefined;
  #isPinging = false;

  /** Begins to look; see {@linkcode stop}. */
  constructor(connection: KeepaliveHost) {
    this.#connection = connection;
    this.#interval = interval(connection.limits);
    this.#openedAt = connection.timers.now();
    this.#maxAge = connection.limits.maxConnectionAge * (0.9 + 0.2 * Math.random());
    this.#wait(this.#openedAt + this.#interval, this.#openedAt);
  }

  /** Looks no more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wait(due: number, now: number): void {
    this.#due = due;
    this.#timer = this.#connection.timers.after(due - now, this.#look);
  }

  readonly #look = (): void => {
    const now = this.#connection.timers.now();
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
    const connection = this.#connection,
      { limits, messageSince, writingSince: waitingSince } = connection;
    const stalled = (waitingSince ?? now) + limits.writeStallTimeout;
    const slow = (messageSince ?? now) + limits.messageTimeout;
    // Timers come before sockets: what the peer sent or took meanwhile is known at the next look.
    const since = stalled <= now ? waitingSince : messageSince;
    if (isLate && (stalled <= now || slow <= now) && this.#doubted !== since) {
      this.#doubted = since;
      return now + this.#interval;
    }
    if (stalled <= now) {
      connection.finish({ reason: `the peer took nothing for ${limits.writeStallTimeout} ms` });
      return stalled;
    }
    if (connection.isEnding) return stalled;
    if (slow > now) return Math.min(stalled, slow, this.#lookAtRest(now));
    const message = `Message too slow: a message took longer than ${limits.messageTimeout} ms`;
    connection.messageSince = undefined;
    connection.refuse(new RpcError("RESOURCE_EXHAUSTED", message, { limit: "messageTimeout" }));
    return stalled;
  }

  /** The same for those who do not say who they are, are silent, or have been here for long. */
  #lookAtRest(now: number): number {
    const connection = this.#connection, { limits } = connection;
    let due = Infinity;
    if (!connection.isKnown) {
      due = this.#openedAt + limits.authTimeout;
      if (due <= now) {
        const message = `Nobody said who calls within ${limits.authTimeout} ms`;
        connection.refuse(new RpcError("UNAUTHENTICATED", message, { limit: "authTimeout" }));
        return Infinity;
      }
    }
    if (connection.isLasting) return due;
    if (connection.isDialler) {
      const silent = connection.lastActive + limits.pingInterval;
      if (limits.pingInterval === 0) return due;
      if (silent > now) return Math.min(due, silent);
      this.#ping();
      return now + this.#interval;
    }
    const silent = Math.max(connection.lastActive, connection.lastEnd) + limits.idleTimeout;
    if (silent > now) due = Math.min(due, silent);
    else if (connection.isIdle) {
      connection.linger(`nothing was said for ${limits.idleTimeout} ms`);
      return Infinity;
    }
    if (limits.maxConnectionAge === 0) return due;
    const old = this.#openedAt + this.#maxAge;
    if (old > now) return Math.min(due, old);
    connection.drain(limits.shutdownGrace, "age");
    return due;
  }

  async #ping(): Promise<void> {
    if (this.#isPinging) return;
    this.#isPinging = true;
    const connection = this.#connection, sent = connection.lastActive;
    const { timers, limits: { pingTimeout } } = connection;
    if (!await connection.ping()) {
      // A process that stood still finds the answer once it reads: timers come first.
      timers.after(0, () => {
        if (connection.lastActive !== sent) return;
        connection.finish({ reason: `the peer did not answer a ping within ${pingTimeout} ms` });
      });
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
