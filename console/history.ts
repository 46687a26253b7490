/// <reference lib="dom" />
/**
 * The calls that were made, kept in the browser unless the user does not want that, and the link to a call.
 *
 * @module
 */

import { h, replace } from "./dom.ts";
import { durationText } from "./histogram.ts";
import { parsed } from "./json.ts";
import { keep, kept } from "./keep.ts";
import { visibleName } from "./visible.ts";

/** Calls that are kept, and characters of the params of one. */
const MAX_CALLS = 100, MAX_PARAMS = 20_000;

/** A call that was made. */
export interface Made {
  readonly at: number;
  readonly method: string;
  /** As JSON; empty for none. */
  readonly params: string;
  readonly ms: number;
  /** The name of its error; empty if it was answered. */
  readonly error: string;
}

/** The dialog of the history. */
export class History {
  readonly #list = h("ol", { class: "history" });
  readonly #onchoose: (made: Made) => void;
  #calls: Made[];
  #isKept = kept("no-history") === undefined;
  readonly element: HTMLElement;

  /** @param onchoose a call is to be shown again */
  constructor(onchoose: (made: Made) => void) {
    this.#onchoose = onchoose;
    this.#calls = this.#isKept ? read() : [];
    const box = h("input", {
      type: "checkbox",
      id: "keep-history",
      checked: this.#isKept,
      onchange: () => {
        this.#isKept = box.checked;
        keep("no-history", this.#isKept ? undefined : "1");
        this.#write();
      },
    });
    this.element = h(
      "div",
      null,
      h(
        "div",
        { class: "bar-of-tools" },
        box,
        h("label", { for: box.id }, `Keep the last ${MAX_CALLS} calls in this browser`),
        h("span", { class: "grow" }),
        h("button", {
          type: "button",
          onclick: () => {
            this.#calls = [];
            this.#write();
            this.update();
          },
        }, "Forget all"),
      ),
      this.#list,
    );
  }

  /** One more call has ended. */
  add(method: string, params: unknown, ms: number, error: string): void {
    const text = params === undefined ? "" : JSON.stringify(params);
    if (text.length > MAX_PARAMS) return;
    this.#calls.unshift({ at: Date.now(), method, params: text, ms, error });
    this.#calls.length = Math.min(this.#calls.length, MAX_CALLS);
    this.#write();
  }

  /** Shows what there is. */
  update(): void {
    replace(
      this.#list,
      ...(this.#calls.length === 0
        ? [h("li", { class: "hint" }, "No call was made yet.")]
        : this.#calls.map((made) => this.#row(made))),
    );
  }

  #row(made: Made): HTMLElement {
    const { at, method, params, ms, error } = made;
    return h(
      "li",
      null,
      h(
        "button",
        { type: "button", onclick: () => this.#onchoose(made) },
        h("b", null, visibleName(method, 80)),
        h("span", { class: "when" }, new Date(at).toLocaleString("en-GB")),
        h("code", null, visibleName(params, 120)),
        h(
          "span",
          { class: error === "" ? "good" : "bad" },
          visibleName(error, 60) || "answered",
          error === "NOT_SENT" ? "" : ` ${durationText(ms)}`,
        ),
      ),
    );
  }

  #write(): void {
    keep(
      "history",
      this.#isKept && this.#calls.length > 0 ? JSON.stringify(this.#calls) : undefined,
    );
  }
}

/** The calls in the browser's storage; entries that the page did not write are left out. */
function read(): Made[] {
  const calls = parsed(kept("history") ?? "");
  return Array.isArray(calls) ? calls.filter(isMade).slice(0, MAX_CALLS) : [];
}

function isMade(made: Partial<Made> | null): made is Made {
  return typeof made?.method === "string" && typeof made.params === "string" &&
    typeof made.error === "string" && Number.isFinite(made.at) && Number.isFinite(made.ms) &&
    (made.params === "" || paramsIn(made.params) !== undefined);
}

/** The params that a text has, which are an object or an array; undefined if it has none. */
function paramsIn(text: string): object | undefined {
  const params = parsed(text);
  return typeof params === "object" && params !== null ? params : undefined;
}

/** The part of a link behind `#`: no server sees it, and no token is ever in it. */
export function fragmentOf(method: string, params: unknown): string {
  const part = new URLSearchParams({ m: method });
  if (params !== undefined) part.set("p", JSON.stringify(params));
  return `#${part}`;
}

/** The call in a link; undefined if it has none. `isWrong` if its params are neither object nor array. */
export function readFragment(
  fragment: string,
): { readonly method: string; readonly params: unknown; readonly isWrong: boolean } | undefined {
  const part = new URLSearchParams(fragment.replace(/^#/, "")), method = part.get("m");
  if (method === null) return undefined;
  const text = part.get("p"), params = paramsIn(text ?? "");
  return { method, params, isWrong: text !== null && params === undefined };
}
