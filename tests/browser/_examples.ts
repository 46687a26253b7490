// A program: drives Chromium through the pages that the documents show, and prints a line of JSON for each: its
// name, and what went wrong. `_examples.ts '{"plain":"http://…",…}'`.

import { assertEquals } from "../../std/assert/mod.ts";
import type { Page } from "../console/_page.ts";
import { browser, tryAll } from "../console/_tries.ts";
import process from "node:process";

const { plain, vite, react } = JSON.parse(Deno.args[0]!) as Record<string, string>;

/** Says something, agrees when the server asks the page, and sees it. */
async function chat(page: Page, url: string): Promise<void> {
  const asked: string[] = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.message());
    dialog.accept();
  });
  await page.goto(url);
  await page.locator("output").filter({ hasText: "ready" }).waitFor();
  await page.getByLabel("Say").fill(`from ${url}`);
  await page.getByRole("button", { name: "Send" }).click();
  await page.locator("li").filter({ hasText: `from ${url}` }).waitFor();
  assertEquals(asked, [`Say "from ${url}" to everyone?`]);
}

const pages: [string, (page: Page) => Promise<void>][] = [
  ["examples/page works without a bundler", (page) => chat(page, plain!)],
  ["examples/page/vite works as Vite has built it", (page) => chat(page, vite!)],
  ["the hook of docs/web.md shows a stream, and ends it with its component", async (page) => {
    await page.goto(react!);
    await page.waitForFunction("window.line !== undefined");
    await page.locator("ul").waitFor({ state: "attached" });
    await page.evaluate("line.call.following().then(() => line.call.push('one'))");
    await page.locator("li").filter({ hasText: "one" }).waitFor();
    await page.evaluate("line.call.push('two')");
    await page.locator("li").nth(1).waitFor();
    await page.evaluate("unmount()");
    assertEquals(await page.evaluate("line.call.ended()"), true);
  }],
];

await tryAll(pages, (run, page) => run(page), {
  width: 600,
  mayAsk: () => true,
  isExpected: (text) => text.includes("favicon") || text.includes("404"),
});
await browser.close();
process.exit();
