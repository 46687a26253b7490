// Quantiles of the histogram against those of the sorted numbers themselves.

import { assert, assertEquals } from "@std/assert";
import * as fc from "npm:fast-check@4";
import { Histogram } from "../../cli/bench/histogram.ts";

/** The number that this part of all does not exceed. */
function exactQuantile(sorted: readonly number[], part: number): number {
  return sorted[Math.max(1, Math.ceil(part * sorted.length)) - 1]!;
}

const PARTS = [0, 0.001, 0.1, 0.25, 0.5, 0.9, 0.99, 0.999, 1];

function assertClose(numbers: readonly number[]): void {
  const histogram = new Histogram();
  for (const number of numbers) histogram.add(number);
  const sorted = numbers.toSorted((a, b) => a - b);
  for (const part of PARTS) {
    const exact = exactQuantile(sorted, part), found = histogram.quantile(part);
    assert(Math.abs(found - exact) <= exact * 0.01, `${part}: ${found} is not ${exact}`);
  }
  assertEquals(
    [histogram.count, histogram.min, histogram.max],
    [
      numbers.length,
      sorted[0],
      sorted.at(-1),
    ],
  );
}

Deno.test("Histogram.quantile() is within 1 % of the exact one, for numbers of all sizes", () => {
  // From a tenth of a microsecond to a quarter of an hour, in milliseconds.
  const number = fc.double({ min: Math.log(1e-4), max: Math.log(9e5), noNaN: true }).map(Math.exp);
  fc.assert(fc.property(fc.array(number, { minLength: 1, maxLength: 2000 }), assertClose));
});

Deno.test("Histogram.quantile() is within 1 % of the exact one, for many that are alike", () => {
  const numbers = [];
  for (let n = 0, x = 1; n < 20_000; n++) {
    x = x * 48271 % 0x7fffffff;
    numbers.push(0.2 - Math.log(x / 0x7fffffff) * (n % 100 === 0 ? 50 : 0.1));
  }
  assertClose(numbers);
});

Deno.test("Histogram keeps its memory when numbers are too small or too large for it", () => {
  const histogram = new Histogram();
  for (const number of [0, -1, 1e-9, 5e9, Infinity]) histogram.add(number);
  assertEquals([histogram.count, histogram.max, histogram.quantile(1)], [5, Infinity, Infinity]);
  assertEquals(Array.from(histogram.buckets(), ({ count }) => count), [3, 2]);
});

Deno.test("Histogram counts a number many times at once", () => {
  const histogram = new Histogram();
  histogram.add(1, 99);
  histogram.add(100);
  assertEquals([histogram.count, histogram.mean], [100, 1.99]);
  assert(Math.abs(histogram.quantile(0.99) - 1) < 0.01);
  assertEquals(histogram.quantile(1), 100);
});

Deno.test("Histogram is all zeros when it is empty", () => {
  const { count, min, max, mean } = new Histogram();
  assertEquals([count, min, max, mean, new Histogram().quantile(0.5)], [0, 0, 0, 0, 0]);
  assertEquals([...new Histogram().buckets()], []);
});
