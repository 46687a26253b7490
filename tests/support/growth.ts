// How the time of a piece of work grows with its input, told on a machine that does other things too.

import { turn } from "./deadline.ts";

/** Milliseconds of one run that can be measured. */
const MEASURABLE = 1;

/** What cannot be measured with so many characters is quick. */
const MAX_SIZE = 1 << 20;

/** Sizes that are tried, each twice the one before: what is quadratic is so at each of them. */
const SIZES = 3;

/** Rounds of measuring at each size, and runs of a round: each can only make the figures better. */
const ROUNDS = 16;
const RUNS = 3;

/** How many times as long twice the input may take, with noise. */
export const MAX_GROWTH = 2.6;

/**
 * How many times as long the work takes for twice the input: the shortest of several runs, and of more if
 * that is too much. The first size is the smallest that takes long enough to be measured.
 */
export async function growth<T>(
  input: (size: number) => T,
  work: (input: T) => void,
): Promise<number> {
  let size = 512, ratio = Infinity;
  while (shortest(input(size), work) < MEASURABLE) {
    if (size === MAX_SIZE) return 1;
    size *= 2;
  }
  for (let tried = 0; tried < SIZES; tried++, size *= 2) {
    const small = input(size), large = input(2 * size);
    let smallTime = Infinity, largeTime = Infinity;
    for (let round = 0; round < ROUNDS; round++) {
      smallTime = Math.min(smallTime, shortest(small, work));
      largeTime = Math.min(largeTime, shortest(large, work));
      ratio = largeTime / smallTime;
      if (ratio <= MAX_GROWTH) return ratio;
      await turn(); // others may have had the processor
    }
  }
  return ratio;
}

function shortest<T>(input: T, work: (input: T) => void): number {
  let time = Infinity;
  for (let i = 0; i < RUNS; i++) {
    const begun = performance.now();
    work(input);
    time = Math.min(time, performance.now() - begun);
  }
  return time;
}
