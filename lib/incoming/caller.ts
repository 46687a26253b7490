/**
 * The one that made a request: who it is, and the way back to it. For all requests of a connection it is
 * the same; where each request comes by itself, each has its own.
 *
 * @module
 */

import type { Context, Peer, PeerInfo } from "../api/context.ts";
import { RpcError } from "../error.ts";
import type { Backpressure } from "../link/backpressure.ts";
import type { FramedWriter } from "../link/framed_writer.ts";
import type { Identity } from "../link/identity.ts";
import type { Room } from "../stream/sender.ts";

/** Answers of more units than this are told to the connection before they are queued. */
const LONG = 1 << 16;

/** What waits to be sent to a caller. */
export type CallerRoom = Room & Pick<Backpressure, "expect" | "hold">;

/**
 * Who asks, and where the answer goes. One that shows another identity is another caller from then on:
 * what it has asked before was asked by this one.
 */
export class Caller implements Room {
  readonly identity: Identity;
  /** What the author keeps for it: handlers find it as `context.state`. */
  readonly state: unknown;
  readonly #writer: Pick<FramedWriter, "push">;
  /** What waits to be sent to it; without it there is always room for more. */
  readonly room: CallerRoom | undefined;
  #info: PeerInfo | undefined;
  #next: Caller | undefined;

  /**
   * @param writer takes the texts of messages to it
   * @param room see {@linkcode Caller.room}
   */
  constructor(
    identity: Identity,
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
    return this.#info ?? this.identity.peer;
  }

  /** The peer is somebody else from now on; this caller is who it was before. */
  becomePast(info: PeerInfo, next: Caller): void {
    this.#info = info;
    this.#next = next;
  }

  /** Who the peer is by now. */
  get current(): Caller {
    return this.#next === undefined ? this : this.#next.current;
  }

  /** Sends it a message, however much waits already. */
  send(text: string): void {
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

  reserve(bytes: number): void {
    this.room?.reserve(bytes);
  }

  pause(): Promise<void> | undefined {
    return this.room?.pause();
  }

  /**
   * It as a peer, whose calls end with the call of this context. One that only asks cannot be called back:
   * its `call` and `notify` throw.
   */
  peerFor(_context: Context): Peer {
    const refuse = () => {
      throw new RpcError("FAILED_PRECONDITION", "This caller cannot be called back");
    };
    // Not enumerable: a handler may return its peer, or log it.
    return Object.defineProperties({ ...this.info }, {
      call: { get: refuse },
      notify: { get: refuse },
    }) as Peer;
  }
}
