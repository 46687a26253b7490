// The module of a web page in Chromium: pages of another origin than the server's load the one file, and do with
// it all that a client does.

import * as z from "npm:zod@4";
import {
  bearerTokens,
  EventRing,
  type Method,
  method,
  notification,
  type Peer,
  serve,
  type Stream,
  stream,
  withContext,
} from "../../lib/mod.ts";
import { makeBrowserModule } from "../../release/browser.ts";
import { follow } from "../console/_follow.ts";
import { certificates } from "../support/certificates.ts";
import { testWith } from "../support/tools.ts";

/** Serves pages that have the module. */
async function pageServer() {
  const folder = await Deno.makeTempDir();
  await makeBrowserModule(folder);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async ({ url }) => {
    if (!url.endsWith("/landline.js")) {
      const headers = { "content-type": "text/html" };
      return new Response("<!doctype html><title>A page</title>", { headers });
    }
    const headers = { "content-type": "text/javascript", "access-control-allow-origin": "*" };
    return new Response(await Deno.readFile(`${folder}/landline.js`), { headers });
  });
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** What a page serves. */
interface PageApi {
  readonly double: Method<number, number>;
  readonly fails: Method<number, number>;
  readonly letters: Stream<string, string>;
}

/** What pages call; each page has the server to itself. */
function apiOf(cut: () => void) {
  const called = withContext<{ peer: Peer<PageApi> }>();
  let ring = new EventRing<string>({ size: 100 });
  let note = "", made = 0;
  let begun = Promise.withResolvers<void>(), cancelled = Promise.withResolvers<boolean>();
  let left = Promise.withResolvers<boolean>(), hearing = Promise.withResolvers<void>();
  return {
    upper: method(z.string(), (text) => text.toUpperCase()),
    add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
    reversed: method(z.instanceof(Uint8Array), (bytes) => bytes.toReversed()),
    note: notification(z.string(), (text) => void (note = text)),
    noted: method(() => note),
    forever: method(async (_, { signal }) => {
      begun.resolve();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      cancelled.resolve(true);
    }),
    begun: method(async () => {
      await begun.promise;
      begun = Promise.withResolvers();
    }),
    cancelled: method(async () => {
      const was = await cancelled.promise;
      cancelled = Promise.withResolvers();
      return was;
    }),
    steps: method(z.int(), (count, { progress }) => {
      for (let step = 1; step <= count; step++) progress(step);
    }),
    endless: stream(async function* () {
      made = 0;
      left = Promise.withResolvers();
      try {
        for (;;) yield made++;
      } finally {
        left.resolve(true);
      }
    }),
    // The credit that was given is used up by then.
    quiet: method(async () => {
      for (let before = -1; before !== made;) {
        before = made;
        for (let turn = 0; turn < 100; turn++) await new Promise((done) => setTimeout(done, 0));
      }
    }),
    made: method(() => made),
    left: method(() => left.promise),
    total: method(async (_, { items }) => {
      let sum = 0;
      for await (const n of items) sum += n;
      return sum;
    }, { items: z.number() }),
    hear: stream((_, { after, signal }) => {
      // A page that goes on with its stream is no new one: what waits for the next would not wait.
      if (after === undefined) {
        ring = new EventRing({ size: 100 });
        hearing.resolve();
      }
      return ring.events(after, signal);
    }),
    hearing: method(async () => {
      await hearing.promise;
      hearing = Promise.withResolvers();
    }),
    say: method(z.string().default("while it was away"), (text) => void ring.push(text)),
    cut: method(cut),
    askBack: called.method(z.number(), async (n, { call }) => {
      const letters: string[] = [];
      for await (const letter of call.letters("abc")) letters.push(letter);
      const failed = await call.fails(n).catch(({ reason }) => reason as string);
      return [await call.double(n), failed, letters] as const;
    }),
  };
}

testWith(
  ["chromium", "npm:playwright-core@1", "deno:bundle", "openssl"],
  "a web page does with its module all that a client does",
  async (t) => {
    await using allowed = await pageServer();
    await using foreign = await pageServer();
    const { server: tls } = certificates();
    const api = apiOf(() => {
      for (const peer of server.peers) peer.close();
    });
    const http = { origins: [allowed.origin], hosts: ["far.test"] };
    await using server = serve(api, {
      listen: ["tcp://127.0.0.1:0", "tls://127.0.0.1:0"],
      tls,
      http,
    });
    await using locked = serve({ whoami: method((_, { peer }) => peer.identity as string) }, {
      listen: "tcp://127.0.0.1:0",
      http,
      authenticate: bearerTokens({ right: "alice" }),
    });
    await server.ready;
    const [clear, secure] = server.addresses.map((address) => new URL(address).port);
    await follow(
      t,
      "../browser/_browser.ts",
      JSON.stringify({
        page: `${allowed.origin}/`,
        foreign: `${foreign.origin}/`,
        server: `ws://127.0.0.1:${clear}/`,
        far: `ws://far.test:${clear}/`,
        secure: `wss://127.0.0.1:${secure}/`,
        locked: `ws://127.0.0.1:${new URL(locked.addresses[0]!).port}/`,
        control: `http://127.0.0.1:${clear}/`,
      }),
    );
  },
);
