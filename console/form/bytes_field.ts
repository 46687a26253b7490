/// <reference lib="dom" />
/**
 * A field for bytes: a file, which becomes base64, or base64 itself.
 *
 * @module
 */

import { h } from "../dom.ts";
import { countText } from "../numbers.ts";
import { isBytes } from "../schema.ts";

/** Characters of base64 that are shown. */
const MAX_SHOWN = 4000;

/**
 * Makes the field.
 *
 * @param describedBy the element that says what is wrong with it
 * @param change is given the value once it is known; undefined takes it away
 */
export function bytesField(
  value: unknown,
  describedBy: string,
  change: (value: unknown) => void,
  mayBeAbsent: boolean,
): { readonly control: HTMLElement; readonly rest: readonly HTMLElement[] } {
  const given = isBytes(value) ? value.$base64 : undefined;
  const control = h("input", { type: "file", "aria-describedby": describedBy });
  control.addEventListener("change", async () => {
    const file = control.files?.[0];
    if (file !== undefined) change({ $base64: await base64Of(file) });
  });
  const rest: HTMLElement[] = [];
  if (given !== undefined && given.length > MAX_SHOWN) {
    rest.push(h("span", { class: "note" }, `${countText(sizeOf(given))} bytes`));
  } else {
    const text = h("input", {
      type: "text",
      class: "base64",
      "aria-label": "The same as base64",
      placeholder: "or base64",
      spellcheck: "false",
      autocomplete: "off",
    });
    text.value = given ?? "";
    text.addEventListener("change", () => {
      const isEmpty = text.value.trim() === "" && mayBeAbsent;
      change(isEmpty ? undefined : { $base64: text.value.trim() });
    });
    rest.push(text);
    if (given !== undefined) rest.push(h("span", { class: "note" }, `${sizeOf(given)} bytes`));
  }
  if (given !== undefined && mayBeAbsent) {
    rest.push(h("button", {
      type: "button",
      class: "remove",
      onclick: () => change(undefined),
    }, "Clear"));
  }
  return { control, rest };
}

/** How many bytes stand in base64. */
function sizeOf(base64: string): number {
  return Math.floor(base64.replace(/=+$/, "").length * 3 / 4);
}

function base64Of(file: File): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const reader = new FileReader();
  reader.onload = () => {
    const url = String(reader.result);
    resolve(url.slice(url.indexOf(",") + 1));
  };
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(file);
  return promise;
}
