// What a world is like: how many there are, what they may do, what goes wrong, and which outcomes of a
// call that allows. All of it follows from the seed.

import type { Limits } from "../../lib/mod.ts";
import type { NetworkFaults } from "../../lib/testing.ts";
import { FRAMING_NAMES, type Spoken } from "../support/raw.ts";
import type { Dice } from "../support/dice.ts";

/** What a world is like. */
export interface Plan {
  /** Nothing goes wrong, so that nothing may fail. */
  readonly isCalm: boolean;
  readonly framing: Spoken;
  /** `memory:` addresses, or `tcp:` on a network of the world's. */
  readonly transport: "memory" | "tcp";
  /** Whether the server is ours, or one that answers as it likes. */
  readonly isRude: boolean;
  readonly limits: Partial<Limits>;
  /** Calls a second; undefined where callers may go as fast as they can. */
  readonly rate: number | undefined;
  /** Whether the server asks who calls. */
  readonly asks: boolean;
  readonly lines: number;
  readonly rudeCallers: number;
  readonly httpCallers: number;
  readonly deeds: number;
  readonly maxCount: number;
  /** When the server is told to end; undefined where it ends when all is done. */
  readonly shutdownAt: number | undefined;
  readonly grace: number;
  /** How often, of a hundred times, a line is closed by its client before all is done. */
  readonly closesEarly: number;
  /** How often, of a hundred times, accepting fails, a caller is gone, and nobody answers a dial. */
  readonly noDescriptors: number;
  readonly goneCallers: number;
  readonly blackHoles: number;
  /** How often, of a hundred connections, something goes wrong with one. */
  readonly faulty: number;
  /** The names of errors that any call may end with. */
  readonly mayFail: ReadonlySet<string>;
}

/** The limits that may be tiny, what they then are, and what that does to calls that did no wrong. */
const TINY: readonly (readonly [name: keyof Limits, min: number, max: number, ...string[]])[] = [
  ["maxInFlight", 1, 4, "UNAVAILABLE"],
  ["maxRunning", 1, 8, "UNAVAILABLE"],
  ["maxStreams", 0, 3, "RESOURCE_EXHAUSTED"],
  ["maxMessageBytes", 300, 2000, "RESOURCE_EXHAUSTED"],
  ["maxResponseBytes", 300, 2000, "RESOURCE_EXHAUSTED"],
  ["maxBatch", 2, 4],
  ["maxCollectedItems", 5, 40, "RESOURCE_EXHAUSTED"],
  ["outboundHighWater", 1, 2000],
  ["maxOutboundBytes", 2000, 20_000, "RESOURCE_EXHAUSTED", "lost"],
  ["maxKeptBytes", 2000, 100_000, "RESOURCE_EXHAUSTED", "UNAVAILABLE"],
  ["maxBufferedBytes", 50_000, 500_000, "lost"],
  ["maxHung", 0, 3],
  ["maxProtocolErrors", 1, 5],
  ["maxPings", 1, 5, "RESOURCE_EXHAUSTED", "lost"],
  ["callTimeout", 20, 500, "DEADLINE_EXCEEDED"],
  ["maxCallTimeout", 20, 500, "DEADLINE_EXCEEDED"],
  ["messageTimeout", 50, 500, "lost", "RESOURCE_EXHAUSTED"],
  ["idleTimeout", 50, 2000, "lost"],
  ["writeStallTimeout", 100, 1000, "lost"],
  ["httpHeadTimeout", 50, 500, "lost", "RESOURCE_EXHAUSTED"],
  ["httpIdleTimeout", 50, 2000, "lost"],
  ["maxHttpRequests", 1, 4, "lost"],
  ["maxHttpBodyBytes", 1000, 2000, "RESOURCE_EXHAUSTED", "lost"],
  ["pingInterval", 20, 200],
  ["pingTimeout", 20, 200, "lost"],
  ["maxConnectionAge", 100, 1000, "lost", "UNAVAILABLE"],
  ["maxConnections", 1, 3, "lost", "UNAVAILABLE"],
  ["lingerTimeout", 0, 50],
];

/** What a broken connection does to calls, and one whose callers have hung up. */
const BROKEN = ["lost", "CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "RESOURCE_EXHAUSTED"];

/** Draws a plan. */
export function drawPlan(dice: Dice): Plan {
  const isCalm = dice.chance(25), isRude = dice.chance(12);
  const mayFail = new Set<string>();
  const sometimes = (percent: number, often: number, ...names: string[]) => {
    if (isCalm || !dice.chance(percent)) return 0;
    for (const name of names) mayFail.add(name);
    return dice.int(1, often);
  };
  const limits: Record<string, number> = {};
  if (!isCalm && dice.chance(60)) {
    for (let count = dice.int(1, 4); count > 0; count--) {
      const [name, min, max, ...names] = dice.pick(TINY);
      limits[name] = dice.int(min, max);
      for (const name of names) mayFail.add(name);
    }
  }
  if (limits.maxMessageBytes !== undefined) {
    limits.maxMessageBytes = Math.max(limits.maxMessageBytes, 1000); // room for rpc.serverInfo
  }
  const faulty = sometimes(50, 100, ...BROKEN);
  const rate = sometimes(10, 200, "RESOURCE_EXHAUSTED");
  const isLate = sometimes(30, 100) > 0;
  if (isLate) { for (const name of ["lost", "UNAVAILABLE", "CANCELLED"]) mayFail.add(name); }
  const framing = dice.pick(isRude ? FRAMING_NAMES : [...FRAMING_NAMES, "websocket" as const]);
  const isOverTcp = isRude || framing === "websocket" || dice.chance(75);
  return {
    isCalm,
    isRude,
    framing,
    transport: isOverTcp ? "tcp" : "memory",
    limits,
    rate: rate === 0 ? undefined : rate,
    asks: dice.chance(10),
    lines: dice.pick([1, 1, 2, 3]),
    rudeCallers: isRude ? 0 : dice.int(0, 2),
    httpCallers: isRude || !isOverTcp ? 0 : dice.pick([0, 0, 1, 2]),
    deeds: dice.int(1, 12),
    maxCount: dice.pick([20, 20, 100, 300, dice.chance(20) ? 2500 : 300]),
    shutdownAt: isLate ? dice.int(0, 1500) : undefined,
    grace: dice.pick([0, 50, 500, 5000]),
    closesEarly: sometimes(10, 50, "lost"),
    noDescriptors: sometimes(20, 60),
    goneCallers: sometimes(10, 50, ...BROKEN),
    blackHoles: sometimes(10, 50),
    faulty,
    mayFail,
  };
}

/** What goes wrong with one connection. */
export function drawFaults(dice: Dice, { faulty, isCalm, maxCount }: Plan): NetworkFaults {
  // One byte at a time is slow, where there are many.
  const smallest = maxCount > 20 ? 30 : 1;
  const cut = dice.chance(50) ? { cut: [1, dice.pick([smallest, 30, 1000])] as const } : {};
  const delay = dice.chance(50) ? { delay: [0, dice.pick([1, 20])] as const } : {};
  const seed = { seed: dice.bits() };
  if (isCalm || !dice.chance(faulty)) return { ...cut, ...delay, ...seed };
  const slow = dice.chance(30) ? { delay: [0, dice.int(1, 500)] as const } : delay;
  const bad = { [dice.pick(["stall", "drop", "halfClose"])]: dice.int(0, 4000) };
  return { ...cut, ...slow, ...seed, [dice.pick(["up", "down"])]: bad };
}
