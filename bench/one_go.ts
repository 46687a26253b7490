/**
 * How long V8 takes for what cannot be interrupted: the parsing of the largest messages that a server takes,
 * and the writing of the longest answers that it gives. Nobody else is served meanwhile, whatever the server
 * does between two of them.
 *
 *     env $(cat deploy/landline.env) deno run -A bench/one_go.ts
 *
 * @module
 */

import { DEFAULT_LIMITS } from "../lib/mod.ts";
import { measure } from "../lib/message/weight.ts";

const { maxMessageBytes, maxResponseBytes } = DEFAULT_LIMITS;
const ROUNDS = 30;

/** The part of a limit that the samples take. */
const FULL = 0.99;

/** An array of as many of these as a message may hold, by its length and by what it is parsed to. */
function largest(part: string): string {
  const max = 8 * maxMessageBytes, { weight } = measure(`[${Array(1000).fill(part).join()}]`);
  const count = Math.min(max / (weight / 1000), maxMessageBytes / (part.length + 1)) * FULL;
  return `[${Array(Math.floor(count)).fill(part).join()}]`;
}

/** Parts of which each is made anew, as many as an answer may hold. */
function answer(part: (index: number) => unknown): () => unknown {
  const count = maxResponseBytes * FULL / (JSON.stringify(part(1e6)).length + 1);
  return () => Array.from({ length: Math.floor(count) }, (_, i) => part(1e6 + i));
}

const texts: Record<string, string> = {
  "`{}`": largest("{}"),
  "`[0]`": largest("[0]"),
  "`[13.4,52.5]`": largest("[13.4,52.5]"),
  "texts of 8 characters": largest('"12345678"'),
  "objects of three members": largest('{"id":12345678,"name":"12345678","ok":true}'),
};
const values: Record<string, () => unknown> = {
  "one text": () => "x".repeat(Math.floor(maxResponseBytes * FULL)),
  "texts of 1000 characters": answer((i) => `${i}`.padEnd(1000, "x")),
  "whole numbers": answer((i) => i),
  "objects of three members": answer((i) => ({ id: i, name: `name ${i}`, ok: true })),
};

console.log("| in one go | MB | median ms | longest ms |");
console.log("| --- | ---: | ---: | ---: |");
for (const [name, text] of Object.entries(texts)) {
  // Cut out of another, as messages are cut out of what was read.
  await row(`JSON.parse, ${name}`, text.length, () => ` ${text}`.slice(1), JSON.parse);
}
for (const [name, make] of Object.entries(values)) {
  await row(`JSON.stringify, ${name}`, JSON.stringify(make()).length, make, JSON.stringify);
}

/** Times something again and again, and lets others have their turn in between, as a server does. */
async function row<T>(name: string, length: number, make: () => T, use: (it: T) => unknown) {
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const it = make(), begun = performance.now();
    use(it);
    times.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  times.sort((a, b) => a - b);
  const cells = [length / 2 ** 20, times[ROUNDS / 2]!, times.at(-1)!].map((it) => it.toFixed(1));
  console.log(`| ${name} | ${cells.join(" | ")} |`);
}
