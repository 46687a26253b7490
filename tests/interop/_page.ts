// The table of all pairs, and docs/interop.md, which is made from it:
//
//     deno run -A tests/interop/_page.ts > docs/interop.md

import { CLIENTS } from "./_clients.ts";
import { FEATURES, type Pair } from "./_pairs.ts";
import { SERVERS } from "./_servers.ts";

/** The pairs of each table. */
export function allPairs(): { title: string; pairs: readonly Pair[] }[] {
  return [
    { title: "Our client, their server", pairs: SERVERS },
    { title: "Their client, our server", pairs: CLIENTS },
  ];
}

/** The tables in Markdown, with what there is to say of some cells below. */
export function tables(): string {
  const notes: string[] = [];
  const sections = allPairs().map(({ title, pairs }) => {
    const rows = [
      ["", "over", ...FEATURES],
      ["---", "---", ...FEATURES.map(() => "---")],
      ...pairs.map(({ theirs, over, cells }) => [
        theirs,
        over,
        ...FEATURES.map((feature) => {
          const cell = cells[feature];
          if (typeof cell === "function") return "yes";
          const note = typeof cell === "string" ? cell : cell.but;
          if (!notes.includes(note)) notes.push(note);
          return `${typeof cell === "string" ? "–" : "yes"} (${notes.indexOf(note) + 1})`;
        }),
      ]),
    ];
    const widths = rows[0]!.map((_, column) =>
      Math.max(...rows.map((row) => row[column]!.length), 3)
    );
    const lines = rows.map((row, at) =>
      `| ${
        row.map((cell, column) => cell.padEnd(widths[column]!, at === 1 ? "-" : " ")).join(" | ")
      } |`
    );
    return `## ${title}\n\n${lines.join("\n")}\n`;
  });
  const reasons = notes.map((note, at) => `${at + 1}. ${note}\n`).join("");
  return `${sections.join("\n")}\n## Notes\n\n${reasons}`;
}

/** docs/interop.md. */
export function page(): string {
  return `# Interop

What Landline does together with programs of other projects. Each "yes" is a step of \`tests/interop/pairs_test.ts\`, which runs the real thing over a real socket or pipe. This page is made from the same table; a test holds that it is current.

A dash: not together, the notes say why.

- call: a call, and its result. By name: a call whose params are an object.
- error: a call of a method that does not exist fails at the caller with what the other end said.
- notification: one arrives, and nothing comes of it.
- batch: several calls in one array, answered in one.
- 100 at once: so many calls without waiting; each gets its own answer.
- cancel: the caller gives up, and the handler is told.
- progress: the caller hears of it before the answer.
- calls back: the end that accepted calls, or notifies, the one that connected.

${tables()}`;
}

if (import.meta.main) console.log(page().trimEnd());
