/**
 * The process that attacks, so that attacks do not disturb the clock of those who measure.
 *
 *     deno run -A tests/torture/attacker.ts NAME TARGET
 *
 * Says `"ready"`, waits for a line, attacks, and tells the outcome, or what was wrong.
 *
 * @module
 */

import type { Outcome, Target } from "./attack.ts";
import { ATTACKS } from "./attacks.ts";
import { orders, tell } from "./child.ts";
import { followPlan } from "./search/follow.ts";

/** What the process tells at the end. */
export type Told = Outcome | { readonly wrong: string };

const [name, text] = Deno.args;
const attack = [...ATTACKS, followPlan].find((it) => it.name === name);
if (attack === undefined || text === undefined) {
  throw new Error(`Cannot attack: there is no attack ${name}`);
}
const target: Target = JSON.parse(text);
// What is left over from a connection that was cut is none of the server's faults.
globalThis.addEventListener("unhandledrejection", (event) => event.preventDefault());
tell("ready");
for await (const _ of orders()) break;
let told: Told;
try {
  const { seconds, isRepeated = false } = target, end = performance.now() + seconds * 1000;
  const once = isRepeated ? { ...target, seconds: Math.min(2, seconds) } : target;
  do told = await attack.run(once); while (isRepeated && performance.now() < end);
} catch (error) {
  const isWrong = error instanceof Error && error.name === "Wrong";
  told = { wrong: isWrong ? error.message : Deno.inspect(error) };
}
tell(told);
Deno.exit(0);
