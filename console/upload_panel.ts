/// <reference lib="dom" />
/**
 * Items that the user sends to a method: one at a time, or several as an array.
 *
 * @module
 */

import { h } from "./dom.ts";
import type { ItemSender } from "./item_stream.ts";
import { countText } from "./numbers.ts";

/** The panel. */
export class UploadPanel {
  readonly element: HTMLElement;
  readonly #sender: ItemSender;
  readonly #state: HTMLElement;
  readonly #wrong: HTMLElement;
  readonly #buttons: readonly HTMLButtonElement[];
  readonly #field: HTMLTextAreaElement;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(sender: ItemSender, name: string) {
    this.#sender = sender;
    const id = `upload-${name}`;
    this.#state = h("span", { class: "count" });
    this.#wrong = h("p", { class: "note bad", role: "alert", hidden: true });
    this.#field = h("textarea", {
      id,
      rows: 2,
      spellcheck: "false",
      class: "code",
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        this.#send(false);
      },
    });
    this.#buttons = [
      h("button", { type: "button", onclick: () => this.#send(false) }, "Send item"),
      h("button", {
        type: "button",
        title: "Each entry of an array is an item",
        onclick: () => this.#send(true),
      }, "Send all of an array"),
      h("button", { type: "button", onclick: () => this.#noMore() }, "No more items"),
    ];
    this.element = h(
      "div",
      { class: "upload" },
      h("label", { for: id }, "Items to the server, as JSON"),
      this.#field,
      this.#wrong,
      h("div", { class: "bar-of-tools" }, ...this.#buttons, this.#state),
    );
    this.#run();
  }

  /** The call has its answer: nothing more is sent. */
  end(): void {
    clearTimeout(this.#timer);
    this.#close();
    this.#measure();
  }

  #run(): void {
    this.#measure();
    this.#timer = setTimeout(() => this.#run(), 100);
  }

  #measure(): void {
    const { sent, waiting, credit } = this.#sender;
    const text = `${countText(sent)} sent, ${countText(waiting)} waiting, credit for ${
      countText(credit)
    }`;
    if (this.#state.textContent !== text) this.#state.textContent = text;
  }

  #send(isArray: boolean): void {
    const text = this.#field.value.trim();
    this.#wrong.hidden = true;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return this.#complain(text === "" ? "There is no item" : "This is no JSON");
    }
    if (isArray && !Array.isArray(value)) return this.#complain("This is no array");
    this.#sender.push(isArray ? value as unknown[] : [value]);
    this.#field.value = "";
    this.#field.focus();
    this.#measure();
  }

  #noMore(): void {
    this.#sender.end();
    this.#close();
  }

  #complain(text: string): void {
    this.#wrong.textContent = text;
    this.#wrong.hidden = false;
    this.#field.focus();
  }

  #close(): void {
    for (const button of this.#buttons) button.disabled = true;
    this.#field.disabled = true;
  }
}
