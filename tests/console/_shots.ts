// The pictures of docs/console.md and README.md: each shows the console as it is after a few steps.

import type { Page } from "./_page.ts";
import {
  call,
  callWith,
  choose as find,
  frames,
  json,
  open,
  type Scenario,
  shows,
  type World,
} from "./_scenarios.ts";

/** A picture, and in which window it is taken. */
export interface Shot {
  readonly isNarrow: boolean;
  readonly theme: "light" | "dark";
  readonly take: Scenario;
}

/** Chooses a method, and shows all of them again. */
async function choose(page: Page, name: string, world: World): Promise<void> {
  await find(page, name, world);
  if (!world.isNarrow) await page.getByLabel("Search methods").fill("");
}

/** Chooses a method, puts its params in, and shows a view of them. */
async function fill(page: Page, name: string, params: string, view: string, world: World) {
  await choose(page, name, world);
  await json(page, params);
  await page.getByRole("tab", { name: view }).click();
}

/** Shows a stream that is paused. */
const paused: Scenario = async (page, world) => {
  await open(page, world.everything);
  await callWith(page, "math.add", '{"a":20,"b":22}', world);
  await fill(page, "ticks", '{"count":100000000}', "Form", world);
  const card = await call(page);
  await shows(card.locator(".stream .count"), /\d,\d{3} items/);
  await card.getByRole("button", { name: "Pause" }).click();
  await shows(card.locator(".meter .held dd"), "64");
};

/** By the names of their files. */
export const shots: Readonly<Record<string, Shot>> = {
  "stream": { isNarrow: false, theme: "light", take: paused },
  "phone": { isNarrow: true, theme: "dark", take: paused },

  "form": {
    isNarrow: false,
    theme: "dark",
    async take(page, world) {
      await open(page, world.everything);
      await choose(page, "orders.place", world);
      await json(
        page,
        '{"customer":"","kind":"parcel","lines":[{"article":"AB-12","count":100}]}',
      );
      const card = await call(page);
      await shows(card.locator(".state"), "INVALID_PARAMS");
      await page.getByRole("tab", { name: "Form" }).click();
    },
  },

  "question": {
    isNarrow: false,
    theme: "light",
    async take(page, world) {
      await open(page, world.everything);
      await fill(page, "ask", '{"question":"Is the parcel there?"}', "Form", world);
      await call(page);
      await page.getByLabel("Result, as JSON").fill('{"yes":true}');
    },
  },

  "load": {
    isNarrow: false,
    theme: "light",
    async take(page, world) {
      await open(page, world.everything);
      await fill(page, "upper", '["hello"]', "Load test", world);
      await page.getByLabel("Calls", { exact: true }).fill("3000");
      await page.getByRole("button", { name: "Run" }).click();
      await shows(page.locator(".load .figures"), "p99");
    },
  },

  "bytes": {
    isNarrow: false,
    theme: "light",
    async take(page, world) {
      await open(page, world.everything);
      await callWith(page, "upper", '["hello"]', world);
      await page.getByLabel("Search methods").fill("");
      await page.getByLabel("Filter messages").fill("hello");
      await frames(page);
      await page.locator("#talk").getByRole("option").first().click();
      const bytes = page.getByRole("dialog", { name: "Bytes" });
      await bytes.getByLabel("WebSocket").click();
      await shows(bytes, "Piece 2");
    },
  },
};
