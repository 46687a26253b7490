/**
 * What one peer does from begin to end, drawn from a seed: the same seed draws the same plan.
 *
 * @module
 */

import { Dice } from "../../support/dice.ts";
import { bytesOf } from "../../support/raw.ts";
import { TOKENS } from "../attack.ts";
import { type Carried, type Carrier, CARRIERS, carry } from "./carriers.ts";
import { FRESH_ID, type Served, Verbs } from "./verbs.ts";

/** Plans that share a server, one after another. */
export const GROUP = 8;

/** The servers, in turn. */
const SERVERS = ["demo", "everything", "everything, asks"] as const;

/** Messages that are sent one after another, so many times. */
export interface Phase {
  readonly messages: readonly Carried[];
  readonly repeat: number;
  /** Milliseconds between two rounds. */
  readonly pauseMs: number;
}

/** What a peer does. */
export interface Plan {
  readonly seed: number;
  readonly server: (typeof SERVERS)[number];
  /** What its connections speak. */
  readonly carrier: Carrier;
  /** How what comes back is read. */
  readonly reading: "fast" | "slow" | "never" | "stops";
  /** What it does when it has sent everything. */
  readonly ending: "waits" | "half-closes" | "leaves";
  readonly phases: readonly Phase[];
}

/** The server that a seed's plan is for. */
export function serverOf(seed: number): Plan["server"] {
  return SERVERS[Math.floor(seed / GROUP) % SERVERS.length]!;
}

/** Draws the plan of a seed. */
export function drawPlan(seed: number): Plan {
  // Seeds that are neighbours draw alike at first.
  const dice = new Dice(Math.imul(seed + 1, 0x9e3779b1) >>> 0);
  for (let i = 0; i < 8; i++) dice.bits();
  const server = serverOf(seed), served: Served = server === "demo" ? "demo" : "everything";
  const verbs = new Verbs(dice, served), carrier = dice.pick(CARRIERS);
  const asks = server === "everything, asks";
  const carried = (message: string) => carry(dice, carrier, message, asks);
  const phases: Phase[] = [];
  if (asks && carrier !== "http" && dice.chance(90)) {
    const params = { scheme: "bearer", token: TOKENS.alice };
    const message = JSON.stringify({ jsonrpc: "2.0", id: 0, method: "rpc.authenticate", params });
    phases.push({ messages: [carried(message)], repeat: 1, pauseMs: dice.pick([0, 20]) });
  }
  for (let left = dice.int(1, 4); left > 0; left--) {
    phases.push({
      messages: Array.from({ length: dice.pick([1, 1, 2, 5, 20]) }, () => carried(verbs.message())),
      repeat: dice.pick([1, 10, 64, 200, 1000, Infinity]),
      pauseMs: dice.pick([0, 0, 0, 0, 1, 50]),
    });
  }
  return {
    seed,
    server,
    carrier,
    reading: dice.pick(["fast", "fast", "fast", "slow", "never", "stops"]),
    ending: dice.pick(["waits", "waits", "half-closes", "leaves"]),
    phases,
  };
}

/** A message as it is sent, and where in it the digits of a new id stand. */
export interface Encoded {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly ids: readonly number[];
}

/** Finds the digits. */
export function encode({ bytes }: Carried): Encoded {
  const ids: number[] = [], digits = bytesOf(FRESH_ID);
  for (let at = -1; (at = bytes.indexOf(digits[0]!, at + 1)) >= 0;) {
    if (digits.every((digit, i) => bytes[at + i] === digit)) {
      ids.push(at);
      at += digits.length - 1;
    }
  }
  return { bytes, ids };
}

/** Writes new ids over the old ones, counted from this one on; gives the next. */
export function renumber({ bytes, ids }: Encoded, next: number): number {
  for (const at of ids) {
    let rest = next++ % 10 ** (FRESH_ID.length - 1);
    // The first digit stays: a number does not begin with 0.
    for (let i = FRESH_ID.length - 1; i > 0; i--) {
      bytes[at + i] = 48 + rest % 10;
      rest = Math.floor(rest / 10);
    }
  }
  return next;
}

/** A plan in words, a line each. */
export function describe(plan: Plan): string {
  const { seed, server, carrier, reading, ending, phases } = plan;
  const how = {
    fast: "reads fast",
    slow: "reads slowly",
    never: "never reads",
    stops: "stops reading",
  };
  const lines = phases.map(({ messages, repeat, pauseMs }) => {
    const times = repeat === Infinity ? "on and on" : `${repeat} times`;
    const first = messages.slice(0, 5).map((it) => `    ${shorten(it.words)}`);
    if (messages.length > 5) first.push(`    and ${messages.length - 5} more`);
    const pause = pauseMs === 0 ? "" : `, every ${pauseMs} ms`;
    return `  sends ${times}${pause}:\n${first.join("\n")}`;
  });
  return [
    `plan ${seed}: to the server of ${server}, in ${carrier}, ${how[reading]}, ${ending}`,
    ...lines,
  ].join("\n");
}

function shorten(text: string): string {
  const middle = text.length - 150;
  return middle > 0 ? `${text.slice(0, 110)}…${middle} more…${text.slice(-40)}` : text;
}
