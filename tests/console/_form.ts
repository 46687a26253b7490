// A program: fills forms of the console in Chromium as a person does, and prints a line of JSON for each thing it
// tried: its name, and what went wrong. `_form.ts URL WIDTH`, where URL serves the sources.

import { deepStrictEqual, match, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import type { Locator, Page } from "./_page.ts";
import { browser, inBothThemes, loadAxe, tryAll, violations } from "./_tries.ts";

const [url, width] = Deno.args;

type FileField = Locator & {
  setInputFiles(file: { name: string; mimeType: string; buffer: Buffer }): Promise<void>;
};

/** Shows the form of a method that takes these params by name. */
async function showForm(page: Page, schemas: Record<string, unknown>, required: string[] = []) {
  const params = Object.entries(schemas).map(([name, schema]) => ({
    name,
    schema,
    required: required.includes(name),
  }));
  await showMethod(page, { paramStructure: "by-name", params });
}

async function showMethod(page: Page, method: unknown, document: unknown = {}) {
  await page.evaluate(`import("/console/form/form.ts").then(({ createForm }) => {
    globalThis.form = createForm(${JSON.stringify(method)}, ${JSON.stringify(document)});
    globalThis.changes = 0;
    form.onchange = () => changes++;
    globalThis.document.querySelector("#here").replaceChildren(form.element);
  })`);
}

const value = (page: Page) => page.evaluate<unknown>("form.value() ?? null");
const problem = (page: Page) => page.evaluate<unknown>("form.problem() ?? null");
const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });
const field = (page: Page, name: string | RegExp) => page.getByLabel(name).first();

const TEXT = { type: "string" }, NUMBER = { type: "number" };
const BYTES = { type: "object", properties: { $base64: TEXT }, required: ["$base64"] };

const tries: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  async "texts and numbers are typed, and what is optional is absent until then"(page) {
    await showForm(page, { name: TEXT, count: { type: "integer" } }, ["name"]);
    deepStrictEqual(await value(page), null);
    await field(page, "name").fill("a\nb");
    await field(page, "count").fill("7");
    deepStrictEqual(await value(page), { name: "a\nb", count: 7 });
    await field(page, "count").fill("");
    deepStrictEqual(await value(page), { name: "a\nb" });
    match((await page.locator(".field").first().textContent())!, /^name required/);
    await field(page, "count").fill("7x");
    deepStrictEqual([await value(page), await problem(page)], [
      { name: "a\nb" },
      "count: This is no number",
    ]);
    deepStrictEqual(await field(page, "count").getAttribute("aria-invalid"), "true");
    await field(page, "count").fill("8");
    deepStrictEqual([await problem(page), await page.evaluate("changes > 4")], [null, true]);
  },

  async "lists grow and shrink, with the keyboard alone"(page) {
    await showForm(page, { tags: { type: "array", items: TEXT } }, ["tags"]);
    await button(page, "Add item").focus();
    await page.keyboard.press("Enter");
    await page.keyboard.type("one");
    await page.keyboard.press("Tab"); // Remove
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.type("two");
    deepStrictEqual(await value(page), { tags: ["one", "two"] });
    await button(page, "Remove item 1").click();
    deepStrictEqual(await value(page), { tags: ["two"] });
    deepStrictEqual(await page.evaluate("document.activeElement.value"), "two");
  },

  async "members of any name are added, __proto__ too"(page) {
    await showForm(page, { r: { type: "object", additionalProperties: NUMBER } }, ["r"]);
    for (const [name, number] of [["a", "1"], ["__proto__", "2"]]) {
      await page.getByLabel("Name to add").fill(name!);
      await page.getByLabel("Name to add").press("Enter");
      await page.keyboard.press("Control+A");
      await page.keyboard.type(number!);
    }
    deepStrictEqual(
      await page.evaluate("JSON.stringify(form.value())"),
      '{"r":{"a":1,"__proto__":2}}',
    );
    await button(page, "Remove a").click();
    deepStrictEqual(await page.evaluate("JSON.stringify(form.value())"), '{"r":{"__proto__":2}}');
  },

  async "an object that is optional is there once it is added, and goes again"(page) {
    await showForm(page, { address: { type: "object", properties: { street: TEXT } } });
    deepStrictEqual(await page.locator("textarea").count(), 0);
    await button(page, "Add address").click();
    await page.keyboard.type("Main St");
    deepStrictEqual(await value(page), { address: { street: "Main St" } });
    await button(page, "Remove address").click();
    deepStrictEqual(await value(page), null);
  },

  async "an alternative is chosen, and its constants are set"(page) {
    const shape = (type: string, ...names: string[]) => ({
      type: "object",
      properties: {
        type: { const: type },
        ...Object.fromEntries(names.map((name) => [name, NUMBER])),
      },
      required: ["type", ...names],
    });
    await showForm(page, { shape: { oneOf: [shape("circle", "r"), shape("rect", "w", "h")] } }, [
      "shape",
    ]);
    const kind = page.getByLabel("Kind of shape");
    await kind.selectOption("1");
    deepStrictEqual(await value(page), { shape: { type: "rect" } });
    await field(page, /^w\b/).fill("2");
    await kind.focus();
    await page.keyboard.press("ArrowUp");
    deepStrictEqual(await page.evaluate("document.activeElement.className"), "kind");
    match(JSON.stringify(await value(page)), /"type":"circle"/);
  },

  async "bytes come from a file, and as base64"(page) {
    await showForm(page, { data: BYTES }, ["data"]);
    const file = page.locator("input[type=file]") as FileField;
    await file.setInputFiles({
      name: "x.bin",
      mimeType: "application/octet-stream",
      buffer: Buffer.from([1, 2, 255]),
    });
    await page.waitForFunction("form.value()?.data.$base64 === 'AQL/'");
    deepStrictEqual(await page.getByLabel("The same as base64").inputValue(), "AQL/");
    await page.getByLabel("The same as base64").fill("AA==");
    await page.getByLabel("The same as base64").press("Tab");
    deepStrictEqual(await value(page), { data: { $base64: "AA==" } });
    await button(page, "Clear").click();
    deepStrictEqual(await value(page), null);
  },

  async "params by position are a list with names"(page) {
    await showMethod(page, {
      paramStructure: "by-position",
      params: [{ name: "a", required: true, schema: TEXT }, { name: "b", schema: NUMBER }],
    });
    await field(page, /^b\b/).fill("2");
    deepStrictEqual(await value(page), [null, 2]);
    await field(page, /^a\b/).fill("x");
    deepStrictEqual(await value(page), ["x", 2]);
    await field(page, /^b\b/).fill("");
    deepStrictEqual(await value(page), ["x"]);
  },

  async "what the fields cannot show is JSON, and is left alone"(page) {
    await showForm(page, { a: TEXT, b: NUMBER });
    const given = { a: "x\r\n\u202e", b: "no number", more: [1] };
    await page.evaluate(`form.set(${JSON.stringify(given)})`);
    deepStrictEqual(await value(page), given);
    deepStrictEqual(await field(page, /^a\b/).inputValue(), '"x\\r\\n\u202e"');
    match((await page.locator(".form").textContent())!, /In JSON only: more/);
    await field(page, /^b\b/).fill("8");
    deepStrictEqual(await value(page), { ...given, b: 8 });
    await page.evaluate("form.set([1, 2, 3, 4])");
    match((await page.locator(".form").textContent())!, /not what the method describes/);
    deepStrictEqual(await value(page), [1, 2, 3, 4]);
  },

  async "issues light up their fields until these change"(page) {
    const schema = { type: "object", properties: { street: TEXT }, required: ["street"] };
    await showForm(page, { address: schema, tags: { type: "array", items: TEXT } }, ["address"]);
    await page.evaluate('form.set({ address: { street: "x" }, tags: ["a", "b"] })');
    await page.evaluate(`form.showIssues([
      { path: ["address", "street"], message: "<b>too short</b>\u202e" },
      { path: ["tags", 1], message: "not b" },
      { path: ["nothing", "here"], message: "unknown" },
    ])`);
    const wrong = page.locator(".issue:not([hidden])");
    const texts = await page.evaluate<string[]>(
      "[...document.querySelectorAll('.issue:not([hidden])')].map((it) => it.textContent)",
    );
    deepStrictEqual(texts.sort(), [
      "<b>too short</b>\\u202e",
      "not b",
      "nothing.here: unknown",
    ]);
    deepStrictEqual(await page.locator("[aria-invalid=true]").count(), 2);
    await field(page, /^street/).fill("longer");
    deepStrictEqual(await wrong.count(), 2);
    await page.evaluate("form.showIssues([])");
    deepStrictEqual(await wrong.count(), 0);
  },

  async "a server that means harm has no more than a page full of fields"(page) {
    const names = Array.from({ length: 10_000 }, (_, at) => `m${at}`);
    const self = { $ref: "#/components/schemas/x" };
    const cyclic = (schema: object) => ({ components: { schemas: { x: schema } } });
    const one = {
      paramStructure: "by-name",
      params: [{ name: "x", required: true, schema: self }],
    };
    const wide = Object.fromEntries(names.map((name) => [name, TEXT]));
    const every = Object.fromEntries(names.slice(0, 100).map((name) => [name, self]));
    const forms: [method: unknown, document: unknown][] = [
      [{ params: names.map((name) => ({ name, schema: TEXT })) }, {}],
      [one, cyclic({ properties: wide, required: names })],
      [one, cyclic({ properties: every, required: names.slice(0, 100) })],
      [one, cyclic({ anyOf: [self, self, TEXT] })],
      [one, cyclic({ enum: names })],
      [{ params: [{ name: "\u202e<img src=x onerror=alert(1)>".repeat(50), schema: TEXT }] }, {}],
    ];
    for (const [method, document] of forms) {
      await showMethod(page, method, document);
      ok(await page.evaluate<number>("form.element.querySelectorAll('*').length") < 2000);
      await page.evaluate(`form.set({ x: "v" })`);
      deepStrictEqual(await value(page), { x: "v" });
      ok(await page.evaluate<number>("form.element.querySelectorAll('*').length") < 2000);
    }
    match((await page.locator(".name").first().textContent())!, /^\\u202e<img src=x.*…$/);
    deepStrictEqual(await page.locator("#here img").count(), 0);
    await showMethod(page, forms[0]![0]);
    await page.getByRole("button", { name: /Show 100 more of 9/ }).click();
    ok(await page.locator("textarea").count() > 150);
  },

  async "a tree shows two levels, and more when it is asked"(page) {
    await page.evaluate(`import("/console/tree.ts").then(({ createTree }) => {
      const value = { list: Array.from({ length: 500 }, (_, at) => [at]), "<b>": "\u202e" };
      document.querySelector("#here").replaceChildren(createTree(value));
    })`);
    const nodes = () => page.locator(".node").count();
    ok(await nodes() <= 200);
    const before = await nodes();
    await page.getByRole("button", { name: /Show 200 more/ }).click();
    deepStrictEqual(await nodes(), before + 200);
    await page.locator("summary").nth(1).click();
    await page.waitForFunction("document.querySelectorAll('.node').length > " + (before + 200));
    match((await page.locator(".tree").textContent())!, /<b>: "\\u202e"/);
  },

  async "axe has no complaint in both themes"(page) {
    const inner = {
      text: { ...TEXT, description: "A text" },
      number: NUMBER,
      one: { enum: [1, "b", null] },
      list: { type: "array", items: TEXT },
      record: { type: "object", additionalProperties: NUMBER },
      choice: { anyOf: [TEXT, { type: "object", properties: { q: { type: "boolean" } } }] },
      bytes: BYTES,
      object: { type: "object", properties: { z: {} } },
      any: {},
    };
    await showForm(page, inner, ["text", "list", "record", "choice", "bytes"]);
    await page.evaluate(`form.set({ text: "x", list: ["p"], record: { k: 1 }, choice: { q: true },
      bytes: { $base64: "AQL/" }, object: { z: 3 }, any: [1] })`);
    await page.evaluate(
      `form.showIssues([{ path: ["text"], message: "bad" }, { path: ["list", 0], message: "bad" }])`,
    );
    await loadAxe(page);
    await inBothThemes(page, async () => {
      ok(!await page.evaluate("document.documentElement.scrollWidth > innerWidth"));
      deepStrictEqual(await violations(page), []);
    });
  },
};

await tryAll(Object.entries(tries), async (run, page) => {
  await page.goto(url!);
  await run(page);
}, { width: Number(width), mayAsk: () => true });
await browser.close();
process.exit();
