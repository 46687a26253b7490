/**
 * What differs between two JSON values, place by place. Pure.
 *
 * @module
 */

import { isExactNumber } from "./exact_json.ts";

/** Where something stands in a JSON value: names of members and positions of items. */
export type JsonPath = readonly (string | number)[];

/** One difference. What is added has no `before`, what is removed no `after`. */
export interface Difference {
  readonly path: JsonPath;
  readonly before?: unknown;
  readonly after?: unknown;
}

/**
 * All differences, in the order of the places. Items are compared from both ends of an array: what was
 * put in or taken out in one place is one addition or removal, whatever stands around it.
 */
export function differences(before: unknown, after: unknown): Difference[] {
  const found: Difference[] = [];
  compare(before, after, [], found);
  return found;
}

function compare(before: unknown, after: unknown, path: JsonPath, found: Difference[]): void {
  if (isArray(before) && isArray(after)) compareItems(before, after, path, found);
  else if (isObject(before) && isObject(after)) compareMembers(before, after, path, found);
  else if (!Object.is(before, after) && !isSame(before, after)) found.push({ path, before, after });
}

function compareMembers(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  path: JsonPath,
  found: Difference[],
): void {
  for (const [name, value] of Object.entries(before)) {
    if (Object.hasOwn(after, name)) compare(value, after[name], [...path, name], found);
    else found.push({ path: [...path, name], before: value });
  }
  for (const [name, value] of Object.entries(after)) {
    if (!Object.hasOwn(before, name)) found.push({ path: [...path, name], after: value });
  }
}

function compareItems(
  before: readonly unknown[],
  after: readonly unknown[],
  path: JsonPath,
  found: Difference[],
): void {
  const shorter = Math.min(before.length, after.length);
  let start = 0, end = 0;
  while (start < shorter && isSame(before[start], after[start])) start++;
  while (end < shorter - start && isSame(before.at(-1 - end), after.at(-1 - end))) end++;
  // What is left in the middle is told item by item as far as both have one.
  const both = shorter - end;
  for (let at = start; at < both; at++) compare(before[at], after[at], [...path, at], found);
  for (let at = both; at < before.length - end; at++) {
    found.push({ path: [...path, at], before: before[at] });
  }
  for (let at = both; at < after.length - end; at++) {
    found.push({ path: [...path, at], after: after[at] });
  }
}

/** Whether two JSON values are the same; the order of members does not count. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isExactNumber(a) || isExactNumber(b)) return JSON.stringify(a) === JSON.stringify(b);
  if (isArray(a)) {
    return isArray(b) && a.length === b.length && a.every((item, at) => isSame(item, b[at]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && isSame(a[name], b[name]));
}

function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Whether this is an object and no array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value) &&
    !isExactNumber(value);
}

/** A path as people write it: `users[2].name`, `["odd name"]`; `result` for the value itself. */
export function pathText(path: JsonPath): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[\p{ID_Start}_$][\p{ID_Continue}$-]*$/u.test(part)) {
      text += text === "" ? part : `.${part}`;
    } else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}
