/**
 * The peer of a connection as the caller of its requests: it can be called back.
 *
 * @module
 */

import type { Context, Peer } from "../api/context.ts";
import type { CallOptions } from "../api/stub.ts";
import { Caller } from "../incoming/caller.ts";
import type { Backpressure } from "../link/backpressure.ts";
import type { FramedWriter } from "../link/framed_writer.ts";
import type { Identity } from "../link/identity.ts";
import { encodeArgument } from "../message/base64.ts";
import type { Argument } from "../message/encode.ts";
import { type Invoke, nameProxy } from "../outgoing/name_proxy.ts";

/** What calls the peer over its connection. */
export interface PeerCalls {
  call(method: string, value: Argument | undefined, options: CallOptions): unknown;
  notify(method: string, value: Argument | undefined): void;
}

/** The caller at the other end of a connection. */
export class PeerCaller extends Caller {
  readonly #calls: PeerCalls;

  constructor(
    calls: PeerCalls,
    identity: Identity,
    writer: FramedWriter,
    backpressure: Backpressure,
    state: unknown,
  ) {
    super(identity, writer, backpressure, state);
    this.#calls = calls;
  }

  override peerFor(context: Context): Peer {
    const call: Invoke = (name, value, given) => {
      const own = (given ?? {}) as CallOptions;
      const signal = own.signal === undefined
        ? context.signal
        : AbortSignal.any([own.signal, context.signal]);
      const timeout = Math.min(own.timeout ?? Infinity, context.timeLeft());
      return this.#calls.call(name, encodeArgument(value), { ...own, signal, timeout });
    };
    const notify: Invoke = (name, value) => this.#calls.notify(name, encodeArgument(value));
    // Not enumerable: a handler may return its peer, or log it.
    return Object.defineProperties({ ...this.info }, {
      call: { value: nameProxy(call) },
      notify: { value: nameProxy(notify) },
    }) as Peer;
  }
}
