// The table of limits in docs/reliability.md, made from lib/limits.ts:
//
//     deno run -RW tests/support/limits_table.ts

import { LIMIT_REASONS, LIMITS, type Limits } from "../../lib/limits.ts";

/** The page that holds the table. */
export const PAGE = new URL("../../docs/reliability.md", import.meta.url);

const BEGIN = "<!-- limits: made by tests/support/limits_table.ts -->\n";
const END = "<!-- end of limits -->\n";

/** The page with a table that is current. */
export function withTable(page: string): string {
  const begin = page.indexOf(BEGIN) + BEGIN.length, end = page.indexOf(END);
  if (begin < BEGIN.length || end < begin) throw new Error("the page has no place for the limits");
  return `${page.slice(0, begin)}\n${table()}\n${page.slice(end)}`;
}

function table(): string {
  const rows = Object.entries(LIMITS).map(([name, row]) => {
    const { reason, enforcedIn } = LIMIT_REASONS[name as keyof Limits];
    return [
      `\`${name}\``,
      inWords(row.default, row.unit),
      reason,
      `[${enforcedIn.replace("lib/", "")}](../${enforcedIn})`,
    ];
  });
  const all = [["limit", "default", "reason", "enforced in"], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |\n`;
  const [head, ...body] = all.map(line);
  return head + line(widths.map((width) => "-".repeat(width))) + body.join("");
}

function inWords(value: number, unit: string): string {
  const number = value.toLocaleString("en");
  if (unit === "ms") return `${number} ms`;
  if (unit === "percent") return `${number} %`;
  if (unit !== "bytes" || value === 0) return number;
  const exact = (["MiB", "KiB"] as const).find((_, index) =>
    value % (1 << (20 - 10 * index)) === 0
  );
  if (exact === undefined) return `${number} B`;
  return `${value / (exact === "MiB" ? 1 << 20 : 1 << 10)} ${exact}`;
}

if (import.meta.main) {
  await Deno.writeTextFile(PAGE, withTable(await Deno.readTextFile(PAGE)));
}
