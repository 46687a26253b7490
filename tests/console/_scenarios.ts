// What a user does with the console, feature by feature. Each begins with a page of its own.

import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Locator, Page } from "./_page.ts";
import { inBothThemes, loadAxe, violations } from "./_tries.ts";

/** The servers. */
export interface World {
  readonly everything: string;
  readonly locked: string;
  readonly hostile: string;
  /** One that may be ended. */
  readonly leaving: string;
  /** One that ends each connection after a while, in order. */
  readonly aging: string;
  /** Whether columns are folded into one. */
  readonly isNarrow: boolean;
}

/** A scenario with an open page. */
export type Scenario = (page: Page, world: World) => Promise<void>;

// ---- What several do -------------------------------------------------------------------------

/** Waits until the text of an element fits. */
export async function shows(element: Locator, expected: RegExp | string): Promise<void> {
  await element.filter({ hasText: expected }).first().waitFor();
}

/** Goes to a column. */
export async function column(page: Page, name: "Methods" | "Call" | "Talk", world: World) {
  if (world.isNarrow) await page.getByRole("navigation").getByRole("button", { name }).click();
}

/** Opens the page and waits for its methods. */
export async function open(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.locator("#methods output").filter({ hasText: /\d/ }).waitFor({ state: "attached" });
}

/** Chooses a method by its whole name. */
export async function choose(page: Page, name: string, world: World): Promise<void> {
  await column(page, "Methods", world);
  await page.getByLabel("Search methods").fill(name);
  await page.getByLabel("Search methods").press("Enter");
  await shows(page.locator("#call-title"), name);
}

/** Puts params in as JSON. */
export async function json(page: Page, text: string): Promise<void> {
  await page.getByRole("tab", { name: "JSON" }).click();
  await page.getByLabel("Params, as JSON").fill(text);
}

/** Calls what is in the form, and gives the card of the call. */
export async function call(page: Page): Promise<Locator> {
  await page.locator("#do-call").click();
  return page.locator(".card").first();
}

/** Calls a method with params and waits for its answer. */
export async function callWith(page: Page, name: string, params: string, world: World) {
  await choose(page, name, world);
  if (params !== "") await json(page, params);
  const card = await call(page);
  await shows(card.locator(".state"), / · /);
  return card;
}

/** Waits until the page was painted twice: what has changed is drawn. */
export async function frames(page: Page): Promise<void> {
  await page.evaluate(
    "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))",
  );
}

/** Presses a row of a list, and releases it when the list has changed. @returns the text of the row */
async function pressSlowly(page: Page, list: Locator, changed: () => Promise<void>) {
  const { x, y, width, height } = await list.boundingBox();
  const middle = [x + width / 2, y + height / 2] as const;
  await page.mouse.move(...middle);
  await page.mouse.down();
  const text = await page.evaluate<string>(
    `document.elementFromPoint(${middle}).closest(".row").querySelector(".text").textContent`,
  );
  await changed();
  await frames(page);
  await page.mouse.up();
  return text;
}

/** The text of an answer as it came. */
export async function raw(card: Locator): Promise<string> {
  await card.getByRole("button", { name: "Raw" }).click();
  return (await card.getByLabel("Raw answer").textContent())!;
}

// ---- The scenarios ---------------------------------------------------------------------------

export const scenarios: Readonly<Record<string, Scenario>> = {
  async "the methods are a tree with badges, and a search"(page, world) {
    await open(page, world.everything);
    const rows = page.getByRole("treeitem");
    await shows(rows, "upper");
    const texts = await rows.filter({ hasText: /ticks|total|note|old|math/ }).count();
    equal(texts, 5);
    await shows(rows.filter({ hasText: "ticks" }), "stream");
    await shows(rows.filter({ hasText: "total" }), "items");
    await shows(rows.filter({ hasText: "note" }), "notify");
    await shows(rows.filter({ hasText: "old" }), "deprecated");
    await page.getByLabel("Search methods").fill("order place");
    await shows(page.locator("#methods output"), "1 of");
    await shows(page.locator(".row:not([hidden]):not(.group)"), /^place$/);
  },

  async "a method is called with its form, and the answer has time and size"(page, world) {
    await open(page, world.everything);
    await choose(page, "math.add", world);
    await page.getByLabel(/^a\b/).fill("2");
    await page.getByLabel(/^b\b/).fill("3");
    const card = await call(page);
    await shows(card.locator(".state"), /^answered .* · \d+ B$/);
    match(await raw(card), /"result":5\}$/);
  },

  async "form and JSON are one value"(page, world) {
    await open(page, world.everything);
    await choose(page, "math.add", world);
    await json(page, '{"a":7,"b":8}');
    await page.getByRole("tab", { name: "Form" }).click();
    equal(await page.getByLabel(/^a\b/).inputValue(), "7");
    await page.getByLabel(/^b\b/).fill("9");
    await page.getByRole("tab", { name: "JSON" }).click();
    deepEqual(JSON.parse(await page.getByLabel("Params, as JSON").inputValue()), { a: 7, b: 9 });
    await page.getByLabel("Params, as JSON").fill("{");
    await shows(page.locator("#params-wrong"), "no JSON");
    await page.locator("#do-call").click();
    equal(await page.locator(".card").count(), 0);
  },

  async "the call stands there as commands"(page, world) {
    await open(page, world.everything);
    await choose(page, "math.add", world);
    await json(page, '{"a":1,"b":2}');
    await page.getByRole("tab", { name: "As a command" }).click();
    for (const name of ["curl", "nc", "landline", "TypeScript", "Python"]) {
      match((await page.locator(`pre[aria-label=${name}]`).textContent())!, /math\.add/);
    }
    await page.getByRole("button", { name: "Copy curl" }).click();
    await page.getByText("Copied", { exact: true }).first().waitFor({ state: "attached" });
    match(await page.evaluate("navigator.clipboard.readText()"), /^curl -s http:\/\/127/);
  },

  async "Ctrl+Enter calls and Esc cancels, with progress on the way"(page, world) {
    await open(page, world.everything);
    await choose(page, "work", world);
    await json(page, '{"steps":3}');
    await page.keyboard.press("Control+Enter");
    const card = page.locator(".card").first();
    await shows(card.locator(".progress"), '{"done":3,"total":3}');
    equal(await card.locator("progress").getAttribute("max"), "3");
    await page.keyboard.press("Escape");
    await shows(card.locator(".state"), "CANCELLED");
  },

  async "a deadline and a trace go along"(page, world) {
    await open(page, world.everything);
    await choose(page, "where", world);
    await page.locator("summary").filter({ hasText: "Deadline" }).click();
    await page.getByLabel("Deadline, ms").fill("4321");
    await page.getByRole("button", { name: "New" }).click();
    const trace = await page.getByLabel("traceparent").inputValue();
    const card = await call(page);
    await shows(card.locator(".state"), "answered");
    const answer = JSON.parse(await raw(card));
    equal(answer.result.timeoutMs, 4321);
    equal(answer.result.trace.traceparent, trace);
    await choose(page, "work", world);
    await json(page, '{"steps":1}');
    await page.getByLabel("Deadline, ms").fill("50");
    await shows((await call(page)).locator(".state"), "DEADLINE_EXCEEDED");
  },

  async "an error says what it is, and lights up its field"(page, world) {
    await open(page, world.everything);
    await choose(page, "math.add", world);
    await json(page, '{"a":1,"b":"two"}');
    const card = await call(page);
    await shows(card.locator(".state"), "INVALID_PARAMS");
    await page.getByRole("tab", { name: "Form" }).click();
    await page.locator("#call-form [aria-invalid=true]").first().waitFor();
    await shows(page.locator("#call-form"), "expected number");
  },

  async "an answer is a tree that opens, and is copied"(page, world) {
    await open(page, world.everything);
    const card = await callWith(page, "wide", '{"count":500}', world);
    const tree = card.locator(".answer");
    await tree.getByRole("button", { name: /^Show \d+ more/ }).waitFor();
    ok(await tree.locator("li").count() <= 202);
    await tree.locator("summary").first().click();
    await shows(tree, '"entry 0"');
    await card.getByRole("button", { name: "Copy", exact: true }).click();
    await page.getByText("Copied", { exact: true }).first().waitFor({ state: "attached" });
    const copied = await page.evaluate<string>("navigator.clipboard.readText()");
    equal(JSON.parse(copied).length, 500);
  },

  async "a stream is live; the last 1,000 items are kept, filtered and saved"(page, world) {
    await open(page, world.everything);
    const card = await callWith(page, "ticks", '{"count":2500}', world);
    await shows(card.locator(".stream .count"), "2,500 items, 1,500 older not kept");
    await card.getByLabel("Filter items").fill('"n":2499');
    await shows(card.locator(".stream .count"), "1 of 1,000 items");
    await shows(card.getByRole("option"), '{"n":2499,"square":6245001}');
    await card.getByLabel("Filter items").fill("");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      card.locator(".stream").getByRole("button", { name: "Save" }).click(),
    ]);
    const lines = (await Deno.readTextFile(await download.path())).trimEnd().split("\n");
    deepEqual([lines.length, JSON.parse(lines[0]!).n], [1000, 1501]);
    await card.getByRole("option").first().click();
    await shows(card.locator(".body"), "square");
    match(await raw(await callWith(page, "upper", '["x"]', world)), /"X"/);
  },

  async "a row is chosen though the list goes on under the press"(page, world) {
    await open(page, world.everything);
    await choose(page, "ticks", world);
    await json(page, '{"count":100000000}');
    const card = await call(page), count = card.locator(".stream .count");
    await shows(count, /\d,\d{3} items/);
    const changes = (element: Locator) => async () => {
      const before = await element.textContent();
      await element.filter({ hasNotText: before! }).waitFor();
    };
    const item = await pressSlowly(page, card.getByRole("listbox"), changes(count));
    await shows(card.locator(".body"), `n: ${JSON.parse(item).n}`);
    await column(page, "Talk", world);
    const talk = page.locator("#talk"), said = talk.locator("output").first();
    const message = await pressSlowly(page, talk.getByRole("listbox"), changes(said));
    const bytes = page.getByRole("dialog", { name: "Bytes" });
    await shows(bytes.locator(".bytes-pieces"), message.slice(0, 60));
  },

  async "Pause stops giving credit, and the meter shows it"(page, world) {
    await open(page, world.everything);
    await choose(page, "ticks", world);
    await json(page, '{"count":100000000}');
    const card = await call(page);
    await shows(card.locator(".stream .count"), /\d,\d{3} items/);
    await card.getByRole("button", { name: "Pause" }).click();
    // What was on the way arrives and is held; then the server has no credit left.
    await shows(card.locator(".meter .held dd"), "64");
    await shows(card.locator(".meter .way dd"), "0");
    const given = (await card.locator(".meter .given dd").textContent())!.replaceAll(",", "");
    const yielded = async () => {
      const counts = await callWith(page, "counts", "", world);
      return Number(JSON.parse(await raw(counts)).result.yielded);
    };
    const first = await yielded();
    ok(first <= Number(given) + 1, `${first} yielded, credit for ${given}`);
    equal(await yielded(), first);
    await shows(
      page.locator(".stream .meter .given dd"),
      String(Number(given).toLocaleString("en")),
    );
    const stream = page.locator(".card").filter({ hasText: "ticks" });
    await stream.getByRole("button", { name: "One more" }).click();
    await shows(stream.locator(".given dd"), (Number(given) + 1).toLocaleString("en"));
    await stream.getByRole("button", { name: "Go on" }).click();
    await shows(stream.locator(".meter .held dd"), "0");
    await stream.getByRole("button", { name: "Cancel" }).click();
    await shows(stream.locator(".state"), "CANCELLED");
  },

  async "a stream goes on after its last event when the connection was lost"(page, world) {
    await open(page, world.everything);
    await choose(page, "log", world);
    const card = await call(page);
    await shows(card.locator(".stream .count"), "3 items");
    await choose(page, "drop", world);
    await call(page);
    const lost = page.locator(".card").filter({ hasText: "line 3" });
    await lost.getByRole("button", { name: "Resume after 3" }).waitFor();
    await page.getByRole("button", { name: "Connect" }).click();
    await shows(page.locator("#line-state"), /^open$/);
    await lost.getByRole("button", { name: "Resume after 3" }).click();
    await shows(page.locator(".card").first().getByRole("option"), "line 4");
  },

  async "items go up one at a time and as an array"(page, world) {
    await open(page, world.everything);
    await choose(page, "total", world);
    const card = await call(page);
    const field = card.getByLabel("Items to the server, as JSON");
    await field.fill("5");
    await card.getByRole("button", { name: "Send item" }).click();
    await shows(card.locator(".upload .count"), "1 sent");
    await field.fill("[1,2,3]");
    await card.getByRole("button", { name: "Send all of an array" }).click();
    await shows(card.locator(".upload .count"), "4 sent");
    await field.fill("{");
    await field.press("Enter");
    await shows(card.locator(".upload"), "no JSON");
    await card.getByRole("button", { name: "No more items" }).click();
    await shows(card.locator(".state"), "answered");
    match(await raw(card), /"result":11\}/);
  },

  async "the server asks, and the user answers by hand"(page, world) {
    await open(page, world.everything);
    await choose(page, "ask", world);
    await json(page, '{"question":"Really?"}');
    await page.evaluate(`new MutationObserver(() => {
      const button = document.querySelector("#questions button[type=submit]");
      if (button === null || window.under !== undefined) return;
      const { x, y, width, height } = button.getBoundingClientRect();
      window.under = document.elementFromPoint(x + width / 2, y + height / 2).tagName;
    }).observe(document.getElementById("questions"), { childList: true, subtree: true })`);
    let card = await call(page);
    const asked = page.locator("#questions");
    await shows(asked, "The server asks 1 question");
    await shows(asked, '{"question":"Really?"}');
    // A second click on Call is no answer, if Answer has come under the pointer.
    equal(await page.evaluate("window.under"), "DIV");
    await asked.getByLabel("Result, as JSON").fill('{"yes":true}');
    await asked.getByRole("button", { name: "Answer", exact: true }).click();
    await shows(card.locator(".state"), "answered");
    deepEqual(JSON.parse(await raw(card)).result, { answered: { yes: true } });
    card = await call(page);
    await shows(asked, "The server asks 1 question");
    await asked.locator("summary").click();
    await asked.getByLabel("Message").fill("Not now");
    await asked.getByRole("button", { name: "Refuse" }).click();
    await shows(card.locator(".state"), "INTERNAL_ERROR");
    await asked.waitFor({ state: "hidden" });
  },

  async "a notification is sent and not waited for"(page, world) {
    await open(page, world.everything);
    await choose(page, "note", world);
    await json(page, `["from ${world.isNarrow}"]`);
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await shows(page.locator("#announcer:not(.unseen)"), "Sent");
    const counts = await callWith(page, "counts", "", world);
    match(await raw(counts), new RegExp(`from ${world.isNarrow}`));
  },

  async "the talk has every message, and a click opens its bytes"(page, world) {
    await open(page, world.everything);
    await callWith(page, "upper", '["hello"]', world);
    await column(page, "Talk", world);
    await page.getByLabel("Filter messages").fill("HELLO");
    await shows(page.locator("#talk output"), "1 of");
    const row = page.locator("#talk").getByRole("option").first();
    await shows(row, /answer#\d+.*B · \d\d:\d\d:\d\d/); // it is drawn behind the count
    await row.click();
    const bytes = page.getByRole("dialog", { name: "Bytes" });
    await shows(bytes, "HELLO");
    await page.keyboard.press("Escape");
    await bytes.waitFor({ state: "hidden" });
    await page.locator("#talk").getByRole("button", { name: "Clear" }).click();
    await shows(page.locator("#talk output"), /^0/);
  },

  async "the history is kept over a reload, and can be switched off"(page, world) {
    await open(page, world.everything);
    await callWith(page, "upper", '["kept"]', world);
    await page.reload();
    await page.locator("#methods output").filter({ hasText: /\d/ }).waitFor({ state: "attached" });
    await page.getByRole("button", { name: "History" }).click();
    await page.getByRole("dialog", { name: "History" }).getByRole("button", { name: /upper/ })
      .click();
    await page.getByRole("tab", { name: "JSON" }).click();
    equal(await page.getByLabel("Params, as JSON").inputValue(), '[\n  "kept"\n]');
    await page.getByRole("button", { name: "History" }).click();
    await page.getByLabel(/Keep the last 100/).uncheck();
    await page.keyboard.press("Escape");
    await page.reload();
    await page.getByRole("button", { name: "History" }).click();
    await shows(page.getByRole("dialog", { name: "History" }), "No call was made yet");
    equal(await page.evaluate("localStorage.getItem('landline-history')"), null);
  },

  async "what is clicked before its script is there is not lost"(page, world) {
    const script = Promise.withResolvers<void>();
    await page.route("**/console/app.ts", async (request) => {
      await script.promise;
      await request.continue();
    });
    await page.goto(world.everything);
    await page.getByRole("button", { name: "History" }).click();
    script.resolve();
    await page.getByRole("dialog", { name: "History" }).waitFor();
    await page.keyboard.press("Escape");

    const panel = "**/console/bytes/panel.ts";
    await page.route(panel, (request) => request.abort());
    await shows(page.locator("#line-state"), /^open$/);
    await column(page, "Talk", world);
    const row = page.locator("#talk").getByRole("option").first();
    const bytes = page.getByRole("dialog", { name: "Bytes" });
    await row.click();
    await shows(bytes, "could not be loaded");
    await page.keyboard.press("Escape");
    await page.unroute(panel);
    await row.click();
    await shows(bytes, "jsonrpc");
  },

  async "a page without its script says so"(page, world) {
    await page.route("**/console/app.ts", (request) => request.abort());
    await page.goto(world.everything);
    await shows(page.locator("#line-state"), /^lost: /);
  },

  async "a link shows the same call elsewhere"(page, world) {
    await open(page, world.everything);
    await choose(page, "math.add", world);
    await json(page, '{"a":40,"b":2}');
    await page.getByRole("button", { name: "Copy link" }).click();
    await page.getByText("Copied", { exact: true }).first().waitFor({ state: "attached" });
    const link = await page.evaluate<string>("navigator.clipboard.readText()");
    match(link, /#m=math\.add&p=/);
    await page.goto("about:blank");
    await page.goto(link);
    await shows(page.locator("#call-title"), "math.add");
    await page.getByRole("tab", { name: "JSON" }).click();
    deepEqual(JSON.parse(await page.getByLabel("Params, as JSON").inputValue()), { a: 40, b: 2 });
  },

  async "a token is asked for, kept for the tab alone, and stands nowhere else"(page, world) {
    await page.goto(world.locked);
    const dialog = page.getByRole("dialog", { name: "Token" });
    await dialog.waitFor();
    await shows(dialog, "This server asks who calls");
    await page.keyboard.type("wrong");
    await dialog.getByRole("button", { name: "Use it" }).click();
    await shows(dialog, "The server did not take it");
    await dialog.getByLabel("Token", { exact: true }).fill("s3cret");
    await dialog.getByLabel(/Keep it/).check();
    await dialog.getByRole("button", { name: "Use it" }).click();
    await shows(page.locator("#line-state"), /^open$/);
    await callWith(page, "upper", '["a"]', world);
    equal(await page.evaluate("sessionStorage.getItem('landline-token')"), "s3cret");
    equal(await page.evaluate("JSON.stringify(localStorage).includes('s3cret')"), false);
    ok(!page.url().includes("s3cret"));
    await column(page, "Talk", world);
    await page.getByLabel("Filter messages").fill("rpc.authenticate");
    await shows(page.locator("#talk").getByRole("option"), '"token":"…"');
    await page.reload();
    await shows(page.locator("#line-state"), /^open$/);
    await choose(page, "upper", world);
    await page.getByRole("tab", { name: "As a command" }).click();
    await shows(page.locator("pre[aria-label=curl]"), "Bearer $TOKEN");
  },

  async "the sign of the connection says lost and why, and a button connects"(page, world) {
    await open(page, world.everything);
    await shows(page.locator("#line-state"), /^open$/);
    await choose(page, "drop", world);
    await call(page);
    await shows(page.locator("#line-state"), /^lost: ./);
    await page.getByRole("button", { name: "Connect" }).click();
    await shows(page.locator("#line-state"), /^open$/);
    await callWith(page, "upper", '["again"]', world);
  },

  async "a server that ends in order is told from one that is lost"(page, world) {
    await open(page, world.leaving);
    await choose(page, "work", world);
    await json(page, '{"steps":1}');
    const card = await call(page);
    await shows(card.locator(".progress"), '"done":1');
    await choose(page, "leave", world);
    await page.evaluate(`window.states = [];
      new MutationObserver(() => states.push(document.getElementById("line-state").textContent))
        .observe(document.getElementById("line-state"), { childList: true })`);
    await call(page);
    await shows(page.locator("#line-state"), /^lost: /);
    match((await page.evaluate<string[]>("states"))[0]!, /^going away: .*shutdown/);
    await shows(
      page.locator(".card").filter({ hasText: "work" }).locator(".state"),
      /UNAVAILABLE|LOST/,
    );
  },

  async "what the browser has kept is no more than it should be"(page, world) {
    await page.goto(world.everything);
    const kept = [
      { params: "{" },
      { params: "7" },
      { params: '["kept"]' },
      { at: "x" },
      { params: "", method: {} },
    ];
    await page.evaluate(
      `localStorage.setItem("landline-history", JSON.stringify(${
        JSON.stringify(kept)
      }.map((made) => ({ at: 1, method: "upper", params: "", ms: 1, error: "", ...made }))))`,
    );
    await open(page, `${world.everything}/#x`);
    await page.reload();
    await shows(page.locator("#line-state"), "open");
    await page.getByRole("button", { name: "History" }).click();
    equal(await page.locator(".history button").count(), 1);
    await page.locator(".history button").click();
    await shows(page.locator("#call-title"), "upper");
    await page.getByRole("tab", { name: "JSON" }).click();
    deepEqual(JSON.parse(await page.getByLabel("Params, as JSON").inputValue()), ["kept"]);
  },

  async "a link that says nothing useful is told, and no link breaks the page"(page, world) {
    const rows: [string, RegExp][] = [
      ["m=nothing", /no method as in the link/],
      ["m=upper&p={", /neither an object nor an array/],
      ["m=upper&p=7", /neither an object nor an array/],
      [`m=math.sum&p=${"[".repeat(20_000)}${"]".repeat(20_000)}`, /^$/],
    ];
    for (const [link, told] of rows) {
      await page.goto("about:blank");
      await open(page, `${world.everything}/#${link}`);
      const visible = page.locator("#announcer:not(.unseen)");
      if (told.source === "^$") await shows(page.locator("#call-title"), "math.sum");
      else await shows(visible, told);
    }
  },

  async "the focus stays where it is as old calls go"(page, world) {
    await open(page, world.everything);
    await choose(page, "upper", world);
    await json(page, '["x"]');
    const field = page.getByLabel("Params, as JSON"), cards = page.locator(".card");
    for (let n = 1; n <= 14; n++) {
      await field.press("Control+Enter");
      await shows(cards.first().locator(".state"), / · /);
    }
    equal(await cards.count(), 12);
    equal(await page.evaluate("document.activeElement.tagName"), "TEXTAREA");
    await cards.first().getByRole("button", { name: "Close" }).press("Enter");
    equal(await page.evaluate("document.activeElement.id"), "do-call");
  },

  async "new calls take a new connection when the server ends the old one in order"(page, world) {
    await open(page, world.aging);
    await choose(page, "work", world);
    await json(page, '{"steps":1}');
    const work = page.locator(".card").filter({ hasText: "work" });
    await call(page);
    await shows(work.locator(".progress"), '"done":1');
    await column(page, "Talk", world);
    await page.getByLabel("Filter messages").fill("$/goaway");
    await shows(page.locator("#talk").getByRole("option"), "age");
    await shows(page.locator("#line-state"), "open");
    const upper = await callWith(page, "upper", '["new"]', world);
    match(await raw(upper), /"NEW"/);
    equal(await work.getByRole("button", { name: "Cancel" }).count(), 1);
    await work.getByRole("button", { name: "Cancel" }).click();
    await shows(work.locator(".state"), /CANCEL|answered/);
  },

  async "a load test shows percentiles and a histogram"(page, world) {
    await open(page, world.everything);
    await choose(page, "upper", world);
    await json(page, '["x"]');
    await page.getByRole("tab", { name: "Load test" }).click();
    await page.getByLabel("Calls", { exact: true }).fill("300");
    await page.getByLabel("At a time").fill("4");
    await page.getByRole("button", { name: "Run" }).click();
    await shows(page.locator(".load .figures"), "300");
    await shows(page.locator(".load .figures"), "p99");
    await page.getByRole("img", { name: /^Histogram/ }).waitFor();
    match((await page.locator(".chart .bars").getAttribute("d"))!, /^M/);
  },

  async "the server panel has health, limits, and what the page measured"(page, world) {
    await open(page, world.everything);
    await callWith(page, "upper", '["x"]', world);
    await callWith(page, "upper", "[1]", world);
    await page.getByRole("button", { name: "Server" }).click();
    const panel = page.getByRole("dialog", { name: "Server" });
    await shows(panel, "SERVING");
    await shows(panel, "everything");
    await shows(panel.getByRole("row"), /maxInFlight\s*64/);
    await shows(panel.getByRole("row"), /^upper21/);
    await shows(panel.getByRole("row"), /^INVALID_PARAMS1$/);
    await shows(panel.getByRole("row"), /^maxMessageBytes1,048,576 bytes$/);
    // However long the calls took.
    await page.evaluate(`document.querySelectorAll(".table td:nth-child(n+4)").forEach((cell) => {
      cell.textContent = "99.9 ms";
    })`);
    deepEqual(
      await page.evaluate(
        `[...document.querySelectorAll(".table")].filter((it) => it.scrollWidth > it.clientWidth)
          .map((it) => it.scrollWidth + " > " + it.clientWidth + ": " + it.textContent)`,
      ),
      [],
    );
  },

  async "the keyboard alone does everything"(page, world) {
    await open(page, world.everything);
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    await press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await press("Escape", "/");
    await page.keyboard.type("math");
    await press("ArrowDown", "ArrowDown", "Enter");
    await shows(page.locator("#call-title"), "math.add");
    if (world.isNarrow) await press("Alt+2");
    await page.keyboard.type("20");
    await press("Tab");
    await page.keyboard.type("22");
    await press("Control+Enter");
    const card = page.locator(".card").first();
    await shows(card.locator(".state"), "answered");
    match(await raw(card), /"result":42\}/);
    await press("Alt+3", "End", "Enter");
    await page.getByRole("dialog", { name: "Bytes" }).waitFor();
    await press("Escape", "Alt+1");
    equal(await page.evaluate("document.activeElement.closest('#methods') !== null"), true);
  },

  async "the theme is the system's until it is chosen"(page, world) {
    const back = () => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
    await page.emulateMedia({ colorScheme: "light" });
    await open(page, world.everything);
    const light = await back();
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await back();
    ok(light !== dark);
    await page.getByRole("button", { name: /^Theme/ }).click();
    equal(await back(), light);
    await page.reload();
    equal(await back(), light);
  },

  async "axe-core finds nothing wrong in any part, in both themes"(page, world) {
    await open(page, world.everything);
    await loadAxe(page);
    const found: Record<string, string[]> = {};
    const look = (part: string) =>
      inBothThemes(page, async (theme) => {
        const wrong = await violations(page);
        if (wrong.length > 0) found[`${part}, ${theme}`] = wrong;
      });
    await look("methods");
    await choose(page, "orders.place", world);
    await json(page, '{"customer":"","kind":"parcel","lines":[{"article":"a","count":0}]}');
    await shows((await call(page)).locator(".state"), "INVALID_PARAMS");
    for (const tab of ["Form", "JSON", "As a command", "Load test"]) {
      await page.getByRole("tab", { name: tab }).click();
      await look(tab);
    }
    await choose(page, "upper", world);
    await json(page, '["x"]');
    await page.getByRole("tab", { name: "Load test" }).click();
    await page.getByLabel("Calls", { exact: true }).fill("50");
    await page.getByRole("button", { name: "Run" }).click();
    await shows(page.locator(".load .figures"), "p99");
    await look("result of a load test");
    await choose(page, "ticks", world);
    await json(page, '{"count":100000000}');
    const ticks = await call(page);
    await shows(ticks.locator(".stream .count"), "items");
    await ticks.getByRole("button", { name: "Pause" }).click();
    await look("stream");
    await choose(page, "total", world);
    await call(page);
    await look("items up");
    await choose(page, "ask", world);
    await json(page, '{"question":"?"}');
    await call(page);
    await shows(page.locator("#questions"), "The server asks");
    await page.locator("#questions summary").click();
    await look("question");
    await callWith(page, "wide", '{"count":300}', world);
    await look("answer");
    await page.locator(".card").first().getByRole("button", { name: "Raw" }).click();
    await look("raw answer");
    for (const name of ["Server", "History", "Token", "Keys"]) {
      await page.getByRole("button", { name, exact: true }).click();
      await look(name);
      await page.keyboard.press("Escape");
    }
    await column(page, "Talk", world);
    await look("talk");
    await page.locator("#talk").getByRole("option").first().click();
    await shows(page.getByRole("dialog", { name: "Bytes" }), "jsonrpc");
    await look("bytes");
    equal(JSON.stringify(found, null, 1), "{}");
  },

  async "a hostile server runs no code, and the page goes on"(page, world) {
    await open(page, world.hostile);
    await shows(page.locator("#methods output"), /10,?0\d\d/);
    for (
      const name of [
        "<img",
        "<script",
        "svg onload",
        "javascript:",
        "__proto__",
        "constructor",
        "loop",
        "odd",
      ]
    ) {
      await column(page, "Methods", world);
      await page.getByLabel("Search methods").fill(name);
      await page.getByLabel("Search methods").press("Enter");
      await page.locator("#do-call").click();
      await shows(page.locator(".card").first().locator(".state"), / · /);
      for (const tab of ["Form", "JSON", "As a command"]) {
        await page.getByRole("tab", { name: tab }).click();
      }
    }
    // Nothing of the rubbish is taken for the answer, which comes last.
    match(await raw(await callWith(page, "rubbish", "", world)), /__proto__/);
    await callWith(page, "questions", "", world);
    await shows(page.locator("#questions"), "The server asks 100 questions");
    await page.getByRole("button", { name: "Server" }).click();
    await shows(page.getByRole("dialog", { name: "Server" }), "img");
    await page.keyboard.press("Escape");
    equal(await page.evaluate("window.hacked"), undefined);
    equal(
      await page.evaluate(
        "document.querySelectorAll('img, script:not([src]), svg[onload], [onerror]').length",
      ),
      0,
    );
    equal(
      await page.evaluate("/[\\u202e\\u2066\\u0000\\u0007\\u001b]/.test(document.body.innerText)"),
      false,
    );
  },

  async "ten megabytes and a flood of items leave the page at work"(page, world) {
    await open(page, world.hostile);
    const large = await callWith(page, "large", "", world);
    await shows(large.locator(".state"), /MB/);
    await shows(large.locator(".answer"), "Too long to be shown whole");
    await large.getByRole("button", { name: "Raw" }).click();
    await large.getByRole("button", { name: /^More/ }).waitFor();
    await choose(page, "flood", world);
    const flood = await call(page);
    await shows(flood.locator(".stream .note"), "without credit");
    // While they come, the page is used.
    await column(page, "Methods", world);
    await page.getByLabel("Search methods").fill("many.7.of");
    await shows(page.locator("#methods output"), "of");
    await column(page, "Call", world);
    await shows(flood.locator(".state"), "answered");
    await shows(flood.locator(".stream .count"), "300,000 items");
  },

  async "a hundred thousand messages of one item each leave the page at work"(page, world) {
    await open(page, world.hostile);
    await choose(page, "drizzle", world);
    const card = await call(page);
    await shows(card.locator(".stream .note"), "without credit");
    await column(page, "Methods", world);
    await page.getByLabel("Search methods").fill("many.7.of");
    await shows(page.locator("#methods output"), "of");
    await column(page, "Call", world);
    await shows(card.locator(".state"), "answered");
    await shows(card.locator(".stream .count"), "100,000 items");
  },
};
