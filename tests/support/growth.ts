// How the time of a piece of work grows with its input, told on a machine that does other things too.

/** Milliseconds of one run that can be measured. */
const MEASURABLE = 1;

/** What cannot be measured with so many characters is quick. */
const MAX_SIZE = 1 << 20;

/** Rounds of measuring, each of which can only make the figures better. */
const ROUNDS = 12;

/** Runs of a round. */
const RUNS = 4;

/** How many times as long twice the input may take, with noise. */
export const MAX_GROWTH = 2.6;

/**
 * How many times as long the work takes for twice the input: the shortest of several runs, and of more if
 * that is too much. The size is the smallest that takes long enough to be measured.
 */
export function growth<T>(input: (size: number) => T, work: (input: T) => void): number {
  let size = 512;
  while (shortest(input(size), work, 2) < MEASURABLE) {
    if (size === MAX_SIZE) return 1;
    size *= 2;
  }
  const small = input(size), large = input(2 * size);
  let smallTime = Infinity, largeTime = Infinity, ratio = Infinity;
  for (let round = 0; round < ROUNDS && ratio > MAX_GROWTH; round++) {
    smallTime = Math.min(smallTime, shortest(small, work, RUNS));
    largeTime = Math.min(largeTime, shortest(large, work, RUNS));
    ratio = largeTime / smallTime;
  }
  return ratio;
}

function shortest<T>(input: T, work: (input: T) => void, runs: number): number {
  let time = Infinity;
  for (let i = 0; i < runs; i++) {
    const begun = performance.now();
    work(input);
    time = Math.min(time, performance.now() - begun);
  }
  return time;
}
