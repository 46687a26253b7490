/**
 * What can go wrong on a line on purpose: cuts, delays, stalls, drops and half-closes, driven by a
 * seed. Knows nothing of sockets: a transport asks what is to happen to the next bytes.
 *
 * @module
 */

import { MAX_MS } from "../../limits.ts";

/** A number, or the smallest and the largest of those from which one is drawn each time. */
export type FaultRange = number | readonly [min: number, max: number];

/** What goes wrong in one direction. Whatever does, bytes never change their order. */
export interface OneWayFaults {
  /** Bytes of a segment at most: no read and no write moves more. 1 is one byte at a time. */
  readonly cut?: FaultRange;
  /** Milliseconds for which a segment travels; none overtakes the one before it. */
  readonly delay?: FaultRange;
  /** Bytes after which nothing moves any more, the end neither, and the sender's buffer fills up. */
  readonly stall?: number;
  /** Bytes after which the connection is reset, in both directions. */
  readonly drop?: number;
  /** Bytes after which the reader sees the end; what is sent later is lost. */
  readonly halfClose?: number;
}

/**
 * What goes wrong on a line. What stands outside of `up` and `down` holds for both directions.
 *
 * The same as the query of an address: `memory:name?cut=1-16&up.drop=20&seed=7`.
 */
export interface NetworkFaults extends OneWayFaults {
  /** Decides what is drawn from ranges: the same seed draws the same numbers. @default {0} */
  readonly seed?: number;
  /** From the end that dials to the end that listens. */
  readonly up?: OneWayFaults;
  /** From the end that listens to the end that dials. */
  readonly down?: OneWayFaults;
}

/** What happens to the bytes of one direction; Infinity stands for never and for any number. */
export interface Course {
  /** Whether segments stay apart until they are read. */
  readonly cuts: boolean;
  /** Bytes that the next segment may have. */
  segment(): number;
  /** Milliseconds for which the next segment travels. */
  delay(): number;
  /** Bytes after which each of these happens. */
  readonly stall: number;
  readonly drop: number;
  readonly halfClose: number;
}

/** Faults one by one: `["cut", [1, 16]]`, `["up.drop", 20]`. */
type FaultEntries = Iterable<readonly [name: string, value: unknown]>;

/** What each fault may be. */
const RULES: Readonly<Record<string, { min: number; max: number; range: boolean }>> = {
  cut: { min: 1, max: MAX_MS, range: true },
  delay: { min: 0, max: MAX_MS, range: true },
  stall: { min: 0, max: MAX_MS, range: false },
  drop: { min: 0, max: MAX_MS, range: false },
  halfClose: { min: 0, max: MAX_MS, range: false },
};
const SEED = { min: 0, max: 2 ** 32 - 1, range: false };

/**
 * What is to happen in both directions.
 *
 * @param fail makes the error of what is wrong with the entries
 */
export function coursesOf(
  entries: FaultEntries,
  fail: (why: string) => Error,
): { up: Course; down: Course } {
  const values = new Map<string, FaultRange>();
  for (const [name, value] of entries) {
    const why = objectionTo(name, value);
    if (why !== undefined) throw fail(why);
    values.set(name, value as FaultRange);
  }
  const dice = mulberry32(values.get("seed") as number | undefined ?? 0);
  const course = (way: "up" | "down"): Course => {
    const given = (fault: string) => values.get(`${way}.${fault}`) ?? values.get(fault);
    const after = (fault: string) => given(fault) as number | undefined ?? Infinity;
    const cut = given("cut") ?? Infinity, delay = given("delay") ?? 0;
    const own = mulberry32(dice()); // so that one direction's draws do not depend on the other's
    return {
      cuts: cut !== Infinity,
      segment: () => draw(cut, own),
      delay: () => draw(delay, own),
      stall: after("stall"),
      drop: after("drop"),
      halfClose: after("halfClose"),
    };
  };
  return { up: course("up"), down: course("down") };
}

/** Faults one by one. */
export function* entriesOf(
  { up = {}, down = {}, ...both }: NetworkFaults,
): Generator<[string, unknown]> {
  for (const [prefix, faults] of [["", both], ["up.", up], ["down.", down]] as const) {
    for (const [name, value] of Object.entries(faults)) {
      if (value !== undefined) yield [prefix + name, value];
    }
  }
}

/** Faults as the query of an address, without the question mark. */
export function queryOf(faults: NetworkFaults): string {
  const query = new URLSearchParams();
  for (const [name, value] of entriesOf(faults)) {
    query.append(name, Array.isArray(value) ? value.join("-") : String(value));
  }
  return query.toString();
}

/** The query of an address as faults one by one; what is no number stays text. */
export function* fromQuery(query: URLSearchParams): Generator<[string, unknown]> {
  for (const [name, text] of query) {
    const [, first, second] = /^([0-9]+)(?:-([0-9]+))?$/.exec(text) ?? [];
    if (first === undefined) yield [name, text];
    else yield [name, second === undefined ? Number(first) : [Number(first), Number(second)]];
  }
}

/** What is wrong with a fault; undefined where nothing is. */
function objectionTo(name: string, value: unknown): string | undefined {
  const fault = name.replace(/^(up|down)\./, "");
  const rule = name === "seed" ? SEED : Object.hasOwn(RULES, fault) ? RULES[fault] : undefined;
  if (rule === undefined) return `no fault has the name ${JSON.stringify(name)}`;
  const { min, max, range } = rule;
  const fits = (it: unknown) => Number.isSafeInteger(it) && Number(it) >= min && Number(it) <= max;
  if (fits(value)) return undefined;
  if (range && Array.isArray(value) && value.length === 2 && value.every(fits)) {
    if (value[0] <= value[1]) return undefined;
  }
  return `${name} must be an integer from ${min} to ${max}${
    range ? ", or two of them with the smaller first" : ""
  }, it is ${JSON.stringify(value)}`;
}

function draw(range: FaultRange, dice: () => number): number {
  if (typeof range === "number") return range;
  const [min, max] = range;
  return min + dice() % (max - min + 1);
}

/**
 * Mulberry32 by Tommy Ettinger: 32 bits of state, a number from 0 to 2³² - 1 with each call. Good
 * enough to choose cuts with, and short enough to be written down in any language; it keeps no secret.
 */
export function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}
