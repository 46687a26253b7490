// A program: drives Chromium through the scenarios, and prints a line of JSON for each: its name, and what
// went wrong. `_browser.ts '{"everything":"http://…",…}'`. With a `folder` it takes the pictures instead.

import process from "node:process";
import { frames, scenarios, type World } from "./_scenarios.ts";
import { shots } from "./_shots.ts";
import { browser, newPage, type PageOptions, tryAll } from "./_tries.ts";

const { only = "", patience, folder, ...world } = JSON.parse(Deno.args[0]!) as World & {
  readonly only?: string;
  readonly patience?: number;
  readonly folder?: string;
};
const { everything, locked, hostile, leaving, aging } = world;
const origins = [everything, locked, hostile, leaving, aging].map((url) => new URL(url).origin);

function optionsFor(isNarrow: boolean): PageOptions {
  return {
    ...(isNarrow ? { width: 390, height: 844 } : { width: 1280 }),
    patience,
    mayAsk: (url) => /^(?:data|blob|about):/.test(url) || origins.includes(new URL(url).origin),
    isExpected: (text) => /ERR_|WebSocket/.test(text),
  };
}

if (folder === undefined) {
  const chosen = Object.entries(scenarios).filter(([name]) => name.includes(only));
  await tryAll(chosen, (run, page) => run(page, world), optionsFor(world.isNarrow));
} else {
  for (const [name, { isNarrow, theme, take }] of Object.entries(shots)) {
    await using own = await newPage(optionsFor(isNarrow));
    await own.page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await take(own.page, { ...world, isNarrow });
    // What was chosen last is drawn with the next frames.
    await frames(own.page);
    await own.page.screenshot({ path: `${folder}/${name}.png` });
  }
}
await browser.close();
process.exit();
