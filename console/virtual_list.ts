/// <reference lib="dom" />
/**
 * A list of any length that has elements only for what is seen of it. One row is the active one: arrows move
 * it, Enter and a click choose it.
 *
 * Entries come and go while the user looks: what is active, and what is seen first, keep their places, and
 * nothing moves under a press. A browser makes no click of a press on an element that is gone at the release.
 *
 * @module
 */

import { h } from "./dom.ts";

/** What a list shows. */
export interface VirtualListOptions<Entry> {
  /** What it is a list of, for screen readers. */
  readonly label: string;
  readonly role: "listbox" | "tree";
  /** Pixels of one row. */
  readonly rowHeight: number;
  /** How many entries there are. */
  length(): number;
  /** The entry at a place. */
  at(index: number): Entry | undefined;
  /** Fills the element of a row; it may have been that of another entry. */
  draw(row: HTMLElement, entry: Entry, index: number): void;
  /** An entry is chosen. */
  onchoose(entry: Entry): void;
  /** A key that the list itself does not use; true if it was used. */
  onkey?(key: string, index: number): boolean;
  /** Whether it stays at its end as entries come. */
  readonly follows?: boolean;
}

/** An element, and what it shows. */
interface Row<Entry> {
  readonly element: HTMLElement;
  entry: Entry | undefined;
  index: number;
  count: number;
}

/** Milliseconds after the end of a touch in which its click comes. */
const CLICK_DELAY = 100;

let lists = 0;

/** A list in the page. */
export class VirtualList<Entry extends object> {
  readonly element: HTMLElement;
  readonly #options: VirtualListOptions<Entry>;
  readonly #room: HTMLElement;
  readonly #rows: Row<Entry>[] = [];
  readonly #id = `list${++lists}`;
  /** The place that arrows move from, and what is there; -1 if there is none. */
  #active = -1;
  #activeEntry: Entry | undefined;
  /** The place that is seen first, and what is there. */
  #top = 0;
  #topEntry: Entry | undefined;
  #isDue = false;
  #isAtEnd = true;
  #height = 0;
  /** Where it was scrolled to when it was pressed; undefined if it is not pressed. */
  #pressedAt: number | undefined;
  #releasing: ReturnType<typeof setTimeout> | undefined;

  constructor(options: VirtualListOptions<Entry>) {
    this.#options = options;
    this.#room = h("div", { class: "room", role: "presentation" });
    this.element = h("div", {
      class: "list",
      role: options.role,
      tabindex: 0,
      "aria-label": options.label,
      onscroll: () => this.#onScroll(),
      onkeydown: (event: KeyboardEvent) => this.#onKey(event),
      onpointerdown: (event: PointerEvent) => this.#onPress(event),
      onclick: (event: MouseEvent) => this.#onClick(event),
    }, this.#room);
    new ResizeObserver(() => {
      this.#height = this.element.clientHeight;
      this.update();
    }).observe(this.element);
  }

  /** Makes a row the active one, and shows it. */
  activate(index: number): void {
    const { rowHeight, length, at } = this.#options;
    this.#active = Math.min(Math.max(index, -1), length() - 1);
    this.#activeEntry = at(this.#active);
    if (this.#active >= 0) {
      const top = this.#active * rowHeight, { scrollTop } = this.element;
      if (top < scrollTop) this.element.scrollTop = top;
      else if (top + rowHeight > scrollTop + this.#height) {
        this.element.scrollTop = top + rowHeight - this.#height;
      }
    }
    this.update();
  }

  /** Shows with the next frame which entries there are. */
  update(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      if (this.#pressedAt === undefined) this.#draw();
    });
  }

  /** As {@linkcode update}, if entries that stay look different now. */
  redraw(): void {
    for (const row of this.#rows) row.entry = undefined;
    this.update();
  }

  /** Where an entry is now, most often where it was; -1 if it is gone. */
  #placeOf(entry: Entry | undefined, was: number): number {
    const { length, at } = this.#options;
    if (entry === undefined || at(was) === entry) return was;
    for (let index = length() - 1; index >= 0; index--) if (at(index) === entry) return index;
    return -1;
  }

  #draw(): void {
    const { length, rowHeight, at, follows } = this.#options, count = length();
    this.#room.style.height = `${count * rowHeight}px`;
    this.#active = this.#placeOf(this.#activeEntry, this.#active);
    if (this.#active < 0) this.#activeEntry = undefined;
    if (follows && this.#isAtEnd) this.element.scrollTop = count * rowHeight;
    else {
      const now = this.#placeOf(this.#topEntry, this.#top);
      if (now >= 0 && now !== this.#top) {
        this.element.scrollTop += (now - this.#top) * rowHeight;
      }
    }
    const { scrollTop } = this.element;
    this.#top = Math.floor(scrollTop / rowHeight);
    this.#topEntry = at(this.#top);
    const first = Math.max(0, this.#top - 2);
    const last = Math.min(count, Math.ceil((scrollTop + this.#height) / rowHeight) + 2);
    const shown = Math.max(0, last - first);
    while (this.#rows.length < shown) this.#addRow();
    for (const [place, row] of this.#rows.entries()) {
      row.element.hidden = place >= shown;
      if (place < shown) this.#drawRow(row, first + place, count);
      else row.element.removeAttribute("id");
    }
    const isShown = this.#active >= first && this.#active < last;
    if (isShown) this.element.setAttribute("aria-activedescendant", `${this.#id}-${this.#active}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  #addRow(): void {
    const { role, rowHeight } = this.#options;
    const element = h("div", { class: "row", role: role === "tree" ? "treeitem" : "option" });
    element.style.height = `${rowHeight}px`;
    this.#rows.push({ element, entry: undefined, index: -1, count: -1 });
    this.#room.append(element);
  }

  #drawRow(row: Row<Entry>, index: number, count: number): void {
    const { element } = row, { at, draw, rowHeight } = this.#options, entry = at(index)!;
    element.id = `${this.#id}-${index}`;
    element.classList.toggle("active", index === this.#active);
    if (row.index !== index) {
      element.style.transform = `translateY(${index * rowHeight}px)`;
      element.setAttribute("aria-posinset", String(index + 1));
      row.index = index;
    }
    if (row.count !== count) element.setAttribute("aria-setsize", String(row.count = count));
    if (row.entry !== entry) draw(element, row.entry = entry, index);
  }

  #onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    this.#isAtEnd = scrollTop + clientHeight >= scrollHeight - 4;
    if (scrollTop !== this.#pressedAt) this.#release();
  }

  /** Nothing is drawn until the release, unless the user scrolls. */
  #onPress({ button, isPrimary, target }: PointerEvent): void {
    if (button !== 0 || !isPrimary || (target as Element).closest(".row") === null) return;
    clearTimeout(this.#releasing);
    this.#pressedAt = this.element.scrollTop;
    const once = new AbortController(), { signal } = once;
    addEventListener("pointercancel", () => {
      once.abort();
      this.#release();
    }, { signal });
    addEventListener("pointerup", () => {
      once.abort();
      this.#releasing = setTimeout(() => this.#release(), CLICK_DELAY);
    }, { signal });
  }

  #release(): void {
    this.#pressedAt = undefined;
    this.update();
  }

  #onClick({ target }: MouseEvent): void {
    const element = (target as Element).closest(".row");
    const row = this.#rows.find((row) => row.element === element);
    if (row?.entry === undefined) return;
    const { entry, index } = row;
    this.#pressedAt = undefined;
    this.activate(this.#placeOf(entry, index));
    this.#options.onchoose(entry);
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
    else if ((event.key === "Enter" || event.key === " ") && this.#activeEntry !== undefined) {
      this.#options.onchoose(this.#activeEntry);
    } else if (!this.#options.onkey?.(event.key, this.#active)) return;
    event.preventDefault();
  }
}
