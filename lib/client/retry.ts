/**
 * Whether a call that has failed is sent again, and when: back-off, the policy, and the budget.
 *
 * Sources: gRPC's connection back-off
 * (https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md) and its proposal A6 for retries.
 *
 * @module
 */

import { ConnectionLostError, type ErrorData, type ErrorName, RpcError } from "../error.ts";
import type { Limits } from "../limits.ts";
import { RPC } from "../message/control.ts";
import type { Call } from "../outgoing/call.ts";

/** Delays that grow. */
export interface BackoffOptions {
  /** Milliseconds of the first delay. */
  readonly initial: number;
  /** By which each delay is longer than the one before. */
  readonly multiplier: number;
  /** Milliseconds that no delay exceeds. */
  readonly max: number;
}

/** By how much a delay may be shorter or longer, so that many clients do not come back together. */
const JITTER = 0.2;

/**
 * The delay before another attempt.
 *
 * @param failures how many have failed, from 1 on
 * @param random a number from 0 to 1
 */
export function delayAfter(
  failures: number,
  { initial, multiplier, max }: BackoffOptions,
  random: number,
): number {
  const delay = Math.min(max, initial * multiplier ** (failures - 1));
  return Math.min(max, delay * (1 - JITTER + 2 * JITTER * random));
}

/** How calls that may run twice are sent again; the fields are those of gRPC's service config. */
export interface RetryPolicy {
  /** How often a call is sent at most, the first time included; 1 never sends again. @default {3} */
  readonly maxAttempts?: number;
  /** Milliseconds before the first retry; ± 20 %. @default {100} */
  readonly initialBackoff?: number;
  /** Milliseconds that no delay exceeds. @default {1000} */
  readonly maxBackoff?: number;
  /** By which each delay is longer than the one before. @default {1.6} */
  readonly backoffMultiplier?: number;
  /**
   * The names of the errors after which a call is sent again. A lost connection counts as
   * `UNAVAILABLE`. After an error with `retryAfterMs` it is sent again whatever the name: after that time,
   * if the call has as long. @default {["UNAVAILABLE"]}
   */
  readonly retryableStatusCodes?: readonly ErrorName[];
}

/**
 * The policy with its defaults.
 *
 * @throws {RangeError} for numbers that make no sense
 */
export function resolveRetryPolicy(given: RetryPolicy = {}): Required<RetryPolicy> {
  const policy = {
    maxAttempts: 3,
    initialBackoff: 100,
    maxBackoff: 1000,
    backoffMultiplier: 1.6,
    retryableStatusCodes: ["UNAVAILABLE"] as const,
    ...given,
  };
  for (const [name, min] of Object.entries(MINIMA)) {
    const value = policy[name as keyof typeof MINIMA];
    const isWhole = name !== "maxAttempts" || Number.isSafeInteger(value);
    if (!(value >= min && value < 2 ** 31 && isWhole)) {
      throw new RangeError(`Cannot retry: ${name} must be a number from ${min}, it is ${value}`);
    }
  }
  return policy;
}

const MINIMA = { maxAttempts: 1, initialBackoff: 0, maxBackoff: 0, backoffMultiplier: 1 } as const;

/** Tokens at first and at most, and what a success earns; gRPC's retryThrottling. */
const MAX_TOKENS = 10;
const TOKEN_RATIO = 0.1;

/**
 * Keeps retries from becoming a storm: a failure costs a token, a success earns a tenth of one, and
 * while half of the tokens are gone nothing is sent again.
 */
export class RetryBudget {
  #tokens = MAX_TOKENS;
  /** Successes that were counted in. */
  #counted = 0;

  /**
   * A call has failed.
   *
   * @param successes how many calls have succeeded so far in all
   * @returns whether it may be sent again
   */
  allows(successes: number): boolean {
    const earned = (successes - this.#counted) * TOKEN_RATIO;
    this.#counted = successes;
    this.#tokens = Math.max(0, Math.min(MAX_TOKENS, this.#tokens + earned) - 1);
    return this.#tokens > MAX_TOKENS / 2;
  }
}

/** Methods of our own that change nothing. */
const IDEMPOTENT: readonly string[] = [
  RPC.ping,
  RPC.serverInfo,
  RPC.discover,
  RPC.health,
  RPC.healthWatch,
];

/** What decides for the calls of one line. */
export interface RetriesOptions {
  readonly retry: Required<RetryPolicy>;
  /** Methods that may run twice. */
  readonly idempotent: readonly string[];
  readonly limits: Pick<Limits, "callTimeout">;
  /** A number from 0 to 1. */
  random(): number;
}

/** Decides which calls of a line are sent again. */
export class Retries {
  readonly #options: RetriesOptions;
  readonly #idempotent: ReadonlySet<string>;
  readonly #budget = new RetryBudget();

  constructor(options: RetriesOptions) {
    this.#options = options;
    this.#idempotent = new Set([...IDEMPOTENT, ...options.idempotent]);
  }

  /**
   * Milliseconds after which a call that failed so is sent again; undefined if it is not.
   *
   * @param successes results and items that the line got so far
   */
  delayFor(call: Call, error: unknown, successes: number): number | undefined {
    const { receiver } = call, { retry, random, limits } = this.#options;
    const isLost = error instanceof ConnectionLostError;
    const name = isLost
      ? "UNAVAILABLE"
      : error instanceof RpcError && error.remote
      ? error.reason
      : undefined;
    const goesOn = receiver?.after !== undefined;
    // Each connection that is lost costs a delay of its own.
    if (goesOn && (isLost || call.isLeft && name === "UNAVAILABLE")) return 0;
    if (goesOn) {
      // A stream that has moved on begins to count anew.
      if (receiver.received > call.received) call.attempts = 1;
      call.received = receiver.received;
    } else if (receiver !== undefined && receiver.received > 0) return undefined;
    else if (!wasNotStarted(error) && !this.#isIdempotent(call)) return undefined;
    const { retryAfterMs } = dataOf(error);
    // A peer that says when asks for it, whatever the name of its error is.
    const isAskedFor = name !== undefined && typeof retryAfterMs === "number" && retryAfterMs >= 0;
    if (!isAskedFor && !retry.retryableStatusCodes.includes(name as ErrorName)) return undefined;
    const isAllowed = this.#budget.allows(successes);
    if (!isAllowed || call.attempts >= retry.maxAttempts) return undefined;
    if (isAskedFor) {
      const left = call.deadline - call.owner.timers.now();
      const most = Number.isFinite(left) ? left : limits.callTimeout;
      return retryAfterMs < most ? retryAfterMs : undefined; // it would be in vain
    }
    return delayAfter(call.attempts, {
      initial: retry.initialBackoff,
      multiplier: retry.backoffMultiplier,
      max: retry.maxBackoff,
    }, random());
  }

  #isIdempotent({ method, options }: Call): boolean {
    return options.idempotent ?? this.#idempotent.has(method);
  }
}

/** Whether the peer says that it has not begun the call: it crossed its goodbye. */
function wasNotStarted(error: unknown): boolean {
  const { details } = dataOf(error);
  return (details as { started?: unknown } | null | undefined)?.started === false;
}

function dataOf(error: unknown): ErrorData {
  return error instanceof RpcError && error.data !== null && typeof error.data === "object"
    ? error.data as ErrorData
    : {};
}
