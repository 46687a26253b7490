/// <reference lib="dom" />
/**
 * Fields that are one control: texts, numbers, values to choose from, bytes, JSON.
 *
 * @module
 */

import { h } from "../dom.ts";
import { countText } from "../numbers.ts";
import type { Field } from "../schema.ts";
import { visibleName } from "../visible.ts";
import { bytesField } from "./bytes_field.ts";
import { type Around, type Drawing, focusIn, setIssue } from "./drawing.ts";
import { fieldText, type Slot, valueIndex } from "./model.ts";

/** Values of an enum that are offered in a list. */
const MAX_VALUES = 500;

/** Characters of a text, and values of a value, that are shown in a field. */
const MAX_TEXT = 50_000;
const MAX_PARTS = 2000;

export function drawText(
  drawing: Drawing,
  slot: Slot,
  field: Field,
  around: Around,
  why?: string,
): HTMLElement {
  const value = slot.get();
  if (isLarge(value)) return drawHuge(drawing, slot, field, around);
  const text = fieldText(field, value);
  const isNumber = field.kind === "number";
  const issue = drawing.issue();
  const about = {
    "aria-describedby": issue.id,
    "aria-required": slot.isRequired && slot.mayBeAbsent && "true",
    placeholder: placeholderOf(field),
    autocomplete: "off",
    spellcheck: "false",
    class: field.kind === "json" ? "json" : field.kind,
  };
  const control = isNumber
    ? h("input", { ...about, type: "text", inputmode: "decimal" })
    : h("textarea", { ...about, rows: Math.min(10, text.split("\n").length) });
  control.value = text;
  const hint = why ??
    (field.kind === "text" || field.kind === "number" ? field.hint : "JSON");
  const view = drawing.view(slot, around, field, hint, control, issue);
  control.addEventListener("input", () => {
    setIssue(view, drawing.model.type(slot, control.value) ?? "");
  });
  return view.element;
}

/** A text that would take long to show, and longer to change. */
function drawHuge(
  drawing: Drawing,
  slot: Slot,
  field: Field,
  around: Around,
): HTMLElement {
  const place = drawing.place(slot, around);
  const remove = h("button", {
    type: "button",
    onclick: () => {
      slot.set(slot.mayBeAbsent ? undefined : drawing.model.initial(slot.part));
      focusIn(place.redraw());
    },
  }, "Clear");
  const text = "too long to be shown here: it stands in JSON";
  const { element } = drawing.view(slot, around, field, text, undefined, drawing.issue(), remove);
  return place.element = element;
}

export function drawEnum(
  drawing: Drawing,
  slot: Slot,
  field: Field & { kind: "enum" },
  around: Around,
): HTMLElement {
  const { values } = field;
  if (values.length > MAX_VALUES) {
    // Typed as JSON: that a text is meant could be a value of its own.
    const json = { ...slot, part: { ...slot.part, field: { ...field, kind: "json" as const } } };
    const first = visibleName(values.slice(0, 3).map((it) => JSON.stringify(it)).join(", "));
    const view = drawText(drawing, json, json.part.field, around);
    view.append(
      h("p", { class: "hint" }, `One of ${countText(values.length)} values: ${first}, …`),
    );
    return view;
  }
  const issue = drawing.issue(), isText = values.every((it) => typeof it === "string");
  const given = valueIndex(values, slot.get());
  const none = slot.isRequired ? "choose…" : "not given";
  const control = h(
    "select",
    {
      "aria-describedby": issue.id,
      "aria-required": slot.isRequired && slot.mayBeAbsent && "true",
    },
    (slot.mayBeAbsent || given < 0) && h("option", { value: -1 }, none),
    ...values.map((value, at) =>
      h("option", { value: at }, visibleName(isText ? String(value) : JSON.stringify(value)))
    ),
  );
  control.value = String(given);
  const view = drawing.view(slot, around, field, "", control, issue);
  control.addEventListener("change", () => {
    const at = Number(control.value);
    setIssue(view, "");
    slot.set(at < 0 ? undefined : values[at]);
  });
  return view.element;
}

export function drawBytes(drawing: Drawing, slot: Slot, field: Field, around: Around): HTMLElement {
  const issue = drawing.issue(), place = drawing.place(slot, around);
  const { control, rest } = bytesField(slot.get(), issue.id, (value) => {
    slot.set(value);
    focusIn(place.redraw());
  }, slot.mayBeAbsent);
  const { element } = drawing.view(slot, around, field, "bytes", control, issue, ...rest);
  return place.element = element;
}

function placeholderOf({ kind, fallback }: Field): string | undefined {
  if (fallback === undefined) return undefined;
  const text = kind === "text" && typeof fallback === "string"
    ? fallback
    : JSON.stringify(fallback);
  return visibleName(text ?? "", 80);
}

/** Whether a value takes long to show; does not look at more of it than that. */
function isLarge(value: unknown): boolean {
  const open = [value];
  for (let parts = 0, length = 0; open.length > 0;) {
    const next = open.pop();
    if (typeof next === "string") length += next.length;
    else if (next !== null && typeof next === "object") {
      const names = Array.isArray(next) ? [] : Object.keys(next);
      parts += Array.isArray(next) ? next.length : names.length;
      if (parts > MAX_PARTS) return true;
      for (const name of names) length += name.length;
      for (const part of Object.values(next)) open.push(part);
    }
    if (length > MAX_TEXT) return true;
  }
  return false;
}
