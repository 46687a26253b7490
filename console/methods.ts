/// <reference lib="dom" />
/**
 * The column of the methods: a search, and the tree that it leaves.
 *
 * @module
 */

import { h, replace } from "./dom.ts";
import { type MethodRow, rowsOf, search } from "./method_tree.ts";
import type { MethodOutline } from "./outline.ts";
import { countOf, countText } from "./numbers.ts";
import { VirtualList } from "./virtual_list.ts";
import { visibleName } from "./visible.ts";

/** So many methods are not shown with all groups open. */
const MANY = 400;

/** The column. */
export class Methods {
  readonly #search: HTMLInputElement;
  readonly #count: HTMLElement;
  readonly #list: VirtualList<MethodRow>;
  readonly #onchoose: (method: MethodOutline) => void;
  #methods: readonly MethodOutline[] = [];
  #outOf = 0;
  #rows: readonly MethodRow[] = [];
  /** Whether groups are folded that the user has neither folded nor unfolded, and the paths of the others. */
  #areFolded = false;
  #turned = new Set<string>();
  #chosen = "";

  /** @param onchoose a method is chosen by the user */
  constructor(column: HTMLElement, onchoose: (method: MethodOutline) => void) {
    this.#onchoose = onchoose;
    this.#search = column.querySelector("input")!;
    this.#count = column.querySelector("output")!;
    this.#list = new VirtualList({
      label: "Methods",
      role: "tree",
      rowHeight: 30,
      length: () => this.#rows.length,
      at: (index) => this.#rows[index],
      draw: (element, row) => this.#draw(element, row),
      onchoose: (row) => this.#choose(row),
      onkey: (key, index) => this.#onKey(key, index),
    });
    column.append(this.#list.element);
    this.#search.addEventListener("input", () => this.#update());
    this.#search.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") {
        this.#list.element.focus();
        this.#list.activate(0);
        event.preventDefault();
      } else if (event.key === "Enter") {
        const name = best(this.#rows, this.#search.value.trim());
        if (name !== undefined) this.#onchoose(name);
        event.preventDefault();
      } else if (event.key === "Escape" && this.#search.value !== "") {
        this.#search.value = "";
        this.#update();
        event.stopPropagation();
      }
    });
  }

  /** Goes to the search. */
  focusSearch(): void {
    this.#search.focus();
    this.#search.select();
  }

  /** Shows these. @param outOf how many there are, if some are left out */
  show(methods: readonly MethodOutline[], outOf = methods.length): void {
    this.#methods = methods;
    this.#outOf = outOf;
    this.#areFolded = methods.length > MANY;
    this.#turned.clear();
    this.#update();
  }

  /** Marks a method as the one that is called. */
  mark(name: string): void {
    this.#chosen = name;
    const at = this.#rows.findIndex(({ method }) => method?.name === name);
    if (at >= 0) this.#list.activate(at);
    this.#list.redraw();
  }

  #update(): void {
    const text = this.#search.value, found = search(this.#methods, text);
    // A search shows all that it finds.
    this.#rows = rowsOf(found, text.trim() === "" ? this.#isFolded : () => false);
    const all = this.#methods.length, are = countOf(all, "method");
    this.#count.textContent = found.length < all
      ? `${countText(found.length)} of ${countText(all)}`
      : all < this.#outOf
      ? `The first ${are} of ${countText(this.#outOf)}`
      : are;
    this.#list.element.scrollTop = 0;
    this.#list.activate(this.#rows.findIndex(({ method }) => method?.name === this.#chosen));
  }

  #choose(row: MethodRow): void {
    if (row.method !== undefined) this.#onchoose(row.method);
    else this.#fold(row, !row.isFolded);
  }

  #isFolded = (path: string): boolean => this.#areFolded !== this.#turned.has(path);

  #fold({ path }: MethodRow, isFolded: boolean): void {
    if (this.#search.value.trim() !== "") return; // a search shows all that it finds
    if (isFolded === this.#areFolded) this.#turned.delete(path);
    else this.#turned.add(path);
    this.#rows = rowsOf(this.#methods, this.#isFolded);
    this.#list.activate(
      this.#rows.findIndex((row) => row.method === undefined && row.path === path),
    );
  }

  #onKey(key: string, index: number): boolean {
    const row = this.#rows[index];
    if (row === undefined || key !== "ArrowRight" && key !== "ArrowLeft") return false;
    if (row.method === undefined && row.isFolded === (key === "ArrowRight")) {
      this.#fold(row, !row.isFolded);
    } else if (key === "ArrowLeft") {
      for (let at = index - 1; at >= 0; at--) {
        if (this.#rows[at]!.level < row.level) {
          this.#list.activate(at);
          break;
        }
      }
    }
    return true;
  }

  #draw(element: HTMLElement, row: MethodRow): void {
    const { method, level, label } = row, isGroup = method === undefined;
    element.setAttribute("aria-level", String(level));
    element.setAttribute("aria-selected", String(!isGroup && method.name === this.#chosen));
    element.classList.toggle("group", isGroup);
    element.style.paddingLeft = `${12 + (Math.min(level, 6) - 1) * 14}px`;
    if (isGroup) element.setAttribute("aria-expanded", String(!row.isFolded));
    else element.removeAttribute("aria-expanded");
    element.title = isGroup ? "" : visibleName(method.summary);
    replace(
      element,
      h("span", { class: "name" }, visibleName(label) + (isGroup ? "." : "")),
      ...(isGroup ? [h("span", { class: "count" }, countText(row.count))] : badges(method)),
    );
  }
}

/** The method that is meant by a search: the one of this name, before one that has it in its name. */
function best(rows: readonly MethodRow[], text: string): MethodOutline | undefined {
  const found = rows.map(({ method }) => method).filter((method) => method !== undefined);
  return found.find(({ name }) => name === text) ??
    found.find(({ name }) => name.endsWith(`.${text}`)) ??
    found.find(({ name }) => name.includes(text)) ?? found[0];
}

/** What is to be known of a method at first sight. */
export function badges(method: MethodOutline): HTMLElement[] {
  const named: [boolean, string, string][] = [
    [method.isStream, "stream", "Items come before the answer"],
    [method.isUp, "items", "It takes items of the caller"],
    [method.isNotification, "notify", "It never answers"],
    [method.isDeprecated, "deprecated", "It may go away"],
  ];
  return named.filter(([isSo]) => isSo).map(([, name, title]) =>
    h("span", { class: `badge ${name}`, title }, name)
  );
}
