/**
 * The caller of one HTTP request: each request has its own, for a proxy puts many callers on one connection.
 * It can be answered and cannot be called.
 *
 * @module
 */

import type { Peers } from "../api/context.ts";
import { Caller, type CallerRoom } from "../incoming/caller.ts";
import type { Identity } from "../link/identity.ts";
import type { Lifecycle } from "../link/lifecycle.ts";
import type { Exchange } from "./exchange.ts";

/** Who has sent a request. */
export class HttpCaller extends Caller {
  readonly #exchange: Exchange;
  readonly #lifecycle: Pick<Lifecycle, "draining">;
  readonly #peers: Peers;

  constructor(
    identity: Identity,
    exchange: Exchange,
    room: CallerRoom,
    state: unknown,
    lifecycle: Pick<Lifecycle, "draining">,
    peers: Peers,
  ) {
    super(identity, exchange, room, state);
    this.#exchange = exchange;
    this.#lifecycle = lifecycle;
    this.#peers = peers;
  }

  override send(text: string, eventId?: string): void {
    this.#exchange.tell(text, eventId);
  }

  override get draining(): AbortSignal {
    return this.#lifecycle.draining;
  }

  override get peers(): Peers {
    return this.#peers;
  }
}
