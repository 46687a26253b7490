/// <reference lib="dom" />
/**
 * What runs before the page is painted: it sets the colours that were chosen, so that nothing is seen in
 * the others first, and starts the page behind its first paint, which waits for no other script. A button
 * that is clicked before the page has started is clicked for the user once it has.
 *
 * @module
 */

/** Milliseconds after which the page starts though nothing was painted: its tab may be hidden. */
const PATIENCE = 500;

/** The last button that was clicked too early. */
let early: HTMLElement | null = null;

function keepClick({ target }: Event): void {
  early = (target as Element).closest("button");
}

/** Starts the page, once. */
async function start(): Promise<void> {
  observer.disconnect();
  clearTimeout(timer);
  try {
    await import("./app.ts");
  } catch (error) {
    const why = (error as Error).message.slice(0, 200);
    document.getElementById("line")!.dataset["state"] = "lost";
    document.getElementById("line-state")!.textContent = `lost: the page does not start: ${why}`;
  } finally {
    removeEventListener("click", keepClick);
  }
  early?.click();
}

addEventListener("click", keepClick);

try {
  const theme = localStorage.getItem("landline-theme");
  if (theme !== null) document.documentElement.dataset["theme"] = theme;
} catch {
  // A browser that keeps nothing.
}
const observer = new PerformanceObserver(start);
observer.observe({ type: "paint", buffered: true });
const timer = setTimeout(start, PATIENCE);
