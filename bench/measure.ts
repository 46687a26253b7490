/**
 * What every load generator here shares: its arguments, and how it counts and reports.
 *
 * It prints the line `measuring` when the warm-up is over and one line of JSON when it is done, so
 * that whoever started it can read the server's CPU time at both ends.
 *
 * @module
 */

import { Histogram } from "../cli/bench/histogram.ts";
import type { FramingName } from "../lib/mod.ts";

/** What to send, to whom, and for how long. */
export interface Load {
  /** The port at 127.0.0.1. */
  readonly port: number;
  /** Connections. */
  readonly conns: number;
  /** Calls in flight on each connection, at most. */
  readonly depth: number;
  /** Calls a second over all connections in turn; undefined for as many as are answered. */
  readonly rate: number | undefined;
  /** The method. */
  readonly kind: "add" | "echo";
  /** Bytes of an echo's text. */
  readonly size: number;
  /** Seconds before the measuring begins. */
  readonly warm: number;
  /** Seconds of measuring. */
  readonly dur: number;
  /** The framing to speak. */
  readonly framing: FramingName;
}

/** Reads the load from arguments of the form `name=value`. */
export function loadOf(args: readonly string[]): Load {
  const given: Record<string, string> = Object.fromEntries(args.map((arg) => arg.split("=")));
  const { port, conns = 1, depth = 1, kind = "add", size = 1024, warm = 1, dur = 3 } = given;
  return {
    port: Number(port),
    conns: Number(conns),
    depth: Number(depth),
    rate: given.rate === undefined ? undefined : Number(given.rate),
    kind: kind as Load["kind"],
    size: Number(size),
    warm: Number(warm),
    dur: Number(dur),
    framing: (given.framing ?? "json") as FramingName,
  };
}

/** The text that is echoed: printable ASCII without anything that JSON escapes. */
export function textOf(size: number): string {
  return "Landline answers the call, 0123456789. ".repeat(Math.ceil(size / 39)).slice(0, size);
}

/** What a load generator found; times are microseconds. */
export interface Found {
  /** Answers a second. */
  readonly rps: number;
  /** Answers that were counted. */
  readonly n: number;
  readonly dur_s: number;
  readonly p50_us: number;
  readonly p90_us: number;
  readonly p99_us: number;
  readonly p999_us: number;
  readonly max_us: number;
  readonly mean_us: number;
  /** Wrong answers. */
  readonly errors: number;
  /** Calls without an answer. */
  readonly lost: number;
  readonly conn_errors: number;
  /** What was wrong first. */
  readonly first_error: string;
}

/** What a run comes to, before it is printed. */
export interface Run {
  /** Milliseconds that each call took. */
  readonly latencies: Histogram;
  readonly seconds: number;
  /** Right answers that came while it was measured. */
  readonly results: number;
  readonly errors: number;
  readonly lost: number;
  readonly firstError: string;
}

/** Prints what was found, and ends the process: with 3 where an answer was wrong or missing. */
export function report({ latencies, seconds, results, errors, lost, firstError }: Run): never {
  const us = (ms: number) => Math.round(ms * 10_000) / 10;
  const found: Found = {
    rps: Math.round(results / seconds * 10) / 10,
    n: results,
    dur_s: seconds,
    p50_us: us(latencies.quantile(0.5)),
    p90_us: us(latencies.quantile(0.9)),
    p99_us: us(latencies.quantile(0.99)),
    p999_us: us(latencies.quantile(0.999)),
    max_us: us(latencies.max),
    mean_us: us(latencies.mean),
    errors,
    lost,
    conn_errors: 0,
    first_error: firstError,
  };
  console.log(JSON.stringify(found));
  Deno.exit(errors + lost > 0 ? 3 : 0);
}

/** The clock of a run, and what was counted in its measured part. */
export class Meter {
  /** When measuring begins and ends, as `performance.now()` tells. */
  readonly start: number;
  readonly end: number;
  readonly #seconds: number;
  readonly #latencies = new Histogram();
  #errors = 0;
  #firstError = "";

  /** The clock starts now. */
  constructor({ warm, dur }: Load) {
    this.#seconds = dur;
    this.start = performance.now() + warm * 1000;
    this.end = this.start + dur * 1000;
    sayWhenMeasuring(warm);
  }

  /** Counts an answer. */
  add(from: number, to: number): void {
    if (from >= this.start && to < this.end) this.#latencies.add(to - from);
  }

  /** Counts a wrong answer. */
  wrong(what: string): void {
    if (this.#errors++ === 0) this.#firstError = what.slice(0, 300);
  }

  /** Prints what was found, and ends the process. */
  report(lost: number): never {
    report({
      latencies: this.#latencies,
      seconds: this.#seconds,
      results: this.#latencies.count,
      errors: this.#errors,
      lost,
      firstError: this.#firstError,
    });
  }
}

/** Says when the warm-up is over, to who reads the CPU times. */
export function sayWhenMeasuring(warm: number): void {
  setTimeout(() => console.log("measuring"), warm * 1000);
}
