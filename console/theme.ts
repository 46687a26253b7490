/// <reference lib="dom" />
// Runs before the page is painted, so that it never shows in the other colours first.
{
  try {
    const theme = localStorage.getItem("landline-theme");
    if (theme !== null) document.documentElement.dataset["theme"] = theme;
  } catch {
    // A browser that keeps nothing.
  }
}
