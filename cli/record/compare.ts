/**
 * What a server says now, compared with what was recorded: answers by their ids, everything else in
 * its order. Pure.
 *
 * @module
 */

import { parseExactJson } from "../text/exact_json.ts";
import { type Difference, differences, type JsonPath } from "../text/json_diff.ts";

/** What a server sent: a frame's text, or bytes that are no frame as text. */
export interface Said {
  readonly text: string;
  readonly isFrame: boolean;
}

/** One thing that is not as it was. */
export type Deviation =
  /** Said both times, and not the same. */
  | { readonly kind: "differs"; readonly what: string; readonly changes: readonly Difference[] }
  /** Not said any more. */
  | { readonly kind: "missing"; readonly what: string; readonly text: string }
  /** Not said before. */
  | { readonly kind: "new"; readonly what: string; readonly text: string };

/** What was compared. */
export interface Comparison {
  readonly same: number;
  readonly deviations: readonly Deviation[];
}

/**
 * Compares what was recorded with what came.
 *
 * @param ignored places whose differences do not count; see {@linkcode parsePlaces}
 */
export function compareSaid(
  recorded: readonly Said[],
  now: readonly Said[],
  ignored: readonly JsonPath[],
): Comparison {
  const before = inGroups(recorded), after = inGroups(now);
  const deviations: Deviation[] = [];
  let same = 0;
  for (const what of new Set([...before.keys(), ...after.keys()])) {
    const old = before.get(what) ?? [], its = after.get(what) ?? [];
    for (let at = 0; at < Math.max(old.length, its.length); at++) {
      const a = old[at], b = its[at];
      if (a === undefined) deviations.push({ kind: "new", what, text: b!.text });
      else if (b === undefined) deviations.push({ kind: "missing", what, text: a.text });
      else {
        const changes = differences(a.value, b.value).filter(({ path }) =>
          !ignored.some((place) => isWithin(path, place))
        );
        if (changes.length === 0) same++;
        else deviations.push({ kind: "differs", what, changes });
      }
    }
  }
  return { same, deviations };
}

interface Message {
  readonly text: string;
  readonly value: unknown;
}

/** Messages by what they are compared as, in the order in which they came. */
function inGroups(all: readonly Said[]): Map<string, Message[]> {
  const groups = new Map<string, Message[]>();
  for (const { text, isFrame } of all) {
    const value = isFrame ? valueOf(text) : text;
    const what = isFrame ? nameOf(value) : "bytes that are no frame";
    const group = groups.get(what) ?? [];
    if (group.length === 0) groups.set(what, group);
    group.push({ text, value: inOrder(value) });
  }
  return groups;
}

/** Numbers as they were written: an id that lost its last digits is another one. */
function valueOf(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch {
    return text;
  }
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return `the batch ${value.map(idOf).toSorted().join(", ")}`;
  if (value === null || typeof value !== "object") return "messages that are none";
  return "method" in value ? "messages of the server's own" : `answer ${idOf(value)}`;
}

function idOf(value: unknown): string {
  const id = value !== null && typeof value === "object" && "id" in value ? value.id : undefined;
  return JSON.stringify(id) ?? "without an id";
}

/** The answers of a batch may come in any order. */
function inOrder(value: unknown): unknown {
  return Array.isArray(value)
    ? value.toSorted((a, b) => idOf(a) < idOf(b) ? -1 : idOf(a) > idOf(b) ? 1 : 0)
    : value;
}

/**
 * Places as they are written on a command line: `result.time,result.users[*].id`. A star stands for
 * any item or member; what is within a place belongs to it.
 *
 * @throws {TypeError} for what is no place; the message is one line
 */
export function parsePlaces(text: string): JsonPath[] {
  return text.split(",").map((place) => {
    const path: (string | number)[] = [];
    const parts = /(?:^|\.)([^.[\]]+)|\[(?:([0-9]+)|(\*)|"([^"]*)")\]|(.)/gsy;
    for (const [, name, index, star, quotedName, stray] of place.trim().matchAll(parts)) {
      if (stray !== undefined) path.length = 0;
      if (stray !== undefined) break;
      path.push(index === undefined ? name ?? star ?? quotedName ?? "" : Number(index));
    }
    if (path.length > 0) return path;
    throw new TypeError(
      `Cannot read --ignore: ${JSON.stringify(place)} is no place such as result.users[*].id`,
    );
  });
}

function isWithin(path: JsonPath, place: JsonPath): boolean {
  return place.length <= path.length &&
    place.every((part, at) => part === "*" || part === path[at]);
}
