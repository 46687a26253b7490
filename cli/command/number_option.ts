/**
 * Options that are numbers, and times as people write them.
 *
 * @module
 */

import type { Arguments } from "./args.ts";
import { quoted } from "../text/printable.ts";

/** What a number must be. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  /** Whether it may be a fraction. @default {false} */
  readonly fraction?: boolean;
}

/**
 * An option that is a number; undefined where it is not given.
 *
 * @throws {TypeError} for anything that is not one within the range; the message is one line
 */
export function numberOption(
  values: Arguments["values"],
  name: string,
  { min, max, fraction = false }: NumberRange,
): number | undefined {
  if (!values.has(name)) return undefined;
  const text = values.get(name) ?? "";
  const number = /^[0-9]{1,15}(\.[0-9]{1,9})?$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max && (fraction || Number.isInteger(number))) return number;
  const what = fraction ? "a number" : "a whole number";
  throw new TypeError(
    `Cannot read --${name}: it needs ${what} from ${min} to ${max}, ${
      text === "" ? "there is none" : `it is ${quoted(text)}`
    }`,
  );
}

const UNITS: ReadonlyMap<string, number> = new Map([["ms", 1], ["s", 1000], ["m", 60_000]]);

/**
 * An option that is a time: `500ms`, `1.5s`, `2m`; in milliseconds, undefined where it is not given.
 *
 * @throws {TypeError} for anything else, and for less than a millisecond; the message is one line
 */
export function timeOption(values: Arguments["values"], name: string): number | undefined {
  if (!values.has(name)) return undefined;
  const text = values.get(name) ?? "";
  const [, number, unit] = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m)$/.exec(text) ?? [];
  const time = Number(number) * (UNITS.get(unit ?? "") ?? NaN);
  if (time >= 1 && time < 2 ** 31) return time; // more is more than a timer takes
  throw new TypeError(
    `Cannot read --${name}: it needs a time such as 500ms, 1.5s or 2m, ${
      text === "" ? "there is none" : `it is ${quoted(text)}`
    }`,
  );
}

/**
 * An option that is the path of a file; undefined where it is not given.
 *
 * @throws {TypeError} where the path is missing; the message is one line
 */
export function pathOption(values: Arguments["values"], name: string): string | undefined {
  if (!values.has(name)) return undefined;
  const path = values.get(name);
  if (path) return path;
  throw new TypeError(`Cannot read --${name}: it needs the path of a file`);
}
