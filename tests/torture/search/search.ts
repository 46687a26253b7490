/**
 * `deno task torture --search`: draws what a peer may do, one plan after another, and looks for one that a
 * server does not withstand.
 *
 * @module
 */

import { Arena } from "../arena.ts";
import { type ServerSpec, SMALL } from "../attack.ts";
import type { Setting } from "../server.ts";
import { followPlan } from "./follow.ts";
import { judge, repeats, type Verdict } from "./judge.ts";
import { describe, drawPlan, type Plan, serverOf } from "./plan.ts";

/** Seconds that one plan is followed. */
const SECONDS = 1.5;

/** A plan whose figures were missed is tried so often again, by itself. */
const AGAIN = 2;

/** The server of a plan. */
function specOf(server: Plan["server"]): ServerSpec {
  return {
    ...SMALL,
    ...server === "demo" && { api: "demo" },
    ...server === "everything, asks" && { asksWho: true },
  };
}

/** A plan that a server did not withstand. */
interface Finding {
  readonly seed: number;
  readonly verdict: Verdict;
}

/** Follows one plan at a server that nothing was done to before. */
async function alone(seed: number, seconds: number, setting: Setting): Promise<Verdict> {
  await using arena = await Arena.start(specOf(serverOf(seed)), setting);
  return judge(await arena.measure(`plan ${seed}`, [followPlan], { seed, seconds }));
}

const wordsOf = ({ faults, misses }: Verdict) => [...faults, ...misses].join("; ");

/**
 * Searches for so many seconds.
 *
 * @param strict whether a plan is one that a server does not withstand if it misses a figure and no more
 * @returns the exit code
 */
export async function search(
  seed: number,
  seconds: number,
  setting: Setting,
  strict: boolean,
): Promise<number> {
  const end = performance.now() + seconds * 1000;
  const findings: Finding[] = [];
  let arena: Arena | undefined, server: Plan["server"] | undefined, plans = 0, once = 0;
  const leave = async () => {
    await arena?.[Symbol.asyncDispose]();
    arena = undefined;
  };
  try {
    for (; performance.now() < end; seed++, plans++) {
      if (server !== serverOf(seed)) await leave();
      server = serverOf(seed);
      arena ??= await Arena.start(specOf(server), setting);
      const change = { seed, seconds: SECONDS };
      let verdict = judge(await arena.measure(`plan ${seed}`, [followPlan], change));
      let isFound = verdict.faults.length > 0;
      if (isFound) await leave(); // what it did may show in the next
      for (let i = 0; i < AGAIN && !isFound && verdict.misses.length > 0; i++) {
        await leave();
        const again = await alone(seed, SECONDS, setting);
        isFound = repeats(verdict, again);
        if (isFound) verdict = again;
      }
      if (isFound) {
        findings.push({ seed, verdict });
        console.log(`WRONG  ${wordsOf(verdict)}`);
        console.log(`${describe(drawPlan(seed))}\n  deno task torture --replay ${seed}\n`);
      } else if (verdict.misses.length > 0) {
        once++;
        console.error(`once   plan ${seed}: ${wordsOf(verdict)}`);
      }
    }
  } finally {
    await leave();
  }
  console.log(
    `${plans - findings.length} of ${plans} plans withstood, up to seed ${seed - 1}; ` +
      `${once} missed a figure once and not again`,
  );
  for (const { seed, verdict } of findings) console.log(`WRONG  plan ${seed}: ${wordsOf(verdict)}`);
  return findings.some(({ verdict }) => strict || verdict.faults.length > 0) ? 1 : 0;
}

/** Follows the plan of one seed. Gives the exit code. */
export async function replay(seed: number, seconds: number, setting: Setting): Promise<number> {
  console.log(describe(drawPlan(seed)));
  const verdict = await alone(seed, seconds, setting);
  const isRight = verdict.faults.length + verdict.misses.length === 0;
  console.log(isRight ? "ok" : `WRONG  ${wordsOf(verdict)}`);
  return isRight ? 0 : 1;
}
