// A program: drives Chromium through the scenarios, and prints a line of JSON for each: its name, and what
// went wrong. `_browser.ts '{"everything":"http://…",…}'`

import process from "node:process";
import type { Browser, Page } from "./_page.ts";
import { scenarios, type World } from "./_scenarios.ts";

const { launched } = await import(
  new URL("../interop/programs/_chromium.js", import.meta.url).href
) as { launched(): Promise<Browser> };

/** Not a literal where it is used: the package is no concern of `deno check`. */
const AXE = "npm:axe-core@4";

/** Milliseconds that one element may take to be there: a machine may be busy. */
const PATIENCE = 30_000;

const { default: { source: axe } } = await import(
  AXE
) as { readonly default: { readonly source: string } };

const { only = "", patience = PATIENCE, ...world } = JSON.parse(Deno.args[0]!) as
  & Omit<World, "axe">
  & {
    readonly only?: string;
    readonly patience?: number;
  };
const origins = [world.everything, world.locked, world.hostile, world.leaving].map((url) =>
  new URL(url).origin
);
const browser = await launched();

for (const [name, run] of Object.entries(scenarios)) {
  if (!name.includes(only)) continue;
  const context = await browser.newContext({
    viewport: world.isNarrow ? { width: 390, height: 844 } : { width: 1280, height: 800 },
    reducedMotion: "reduce",
  });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage() as Page & { setDefaultTimeout(ms: number): void };
  page.setDefaultTimeout(patience);
  const wrong: string[] = [];
  page.on("pageerror", ({ message, stack }) => wrong.push(`${message} ${stack?.split("\n")[1]}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/ERR_|WebSocket/.test(message.text())) {
      wrong.push(message.text());
    }
  });
  page.on("request", (request) => {
    const url = request.url();
    if (/^(?:data|blob|about):/.test(url) || origins.includes(new URL(url).origin)) return;
    wrong.push(`It asked for ${url}`);
  });
  await page.addInitScript({
    content: `window.longest = 0;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
      }).observe({ type: "longtask" });`,
  });
  const since = performance.now();
  let longest = 0, paint = 0;
  try {
    await run(page, { ...world, axe });
    longest = await page.evaluate("window.longest");
    paint = await page.evaluate(
      "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0",
    );
  } catch (error) {
    wrong.push((error as Error).message.slice(0, 1500));
  }
  await context.close();
  const ms = Math.round(performance.now() - since);
  console.log(JSON.stringify({ name, wrong, ms, longest, paint: Math.round(paint) }));
}
await browser.close();
process.exit();
