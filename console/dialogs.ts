/// <reference lib="dom" />
/**
 * What opens over the page: one dialog for each thing, closed by Esc, by its button and by a click beside it.
 *
 * @module
 */

import { type Child, h } from "./dom.ts";

/** Makes a dialog and puts it in the page. */
export function dialog(
  id: string,
  title: string,
  ...children: readonly Child[]
): HTMLDialogElement {
  const element = h(
    "dialog",
    { id, "aria-labelledby": `${id}-title` },
    h(
      "div",
      { class: "head" },
      h("h2", { id: `${id}-title` }, title),
      h("span", { class: "grow" }),
      h("button", {
        type: "button",
        class: "plain",
        "aria-label": "Close",
        onclick: () => element.close(),
      }, "×"),
    ),
    h("div", { class: "content" }, ...children),
  );
  element.addEventListener("click", (event) => {
    if (event.target === element) element.close();
  });
  document.body.append(element);
  return element;
}

/** The keys, and what they do. */
export function keysDialog(): HTMLDialogElement {
  const keys: [string, string][] = [
    ["/", "goes to the search"],
    ["↑ ↓", "go through a list; ← → fold and unfold"],
    ["Enter", "chooses a method, an item, a message"],
    ["Ctrl Enter", "calls"],
    ["Esc", "cancels the last call that runs; closes what is open"],
    ["Alt P", "pauses the last stream, and goes on"],
    ["Alt 1 2 3", "go to the methods, the call, the talk"],
    ["?", "shows this list"],
  ];
  return dialog(
    "keys",
    "Keys",
    h(
      "dl",
      { class: "keys" },
      ...keys.flatMap(([key, what]) => [
        h("dt", null, ...key.split(" ").map((one) => h("kbd", null, one))),
        h("dd", null, what),
      ]),
    ),
  );
}
