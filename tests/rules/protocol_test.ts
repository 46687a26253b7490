// The conversations in PROTOCOL.md, played with a server: what the page shows is what a peer sees, to the
// letter. A `>>` line is sent once the `<<` lines before it have come.

import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import * as z from "npm:zod@4";
import { bearerTokens, event, method, serve, stream } from "../../lib/mod.ts";
import { turn } from "../support/deadline.ts";
import { RawPeer } from "../support/raw.ts";
import { ANYTHING } from "../support/schemas.ts";

const PAGE = new URL("../../PROTOCOL.md", import.meta.url);

const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  none: method(() => "none"),
  echo: method(
    z.union([z.object({ data: z.instanceof(Uint8Array) }), z.instanceof(Uint8Array)]),
    (value) => value,
  ),
  digest: method(z.object({ data: z.instanceof(Uint8Array) }), async ({ data }) => {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", data as Uint8Array<ArrayBuffer>));
  }),
  sleep: method(z.number(), (ms, { signal }) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    })),
  work: method(z.number(), (steps, { progress }) => {
    for (let done = 1; done <= steps; done++) progress({ done });
    return "done";
  }),
  countdown: stream(z.number(), function* (from) {
    for (let n = from; n >= 0; n--) yield n;
    return "liftoff";
  }),
  news: stream(async function* (_, { after, signal }) {
    const [log, last] = after!.split("-") as [string, string];
    yield event(`${log}-${Number(last) + 1}`, "a");
    yield event(`${log}-${Number(last) + 2}`, "b");
    await turn(); // what follows is sent by itself
    yield event(`${log}-${Number(last) + 3}`, "c");
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  }),
  total: method(ANYTHING, async (_, { items }) => {
    let sum = 0;
    for await (const item of items) sum += item;
    return sum;
  }, { items: z.number() }),
};

/** The conversations of the page: blocks in which both sides speak, in lines of JSON. */
const TALKS = Deno.readTextFileSync(PAGE).split(/^```.*$/m)
  .map((block) => block.trim().split("\n"))
  .filter((lines) => lines.every((line) => /^(>>|<<) [[{].*(?:[\]}]|\\n)$/.test(line)))
  .filter((lines) => ["<<", ">>"].every((side) => lines.some((line) => line.startsWith(side))));

Deno.test("PROTOCOL.md has conversations to play", () => {
  assertGreaterOrEqual(TALKS.length, 11);
});

for (const lines of TALKS) {
  Deno.test(`PROTOCOL.md says what a server answers: ${lines[0]}`, async () => {
    const asks = lines[0]!.includes("rpc.authenticate");
    await using server = serve(api, {
      listen: "tcp://127.0.0.1:0",
      ...(asks && { authenticate: bearerTokens({ s3cret: "alice" }) }),
    });
    using peer = await RawPeer.dial(server.addresses[0]!);
    for (const line of lines) {
      const text = line.slice(3).replace(/\\n$/, "");
      if (line.startsWith(">>")) await peer.send(text);
      else assertEquals(await peer.text(), text);
    }
  });
}
