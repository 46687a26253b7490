/**
 * The life of a connection: one phase, one reason, and one method that changes them. That method alone
 * settles who waits and wakes who should look again.
 *
 * ```text
 *   open ──> draining ──> lingering ──> closed
 *     └── refused, idle ─────^            ^
 *     └── lost, evicted ──────────────────┘
 * ```
 *
 * @module
 */

import type { CloseInfo } from "../api/context.ts";
import { RpcError } from "../error.ts";
import { GOING_AWAY, NORMAL, POLICY, TRY_LATER } from "../framing/close_code.ts";
import { type Limits, MAX_MS } from "../limits.ts";
import { alive, goaway, RPC } from "../message/control.ts";
import { encodeError, UNKNOWN } from "../message/encode.ts";
import type { Version } from "../message/message.ts";
import type { Timer, Timers } from "../timers.ts";
import type { Account } from "../overload/ledger.ts";
import { attempt } from "../runtime.ts";
import type { Duplex } from "../transport/socket.ts";
import type { FramedWriter } from "./framed_writer.ts";
import {
  CLOSED,
  DRAINING,
  InFlight,
  LINGERING,
  OPEN,
  type Phase,
  type Running,
} from "./in_flight.ts";

export type { CloseInfo };

/** Why it ends where the peer hangs up. */
export const HUNG_UP = "the peer closed the connection";

/** Milliseconds, at most, for which a peer that is refused may say how it is to be spoken to. */
const SILENCE = 1000;

/** What all lives of a server have in common. */
export interface LifecycleOptions {
  readonly timers: Timers;
  readonly limits: Limits;
}

/** How a peer is to be spoken to. */
export interface Manners {
  /** The version in which we speak; without it that of the peer's own requests. */
  readonly version?: Version;
  /** Whether the peer is sent nothing but JSON-RPC. */
  readonly isPlain?: boolean;
  /** Whether we only call: what comes and breaks the rules is meant as an answer, and not answered. */
  readonly onlyCalls?: boolean;
}

/** What speaks another protocol with the peer. */
export interface Guest {
  /** What the peer is told that waits for an answer, before the connection ends; undefined if it waits for none. */
  lastWord(error: RpcError): string | undefined;
  /** Whether a request has begun to come, and is not answered. */
  readonly isMidway: boolean;
}

/** The life of one connection. What a connection does when it changes is in the protected methods. */
export abstract class Lifecycle<R extends Running = Running> extends InFlight<R> {
  /** Whether the peer may still send: it has not closed its half. */
  peerSends = true;
  /** Whether the peer takes new calls: it has sent no `$/goaway`. */
  peerAccepts = true;
  /** The version in which the peer is spoken to: the one that it speaks itself, or that was asked for. */
  version: Version;
  readonly isPlain: boolean;
  readonly onlyCalls: boolean;
  /** Whether the peer has turned out to speak no JSON-RPC: it would be the same on another connection. */
  isOther = false;
  /** What speaks with the peer instead of the connection, if anything does. */
  guest: Guest | undefined;
  readonly #socket: Duplex;
  readonly #writer: FramedWriter;
  readonly #options: LifecycleOptions;
  /** Why it lingers: what is said of the end when the peer hangs up, or is gone, meanwhile. */
  #reason: string | undefined;
  /** Whether the peer has said its last: that it does not wait for our answer is no failure. */
  #isEndedByPeer = false;
  /** It stays open for a while although nothing runs, to refuse what comes. */
  #isHeldOpen = false;
  /** What is said where the peer hangs up. */
  #hungUp = HUNG_UP;
  #hasLeft = false;
  #keepsAlive = true;
  /** Tells handlers that it begins to end. */
  #draining: AbortController | undefined;
  /** When it began, by the clock of the timers. */
  readonly since: number;
  #graceTimer: Timer | undefined;
  #lingerTimer: Timer | undefined;
  /** When running handlers have had their time. */
  #graceEnd = Infinity;
  /** Why the peer is not served, where it has not been told yet. */
  #refusal: RpcError | undefined;
  /** Why it ends; the same once it has let go of its socket; and who waits for that, if anyone does. */
  #end: CloseInfo | undefined;
  #info: CloseInfo | undefined;
  #closed: PromiseWithResolvers<CloseInfo> | undefined;

  constructor(
    socket: Duplex,
    writer: FramedWriter,
    account: Account,
    options: LifecycleOptions,
    { version = "2.0", isPlain = false, onlyCalls = false }: Manners,
  ) {
    super(account);
    this.version = version;
    this.isPlain = isPlain;
    this.onlyCalls = onlyCalls;
    this.#socket = socket;
    this.#writer = writer;
    this.#options = options;
    this.since = this.lastActive = options.timers.now();
  }

  /** Nothing more comes from the peer: settles what waits for it. If it is closed nothing goes out either. */
  protected abstract settle(info: CloseInfo, isClosed: boolean): void;

  /** Why it ends where a server hangs up that has not said a word. */
  protected abstract hungUpMutely(): string;

  /** Told once that no calls can be begun here any more, and for how long those that run may go on. */
  protected abstract onLeave(graceMs: number | undefined): void;

  /** Told once that it has ended. */
  protected abstract onClosed(info: CloseInfo): void;

  /** Told once why its peer is not served any more, if the peer is told. */
  protected onRefused(_error: RpcError): void {}

  /** Told of what goes wrong and is nobody's answer, and which callback of the author's threw it. */
  abstract report(error: unknown, callback?: string): void;

  /** Resolves when the connection has ended, with why; never rejects. */
  get closed(): Promise<CloseInfo> {
    if (this.#info !== undefined) return Promise.resolve(this.#info);
    return (this.#closed ??= Promise.withResolvers()).promise;
  }

  /** Aborts when it begins to end. Made only for those who look. */
  get draining(): AbortSignal {
    if (this.#draining === undefined) {
      this.#draining = new AbortController();
      if (this.phase > OPEN) this.#draining.abort(shuttingDown());
    }
    return this.#draining.signal;
  }

  /** Whether calls of ours can be begun here. */
  get isOpen(): boolean {
    return this.peerAccepts && this.peerSends && this.phase < LINGERING;
  }

  /** Whether nothing happens any more unless the peer says something. */
  get isIdle(): boolean {
    return this.isUpToPeer && this.pendingCalls === 0 && this.#writer.isQuiet;
  }

  /** Sends the peer something that means nothing: if its machine is gone, the system finds out. */
  probe(): void {
    if (this.#writer.ping()) return;
    if (this.#writer.isFramed && this.version === "2.0") this.#writer.push(alive());
  }

  /** Why this method cannot be called now; undefined while it can. */
  closedBecause(method: string): string | undefined {
    if (this.guest !== undefined) return "the peer speaks HTTP, and cannot be called";
    // While it drains, handlers that still run may call back.
    if (this.phase >= LINGERING || !this.peerSends) return `the connection is closed${this.#why}`;
    // Those who finish what runs still want to know whether anybody is there.
    return this.peerAccepts || method === RPC.ping ? undefined : "the server is going away";
  }

  /** Why it is closed, unless we have closed it. */
  get #why(): string {
    const reason = this.#end?.reason ?? this.#reason ?? (this.peerSends ? "closed" : this.#hungUp);
    if (reason === "closed") return "";
    const error = this.#end?.error;
    return `: ${reason}${error instanceof Error ? `, ${error.message}` : ""}`;
  }

  override end(request: R, now: number): void {
    super.end(request, now);
    this.#endWhenIdle();
  }

  override stop(request: R, error: RpcError): void {
    super.stop(request, error);
    this.#endWhenIdle();
  }

  // ---- Keeping the process alive -------------------------------------------------------------

  /** Whether it keeps the process alive while no call of ours waits for an answer. @default {true} */
  set keepsAlive(keeps: boolean) {
    this.#keepsAlive = keeps;
    if (keeps || this.pendingCalls > 0) this.#socket.ref?.();
    else this.#socket.unref?.();
  }

  /** A call of ours begins to wait. */
  beginCall(): void {
    this.pendingCalls++;
    this.wake(); // who waits for a place must not wait for us
    if (!this.#keepsAlive) this.#socket.ref?.();
  }

  /** A call of ours waits no longer. */
  endCall(): void {
    if (--this.pendingCalls > 0) return;
    this.wake();
    if (!this.#keepsAlive) this.#socket.unref?.();
  }

  /** Resolves after so many milliseconds, or at the next change. */
  async pause(ms: number): Promise<void> {
    const timer = this.#options.timers.after(ms, () => this.wake());
    // Nothing is read meanwhile that would keep the process alive, as a connection does.
    const alive = this.#keepsAlive ? setTimeout(() => {}, MAX_MS) : undefined;
    await this.change();
    clearTimeout(alive);
    timer.cancel();
  }

  // ---- The end, from this side ---------------------------------------------------------------

  /**
   * Ends the connection in order: running handlers may finish for `grace` milliseconds, new requests
   * are refused, the peer is told, and what is due is sent.
   *
   * @param delay milliseconds for which it stays open even if nothing runs
   */
  drain(grace: number, reason = "shutdown", delay = 0): void {
    if (this.phase === OPEN) {
      // A peer that has been silent for long has asked nothing; what one asks that has just come is on its way.
      const isNew = this.#options.timers.now() - this.lastActive < delay;
      this.#isHeldOpen = delay > 0 && (this.#writer.hasHeard || isNew);
      this.#enter(DRAINING);
      if (this.#writer.isFramed && this.version === "2.0") {
        this.#writer.pushLastWord(goaway(reason, grace));
      }
      for (const request of [...this.running.values()]) request.drain();
      this.#endWhenIdle();
      if (this.#isHeldOpen) {
        this.#options.timers.after(delay, () => {
          this.#isHeldOpen = false;
          this.#endWhenIdle();
        });
      }
    }
    // Who drains it once more, with less patience, is not kept waiting.
    const end = this.#options.timers.now() + grace;
    if (this.phase === CLOSED || end >= this.#graceEnd) return;
    this.#graceEnd = end;
    this.#graceTimer?.cancel();
    this.#graceTimer = this.#options.timers.after(grace, () => {
      this.stopAll(shuttingDown());
      this.linger("shutdown");
      // Who takes what is due too slowly, a byte now and then, must not keep us.
      this.#finishLater(this.#reason ?? "shutdown");
    });
  }

  /** Tells the peer why it is not served, and ends the connection. */
  override refuse(error: RpcError): void {
    if (this.phase >= LINGERING) return;
    this.onRefused(error);
    if (this.onlyCalls) return this.finish({ reason: error.message });
    const word = this.guest === undefined
      ? encodeError(UNKNOWN, error)
      : this.guest.lastWord(error);
    if (word !== undefined) this.#writer.pushLastWord(word);
    this.linger(error.message, error.reason === "UNAVAILABLE" ? TRY_LATER : POLICY);
  }

  /** The same once the peer has shown how it is to be spoken to, or has said nothing for a moment. */
  refuseOnceHeard(error: RpcError): void {
    this.#refusal = error;
    const { timers, limits: { lingerTimeout } } = this.#options;
    timers.after(Math.min(lingerTimeout, SILENCE), () => this.refuse(error));
  }

  /** The peer has shown how it is to be spoken to. */
  hear(): void {
    if (this.#refusal !== undefined) this.refuse(this.#refusal);
  }

  /** Ends the connection now: what is queued is sent. */
  async close(): Promise<void> {
    this.#enter(LINGERING);
    this.#writer.pushEnd(NORMAL, "");
    await this.#writer.drained();
    this.finish({ reason: "closed" });
    await this.closed;
  }

  /** The connection drains or the peer has hung up: ends it if there is nothing to wait for. */
  #endWhenIdle(): void {
    if (this.phase >= LINGERING) return;
    if (!this.peerSends) {
      // A handler that goes on although it was stopped must not keep the socket of one who has left.
      if (!this.isDue) this.#finishWhenSent(this.#hungUp);
    } else if (this.phase === DRAINING && this.running.size === 0 && !this.#isHeldOpen) {
      // Who has sent a part of a request waits for an answer.
      if (this.guest?.isMidway) this.refuse(shuttingDown());
      else this.linger("shutdown");
    }
  }

  /**
   * Sends what is queued, and ends once the peer has read it: closing over bytes that the peer still
   * sends would reset the connection, and our last words would be lost.
   *
   * @param closeCode why, for a framing that says so
   */
  override linger(reason: string, closeCode?: number): void {
    if (this.phase >= LINGERING) return;
    this.#writer.pushEnd(closeCode ?? (this.phase === DRAINING ? GOING_AWAY : NORMAL), reason);
    if (!this.peerSends) return this.#finishWhenSent(reason);
    this.#reason = reason;
    this.#enter(LINGERING);
    this.#writer.drained().then(async () => {
      if (this.phase === CLOSED) return;
      this.#finishLater(reason);
      await this.#socket.closeWrite?.();
    }).catch((error) => this.finish({ reason, error }));
  }

  /** Gives the peer a moment to hang up. */
  #finishLater(reason: string): void {
    this.#lingerTimer ??= this.#options.timers.after(
      this.#options.limits.lingerTimeout,
      () => this.finish({ reason }),
    );
  }

  #finishWhenSent(reason: string): void {
    this.#enter(LINGERING);
    this.#writer.drained().then(() => this.finish({ reason }));
  }

  // ---- The end, from the other side ----------------------------------------------------------

  /** The peer has said its last, and takes no more answers: what runs is cancelled. */
  endByPeer(reason: string): void {
    if (this.phase >= LINGERING) return;
    this.#isEndedByPeer = true;
    this.#hungUp = reason;
    this.stopAll(new RpcError("CANCELLED", "The caller is gone"));
    this.linger(reason);
  }

  /** The peer begins nothing new, and takes no new calls: those that run may go on for so long. */
  goAway(graceMs: number = this.#options.limits.shutdownGrace): void {
    this.peerAccepts = false;
    this.#leave(graceMs);
  }

  /**
   * The peer sends no more. It may still be waiting for answers: they are finished first.
   *
   * @param isMute whether it was dialled, and has said nothing that tells what it is
   */
  endInput(isMute = false): void {
    this.peerSends = false;
    if (isMute) this.#hungUp = this.hungUpMutely();
    this.#leave();
    this.settle({ reason: this.#hungUp }, false);
    if (this.#reason !== undefined) this.#finishWhenSent(this.#reason);
    else this.#endWhenIdle();
  }

  /** The socket cannot be read any more, or written. */
  lose(error: unknown, what = "the connection was lost"): void {
    const reason = this.#reason ?? what;
    this.finish(this.#isEndedByPeer ? { reason } : { reason, error });
  }

  /** The only way to the end: lets go of the socket, and settles everyone who waits. */
  finish(info: CloseInfo): void {
    if (this.phase === CLOSED) return;
    this.#end = info;
    this.#graceTimer?.cancel();
    this.#lingerTimer?.cancel();
    this.#writer.stop();
    // It throws where the other side has closed it already.
    const closing = attempt(() => this.#socket.close()).catch(() => {});
    this.#enter(CLOSED, info);
    // Not at once: what the author does then must not come in the middle of what we do.
    closing.then(() => {
      this.#info = info;
      this.onClosed(info);
      this.#closed?.resolve(info);
    });
  }

  /** The one place where a connection goes on to a later phase: never back, whoever is told on the way. */
  #enter(phase: Phase, info?: CloseInfo): void {
    if (phase <= this.phase) return;
    this.phase = phase;
    this.#draining?.abort(shuttingDown());
    if (phase >= LINGERING) this.#leave();
    if (info !== undefined) this.settle(info, true);
    this.wake();
  }

  #leave(graceMs?: number): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.onLeave(graceMs);
  }
}

/** Why nothing more is begun. */
export function shuttingDown(): RpcError {
  return new RpcError("UNAVAILABLE", "The server is shutting down");
}
