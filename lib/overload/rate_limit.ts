/**
 * How fast callers may go: each connection, and all connections from one address together. What an
 * address has used up stays used up when it connects again.
 *
 * @module
 */

import { TokenBucket } from "./token_bucket.ts";

/** So much a second in the long run; what is left out is not limited. */
export interface RateLimit {
  /** Calls a second. A method may count for more: its option `cost`. */
  readonly calls?: number;
  /** Bytes a second that are received. */
  readonly bytes?: number;
  /** Seconds of it that may be used at once. @default {10} */
  readonly burst?: number;
}

/** How fast callers may go. */
export interface RateLimits {
  /** One connection. */
  readonly connection?: RateLimit;
  /** All connections from one address, one after another too: an IPv4 address, or an IPv6 /64. */
  readonly address?: RateLimit;
}

/** Messages that are no calls, or are refused, for each call that there may be. */
const OTHERS = 50;

/** Addresses of which is remembered how fast they were; more than this come in a flood. */
const MAX_REMEMBERED = 1 << 16;

/** Addresses after which those that have been quiet are forgotten. */
const SWEEP = 1 << 10;

/** What callers with the same {@linkcode RateLimit} have used of it. */
class Meter {
  readonly #calls: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;
  /** Messages that are no calls, or are refused. */
  readonly #others: TokenBucket | undefined;

  constructor({ calls, bytes, burst = 10 }: RateLimit, now: number) {
    if (calls !== undefined) {
      const most = Math.max(1, calls * burst);
      this.#calls = new TokenBucket(calls, most, now);
      this.#others = new TokenBucket(calls * OTHERS, most * OTHERS, now);
    }
    if (bytes !== undefined) this.#bytes = new TokenBucket(bytes, Math.max(1, bytes * burst), now);
  }

  isFull(now: number): boolean {
    return (this.#calls?.isFull(now) ?? true) && (this.#bytes?.isFull(now) ?? true);
  }

  delay(cost: number, now: number): number {
    return Math.max(this.#calls?.delay(cost, now) ?? 0, this.#bytes?.delay(1, now) ?? 0);
  }

  call(cost: number, now: number): void {
    this.#calls?.take(cost, now);
  }

  note(now: number): void {
    this.#others?.take(1, now);
  }

  debt(now: number): number {
    return Math.max(this.#others?.delay(0, now) ?? 0, this.#bytes?.delay(1, now) ?? 0);
  }

  receive(bytes: number, now: number): void {
    this.#bytes?.take(bytes, now);
  }
}

/** What one connection may still use: its own, and its address's. */
export class Allowance {
  readonly #meters: readonly Meter[];

  constructor(meters: readonly Meter[]) {
    this.#meters = meters;
  }

  /** Takes what calls cost; where that is not there takes nothing, and tells for how many ms. */
  call(cost: number, now: number): number {
    let wait = 0;
    for (const meter of this.#meters) wait = Math.max(wait, meter.delay(cost, now));
    if (wait === 0) { for (const meter of this.#meters) meter.call(cost, now); }
    return wait;
  }

  /** A message came that is no call, or that is refused. */
  note(now: number): void {
    for (const meter of this.#meters) meter.note(now);
  }

  /** Milliseconds for which no more is to be read: more came than there may be. */
  debt(now: number): number {
    let debt = 0;
    for (const meter of this.#meters) debt = Math.max(debt, meter.debt(now));
    return debt;
  }

  /** Bytes were received, more than there may be as well: then reading pauses. See {@linkcode debt}. */
  receive(bytes: number, now: number): void {
    for (const meter of this.#meters) meter.receive(bytes, now);
  }
}

/** Keeps the rates of a server. */
export class RateLimiter {
  readonly #options: RateLimits;
  readonly #addresses = new Map<string, Meter>();
  /** Of the callers behind proxies, whose connections are not seen. */
  readonly #relayed = new Map<string, Meter>();

  /** @throws {RangeError} for rates that are no positive numbers */
  constructor(options: RateLimits) {
    for (const [of, rate] of Object.entries(options) as [string, RateLimit | undefined][]) {
      for (const [what, value] of Object.entries(rate ?? {})) {
        if (typeof value === "number" && value > 0 && value < Infinity) continue;
        throw new RangeError(
          `Cannot use rateLimit: ${of}.${what} must be a positive number, it is ${String(value)}`,
        );
      }
    }
    this.#options = options;
  }

  /** What a new connection may use. @param address undefined where the peer has none of its own */
  allow(address: string | undefined, now: number): Allowance {
    const { connection, address: rate } = this.#options, meters: Meter[] = [];
    if (connection !== undefined) meters.push(new Meter(connection, now));
    if (rate !== undefined && address !== undefined) {
      meters.push(meterOf(this.#addresses, address, rate, now));
    }
    return new Allowance(meters);
  }

  /**
   * What the requests may use that come from one address through proxies. All of them together are what one
   * connection is: a proxy has connections of its own, and puts many callers on each.
   */
  allowRelayed(address: string, now: number): Allowance {
    const { connection, address: rate } = this.#options, meters: Meter[] = [];
    if (connection !== undefined) meters.push(meterOf(this.#relayed, address, connection, now));
    if (rate !== undefined) meters.push(meterOf(this.#addresses, address, rate, now));
    return new Allowance(meters);
  }
}

function meterOf(meters: Map<string, Meter>, address: string, rate: RateLimit, now: number): Meter {
  let meter = meters.get(address);
  if (meter === undefined) {
    if (meters.size % SWEEP === SWEEP - 1) forget(meters, now);
    meters.set(address, meter = new Meter(rate, now));
  }
  return meter;
}

/** Those that have used nothing for long are as if they had never come. */
function forget(meters: Map<string, Meter>, now: number): void {
  for (const [address, meter] of meters) {
    if (meter.isFull(now) || meters.size > MAX_REMEMBERED) meters.delete(address);
  }
}
