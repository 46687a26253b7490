/**
 * `deno task torture`: attacks a running server, and tells how it and its other callers fared.
 *
 * @module
 */

import { certificates } from "../support/certificates.ts";
import { isInstalled } from "../support/tools.ts";
import { Arena, type Report } from "./arena.ts";
import type { Attack, ServerSpec } from "./attack.ts";
import { ATTACKS } from "./attacks.ts";
import { measureClient } from "./client/arena.ts";
import { MISCHIEF } from "./client/mischief.ts";
import { list } from "./matrix.ts";
import { HELP, type Options, readOptions } from "./options.ts";
import type { Setting } from "./server.ts";
import { replay, search } from "./search/search.ts";
import { figures, table } from "./table.ts";
import { runTool } from "./tool.ts";

/** The server that attacks share which need none of their own. */
const SHARED: ServerSpec = {};

/** The part of its connections that an attack makes when all run at once. */
const TOGETHER = 0.05;

await runTool(readOptions, (options) => {
  const { action, seed, seconds } = options;
  if (action === "run") return run(options);
  if (action === "search") return search(seed, seconds, settingOf(options), options.strict);
  if (action === "replay") return replay(seed, seconds, settingOf(options));
  console.log(action === "help" ? HELP.trimEnd() : list());
});

/** What is the same for all servers; a search leaves TLS alone. */
function settingOf({ seconds, quietMs, limits, heap, plain, from }: Options): Setting {
  return {
    seconds,
    quietMs,
    limits,
    heap,
    isPlain: plain,
    crowd: from,
    identity: undefined,
    ca: undefined,
  };
}

async function run(options: Options): Promise<number> {
  const { only, together, scale, json, strict } = options;
  const hasTls = isInstalled("openssl");
  if (!hasTls) console.error("left out: the attacks on TLS need openssl");
  const tls = hasTls ? certificates() : undefined;
  const setting = { ...settingOf(options), identity: tls?.server, ca: tls?.ca };
  const isChosen = ({ name }: { name: string }) => only.length === 0 || only.includes(name);
  const chosen = ATTACKS.filter((it) => isChosen(it) && (hasTls || !it.tls));
  const reports: Report[] = [];
  const keep = (report: Report) => {
    reports.push(report);
    const state = report.wrong.length === 0 ? "ok" : "WRONG";
    console.error(`${state}  ${report.attack}: ${report.wrong.join("; ") || report.did}`);
  };

  await using stack = new AsyncDisposableStack();
  let shared: Arena | undefined;
  stack.defer(() => shared?.[Symbol.asyncDispose]());
  /** The shared server; another one where the last was killed. */
  const arena = async () => {
    if (shared?.ended !== undefined) {
      await shared[Symbol.asyncDispose]();
      shared = undefined;
    }
    return shared ??= await Arena.start(SHARED, setting);
  };
  for (const attack of chosen) {
    if (attack.server === undefined) {
      keep(await (await arena()).measure(attack.name, [attack], { scale }));
    } else {
      await using own = await Arena.start(attack.server, setting);
      keep(await own.measure(attack.name, [attack], { scale }));
    }
  }
  for (const mischief of MISCHIEF.filter(isChosen)) {
    keep(await measureClient(mischief, options.seconds, options.heap));
  }
  const sharing = chosen.filter(({ server }) => server === undefined);
  if (together > 0 && sharing.length > 0) keep(await atOnce(await arena(), sharing));

  /** All that share a server, again and again. */
  function atOnce(arena: Arena, attacks: readonly Attack[]): Promise<Report> {
    const change = { scale: scale * TOGETHER, seconds: together, isRepeated: true };
    return arena.measure("all at once", attacks, change);
  }

  console.log(`\n${table(reports)}\n\n${figures(reports)}`);
  const wrong = reports.filter(({ wrong }) => wrong.length > 0);
  for (const report of wrong) {
    console.log(`\nWRONG  ${report.attack}:\n  ${report.wrong.join("\n  ")}`);
  }
  const missed = reports.flatMap((it) => it.figures).filter(({ isReached }) => !isReached).length;
  console.log(
    `\n${reports.length - wrong.length} of ${reports.length} attacks withstood, ` +
      `${missed} figures not reached`,
  );
  if (json !== undefined) await Deno.writeTextFile(json, JSON.stringify(reports, null, 2));
  return wrong.length > 0 || strict && missed > 0 ? 1 : 0;
}
