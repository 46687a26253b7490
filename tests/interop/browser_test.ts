// What pages in a real browser may do with a server of ours: those that it serves, those of an origin that it
// was told, those of others, and one at a name that an attacker has pointed here.

import { assertEquals } from "@std/assert";
import * as z from "npm:zod@4";
import { method, serve, stream } from "../../lib/mod.ts";
import { Program } from "../support/program.ts";
import { testWith } from "../support/tools.ts";
import { program } from "./_npm.ts";

/** Serves an empty page. */
function pageServer() {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () =>
      new Response("<!doctype html><title>A page</title>", {
        headers: { "content-type": "text/html" },
      }),
  );
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** What a page gets that may not call, and cannot tell one refusal from another. */
const REFUSED = {
  status: 200,
  fetch: "blocked",
  events: "blocked",
  WebSocket: "blocked",
  plain: "opaque",
  beacon: true,
  image: "blocked",
  script: "blocked",
};

testWith(
  ["chromium", "npm:playwright-core@1"],
  "Chromium's pages call if their origin may, and nothing runs for any other",
  async (t) => {
    const ran: string[] = [];
    const api = {
      run: method(z.string(), (from) => {
        ran.push(from);
        return "ran";
      }),
      count: stream(z.int(), function* (to) {
        ran.push("events");
        for (let n = 0; n < to; n++) yield n;
      }),
    };
    await using allowed = pageServer();
    await using foreign = pageServer();
    await using server = serve(api, {
      listen: "tcp://127.0.0.1:0",
      http: { origins: [allowed.origin] },
    });
    const { port } = new URL(server.addresses[0]!);
    await using browser = Program.run(
      program("browser.js", port, allowed.origin, foreign.origin),
    );
    const rows: [string, Record<string, unknown>, string[]][] = [
      ["own", { status: 200, fetch: "ran", WebSocket: "ran", EventSource: "closed" }, [
        "fetch",
        "WebSocket",
      ]],
      // What it sends without asking is no call either.
      ["allowed", { ...REFUSED, fetch: "ran", events: 2, WebSocket: "ran" }, [
        "fetch",
        "events",
        "WebSocket",
      ]],
      ["foreign", REFUSED, []],
      ["other site", REFUSED, []],
      ["form", { status: 403 }, []],
      ["rebound", { status: 403, fetch: 403, WebSocket: "blocked", plain: "basic" }, []],
    ];
    for (const [name, expected, runs] of rows) {
      await t.step(name, async () => {
        assertEquals(JSON.parse(await browser.line()), [name, expected]);
        assertEquals(ran.splice(0), runs);
      });
    }
    await server.shutdown();
    assertEquals(ran, [], "nothing ran later");
  },
);
