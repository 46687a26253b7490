// What time does to HTTP and to WebSockets: pings, comments, rests. The clock is a world's, so that half a
// minute takes no time, and what is sent goes through the server's port all the same.

import { assert, assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { method, serve, type ServeOptions, stream } from "../../lib/mod.ts";
import { OP, wsFrame } from "../support/websocket_frames.ts";
import { call, post, request } from "../support/http.ts";
import { bytesOf } from "../support/raw.ts";
import { ANYTHING } from "../support/schemas.ts";
import { type Conn, Network } from "./_network.ts";
import { SHA1 } from "./_sha1.ts";
import { World } from "./_world.ts";
import "../../lib/http/session.ts"; // what is loaded already is there at once

const PORT = 1000;

const HANDSHAKE = request("GET /", [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
]);

/** One connection, and the bytes that have come over it. */
class Peer {
  readonly #conn: Conn;
  #text = "";
  #isClosed = false;
  isOver = false;

  constructor(conn: Conn) {
    this.#conn = conn;
    this.#read().catch(() => {}).finally(() => this.isOver = true);
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(4096);
    for (let count; (count = await this.#conn.read(buffer)) !== null;) {
      this.#text += String.fromCharCode(...buffer.subarray(0, count));
    }
  }

  async send(...parts: readonly (string | Uint8Array)[]): Promise<void> {
    for (const part of parts) {
      for (let rest = bytesOf(part); rest.length > 0;) {
        rest = rest.subarray(await this.#conn.write(rest));
      }
    }
  }

  /** What has come since it was looked last. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }

  close(): void {
    if (!this.#isClosed) this.#conn.close();
    this.#isClosed = true;
  }
}

/** What a test finds in its world. */
interface Here {
  readonly world: World;
  readonly peer: Peer;
  /** Why the connection has ended. */
  readonly ends: string[];
  /** When handlers were told that nobody waits any more. */
  readonly aborts: number[];
  /** Bytes that are charged. */
  readonly kept: () => number;
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

/** Has a server and one connection to it, in a world that is the same each time. */
async function inWorld(options: ServeOptions, live: (here: Here) => Promise<void>): Promise<void> {
  const world = new World(7), ends: string[] = [], aborts: number[] = [];
  const perfect = {
    faults: {},
    connectDelay: 0,
    isGone: false,
    tap: () => ({ bytes() {} }),
  };
  const network = new Network(world, { connection: () => perfect, noDescriptors: () => false });
  let failure: unknown;
  const end = await world.run(
    async () => {
      const server = serve(api(aborts), {
        listen: `tcp://127.0.0.1:${PORT}`,
        onError: () => {},
        onClose: (_, { reason }) => ends.push(reason),
        ...options,
      });
      const { ledger } = server as unknown as { ledger: { kept: number } };
      const peer = new Peer(await network.connect({ port: PORT }));
      try {
        await live({ world, peer, ends, aborts, kept: () => ledger.kept });
      } catch (error) {
        failure = error;
      }
      peer.close();
      await server.shutdown(0);
      assertEquals(ledger.kept, 0);
    },
    { ms: 5_000_000, turns: 500_000 },
    [...network.replacements, SHA1],
  );
  if (failure !== undefined) throw failure;
  assertEquals([end, world.violations], [undefined, []]);
}

const frame = (text: string) => wsFrame(OP.text, text);
const PING = String.fromCharCode(0x89, 0);

// ---- A WebSocket that is silent ------------------------------------------------------------------

Deno.test("a WebSocket with something open is pinged when it is silent, and lives while it answers", async () => {
  await inWorld({}, async ({ world, peer, ends, aborts }) => {
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
  await inWorld({}, async ({ world, peer, ends }) => {
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
  await inWorld({}, async ({ world, peer, ends }) => {
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
  await inWorld({ limits: { pingInterval: 0 } }, async ({ world, peer, ends }) => {
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
    await inWorld({}, async ({ world, peer, ends }) => {
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
  await inWorld({ limits: { httpIdleTimeout: 100_000 } }, async ({ world, peer }) => {
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
  await inWorld(rate(200), async ({ world, peer, ends }) => {
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
  await inWorld(rate(1e6), async ({ world, peer, ends }) => {
    await peer.send(post(call("echo", ["x".repeat(5000)])).slice(0, -50));
    await world.sleep(20_000);
    assertEquals(peer.take().slice(0, 12), "HTTP/1.1 408");
    assertEquals(ends.length, 1);
  });
});

Deno.test("a rate in bytes counts for calls whose answers are waited for, too", async () => {
  for (const name of ["echo", "later"]) {
    await inWorld(rate(1000), async ({ world, peer }) => {
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
