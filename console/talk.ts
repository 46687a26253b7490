/// <reference lib="dom" />
/**
 * The column of the talk: every message of both directions, the last of them kept. A click opens its bytes.
 *
 * @module
 */

import { h, replace } from "./dom.ts";
import type { Said } from "./call.ts";
import { countText, sizeOf, sizeText } from "./numbers.ts";
import { Ring } from "./ring.ts";
import { VirtualList } from "./virtual_list.ts";
import { textOf, visibleName } from "./visible.ts";

/** Messages that are kept, and characters of all of them. */
const MAX_MESSAGES = 5000, MAX_CHARACTERS = 40_000_000;

/** The column. */
export class Talk {
  readonly #messages = new Ring<Said>(MAX_MESSAGES);
  readonly #count: HTMLElement;
  readonly #filter: HTMLInputElement;
  readonly #list: VirtualList<Said>;
  /** Those that the filter leaves; undefined if there is none. */
  #found: readonly Said[] | undefined;
  readonly #sizes = new WeakMap<Said, number>();
  #characters = 0;
  #isDue = false;

  /** @param onopen a message is chosen */
  constructor(column: HTMLElement, onopen: (said: Said) => void) {
    this.#count = column.querySelector("output")!;
    this.#filter = column.querySelector("input")!;
    this.#list = new VirtualList({
      label: "Messages",
      role: "listbox",
      rowHeight: 46,
      follows: true,
      length: () => this.#found?.length ?? this.#messages.length,
      at: (index) => this.#at(index),
      draw: (row, said) => this.#draw(row, said),
      onchoose: onopen,
    });
    column.append(this.#list.element);
    this.#filter.addEventListener("input", () => this.#update());
    column.querySelector("button")!.addEventListener("click", () => {
      this.#messages.clear();
      this.#characters = 0;
      this.#update();
    });
  }

  /** One more message. */
  push(said: Said): void {
    this.#characters += said.text.length;
    const oldest = this.#messages.push(said);
    if (oldest !== undefined) this.#characters -= oldest.text.length;
    while (this.#characters > MAX_CHARACTERS && this.#messages.length > 1) {
      this.#characters -= this.#messages.shift()!.text.length;
    }
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#update();
    });
  }

  #at(index: number): Said | undefined {
    return this.#found === undefined ? this.#messages.at(index) : this.#found[index];
  }

  #update(): void {
    const text = this.#filter.value;
    this.#found = text === ""
      ? undefined
      : this.#messages.all().filter(({ text: said }) => said.slice(0, 20_000).includes(text));
    const { length, forgotten } = this.#messages;
    const shown = this.#found === undefined ? "" : `${countText(this.#found.length)} of `;
    this.#count.textContent = shown + countText(length + (shown === "" ? forgotten : 0)) +
      (forgotten > 0 && shown === "" ? `, the last ${countText(length)} kept` : "");
    this.#list.update();
  }

  #sizeOf(said: Said): number {
    let size = said.size ?? this.#sizes.get(said);
    if (size === undefined) this.#sizes.set(said, size = sizeOf(said.text));
    return size;
  }

  #draw(row: HTMLElement, said: Said): void {
    const { isOut, kind, id, text, at } = said;
    row.classList.toggle("out", isOut);
    row.setAttribute("aria-selected", "false");
    const time = timeText(at);
    replace(
      row,
      h("span", { class: "way", "aria-hidden": "true" }, isOut ? "→" : "←"),
      h(
        "span",
        { class: "what" },
        h("b", { class: kind === "error" ? "bad" : null }, visibleName(kind, 60)),
        id === undefined ? null : h("span", { class: "id" }, `#${visibleName(textOf(id), 24)}`),
        h("span", { class: "when" }, `${sizeText(this.#sizeOf(said))} · ${time}`),
      ),
      h("span", { class: "text" }, visibleName(text, 160)),
      h("span", { class: "unseen" }, isOut ? " sent by the page" : " sent by the server"),
    );
  }
}

/** The time of day here, to the millisecond. */
function timeText(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(11, 23);
}
