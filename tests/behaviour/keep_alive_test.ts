// Keep-alive: our client pings an idle line, and notices when nobody is there any more.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { connect, ConnectionLostError, type ConnectOptions, method, serve } from "../../lib/mod.ts";
import { pair } from "../../lib/testing.ts";
import { turn, within } from "../support/deadline.ts";
import { Events, rejection } from "../support/events.ts";
import { connectOver } from "../support/local.ts";
import { pipe } from "../support/memory.ts";
import { RawPeer } from "../support/raw.ts";

const quick = { pingInterval: 20, pingTimeout: 40 };

/** A client whose server is the test. */
async function clientOf(limits: ConnectOptions = { limits: quick }) {
  const [here, there] = pipe();
  const line = await connectOver(here, limits);
  return { line, server: new RawPeer(there, "json") };
}

/** The next request, other than the question what the peer understands, which is answered. */
async function nextOf(server: RawPeer): Promise<{ id: unknown; method: string }> {
  for (;;) {
    const { id, method } = await server.answer() as { id: unknown; method: string };
    if (method !== "rpc.serverInfo") return { id, method };
    await server.send({ jsonrpc: "2.0", id, result: { extensions: [] } });
  }
}

/** Has a call answered, and whatever comes before it refused. */
async function answerTo(server: RawPeer, method: string, result: unknown): Promise<void> {
  for (;;) {
    const next = await nextOf(server);
    if (next.method === method) return await server.send({ jsonrpc: "2.0", id: next.id, result });
    const error = { code: -32601, message: "Method not found" };
    await server.send({ jsonrpc: "2.0", id: next.id, error });
  }
}

Deno.test("a client pings an idle line again and again, and any answer will do", async () => {
  const { line, server } = await clientOf();
  for (let n = 0; n < 6; n++) {
    const { id, method } = await nextOf(server);
    assertEquals(method, "rpc.ping");
    await server.send(
      n % 2 === 0
        ? { jsonrpc: "2.0", id, result: null }
        : { jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } },
    );
  }
  const call = line.request("still.there");
  await answerTo(server, "still.there", "yes");
  assertEquals(await call, "yes");
  await line.close();
});

Deno.test("a client ends a line whose peer does not answer, and its calls reject", async () => {
  const { line, server } = await clientOf();
  const call = rejection(line.request("wait"));
  assertEquals((await nextOf(server)).method, "wait");
  const { reason } = await within(line.closed, "the line to end");
  assertEquals(reason, "the peer did not answer a ping within 40 ms");
  const error = await call;
  assertInstanceOf(error, ConnectionLostError);
  assertEquals(error.sent, true);
});

Deno.test("a client notices a server that is gone without a word", async () => {
  const api = { wait: method(() => new Promise(() => {})), hello: method(() => "hello") };
  // The line goes dead after so many bytes: nothing arrives, and nothing says so.
  await using ends = await pair(api, {
    connect: { limits: quick, reconnect: false },
    faults: { down: { stall: 60 } },
  });
  assertEquals(await ends.line.call.hello(), "hello");
  const calls = Array.from({ length: 3 }, () => rejection(ends.line.call.wait()));
  for (const error of await Promise.all(calls)) assertInstanceOf(error, ConnectionLostError);
  assertEquals(
    (await ends.line.closed).reason,
    "the peer did not answer a ping within 40 ms",
  );
});

Deno.test("anything that comes shows that somebody is there", async () => {
  const { line, server } = await clientOf();
  const call = line.request("slow");
  const { id } = await nextOf(server);
  // No ping is ever answered; the line lives by what else is said.
  const end = performance.now() + 300;
  while (performance.now() < end) {
    await server.send({ jsonrpc: "2.0", method: "$/nothing" });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await server.send({ jsonrpc: "2.0", id, result: "done" });
  assertEquals(await call, "done");
  await line.close();
});

Deno.test("a busy line is not pinged, and none where pingInterval is 0", async () => {
  for (const limits of [{ pingInterval: 100_000 }, { ...quick, pingInterval: 0 }]) {
    const { line, server } = await clientOf({ limits });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const call = line.request("first");
    assertEquals((await server.answer()).method, "first");
    await line.close();
    await rejection(call);
  }
});

Deno.test("a server does not ping", async () => {
  await using server = serve({ hello: method(() => 1) }, {
    listen: "tcp://127.0.0.1:0",
    limits: { pingInterval: 10, pingTimeout: 10 },
  });
  using peer = await RawPeer.dial(server.addresses[0]!);
  await peer.ask({ jsonrpc: "2.0", id: 1, method: "hello" });
  await new Promise((resolve) => setTimeout(resolve, 100));
  assertEquals((await peer.ask({ jsonrpc: "2.0", id: 2, method: "hello" })).id, 2);
});

Deno.test("a client does not take its own standing still for the peer's", async () => {
  const { line, server } = await clientOf();
  for (let n = 0; n < 3; n++) {
    const { id } = await nextOf(server);
    await server.send({ jsonrpc: "2.0", id, result: null });
    // The answer is there, and nobody gets to read it until the ping is long overdue.
    const end = performance.now() + 100;
    while (performance.now() < end);
    await turn();
  }
  const call = line.request("still.there");
  await answerTo(server, "still.there", "yes");
  assertEquals(await call, "yes");
  await line.close();
});

Deno.test("pings keep a line open longer than the server's idleTimeout", async () => {
  const ended = new Events();
  await using server = serve({ hello: method(() => "hello") }, {
    listen: "memory:",
    limits: { idleTimeout: 500 },
    onClose: () => ended.add("closed"),
  });
  const alive = await connect(server.addresses[0]!, {
    limits: { pingInterval: 50, pingTimeout: 10_000 },
  });
  const silent = await connect(server.addresses[0]!, {
    limits: { pingInterval: 0 },
    reconnect: false,
  });
  const { reason } = await within(silent.closed, "the silent line to end");
  assert(reason.length > 0);
  for (let n = 0; n < 3; n++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    assertEquals(await alive.request("hello"), "hello");
  }
  await alive.close();
});
