/**
 * The one that made a request: who it is, and the way back to it. For all requests of a connection it is
 * the same; where each request comes by itself, each has its own.
 *
 * @module
 */

import type { Context, Peer } from "../api/context.ts";
import { RpcError } from "../error.ts";
import type { Backpressure } from "../link/backpressure.ts";
import type { FramedWriter } from "../link/framed_writer.ts";
import type { Identity } from "../link/identity.ts";

/** Who asks, and where the answer goes. */
export class Caller {
  readonly identity: Identity;
  /** What the author keeps for it: handlers find it as `context.state`. */
  readonly state: unknown;
  readonly #writer: Pick<FramedWriter, "push">;
  readonly #backpressure: Pick<Backpressure, "room"> | undefined;

  /**
   * @param writer takes the texts of messages to it
   * @param backpressure without it there is always room for more
   */
  constructor(
    identity: Identity,
    writer: Pick<FramedWriter, "push">,
    backpressure?: Pick<Backpressure, "room">,
    state?: unknown,
  ) {
    this.identity = identity;
    this.state = state;
    this.#writer = writer;
    this.#backpressure = backpressure;
  }

  /** Sends it a message: an answer, or what comes before one. */
  send(text: string): void {
    this.#writer.push(text);
  }

  /** A promise while more waits to be sent to it than should. */
  room(): Promise<void> | undefined {
    return this.#backpressure?.room();
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
    return Object.defineProperties({ ...this.identity.peer }, {
      call: { get: refuse },
      notify: { get: refuse },
    }) as Peer;
  }
}
