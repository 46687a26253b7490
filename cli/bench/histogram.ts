/**
 * A histogram of positive numbers in fixed memory, after HdrHistogram: buckets of equal width within
 * each doubling, so that every number is kept to within 1 %, however far apart they are.
 *
 * @module
 */

/** Buckets for each doubling: a bucket is 0.8 % wide, and its middle is at most 0.4 % off. */
const STEP_BITS = 7;
const STEPS = 1 << STEP_BITS;

/** What is told apart lies between 2 to the power of these: for milliseconds 61 ns to 17 minutes. */
const MIN_EXPONENT = -14;
const MAX_EXPONENT = 20;

/** The exponent of a double and the first bits of its fraction, read as one integer, are the bucket. */
const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

function indexOf(value: number): number {
  double[0] = value;
  return words[HIGH]! >>> 20 - STEP_BITS;
}

const FIRST = indexOf(2 ** MIN_EXPONENT);
const LAST = indexOf(2 ** MAX_EXPONENT) - 1;

/** Numbers of about one size. */
export interface Bucket {
  /** The least that belongs here. */
  readonly from: number;
  /** The least that does not any more. */
  readonly to: number;
  readonly count: number;
}

/** Counts numbers by their size. Numbers that are too small or too large count as the nearest. */
export class Histogram {
  readonly #counts = new Float64Array(LAST - FIRST + 1);
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;

  /** How many numbers were added. */
  get count(): number {
    return this.#count;
  }

  /** The least number, exactly; 0 where there is none. */
  get min(): number {
    return this.#count === 0 ? 0 : this.#min;
  }

  /** The greatest number, exactly. */
  get max(): number {
    return this.#max;
  }

  /** Their mean; 0 where there are none. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Adds a number, so many times. */
  add(value: number, times = 1): void {
    const index = value > 0 ? indexOf(value) : FIRST;
    this.#counts[Math.min(Math.max(index, FIRST), LAST) - FIRST]! += times;
    this.#count += times;
    this.#sum += value * times;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /**
   * The number that this part of all does not exceed, to within 1 %.
   *
   * @param part 0.5 for the median
   */
  quantile(part: number): number {
    let left = Math.max(1, Math.ceil(part * this.#count));
    if (left >= this.#count) return this.#max;
    for (const { from, to, count } of this.buckets()) {
      left -= count;
      if (left <= 0) return Math.min(Math.max((from + to) / 2, this.#min), this.#max);
    }
    return this.#max;
  }

  /** The buckets that hold something, the smallest first. */
  *buckets(): Iterable<Bucket> {
    for (const [at, count] of this.#counts.entries()) {
      if (count > 0) yield { from: edge(at), to: edge(at + 1), count };
    }
  }
}

/** The least number of a bucket. */
function edge(at: number): number {
  return 2 ** (MIN_EXPONENT + Math.floor(at / STEPS)) * (1 + at % STEPS / STEPS);
}
