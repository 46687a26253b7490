/**
 * Accepts at one listener for another that has something to do with each socket first: many are made ready
 * at once, and are accepted in the order in which they are.
 *
 * @module
 */

import { errors } from "../runtime.ts";
import type { Listener, Socket } from "./socket.ts";

type Outcome = { readonly socket: Socket } | { readonly error: unknown };

/** What was accepted below, and who waits for it above. */
export class AcceptQueue {
  readonly #below: Listener;
  readonly #receive: (socket: Socket) => void;
  readonly #room: () => Promise<void>;
  readonly #ready: Outcome[] = [];
  readonly #waiting: PromiseWithResolvers<Socket>[] = [];
  #accepting = false;
  #closed = false;

  /**
   * @param receive makes a socket ready, and gives it back with {@linkcode give}, or closes it
   * @param room resolves when one more may be made ready
   */
  constructor(below: Listener, receive: (socket: Socket) => void, room: () => Promise<void>) {
    this.#below = below;
    this.#receive = receive;
    this.#room = room;
  }

  /** The next socket that is ready. */
  accept(): Promise<Socket> {
    const waiting = Promise.withResolvers<Socket>();
    this.#waiting.push(waiting);
    this.#settle();
    this.#acceptBelow();
    return waiting.promise;
  }

  /** This one is ready. */
  give(socket: Socket): void {
    this.#ready.push({ socket });
    this.#settle();
  }

  /** Closes the listener below, and what nobody has accepted. */
  close(): void {
    this.#closed = true;
    this.#below.close();
    for (const outcome of this.#ready.splice(0)) {
      if ("socket" in outcome) outcome.socket.close();
    }
    if (!this.#accepting) this.#settle();
  }

  /** Accepts below until that fails; the error is passed on, and who accepts once more tries again. */
  async #acceptBelow(): Promise<void> {
    if (this.#accepting || this.#closed) return;
    this.#accepting = true;
    try {
      for (;;) {
        const socket = await this.#below.accept();
        await this.#room();
        if (this.#closed) closeQuietly(socket);
        else this.#receive(socket);
      }
    } catch (error) {
      this.#ready.push({ error });
    } finally {
      this.#accepting = false;
      this.#settle();
    }
  }

  #settle(): void {
    while (this.#waiting.length > 0 && (this.#ready.length > 0 || this.#closed)) {
      const waiting = this.#waiting.shift()!;
      const outcome = this.#closed ? { error: closedError() } : this.#ready.shift()!;
      if ("error" in outcome) waiting.reject(outcome.error);
      else waiting.resolve(outcome.socket);
    }
  }
}

/** Why nothing is accepted any more. */
export function closedError(): Error {
  return new errors.BadResource("The listener was closed");
}

/** Closes a socket that may be closed already. */
export function closeQuietly(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // closed already
  }
}
