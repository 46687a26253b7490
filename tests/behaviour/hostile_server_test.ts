// A server that means harm: what it says must not make its client keep more and more.

import { assertEquals, assertInstanceOf, assertLessOrEqual, assertMatch } from "@std/assert";
import { connect, ConnectionLostError } from "../../lib/mod.ts";
import { turn, until, within } from "../support/deadline.ts";
import { rejection } from "../support/events.ts";
import { type Answer, RawPeer } from "../support/raw.ts";

/** The grace of a server that never wants to be left. */
const ENDLESS = Number.MAX_SAFE_INTEGER;

/** Answers what is not called `wait`, and then sends its clients away. */
function goingAway() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<RawPeer>();
  let most = 0;
  const talk = async (peer: RawPeer) => {
    open.add(peer);
    most = Math.max(most, open.size);
    try {
      for (;;) {
        const { id, method }: Answer = JSON.parse(await peer.text());
        const error = { code: -32601, message: "Method not found" };
        if (method === "wait" || id === undefined) continue;
        if (method!.startsWith("rpc.")) await peer.send({ jsonrpc: "2.0", id, error });
        else {
          const params = { reason: "shutdown", graceMs: ENDLESS };
          await peer.send(
            { jsonrpc: "2.0", id, result: method },
            { jsonrpc: "2.0", method: "$/goaway", params },
          );
        }
      }
    } catch {
      // the client has closed it
    }
    open.delete(peer);
    peer.close();
  };
  const talks: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) talks.push(talk(new RawPeer(conn, "json")));
  })();
  return {
    address: `tcp://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    open,
    get most() {
      return most;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(talks);
    },
  };
}

Deno.test("a connection that went away is closed when its last call has ended, whatever grace it was given", async () => {
  await using server = goingAway();
  const line = await connect(server.address);
  for (let n = 0; n < 5; n++) assertEquals(await line.request("hello"), "hello");
  await until(() => server.open.size <= 1, "those that went away to be closed");
  await line.close();
});

Deno.test("few connections that went away are kept for their calls; of those beyond the calls fail", async () => {
  await using server = goingAway();
  const line = await connect(server.address);
  const failures: unknown[] = [];
  for (let n = 0; failures.length < 3; n++) {
    assertLessOrEqual(n, 100);
    line.request("wait").catch((error) => failures.push(error));
    await line.request("hello");
  }
  assertLessOrEqual(server.most, 11);
  for (const error of failures) {
    assertInstanceOf(error, ConnectionLostError);
    assertEquals(error.sent, true);
    assertMatch(error.message, /more than 8 connections went away and had calls$/);
  }
  await line.close();
  await turn();
});

Deno.test("the grace of a server that goes away is not longer than any call may take", async () => {
  await using server = goingAway();
  const line = await connect(server.address, { limits: { maxCallTimeout: 50 } });
  const waiting = rejection(line.request("wait"));
  await line.request("hello");
  const error = await within(waiting, "the call to fail");
  assertInstanceOf(error, ConnectionLostError);
  assertEquals(error.message, "The connection ended: the peer went away, and its 50 ms are over");
  await line.close();
  await turn();
});
