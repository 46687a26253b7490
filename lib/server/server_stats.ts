/**
 * What a server's counters say, made fit for its operators.
 *
 * @module
 */

import type { PeerInfo } from "../api/context.ts";
import type { Introduced } from "../builtin/introduction.ts";
import type { MethodStats, PeerStats, Stats } from "../builtin/stats.ts";
import { residentBytes } from "../runtime.ts";
import { OTHER } from "../telemetry/call_names.ts";
import { BOUNDS } from "../telemetry/histogram.ts";
import type { Snapshot } from "../telemetry/snapshot.ts";

/** How many connections are listed at most. */
const MAX_PEERS = 200;

/** Characters of an identity. */
const MAX_IDENTITY = 128;

/** A connection, as far as it is told of. */
export interface StatsConnection {
  readonly peer: PeerInfo;
  /** When it began, by the clock of the timers. */
  readonly since: number;
  readonly account: { readonly kept: number };
  readonly running: ReadonlyMap<unknown, { readonly method: string; readonly isKnown: boolean }>;
  readonly reader: { readonly receivedBytes: number };
  readonly writer: { readonly sentBytes: number };
}

/** Whose stats they are. */
export interface StatsHost extends Introduced {
  /** By the clock of the timers. */
  readonly now: number;
  readonly connections: Iterable<StatsConnection>;
  readonly kept: number;
}

/** What a server knows now. */
export function statsOf(
  snapshot: Snapshot,
  { name, version, now, connections, kept }: StatsHost,
): Stats {
  const all = [...connections];
  const sum = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    name,
    version,
    clock: performance.now(),
    uptime: performance.now() / 1000,
    bounds: BOUNDS,
    methods: methodsOf(snapshot, all),
    connections: all.length,
    accepted: sum(snapshot.accepted),
    peers: all.sort(byWeight).slice(0, MAX_PEERS).map((it) => peerOf(it, now)),
    running: snapshot.running,
    streams: snapshot.streams,
    refused: snapshot.refused,
    protocolErrors: snapshot.protocolErrors,
    receivedBytes: snapshot.receivedBytes,
    sentBytes: snapshot.sentBytes,
    keptBytes: kept,
    loopDelay: snapshot.loopDelay,
    residentBytes: residentBytes(),
  };
}

function methodsOf({ incoming }: Snapshot, connections: StatsConnection[]): MethodStats[] {
  type Mutable = { -readonly [Name in keyof MethodStats]: MethodStats[Name] };
  const methods = new Map<string, Mutable>();
  const of = (method: string) => {
    let found = methods.get(method);
    if (found === undefined) {
      found = { method, count: 0, errors: 0, counts: [...BOUNDS, 0].map(() => 0), running: 0 };
      methods.set(method, found);
    }
    return found;
  };
  for (const { method, error, counts } of incoming) {
    const found = of(method), count = counts.reduce((sum, count) => sum + count, 0);
    found.count += count;
    if (error !== "") found.errors += count;
    found.counts = found.counts.map((before, i) => before + counts[i]!);
  }
  for (const { running } of connections) {
    for (const { method, isKnown } of running.values()) of(isKnown ? method : OTHER).running++;
  }
  return [...methods.values()].filter(({ count, running }) => count + running > 0);
}

function byWeight(a: StatsConnection, b: StatsConnection): number {
  return b.account.kept - a.account.kept || bytesOf(b) - bytesOf(a);
}

function bytesOf({ reader, writer }: StatsConnection): number {
  return reader.receivedBytes + writer.sentBytes;
}

function peerOf(connection: StatsConnection, now: number): PeerStats {
  const { peer, account, running, reader, writer } = connection;
  const { id, address, localAddress, transport, framing, identity } = peer;
  return {
    id,
    address: address.endsWith(":") ? localAddress : address, // one that calls over a Unix socket has none
    transport,
    framing,
    ...(typeof identity === "number" && { identity }),
    ...(typeof identity === "string" && { identity: identity.slice(0, MAX_IDENTITY) }),
    seconds: (now - connection.since) / 1000,
    receivedBytes: reader.receivedBytes,
    sentBytes: writer.sentBytes,
    keptBytes: account.kept,
    running: running.size,
  };
}
