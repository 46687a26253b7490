/**
 * Attacks on who calls: calls right behind `rpc.authenticate`, and identities that change.
 *
 * @module
 */

import { bytesOf } from "../support/raw.ts";
import { ALONE, type Attack, check, others, share, type Target, TOKENS } from "./attack.ts";
import { during, line, peer, sleep, times } from "./crowd.ts";

/** The server knows two callers, one of them at once. */
const ASKING = { ...ALONE, asksWho: true, program: "tests/torture/asking.ts" };

const UNAUTHENTICATED = -32016;

type Name = keyof typeof TOKENS;

const authenticate = (name: Name, id: number) =>
  line("rpc.authenticate", { scheme: "bearer", token: TOKENS[name] }, id);

/** What came of two lines that were cut at a byte: who the caller was, or that nobody was known. */
async function whoAtCut(target: Target, name: Name, cut: number): Promise<string> {
  using caller = await peer(target);
  const bytes = bytesOf(authenticate(name, 1) + line("whoami", [], 2));
  await caller.write(bytes.subarray(0, cut));
  if (cut < bytes.length) {
    await sleep(2);
    await caller.write(bytes.subarray(cut));
  }
  for (const answer of await caller.answers(2)) {
    if (answer.id === 1) continue;
    if (answer.error !== undefined) return String(answer.error.code);
    return String((answer.result as { identity?: unknown }).identity);
  }
  return "nothing";
}

const rightBehind: Attack = {
  name: "right-behind-authenticate",
  rows: ["T15"],
  does: "sends rpc.authenticate and a call in one write, and cut at every byte",
  server: ASKING,
  figures: others(15, 100),
  async run(target) {
    // That of bob is shorter: where it ends, it was not cut.
    const whole = bytesOf(authenticate("alice", 1) + line("whoami", [], 2)).length;
    const cuts = Array.from({ length: whole }, (_, i) => i + 1);
    // In one write again and again: that is what a client does.
    cuts.push(...Array.from({ length: share(target, 100) }, () => whole));
    const outcomes = new Map<string, number>();
    await during(target.seconds, () =>
      times(2 * cuts.length, async (i) => {
        const name = i % 2 === 0 ? "alice" : "bob";
        const is = await whoAtCut(target, name, cuts[i >> 1]!);
        const who = is === String(UNAUTHENTICATED) ? is : `${is} for ${name}`;
        outcomes.set(who, (outcomes.get(who) ?? 0) + 1);
      }, 8));
    const text = [...outcomes].map(([who, count]) => `${who} ${count} times`).join(", ");
    const isRight = [...outcomes.keys()].every((it) =>
      ["alice for alice", "bob for bob", String(UNAUTHENTICATED)].includes(it)
    );
    check(isRight, `a call ran as ${text}`);
    return { did: `ran calls as ${text}` };
  },
};

const becomesAnother: Attack = {
  name: "alice-becomes-bob",
  rows: ["T16"],
  does: "makes a call as alice, becomes bob while it runs, and makes one right behind",
  server: ASKING,
  figures: others(15, 100),
  async run(target) {
    const seen = new Set<string>();
    let rounds = 0;
    await during(target.seconds, async () => {
      using caller = await peer(target);
      await caller.write(authenticate("alice", 1));
      check((await caller.answer()).error === undefined, "alice is not known");
      await caller.write(
        line("identify", [20], 2) + authenticate("bob", 3) + line("identify", [0], 4) +
          line("identify", [20], 5),
      );
      for (const { id, result, error } of await caller.answers(4)) {
        if (id !== 3) seen.add(`${id}: ${error?.code ?? JSON.stringify(result)}`);
      }
      rounds++;
    });
    const right = ['2: ["alice","alice"]', '4: ["bob","bob"]', '5: ["bob","bob"]'];
    const wrong = [...seen].filter((it) => !right.includes(it));
    check(wrong.length === 0, `a call ran, by its id, as ${wrong.join(", ")}`);
    return { did: `ran each call as the one who made it, ${rounds} times` };
  },
};

/** All of them. */
export const WHO: readonly Attack[] = [rightBehind, becomesAnother];
