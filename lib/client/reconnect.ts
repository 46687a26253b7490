/**
 * One place to connect to, and the connection there: made, made again when it is lost, and left when
 * the peer goes away.
 *
 * ```text
 *            ┌───────────── a delay that grows <─────────────┐
 *            v                                               │
 *       connecting ── nobody there ─────────────────────> waiting
 *            │                                               ^
 *            └──> ready ── lost, or the peer goes away ──────┘
 * ```
 *
 * @module
 */

import type { Connection } from "../connection/connection.ts";
import type { Limits } from "../limits.ts";
import type { CloseInfo } from "../link/lifecycle.ts";
import { type BackoffOptions, delayAfter } from "./retry.ts";
import type { Timer, Timers } from "../timers.ts";

/** gRPC's shape, at the scale of a local network. */
const RECONNECT: BackoffOptions = { initial: 100, multiplier: 1.6, max: 30_000 };

/** What one of a line's connections is about to do, has done, or waits for. */
export type LineState =
  | {
    /** It is being made. */
    readonly state: "connecting";
    readonly address: string;
  }
  | {
    /** Calls go out over it. */
    readonly state: "ready";
    readonly address: string;
  }
  | {
    /** It was lost or could not be made, and will be tried again. */
    readonly state: "waiting";
    readonly address: string;
    /** Milliseconds until then; `Infinity` where it is not tried again, or not before the page can connect. */
    readonly delay: number;
    /** Why; undefined where the peer just ended it. */
    readonly error: unknown;
  }
  | {
    /** The line has ended for good. */
    readonly state: "closed";
    readonly reason: string;
    readonly error?: unknown;
  };

/** A connection as its line sees it. */
export type LineConnection = Pick<
  Connection,
  | "calls"
  | "close"
  | "closed"
  | "finish"
  | "isOpen"
  | "isOther"
  | "keepsAlive"
  | "notify"
  | "peer"
  | "quiet"
  | "yielded"
>;

/** What an endpoint needs of its line. */
export interface EndpointHost {
  readonly timers: Timers;
  readonly limits: Pick<Limits, "maxCallTimeout">;
  /** Whether a connection that was lost, or could not be made, is made again. */
  readonly returns: boolean;
  /**
   * Makes one connection, over which calls can be made when it resolves.
   *
   * @param onLeave see {@linkcode ConnectionOptions.onLeave}
   */
  open(
    address: string,
    signal: AbortSignal,
    onLeave: (graceMs?: number) => void,
  ): Promise<LineConnection>;
  /** Whether an attempt that failed so will fail again, whatever changes at the other end. */
  isHopeless(error: unknown): boolean;
  /** Told of what happens, after it has. */
  onState(state: LineState): void;
  /** It has ended for good. */
  onEnd(info: CloseInfo): void;
  /** A number from 0 to 1. */
  random(): number;
}

/** Milliseconds in which a peer that goes away should have ended: after its grace, or the last call. */
const LINGER = 1000;

/**
 * Connections that went away and are kept for the calls on them. One more, and the oldest is closed: a
 * server that goes away after each call must not leave us with a socket for each.
 */
const MAX_LEFT = 8;

/** One connection at a time, to the first of some addresses that answers. */
export class Endpoint {
  readonly #host: EndpointHost;
  readonly #addresses: readonly string[];
  readonly #closing = new AbortController();
  /** Those that were left, and finish what runs there. */
  readonly #left = new Set<LineConnection>();
  /** Attempts that came to nothing since the last connection that was of use. */
  #failures = 0;
  #attempt: Promise<unknown> | undefined;
  #wait: Timer | undefined;
  /** Whether the next attempt waits, for its time or until it is resumed. */
  #isWaiting = false;
  #isSuspended = false;
  /** Ends the attempt that is being made. */
  #suspending: AbortController | undefined;
  /** Results and items over the connections before this one, and over this one by its first call. */
  #yielded = 0;
  #atFirst = 0;
  #keepsAlive = true;
  /** The one for new calls; one that has ended, where there will be no other. */
  connection: LineConnection | undefined;
  /** Whether there will be no other connection. */
  isOver = false;

  constructor(addresses: readonly string[], host: EndpointHost) {
    this.#addresses = addresses;
    this.#host = host;
  }

  /** Whether calls can be begun. */
  get isReady(): boolean {
    return this.connection?.isOpen ?? false;
  }

  /** Results and items that came so far. */
  get yielded(): number {
    return this.#yielded + (this.connection?.yielded ?? 0);
  }

  /** See {@linkcode Connection.keepsAlive}. */
  set keepsAlive(keeps: boolean) {
    this.#keepsAlive = keeps;
    for (const connection of this.#all()) connection.keepsAlive = keeps;
  }

  /**
   * Tries each address once, in their order. What comes of it is told as a state, and may be another
   * attempt later.
   *
   * @returns why it is not connected; undefined where it is
   */
  connect(): Promise<{ readonly error: unknown } | undefined> {
    this.#isWaiting = false;
    return this.#attempt = this.#connect();
  }

  async #connect(): Promise<{ readonly error: unknown } | undefined> {
    const { signal } = this.#closing, errors: unknown[] = [];
    const suspending = this.#suspending = new AbortController();
    const any = AbortSignal.any([signal, suspending.signal]);
    for (const address of this.#addresses) {
      this.#host.onState({ state: "connecting", address });
      let connection: LineConnection | undefined;
      try {
        connection = await this.#host.open(address, any, (graceMs) => {
          if (connection !== undefined) this.#leave(connection, address, graceMs);
        });
      } catch (error) {
        if (signal.aborted) return { error };
        errors.push(error);
        if (!suspending.signal.aborted) continue;
        this.#connectLater(address, undefined);
        return undefined; // it goes on once it is resumed
      }
      if (signal.aborted) {
        connection.close();
        return { error: signal.reason };
      }
      this.#take(connection, address);
      return undefined;
    }
    const error = joined(errors), address = this.#addresses.at(-1)!;
    if (!this.#host.returns || errors.some((error) => this.#host.isHopeless(error))) {
      this.isOver = true;
      this.#host.onState({ state: "waiting", address, delay: Infinity, error });
      this.#host.onEnd({ reason: `no connection: ${messageOf(error)}`, error });
    } else this.#connectLater(address, error);
    return { error };
  }

  #take(connection: LineConnection, address: string): void {
    this.connection = connection;
    this.#atFirst = connection.yielded;
    if (!this.#keepsAlive) connection.keepsAlive = false;
    this.#host.onState({ state: "ready", address });
    // It may have been lost before we knew of it.
    if (!connection.isOpen) this.#leave(connection, address);
  }

  /** No calls can be begun on a connection any more: the next ones wait for another. */
  #leave(connection: LineConnection, address: string, graceMs?: number): void {
    if (connection !== this.connection || this.isOver) return;
    // Only an exchange shows that somebody is there: who accepts and closes is not called at once.
    if (connection.yielded > this.#atFirst) this.#failures = 0;
    const isHopeless = connection.isOther && this.#addresses.length === 1;
    if (!this.#host.returns || isHopeless || this.#closing.signal.aborted) {
      this.isOver = true;
      connection.closed.then((info) => this.#host.onEnd(info));
      return;
    }
    this.#yielded += connection.yielded;
    this.connection = undefined;
    this.#keepForCalls(connection, graceMs);
    this.#connectLater(address, undefined);
  }

  /** Lets the calls on a connection end that takes no new ones. */
  #keepForCalls(connection: LineConnection, graceMs: number | undefined): void {
    const { timers, limits } = this.#host;
    this.#left.add(connection);
    connection.closed.then(() => this.#left.delete(connection));
    if (this.#left.size > MAX_LEFT) {
      const [oldest] = this.#left;
      oldest!.finish({ reason: `more than ${MAX_LEFT} connections went away and had calls` });
    }
    if (graceMs === undefined) return; // the peer has hung up: it ends by itself
    // No call takes longer, whatever the peer says.
    const grace = Math.min(Math.max(0, graceMs), limits.maxCallTimeout);
    let timer = timers.after(grace + LINGER, () => {
      connection.finish({ reason: `the peer went away, and its ${grace} ms are over` });
    });
    connection.quiet().then(() => {
      timer.cancel();
      if (this.#left.has(connection)) timer = timers.after(LINGER, () => connection.close());
    });
    connection.closed.then(() => timer.cancel());
  }

  /**
   * Makes no connection until {@linkcode resume}: none can be made, or none is wanted.
   *
   * @param reason if there is one, it ends the connections that there are, and the attempt that is being made
   */
  suspend(reason?: string): void {
    this.#isSuspended = true;
    this.#wait?.cancel();
    if (reason === undefined) return;
    this.#suspending?.abort();
    for (const connection of this.#all()) connection.finish({ reason });
  }

  /** Makes the connection at once that is waited for. */
  resume(): void {
    this.#isSuspended = false;
    this.#wait?.cancel();
    if (this.#isWaiting && !this.isOver) void this.connect();
  }

  #connectLater(address: string, error: unknown): void {
    this.#isWaiting = true;
    let delay = Infinity;
    if (!this.#isSuspended) {
      delay = delayAfter(++this.#failures, RECONNECT, this.#host.random());
      this.#wait = this.#host.timers.after(delay, () => void this.connect());
    }
    this.#host.onState({ state: "waiting", address, delay, error });
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.isOver = true;
    this.#closing.abort();
    this.#wait?.cancel();
    await Promise.all(this.#all().map((connection) => connection.close()));
    await this.#attempt;
  }

  #all(): LineConnection[] {
    return this.connection === undefined ? [...this.#left] : [this.connection, ...this.#left];
  }
}

/** One error out of those of several addresses. */
export function joined(errors: readonly unknown[]): unknown {
  if (errors.length === 1) return errors[0];
  const reasons = errors.map(messageOf).join("; ");
  return new AggregateError(
    errors,
    `Cannot connect to any of ${errors.length} addresses: ${reasons}`,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
