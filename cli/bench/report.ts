/**
 * What was measured, as text with a histogram drawn in it, and as a picture.
 *
 * @module
 */

import type { Histogram } from "./histogram.ts";
import type { LoadReport } from "./load.ts";
import { printable } from "../text/printable.ts";

/** A load, and what came of it. */
export interface BenchReport extends LoadReport {
  readonly address: string;
  readonly method: string;
  readonly framing: string;
  readonly connections: number;
  readonly depth: number;
  readonly rate: number | undefined;
}

/** The quantiles that are told. */
const QUANTILES = [["p50", 0.5], ["p90", 0.9], ["p99", 0.99], ["p99.9", 0.999]] as const;

/** A histogram has at most so many rows, and its longest bar so many characters. */
const MAX_ROWS = 20;
const BAR = 50;

/** The report as text. */
export function drawReport(report: BenchReport): string {
  const { method, address, connections, depth, rate, seconds, results, failures, kinds } = report;
  const { latencies } = report;
  const lines = [
    `${printable(method)} at ${printable(address)}, ${seconds.toFixed(1)} s, ${
      plural(connections, "connection")
    }, ` + (rate === undefined
      ? `${plural(depth, "call")} at once on each`
      : `${grouped(rate)} calls/s due`),
    "",
    `  results/s  ${grouped(seconds === 0 ? 0 : results / seconds)}`,
    `  errors     ${grouped(failures)}`,
    ...Array.from(kinds, ([kind, count]) => `    ${grouped(count)}  ${printable(kind)}`),
  ];
  if (latencies.count > 0) {
    const columns = [
      ...QUANTILES.map(([name, part]) => [name, latencies.quantile(part)] as const),
      ["max", latencies.max] as const,
      ["mean", latencies.mean] as const,
    ];
    lines.push(
      "",
      "  latency    " + columns.map(([name]) => name.padStart(9)).join(""),
      "             " + columns.map(([, ms]) => duration(ms).padStart(9)).join(""),
      "",
      ...drawHistogram(latencies),
    );
  }
  return lines.join("\n") + "\n";
}

/** Rows of one ratio each, from the shortest latency to the longest. */
function rowsOf(latencies: Histogram): { from: number; count: number }[] {
  // Quarters of a doubling, or as many of them as it takes to fit.
  const quarter = (ms: number) => Math.floor(4 * Math.log2(ms) + 1e-9);
  const buckets = [...latencies.buckets()];
  const first = quarter(buckets[0]!.from), last = quarter(buckets.at(-1)!.from);
  const step = Math.ceil((last - first + 1) / MAX_ROWS);
  const rows = Array.from(
    { length: Math.floor((last - first) / step) + 1 },
    (_, row) => ({ from: 2 ** ((first + row * step) / 4), count: 0 }),
  );
  for (const { from, count } of buckets) {
    rows[Math.floor((quarter(from) - first) / step)]!.count += count;
  }
  return rows;
}

function drawHistogram(latencies: Histogram): string[] {
  const rows = rowsOf(latencies), most = Math.max(...rows.map(({ count }) => count));
  return rows.map(({ from, count }) => {
    const share = (count / latencies.count * 100).toFixed(
      count > 0 && count * 100 < latencies.count ? 3 : 1,
    );
    return `  ${duration(from).padStart(9)} ▕${bar(count / most).padEnd(BAR)} ${
      share.padStart(6)
    } %`;
  });
}

/** A bar in eighths of a character; what is more than nothing can be seen. */
function bar(share: number): string {
  const eighths = share === 0 ? 0 : Math.max(1, Math.round(share * BAR * 8));
  const rest = eighths % 8;
  return "█".repeat(Math.floor(eighths / 8)) + (rest === 0 ? "" : " ▏▎▍▌▋▊▉"[rest]);
}

/** The same histogram as a picture, with the quantiles as lines. */
export function drawSvg(report: BenchReport): string {
  const { latencies, method, address, seconds, results } = report;
  const WIDTH = 720, HEIGHT = 320, LEFT = 20, BOTTOM = 270, TOP = 70;
  const rows = latencies.count === 0 ? [] : rowsOf(latencies);
  const most = Math.max(1, ...rows.map(({ count }) => count));
  const step = (WIDTH - 2 * LEFT) / Math.max(1, rows.length);
  const text = (x: number, y: number, words: string, anchor = "middle") =>
    `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}">${escapeXml(words)}</text>`;
  const bars = rows.map(({ count }, row) => {
    const height = count / most * (BOTTOM - TOP);
    return `<rect x="${(LEFT + row * step + 1).toFixed(1)}" y="${(BOTTOM - height).toFixed(1)}" ` +
      `width="${Math.max(1, step - 2).toFixed(1)}" height="${height.toFixed(1)}" fill="#4a7ab5"/>`;
  });
  const labels = rows.map(({ from }, row) =>
    row % 2 === 0 ? text(LEFT + row * step, BOTTOM + 18, duration(from)) : ""
  );
  const quantiles = QUANTILES.map(([name, part]) =>
    `${name} ${duration(latencies.quantile(part))}`
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" ` +
    `font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(
      LEFT,
      24,
      `${printable(method)} at ${printable(address)}: ${
        grouped(seconds === 0 ? 0 : results / seconds)
      } results/s`,
      "start",
    ),
    text(LEFT, 44, [...quantiles, `max ${duration(latencies.max)}`].join(", "), "start"),
    ...bars,
    ...labels.filter((label) => label !== ""),
    `<line x1="${LEFT}" y1="${BOTTOM}" x2="${WIDTH - LEFT}" y2="${BOTTOM}" stroke="#333"/>`,
    text(WIDTH / 2, HEIGHT - 10, "latency"),
    "</svg>",
    "",
  ].join("\n");
}

function escapeXml(text: string): string {
  return text.replace(/[<>&"]/g, (found) => `&#${found.charCodeAt(0)};`);
}

/** Milliseconds with three digits and a unit that suits: `12.3 µs`, `4.56 ms`, `7.89 s`. */
export function duration(ms: number): string {
  const [value, unit] = ms < 0.9995
    ? [ms * 1000, "µs"]
    : ms < 999.5
    ? [ms, "ms"]
    : [ms / 1000, "s"];
  const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${unit}`;
}

/** A number with commas, as whole as makes sense. */
export function grouped(number: number): string {
  return number.toLocaleString("en-US", { maximumFractionDigits: number < 100 ? 1 : 0 });
}

function plural(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? "" : "s"}`;
}
