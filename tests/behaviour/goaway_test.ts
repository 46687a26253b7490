// $/goaway: a server that is about to end says so, finishes what runs, and is asked nothing new.

import { assert, assertEquals, assertGreater, assertInstanceOf } from "@std/assert";
import * as z from "npm:zod@4";
import {
  type CloseInfo,
  connect,
  ConnectionLostError,
  type Line,
  method,
  notification,
  type Peer,
  serve,
  type ServeOptions,
  stream,
  type Untyped,
  withContext,
} from "../../lib/mod.ts";
import { turn, until, within } from "../support/deadline.ts";
import { Events, rejection } from "../support/events.ts";
import { connectOver, serveLocally } from "../support/local.ts";
import { pipe } from "../support/memory.ts";
import { RawPeer } from "../support/raw.ts";

const clientApi = {
  name: method(() => "client"),
  told: notification(z.string(), (text) => told.add(text)),
};
const told = new Events();
const typed = withContext<{ peer: Peer<typeof clientApi> }>();

/** A server whose methods wait for the test, and a client. */
async function served(options: ServeOptions = {}) {
  const gate = Promise.withResolvers<string>(), begun = new Events();
  const api = {
    wait: method(() => {
      begun.add("wait");
      return gate.promise;
    }),
    back: typed.method(async (_, { peer }) => {
      begun.add("back");
      await gate.promise;
      peer.notify.told("from a handler that drains");
      return await peer.call.name();
    }),
    count: stream(z.int(), async function* (to) {
      begun.add("count");
      for (let n = 0; n < to; n++) {
        yield n;
        if (n === 0) await gate.promise;
      }
    }),
    total: method(async (_, { items }) => {
      begun.add("total");
      let total = 0;
      for await (const n of items) total += n;
      return total;
    }, { items: z.int() }),
    hello: method(() => "hello"),
  };
  const closed = new Events<CloseInfo>();
  const server = serve(api, {
    listen: "tcp://127.0.0.1:0",
    onClose: (_, info) => closed.add(info),
    ...options,
  });
  const line: Line<typeof api> = await connect(server.addresses[0]!, {
    api: clientApi,
    reconnect: false, // what happens to one connection
  });
  return {
    server,
    line,
    gate,
    begun,
    closed,
    async [Symbol.asyncDispose]() {
      gate.resolve("disposed");
      await line.close();
      await server.shutdown(0);
    },
  };
}

/** Resolves once the client has been told. */
async function toldOff(line: Line<{ hello: unknown }>): Promise<ConnectionLostError> {
  let error: unknown;
  await until(() => {
    line.request("hello").then(() => {}, (e) => error = e);
    return error instanceof ConnectionLostError;
  }, "the client to be told");
  return error as ConnectionLostError;
}

Deno.test("after $/goaway a client begins nothing new, and finishes what runs", async () => {
  await using site = await served();
  const { line, begun, gate } = site;
  const wait = line.call.wait();
  const items = Array.fromAsync(line.call.count(200));
  const upload = Promise.withResolvers<void>();
  const total = line.call.total(undefined, {
    items: (async function* () {
      yield 1;
      await upload.promise;
      for (let n = 0; n < 200; n++) yield 1;
    })(),
  });
  await begun.count(3);
  const shutdown = site.server.shutdown();
  const error = await toldOff(line);
  assertEquals(error.sent, false);
  assertEquals(error.message, "Cannot call hello: the server is going away");
  for (const call of [line.call.hello(), Array.fromAsync(line.call.count(1))]) {
    const refused = await rejection(call);
    assertInstanceOf(refused, ConnectionLostError);
    assertEquals(refused.sent, false);
  }
  for (const refused of line.batch((call) => [call.hello(), call.hello()])) {
    assertInstanceOf(await rejection(refused), ConnectionLostError);
  }
  upload.resolve();
  gate.resolve("done");
  assertEquals(await wait, "done");
  assertEquals((await items).length, 200);
  assertEquals(await total, 201);
  await shutdown;
  assert((await line.closed).reason.length > 0);
});

Deno.test("handlers that still run may call their client back, and notify it", async () => {
  await using site = await served();
  const back = site.line.call.back();
  await site.begun.count(1);
  const shutdown = site.server.shutdown();
  await toldOff(site.line);
  site.gate.resolve("now");
  assertEquals(await back, "client");
  await told.has("from a handler that drains");
  await shutdown;
});

Deno.test("a client that was told goes on to ping, and is not misled by what it may not call", async () => {
  const [here, there] = pipe();
  const line = await connectOver(here, { limits: { pingInterval: 20, pingTimeout: 5000 } });
  const server = new RawPeer(there, "json");
  const call = line.request("wait");
  const { id } = await server.answer();
  await server.send({ jsonrpc: "2.0", method: "$/goaway", params: { reason: "shutdown" } });
  for (let pings = 0; pings < 3;) {
    const { id, method } = await server.answer();
    if (method === "rpc.ping") pings++;
    // So says a server that drains.
    await server.send({ jsonrpc: "2.0", id, error: { code: -32014, message: "draining" } });
  }
  await server.send({ jsonrpc: "2.0", id, result: "done" });
  assertEquals(await call, "done");
  await line.close();
});

Deno.test("a client that was told notices all the same that its server is dead", async () => {
  const [here, there] = pipe();
  const line = await connectOver(here, { limits: { pingInterval: 20, pingTimeout: 20 } });
  const server = new RawPeer(there, "json");
  const call = rejection(line.request("wait"));
  await server.send({ jsonrpc: "2.0", method: "$/goaway" });
  assertInstanceOf(await call, ConnectionLostError);
  assertEquals((await line.closed).reason, "the peer did not answer a ping within 20 ms");
});

Deno.test("a server says goodbye with its reason and its grace, once", async () => {
  await using site = await served({ limits: { shutdownGrace: 1234 } });
  using peer = await RawPeer.dial(site.server.addresses[0]!);
  await peer.ask({ jsonrpc: "2.0", id: 1, method: "hello" });
  const shutdown = site.server.shutdown();
  assertEquals(await peer.messages(), [
    { jsonrpc: "2.0", method: "$/goaway", params: { reason: "shutdown", graceMs: 1234 } },
  ]);
  peer.close();
  await shutdown;
});

Deno.test("a connection that reaches maxConnectionAge ends in order, and others go on", async () => {
  await using site = await served({ limits: { maxConnectionAge: 1000 } });
  using peer = await RawPeer.dial(site.server.addresses[0]!);
  await peer.ask({ jsonrpc: "2.0", id: 1, method: "hello" });
  const wait = site.line.call.wait();
  wait.catch(() => {}); // looked at below
  await toldOff(site.line);
  const [goodbye, ...others] = await peer.messages();
  assertEquals(goodbye?.params, { reason: "age", graceMs: 10_000 });
  assertEquals(others, []);
  peer.close();
  await until(() => site.server.connections === 1, "one connection to end, and one to go on");
  await using young = await connect(site.server.addresses[0]!);
  assertEquals(await young.request("hello"), "hello");
  site.gate.resolve("done");
  assertEquals(await wait, "done");
  await within(site.line.closed, "the old line to end");
  await site.closed.count(2);
});

Deno.test("shutdown() does not wait longer for a connection that is ending because of its age", async () => {
  const limits = { maxConnectionAge: 100, shutdownGrace: 300_000 };
  await using site = await served({ limits });
  using peer = await RawPeer.dial(site.server.addresses[0]!);
  await peer.send({ jsonrpc: "2.0", id: 1, method: "wait" });
  assertEquals((await peer.answer()).params, { reason: "age", graceMs: 300_000 });
  const shutdown = site.server.shutdown(50);
  const { id, error } = await peer.answer();
  assertEquals([id, error?.code], [1, -32014]);
  peer.close();
  await within(shutdown, "the server to end");
});

Deno.test("a server that is told $/goaway calls nobody back, and serves on", async () => {
  await using site = await served();
  using peer = await RawPeer.dial(site.server.addresses[0]!);
  await peer.send({ jsonrpc: "2.0", method: "$/goaway", params: { reason: "shutdown" } });
  site.gate.resolve("now");
  await peer.send({ jsonrpc: "2.0", id: 1, method: "back" });
  const [notice, answer] = await peer.answers(2);
  assertEquals(notice!.method, "told", "what is no call may still be said");
  assertEquals(answer!.error?.code, -32603);
  assertEquals((await peer.ask({ jsonrpc: "2.0", id: 2, method: "hello" })).result, "hello");
  await turn();
});

Deno.test("shutdown() does not wait for a peer that does not read", async () => {
  const limits = { shutdownGrace: 50, lingerTimeout: 50, writeStallTimeout: 600_000 };
  const api = { text: method(z.int(), (size) => "x".repeat(size)) };
  for (const hasCall of [true, false]) {
    await using local = serveLocally({ ...api, never: method(() => new Promise(() => {})) }, {
      limits,
    });
    using peer = local.peer("json", { room: 100 });
    await peer.send({ jsonrpc: "2.0", id: 1, method: "text", params: [10_000] });
    if (hasCall) await peer.send({ jsonrpc: "2.0", id: 2, method: "never" });
    await within(local.server.shutdown(), "the server to end");
  }
});

Deno.test("a server that many are connected to says goodbye to all, and closes them one by one", async () => {
  await using local = serveLocally({});
  const peers = Array.from({ length: 150 }, () => local.peer());
  for (const peer of peers) await peer.ask({ jsonrpc: "2.0", id: 1, method: "rpc.ping" });
  const ended = local.server.shutdown(2000);
  const left: number[] = [];
  await Promise.all(peers.map(async (peer) => {
    assertEquals((await peer.answer()).method, "$/goaway");
    assertEquals(await peer.rest(), new Uint8Array(0));
    left.push(local.server.connections);
    peer.close();
  }));
  await ended;
  // Together they would all be there when the first is seen to go.
  assertGreater(new Set(left).size, 20);
});

Deno.test("a request that crosses the goodbye is refused as not started", async () => {
  await using local = serveLocally({ ping: method(() => "pong") });
  using peer = local.peer();
  assertEquals((await peer.ask({ jsonrpc: "2.0", id: 1, method: "ping" })).result, "pong");
  const ended = local.server.shutdown();
  await peer.send({ jsonrpc: "2.0", id: 2, method: "ping" });
  assertEquals((await peer.answer()).method, "$/goaway");
  const { id, error } = await peer.answer();
  assertEquals([id, error], [2, {
    code: -32014,
    message: "The server is shutting down",
    data: { name: "UNAVAILABLE", details: { started: false } },
  }]);
  await peer.rest();
  peer.close();
  await ended;
});

Deno.test("a call that was made before $/goaway was read is sent on the next connection", async () => {
  const peers: RawPeer[] = [];
  const arrived = new Events();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const accepting = (async () => {
    for await (const conn of listener) {
      peers.push(new RawPeer(conn, "json"));
      arrived.add("peer");
    }
  })();
  let second: Promise<unknown> | undefined;
  const client = { hello: notification(() => void (second = line.call.second!())) };
  const line: Line<Untyped> = await connect(`tcp://127.0.0.1:${port}`, { api: client });
  const first = line.call.first!();
  await arrived.count(1);
  const asked = await peers[0]!.answer();
  assertEquals(asked.method, "first");
  const goaway = { jsonrpc: "2.0", method: "$/goaway", params: { reason: "test", graceMs: 1000 } };
  await peers[0]!.send({ jsonrpc: "2.0", method: "hello" }, goaway);
  await arrived.count(2);
  for (;;) { // it may ask what the peer understands first
    const { id, method } = await peers[1]!.answer();
    if (method === "second") {
      await peers[1]!.send({ jsonrpc: "2.0", id, result: "fine" });
      break;
    }
    await peers[1]!.send({ jsonrpc: "2.0", id, error: { code: -32601, message: "no" } });
  }
  assertEquals(await second, "fine");
  await peers[0]!.send({ jsonrpc: "2.0", id: asked.id, result: 1 });
  assertEquals(await first, 1);
  await line.close();
  for (const peer of peers) peer.close();
  listener.close();
  await accepting;
});
