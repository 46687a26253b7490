// Every kind of call once, end to end, whatever wire and whatever run time it is on: what cases.ts has of plain
// calls, for streams, calls back, bytes, progress, identities and connections that end.

import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import * as z from "npm:zod@4";
import {
  bearerTokens,
  event,
  method,
  notification,
  type Peer,
  RpcError,
  settle,
  stream,
  withContext,
} from "@landline/rpc";
import type { Case } from "./cases.ts";
import { within } from "./deadline.ts";

const BYTES = z.instanceof(Uint8Array);

/** What a client serves. */
const clientApi = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  letters: stream(z.string(), function* (text) {
    yield* text;
  }),
};
const called = withContext<{ peer: Peer<typeof clientApi> }>();

export const CALL_CASES: readonly Case[] = [
  {
    name: "a stream gives its items in order, more of them than a window holds",
    async run(wire) {
      await using site = await wire.open({
        countdown: stream(z.int(), async function* (from) {
          for (let n = from; n >= 0; n--) yield n;
        }),
      });
      await using line = await site.connect();
      let expected = 1000;
      for await (const n of line.call.countdown(expected)) assertEquals(n, expected--);
      assertEquals(expected, -1);
      assertEquals(await line.call.countdown(2), [2, 1, 0]);
    },
  },
  {
    name: "a loop that is left ends the generator at the other end",
    async run(wire) {
      const left = Promise.withResolvers<void>();
      await using site = await wire.open({
        endless: stream(async function* () {
          try {
            for (let n = 0;; n++) yield n;
          } finally {
            left.resolve();
          }
        }),
      });
      await using line = await site.connect();
      for await (const n of line.call.endless()) if (n === 100) break;
      await within(left.promise, "the generator to end");
    },
  },
  {
    name: "items go up, and up and down at once",
    isOfConnections: true,
    async run(wire) {
      await using site = await wire.open({
        sum: method(async (_, { items }) => {
          let sum = 0;
          for await (const n of items) sum += n;
          return sum;
        }, { items: z.int() }),
        shout: stream(async function* (_, { items }) {
          for await (const text of items) yield text.toUpperCase();
        }, { items: z.string() }),
      });
      await using line = await site.connect();
      const items = Array.from({ length: 500 }, (_, n) => n);
      assertEquals(await line.call.sum(undefined, { items }), 124_750);
      const heard: string[] = [];
      for await (const text of line.call.shout(undefined, { items: ["a", "é", "ß"] })) {
        heard.push(text);
      }
      assertEquals(heard, ["A", "É", "SS"]);
    },
  },
  {
    name: "a stream of events goes on after the id that its caller names",
    async run(wire) {
      await using site = await wire.open({
        count: stream(function* (_, { after = "0" }) {
          for (let n = Number(after) + 1; n <= 5; n++) yield event(String(n), n);
        }),
      });
      await using line = await site.connect();
      const items = line.call.count(undefined, { after: "3" });
      assertEquals(await Array.fromAsync(items), [4, 5]);
    },
  },
  {
    name: "a handler calls its caller back, and loops over a stream of its caller's",
    isOfConnections: true,
    async run(wire) {
      await using site = await wire.open({
        ask: called.method(async (_, { peer }) => {
          const letters: string[] = [];
          for await (const letter of peer.call.letters("abc")) letters.push(letter);
          return [await peer.call.add({ a: 1, b: 2 }), letters.join("-")];
        }),
      });
      await using line = await site.connect({ api: clientApi });
      assertEquals(await line.call.ask(), [3, "a-b-c"]);
    },
  },
  {
    name: "bytes arrive as bytes in params, results and items",
    async run(wire) {
      await using site = await wire.open({
        flip: method(BYTES, (value) => value.toReversed()),
        chunks: stream(z.int(), function* (count) {
          for (let n = 0; n < count; n++) yield new Uint8Array([n, 255]);
        }),
      });
      await using line = await site.connect();
      const flipped = await line.call.flip(new Uint8Array([1, 2, 255]));
      assertInstanceOf(flipped, Uint8Array);
      assertEquals([...flipped], [255, 2, 1]);
      const chunks: number[][] = [];
      for await (const chunk of line.call.chunks(2)) chunks.push([...chunk]);
      assertEquals(chunks, [[0, 255], [1, 255]]);
    },
  },
  {
    name: "900 kB travel whole, there and back",
    async run(wire) {
      await using site = await wire.open({ echo: method(z.string(), (text) => text) });
      await using line = await site.connect();
      const text = "0123456789abcdé😀".repeat(45_000);
      assert(new TextEncoder().encode(text).length > 890_000);
      // Not by assertEquals: a difference would be drawn, letter by letter.
      assert(await line.call.echo(text) === text);
    },
  },
  {
    name: "progress arrives before the result",
    async run(wire) {
      await using site = await wire.open({
        work: method(z.int(), async (steps, { progress }) => {
          for (let step = 1; step <= steps; step++) {
            await new Promise((resolve) => setTimeout(resolve, 0));
            progress({ step });
          }
          return "done";
        }),
      });
      await using line = await site.connect();
      const seen: unknown[] = [];
      const onProgress = (value: unknown) => void seen.push(value);
      assertEquals(await line.call.work(3, { onProgress }), "done");
      assertEquals(seen, [{ step: 1 }, { step: 2 }, { step: 3 }]);
    },
  },
  {
    name: "a deadline is inherited, and what is left of it is told",
    async run(wire) {
      await using site = await wire.open({ left: method((_, context) => context.timeLeft()) });
      await using line = await site.connect();
      const left = await line.call.left(undefined, { timeout: 40_000 }) as number;
      assert(left > 30_000 && left <= 40_000, `${left}`);
    },
  },
  {
    name: "a caller with the token is known, and one without is refused",
    async run(wire) {
      const authenticate = bearerTokens({ "a-secret": "alice" });
      await using site = await wire.open(
        { whoami: method((_, { peer }) => String(peer.identity)) },
        { authenticate },
      );
      await using line = await site.connect({ token: "a-secret" });
      assertEquals(await line.call.whoami(), "alice");
      const error = await assertRejects(async () => {
        await using stranger = await site.connect({ token: "a-guess", reconnect: false });
        await stranger.call.whoami();
      }, RpcError);
      assertEquals(error.reason, "UNAUTHENTICATED");
    },
  },
  {
    name: "an error that a method declares comes with its name and data",
    async run(wire) {
      await using site = await wire.open({
        buy: method(z.int(), (count, { error }) => {
          if (count > 3) throw error("OUT_OF_STOCK", { left: 3 });
          return count;
        }, { errors: { OUT_OF_STOCK: z.object({ left: z.int() }) } }),
      });
      await using line = await site.connect();
      const bought = await settle(line.call.buy(5));
      assert(!bought.ok && bought.reason === "OUT_OF_STOCK");
      assertEquals(bought.data.left, 3);
    },
  },
  {
    name: "a batch of calls is answered call by call, and a notification not at all",
    async run(wire) {
      const noted: string[] = [];
      await using site = await wire.open({
        upper: method(z.string(), (text) => text.toUpperCase()),
        note: notification(z.string(), (text) => void noted.push(text)),
      });
      await using line = await site.connect();
      line.notify.note("x");
      const [a, b] = await Promise.all(
        line.batch((call) => [call.upper("a"), call.upper("b")]),
      );
      assertEquals([a, b, noted], ["A", "B", ["x"]]);
    },
  },
  {
    name: "a line whose connection ends makes another, and its calls go on",
    isOfConnections: true,
    async run(wire) {
      let opened = 0;
      const peers: Peer[] = [];
      await using site = await wire.open({
        hello: method((_, { peer }) => {
          peers.push(peer);
          return peers.length;
        }),
      }, { onOpen: () => void opened++ });
      await using line = await site.connect();
      assertEquals(await line.call.hello(), 1);
      await peers[0]!.close();
      assertEquals(await line.call.hello(), 2);
      assertEquals(opened, 2);
    },
  },
  {
    name: "a server that drains tells its handlers, and waits for their answers",
    isOfConnections: true,
    async run(wire) {
      const begun = Promise.withResolvers<void>();
      await using site = await wire.open({
        last: method(async (_, { draining }) => {
          begun.resolve();
          await new Promise((resolve) => draining.addEventListener("abort", resolve));
          return "finished";
        }),
      });
      await using line = await site.connect();
      const last = line.call.last();
      await within(begun.promise, "the handler to begin");
      const ended = site.server.shutdown(20_000);
      assertEquals(await last, "finished");
      await within(ended, "the server to end");
    },
  },
];
