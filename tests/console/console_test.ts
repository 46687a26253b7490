// The console in Chromium, feature by feature, on a wide and on a narrow screen. What is measured is printed
// and not judged.

import { testWith } from "../support/tools.ts";
import { serveWorld } from "./_api.ts";
import { follow, TOOLS } from "./_follow.ts";

for (const isNarrow of [false, true]) {
  testWith(
    TOOLS,
    `the console does what it should in a window of ${isNarrow ? 390 : 1280} pixels`,
    async (t) => {
      await using world = await serveWorld();
      const args = JSON.stringify({ ...world.urls, isNarrow });
      const all = await follow(t, "_browser.ts", args);
      const longest = Math.max(0, ...all.map(({ longest }) => longest));
      const paint = Math.min(...all.map(({ paint }) => paint).filter((ms) => ms > 0));
      console.log(`the first paint after ${paint} ms, the longest task took ${longest} ms`);
    },
  );
}
