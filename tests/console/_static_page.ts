// A program: opens the console as a page of another web server than the one that it calls, and prints a line of
// JSON for each thing it tried: its name, and what went wrong. `_static_page.ts PAGE SERVER`

import { match } from "node:assert/strict";
import process from "node:process";
import type { Page } from "./_page.ts";
import { callWith, open, shows, type World } from "./_scenarios.ts";
import { browser, tryAll } from "./_tries.ts";

const [url = "", server = ""] = Deno.args;
const world = { isNarrow: false } as World;

const tries: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  async "it calls the server that its link names, and says where that is"(page) {
    const card = await callWith(page, "upper", '["hello"]', world);
    await shows(card, "HELLO");
    match((await page.locator("#server-name").textContent())!, new RegExp(new URL(server).host));
  },

  async "it shows the bytes of what has travelled"(page) {
    await shows(page.locator("#talk [role=option]"), "rpc.discover");
    await page.locator("#talk [role=option]").first().click();
    await page.locator("#bytes-dialog .bytes-hex").first().waitFor();
  },
};

await tryAll(Object.entries(tries), async (run, page) => {
  await open(page, `${url}?server=${server}`);
  await run(page);
}, { width: 1280, mayAsk: (asked) => asked.startsWith(url) || asked.startsWith("data:") });
await browser.close();
process.exit();
