/// <reference lib="dom" />
/**
 * What the page keeps in the browser, and what it puts on the clipboard and into files. A browser may keep
 * nothing: then nothing is kept.
 *
 * @module
 */

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

/** Puts a text on the clipboard. @returns whether it is there */
export async function copy(text: string): Promise<boolean> {
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
