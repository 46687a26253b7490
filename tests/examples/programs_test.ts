// examples/progress.ts, callback.ts and contract.ts: what they print, and what they are made of.

import { assertEquals, assertMatch } from "@std/assert";
import { api as remover, clientApi } from "../../examples/callback.ts";
import { api as copier, bar } from "../../examples/progress.ts";
import type { RpcError } from "../../lib/mod.ts";
import { pair } from "../../lib/testing.ts";
import { aborted, rejection } from "../support/events.ts";
import { Example } from "./_example.ts";

Deno.test("examples/progress.ts draws its bar to the end, and gives up in time", async () => {
  await using program = new Example("progress", ["-N"]);
  const { code, lines, errors } = await program.end();
  assertEquals([code, errors], [0, ""]);
  // Both ends have the deadline, and the one that notices first says so.
  assertMatch(lines.at(-1)!, /^gave up: (copy|The call) took longer than \d+ ms$/);
  assertEquals(lines.slice(0, -1), [
    ...Array.from({ length: 20 }, (_, n) => bar(n + 1, 20)),
    "copied 20 files",
  ]);
  assertEquals(lines[9], "[##########          ]  50 %");
});

Deno.test("examples/progress.ts stops working when nobody waits", async () => {
  await using ends = await pair(copier);
  const controller = new AbortController();
  let seen = 0;
  const call = rejection(ends.line.call.copy({ files: 1000, msPerFile: 1 }, {
    signal: controller.signal,
    onProgress: () => {
      if (++seen === 3) controller.abort("enough");
    },
  }));
  assertEquals(await call, "enough");
  await ends.server.shutdown(); // which waits for handlers that still run
});

Deno.test("examples/callback.ts asks, and does as it is told", async () => {
  await using program = new Example("callback", ["-N"]);
  assertEquals(await program.end(), {
    code: 0,
    errors: "",
    lines: [
      "Remove /tmp/a? yes",
      "/tmp/a would be gone now",
      "Remove /tmp/b? no",
      "ABORTED: You said no",
    ],
  });
});

Deno.test("examples/callback.ts takes its question back when the caller gives up", async () => {
  const asked = Promise.withResolvers<void>(), withdrawn = Promise.withResolvers<unknown>();
  const mine = clientApi(() => true);
  const api = {
    ...mine,
    confirm: {
      ...mine.confirm,
      handler: async (_: never, { signal }: { signal: AbortSignal }) => {
        asked.resolve();
        withdrawn.resolve(await aborted(signal));
      },
    },
  };
  await using ends = await pair(remover, { connect: { api } });
  const controller = new AbortController();
  const { signal } = controller;
  const call = rejection(ends.line.call.remove({ path: "/tmp/x" }, { signal }));
  await asked.promise;
  controller.abort("never mind");
  assertEquals(await call, "never mind");
  assertEquals((await withdrawn.promise as RpcError).reason, "CANCELLED");
});

Deno.test("examples/contract.ts prints what docs/contract.md shows", async () => {
  await using program = new Example("contract", ["-N"]);
  const { code, lines, errors } = await program.end();
  assertEquals([code, errors], [0, ""]);
  const page = await Deno.readTextFile(new URL("../../docs/contract.md", import.meta.url));
  const command = "$ deno run -N examples/contract.ts\n";
  assertEquals(page.split(command)[1]!.split("```")[0], lines.map((line) => line + "\n").join(""));
});
