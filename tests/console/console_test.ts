// The console in Chromium, feature by feature, on a wide and on a narrow screen. What is measured is printed
// and not judged.

import { assertEquals } from "@std/assert";
import { TextLineStream } from "@std/streams";
import { program } from "../interop/_npm.ts";
import { testWith } from "../support/tools.ts";
import { serveEverything, serveHostile } from "./_api.ts";

/** What the program says of one scenario. */
interface Said {
  readonly name: string;
  readonly wrong: readonly string[];
  readonly ms: number;
  /** Milliseconds of the longest task of the page, and until something was painted. */
  readonly longest: number;
  readonly paint: number;
}

for (const isNarrow of [false, true]) {
  testWith(
    ["chromium", "npm:playwright-core@1", "npm:axe-core@4"],
    `the console does what it should in a window of ${isNarrow ? 390 : 1280} pixels`,
    async (t) => {
      await using server = await serveEverything();
      await using locked = await serveEverything("s3cret");
      await using leaving = await serveEverything();
      await using aging = await serveEverything(undefined, 3000);
      await using hostile = serveHostile(server);
      const urlOf = (address: string) => address.replace("tcp:", "http:");
      const world = {
        everything: urlOf(server.addresses[0]!),
        locked: urlOf(locked.addresses[0]!),
        hostile: `http://127.0.0.1:${hostile.addr.port}`,
        leaving: urlOf(leaving.addresses[0]!),
        aging: urlOf(aging.addresses[0]!),
        isNarrow,
      };
      const [command, ...args] = program(
        `${import.meta.dirname}/_browser.ts`,
        JSON.stringify(world),
      );
      const child = new Deno.Command(command!, { args, stdout: "piped" }).spawn();
      const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(
        new TextLineStream(),
      );
      let longest = 0, paint = Infinity;
      for await (const line of lines) {
        const said = JSON.parse(line) as Said;
        await t.step(said.name, () => assertEquals(said.wrong, []));
        longest = Math.max(longest, said.longest);
        if (said.paint > 0) paint = Math.min(paint, said.paint);
      }
      assertEquals((await child.status).code, 0);
      console.log(`the first paint after ${paint} ms, the longest task took ${longest} ms`);
    },
  );
}
