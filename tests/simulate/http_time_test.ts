// What time does to HTTP and to WebSockets: pings, comments, rests. The clock is a world's, so that half a
// minute takes no time, and what is sent goes through the server's port all the same.

import { assert, assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { method, type ServeOptions, stream } from "../../lib/mod.ts";
import { OP, wsFrame } from "../support/websocket_frames.ts";
import { call, HANDSHAKE, post } from "../support/http.ts";
import { ANYTHING } from "../support/schemas.ts";
import { inWorld, type Peer } from "./_served.ts";
import type { World } from "./_world.ts";

/** What a test finds in its world. */
interface Here {
  readonly world: World;
  readonly peer: Peer;
  /** Why the connection has ended. */
  readonly ends: string[];
  /** When handlers were told that nobody waits any more. */
  readonly aborts: number[];
}

const api = (aborts: number[]) => ({
  echo: method(ANYTHING, (value) => value),
  later: method(ANYTHING, async (value) => await value),
  wait: method((_, { signal }) =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(aborts.push(performance.now())));
    })
  ),
  hold: stream(async function* (_, { signal }) {
    yield "first";
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    aborts.push(performance.now());
  }),
});

/** Has a server and one connection to it. */
async function withPeer(options: ServeOptions, live: (here: Here) => Promise<void>): Promise<void> {
  const aborts: number[] = [];
  await inWorld(api(aborts), options, async ({ world, dial, ends }) => {
    await live({ world, peer: await dial(), ends, aborts });
  });
}

const frame = (text: string) => wsFrame(OP.text, text);
const PING = String.fromCharCode(0x89, 0);

// ---- A WebSocket that is silent ------------------------------------------------------------------

Deno.test("a WebSocket with something open is pinged when it is silent, and lives while it answers", async () => {
  await withPeer({}, async ({ world, peer, ends, aborts }) => {
    await peer.send(HANDSHAKE, frame(call("hold", { _meta: { stream: { credit: 5 } } })));
    await world.sleep(29_000);
    assert(!peer.take().endsWith(PING));
    for (let i = 0; i < 3; i++) {
      await world.sleep(5_000);
      assertEquals(peer.take(), PING);
      await peer.send(wsFrame(OP.pong));
      await world.sleep(26_500);
    }
    assertEquals([ends, aborts], [[], []]);
    const silentSince = world.now;
    await world.sleep(60_000);
    assertEquals(ends, ["the peer did not answer a ping within 20000 ms"]);
    assertEquals(aborts.length, 1);
    assertGreaterOrEqual(aborts[0]! - silentSince, 15_000);
    assertLess(aborts[0]! - silentSince, 30_000);
    assert(peer.isOver);
  });
});

Deno.test("anything that comes over a WebSocket is as good as a pong, and what was not sent is not missed", async () => {
  await withPeer({}, async ({ world, peer, ends }) => {
    await peer.send(HANDSHAKE, frame(call("hold", { _meta: { stream: { credit: 5 } } })));
    for (let i = 0; i < 5; i++) {
      await world.sleep(45_000); // pinged after 30
      assert(peer.take().endsWith(PING));
      await peer.send(frame('{"jsonrpc":"2.0","method":"$/nothing"}'));
    }
    for (let i = 0; i < 10; i++) {
      await world.sleep(25_000);
      assertEquals(peer.take(), "");
      await peer.send(frame('{"jsonrpc":"2.0","method":"$/nothing"}'));
    }
    assertEquals(ends, []);
  });
});

Deno.test("a WebSocket with nothing open is not pinged, and ends after idleTimeout", async () => {
  await withPeer({}, async ({ world, peer, ends }) => {
    await peer.send(HANDSHAKE, frame(call("echo", [1])));
    await world.sleep(599_000);
    assertEquals(peer.take().split('"result"').length, 2);
    assertEquals(ends, []);
    await world.sleep(5_000);
    assertEquals(ends, ["nothing was said for 600000 ms"]);
    assertEquals(peer.take().slice(0, 4), String.fromCharCode(0x88, 32, 0x03, 0xe8)); // 1000
  });
});

Deno.test("a WebSocket is not pinged where pingInterval is 0", async () => {
  await withPeer({ limits: { pingInterval: 0 } }, async ({ world, peer, ends }) => {
    await peer.send(HANDSHAKE, frame(call("wait")));
    await world.sleep(25_000);
    peer.take();
    await world.sleep(4_000);
    assertEquals([peer.take(), ends], ["", []]);
  });
});

// ---- A stream of events that is silent -----------------------------------------------------------

const SILENCE = "3\r\n:\n\n\r\n";

Deno.test("a stream of events says every 15 s that it is there, and a stream of lines does not", async () => {
  for (const [type, comments] of [["event-stream", 4], ["x-ndjson", 0]] as const) {
    const accept = `Accept: ${type === "x-ndjson" ? "application" : "text"}/${type}`;
    await withPeer({}, async ({ world, peer, ends }) => {
      await peer.send(post(call("hold", { _meta: { timeoutMs: 300_000 } }), accept));
      await world.sleep(14_000);
      const begin = peer.take();
      assert(begin.includes('"first"') && !begin.includes(SILENCE));
      await world.sleep(50_000);
      assertEquals(peer.take(), SILENCE.repeat(comments));
      assertEquals(ends, []);
    });
  }
});

Deno.test("a stream of events that has ended says nothing more, and leaves no timer behind", async () => {
  await withPeer({ limits: { httpIdleTimeout: 100_000 } }, async ({ world, peer }) => {
    for (let i = 0; i < 50; i++) {
      const params = { _meta: { timeoutMs: 10 } };
      await peer.send(post(call("hold", params), "Accept: text/event-stream"));
      await world.sleep(50);
    }
    assertEquals(peer.take().split("DEADLINE_EXCEEDED").length, 51);
    const turnsOf30s = async () => {
      const { turns } = world;
      await world.sleep(30_000);
      return world.turns - turns;
    };
    const first = await turnsOf30s(), second = await turnsOf30s();
    assertEquals(peer.take(), "");
    assertLess(first - second, 10);
  });
});

// ---- A peer that is faster than it may be --------------------------------------------------------

/** So many bytes a second, of which few may come at once. */
const rate = (bytes: number): ServeOptions => ({
  rateLimit: { connection: { bytes, burst: 1 } },
});

Deno.test("the time of a body does not run while its sender is made to rest", async () => {
  await withPeer(rate(200), async ({ world, peer, ends }) => {
    const whole = post(call("echo", ["x".repeat(5000)]));
    await peer.send(whole.slice(0, -50)); // for 25 s it is not read any further
    await world.sleep(30_000);
    assertEquals(peer.take(), "");
    await peer.send(whole.slice(-50));
    await world.sleep(100);
    assertEquals([peer.take().slice(0, 15), ends], ["HTTP/1.1 200 OK", []]);
  });
});

Deno.test("the time of a body runs while its sender sends nothing", async () => {
  await withPeer(rate(1e6), async ({ world, peer, ends }) => {
    await peer.send(post(call("echo", ["x".repeat(5000)])).slice(0, -50));
    await world.sleep(20_000);
    assertEquals(peer.take().slice(0, 12), "HTTP/1.1 408");
    assertEquals(ends.length, 1);
  });
});

Deno.test("a rate in bytes counts for calls whose answers are waited for, too", async () => {
  for (const name of ["echo", "later"]) {
    await withPeer(rate(1000), async ({ world, peer }) => {
      const one = post(call(name, ["x".repeat(850)]));
      const sending = (async () => {
        while (world.now < 400_000) await peer.send(one);
      })().catch(() => {});
      await world.sleep(400_000);
      const answers = peer.take().split("HTTP/1.1 ").length - 1; // most of them 429
      // What was read in one go is as much as a buffer holds.
      assertLess(answers * one.length, 400_000 + (1 << 18), name);
      assertGreaterOrEqual(answers, 100, name);
      peer.close();
      await sending;
    });
  }
});
