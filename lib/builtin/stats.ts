/**
 * What a server tells its operators of itself, in `rpc.stats`.
 *
 * @module
 */

import type { AnyMethod } from "../api/api.ts";
import type { PeerInfo } from "../api/context.ts";
import { method } from "../api/method.ts";
import { RpcError } from "../error.ts";
import { RPC } from "../message/control.ts";

/** Calls of one method since the server began. */
export interface MethodStats {
  /** Its name; `_OTHER` for all that the API does not have. */
  readonly method: string;
  /** Those that have ended, and how many of them in an error. */
  readonly count: number;
  readonly errors: number;
  /** How many took how long: one number for each of the `bounds`, and the last for those that took longer. */
  readonly counts: readonly number[];
  /** Those of open connections that wait or run now. */
  readonly running: number;
}

/** One connection. */
export interface PeerStats extends Pick<PeerInfo, "id" | "address" | "transport" | "framing"> {
  /** Who the peer is, if that is a text or a number. */
  readonly identity?: string | number;
  /** How long it has been connected, in seconds. */
  readonly seconds: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Bytes that are kept for it now. */
  readonly keptBytes: number;
  /** Its calls that wait or run now. */
  readonly running: number;
}

/** What the server knows. Counts are since it began; sizes are bytes. */
export interface Stats {
  readonly name: string;
  readonly version: string;
  /** Milliseconds by a clock that only goes on: what lies between two answers tells the rates. */
  readonly clock: number;
  /** Seconds since the process began. */
  readonly uptime: number;
  /** Seconds up to which each number of {@linkcode MethodStats.counts} counts. */
  readonly bounds: readonly number[];
  readonly methods: readonly MethodStats[];
  /** How many are open. */
  readonly connections: number;
  readonly accepted: number;
  /** Those that keep the most, then those that were sent and have sent the most; not all if there are many. */
  readonly peers: readonly PeerStats[];
  readonly running: number;
  readonly streams: number;
  /** What was refused, by the limit. */
  readonly refused: Readonly<Record<string, number>>;
  readonly protocolErrors: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly keptBytes: number;
  /** Milliseconds by which the event loop was late at most, in the last 10 to 20 seconds. */
  readonly loopDelay: number;
  readonly residentBytes: number;
}

/**
 * The method that tells it.
 *
 * @param isOperator tells whether a peer may see it
 */
export function statsMethod(
  isOperator: (peer: PeerInfo) => boolean,
  stats: () => Stats,
): [name: string, method: AnyMethod] {
  return [
    RPC.stats,
    method((_, { peer }) => {
      if (isOperator(peer) === true) return stats();
      throw new RpcError("PERMISSION_DENIED", "Only operators may see this");
    }),
  ];
}
