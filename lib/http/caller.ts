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

/** The connection that a caller has sent its request on. */
export interface CallerHost extends Pick<Lifecycle, "draining"> {
  readonly shared: { readonly peers: Peers };
}

/** Who has sent a request. */
export class HttpCaller extends Caller {
  readonly #exchange: Exchange;
  readonly #host: CallerHost;

  constructor(
    identity: Identity,
    exchange: Exchange,
    room: CallerRoom,
    state: unknown,
    host: CallerHost,
  ) {
    super(identity, exchange, room, state);
    this.#exchange = exchange;
    this.#host = host;
  }

  override send(text: string, eventId?: string): void {
    this.#exchange.tell(text, eventId);
  }

  override get draining(): AbortSignal {
    return this.#host.draining;
  }

  override get peers(): Peers {
    return this.#host.shared.peers;
  }
}
