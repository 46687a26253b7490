// Percentiles, buckets and drawings of durations.

import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@4";
import {
  barsPath,
  bucketsOf,
  durationText,
  linePoints,
  percentile,
  summarize,
} from "../../../console/histogram.ts";

const durations = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 300 });

Deno.test("percentile() is the least that the part does not exceed", () => {
  const sorted = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const rows: [number, number][] = [[0, 1], [0.1, 1], [0.11, 2], [0.5, 5], [0.9, 9], [1, 10]];
  for (const [part, found] of rows) assertEquals(percentile(sorted, part), found);
  assertEquals(percentile([], 0.5), 0);
});

Deno.test("summarize() tells of none, one and many", () => {
  const nothing = { count: 0, min: 0, max: 0, mean: 0, p50: 0, p90: 0, p99: 0 };
  assertEquals(summarize([]), nothing);
  assertEquals(summarize([7]), { count: 1, min: 7, max: 7, mean: 7, p50: 7, p90: 7, p99: 7 });
  const all = Float64Array.from({ length: 1000 }, (_, at) => 1000 - at);
  assertEquals(summarize(all), {
    count: 1000,
    min: 1,
    max: 1000,
    mean: 500.5,
    p50: 500,
    p90: 900,
    p99: 990,
  });
});

Deno.test("bucketsOf() counts every duration once, in a bucket that holds it", () => {
  fc.assert(fc.property(durations, (durations) => {
    const buckets = bucketsOf(durations);
    assertEquals(buckets.reduce((sum, { count }) => sum + count, 0), durations.length);
    assert(buckets.length <= 61);
    for (const [at, { from, to }] of buckets.entries()) {
      assert(from < to);
      if (at > 0) assertEquals(buckets[at - 1]!.to, from);
    }
    for (const duration of durations) {
      if (duration < 0.001) continue; // no clock tells these apart
      assert(
        buckets.some(({ from, to, count }) =>
          count > 0 && from <= duration * 1.00001 && duration < to * 1.00001
        ),
      );
    }
  }));
});

Deno.test("bucketsOf() takes what is no duration", () => {
  assertEquals(bucketsOf([]), []);
  for (const odd of [0, -1, NaN, Infinity, -Infinity]) {
    assertEquals(bucketsOf([odd]).map(({ count }) => count), [1], String(odd));
  }
});

Deno.test("drawings stay in their frame and have numbers only", () => {
  fc.assert(fc.property(durations, (durations) => {
    const path = barsPath(bucketsOf(durations), 300, 80), points = linePoints(durations, 300, 80);
    assert(!/NaN|Infinity|undefined/.test(path + points), path + points);
    for (const [x, y] of points.split(" ").filter(Boolean).map((it) => it.split(",").map(Number))) {
      assert(x! >= 0 && x! <= 300 && y! >= 0 && y! <= 80, points);
    }
  }));
  assertEquals(linePoints([], 300, 80), "");
  assert(linePoints(new Float64Array(100_000), 300, 80).split(" ").length <= 300);
});

Deno.test("linePoints() keeps the one call that took long", () => {
  const calls = new Float64Array(10_000).fill(1);
  calls[5000] = 100;
  assert(linePoints(calls, 100, 50).split(" ").some((it) => it.endsWith(",0")));
});

Deno.test("durationText() has three digits", () => {
  const rows: [number, string][] = [
    [0.34, "340 µs"],
    [1.234, "1.23 ms"],
    [12.34, "12.3 ms"],
    [123.4, "123 ms"],
    [2100, "2.1 s"],
  ];
  for (const [ms, text] of rows) assertEquals(durationText(ms), text);
});
