/**
 * How long calls took, in buckets.
 *
 * @module
 */

/**
 * Seconds up to which each bucket counts. From 5 ms on they are those that OpenTelemetry's semantic conventions
 * 1.45.0 advise for calls; the five below are ours, because most calls here take less.
 */
export const BOUNDS: readonly number[] = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025],
  ...[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
];

/** A histogram. */
export class Histogram {
  /** How many fell into each bucket, the last of which has no bound; not cumulated. */
  readonly counts: Float64Array = new Float64Array(BOUNDS.length + 1);
  /** The sum of all, in seconds. */
  sum = 0;

  /** Counts so many calls that took so long. */
  add(seconds: number, count: number): void {
    let bucket = 0;
    while (bucket < BOUNDS.length && seconds > BOUNDS[bucket]!) bucket++;
    this.counts[bucket]! += count;
    this.sum += seconds * count;
  }
}
