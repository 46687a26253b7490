/// <reference lib="dom" />
/**
 * The colours that were chosen. A script, and no module: it runs before the page is painted, so that nothing
 * is seen in the others first.
 *
 * @module
 */

{
  try {
    const theme = localStorage.getItem("landline-theme");
    if (theme !== null) document.documentElement.dataset["theme"] = theme;
  } catch {
    // A browser that keeps nothing.
  }
}
