/// <reference lib="dom" />
/**
 * The items of one call as they come: the last of them in a list, and a meter of the credit. Pause stops
 * giving credit, so that the server waits.
 *
 * @module
 */

import { h, replace } from "./dom.ts";
import type { Item, ItemStream } from "./item_stream.ts";
import { save } from "./keep.ts";
import { countOf, countText } from "./numbers.ts";
import { Ring } from "./ring.ts";
import { VirtualList } from "./virtual_list.ts";
import { visibleName } from "./visible.ts";

/** Items that the list keeps. */
const MAX_ITEMS = 1000;

/** What it needs of the page. */
export interface StreamHost {
  announce(text: string): void;
  /** Shows a value. */
  show(value: unknown): void;
}

/** The panel. */
export class StreamPanel {
  readonly element: HTMLElement;
  readonly #stream: ItemStream;
  readonly #host: StreamHost;
  readonly #items = new Ring<Item>(MAX_ITEMS);
  readonly #texts = new WeakMap<Item, string>();
  readonly #list: VirtualList<Item>;
  readonly #filter: HTMLInputElement;
  readonly #count: HTMLElement;
  readonly #pause: HTMLButtonElement;
  readonly #next: HTMLButtonElement;
  readonly #bars: readonly HTMLElement[];
  readonly #numbers: readonly HTMLElement[];
  readonly #note: HTMLElement;
  #found: readonly Item[] | undefined;
  #hasEnded = false;
  #announced = 0;
  #last = "";

  constructor(stream: ItemStream, method: string, host: StreamHost) {
    this.#stream = stream;
    this.#host = host;
    this.#pause = h("button", { type: "button", onclick: () => this.pause() }, "Pause");
    this.#next = h("button", {
      type: "button",
      title: "Takes one item, and gives credit for one more",
      hidden: true,
      onclick: () => this.#take(stream.takeOne()),
    }, "One more");
    this.#filter = h("input", {
      type: "search",
      placeholder: "Filter",
      "aria-label": "Filter items",
      oninput: () => {
        this.#update();
        this.#list.redraw(); // items that a filter leaves have no number
      },
    });
    this.#count = h("span", { class: "count" });
    this.#bars = ["held", "way"].map((name) => h("span", { class: name }));
    this.#numbers = ["", "", ""].map(() => h("dd"));
    this.#note = h("p", { class: "note bad", hidden: true });
    this.#list = new VirtualList({
      label: "Items",
      role: "listbox",
      rowHeight: 26,
      follows: true,
      length: () => this.#found?.length ?? this.#items.length,
      at: (index) => this.#at(index),
      draw: (row, item, index) => this.#draw(row, item, index),
      onchoose: ({ value }) => host.show(value),
    });
    const names = ["credit given", "on the way", "held"];
    const titles = [
      "Items that the server was allowed to send, in all",
      "Items that it may send now, without asking again",
      "Items that have come and were not taken",
    ];
    this.element = h(
      "div",
      { class: "stream" },
      h(
        "div",
        { class: "meter" },
        h("div", { class: "bar", "aria-hidden": "true" }, ...this.#bars),
        h(
          "dl",
          null,
          ...names.map((name, at) =>
            h(
              "div",
              { title: titles[at], class: ["given", "way", "held"][at] },
              h("dt", null, name),
              this.#numbers[at],
            )
          ),
        ),
      ),
      this.#note,
      h(
        "div",
        { class: "bar-of-tools" },
        this.#pause,
        this.#next,
        this.#filter,
        h("button", { type: "button", onclick: () => this.#save(method) }, "Save"),
        this.#count,
      ),
      this.#list.element,
    );
    this.#update();
    this.#run();
  }

  /** Stops taking items, or goes on. */
  pause(): void {
    const stream = this.#stream;
    if (this.#hasEnded) return;
    stream.isPaused = !stream.isPaused;
    this.#pause.textContent = stream.isPaused ? "Go on" : "Pause";
    this.#pause.setAttribute("aria-pressed", String(stream.isPaused));
    this.#next.hidden = !stream.isPaused;
    this.#host.announce(
      stream.isPaused ? "Paused: no more credit is given" : "Going on: credit is given again",
    );
  }

  /** There are no more items. */
  end(): void {
    this.#hasEnded = true;
    this.#pause.disabled = true;
    this.#next.hidden = true;
    this.#take(this.#stream.takeRest());
    this.#update();
  }

  /** Takes the items that have come, with each frame: a page that is not painted takes none. */
  #run(): void {
    if (this.#hasEnded) return;
    this.#take(this.#stream.take());
    this.#measure();
    requestAnimationFrame(() => this.#run());
  }

  #take(items: readonly Item[]): void {
    if (items.length === 0) return;
    // The list keeps the last items alone: the others are only counted.
    const skipped = Math.max(0, items.length - MAX_ITEMS);
    this.#items.forgotten += skipped;
    for (const item of skipped === 0 ? items : items.slice(skipped)) this.#items.push(item);
    this.#update();
    const now = performance.now();
    if (now - this.#announced < 2000) return;
    this.#announced = now;
    this.#host.announce(countOf(this.#total, "item"));
  }

  get #total(): number {
    return this.#items.length + this.#items.forgotten;
  }

  #at(index: number): Item | undefined {
    return this.#found === undefined ? this.#items.at(index) : this.#found[index];
  }

  #textOf(item: Item): string {
    let text = this.#texts.get(item);
    if (text === undefined) {
      text = JSON.stringify(item.value) ?? "";
      this.#texts.set(item, text);
    }
    return text;
  }

  #update(): void {
    const wanted = this.#filter.value;
    this.#found = wanted === ""
      ? undefined
      : this.#items.all().filter((item) => this.#textOf(item).includes(wanted));
    const { length, forgotten } = this.#items;
    this.#count.textContent =
      (this.#found === undefined
        ? countOf(this.#total, "item")
        : `${countText(this.#found.length)} of ${countOf(length, "item")}`) +
      (forgotten > 0 ? `, ${countText(forgotten)} older not kept` : "");
    this.#list.update();
    this.#measure();
  }

  #measure(): void {
    const { given, onTheWay, held, window, beyond, dropped } = this.#stream;
    const now = [given, onTheWay, held].map(countText);
    const all = `${now.join()},${beyond},${dropped}`;
    if (all === this.#last) return;
    this.#last = all;
    for (const [at, number] of this.#numbers.entries()) number.textContent = now[at]!;
    const room = Math.max(window, onTheWay + held);
    this.#bars[0]!.style.width = `${held / room * 100}%`;
    this.#bars[1]!.style.width = `${onTheWay / room * 100}%`;
    this.#note.hidden = beyond === 0;
    this.#note.textContent = `The server sent ${countOf(beyond, "item")} without credit` +
      (dropped > 0 ? `; ${countText(dropped)} were not kept` : "");
  }

  #draw(row: HTMLElement, item: Item, index: number): void {
    row.setAttribute("aria-selected", "false");
    const place = this.#found === undefined ? index + this.#items.forgotten + 1 : undefined;
    replace(
      row,
      place === undefined ? null : h("span", { class: "id" }, countText(place)),
      h("span", { class: "text" }, visibleName(this.#textOf(item), 300)),
      item.eventId === undefined ? null : h("span", { class: "id" }, visibleName(item.eventId, 40)),
    );
  }

  #save(method: string): void {
    const items = this.#found ?? this.#items.all();
    const name = method.replaceAll(/[^\w.-]/g, "_");
    save(`${name}.ndjson`, "application/x-ndjson", items.map((item) => this.#textOf(item) + "\n"));
    this.#host.announce(`${countOf(items.length, "item")} saved`);
  }
}
