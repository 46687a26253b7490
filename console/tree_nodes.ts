/**
 * A JSON value as a tree of which a part is shown: two levels at first, and never more than so many nodes at a
 * time, however large it is.
 *
 * @module
 */

import { countOf, countText } from "./numbers.ts";
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
  /** The first of them, as many as are shown; none if it is closed. */
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
  return new Growing(undefined, value).after(from, max);
}

class Growing implements TreeNode {
  readonly key: string | undefined;
  readonly value: unknown;
  readonly kind: TreeNode["kind"];
  readonly size: number;
  readonly children: Growing[] = [];
  readonly #names: readonly string[];

  constructor(key: string | undefined, value: unknown) {
    this.key = key;
    this.value = value;
    this.kind = kindOf(value);
    this.#names = this.kind === "object" ? Object.keys(value as object) : [];
    this.size = Array.isArray(value) ? value.length : this.#names.length;
  }

  get text(): string {
    return textOf(this.value, this.size);
  }

  get hasMore(): boolean {
    return this.children.length < this.size;
  }

  grow(count: number): Growing[] {
    const drawn = this.after(this.children.length, count);
    for (const child of drawn) this.children.push(child);
    return drawn;
  }

  after(from: number, count: number): Growing[] {
    const { value } = this;
    return Array.isArray(value)
      ? value.slice(from, from + count).map((item, at) => new Growing(String(from + at), item))
      : this.#names.slice(from, from + count).map((name) =>
        new Growing(name, (value as Record<string, unknown>)[name])
      );
  }
}

function kindOf(value: unknown): TreeNode["kind"] {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value as TreeNode["kind"];
}

/** A value in a line. */
function textOf(value: unknown, size: number): string {
  if (typeof value === "string") {
    const { length } = value;
    const text = visible(JSON.stringify(value.slice(0, MAX_TEXT)));
    return length <= MAX_TEXT ? text : `${text}… ${countText(length)} characters`;
  }
  if (Array.isArray(value)) return countOf(size, "item");
  if (value !== null && typeof value === "object") return countOf(size, "member");
  return String(value ?? null);
}

/** The name of a node, as it is shown. */
export function keyText({ key }: TreeNode): string {
  return key === undefined ? "" : visibleName(key);
}
