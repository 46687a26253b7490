/**
 * A connection of a proxy that is trusted: each request on it says from where it comes, is charged to that
 * caller, and tells nothing of the next.
 *
 * @module
 */

import type { RpcError } from "../error.ts";
import type { Requests } from "../incoming/requests.ts";
import type { Ends } from "../link/identity.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import type { Networks } from "../transport/networks.ts";
import type { Callers, CallersHost } from "./callers.ts";
import { addressOf, originOf } from "./forwarded.ts";
import type { Refusal } from "./guard.ts";
import type { RequestHead } from "./head.ts";
import type { RequestPart } from "./request.ts";

/** The connection. */
export interface RelayHost extends CallersHost {
  readonly options: CallersHost["options"] & {
    /** How fast a caller behind a proxy may go; undefined where its address says nothing. */
    readonly relayedAllowance?: (address: string) => Allowance | undefined;
  };
  readonly requests: Requests;
  /** How fast the connection may go. */
  readonly allowance: Allowance | undefined;
  /** All of the connection is that of this caller from now on; the error if it is not served. */
  relay(ends: Ends): RpcError | undefined;
}

/** What a proxy passes on. */
export class Relay {
  readonly #host: RelayHost;
  readonly #callers: Callers;
  readonly #proxies: Networks;
  /** How fast the caller of the request may go. */
  #allowance: Allowance | undefined;
  /** Why the request is refused, if it contradicts itself. */
  refusal: Refusal | undefined;
  /** Bytes that came and are not charged to a caller yet. */
  #received = 0;

  constructor(host: RelayHost, callers: Callers, proxies: Networks) {
    this.#host = host;
    this.#callers = callers;
    this.#proxies = proxies;
  }

  /** So many bytes have come. */
  receive(bytes: number): void {
    this.#received += bytes;
  }

  /** A part of a request has come, and so many bytes behind it: all before is charged to its caller. */
  take(part: RequestPart, rest: number, now: number): void {
    if (part.kind === "head") this.refusal = this.#begin(part);
    this.#allowance?.receive(this.#received - rest, now);
    this.#received = rest;
  }

  /** Finds out from where this request comes; see {@linkcode originOf}. */
  #begin(head: RequestHead): Refusal | undefined {
    const { socket: { remote }, requests, allowance, options: { relayedAllowance } } = this.#host;
    const origin = originOf(head.headers, this.#proxies);
    this.#allowance = allowance; // never that of the one before
    if (origin !== undefined && "status" in origin) return origin;
    const address = origin === undefined ? remote : addressOf(origin, remote);
    this.#callers.comeFrom(address);
    requests.allowance = this.#allowance = relayedAllowance?.(address) ?? allowance;
    return undefined;
  }

  /** The request makes a WebSocket of the connection; the error if its caller may not have one more. */
  upgrade(): RpcError | undefined {
    return this.#host.relay(this.#callers.ends);
  }
}
