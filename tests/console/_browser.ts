// A program: drives Chromium through the scenarios, and prints a line of JSON for each: its name, and what
// went wrong. `_browser.ts '{"everything":"http://…",…}'`. With a `folder` it takes the pictures instead.

import process from "node:process";
import type { Browser, Page } from "./_page.ts";
import { scenarios, type World } from "./_scenarios.ts";
import { shots } from "./_shots.ts";

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

const { only = "", patience = PATIENCE, folder, ...given } = JSON.parse(
  Deno.args[0]!,
) as Omit<World, "axe"> & {
  readonly only?: string;
  readonly patience?: number;
  readonly folder?: string;
};
const world = { ...given, axe };
const { everything, locked, hostile, leaving, aging } = world;
const origins = [everything, locked, hostile, leaving, aging].map((url) => new URL(url).origin);
const browser = await launched();

/** A page of its own, and what went wrong in it that no step would notice. */
async function newPage(isNarrow: boolean) {
  const context = await browser.newContext({
    viewport: isNarrow ? { width: 390, height: 844 } : { width: 1280, height: 800 },
    reducedMotion: "reduce",
  });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage() as Page & { setDefaultTimeout(ms: number): void };
  page.setDefaultTimeout(patience);
  const wrong: string[] = [];
  page.on("pageerror", ({ message, stack }) => wrong.push(`${message} ${stack?.split("\n")[1]}`));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !/ERR_|WebSocket/.test(text)) wrong.push(text);
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
  return { page, wrong, [Symbol.asyncDispose]: () => context.close() };
}

if (folder === undefined) {
  for (const [name, run] of Object.entries(scenarios)) {
    if (!name.includes(only)) continue;
    await using own = await newPage(world.isNarrow);
    const { page, wrong } = own, since = performance.now();
    let longest = 0, paint = 0;
    try {
      await run(page, world);
      longest = await page.evaluate("window.longest");
      paint = await page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0",
      );
    } catch (error) {
      wrong.push((error as Error).message.slice(0, 1500));
    }
    const ms = Math.round(performance.now() - since);
    console.log(JSON.stringify({ name, wrong, ms, longest, paint: Math.round(paint) }));
  }
} else {
  for (const [name, { isNarrow, theme, take }] of Object.entries(shots)) {
    await using own = await newPage(isNarrow);
    await own.page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await take(own.page, { ...world, isNarrow });
    // What was chosen last is drawn with the next frames.
    await own.page.evaluate(
      "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))",
    );
    await own.page.screenshot({ path: `${folder}/${name}.png` });
  }
}
await browser.close();
process.exit();
