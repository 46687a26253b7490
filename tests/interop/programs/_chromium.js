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
  "--host-resolver-rules=MAP *.test 127.0.0.1",
];

/** Starts it. */
export async function launched() {
  const { chromium } = await npm("playwright-core@1");
  return await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ARGS,
    // A browser keeps the pages that one comes back to.
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
}
