/// <reference lib="dom" />
/**
 * What the server asks the page: the user answers by hand, with a result or with an error.
 *
 * @module
 */

import { h, replace } from "./dom.ts";
import type { Question } from "./call.ts";
import type { Line } from "./line.ts";
import { countOf } from "./numbers.ts";
import { visibleName } from "./visible.ts";

/** Questions that are shown; the others wait behind them. */
const MAX_SHOWN = 10;

/** Milliseconds for which the buttons ignore clicks after a question has moved: the user aimed at another. */
const FRESH = 700;

/** The questions that wait. */
export class Questions {
  readonly #element: HTMLElement;
  readonly #badge: HTMLElement;
  readonly #line: Line;
  readonly #announce: (text: string) => void;
  readonly #shown = new Map<string, HTMLElement>();
  readonly #title = h("h2", { id: "questions-title", tabindex: -1 });
  readonly #list = h("div", null);
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    element: HTMLElement,
    badge: HTMLElement,
    line: Line,
    announce: (text: string) => void,
  ) {
    this.#element = element;
    this.#badge = badge;
    this.#line = line;
    this.#announce = announce;
    element.append(this.#title, this.#list);
  }

  /** Shows those that wait now. */
  update(): void {
    const { questions } = this.#line, count = questions.length;
    this.#element.hidden = count === 0;
    this.#badge.hidden = count === 0;
    this.#badge.textContent = String(count);
    this.#title.textContent = `The server asks ${countOf(count, "question")}`;
    const shown = questions.slice(0, MAX_SHOWN), ids = new Set(shown.map(({ id }) => id));
    let hasMoved = false;
    for (const [id, element] of this.#shown) {
      if (ids.has(id)) continue;
      // If a question that has the focus goes away, the title gets the focus.
      if (element.contains(document.activeElement)) this.#title.focus();
      element.remove();
      this.#shown.delete(id);
      hasMoved = true;
    }
    for (const question of shown) {
      if (this.#shown.has(question.id)) continue;
      const element = this.#make(question);
      this.#shown.set(question.id, element);
      this.#list.append(element);
      hasMoved = true;
    }
    if (hasMoved) this.#holdClicks();
    if (count > this.#count) this.#announce(`The server asks ${countOf(count, "question")}`);
    this.#count = count;
  }

  /** A second click on Call, or on the last answer, must not answer a question that has moved there. */
  #holdClicks(): void {
    this.#element.classList.add("fresh");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#element.classList.remove("fresh"), FRESH);
  }

  #make(question: Question): HTMLElement {
    const { id, method, params } = question, name = `question-${id.replaceAll(/\W/g, "-")}`;
    const wrong = h("p", { class: "note bad", role: "alert", hidden: true });
    const result = h("textarea", {
      id: `${name}-result`,
      rows: 2,
      class: "code",
      spellcheck: "false",
    });
    result.value = "null";
    const code = h("input", { id: `${name}-code`, type: "number", value: -32000, step: 1 });
    const message = h("input", { id: `${name}-message`, value: "The user of this page refuses" });
    const answer = (event: Event) => {
      event.preventDefault();
      try {
        this.#line.answer(question, { result: JSON.parse(result.value) });
      } catch {
        wrong.hidden = false;
        replace(wrong, "The result is no JSON");
        result.focus();
      }
    };
    const refuse = (event: Event) => {
      event.preventDefault();
      const number = Number.isSafeInteger(code.valueAsNumber) ? code.valueAsNumber : -32000;
      this.#line.answer(question, { error: { code: number, message: message.value } });
    };
    return h(
      "div",
      { class: "question" },
      h(
        "p",
        null,
        h("b", null, visibleName(method)),
        " ",
        h("code", null, visibleName(JSON.stringify(params) ?? "", 1000)),
      ),
      h(
        "form",
        { onsubmit: answer },
        h("label", { for: `${name}-result` }, "Result, as JSON"),
        result,
        wrong,
        h(
          "div",
          { class: "bar-of-tools" },
          h("button", { type: "submit", class: "main" }, "Answer"),
        ),
      ),
      h(
        "details",
        null,
        h("summary", null, "Answer with an error"),
        h(
          "form",
          { onsubmit: refuse, class: "fields" },
          h("div", null, h("label", { for: `${name}-code` }, "Code"), code),
          h("div", { class: "grow" }, h("label", { for: `${name}-message` }, "Message"), message),
          h("button", { type: "submit" }, "Refuse"),
        ),
      ),
    );
  }
}
