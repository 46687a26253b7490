/**
 * What every load generator here shares: its arguments, and how it counts and reports.
 *
 * It prints the line `measuring` when the warm-up is over and one line of JSON when it is done, so
 * that whoever started it can read the server's CPU time at both ends.
 *
 * @module
 */

import type { FramingName } from "../lib/mod.ts";

/** What to send, to whom, and for how long. */
export interface Load {
  /** The port at 127.0.0.1. */
  readonly port: number;
  /** Connections. */
  readonly conns: number;
  /** Calls in flight on each connection. */
  readonly depth: number;
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
    kind: kind as Load["kind"],
    size: Number(size),
    warm: Number(warm),
    dur: Number(dur),
    framing: (given.framing ?? "lines") as FramingName,
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

/** Buckets of the histogram for each doubling of a latency: steps of 1.1 %. */
const STEPS = 64;

/** The clock of a run, and what was counted in its measured part. */
export class Meter {
  /** When measuring begins and ends, as `performance.now()` tells. */
  readonly start: number;
  readonly end: number;
  readonly #seconds: number;
  readonly #latencies = new Uint32Array(32 * STEPS);
  #count = 0;
  #sum = 0;
  #max = 0;
  #errors = 0;
  #firstError = "";

  /** The clock starts now. */
  constructor({ warm, dur }: Load) {
    this.#seconds = dur;
    this.start = performance.now() + warm * 1000;
    this.end = this.start + dur * 1000;
    setTimeout(() => console.log("measuring"), warm * 1000);
  }

  /** Counts answers that came together, to calls that were made together. */
  add(from: number, to: number, answers = 1): void {
    if (from < this.start || to >= this.end) return;
    const ms = to - from;
    const bucket = Math.max(0, Math.log2(ms * 1000) * STEPS | 0);
    this.#latencies[bucket]! += answers;
    this.#count += answers;
    this.#sum += ms * answers;
    if (ms > this.#max) this.#max = ms;
  }

  /** Counts a wrong answer. */
  wrong(what: string): void {
    if (this.#errors++ === 0) this.#firstError = what.slice(0, 300);
  }

  /** Prints what was found, and ends the process: with 3 where an answer was wrong or missing. */
  report(lost: number): never {
    const us = (ms: number) => Math.round(ms * 10_000) / 10;
    const found: Found = {
      rps: Math.round(this.#count / this.#seconds * 10) / 10,
      n: this.#count,
      dur_s: this.#seconds,
      p50_us: us(this.#quantile(0.5)),
      p90_us: us(this.#quantile(0.9)),
      p99_us: us(this.#quantile(0.99)),
      p999_us: us(this.#quantile(0.999)),
      max_us: us(this.#max),
      mean_us: us(this.#count === 0 ? 0 : this.#sum / this.#count),
      errors: this.#errors,
      lost,
      conn_errors: 0,
      first_error: this.#firstError,
    };
    console.log(JSON.stringify(found));
    Deno.exit(this.#errors + lost > 0 ? 3 : 0);
  }

  /** The latency below which this part of the answers came. */
  #quantile(part: number): number {
    let left = part * this.#count;
    for (const [bucket, answers] of this.#latencies.entries()) {
      left -= answers;
      if (left <= 0 && answers > 0) {
        return Math.min(this.#max, 2 ** ((bucket + 0.5) / STEPS) / 1000);
      }
    }
    return 0;
  }
}
