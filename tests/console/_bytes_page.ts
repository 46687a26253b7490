// A program: opens the bytes panel as one file in Chromium, uses it, and prints a line of JSON for each thing it
// tried: its name, and what went wrong. `_bytes_page.ts FILE WIDTH`

import { deepStrictEqual, match, ok } from "node:assert/strict";
import process from "node:process";
import { pathToFileURL } from "node:url";
import type { Locator, Page } from "./_page.ts";
import { browser, inBothThemes, loadAxe, tryAll, violations } from "./_tries.ts";

const [file, width] = Deno.args;

/** What the page says of all pieces together. */
const summary = (page: Page) => page.locator(".bytes-summary");

/** A slider by its number. */
function slider(page: Page, number: number): Locator {
  return page.getByRole("slider", { name: `Cut ${number}` });
}

const FRAMINGS = ["Lines", "JSON alone", "Headers (LSP)", "Length", "HTTP", "WebSocket"];

const tries: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  async "every framing finds the messages, however they are cut"(page) {
    await page.getByLabel("Two messages").check();
    for (const from of ["from a client", "from a server"]) {
      await page.getByLabel("It comes").selectOption(from);
      for (const name of FRAMINGS) {
        await page.getByLabel(name, { exact: true }).check();
        for (
          const lesson of ["All in one piece", "One and a half", "Within a", "One byte a piece"]
        ) {
          await page.getByRole("button", { name: lesson }).click();
          match((await summary(page).textContent())!, /, with framing 2 messages\.$/, name);
        }
      }
    }
  },

  async "two messages in one piece are one without framing"(page) {
    await page.getByLabel("Two messages").check();
    await page.getByRole("button", { name: "All in one piece" }).click();
    match(
      (await summary(page).textContent())!,
      /in 1 piece: without framing 1 message, with framing 2 messages/,
    );
    deepStrictEqual(await page.locator(".bytes-pieces > li").count(), 1);
    deepStrictEqual(await page.locator(".bytes-pieces .bytes-message").count(), 2);
  },

  async "a slider cuts anywhere, by the keyboard too"(page) {
    await page.getByRole("button", { name: "Add a cut" }).click();
    await slider(page, 1).focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    deepStrictEqual(await page.locator(".bytes-place").textContent(), "2");
    const first = page.locator(".bytes-pieces > li").first();
    match((await first.textContent())!, /Piece 1, 2 bytes.*keeps 2 bytes/);
    match((await page.locator(".bytes-hex").textContent())!, /^0000 {2}7b 22\|6a/);
    await page.getByRole("button", { name: "Add a cut" }).click();
    match((await summary(page).textContent())!, /in 3 pieces/);
    await page.getByRole("button", { name: "Remove cut 1" }).click();
    match((await summary(page).textContent())!, /in 2 pieces/);
  },

  async "a character that is cut is lost without framing alone"(page) {
    await page.getByRole("button", { name: "Within a character" }).click();
    const pieces = page.locator(".bytes-pieces > li");
    match((await pieces.first().textContent())!, /\ufffd/);
    match((await pieces.last().textContent())!, /message: .*你好/);
  },

  async "what is no message is a fault"(page) {
    await page.getByRole("textbox").fill("hello");
    match((await summary(page).textContent())!, /with framing 0 messages/);
    await page.getByRole("textbox").fill("{]");
    match((await page.locator(".bytes-fault").first().textContent())!, /fault/);
  },

  async "nothing in it is read as HTML, and nothing is unseen"(page) {
    const text = '["<img src=x onerror=alert(1)>\u202e"]';
    await page.getByRole("textbox").fill(text);
    deepStrictEqual(await page.locator(".bytes img").count(), 0);
    match(
      (await page.locator(".bytes-pieces").textContent())!,
      /<img src=x onerror=alert\(1\)>\\u202e/,
    );
  },

  async "nothing is cut off, and axe has no complaint in both themes"(page) {
    await page.getByLabel("Two messages").check();
    await page.getByRole("button", { name: "Add a cut" }).click();
    await loadAxe(page);
    await inBothThemes(page, async () => {
      for (const name of ["Lines", "WebSocket"]) {
        await page.getByLabel(name, { exact: true }).check();
        ok(!await page.evaluate("document.documentElement.scrollWidth > innerWidth"), name);
        deepStrictEqual(await violations(page), []);
      }
    });
  },
};

await tryAll(Object.entries(tries), async (run, page) => {
  await page.goto(pathToFileURL(file!).href);
  await run(page);
}, { width: Number(width), mayAsk: (url) => /^(?:file|data):/.test(url) });
await browser.close();
process.exit();
