// rpc.health and rpc.health.watch: the statuses of grpc.health.v1, and what draining does to them.

import { assertEquals, assertInstanceOf } from "@std/assert";
import {
  connect,
  type HealthStatus,
  type Line,
  method,
  RpcError,
  serve,
} from "../../../lib/mod.ts";
import { turn } from "../../support/deadline.ts";
import { Events, rejection } from "../../support/events.ts";
import { RawPeer } from "../../support/raw.ts";

interface Status {
  readonly status: HealthStatus;
}

/** A server with one method, and a client. */
async function served() {
  const gate = Promise.withResolvers<string>();
  const server = serve({ wait: method(() => gate.promise) }, { listen: "tcp://127.0.0.1:0" });
  const line = await connect(server.addresses[0]!);
  return {
    server,
    line,
    gate,
    async [Symbol.asyncDispose]() {
      gate.resolve("disposed");
      await line.close();
      await server.shutdown(0);
    },
  };
}

/** Watches a service, until the stream ends. */
function watching(line: Line, service?: string) {
  const seen = new Events<string>();
  const params = service === undefined ? undefined : { service };
  const ended = (async () => {
    const watch = line.call.rpc!.health!.watch!(params);
    for await (const item of watch) seen.add((item as Status).status);
  })();
  return { seen, ended };
}

Deno.test("rpc.health says SERVING for the server itself, however it is asked", async () => {
  await using site = await served();
  for (const params of [undefined, {}, { service: "" }]) {
    assertEquals(await site.line.request("rpc.health", params), { status: "SERVING" });
  }
});

Deno.test("rpc.health says what the author set, for each service", async () => {
  await using site = await served();
  const statuses: HealthStatus[] = ["NOT_SERVING", "UNKNOWN", "SERVING"];
  for (const status of statuses) {
    site.server.health.set("db", status);
    assertEquals(await site.line.request("rpc.health", { service: "db" }), { status });
    assertEquals(await site.line.request("rpc.health"), { status: "SERVING" });
  }
  site.server.health.set("", "NOT_SERVING");
  assertEquals(await site.line.request("rpc.health"), { status: "NOT_SERVING" });
});

Deno.test("rpc.health is NOT_FOUND for a service of which nothing was said", async () => {
  await using site = await served();
  for (const service of ["db", "__proto__", "toString"]) {
    const error = await rejection(site.line.request("rpc.health", { service }));
    assertInstanceOf(error, RpcError);
    assertEquals(error.reason, "NOT_FOUND");
    assertEquals(error.message, `No service has the name "${service}"`);
  }
  const error = await rejection(site.line.request("rpc.health", { service: 7 }));
  assertEquals((error as RpcError).reason, "INVALID_PARAMS");
});

Deno.test("rpc.health.watch tells the status now, and each change, and no status twice", async () => {
  await using site = await served();
  const { health } = site.server;
  const { seen, ended } = watching(site.line, "db");
  await seen.count(1);
  for (const status of ["SERVING", "SERVING", "NOT_SERVING", "SERVING"] as const) {
    health.set("db", status);
    health.set("other", status);
    await site.line.request("rpc.ping"); // the watcher was told by now
    await turn();
  }
  await seen.count(4);
  assertEquals(seen.all, ["SERVICE_UNKNOWN", "SERVING", "NOT_SERVING", "SERVING"]);
  const shutdown = site.server.shutdown();
  await ended;
  assertEquals(seen.all.at(-1), "NOT_SERVING");
  await shutdown;
});

Deno.test("rpc.health.watch ends when its watcher leaves", async () => {
  await using site = await served();
  for await (const item of site.line.call.rpc!.health!.watch!()) {
    assertEquals(item, { status: "SERVING" });
    break;
  }
  await site.server.shutdown();
});

Deno.test("draining turns every status, tells the watchers, and does not wait for them", async () => {
  await using site = await served();
  site.server.health.set("db", "SERVING");
  const whole = watching(site.line), db = watching(site.line, "db");
  const unknown = watching(site.line, "nothing");
  await Promise.all([whole, db, unknown].map(({ seen }) => seen.count(1)));
  const call = site.line.call.wait!();
  await site.line.request("rpc.ping");
  const shutdown = site.server.shutdown();
  // The watches end by themselves; the call keeps the connection.
  await Promise.all([whole.ended, db.ended, unknown.ended]);
  assertEquals(whole.seen.all, ["SERVING", "NOT_SERVING"]);
  assertEquals(db.seen.all, ["SERVING", "NOT_SERVING"]);
  assertEquals(unknown.seen.all, ["SERVICE_UNKNOWN"]);
  site.server.health.set("db", "SERVING");
  site.gate.resolve("done");
  assertEquals(await call, "done");
  await shutdown;
  assertEquals(site.server.health.check("db"), { status: "NOT_SERVING" });
});

Deno.test("a peer that knows no streams gets what the watch has seen once it ends", async () => {
  await using site = await served();
  using peer = await RawPeer.dial(site.server.addresses[0]!);
  await peer.send({ jsonrpc: "2.0", id: 1, method: "rpc.health.watch" });
  await peer.ask({ jsonrpc: "2.0", id: 2, method: "rpc.ping" });
  const shutdown = site.server.shutdown();
  const messages = await peer.messages();
  assertEquals(messages.find(({ id }) => id === 1)?.result, [
    { status: "SERVING" },
    { status: "NOT_SERVING" },
  ]);
  peer.close();
  await shutdown;
});
