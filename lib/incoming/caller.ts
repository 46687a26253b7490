/**
 * The one that made a request: who it is, and the way back to it. For all requests of a connection it is
 * the same; where each request comes by itself, each has its own.
 *
 * @module
 */

import type { Context, Peer, PeerInfo, Peers } from "../api/context.ts";
import { RpcError } from "../error.ts";
import type { Backpressure } from "../link/backpressure.ts";
import type { FramedWriter } from "../link/framed_writer.ts";
import type { Identity } from "../link/identity.ts";
import type { Room } from "../stream/sender.ts";

/** Answers of more units than this are told to the connection before they are queued. */
const LONG = 1 << 16;

/** The methods of a caller, for as long as one of its calls goes on. */
export type ContextStubs = Pick<Context, "call" | "notify">;

/** The identity of a caller, as far as its requests go; a page asks for no credentials. */
export type CallerIdentity =
  & Pick<Identity, "isKnown" | "peer">
  & Partial<Pick<Identity, "authenticate">>;

/** What waits to be sent to a caller. */
export type CallerRoom = Room & Pick<Backpressure, "expect" | "hold" | "keepsLittle">;

/**
 * Who asks, and where the answer goes. One that shows another identity is another caller from then on:
 * what it has asked before was asked by this one.
 */
export class Caller implements Room {
  readonly identity: CallerIdentity;
  /** What the author keeps for it: handlers find it as `context.state`. */
  readonly state: unknown;
  readonly #writer: Pick<FramedWriter, "push">;
  /** What waits to be sent to it; without it there is always room for more. */
  readonly room: CallerRoom | undefined;
  #past: PeerInfo | undefined;
  #next: Caller | undefined;
  #peer: Peer | undefined;

  /**
   * @param writer takes the texts of messages to it
   * @param room see {@linkcode Caller.room}
   */
  constructor(
    identity: CallerIdentity,
    writer: Pick<FramedWriter, "push">,
    room?: CallerRoom,
    state?: unknown,
  ) {
    this.identity = identity;
    this.state = state;
    this.#writer = writer;
    this.room = room;
  }

  /** Who it is. */
  get info(): PeerInfo {
    return this.#past ?? this.identity.peer;
  }

  /** The peer is another from now on; this caller is who it was before. */
  becomePast(info: PeerInfo, next: Caller): void {
    this.#past = info;
    this.#next = next;
  }

  /** Who the peer is by now. */
  get current(): Caller {
    return this.#next === undefined ? this : this.#next.current;
  }

  /**
   * Sends it a message, however much waits already.
   *
   * @param _eventId of the last item in it that a stream can go on behind, if there is one
   */
  send(text: string, _eventId?: string): void {
    this.#writer.push(text);
  }

  /** Sends it what there was room for; see {@linkcode whenRoom}. */
  answer(text: string): void {
    if (text.length > LONG) this.room?.expect(text.length);
    this.#writer.push(text);
  }

  /** Whether more waits to be sent to it than should. */
  get isFull(): boolean {
    return this.room?.isFull ?? false;
  }

  /** See {@linkcode Backpressure.whenRoom}. */
  whenRoom<T>(write: () => T): T | Promise<T> {
    return this.room === undefined ? write() : this.room.whenRoom(write);
  }

  /** See {@linkcode Account.hold}: its items that nobody has taken. */
  hold(bytes: number): boolean {
    return this.room?.hold(bytes) ?? true;
  }

  /** See {@linkcode Account.keepsLittle}. */
  get keepsLittle(): boolean {
    return this.room?.keepsLittle ?? true;
  }

  reserve(bytes: number): void {
    this.room?.reserve(bytes);
  }

  pause(): Promise<void> | undefined {
    return this.room?.pause();
  }

  /** What handlers see of it. One that only asks cannot be called back: its `call` and `notify` throw. */
  get peer(): Peer {
    // Not enumerable: a handler may return its peer, or log it.
    return this.#peer ??= Object.defineProperties({ ...this.info }, {
      call: { get: cannotCallBack },
      notify: { get: cannotCallBack },
      state: { value: this.state },
    }) as Peer;
  }

  /** All peers of the server that is asked. */
  get peers(): Peers {
    return cannotCallBack();
  }

  /** Aborts when it is answered for not much longer; one that only asks is not told. */
  get draining(): AbortSignal {
    return new AbortController().signal;
  }

  /** Its methods, in calls that end with the call of this context. */
  stubsFor(_context: Context): ContextStubs {
    return cannotCallBack();
  }
}

function cannotCallBack(): never {
  throw new RpcError("FAILED_PRECONDITION", "This caller cannot be called back");
}
