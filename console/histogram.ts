/**
 * How long calls took: percentiles, buckets of equal ratio, and the points of a drawing. Milliseconds
 * everywhere.
 *
 * @module
 */

/** Buckets for each tenfold. */
const PER_DECADE = 10;

/** The most buckets that are worth a bar; farther apart than this, several become one. */
const MAX_BUCKETS = 60;

/** Figures of some durations, in milliseconds. */
export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** Durations of about one length. */
export interface Bucket {
  /** The least that belongs here. */
  readonly from: number;
  /** The least that does not any more. */
  readonly to: number;
  readonly count: number;
}

/** The least duration that this part of all does not exceed: 0.5 for the median. @param sorted the shortest first */
export function percentile(sorted: ArrayLike<number>, part: number): number {
  const { length } = sorted;
  if (length === 0) return 0;
  return sorted[Math.min(length, Math.max(1, Math.ceil(part * length))) - 1]!;
}

/** The figures of these durations; all are 0 if there are none. */
export function summarize(durations: ArrayLike<number>): Summary {
  const sorted = Float64Array.from(durations).sort();
  const count = sorted.length;
  return {
    count,
    min: percentile(sorted, 0),
    max: percentile(sorted, 1),
    mean: count === 0 ? 0 : sorted.reduce((sum, it) => sum + it, 0) / count,
    p50: percentile(sorted, 0.5),
    p90: percentile(sorted, 0.9),
    p99: percentile(sorted, 0.99),
  };
}

/** The buckets from the first to the last that hold something, empty ones between them too. */
export function bucketsOf(durations: ArrayLike<number>): Bucket[] {
  const counts = new Map<number, number>();
  let first = Infinity, last = -Infinity;
  for (let i = 0; i < durations.length; i++) {
    const index = indexOf(durations[i]!);
    counts.set(index, (counts.get(index) ?? 0) + 1);
    first = Math.min(first, index);
    last = Math.max(last, index);
  }
  if (durations.length === 0) return [];
  const step = Math.ceil((last - first + 1) / MAX_BUCKETS), buckets: Bucket[] = [];
  for (let index = first; index <= last; index += step) {
    let count = 0;
    for (let i = index; i < index + step; i++) count += counts.get(i) ?? 0;
    buckets.push({ from: edge(index), to: edge(index + step), count });
  }
  return buckets;
}

/** The shortest duration that is told apart; clocks of pages have 5 µs or more. */
const SHORTEST = 0.001;

/** The longest: a day. */
const LONGEST = 86_400_000;

function indexOf(duration: number): number {
  const within = Math.min(Math.max(duration, SHORTEST), LONGEST) || SHORTEST;
  // A hair more, so that an edge is in the bucket that begins with it, however it was rounded.
  return Math.floor(Math.log10(within) * PER_DECADE + 1e-9);
}

function edge(index: number): number {
  return Number((10 ** (index / PER_DECADE)).toPrecision(6));
}

/** The path of the bars, for `d` of an SVG's `path`. */
export function barsPath(buckets: readonly Bucket[], width: number, height: number): string {
  const most = Math.max(1, ...buckets.map(({ count }) => count)), step = width / buckets.length;
  let path = "";
  buckets.forEach(({ count }, at) => {
    if (count === 0) return;
    const tall = Math.max(1, count / most * height);
    path += `M${short(at * step)} ${short(height)}v${short(-tall)}h${short(step * 0.9)}v${
      short(tall)
    }z`;
  });
  return path;
}

/** The points of a line through durations in the order of the calls, for `points` of an SVG's `polyline`. */
export function linePoints(
  durations: ArrayLike<number>,
  width: number,
  height: number,
): string {
  const { length } = durations, columns = Math.min(length, Math.max(2, Math.floor(width)));
  let most = 0;
  for (let i = 0; i < length; i++) most = Math.max(most, durations[i]!);
  const points: string[] = [];
  // Of the calls in one column the longest is drawn: what stands out must not be lost.
  for (let column = 0; column < columns; column++) {
    const from = Math.floor(column * length / columns);
    const to = Math.max(from + 1, Math.floor((column + 1) * length / columns));
    let longest = 0;
    for (let i = from; i < to; i++) longest = Math.max(longest, durations[i]!);
    const x = columns === 1 ? width / 2 : column / (columns - 1) * width;
    points.push(`${short(x)},${short(most === 0 ? height : height - longest / most * height)}`);
  }
  return points.join(" ");
}

/** A duration as a person reads it: `340 µs`, `12.3 ms`, `2.1 s`. */
export function durationText(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 1000) return `${ms < 100 ? Number(ms.toPrecision(3)) : Math.round(ms)} ms`;
  return `${Number((ms / 1000).toPrecision(3))} s`;
}

function short(number: number): string {
  return String(Math.round(number * 10) / 10);
}
