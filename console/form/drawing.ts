/// <reference lib="dom" />
/**
 * A form while it is drawn: what is drawn where, and the parts that all fields have.
 *
 * @module
 */

import { h } from "../dom.ts";
import type { Field } from "../schema.ts";
import { visible, visibleName } from "../visible.ts";
import { type FormModel, keyOf, type Path, type Slot } from "./model.ts";

/** Fields that are drawn at once: behind them stands a button. */
export const MAX_FIELDS = 200;

/** What is drawn of a place. */
export interface View {
  readonly element: HTMLElement;
  /** What gets the focus; the element itself if there is nothing to type in. */
  readonly control: HTMLElement | undefined;
  readonly issue: HTMLElement;
}

/** How a field is to be drawn. */
export interface Around {
  /** What it is called; undefined for the value as a whole. */
  readonly label: string | undefined;
  /** How many objects and lists it stands in, and how many fields. */
  readonly level: number;
  readonly depth: number;
  /** Buttons beside its name. */
  readonly actions?: readonly HTMLElement[];
}

/** Where a field stands in the page. */
export interface Place {
  element: HTMLElement | undefined;
  /** Draws it anew, when it has other fields than before; what stands there then. */
  redraw(): HTMLElement;
}

/** Draws the field of a place. */
export type Draw = (drawing: Drawing, slot: Slot, around: Around) => HTMLElement;

/** A form, and what is drawn of it. */
export class Drawing {
  readonly model: FormModel;
  /** By the keys of their places. */
  readonly views = new Map<string, View>();
  /** How many fields may still be drawn in this go. */
  left = MAX_FIELDS;
  readonly #draw: Draw;
  readonly #id = crypto.randomUUID();
  #ids = 0;

  constructor(model: FormModel, draw: Draw) {
    this.model = model;
    this.#draw = draw;
  }

  draw(slot: Slot, around: Around): HTMLElement {
    this.left--;
    return this.#draw(this, slot, around);
  }

  place(slot: Slot, around: Around): Place {
    const place: Place = {
      element: undefined,
      redraw: () => {
        this.left = MAX_FIELDS;
        const drawn = this.draw(slot, around);
        place.element!.replaceWith(drawn);
        return drawn;
      },
    };
    return place;
  }

  focus(path: Path): void {
    const view = this.views.get(keyOf(path));
    if (view !== undefined) focusIn(view.control ?? view.element);
  }

  /** A field that is a line: its name, its control, what is to be known, and what is wrong with it. */
  view(
    slot: Slot,
    around: Around,
    field: Field,
    text: string,
    control: HTMLElement | undefined,
    issue: HTMLElement,
    ...rest: readonly HTMLElement[]
  ): View {
    const about = [text, field.description ?? ""].filter((it) => it !== "").join(". ");
    const isNamed = around.label !== undefined || slot.path.length === 0;
    if (!isNamed) control?.setAttribute("aria-label", "Value");
    const element = h(
      "div",
      { class: "field", "data-kind": field.kind },
      h(
        "label",
        null,
        isNamed && this.name(slot, { ...around, label: around.label ?? "value" }, "span"),
        control,
      ),
      around.actions && h("span", { class: "actions" }, ...around.actions),
      ...rest,
      about !== "" && hint(about),
      issue,
    );
    const view: View = { element, control, issue };
    this.views.set(keyOf(slot.path), view);
    return view;
  }

  name(slot: Slot, { label = "", actions }: Around, tag: "span" | "legend"): HTMLElement {
    const isNeeded = slot.isRequired && slot.mayBeAbsent;
    return h(
      tag,
      { class: "name" },
      visibleName(label),
      isNeeded && h("span", { class: "required" }, " required"),
      tag === "legend" && actions !== undefined &&
        h("span", { class: "actions" }, ...actions),
    );
  }

  issue(): HTMLElement {
    return h("p", { class: "issue", id: `issue-${this.#id}-${++this.#ids}`, hidden: true });
  }
}

/** Goes to the first thing in it that can be used, or to it. */
export function focusIn(element: HTMLElement): void {
  const first = "input:not([type=file]), textarea, select, button:not(.remove)";
  const target = element.matches("input, textarea, select")
    ? element
    : element.querySelector<HTMLElement>(first) ?? element;
  target.focus();
}

/** What a person is to know. */
export function hint(text: string): HTMLElement {
  return h("p", { class: "hint" }, visible(text.slice(0, 2000)));
}

/** Says what is wrong with a field; nothing puts the light out. */
export function setIssue({ control, element, issue }: View, text: string): void {
  issue.textContent = text;
  issue.hidden = text === "";
  element.classList.toggle("wrong", text !== "");
  if (text === "") control?.removeAttribute("aria-invalid");
  else control?.setAttribute("aria-invalid", "true");
}
