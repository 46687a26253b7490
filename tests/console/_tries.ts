// What the programs that drive Chromium share: the browser, pages whose faults are noted, a line of JSON for
// each thing that is tried, and axe-core.

import type { Browser, Page } from "./_page.ts";

const { launched } = await import(
  new URL("../interop/programs/_chromium.js", import.meta.url).href
) as { launched(): Promise<Browser> };
const { npm } = await import(
  new URL("../interop/programs/_print.js", import.meta.url).href
) as { npm(name: string): Promise<{ readonly default: { readonly source: string } }> };

/** Milliseconds that one element may take to be there: a machine may be busy. */
const PATIENCE = 30_000;

/** The browser. */
export const browser: Browser = await launched();

/** How a page is opened, and what is no fault in it. */
export interface PageOptions {
  readonly width: number;
  /** Pixels. @default {800} */
  readonly height?: number;
  /** Milliseconds that one element may take to be there. @default {30000} */
  readonly patience?: number | undefined;
  /** Whether a certificate of a test is good enough. @default {false} */
  readonly ignoreHTTPSErrors?: boolean;
  /** Whether the page may ask for a URL. */
  mayAsk(url: string): boolean;
  /** Whether an error in the browser's console is none of the page's. @default none is */
  isExpected?(text: string): boolean;
}

/** A page of its own, and what goes wrong in it that no step would notice. */
export async function newPage(
  {
    width,
    height = 800,
    patience = PATIENCE,
    ignoreHTTPSErrors = false,
    mayAsk,
    isExpected = () => false,
  }: PageOptions,
) {
  const context = await browser.newContext({
    viewport: { width, height },
    reducedMotion: "reduce",
    ignoreHTTPSErrors,
  });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  const wrong: string[] = [];
  page.on("pageerror", ({ message, stack }) => wrong.push(`${message} ${stack?.split("\n")[1]}`));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !isExpected(text)) wrong.push(text);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!mayAsk(url)) wrong.push(`It asked for ${url}`);
  });
  await page.addInitScript({
    content: `window.longest = 0;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
      }).observe({ type: "longtask" });`,
  });
  return { page, wrong, [Symbol.asyncDispose]: () => context.close() };
}

/** Tries each with a page of its own, and prints its name, what went wrong, and what was measured. */
export async function tryAll<T>(
  tries: readonly (readonly [name: string, it: T])[],
  run: (it: T, page: Page) => Promise<void>,
  options: PageOptions,
): Promise<void> {
  for (const [name, it] of tries) {
    await using own = await newPage(options);
    const { page, wrong } = own, since = performance.now();
    let longest = 0, paint = 0;
    try {
      await run(it, page);
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
}

/** Looks at the page in the light and in the dark theme. */
export async function inBothThemes(
  page: Page,
  look: (theme: "light" | "dark") => Promise<void>,
): Promise<void> {
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await look(theme);
  }
}

/** Loads axe-core into the page. */
export async function loadAxe(page: Page): Promise<void> {
  await page.evaluate((await npm("axe-core@4")).default.source);
}

/** What axe-core, which is loaded, finds wrong with the page as it is. */
export function violations(page: Page): Promise<string[]> {
  return page.evaluate(`axe.run().then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
      id + " " + target.join(" ") + " " + failureSummary)))`);
}
