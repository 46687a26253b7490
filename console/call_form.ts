/// <reference lib="dom" />
/**
 * What is called, and with what: one value as a form, as JSON, as commands for elsewhere, and as load.
 *
 * @module
 */

import { commandsOf } from "./commands.ts";
import { h, replace } from "./dom.ts";
import { createForm, type Form, type Issue } from "./form/form.ts";
import { parsed, recordOf } from "./json.ts";
import { copyButton } from "./keep.ts";
import type { CallOptions } from "./call.ts";
import { badges } from "./methods.ts";
import type { MethodOutline } from "./outline.ts";
import { SERVER } from "./server.ts";
import { isPlain, jsonOf, visibleLines, visibleName } from "./visible.ts";

/** What the form needs of the page. */
export interface CallFormHost {
  announce(text: string): void;
  call(): void;
  /** What stands in the view of the load test. */
  readonly load: HTMLElement;
  /** Whether the user has given a token. */
  hasToken(): boolean;
  link(): string;
}

const VIEWS = ["Form", "JSON", "Command", "Load"] as const;
type View = typeof VIEWS[number];

/** Complaints of the server that are shown. */
const MAX_ISSUES = 200;

/** Characters of a command that are drawn. */
const MAX_COMMAND = 20_000;

/** Credit that a stream begins with. */
const CREDIT = 64;

/** The form of one method after another. */
export class CallForm {
  readonly #element: HTMLElement;
  readonly #host: CallFormHost;
  #method: MethodOutline | undefined;
  #form: Form | undefined;
  #view: View = "Form";
  #params: unknown;
  /** Whether what stands beside the value is shown. */
  #isOpen = false;
  /** Why there is no value, if there is none. */
  #wrong = "";
  readonly #panel = h("div", { class: "view-panel", id: "view-panel" });
  readonly #json = h("textarea", {
    id: "params-json",
    class: "code",
    rows: 6,
    spellcheck: "false",
    "aria-describedby": "params-wrong",
    oninput: () => this.#onJson(),
  });
  readonly #note = h("p", { class: "note bad", id: "params-wrong", "aria-live": "polite" });
  readonly #tabs: readonly HTMLButtonElement[];
  readonly #timeout = h("input", {
    id: "timeout",
    type: "number",
    min: 1,
    step: 1,
    placeholder: "30000",
  });
  readonly #trace = h("input", {
    id: "traceparent",
    placeholder: "00-…-01",
    spellcheck: "false",
    autocomplete: "off",
    class: "code",
  });
  readonly #credit = h("input", {
    id: "credit",
    type: "number",
    min: 1,
    max: 100000,
    step: 1,
    value: CREDIT,
  });

  constructor(element: HTMLElement, host: CallFormHost) {
    this.#element = element;
    this.#host = host;
    this.#tabs = VIEWS.map((view) =>
      h("button", {
        type: "button",
        role: "tab",
        id: `view-${view}`,
        "aria-controls": "view-panel",
        onclick: () => this.#show(view),
        onkeydown: (event: KeyboardEvent) => this.#onTabKey(event),
      }, view === "Command" ? "As a command" : view === "Load" ? "Load test" : view)
    );
    this.#panel.setAttribute("role", "tabpanel");
    replace(element, h("p", { class: "hint" }, "Choose a method."));
  }

  get method(): MethodOutline | undefined {
    return this.#method;
  }

  /** The params as they travel. */
  get params(): unknown {
    return this.#params;
  }

  /** Why the method cannot be called as it is; empty if it can. */
  get wrong(): string {
    return this.#wrong;
  }

  /** What stands beside the params. */
  get options(): CallOptions {
    const { isStream, isUp } = this.#method!;
    const timeout = this.#timeout.valueAsNumber, credit = this.#credit.valueAsNumber;
    return {
      ...(timeout > 0 && { timeoutMs: timeout }),
      ...(this.#trace.value !== "" && { traceparent: this.#trace.value.trim() }),
      ...(isStream && { credit: credit >= 1 ? Math.min(credit, 100_000) : CREDIT }),
      ...(isUp && { isUp }),
    };
  }

  /** Shows a method. @param components the schemas of its document @param params a value to begin with */
  choose(method: MethodOutline, components: string, params?: unknown): void {
    this.#method = method;
    this.#form = undefined;
    this.#wrong = "";
    const description: Description = recordOf(parsed(method.text));
    try {
      this.#form = createForm(description, { components: parsed(components) });
      if (params !== undefined) this.#form.set(params);
      this.#params = params ?? this.#form.value();
      this.#form.onchange = () => this.#onForm();
    } catch {
      this.#form = undefined; // a description that makes no form leaves the JSON
      this.#params = params;
    }
    const isStream = method.isStream;
    const field = (label: string, input: HTMLInputElement, ...more: HTMLElement[]) =>
      h("div", null, h("label", { for: input.id }, label), input, ...more);
    this.#element.classList.remove("empty");
    replace(
      this.#element,
      h(
        "div",
        { class: "top" },
        h("h2", { id: "call-title" }, visibleName(method.name)),
        ...badges(method),
      ),
      method.summary === "" ? null : h("p", { class: "summary" }, visibleLines(method.summary)),
      typeof description.description === "string"
        ? h("p", { class: "description" }, visibleLines(description.description.slice(0, 5000)))
        : null,
      h("div", { class: "tabs", role: "tablist", "aria-label": "The value" }, ...this.#tabs),
      h(
        "form",
        {
          novalidate: true,
          onsubmit: (event: Event) => {
            event.preventDefault();
            this.#host.call();
          },
        },
        this.#panel,
        this.#note,
        h(
          "details",
          {
            class: "options",
            open: this.#isOpen,
            ontoggle: (event: Event) => {
              this.#isOpen = (event.target as HTMLDetailsElement).open;
            },
          },
          h("summary", null, "Deadline, trace", isStream ? ", credit" : ""),
          h(
            "div",
            { class: "fields" },
            field("Deadline, ms", this.#timeout),
            isStream ? field("Credit", this.#credit) : null,
            h(
              "div",
              { class: "grow" },
              h("label", { for: "traceparent" }, "traceparent"),
              h(
                "div",
                { class: "with-button" },
                this.#trace,
                h(
                  "button",
                  { type: "button", onclick: () => this.#trace.value = newTrace() },
                  "New",
                ),
              ),
            ),
          ),
        ),
        h(
          "div",
          { class: "bar-of-tools" },
          h(
            "button",
            { type: "submit", class: "main", id: "do-call" },
            method.isNotification ? "Send" : "Call",
          ),
          h("kbd", null, "Ctrl"),
          h("kbd", null, "Enter"),
          h("span", { class: "grow" }),
          copyButton("Copy link", () => this.#host.link(), this.#host.announce),
        ),
      ),
    );
    this.#setJson();
    this.#show(this.#form === undefined && this.#view === "Form" ? "JSON" : this.#view);
  }

  /** Lights up the fields that the server complains about. */
  showIssues(issues: readonly unknown[]): void {
    this.#form?.showIssues(issues.filter(isIssue).slice(0, MAX_ISSUES));
  }

  #show(view: View): void {
    this.#view = view;
    for (const [at, tab] of this.#tabs.entries()) {
      const isChosen = VIEWS[at] === view;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
    }
    this.#panel.setAttribute("aria-labelledby", `view-${view}`);
    switch (view) {
      case "Form":
        return replace(
          this.#panel,
          this.#form?.element ??
            h("p", { class: "note" }, "There is no form for this method: use JSON."),
        );
      case "JSON":
        return replace(
          this.#panel,
          h("label", { for: this.#json.id, class: "unseen" }, "Params, as JSON"),
          this.#json,
        );
      case "Command":
        return replace(this.#panel, ...this.#commands());
      case "Load":
        return replace(this.#panel, this.#host.load);
    }
  }

  #onTabKey(event: KeyboardEvent): void {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = (VIEWS.indexOf(this.#view) + step + VIEWS.length) % VIEWS.length;
    this.#show(VIEWS[at]!);
    this.#tabs[at]!.focus();
  }

  #onForm(): void {
    this.#params = this.#form!.value();
    this.#setJson();
    this.#wrong = this.#form!.problem() ?? "";
    this.#note.textContent = this.#wrong;
  }

  #setJson(): void {
    const text = this.#params === undefined ? "" : jsonOf(this.#params);
    this.#json.value = isPlain(text) ? text : visibleLines(text);
    this.#note.textContent = "";
  }

  #onJson(): void {
    const text = this.#json.value.trim();
    try {
      const params: unknown = text === "" ? undefined : JSON.parse(text);
      if (params !== undefined && (typeof params !== "object" || params === null)) {
        this.#wrong = "Params are an object or an array";
      } else {
        this.#params = params;
        this.#wrong = "";
        this.#form?.set(params);
      }
    } catch (error) {
      this.#wrong = `This is no JSON: ${(error as Error).message.slice(0, 200)}`;
    }
    this.#note.textContent = this.#wrong;
  }

  #commands(): HTMLElement[] {
    const { name, isStream, isUp, isNotification } = this.#method!, { timeoutMs } = this.options;
    const all = commandsOf({
      url: SERVER.replace(/^ws/, "http"),
      method: name,
      params: this.#params,
      value: this.#form?.argument() ?? this.#params,
      isStream,
      takesItems: isUp,
      isNotification,
      ...(timeoutMs !== undefined && { timeout: timeoutMs }),
      hasToken: this.#host.hasToken(),
    });
    return all.map(({ label, text }) =>
      h(
        "div",
        { class: "command" },
        h(
          "div",
          { class: "bar-of-tools" },
          h("h3", null, label),
          h("span", { class: "grow" }),
          copyButton("Copy", () => text, this.#host.announce, label),
        ),
        h("pre", { tabindex: 0, class: "code", "aria-label": label }, visibleLines(cutText(text))),
      )
    );
  }
}

function isIssue(issue: unknown): issue is Issue {
  const { path, message } = (issue ?? {}) as Partial<Issue>;
  return Array.isArray(path) && typeof message === "string" &&
    path.every((step) => typeof step === "string" || typeof step === "number");
}

interface Description {
  readonly params?: unknown;
  readonly paramStructure?: unknown;
  readonly description?: unknown;
}

/** The beginning of a text that is too long to be drawn whole. */
function cutText(text: string): string {
  return text.length <= MAX_COMMAND ? text : `${text.slice(0, MAX_COMMAND)}… Copy has all of it`;
}

/** A trace of its own, as W3C's Trace Context has it. */
function newTrace(): string {
  const hex = (count: number) =>
    Array.from(
      crypto.getRandomValues(new Uint8Array(count)),
      (it) => it.toString(16).padStart(2, "0"),
    )
      .join("");
  return `00-${hex(16)}-${hex(8)}-01`;
}
