/**
 * One caller of the raw server: what arrives is answered, piece by piece, in lock step.
 *
 * ```text
 * read ─> the session's answer ─> write, until it is gone ─> read …
 * ```
 *
 * Nothing is read while an answer is under way. So a caller who does not read is not heard either, and a
 * connection never holds more than one piece and its answer.
 *
 * @module
 */

import type { CloseInfo, Duplex, Limits, PeerInfo } from "../../lib/client.ts";
import type { Timer, Timers } from "../../lib/timers.ts";
import type { TimeSlice } from "../../lib/overload/time_slice.ts";

/** Who is at the other end, without a framing: there is none. */
export type RawPeer = Omit<PeerInfo, "id" | "framing">;

/** What `raw()` is given besides the bytes: one object for each connection, the same at every call. */
export interface RawContext {
  /** Who called, and where. */
  readonly peer: RawPeer;
  /**
   * Aborts when the connection has ended. Who leaves without a word is missed only when something is
   * read from there, or written: not while an answer is being made.
   */
  readonly signal: AbortSignal;
  /** Hangs up, after the answer where one is under way. */
  close(): void;
}

/** What is sent back: bytes, a text as UTF-8, or nothing. */
export type RawAnswer = Uint8Array | string | undefined;

/** What the caller of one connection is answered with. */
export interface RawSession {
  /** Answers a piece as it arrived. The bytes are there until the answer is. */
  answer(bytes: Uint8Array): RawAnswer | Promise<RawAnswer>;
  /** What is left to say once the caller has said everything. */
  end?(): RawAnswer;
}

/** Begins a session with a caller. */
export type RawService = (context: RawContext) => RawSession;

/** What a connection is given besides its socket. */
export interface RawConnectionOptions {
  readonly service: RawService;
  readonly peer: RawPeer;
  /** Whether the caller is hung up on after a long silence. */
  readonly closesIdle: boolean;
  readonly limits: Limits;
  readonly timers: Timers;
  /** The time slice that the connections of the server share. */
  readonly timeSlice?: TimeSlice;
  /** Told what the session throws. */
  readonly onError: (error: unknown) => void;
}

/** The read buffer starts small, for those who are silent, and grows for those who are not. */
const MIN_READ = 1 << 10;
const MAX_READ = 1 << 16;

/**
 * Milliseconds of silence after which a draining connection ends. Without framing nobody knows whether
 * the caller has finished: one who goes on sending is answered until the grace period is over.
 */
const QUIET = 250;

const encoder = new TextEncoder();

/** One caller. */
export class RawConnection {
  readonly #socket: Duplex;
  readonly #closesIdle: boolean;
  readonly #limits: Limits;
  readonly #timers: Timers;
  readonly #timeSlice: TimeSlice | undefined;
  readonly #session: RawSession;
  readonly #onError: (error: unknown) => void;
  readonly #controller = new AbortController();
  readonly #end = Promise.withResolvers<CloseInfo>();
  #state: "reading" | "answering" | "writing" = "reading";
  /** Since when it is in this state; for a write since it last made progress. */
  #since: number;
  #draining = false;
  /** Why we hang up, as soon as that is decided. */
  #leaving: string | undefined;
  /** The caller was told that no more comes; what it still sends is read and forgotten. */
  #lingering = false;
  #ended = false;
  #check: Timer | undefined;
  #quietTimer: Timer | undefined;
  #lingerTimer: Timer | undefined;
  #graceTimer: Timer | undefined;

  /** Takes over the socket; call {@linkcode run} to begin. */
  constructor(socket: Duplex, options: RawConnectionOptions) {
    const { service, peer, closesIdle, limits, timers, timeSlice, onError } = options;
    this.#socket = socket;
    this.#closesIdle = closesIdle;
    this.#limits = limits;
    this.#timers = timers;
    this.#timeSlice = timeSlice;
    this.#onError = onError;
    this.#since = timers.now();
    this.#session = service({
      peer,
      signal: this.#controller.signal,
      close: () => this.#hangUp("raw() hung up"),
    });
    this.#checkLater();
  }

  /**
   * Answers until the connection has ended; resolves then, also where the session still works on an
   * answer that nobody will get. Never rejects.
   */
  run(): Promise<CloseInfo> {
    this.#run();
    return this.#end.promise;
  }

  async #run(): Promise<void> {
    let size = MIN_READ, buffer = new Uint8Array(size), small = 0;
    try {
      while (!this.#ended) {
        this.#enter("reading");
        const count = await this.#socket.read(buffer);
        this.#quietTimer?.cancel();
        if (count === null) {
          if (!this.#lingering) await this.#send(bytesOf(this.#session.end?.()));
          this.#finish({ reason: this.#leaving ?? "the peer closed the connection" });
          break;
        }
        if (this.#lingering) continue;
        await this.#answer(buffer.subarray(0, count));
        await this.#timeSlice?.yieldWhenOver(this.#since);
        // Grow when full, shrink when far too large for a while.
        if (count === size && size < MAX_READ) buffer = new Uint8Array(size *= 4);
        else if (count > size >> 3) small = 0;
        else if (size > MIN_READ && ++small > 16) {
          buffer = new Uint8Array(size >>= 2);
          small = 0;
        }
      }
    } catch (error) {
      this.#finish({ reason: this.#leaving ?? "the connection was lost", error });
    }
  }

  /**
   * Ends in order: answers what arrives until the caller is silent for a moment, then hangs up.
   *
   * @param grace milliseconds after which it ends whatever happens; 0 ends it now
   */
  drain(grace: number): void {
    if (this.#draining || this.#ended) return;
    this.#draining = true;
    if (grace === 0) return this.#finish({ reason: "shutdown" });
    this.#graceTimer = this.#timers.after(grace, () => this.#finish({ reason: "shutdown" }));
    if (this.#state === "reading") this.#awaitQuiet();
  }

  async #answer(bytes: Uint8Array): Promise<void> {
    this.#enter("answering");
    let answer: Uint8Array | undefined;
    try {
      answer = bytesOf(await this.#session.answer(bytes));
    } catch (error) {
      this.#onError(error);
      this.#hangUp("raw() failed");
    }
    await this.#send(answer);
    if (this.#leaving !== undefined) this.#linger(this.#leaving);
  }

  async #send(bytes: Uint8Array | undefined): Promise<void> {
    this.#enter("writing");
    for (let rest = bytes; rest !== undefined && rest.length > 0 && !this.#ended;) {
      rest = rest.subarray(await this.#socket.write(rest));
      this.#since = this.#timers.now();
    }
  }

  #enter(state: "reading" | "answering" | "writing"): void {
    this.#state = state;
    this.#since = this.#timers.now();
    if (state === "reading" && this.#draining) this.#awaitQuiet();
  }

  #awaitQuiet(): void {
    this.#quietTimer = this.#timers.after(QUIET, () => this.#hangUp("shutdown"));
  }

  /** Says that no more comes; after the answer, where one is under way. */
  #hangUp(reason: string): void {
    if (this.#leaving !== undefined) return;
    this.#leaving = reason;
    if (this.#state === "reading") this.#linger(reason);
  }

  /**
   * Ends once the caller has read everything: closing over bytes that it still sends would reset the
   * connection, and our last answer would be lost.
   */
  #linger(reason: string): void {
    if (this.#ended) return;
    if (this.#socket.closeWrite === undefined) return this.#finish({ reason });
    this.#lingering = true;
    this.#lingerTimer = this.#timers.after(
      this.#limits.lingerTimeout,
      () => this.#finish({ reason }),
    );
    this.#socket.closeWrite().catch((error) => this.#finish({ reason, error }));
  }

  /** The only way to the end. */
  #finish(info: CloseInfo): void {
    if (this.#ended) return;
    this.#ended = true;
    for (
      const timer of [this.#check, this.#quietTimer, this.#lingerTimer, this.#graceTimer]
    ) timer?.cancel();
    // It may be closed already, from the other side.
    Promise.try(() => this.#socket.close()).catch(() => {}).then(() => this.#end.resolve(info));
    this.#controller.abort(new Error(`The connection ended: ${info.reason}`));
  }

  /** Looks at the slow deadlines now and then: they cost nothing while bytes flow. */
  #checkLater(): void {
    const { idleTimeout, writeStallTimeout } = this.#limits;
    const shortest = Math.min(idleTimeout, writeStallTimeout);
    this.#check = this.#timers.after(Math.min(1000, Math.ceil(shortest / 8)), () => {
      const waited = this.#timers.now() - this.#since;
      if (this.#state === "writing" && waited > writeStallTimeout) {
        this.#finish({ reason: `the peer took nothing for ${writeStallTimeout} ms` });
      } else if (this.#state === "reading" && this.#closesIdle && waited > idleTimeout) {
        this.#hangUp(`nothing was said for ${idleTimeout} ms`);
      }
      if (!this.#ended) this.#checkLater();
    });
  }
}

function bytesOf(answer: RawAnswer): Uint8Array | undefined {
  if (answer === undefined || answer instanceof Uint8Array) return answer;
  if (typeof answer === "string") return encoder.encode(answer);
  const kind = answer === null ? "null" : `a value of type ${typeof answer}`;
  throw new TypeError(
    `Cannot answer: raw() must give a Uint8Array, a string or undefined, it gave ${kind}`,
  );
}
