/**
 * What was measured, as a table.
 *
 * @module
 */

import type { Course, Report } from "./arena.ts";
import type { Health } from "./window.ts";

/** Milliseconds above which the clients' own lateness is shown. */
const LATE = 5;

/** The part of the server's processor above which is shown that others took it. */
const BUSY = 0.1;

const HEADS = [
  "attack",
  "before ms",
  "during ms",
  "after ms",
  "lost",
  "wrong",
  "refused",
  "RSS MB",
  "fds",
];

/** One line a report; what the server did stands last, as it may be long. */
export function table(reports: readonly Report[]): string {
  const rows = [[...HEADS, "what the server did"], ...reports.map(row)];
  const widths = HEADS.map((_, column) => Math.max(...rows.map((it) => it[column]!.length)));
  return rows.map((cells) =>
    cells.map((text, column) => column < widths.length ? text.padEnd(widths[column]!) : text)
      .join("  ").trimEnd()
  ).join("\n");
}

function row(report: Report): string[] {
  const { attack, before, during, after, foreign, rss, fds, did, wrong } = report;
  const healths = [before, during, after];
  const sum = (member: "lost" | "wrong" | "refused") =>
    String(healths.reduce((total, health) => total + (health?.[member] ?? 0), 0));
  return [
    attack,
    ...healths.map((it) => latency(it) + (it === during && foreign > BUSY ? taken(foreign) : "")),
    sum("lost"),
    sum("wrong"),
    sum("refused"),
    course(rss),
    course(fds),
    wrong.length === 0 ? did : "WRONG: " + wrong.map((it) => it.split("\n")[0]).join("; "),
  ];
}

function taken(part: number): string {
  return ` (${(part * 100).toFixed(0)} % taken)`;
}

function latency(health: Health | undefined): string {
  if (health === undefined || health.answered === 0) return "-";
  const { p50, p99, max, late } = health;
  return `${p50.toFixed(1)}/${p99.toFixed(1)}/${max.toFixed(0)}${
    late > LATE ? ` (late ${late.toFixed(0)})` : ""
  }`;
}

function course({ before, peak, after }: Course): string {
  return [before, peak, after].map((it) => it.toFixed(0)).join(" ");
}

/** The figures to reach, one a line. */
export function figures(reports: readonly Report[]): string {
  return reports.flatMap(({ attack, figures }) =>
    // That descriptors are back is told only where it took long.
    figures.filter(({ what, isReached }) => !isReached || !what.startsWith("descriptors")).map((
      { what, value, goal, isReached },
    ) => `${isReached ? "ok " : "NOT"}  ${attack}: ${what} ${+value.toFixed(2)}, goal ${goal}`)
  ).join("\n");
}
