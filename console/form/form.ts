/// <reference lib="dom" />
/**
 * The form of a method in the page: fields over the model, a level at a time.
 *
 * @module
 */

import { h, replace } from "../dom.ts";
import { visible, visibleName } from "../visible.ts";
import { type Around, Drawing, MAX_FIELDS, setIssue, type View } from "./drawing.ts";
import { drawGroup } from "./groups.ts";
import { drawBytes, drawEnum, drawText } from "./leaves.ts";
import { FormModel, keyOf, type Slot } from "./model.ts";
import type { OpenRpcDocument, ParamsOfMethod } from "./params.ts";

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
  /** The one value that the params stand for, which a typed client is given; undefined if there is none. */
  argument(): unknown;
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

/** Fields within fields, alternatives too: what lies deeper is JSON. */
const MAX_DEPTH = 32;

class FormView implements Form {
  readonly element = h("div", { class: "form" });
  onchange: (() => void) | null = null;
  readonly #model: FormModel;
  readonly #drawing: Drawing;

  constructor(model: FormModel) {
    this.#model = model;
    this.#drawing = new Drawing(model, drawField);
    model.onchange = () => this.onchange?.();
    this.#drawAll();
  }

  value(): unknown {
    return this.#model.params;
  }

  argument(): unknown {
    return this.#model.root?.get();
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
    for (const view of this.#drawing.views.values()) setIssue(view, "");
    const texts = new Map<View, string[]>();
    for (const { path, message } of issues.slice(0, MAX_FIELDS)) {
      for (let length = path.length; length >= 0; length--) {
        const view = this.#drawing.views.get(keyOf(path.slice(0, length)));
        if (view === undefined || !this.element.contains(view.element)) continue;
        const rest = path.slice(length).join(".");
        const text = visible(rest === "" ? message : `${rest}: ${message}`).slice(0, 1000);
        texts.set(view, [...texts.get(view) ?? [], text]);
        break;
      }
    }
    for (const [view, lines] of texts) setIssue(view, lines.slice(0, 10).join("\n"));
  }

  #drawAll(): void {
    const { root } = this.#model;
    this.#drawing.views.clear();
    this.#drawing.left = MAX_FIELDS;
    if (root === undefined || !this.#model.isShown) {
      const issue = this.#drawing.issue();
      const text = this.#model.params === undefined
        ? "This method takes no params."
        : "These params are not what the method describes. They are sent as they stand in JSON.";
      this.#drawing.views.set("[]", { element: this.element, control: undefined, issue });
      return replace(this.element, h("p", { class: "note" }, text), issue);
    }
    replace(this.element, this.#drawing.draw(root, { label: undefined, level: 0, depth: 0 }));
  }
}

/** The field of a place: what its schema says, or JSON if the value is something else. */
function drawField(drawing: Drawing, slot: Slot, around: Around): HTMLElement {
  const field = drawing.model.schemas.fieldOf(slot.part), value = slot.get();
  const isOther = value !== undefined && !drawing.model.schemas.shows(slot.part, value);
  if (isOther || around.depth > MAX_DEPTH) {
    const json = { ...slot, part: { ...slot.part, field: { ...field, kind: "json" as const } } };
    const why = field.kind === "text" && typeof value === "string"
      ? "JSON, for characters that are not seen"
      : isOther
      ? "JSON: it is not what the schema says"
      : undefined;
    return drawText(drawing, json, json.part.field, around, why);
  }
  switch (field.kind) {
    case "text":
    case "number":
    case "json":
      return drawText(drawing, slot, field, around);
    case "enum":
      return drawEnum(drawing, slot, field, around);
    case "bytes":
      return drawBytes(drawing, slot, field, around);
    default:
      return drawGroup(drawing, slot, field, around);
  }
}
