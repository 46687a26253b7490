// The proxy that tests rely on does to connections what its toxics say, and nothing else.

import { assert, assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import * as z from "npm:zod@4";
import { connect, ConnectionLostError, method, serve } from "../../lib/mod.ts";
import { until, within } from "./deadline.ts";
import { rejection } from "./events.ts";
import { bytesOf, join, RawPeer } from "./raw.ts";
import { FaultProxy, type Toxic } from "./toxics.ts";

/** A server that sends back what it gets, and ends when its peer does, behind a proxy. */
async function echoing(...toxics: Toxic[]) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      (async () => {
        const buffer = new Uint8Array(1 << 16);
        try {
          for (let count; (count = await conn.read(buffer)) !== null;) {
            for (let at = 0; at < count;) at += await conn.write(buffer.subarray(at, count));
          }
          await conn.closeWrite();
        } catch {
          // what the proxy does to it
        }
      })();
    }
  })();
  const proxy = await FaultProxy.start(listener.addr.port);
  await proxy.set(...toxics);
  return {
    proxy,
    dial: () => RawPeer.dial(`tcp://127.0.0.1:${proxy.port}`),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      listener.close();
      await serving;
      for (const conn of conns) conn.close();
    },
  };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Sends something and gives what comes back up to the end. */
async function roundTrip(peer: RawPeer, bytes: string | Uint8Array): Promise<Uint8Array> {
  await peer.write(bytes);
  await peer.closeWrite();
  return await peer.rest();
}

Deno.test("a proxy without toxics passes bytes both ways, and half-closes", async () => {
  await using echo = await echoing();
  using peer = await echo.dial();
  const bytes = new Uint8Array(3_000_000).map((_, i) => i * 7);
  const sending = (async () => {
    for (let at = 0; at < bytes.length; at += 1 << 16) {
      await peer.write(bytes.subarray(at, at + (1 << 16)));
    }
    await peer.closeWrite();
  })();
  assertEquals(await peer.rest(), bytes);
  await sending;
  await until(() => echo.proxy.links.size === 0, "the link to be forgotten");
});

Deno.test("latency delays each direction for itself, and keeps the order", async () => {
  await using echo = await echoing(
    { type: "latency", latency: 40, jitter: 20 },
    { type: "latency", latency: 30, stream: "upstream" },
  );
  using peer = await echo.dial();
  const begun = performance.now();
  const sent = Array.from({ length: 50 }, (_, i) => `${i}\n`).join("");
  assertEquals(text(await roundTrip(peer, sent)), sent);
  assertGreaterOrEqual(performance.now() - begun, 49);
});

Deno.test("bandwidth bounds the bytes a second", async () => {
  await using echo = await echoing({ type: "bandwidth", rate: 100 });
  using peer = await echo.dial();
  const begun = performance.now();
  assertEquals((await roundTrip(peer, new Uint8Array(10_000))).length, 10_000);
  assertGreaterOrEqual(performance.now() - begun, 95);
});

Deno.test("slow_close holds back the end, and not the bytes", async () => {
  await using echo = await echoing({ type: "slow_close", delay: 100 });
  using peer = await echo.dial();
  const begun = performance.now();
  await peer.write("hello\n");
  assertEquals(await peer.text(), "hello");
  await peer.closeWrite();
  await peer.rest();
  assertGreaterOrEqual(performance.now() - begun, 99);
});

Deno.test("timeout 0 is a black hole until it is taken away", async () => {
  await using echo = await echoing({ type: "timeout", timeout: 0 });
  using peer = await echo.dial();
  await peer.write("lost\n");
  await until(() => [...echo.proxy.links][0]?.vanished === 5, "the bytes to vanish");
  await echo.proxy.set();
  assertEquals(text(await roundTrip(peer, "found\n")), "found\n");
});

Deno.test("timeout closes the connection after its time", async () => {
  await using echo = await echoing({ type: "timeout", timeout: 60 });
  using peer = await echo.dial();
  const begun = performance.now();
  await peer.write("lost\n");
  assertEquals((await peer.rest()).length, 0);
  assertGreaterOrEqual(performance.now() - begun, 50);
});

Deno.test("reset_peer resets, at once or later", async () => {
  for (const timeout of [0, 50]) {
    await using echo = await echoing({ type: "reset_peer", timeout });
    using peer = await echo.dial();
    await assertRejects(() => peer.rest(), Deno.errors.ConnectionReset);
  }
});

Deno.test("slicer cuts bytes into slices, and loses none", async () => {
  await using echo = await echoing(
    { type: "slicer", average_size: 3, size_variation: 2, delay: 10 },
    { type: "slicer", average_size: 2, size_variation: 0, delay: 0, stream: "upstream" },
  );
  using peer = await echo.dial();
  const sent = "☎ the quick brown fox ".repeat(20);
  assertEquals(text(await roundTrip(peer, sent)), sent);
});

Deno.test("limit_data passes so many bytes, then closes", async () => {
  await using echo = await echoing({ type: "limit_data", bytes: 7 });
  using peer = await echo.dial();
  await peer.write("0123456789");
  assertEquals(text(await peer.rest()), "0123456");
});

Deno.test("down refuses connections and closes those that are open, until it is up again", async () => {
  await using echo = await echoing();
  using peer = await echo.dial();
  await peer.write("hello\n");
  assertEquals(await peer.text(), "hello");
  await echo.proxy.set({ type: "down" });
  await peer.rest().catch(() => {}); // an end or a reset: bytes may have been on their way
  await assertRejects(() => echo.dial(), Deno.errors.ConnectionRefused);
  await echo.proxy.set();
  using again = await echo.dial();
  assertEquals(text(await roundTrip(again, "hello again")), "hello again");
});

Deno.test("toxics may be those of one link, and change while it is open", async () => {
  await using echo = await echoing();
  using first = await echo.dial();
  await first.write("1\n");
  assertEquals(await first.text(), "1");
  const [link] = echo.proxy.links;
  using second = await echo.dial();
  await second.write("2\n");
  assertEquals(await second.text(), "2");
  link!.toxics = [{ type: "reset_peer", timeout: 0 }];
  await assertRejects(() => first.rest(), Deno.errors.ConnectionReset);
  assertEquals(text(await roundTrip(second, "still here")), "still here");
});

Deno.test("a client's calls through the proxy settle, whatever is wrong with the network", async () => {
  const api = { text: method(z.int(), (size) => "x".repeat(size)) };
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await using proxy = await FaultProxy.start(Number(new URL(server.addresses[0]!).port));
  const address = `tcp://127.0.0.1:${proxy.port}`;
  await proxy.set({ type: "slicer", average_size: 100, size_variation: 99, delay: 0 });
  {
    await using line = await connect<typeof api>(address);
    assertEquals((await line.call.text(20_000)).length, 20_000);
  }
  await proxy.set({ type: "limit_data", bytes: 1000 });
  {
    await using line = await connect<typeof api>(address);
    const error = await rejection(line.call.text(20_000));
    assert(error instanceof ConnectionLostError && error.sent);
  }
  await proxy.set({ type: "timeout", timeout: 0 });
  await using line = await connect<typeof api>(address);
  const error = await rejection(line.call.text(1, { timeout: 50 }));
  assertEquals((error as { reason?: string }).reason, "DEADLINE_EXCEEDED");
  await within(line.close(), "the line to close");
});

Deno.test("a proxy before nobody hangs up", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using proxy = await FaultProxy.start(port);
  using peer = await RawPeer.dial(`tcp://127.0.0.1:${proxy.port}`);
  const end = await peer.rest().catch((error) => bytesOf(String(error)));
  assert(end.length === 0 || text(join([end])).includes("ConnectionReset"), text(end));
});
