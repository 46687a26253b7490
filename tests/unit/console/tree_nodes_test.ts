// A JSON value as a tree, of which a part is shown.

import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@4";
import { keyText, MAX_NODES, moreOf, type TreeNode, treeOf } from "../../../console/tree_nodes.ts";

function count(node: TreeNode): number {
  return 1 + node.children.reduce((sum, child) => sum + count(child), 0);
}

function depth(node: TreeNode): number {
  return 1 + Math.max(0, ...node.children.map(depth));
}

Deno.test("treeOf() opens two levels", () => {
  const tree = treeOf({ a: [1, [2]], b: { c: { d: 1 } }, e: "x" });
  assertEquals(
    tree.children.map(({ key, text, children }) => [key, text, children.map(({ text }) => text)]),
    [
      ["a", "2 items", ["1", "1 item"]],
      ["b", "1 member", ["1 member"]],
      ["e", '"x"', []],
    ],
  );
});

Deno.test("treeOf() shows at most 200 nodes of anything, and leaves nothing out before it is full", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.integer({ min: 1, max: 30 }), (value, max) => {
      const tree = treeOf(value, max);
      assert(count(tree) <= max);
      assert(depth(tree) <= 3);
      const isFull = count(tree) === max;
      const isWhole = (node: TreeNode) => node.children.length === node.size;
      assert(isFull || isWhole(tree) && tree.children.every(isWhole));
    }),
  );
  for (
    const large of [
      new Array(1_000_000).fill(0),
      Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`m${at}`, [at]])),
      new Array(50).fill(new Array(1000).fill({})),
    ]
  ) {
    assertEquals(count(treeOf(large)), MAX_NODES);
  }
});

Deno.test("treeOf() shares the room among what is open", () => {
  const tree = treeOf([new Array(1000).fill(1), new Array(1000).fill(2), [3]], 24);
  assertEquals(tree.children.map(({ children }) => children.length), [10, 9, 1]);
});

Deno.test("moreOf() goes on behind what is shown, to the end", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(), { maxLength: 50 }),
      fc.integer({ min: 1, max: 9 }),
      (items, step) => {
        const all: unknown[] = [];
        for (let more; (more = moreOf(items, all.length, step)).length > 0;) {
          assert(more.length <= step);
          all.push(...more.map(({ value }) => value));
        }
        assertEquals(all, items);
      },
    ),
  );
  assertEquals(moreOf({ a: 1, b: 2, c: 3 }, 1, 1).map(({ key }) => key), ["b"]);
});

Deno.test("texts and names are cut, and nothing in them is unseen", () => {
  assertEquals(treeOf("a\u202eb\n").text, '"a\\u202eb\\n"');
  assertEquals(treeOf("x".repeat(1_000_000)).text, `"${"x".repeat(1000)}"… 1,000,000 characters`);
  assertEquals(treeOf(null).text, "null");
  const [node] = treeOf(JSON.parse(`{"__proto__": {"a": 1}}`)).children;
  assertEquals([node!.key, node!.children.length], ["__proto__", 1]);
  const [long] = treeOf({ ["\u202e" + "n".repeat(1000)]: 1 }).children;
  assertEquals(keyText(long!), `\\u202e${"n".repeat(199)}…`);
});
