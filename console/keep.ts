/// <reference lib="dom" />
/**
 * What the page keeps in the browser, and what it puts on the clipboard and into files. A browser may keep
 * nothing: then nothing is kept.
 *
 * @module
 */

import { h } from "./dom.ts";

/** What was kept under a name. */
export function kept(name: string, storage: "local" | "session" = "local"): string | undefined {
  try {
    return storageOf(storage).getItem(`landline-${name}`) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a text under a name; undefined forgets it. */
export function keep(
  name: string,
  text: string | undefined,
  storage: "local" | "session" = "local",
): void {
  try {
    if (text === undefined) storageOf(storage).removeItem(`landline-${name}`);
    else storageOf(storage).setItem(`landline-${name}`, text);
  } catch {
    // Full, or forbidden.
  }
}

function storageOf(storage: "local" | "session"): Storage {
  return storage === "local" ? localStorage : sessionStorage;
}

/**
 * Makes a button that copies a text, and says whether it did.
 *
 * @param text gives the text when the user clicks
 * @param announce tells it to users who do not see the button
 * @param what the text is, if the label alone does not say it
 */
export function copyButton(
  label: string,
  text: () => string,
  announce: (text: string) => void,
  what?: string,
): HTMLButtonElement {
  const button = h("button", {
    type: "button",
    "aria-label": what === undefined ? null : `${label} ${what}`,
    onclick: async () => {
      const isCopied = await copy(text());
      announce(isCopied ? "Copied" : "The browser does not let it be copied");
      button.textContent = isCopied ? "Copied" : "Not copied";
      setTimeout(() => button.textContent = label, 1500);
    },
  }, label);
  return button;
}

/** Puts a text on the clipboard. @returns whether it is there */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without TLS there is no such clipboard but on this machine.
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "unseen";
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    return isCopied;
  }
}

/** Saves texts as a file. */
export function save(name: string, type: string, parts: readonly string[]): void {
  const url = URL.createObjectURL(new Blob([...parts], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
