/**
 * Charts of what was measured, as SVG files in `charts/`: processor time a call by connections and by
 * bytes, from what `main.ts --json` wrote; and, from lines of JSON with `server`, `scenario` and `cpu_us`,
 * bars of servers side by side, in a chart of the file's name.
 *
 *     deno run -A bench/charts.ts connections.json bytes.json [peers.jsonl] [cores.jsonl]
 *
 * @module
 */

import type { Measured } from "./main.ts";

const WIDTH = 640, HEIGHT = 300;
const LEFT = 64, RIGHT = 110, TOP = 36, BOTTOM = 44;
const COLOURS = ["#8a6d00", "#0550ae", "#6e7781", "#a40e26"];
/** The load for which servers are put side by side: 64 connections with 16 small calls in flight. */
const SCENARIO = "c64d16";

/** What is said under the axis of a suite, and above its chart. */
const SUITES: Readonly<Record<string, readonly [axis: string, title: string]>> = {
  connections: ["connections, 10,000 small calls a second over all", "Server CPU a call, µs"],
  bytes: ["bytes of an echoed text, 8 connections with 2 calls in flight", "Server CPU a call, µs"],
};

/** A line of a chart: its points by x. */
interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Lines over two logarithmic axes. */
function lineChart(title: string, axis: string, lines: readonly Line[]): string {
  const all = lines.flatMap(({ points }) => points);
  const x = scale(all.map(([x]) => x), LEFT, WIDTH - RIGHT);
  const heights = all.map(([, y]) => y), most = Math.max(...heights);
  // A power of ten at least: less would show noise as if it were a slope.
  const y = scale([...heights, most / 10], HEIGHT - BOTTOM, TOP);
  const parts = powers(y.from, y.to).flatMap((value) => [
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="#d0d7de"/>`,
    text(LEFT - 8, y(value) + 4, String(value), "end"),
  ]);
  for (const value of new Set(all.map(([x]) => x))) {
    parts.push(text(x(value), HEIGHT - BOTTOM + 18, value.toLocaleString("en"), "middle"));
  }
  const ends = spread(lines.map(({ points }) => y(points.at(-1)![1])));
  lines.forEach(({ name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    const path = points.map(([px, py]) => `${x(px)},${y(py)}`).join(" ");
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const [px, py] of points) {
      parts.push(`<circle cx="${x(px)}" cy="${y(py)}" r="3" fill="${colour}"/>`);
    }
    parts.push(text(WIDTH - RIGHT + 10, ends[i]! + 4, name, "start", colour));
  });
  parts.push(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, axis, "middle"));
  return svg(title, HEIGHT, parts);
}

/** The most that bars drawn to scale may differ by; others are drawn by their logarithms. */
const MAX_TIMES = 10;

/** One bar a name, the shortest first. */
function barChart(title: string, bars: readonly (readonly [name: string, value: number])[]) {
  const sorted = bars.toSorted(([, a], [, b]) => a - b);
  const values = sorted.map(([, value]) => value), most = values.at(-1)!;
  const isLinear = most < values[0]! * MAX_TIMES;
  const x = isLinear
    ? (value: number) => 190 + (WIDTH - 250) * value / most
    : scale(values, 190, WIDTH - 60);
  const parts = sorted.flatMap(([name, value], i) => {
    const y = TOP + 8 + i * 22, end = x(value);
    const colour = name.startsWith("landline") ? COLOURS[1] : COLOURS[2];
    return [
      text(182, y + 12, name, "end"),
      `<rect x="190" y="${y}" width="${Math.max(2, end - 190)}" height="16" fill="${colour}"/>`,
      text(Math.max(192, end) + 6, y + 12, value.toPrecision(3), "start"),
    ];
  });
  const shown = isLinear ? title : `${title} (logarithmic)`;
  return svg(shown, TOP + 20 + sorted.length * 22, parts);
}

/** From values to places between two ends, by their logarithms, with a little room. */
function scale(values: readonly number[], start: number, end: number) {
  const from = Math.min(...values) * 0.9, to = Math.max(...values) * 1.1;
  const place = (value: number) => {
    const part = Math.log(value / from) / Math.log(to / from);
    return Math.round((start + part * (end - start)) * 10) / 10;
  };
  return Object.assign(place, { from, to });
}

/** 1, 2 and 5 times the powers of ten between two values. */
function powers(from: number, to: number): number[] {
  const found: number[] = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.log10(to); power++) {
    found.push(...(to / from > 200 ? [1] : [1, 2, 5]).map((digit) => +`${digit}e${power}`));
  }
  return found.filter((value) => value >= from && value <= to);
}

/** Names at the ends of lines, so that none lies on another. */
function spread(places: readonly number[]): number[] {
  const order = places.map((_, i) => i).sort((a, b) => places[a]! - places[b]!);
  const spaced = [...places];
  for (let i = 1; i < order.length; i++) {
    const above = spaced[order[i - 1]!]!;
    if (spaced[order[i]!]! < above + 16) spaced[order[i]!] = above + 16;
  }
  return spaced;
}

function text(x: number, y: number, content: string, anchor: string, fill = "#1f2328"): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" fill="${fill}">${content}</text>`;
}

function svg(title: string, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" ` +
    `height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="12" y="20" font-weight="bold" fill="#1f2328">${title}</text>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), { length } = sorted;
  return (sorted[(length - 1) >> 1]! + sorted[length >> 1]!) / 2;
}

/** The medians of a suite, one line a server. */
function linesOf(measured: readonly Measured[]): Line[] {
  return [...Map.groupBy(measured, ({ server }) => server)].map(([name, its]) => ({
    name,
    points: [...Map.groupBy(its, ({ x }) => x!)]
      .map(([x, those]) => [x, median(those.map(({ cpu_us }) => cpu_us))] as const)
      .sort(([a], [b]) => a - b),
  }));
}

const folder = new URL("charts/", import.meta.url);
await Deno.mkdir(folder, { recursive: true });
for (const file of Deno.args) {
  const content = await Deno.readTextFile(file);
  if (file.endsWith(".jsonl")) {
    const rows = content.trim().split("\n").map((line) => JSON.parse(line))
      .filter(({ scenario, cpu_us }) => scenario === SCENARIO && cpu_us > 0);
    const bars = [...Map.groupBy(rows, ({ server }) => server as string)]
      .map(([name, its]) => [name, median(its.map(({ cpu_us }) => cpu_us as number))] as const);
    const title = "Server CPU a small call, µs: 64 connections with 16 in flight";
    const name = file.replace(/^.*\//, "").replace(".jsonl", ".svg");
    await Deno.writeTextFile(new URL(name, folder), barChart(title, bars));
  } else {
    const measured = JSON.parse(content) as Measured[];
    for (const [suite, its] of Map.groupBy(measured, ({ suite }) => suite)) {
      const [axis, title] = SUITES[suite] ?? [];
      if (axis === undefined) continue; // the table is no chart
      const chart = lineChart(title!, axis, linesOf(its));
      await Deno.writeTextFile(new URL(`${suite}.svg`, folder), chart);
    }
  }
}
