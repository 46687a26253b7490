/// <reference lib="dom" />
/**
 * Fields that have fields: objects, lists, tuples and choices.
 *
 * @module
 */

import { h } from "../dom.ts";
import { isRecord } from "../json.ts";
import type { Field, Member, Part } from "../schema.ts";
import { visibleName } from "../visible.ts";
import { type Around, type Drawing, focusIn, hint, type Place } from "./drawing.ts";
import { labelsOf } from "./labels.ts";
import { keyOf, type Slot } from "./model.ts";

/** How many more members or items one click shows. */
const MORE = 100;

/** Levels that open by themselves. */
const OPEN_LEVELS = 4;

/** An object, a list, a tuple or a choice: fields in a frame of their own. */
export function drawGroup(drawing: Drawing, slot: Slot, field: Field, around: Around): HTMLElement {
  const issue = drawing.issue(), { level } = around, place = drawing.place(slot, around);
  const body = h("div", { class: "group-body" }), name = visibleName(around.label ?? "");
  const isAbsent = slot.get() === undefined, isChoice = field.kind === "choice";
  // A group that is absent stays shut until a person opens it, if it is optional, if enough is drawn
  // already, or if it is deep: a schema may go on for ever.
  const isShut = isAbsent && level > 0 && !isChoice &&
    (!slot.isRequired || level > OPEN_LEVELS || drawing.left < 0);
  const add = isShut && h("button", {
    type: "button",
    class: "add",
    onclick: () => {
      drawing.model.begin(slot);
      focusIn(place.redraw());
    },
  }, `Add ${name}`);
  const mayGo = !isAbsent && level > 0 && slot.mayBeAbsent && !slot.isRequired && !isChoice;
  const remove = mayGo && h("button", {
    type: "button",
    class: "remove",
    "aria-label": `Remove ${name}`,
    onclick: () => {
      drawing.model.forget(slot.path);
      slot.set(undefined);
      focusIn(place.redraw());
    },
  }, "Remove");
  const element = place.element = h(
    "fieldset",
    { class: `group ${field.kind}`, "aria-describedby": issue.id, tabindex: -1 },
    around.label !== undefined && drawing.name(slot, around, "legend"),
    field.description !== undefined && hint(field.description),
    remove,
    body,
    issue,
  );
  // Set before the contents are drawn: an alternative has the same path, and its control lights up instead.
  drawing.views.set(keyOf(slot.path), { element, control: undefined, issue });
  if (add) body.append(add);
  else fillGroup(drawing, body, slot, field, around, place);
  return element;
}

function fillGroup(
  drawing: Drawing,
  body: HTMLElement,
  slot: Slot,
  field: Field,
  around: Around,
  place: Place,
): void {
  if (field.kind === "object") fillObject(drawing, body, slot, field, around, place);
  else if (field.kind === "list") fillList(drawing, body, slot, field, around, place);
  else if (field.kind === "tuple") fillTuple(drawing, body, slot, field, around, place);
  else if (field.kind === "choice") fillChoice(drawing, body, slot, field, around, place);
}

function fillObject(
  drawing: Drawing,
  body: HTMLElement,
  slot: Slot,
  { members, others, isClosed }: Field & { kind: "object" },
  around: Around,
  place: Place,
): void {
  const inner = { level: around.level + 1, depth: around.depth + 1 };
  inSteps(
    drawing,
    body,
    members,
    ({ name, part, isRequired }: Member) =>
      drawing.draw(drawing.model.member(slot, name, part, isRequired), { label: name, ...inner }),
  );
  const value = slot.get(), known = new Set(members.map(({ name }) => name));
  const more = isRecord(value) ? Object.keys(value).filter((name) => !known.has(name)) : [];
  if (others !== undefined) drawRecord(drawing, body, slot, others, more, around, place);
  else if (more.length > 0) {
    const names = visibleName(more.slice(0, 20).join(", "));
    const why = isClosed ? " The schema allows none." : "";
    body.append(h("p", { class: "note" }, `In JSON only: ${names}.${why}`));
  } else if (members.length === 0) body.append(h("p", { class: "note" }, "No members."));
}

/** Members whose names a person chooses. */
function drawRecord(
  drawing: Drawing,
  body: HTMLElement,
  slot: Slot,
  part: Part,
  names: readonly string[],
  around: Around,
  place: Place,
): void {
  const inner = { level: around.level + 1, depth: around.depth + 1 },
    list = h("div", { class: "items" });
  inSteps(drawing, list, names, (name) => {
    const remove = removeButton(
      drawing,
      name,
      slot,
      place,
      () => drawing.model.member(slot, name, part, false).set(undefined),
    );
    return drawing.draw(
      { ...drawing.model.member(slot, name, part, true), mayBeAbsent: false },
      { label: name, ...inner, actions: [remove] },
    );
  });
  const name = h("input", { type: "text", placeholder: "name", "aria-label": "Name to add" });
  const add = () => {
    const value = slot.get();
    if (isRecord(value) && Object.hasOwn(value, name.value)) {
      return name.setCustomValidity("There is one of this name"), void name.reportValidity();
    }
    const member = drawing.model.member(slot, name.value, part, true);
    drawing.model.begin(member);
    place.redraw();
    drawing.focus(member.path);
  };
  name.addEventListener("input", () => name.setCustomValidity(""));
  name.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    add();
  });
  const button = h("button", { type: "button", class: "add", onclick: add }, "Add member");
  body.append(list, h("div", { class: "add-member" }, name, button));
}

function fillList(
  drawing: Drawing,
  body: HTMLElement,
  slot: Slot,
  { item, hint: text }: Field & { kind: "list" },
  around: Around,
  place: Place,
): void {
  drawItems(drawing, body, slot, item, 0, around, place, () => drawing.model.addItem(slot, item));
  if (text !== "") body.append(h("span", { class: "hint" }, text));
}

function fillTuple(
  drawing: Drawing,
  body: HTMLElement,
  slot: Slot,
  { items, names, required, others }: Field & { kind: "tuple" },
  around: Around,
  place: Place,
): void {
  const inner = { level: around.level + 1, depth: around.depth + 1 };
  inSteps(drawing, body, [...items.entries()], ([at, part]) =>
    drawing.draw(
      drawing.model.place(slot, at, part, at < required),
      { label: names?.[at] ?? String(at + 1), ...inner },
    ));
  const value = slot.get(), count = Array.isArray(value) ? value.length : 0;
  const more = count - items.length;
  if (others === undefined) {
    if (more > 0) body.append(h("p", { class: "note" }, `In JSON only: ${more} more.`));
    return;
  }
  drawItems(drawing, body, slot, others, items.length, around, place, (at) => {
    drawing.model.begin(drawing.model.place(slot, at, others, true));
  });
}

/**
 * Items that a person adds and removes, and the button that adds one.
 *
 * @param first the place of the first of them
 * @param add puts a first value at a place
 */
function drawItems(
  drawing: Drawing,
  body: HTMLElement,
  slot: Slot,
  part: Part,
  first: number,
  around: Around,
  place: Place,
  add: (at: number) => void,
): void {
  const inner = { level: around.level + 1, depth: around.depth + 1 },
    list = h("div", { class: "items" });
  const value = slot.get(), count = Array.isArray(value) ? value.length : 0;
  const places = Array.from({ length: Math.max(0, count - first) }, (_, at) => first + at);
  inSteps(drawing, list, places, (at) => {
    const remove = removeButton(
      drawing,
      `item ${at + 1}`,
      slot,
      place,
      () => drawing.model.removeItem(slot, at),
    );
    return drawing.draw(
      drawing.model.item(slot, at, part),
      { label: String(at + 1), ...inner, actions: [remove] },
    );
  });
  const button = h("button", {
    type: "button",
    class: "add",
    onclick: () => {
      const at = Math.max(count, first);
      add(at);
      place.redraw();
      drawing.focus([...slot.path, at]);
    },
  }, "Add item");
  body.append(list, button);
}

function fillChoice(
  drawing: Drawing,
  body: HTMLElement,
  slot: Slot,
  { options }: Field & { kind: "choice" },
  around: Around,
  place: Place,
): void {
  const chosen = drawing.model.chosen(slot, options);
  const labels = labelsOf(options, drawing.model.schemas);
  const select = h(
    "select",
    { "aria-label": `Kind of ${visibleName(around.label ?? "value")}`, class: "kind" },
    (slot.mayBeAbsent || chosen < 0) &&
      h("option", { value: -1 }, slot.isRequired ? "choose…" : "not given"),
    ...labels.map((label, at) => h("option", { value: at }, visibleName(label, 60))),
  );
  select.value = String(chosen);
  select.addEventListener("change", () => {
    drawing.model.forget(slot.path);
    drawing.model.choose(slot, options, Number(select.value));
    // The focus stays here: the arrow keys change the choice at each step through the list.
    place.redraw().querySelector<HTMLElement>("select.kind")?.focus();
  });
  body.append(select);
  const option = options[chosen];
  if (option === undefined) return;
  const field = drawing.model.schemas.fieldOf(option);
  // If the alternative has one value only, there is nothing left to choose.
  if (field.kind === "enum" && field.values.length === 1 && slot.get() !== undefined) return;
  const slotOfOption = { ...drawing.model.option(slot, option), isRequired: true };
  const { level, depth } = around;
  body.append(drawing.draw(slotOfOption, { label: undefined, level, depth: depth + 1 }));
}

function removeButton(
  drawing: Drawing,
  label: string,
  slot: Slot,
  place: Place,
  remove: () => void,
): HTMLElement {
  return h("button", {
    type: "button",
    class: "remove",
    "aria-label": `Remove ${visibleName(label)}`,
    onclick: () => {
      drawing.model.forget(slot.path);
      remove();
      focusIn(place.redraw());
    },
  }, "Remove");
}

/** Draws some now, and more of them when they are asked for. */
function inSteps<T>(
  drawing: Drawing,
  body: HTMLElement,
  all: readonly T[],
  draw: (it: T) => HTMLElement,
): void {
  let at = 0;
  const more = h("button", { type: "button", class: "more" });
  const step = (count: number) => {
    const end = Math.min(all.length, at + count), drawn: HTMLElement[] = [];
    for (; at < end && (drawn.length === 0 || drawing.left > 0); at++) drawn.push(draw(all[at]!));
    more.before(...drawn);
    if (at === all.length) more.remove();
    else more.textContent = `Show ${Math.min(MORE, all.length - at)} more of ${all.length - at}`;
    return drawn[0];
  };
  body.append(more);
  more.addEventListener("click", () => {
    drawing.left = MORE;
    const first = step(MORE);
    first?.querySelector<HTMLElement>("input, textarea, select, button")?.focus();
  });
  step(MORE);
}
