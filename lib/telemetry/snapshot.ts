/**
 * What was counted up to a moment, as values that can be sent to another thread and added up there.
 *
 * @module
 */

/** Numbers by the value of a label. */
export type Labelled = Readonly<Record<string, number>>;

/** Calls of one method that ended in one way. */
export interface CallSeries {
  readonly method: string;
  /** The number of the error, or the name of its class where it has none; empty for calls that went well. */
  readonly error: string;
  /** See {@linkcode Histogram.counts}. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** What a server has counted. */
export interface Snapshot {
  /** Calls that came in, and those that we made. */
  readonly incoming: readonly CallSeries[];
  readonly outgoing: readonly CallSeries[];
  /** Connections that are open, and that were accepted, by transport. */
  readonly connections: Labelled;
  readonly accepted: Labelled;
  /** Calls and streams whose handlers have not ended. */
  readonly running: number;
  readonly streams: number;
  readonly itemsSent: number;
  readonly itemsReceived: number;
  /** What was refused, by the limit. */
  readonly refused: Labelled;
  readonly protocolErrors: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Milliseconds by which the event loop was late. */
  readonly loopDelay: number;
}

/** Nothing counted. */
export const NOTHING: Snapshot = {
  incoming: [],
  outgoing: [],
  connections: {},
  accepted: {},
  running: 0,
  streams: 0,
  itemsSent: 0,
  itemsReceived: 0,
  refused: {},
  protocolErrors: 0,
  receivedBytes: 0,
  sentBytes: 0,
  loopDelay: 0,
};

/** What a thread leaves when it ends: what it has counted, without what was open and running. */
export function lastOf(snapshot: Snapshot): Snapshot {
  return { ...snapshot, connections: {}, running: 0, streams: 0, loopDelay: 0 };
}

/** What several threads have counted together. */
export function sumOf(snapshots: readonly Snapshot[]): Snapshot {
  return snapshots.reduce((a, b) => ({
    incoming: joined(a.incoming, b.incoming),
    outgoing: joined(a.outgoing, b.outgoing),
    connections: added(a.connections, b.connections),
    accepted: added(a.accepted, b.accepted),
    running: a.running + b.running,
    streams: a.streams + b.streams,
    itemsSent: a.itemsSent + b.itemsSent,
    itemsReceived: a.itemsReceived + b.itemsReceived,
    refused: added(a.refused, b.refused),
    protocolErrors: a.protocolErrors + b.protocolErrors,
    receivedBytes: a.receivedBytes + b.receivedBytes,
    sentBytes: a.sentBytes + b.sentBytes,
    loopDelay: Math.max(a.loopDelay, b.loopDelay),
  }), NOTHING);
}

function added(a: Labelled, b: Labelled): Labelled {
  const sum: Record<string, number> = { ...a };
  for (const [label, count] of Object.entries(b)) sum[label] = (sum[label] ?? 0) + count;
  return sum;
}

function joined(a: readonly CallSeries[], b: readonly CallSeries[]): CallSeries[] {
  const all = new Map<string, CallSeries>();
  for (const series of [...a, ...b]) {
    const key = JSON.stringify([series.method, series.error]), before = all.get(key);
    all.set(
      key,
      before === undefined ? series : {
        ...series,
        counts: before.counts.map((count, i) => count + series.counts[i]!),
        sum: before.sum + series.sum,
      },
    );
  }
  return [...all.values()];
}
