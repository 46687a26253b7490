/// <reference lib="dom" />
/**
 * One call and what comes of it: how far it is, its items, and its answer as a tree and as text.
 *
 * @module
 */

import { h, replace } from "./dom.ts";
import { durationText } from "./histogram.ts";
import { recordOf } from "./json.ts";
import { copyButton, save } from "./keep.ts";
import type { Call, ErrorObject, Outcome } from "./call.ts";
import { sizeText } from "./numbers.ts";
import { StreamPanel } from "./stream_panel.ts";
import { createTree } from "./tree.ts";
import { UploadPanel } from "./upload_panel.ts";
import { jsonOf, visibleLines, visibleName } from "./visible.ts";

/** Characters of a raw answer that are shown at a time. */
const MAX_RAW = 50_000;

/** What a card needs of the page. */
export interface CardHost {
  announce(text: string): void;
  /** Goes on with a stream after an event. */
  resume(method: string, params: unknown, after: string): void;
  /** @param hadFocus the focus was in it, and is nowhere now */
  onclose(card: Card, hadFocus: boolean): void;
}

let cards = 0;

/** A call in the page. */
export class Card {
  readonly element: HTMLElement;
  readonly call: Call;
  readonly #host: CardHost;
  readonly #params: unknown;
  readonly #state: HTMLElement;
  readonly #cancel: HTMLButtonElement;
  readonly #body: HTMLElement;
  readonly #progress: HTMLElement;
  readonly #stream: StreamPanel | undefined;
  readonly #upload: UploadPanel | undefined;
  readonly #since = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The last progress, if it is not shown yet. */
  #told: { readonly value: unknown } | undefined;
  isRunning = true;

  constructor(call: Call, params: unknown, host: CardHost) {
    const name = String(++cards), title = `card-${name}`;
    this.call = call;
    this.#params = params;
    this.#host = host;
    this.#state = h("output", { class: "state" }, "calling");
    this.#cancel = h(
      "button",
      { type: "button", title: "Esc", onclick: () => this.cancel() },
      "Cancel",
    );
    this.#progress = h("div", { class: "progress", hidden: true });
    this.#body = h("div", { class: "body" });
    const show = (value: unknown) => replace(this.#body, createTree(value));
    this.#stream = call.items && new StreamPanel(call.items, call.method, { ...host, show });
    this.#upload = call.sender && new UploadPanel(call.sender, name);
    this.element = h(
      "article",
      { class: "card running", "aria-labelledby": title },
      h(
        "div",
        { class: "head" },
        h("h3", { id: title }, visibleName(call.method)),
        this.#state,
        this.#cancel,
        h("button", {
          type: "button",
          class: "plain",
          "aria-label": "Close",
          title: "Close",
          onclick: () => this.close(),
        }, "×"),
      ),
      this.#progress,
      this.#upload?.element,
      this.#stream?.element,
      this.#body,
    );
    call.onprogress = (value) => this.#onProgress(value);
    call.outcome.then((outcome) => this.#onOutcome(outcome));
    this.#tick();
  }

  /** Asks the server to give it up. */
  cancel(): void {
    if (!this.isRunning) return;
    this.#cancel.textContent = "Leave it";
    this.#cancel.title = "Waits for the answer no more";
    this.call.cancel();
  }

  /** Stops taking its items, or goes on; false if it has none. */
  pause(): boolean {
    if (!this.isRunning || this.#stream === undefined) return false;
    this.#stream.pause();
    return true;
  }

  /** Removes the card, and cancels its call if that runs. */
  close(): void {
    this.cancel();
    clearTimeout(this.#timer);
    this.#stream?.end();
    this.#upload?.end();
    const hadFocus = this.element.contains(document.activeElement);
    this.element.remove();
    this.#host.onclose(this, hadFocus);
  }

  #tick(): void {
    if (!this.isRunning) return;
    const time = performance.now() - this.#since;
    if (time > 500) this.#state.textContent = `${(time / 1000).toFixed(1)} s`;
    this.#timer = setTimeout(() => this.#tick(), 200);
  }

  /** Shows progress with the next frame: the server may send a thousand reports in one. */
  #onProgress(value: unknown): void {
    const isDue = this.#told !== undefined;
    this.#told = { value };
    if (isDue) return;
    requestAnimationFrame(() => {
      this.#showProgress(this.#told!.value);
      this.#told = undefined;
    });
  }

  #showProgress(value: unknown): void {
    const { done, total } = recordOf(value);
    const isMeasured = typeof done === "number" && typeof total === "number" && total > 0;
    this.#progress.hidden = false;
    replace(
      this.#progress,
      isMeasured ? h("progress", { max: total, value: done, "aria-label": "Progress" }) : null,
      h("code", null, visibleName(JSON.stringify(value) ?? "", 120)),
    );
  }

  #onOutcome({ error, result, text, size, ms, isCut }: Outcome): void {
    this.isRunning = false;
    clearTimeout(this.#timer);
    this.#cancel.hidden = true;
    this.#stream?.end();
    this.#upload?.end();
    this.element.classList.remove("running");
    this.element.classList.add(error === undefined ? "good" : "bad");
    const bytes = text === undefined ? "" : ` · ${sizeText(size)}`;
    const what = error === undefined ? "answered" : nameOf(error);
    const time = error?.ofPage === "NOT_SENT" ? "" : durationText(ms);
    replace(
      this.#state,
      h("b", { class: error === undefined ? "good" : "bad" }, what),
      time === "" ? "" : ` ${time}${bytes}`,
    );
    const after = time === "" ? "" : ` after ${time}`;
    this.#host.announce(`${visibleName(this.call.method, 60)}: ${what}${after}`);
    replace(
      this.#body,
      error === undefined ? null : this.#errorOf(error),
      error !== undefined && error.data === undefined
        ? null
        : this.#answerOf(error === undefined ? result : error.data, text, isCut),
    );
  }

  #errorOf({ code, message, ofPage }: ErrorObject): HTMLElement {
    const after = this.call.items?.lastEventId;
    return h(
      "div",
      { class: "error" },
      h(
        "p",
        null,
        ofPage === undefined ? h("code", null, code) : null,
        " ",
        h("span", null, visibleName(message, 2000)),
      ),
      // A stream that the user has cancelled has no button to resume it.
      after === undefined || code === -32800 ? null : h("button", {
        type: "button",
        onclick: () => this.#host.resume(this.call.method, this.#params, after),
      }, `Resume after ${visibleName(after, 40)}`),
    );
  }

  #answerOf(value: unknown, text: string | undefined, isCut: boolean): HTMLElement {
    const panel = h("div", { class: "answer" });
    const views: Record<string, () => (HTMLElement | null)[]> = {
      Tree: () => [
        isCut
          ? h("p", { class: "note" }, "Too long to be shown whole: the raw answer has all of it")
          : null,
        createTree(value),
      ],
      Raw: () => rawOf(text ?? ""),
    };
    const buttons = Object.keys(views).map((name) =>
      h("button", { type: "button", class: "view", onclick: () => choose(name) }, name)
    );
    const choose = (name: string) => {
      for (const button of buttons) {
        button.setAttribute("aria-pressed", String(button.textContent === name));
      }
      replace(panel, ...views[name]!());
    };
    choose("Tree");
    return h(
      "div",
      null,
      h(
        "div",
        { class: "bar-of-tools" },
        ...buttons,
        h("span", { class: "grow" }),
        copyButton("Copy", () => isCut ? text ?? "" : jsonOf(value), this.#host.announce),
        h("button", {
          type: "button",
          onclick: () => save("answer.json", "application/json", [text ?? ""]),
        }, "Save"),
      ),
      panel,
    );
  }
}

/** The text as it came, a part of it at a time. */
function rawOf(text: string): HTMLElement[] {
  const field = h("pre", { tabindex: 0, "aria-label": "Raw answer", class: "code" });
  let shown = 0;
  const more = h("button", { type: "button", onclick: () => show() });
  const show = () => {
    field.append(visibleLines(text.slice(shown, shown + MAX_RAW)));
    shown += MAX_RAW;
    more.hidden = shown >= text.length;
    more.textContent = `More, of ${sizeText(text.length)}`;
  };
  show();
  return [field, more];
}

/** What an error is called: its name is the contract. */
export function nameOf({ code, data, ofPage }: ErrorObject): string {
  if (ofPage !== undefined) return ofPage;
  const { name } = recordOf(data);
  if (typeof name === "string" && name !== "") return visibleName(name, 60);
  return NAMES.get(code) ?? `error ${code}`;
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [-32700, "PARSE_ERROR"],
  [-32600, "INVALID_REQUEST"],
  [-32601, "METHOD_NOT_FOUND"],
  [-32602, "INVALID_PARAMS"],
  [-32603, "INTERNAL_ERROR"],
]);
