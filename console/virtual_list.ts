/// <reference lib="dom" />
/**
 * A list of any length that has elements only for what is seen of it. One row is the active one: arrows move
 * it, Enter and a click choose it.
 *
 * @module
 */

import { h } from "./dom.ts";

/** What a list shows. */
export interface VirtualListOptions {
  /** What it is a list of, for screen readers. */
  readonly label: string;
  readonly role: "listbox" | "tree";
  /** Pixels of one row. */
  readonly rowHeight: number;
  /** How many rows there are. */
  length(): number;
  /** Fills the element of a row; it may have been that of another. */
  draw(row: HTMLElement, index: number): void;
  /** A row is chosen. */
  onchoose(index: number): void;
  /** A key that the list itself does not use; true if it was used. */
  onkey?(key: string, index: number): boolean;
  /** Whether it stays at its end as rows come. */
  readonly follows?: boolean;
}

let lists = 0;

/** A list in the page. */
export class VirtualList {
  readonly element: HTMLElement;
  readonly #options: VirtualListOptions;
  readonly #room: HTMLElement;
  readonly #rows: HTMLElement[] = [];
  readonly #id = `list${++lists}`;
  /** The row that arrows move from; -1 if there is none. */
  #active = -1;
  #isDue = false;
  #isAtEnd = true;
  #height = 0;

  constructor(options: VirtualListOptions) {
    this.#options = options;
    this.#room = h("div", { class: "room", role: "presentation" });
    this.element = h("div", {
      class: "list",
      role: options.role,
      tabindex: 0,
      "aria-label": options.label,
      onscroll: () => this.#onScroll(),
      onkeydown: (event: KeyboardEvent) => this.#onKey(event),
      onclick: (event: MouseEvent) => this.#onClick(event),
    }, this.#room);
    new ResizeObserver(() => {
      this.#height = this.element.clientHeight;
      this.update();
    }).observe(this.element);
  }

  /** Makes a row the active one, and shows it. */
  activate(index: number): void {
    const { rowHeight } = this.#options, count = this.#options.length();
    this.#active = Math.min(Math.max(index, -1), count - 1);
    if (this.#active >= 0) {
      const top = this.#active * rowHeight, { scrollTop } = this.element;
      if (top < scrollTop) this.element.scrollTop = top;
      else if (top + rowHeight > scrollTop + this.#height) {
        this.element.scrollTop = top + rowHeight - this.#height;
      }
    }
    this.update();
  }

  /** Draws anew with the next frame. */
  update(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #draw(): void {
    const { length, rowHeight, draw, role, follows } = this.#options, count = length();
    this.#room.style.height = `${count * rowHeight}px`;
    if (follows && this.#isAtEnd) this.element.scrollTop = count * rowHeight;
    if (this.#active >= count) this.#active = count - 1;
    const first = Math.max(0, Math.floor(this.element.scrollTop / rowHeight) - 2);
    const last = Math.min(
      count,
      Math.ceil((this.element.scrollTop + this.#height) / rowHeight) + 2,
    );
    const shown = Math.max(0, last - first);
    while (this.#rows.length < shown) {
      const row = h("div", { class: "row", role: role === "tree" ? "treeitem" : "option" });
      row.style.height = `${rowHeight}px`;
      this.#rows.push(row);
      this.#room.append(row);
    }
    for (const [at, row] of this.#rows.entries()) {
      const index = first + at;
      row.hidden = at >= shown;
      if (row.hidden) {
        row.removeAttribute("id");
        continue;
      }
      row.id = `${this.#id}-${index}`;
      row.dataset["index"] = String(index);
      row.style.transform = `translateY(${index * rowHeight}px)`;
      row.setAttribute("aria-setsize", String(count));
      row.setAttribute("aria-posinset", String(index + 1));
      row.classList.toggle("active", index === this.#active);
      draw(row, index);
    }
    const isShown = this.#active >= first && this.#active < last;
    if (isShown) this.element.setAttribute("aria-activedescendant", `${this.#id}-${this.#active}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  #onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    this.#isAtEnd = scrollTop + clientHeight >= scrollHeight - 4;
    this.update();
  }

  #onClick({ target }: MouseEvent): void {
    const row = (target as Element).closest<HTMLElement>(".row");
    if (row === null) return;
    this.activate(Number(row.dataset["index"]));
    this.#options.onchoose(this.#active);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const count = this.#options.length();
    const page = Math.max(1, Math.floor(this.#height / this.#options.rowHeight) - 1);
    const to = new Map([
      ["ArrowDown", this.#active + 1],
      ["ArrowUp", Math.max(0, this.#active - 1)],
      ["PageDown", this.#active + page],
      ["PageUp", Math.max(0, this.#active - page)],
      ["Home", 0],
      ["End", count - 1],
    ]).get(event.key);
    if (to !== undefined) this.activate(to);
    else if ((event.key === "Enter" || event.key === " ") && this.#active >= 0) {
      this.#options.onchoose(this.#active);
    } else if (!this.#options.onkey?.(event.key, this.#active)) return;
    event.preventDefault();
  }
}
