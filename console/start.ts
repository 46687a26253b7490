/// <reference lib="dom" />
/**
 * What runs before the page is painted: it sets the colours that were chosen, so that nothing is seen in
 * the others first, and starts the page behind its first paint, which waits for no other script.
 *
 * @module
 */

/** Milliseconds after which the page starts though nothing was painted: its tab may be hidden. */
const PATIENCE = 500;

/** Starts the page, once. */
function start(): void {
  observer.disconnect();
  clearTimeout(timer);
  import("./app.ts");
}

try {
  const theme = localStorage.getItem("landline-theme");
  if (theme !== null) document.documentElement.dataset["theme"] = theme;
} catch {
  // A browser that keeps nothing.
}
const observer = new PerformanceObserver(start);
observer.observe({ type: "paint", buffered: true });
const timer = setTimeout(start, PATIENCE);
