/// <reference lib="dom" />
/**
 * A JSON tree in the page: what is closed is drawn when it is opened, what is long in steps.
 *
 * @module
 */

import { h } from "./dom.ts";
import { countText } from "./numbers.ts";
import { keyText, MAX_NODES, moreOf, type TreeNode, treeOf } from "./tree_nodes.ts";

/** Draws a value. */
export function createTree(value: unknown): HTMLElement {
  const root = treeOf(value);
  return h("div", { class: "tree" }, root.size === 0 ? line(root) : list(root));
}

/** The values of one, those that are shown and a button for more. */
function list(node: TreeNode): HTMLElement {
  const { value, size, children } = node;
  const items = h("ul", null, ...children.map(item));
  let shown = children.length;
  if (shown < size) {
    const more = h("button", { type: "button", class: "more" });
    const label = () =>
      more.textContent = `Show ${Math.min(MAX_NODES, size - shown)} more of ${
        countText(size - shown)
      }`;
    const last = h("li", null, more);
    label();
    more.addEventListener("click", () => {
      const drawn = moreOf(value, shown).map(item);
      shown += drawn.length;
      last.before(...drawn);
      if (shown < size) label();
      else last.remove();
      drawn[0]?.querySelector<HTMLElement>("summary")?.focus();
    });
    items.append(last);
  }
  return items;
}

function item(node: TreeNode): HTMLElement {
  if (node.size === 0) return h("li", null, line(node));
  const details = h("details", null, h("summary", null, line(node)));
  if (node.children.length > 0) {
    details.open = true;
    details.append(list(node));
  } else {
    details.addEventListener("toggle", () => {
      const { key, value, kind, text, size } = node;
      details.append(list({ key, value, kind, text, size, children: moreOf(value, 0) }));
    }, { once: true });
  }
  return h("li", null, details);
}

function line(node: TreeNode): HTMLElement {
  return h(
    "span",
    { class: "node" },
    node.key !== undefined && h("span", { class: "key" }, keyText(node), ": "),
    h("span", { class: `value ${node.kind}` }, node.size === 0 ? emptyText(node) : node.text),
  );
}

function emptyText({ kind, text }: TreeNode): string {
  return kind === "object" ? "{}" : kind === "array" ? "[]" : text;
}
