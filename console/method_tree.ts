/**
 * Methods as a tree by the dots in their names, as rows: what is folded is left out. Pure.
 *
 * @module
 */

import type { MethodOutline } from "./outline.ts";

/** A row of the list: a method, or what several names begin with. */
export interface MethodRow {
  /** The part of the name that is shown. */
  readonly label: string;
  /** The whole name, or the beginning that those below have in common, without its last dot. */
  readonly path: string;
  /** How deep it stands, from 1. */
  readonly level: number;
  /** The method; undefined for a group. */
  readonly method: MethodOutline | undefined;
  /** For a group: how many methods are below it. */
  readonly count: number;
  readonly isFolded: boolean;
}

interface Group {
  readonly groups: Map<string, Group>;
  readonly methods: MethodOutline[];
  count: number;
}

/** More levels than a name has use for are one. */
const MAX_LEVEL = 8;

/** The methods whose names or summaries have all words of a search. */
export function search(methods: readonly MethodOutline[], text: string): readonly MethodOutline[] {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) return methods;
  return methods.filter(({ name, summary }) => {
    const all = `${name}\n${summary}`.toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

/** The rows. @param isFoldedAt whether the group of a path is */
export function rowsOf(
  methods: readonly MethodOutline[],
  isFoldedAt: (path: string) => boolean,
): MethodRow[] {
  const root: Group = { groups: new Map(), methods: [], count: 0 };
  for (const method of methods) {
    let group = root;
    for (const step of method.name.split(".").slice(0, -1).slice(0, MAX_LEVEL)) {
      let next = group.groups.get(step);
      if (next === undefined) {
        group.groups.set(step, next = { groups: new Map(), methods: [], count: 0 });
      }
      next.count++;
      group = next;
    }
    group.methods.push(method);
  }
  const rows: MethodRow[] = [];
  const walk = (group: Group, path: string, level: number) => {
    for (const method of group.methods) {
      const label = path === "" ? method.name : method.name.slice(path.length + 1);
      rows.push({ label, path: method.name, level, method, count: 0, isFolded: false });
    }
    for (const [label, below] of group.groups) {
      const at = path === "" ? label : `${path}.${label}`, isFolded = isFoldedAt(at);
      rows.push({ label, path: at, level, method: undefined, count: below.count, isFolded });
      if (!isFolded) walk(below, at, level + 1);
    }
  };
  walk(root, "", 1);
  return rows;
}
