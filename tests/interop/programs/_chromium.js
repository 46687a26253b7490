// Debian's Chromium, driven by playwright-core.

import { npm } from "./_print.js";

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts it. @param args flags of Chromium's, beside the usual ones */
export async function launched(...args) {
  const { chromium } = await npm("playwright-core@1");
  return await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [...ARGS, ...args],
    // A browser keeps the pages that one comes back to.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
}
