/**
 * What connections are made with: in common with all others of a server, and of a listener.
 *
 * @module
 */

import type { Authenticate } from "../api/auth.ts";
import type { CloseInfo, PeerInfo } from "../api/context.ts";
import type { RpcError } from "../error.ts";
import type { Framing } from "../framing/mod.ts";
import type { HttpServing } from "../http/options.ts";
import type { HttpSession } from "../http/session.ts";
import type { RequestsOptions } from "../incoming/requests.ts";
import type { BufferPool } from "../link/buffer_pool.ts";
import type { PeerIds } from "../link/identity.ts";
import type { Manners } from "../link/lifecycle.ts";
import type { ParseJson } from "../message/exact_numbers.ts";
import type { CallsOptions } from "../outgoing/calls.ts";
import type { Guesses } from "../overload/guesses.ts";
import type { Ledger } from "../overload/ledger.ts";
import type { Allowance } from "../overload/rate_limit.ts";
import type { TimeSlice } from "../overload/time_slice.ts";
import type { PeerSet, Reachable } from "./peers.ts";

/** What all connections of a server, or of a line, have in common. */
export interface Shared
  extends RequestsOptions, Pick<CallsOptions, "queue" | "memory" | "inOrder" | "callTimeout"> {
  readonly pool: BufferPool;
  /** Makes values of JSON. @default {JSON.parse} */
  readonly parseJson?: ParseJson;
  /** Who keeps and runs how much. */
  readonly ledger: Ledger;
  /** Numbers their peers. */
  readonly ids: PeerIds;
  /** All that are connected. */
  readonly peers: PeerSet;
  /** Makes guessing slow; a line has none. */
  readonly guesses?: Guesses;
  /** The time slice that connections share; without one the runtime alone decides. */
  readonly timeSlice?: TimeSlice;
  /** Told of what goes wrong and is nobody's answer, and which callback of the author's threw it, if one did. */
  readonly onError: (error: unknown, peer: PeerInfo, callback?: string) => void;
}

/**
 * How HTTP is spoken, and what speaks it. The server says where that is: what a client imports does not lead
 * to it, so that from a URL no client downloads what only a server needs, the console above all.
 */
export interface HttpService extends HttpServing {
  readonly load: () => Promise<{ readonly HttpSession: typeof HttpSession }>;
}

/** What the connections of one listener, or one address, have in common. */
export interface ConnectionOptions extends Manners {
  /** The scheme of the addresses. */
  readonly transport: string;
  /** Whether we are the end that dialled: it keeps the line alive, where the other ends a silent one. */
  readonly isDialler: boolean;
  /** The framing that we speak first; without it the peer's first bytes decide. */
  readonly framing?: Framing;
  /** The network of an address; undefined where each connection is a caller by itself. */
  readonly network?: (address: string) => string | undefined;
  /** How fast the peer at an address may go; without it as fast as it can. */
  readonly allowance?: (address: string) => Allowance;
  /** The same for one behind a proxy; undefined where its address says nothing. */
  readonly relayedAllowance?: (address: string) => Allowance | undefined;
  /** Makes what the author keeps for a connection. */
  readonly connectionState?: (peer: PeerInfo) => unknown;
  /** How HTTP is spoken; without it a browser is answered that it is not. */
  readonly http?: HttpService;
  /** Decides who the peer is; without it every peer may call. */
  readonly authenticate?: Authenticate;
  /** Milliseconds that our calls may take if they do not say. */
  readonly timeout?: number;
  /**
   * Told that the connection is that of a proxy, and its peer in this network.
   *
   * @returns why it is not served, if it is not
   */
  readonly onRelay?: (connection: Reachable, network: string | undefined) => RpcError | undefined;
  /** Told once that no calls can be begun here any more, and for how long those that run may go on. */
  readonly onLeave?: (graceMs?: number) => void;
  /** Told once that it has ended, and why. */
  readonly onClose?: (connection: Reachable, info: CloseInfo) => void;
}
