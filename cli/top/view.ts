/**
 * What `landline top` shows, made of two answers of `rpc.stats`: lines of at most 80 columns.
 *
 * @module
 */

import type { MethodStats, PeerStats, Stats } from "../../lib/builtin/stats.ts";
import { printable, shown } from "../text/printable.ts";

/** The columns of the view. */
const WIDTH = 80;

/** A method with what it did in a while. Times are milliseconds: no more than so many. */
export interface MethodRow {
  readonly method: string;
  /** A second. */
  readonly rate: number;
  readonly errorRate: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly running: number;
  readonly count: number;
  readonly errors: number;
}

/** By what rows are sorted, the most first. */
export const SORTS = ["rate", "errors", "p99", "running", "name"] as const;
export type Sort = typeof SORTS[number];

/** What happened since the answer before, or since the server began. */
export function rowsOf(now: Stats, before?: Stats): MethodRow[] {
  const seconds = before === undefined ? now.uptime : (now.clock - before.clock) / 1000;
  return now.methods.map(({ method, count, errors, counts, running }) => {
    const past = before?.methods.find((it) => it.method === method);
    const recent = counts.map((it, i) => it - (past?.counts[i] ?? 0));
    return {
      method,
      rate: perSecond(count - (past?.count ?? 0), seconds),
      errorRate: perSecond(errors - (past?.errors ?? 0), seconds),
      p50: quantile(recent, now.bounds, 0.5),
      p99: quantile(recent, now.bounds, 0.99),
      running,
      count,
      errors,
    };
  });
}

function perSecond(count: number, seconds: number): number {
  return seconds > 0 ? Math.round(count / seconds * 100) / 100 : 0;
}

/** Milliseconds within which a part of the calls ended; null if there were none, or it took longer than is told. */
function quantile(
  counts: MethodStats["counts"],
  bounds: readonly number[],
  part: number,
): number | null {
  const all = counts.reduce((sum, count) => sum + count, 0);
  let sum = 0;
  for (const [i, bound] of bounds.entries()) {
    if (all > 0 && (sum += counts[i]!) >= part * all) return Math.round(bound * 1e6) / 1000;
  }
  return null;
}

/** How it is shown. */
export interface ViewOptions {
  /** Lines that there are. */
  readonly height: number;
  readonly sort: Sort;
  /** What names and addresses must have in them. */
  readonly filter: string;
  /** What stands in the last line. */
  readonly footer: string;
}

/** The lines. */
export function viewOf(now: Stats, before: Stats | undefined, options: ViewOptions): string[] {
  const { height, sort, filter, footer } = options;
  const seconds = before === undefined ? now.uptime : (now.clock - before.clock) / 1000;
  const refused = Object.entries(now.refused).sort(([, a], [, b]) => b - a)
    .map(([limit, count]) => `${limit} ${count}`);
  const head = [
    `${now.name} ${now.version}, up ${
      age(now.uptime)
    }: ${now.connections} connections of ${now.accepted}, ${now.running} running, ${now.streams} streams`,
    `event loop ${now.loopDelay.toFixed(1)} ms late   memory ${bytes(now.residentBytes)}   kept ${
      bytes(now.keptBytes)
    }   in ${bytes(perSecond(now.receivedBytes - (before?.receivedBytes ?? 0), seconds))}/s   out ${
      bytes(perSecond(now.sentBytes - (before?.sentBytes ?? 0), seconds))
    }/s`,
    `refused: ${refused.join(", ") || "nothing"}   bad messages: ${now.protocolErrors}`,
    "",
  ];
  const methods = rowsOf(now, before).filter(({ method }) => method.includes(filter))
    .sort(ORDERS[sort]);
  const peers = now.peers.filter(({ address, identity = "" }) =>
    address.includes(filter) || `${identity}`.includes(filter)
  );
  const room = Math.max(2, height - head.length - 4), half = Math.floor(room / 2);
  const methodLines = Math.min(methods.length, Math.max(half, room - peers.length));
  return [
    ...head,
    row("METHOD", "CALLS/S", "ERRORS/S", "P50 MS", "P99 MS", "RUNNING"),
    ...methods.slice(0, methodLines).map((it) =>
      row(it.method, it.rate, it.errorRate, time(it.p50), time(it.p99), it.running)
    ),
    "",
    row("CONNECTION", "WHO", "SINCE", "BYTES", "KEPT", "RUNNING"),
    ...peers.slice(0, room - methodLines).map(peerRow),
    footer,
  ].map((line) => printable(line).slice(0, WIDTH));
}

function peerRow(peer: PeerStats): string {
  const { address, identity = "-", seconds, receivedBytes, sentBytes, keptBytes, running } = peer;
  const who = shown(String(identity), 8);
  return row(
    address,
    who,
    age(seconds),
    bytes(receivedBytes + sentBytes),
    bytes(keptBytes),
    running,
  );
}

function row(name: string, ...cells: (string | number)[]): string {
  return shown(name, 31).padEnd(33) + cells.map((cell) => String(cell).padStart(9)).join("");
}

const ORDERS: Readonly<Record<Sort, (a: MethodRow, b: MethodRow) => number>> = {
  rate: (a, b) => b.rate - a.rate || b.count - a.count,
  errors: (a, b) => b.errorRate - a.errorRate || b.errors - a.errors,
  p99: (a, b) => (b.p99 ?? -1) - (a.p99 ?? -1),
  running: (a, b) => b.running - a.running,
  name: (a, b) => a.method < b.method ? -1 : 1,
};

function time(ms: number | null): string {
  return ms === null ? "-" : String(ms);
}

function age(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

function bytes(count: number): string {
  for (const unit of ["", "k", "M"]) {
    if (count < 1000) return `${Number(count.toPrecision(3))}${unit}`;
    count /= 1000;
  }
  return `${Number(count.toPrecision(3))}G`;
}
