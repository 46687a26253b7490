/// <reference lib="dom" />
/**
 * The form of a method in the page: fields over the model, a level at a time.
 *
 * @module
 */

import { h, replace } from "../dom.ts";
import { type Field, isRecord, type Member, type Part } from "../schema.ts";
import { visible, visibleName } from "../visible.ts";
import { bytesField } from "./bytes_field.ts";
import { fieldText, FormModel, keyOf, type Path, type Slot, valueIndex } from "./model.ts";
import type { OpenRpcDocument, ParamsOfMethod } from "./params.ts";
import { labelsOf } from "./labels.ts";

/** What is wrong with a place in the value: `data.details.issues` of an error. */
export interface Issue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The form of one method, and the value in it. */
export interface Form {
  readonly element: HTMLElement;
  /** The params as they travel, an array or an object; undefined if nothing is given. */
  value(): unknown;
  /** Shows these params. `onchange` is not called. */
  set(params: unknown): void;
  /** Lights up the fields that the server refused; none puts all lights out. */
  showIssues(issues: readonly Issue[]): void;
  /** The first typed text that is no value, in words; undefined if there is none. The value is then without it. */
  problem(): string | undefined;
  /** Called when a field has changed the value. */
  onchange: (() => void) | null;
}

/** Makes the form of a method. */
export function createForm(params: ParamsOfMethod, document: OpenRpcDocument): Form {
  return new FormView(new FormModel(params, document));
}

/** Fields that are drawn at once: behind them stands a button. */
const MAX_FIELDS = 200;

/** Members and items that one of these shows more. */
const MORE = 100;

/** Levels that open by themselves, and fields within fields, alternatives too, that there are at all. */
const OPEN_LEVELS = 4;
const MAX_DEPTH = 32;

/** Values of an enum that are offered in a list. */
const MAX_VALUES = 500;

/** Characters of a text or of JSON that are shown in a field. */
const MAX_SHOWN = 50_000;

/** What is drawn of a place. */
interface View {
  readonly element: HTMLElement;
  /** What gets the focus; the element itself where there is nothing to type in. */
  readonly control: HTMLElement | undefined;
  readonly issue: HTMLElement;
}

/** How a field is to be drawn. */
interface Around {
  /** What it is called; undefined for the value as a whole. */
  readonly label: string | undefined;
  /** How many objects and lists it stands in, and how many fields. */
  readonly level: number;
  readonly depth: number;
  /** Buttons beside its name. */
  readonly actions?: readonly HTMLElement[];
}

/** Where a field stands in the page. */
interface Place {
  element: HTMLElement | undefined;
  /** Draws it anew, when it has other fields than before; what stands there then. */
  redraw(): HTMLElement;
}

class FormView implements Form {
  readonly element = h("div", { class: "form" });
  onchange: (() => void) | null = null;
  readonly #model: FormModel;
  readonly #views = new Map<string, View>();
  readonly #id = crypto.randomUUID();
  #ids = 0;
  #left = MAX_FIELDS;

  constructor(model: FormModel) {
    this.#model = model;
    model.onchange = () => this.onchange?.();
    this.#drawAll();
  }

  value(): unknown {
    return this.#model.params;
  }

  set(params: unknown): void {
    this.#model.params = params;
    this.#drawAll();
  }

  problem(): string | undefined {
    const { problem } = this.#model;
    if (problem === undefined) return undefined;
    return problem.path.length === 0
      ? problem.message
      : `${visibleName(problem.path.join("."))}: ${problem.message}`;
  }

  showIssues(issues: readonly Issue[]): void {
    for (const view of this.#views.values()) setIssue(view, "");
    const texts = new Map<View, string[]>();
    for (const { path, message } of issues.slice(0, MAX_FIELDS)) {
      for (let length = path.length; length >= 0; length--) {
        const view = this.#views.get(keyOf(path.slice(0, length)));
        if (view === undefined || !this.element.contains(view.element)) continue;
        const rest = path.slice(length).join(".");
        const text = visible(rest === "" ? message : `${rest}: ${message}`).slice(0, 1000);
        texts.set(view, [...texts.get(view) ?? [], text]);
        break;
      }
    }
    for (const [view, lines] of texts) setIssue(view, lines.slice(0, 10).join("\n"));
  }

  // ---- Drawing -------------------------------------------------------------------------------

  #drawAll(): void {
    const { root } = this.#model;
    this.#views.clear();
    this.#left = MAX_FIELDS;
    if (root === undefined || !this.#model.isShown) {
      const issue = this.#issue();
      const text = this.#model.params === undefined
        ? "This method takes no params."
        : "These params are not what the method describes. They are sent as they stand in JSON.";
      this.#views.set("[]", { element: this.element, control: undefined, issue });
      return replace(this.element, h("p", { class: "note" }, text), issue);
    }
    replace(this.element, this.#draw(root, { label: undefined, level: 0, depth: 0 }));
  }

  /** The field of a place: what its schema says, or JSON where the value is something else. */
  #draw(slot: Slot, around: Around): HTMLElement {
    this.#left--;
    const field = this.#model.schemas.fieldOf(slot.part), value = slot.get();
    const isOther = value !== undefined && !this.#model.schemas.shows(slot.part, value);
    if (isOther || around.depth > MAX_DEPTH) {
      const json = { ...slot, part: { ...slot.part, field: { ...field, kind: "json" as const } } };
      const why = field.kind === "text" && typeof value === "string"
        ? "JSON, for characters that are not seen"
        : isOther
        ? "JSON: it is not what the schema says"
        : undefined;
      return this.#drawText(json, json.part.field, around, why);
    }
    switch (field.kind) {
      case "text":
      case "number":
      case "json":
        return this.#drawText(slot, field, around);
      case "enum":
        return this.#drawEnum(slot, field, around);
      case "bytes":
        return this.#drawBytes(slot, field, around);
      default:
        return this.#drawGroup(slot, field, around);
    }
  }

  #drawText(slot: Slot, field: Field, around: Around, why?: string): HTMLElement {
    const value = slot.get(), text = fieldText(field, value);
    if (text.length > MAX_SHOWN) return this.#drawHuge(slot, field, around, text.length);
    const isNumber = field.kind === "number";
    const issue = this.#issue();
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
    const view = this.#view(slot, around, field, hint, control, issue);
    control.addEventListener("input", () => {
      setIssue(view, this.#model.type(slot, control.value) ?? "");
    });
    return view.element;
  }

  /** A text that would take long to show, and longer to change. */
  #drawHuge(slot: Slot, field: Field, around: Around, length: number): HTMLElement {
    const place = this.#place(slot, around);
    const remove = h("button", {
      type: "button",
      onclick: () => {
        slot.set(slot.mayBeAbsent ? undefined : this.#model.initial(slot.part));
        focusIn(place.redraw());
      },
    }, "Clear");
    const text = `${length.toLocaleString("en")} characters, shown in JSON`;
    const { element } = this.#view(slot, around, field, text, undefined, this.#issue(), remove);
    return place.element = element;
  }

  #drawEnum(slot: Slot, field: Field & { kind: "enum" }, around: Around): HTMLElement {
    const { values } = field;
    if (values.length > MAX_VALUES) {
      // Typed as JSON: that a text is meant could be a value of its own.
      const json = { ...slot, part: { ...slot.part, field: { ...field, kind: "json" as const } } };
      const first = visibleName(values.slice(0, 3).map((it) => JSON.stringify(it)).join(", "));
      const view = this.#drawText(json, json.part.field, around);
      view.append(h("p", { class: "hint" }, `One of ${values.length} values: ${first}, …`));
      return view;
    }
    const issue = this.#issue(), isText = values.every((it) => typeof it === "string");
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
    const view = this.#view(slot, around, field, "", control, issue);
    control.addEventListener("change", () => {
      const at = Number(control.value);
      setIssue(view, "");
      slot.set(at < 0 ? undefined : values[at]);
    });
    return view.element;
  }

  #drawBytes(slot: Slot, field: Field, around: Around): HTMLElement {
    const issue = this.#issue(), place = this.#place(slot, around);
    const { control, rest } = bytesField(slot.get(), issue.id, (value) => {
      slot.set(value);
      focusIn(place.redraw());
    }, slot.mayBeAbsent);
    const { element } = this.#view(slot, around, field, "bytes", control, issue, ...rest);
    return place.element = element;
  }

  // ---- Groups --------------------------------------------------------------------------------

  /** An object, a list, a tuple or a choice: fields in a frame of their own. */
  #drawGroup(slot: Slot, field: Field, around: Around): HTMLElement {
    const issue = this.#issue(), { level } = around, place = this.#place(slot, around);
    const body = h("div", { class: "group-body" }), name = visibleName(around.label ?? "");
    const isAbsent = slot.get() === undefined, isChoice = field.kind === "choice";
    // What is not required opens when it is wanted; so does what goes on for ever.
    const isShut = isAbsent && level > 0 && !isChoice &&
      (!slot.isRequired || level > OPEN_LEVELS || this.#left < 0);
    const add = isShut && h("button", {
      type: "button",
      class: "add",
      onclick: () => {
        slot.set(this.#model.initial(slot.part));
        focusIn(place.redraw());
      },
    }, `Add ${name}`);
    const mayGo = !isAbsent && level > 0 && slot.mayBeAbsent && !slot.isRequired && !isChoice;
    const remove = mayGo && h("button", {
      type: "button",
      class: "remove",
      "aria-label": `Remove ${name}`,
      onclick: () => {
        this.#model.forget(slot.path);
        slot.set(undefined);
        focusIn(place.redraw());
      },
    }, "Remove");
    const element = place.element = h(
      "fieldset",
      { class: `group ${field.kind}`, "aria-describedby": issue.id, tabindex: -1 },
      around.label !== undefined && this.#name(slot, around, "legend"),
      field.description !== undefined && hint(field.description),
      remove,
      body,
      issue,
    );
    // Before what is in it: an alternative stands at the same place, and its control is the one to light up.
    this.#views.set(keyOf(slot.path), { element, control: undefined, issue });
    if (add) body.append(add);
    else this.#fillGroup(body, slot, field, around, place);
    return element;
  }

  #fillGroup(body: HTMLElement, slot: Slot, field: Field, around: Around, place: Place): void {
    if (field.kind === "object") this.#fillObject(body, slot, field, around, place);
    else if (field.kind === "list") this.#fillList(body, slot, field, around, place);
    else if (field.kind === "tuple") this.#fillTuple(body, slot, field, around, place);
    else if (field.kind === "choice") this.#fillChoice(body, slot, field, around, place);
  }

  #fillObject(
    body: HTMLElement,
    slot: Slot,
    { members, others, isClosed }: Field & { kind: "object" },
    around: Around,
    place: Place,
  ): void {
    const inner = { level: around.level + 1, depth: around.depth + 1 };
    this.#inSteps(
      body,
      members,
      ({ name, part, isRequired }: Member) =>
        this.#draw(this.#model.member(slot, name, part, isRequired), { label: name, ...inner }),
    );
    const value = slot.get(), known = new Set(members.map(({ name }) => name));
    const more = isRecord(value) ? Object.keys(value).filter((name) => !known.has(name)) : [];
    if (others !== undefined) this.#drawRecord(body, slot, others, more, around, place);
    else if (more.length > 0) {
      const names = visibleName(more.slice(0, 20).join(", "));
      const why = isClosed ? " The schema allows none." : "";
      body.append(h("p", { class: "note" }, `In JSON only: ${names}.${why}`));
    } else if (members.length === 0) body.append(h("p", { class: "note" }, "No members."));
  }

  /** Members whose names are anyone's. */
  #drawRecord(
    body: HTMLElement,
    slot: Slot,
    part: Part,
    names: readonly string[],
    around: Around,
    place: Place,
  ): void {
    const inner = { level: around.level + 1, depth: around.depth + 1 },
      list = h("div", { class: "items" });
    this.#inSteps(list, names, (name) => {
      const remove = this.#removeButton(
        name,
        slot,
        place,
        () => this.#model.member(slot, name, part, false).set(undefined),
      );
      return this.#draw(
        { ...this.#model.member(slot, name, part, true), mayBeAbsent: false },
        { label: name, ...inner, actions: [remove] },
      );
    });
    const name = h("input", { type: "text", placeholder: "name", "aria-label": "Name to add" });
    const add = () => {
      const value = slot.get();
      if (isRecord(value) && Object.hasOwn(value, name.value)) {
        return name.setCustomValidity("There is one of this name"), void name.reportValidity();
      }
      const member = this.#model.member(slot, name.value, part, true);
      member.set(this.#model.initial(part));
      place.redraw();
      this.#focus(member.path);
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

  #fillList(
    body: HTMLElement,
    slot: Slot,
    { item, hint: text }: Field & { kind: "list" },
    around: Around,
    place: Place,
  ): void {
    const inner = { level: around.level + 1, depth: around.depth + 1 },
      list = h("div", { class: "items" });
    const value = slot.get(), count = Array.isArray(value) ? value.length : 0;
    this.#inSteps(list, Array.from({ length: count }, (_, at) => at), (at) => {
      const remove = this.#removeButton(
        `item ${at + 1}`,
        slot,
        place,
        () => this.#model.removeItem(slot, at),
      );
      return this.#draw(
        this.#model.item(slot, at, item),
        { label: String(at + 1), ...inner, actions: [remove] },
      );
    });
    const add = h("button", {
      type: "button",
      class: "add",
      onclick: () => {
        this.#model.addItem(slot, item);
        place.redraw();
        this.#focus([...slot.path, count]);
      },
    }, "Add item");
    body.append(list, add);
    if (text !== "") body.append(h("span", { class: "hint" }, text));
  }

  #fillTuple(
    body: HTMLElement,
    slot: Slot,
    { items, names, required, others }: Field & { kind: "tuple" },
    around: Around,
    place: Place,
  ): void {
    const inner = { level: around.level + 1, depth: around.depth + 1 };
    this.#inSteps(body, [...items.entries()], ([at, part]) =>
      this.#draw(
        this.#model.place(slot, at, part, at < required),
        { label: names?.[at] ?? String(at + 1), ...inner },
      ));
    const value = slot.get(), count = Array.isArray(value) ? value.length : 0;
    const more = count - items.length;
    if (others === undefined) {
      if (more > 0) body.append(h("p", { class: "note" }, `In JSON only: ${more} more.`));
      return;
    }
    const list = h("div", { class: "items" });
    this.#inSteps(
      list,
      Array.from({ length: Math.max(0, more) }, (_, at) => items.length + at),
      (at) => {
        const remove = this.#removeButton(
          `item ${at + 1}`,
          slot,
          place,
          () => this.#model.removeItem(slot, at),
        );
        return this.#draw(
          this.#model.item(slot, at, others),
          { label: String(at + 1), ...inner, actions: [remove] },
        );
      },
    );
    const add = h("button", {
      type: "button",
      class: "add",
      onclick: () => {
        const at = Math.max(count, items.length);
        this.#model.place(slot, at, others, true).set(this.#model.initial(others));
        place.redraw();
        this.#focus([...slot.path, at]);
      },
    }, "Add item");
    body.append(list, add);
  }

  #fillChoice(
    body: HTMLElement,
    slot: Slot,
    { options }: Field & { kind: "choice" },
    around: Around,
    place: Place,
  ): void {
    const chosen = this.#model.chosen(slot, options);
    const labels = labelsOf(options, this.#model.schemas);
    const select = h(
      "select",
      { "aria-label": `Kind of ${visibleName(around.label ?? "value")}`, class: "kind" },
      (slot.mayBeAbsent || chosen < 0) &&
        h("option", { value: -1 }, slot.isRequired ? "choose…" : "not given"),
      ...labels.map((label, at) => h("option", { value: at }, visibleName(label, 60))),
    );
    select.value = String(chosen);
    select.addEventListener("change", () => {
      this.#model.forget(slot.path);
      this.#model.choose(slot, options, Number(select.value));
      // The focus stays: with the keyboard one goes through the list by changing it.
      place.redraw().querySelector<HTMLElement>("select.kind")?.focus();
    });
    body.append(select);
    const option = options[chosen];
    if (option === undefined) return;
    const field = this.#model.schemas.fieldOf(option);
    // A value that is the only one of its kind has been chosen already.
    if (field.kind === "enum" && field.values.length === 1 && slot.get() !== undefined) return;
    const slotOfOption = { ...this.#model.option(slot, option), isRequired: true };
    const { level, depth } = around;
    body.append(this.#draw(slotOfOption, { label: undefined, level, depth: depth + 1 }));
  }

  #removeButton(label: string, slot: Slot, place: Place, remove: () => void): HTMLElement {
    return h("button", {
      type: "button",
      class: "remove",
      "aria-label": `Remove ${visibleName(label)}`,
      onclick: () => {
        this.#model.forget(slot.path);
        remove();
        focusIn(place.redraw());
      },
    }, "Remove");
  }

  /** Draws some now, and more of them when they are asked for. */
  #inSteps<T>(body: HTMLElement, all: readonly T[], draw: (it: T) => HTMLElement): void {
    let at = 0;
    const more = h("button", { type: "button", class: "more" });
    const step = (count: number) => {
      const end = Math.min(all.length, at + count), drawn: HTMLElement[] = [];
      for (; at < end && (drawn.length === 0 || this.#left > 0); at++) drawn.push(draw(all[at]!));
      more.before(...drawn);
      if (at === all.length) more.remove();
      else more.textContent = `Show ${Math.min(MORE, all.length - at)} more of ${all.length - at}`;
      return drawn[0];
    };
    body.append(more);
    more.addEventListener("click", () => {
      this.#left = MORE;
      const first = step(MORE);
      first?.querySelector<HTMLElement>("input, textarea, select, button")?.focus();
    });
    step(MORE);
  }

  #place(slot: Slot, around: Around): Place {
    const place: Place = {
      element: undefined,
      redraw: () => {
        this.#left = MAX_FIELDS;
        const drawn = this.#draw(slot, around);
        place.element!.replaceWith(drawn);
        return drawn;
      },
    };
    return place;
  }

  #focus(path: Path): void {
    const view = this.#views.get(keyOf(path));
    if (view !== undefined) focusIn(view.control ?? view.element);
  }

  // ---- Parts of a field ----------------------------------------------------------------------

  #view(
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
        isNamed && this.#name(slot, { ...around, label: around.label ?? "value" }, "span"),
        control,
      ),
      around.actions && h("span", { class: "actions" }, ...around.actions),
      ...rest,
      about !== "" && hint(about),
      issue,
    );
    const view: View = { element, control, issue };
    this.#views.set(keyOf(slot.path), view);
    return view;
  }

  #name(slot: Slot, { label = "", actions }: Around, tag: "span" | "legend"): HTMLElement {
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

  #issue(): HTMLElement {
    return h("p", { class: "issue", id: `issue-${this.#id}-${++this.#ids}`, hidden: true });
  }
}

/** Goes to the first thing in it that can be used, or to it. */
function focusIn(element: HTMLElement): void {
  const first = "input:not([type=file]), textarea, select, button:not(.remove)";
  const target = element.matches("input, textarea, select")
    ? element
    : element.querySelector<HTMLElement>(first) ?? element;
  target.focus();
}

function hint(text: string): HTMLElement {
  return h("p", { class: "hint" }, visible(text.slice(0, 2000)));
}

function placeholderOf({ kind, fallback }: Field): string | undefined {
  if (fallback === undefined) return undefined;
  const text = kind === "text" && typeof fallback === "string"
    ? fallback
    : JSON.stringify(fallback);
  return visibleName(text ?? "", 80);
}

function setIssue({ control, element, issue }: View, text: string): void {
  issue.textContent = text;
  issue.hidden = text === "";
  element.classList.toggle("wrong", text !== "");
  if (text === "") control?.removeAttribute("aria-invalid");
  else control?.setAttribute("aria-invalid", "true");
}
