// The table of all pairs, and docs/interop.md, which is made from it:
//
//     deno run -A tests/interop/_page.ts > docs/interop.md

import { CLIENTS } from "./_clients.ts";
import { BLOCKCHAIN_CLIENTS } from "./_blockchains.ts";
import { CLIENT_PROGRAMS } from "./_client_programs.ts";
import { EDITORS } from "./_editors.ts";
import { FEATURES, type Table, WEB_FEATURES } from "./_pairs.ts";
import { LANGUAGE_SERVERS } from "./_language_servers.ts";
import { SERVER_PROGRAMS } from "./_server_programs.ts";
import { SERVERS } from "./_servers.ts";
import { WEB_CLIENTS } from "./_web_clients.ts";
import { WEB_SERVERS } from "./_web_servers.ts";

export const THEIR_SERVERS: Table = {
  title: "Our client, their server",
  features: FEATURES,
  pairs: [...SERVERS, ...SERVER_PROGRAMS, ...LANGUAGE_SERVERS],
};

export const THEIR_CLIENTS: Table = {
  title: "Their client, our server",
  features: FEATURES,
  pairs: [...CLIENTS, ...CLIENT_PROGRAMS, ...BLOCKCHAIN_CLIENTS, ...EDITORS],
};

export const THEIR_WEB_SERVERS: Table = {
  title: "Our client, their server, over HTTP and WebSocket",
  features: WEB_FEATURES,
  pairs: WEB_SERVERS,
};

export const THEIR_WEB_CLIENTS: Table = {
  title: "Their client, our server, over HTTP and WebSocket",
  features: WEB_FEATURES,
  pairs: WEB_CLIENTS,
};

const TABLES = [THEIR_SERVERS, THEIR_CLIENTS, THEIR_WEB_SERVERS, THEIR_WEB_CLIENTS];

/** The tables in Markdown, with what there is to say of some cells below. */
function tables(): string {
  const notes: string[] = [];
  const sections = TABLES.map(({ title, features, pairs }) => {
    const rows = [
      ["", "over", ...features],
      ["---", "---", ...features.map(() => "---")],
      ...pairs.map(({ theirs, over, cells }) => [
        theirs,
        over,
        ...features.map((feature) => {
          const cell = cells[feature]!;
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

/** How each program was called. */
function calls(): string {
  const sections = TABLES.map(({ title, pairs }) =>
    `### ${title}\n\n${pairs.map(({ theirs, how }) => `- ${theirs}: ${how}\n`).join("")}`
  );
  return `## How each was called\n\n${sections.join("\n")}`;
}

/** docs/interop.md. */
export function page(): string {
  return `# Interop

What Landline does together with programs of other projects. Each "yes" is a step of a test in \`tests/interop/\`, which runs the real thing over a real socket or pipe. This page is made from the same table; a test holds that it is current.

A dash: the other end lacks it, the notes say what.

Over HTTP and WebSocket two more things are shown by tests of their own: what pages of this origin, of an allowed one, of a foreign one and at a rebound host may do in Chromium (\`browser_test.ts\`), and that npm's \`eventsource\` goes on behind the last event when its connection was lost (\`eventsource_test.ts\`).

- call: a call, and its result. By name: a call whose params are an object.
- error: a call of a method that does not exist fails at the caller with what the other end said.
- notification: one arrives, and nothing comes of it.
- batch: several calls in one array, answered in one.
- 100 at once: so many calls without waiting; each gets its own answer.
- 600 KB: a call with a text of 300,000 letters of two bytes each, and its answer.
- stream: items come one by one before the answer. Our client takes them as events, lines or under credit.
- items up: the caller sends items, under the handler's credit.
- cancel: the caller gives up, and the handler is told.
- progress: the caller hears of it before the answer.
- calls back: the end that accepted calls, or notifies, the one that connected.

${tables()}
${calls()}`;
}

if (import.meta.main) console.log(page().trimEnd());
