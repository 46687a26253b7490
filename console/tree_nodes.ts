/**
 * A JSON value as a tree of which a part is shown: two levels at first, and never more than so many nodes at a
 * time, however large it is.
 *
 * @module
 */

import { visible, visibleName } from "./visible.ts";

/** Nodes that are shown at a time. */
export const MAX_NODES = 200;

/** Levels that are open at first. */
const LEVELS = 2;

/** Characters of a text that are shown. */
const MAX_TEXT = 1000;

/** A value among others, and those of its own that are shown. */
export interface TreeNode {
  /** Its name or place; undefined for the whole value. */
  readonly key: string | undefined;
  readonly value: unknown;
  readonly kind: "object" | "array" | "string" | "number" | "boolean" | "null";
  /** What it is in a line: a value that has others in it is only counted. */
  readonly text: string;
  /** How many values it has. */
  readonly size: number;
  /** The first of them, as many as are shown; none where it is closed. */
  readonly children: readonly TreeNode[];
}

/** The whole value, with two levels open as far as there is room. */
export function treeOf(value: unknown, max: number = MAX_NODES): TreeNode {
  const root = new Growing(undefined, value);
  let left = max - 1;
  let level = [root];
  for (let depth = 0; depth < LEVELS && left > 0; depth++) {
    const next: Growing[] = [];
    // Round by round, so that a long first one does not leave the others closed.
    for (
      let share = 0, growing = level;
      growing.length > 0 && left > 0;
      growing = growing.filter((it) => it.hasMore)
    ) {
      share = Math.max(1, Math.floor(left / growing.length));
      for (const node of growing) {
        const drawn = node.grow(Math.min(share, left));
        left -= drawn.length;
        for (const child of drawn) next.push(child);
      }
    }
    level = next;
  }
  return root;
}

/** The values of one that stand behind those that are shown, closed. */
export function moreOf(value: unknown, from: number, max: number = MAX_NODES): TreeNode[] {
  return entriesOf(value, from, max).map(([key, value]) => new Growing(key, value));
}

class Growing implements TreeNode {
  readonly key: string | undefined;
  readonly value: unknown;
  readonly kind: TreeNode["kind"];
  readonly size: number;
  readonly children: Growing[] = [];

  constructor(key: string | undefined, value: unknown) {
    this.key = key;
    this.value = value;
    this.kind = kindOf(value);
    this.size = sizeOf(value);
  }

  get text(): string {
    return textOf(this.value);
  }

  get hasMore(): boolean {
    return this.children.length < this.size;
  }

  grow(count: number): Growing[] {
    const drawn = entriesOf(this.value, this.children.length, count).map(([key, value]) =>
      new Growing(key, value)
    );
    for (const child of drawn) this.children.push(child);
    return drawn;
  }
}

function kindOf(value: unknown): TreeNode["kind"] {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value as TreeNode["kind"];
}

function sizeOf(value: unknown): number {
  if (value === null || typeof value !== "object") return 0;
  return Array.isArray(value) ? value.length : Object.keys(value).length;
}

function entriesOf(value: unknown, from: number, count: number): [string, unknown][] {
  if (value === null || typeof value !== "object") return [];
  if (Array.isArray(value)) {
    return value.slice(from, from + count).map((item, at) => [String(from + at), item]);
  }
  return Object.keys(value).slice(from, from + count).map((name) => [
    name,
    (value as Record<string, unknown>)[name],
  ]);
}

/** A value in a line. */
export function textOf(value: unknown): string {
  if (typeof value === "string") {
    const { length } = value;
    const text = visible(JSON.stringify(value.slice(0, MAX_TEXT)));
    return length <= MAX_TEXT ? text : `${text}… ${length.toLocaleString("en")} characters`;
  }
  if (Array.isArray(value)) return countText(value.length, "item", "items");
  if (value !== null && typeof value === "object") {
    return countText(Object.keys(value).length, "member", "members");
  }
  return String(value ?? null);
}

function countText(count: number, one: string, many: string): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** The name of a node, as it is shown. */
export function keyText({ key }: TreeNode): string {
  return key === undefined ? "" : visibleName(key);
}
