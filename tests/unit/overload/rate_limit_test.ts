// How fast callers may go: by the bucket itself, and through a server.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { TokenBucket } from "../../../lib/overload/token_bucket.ts";
import { method, notification, serve, type ServeOptions } from "../../../lib/mod.ts";
import { RateLimiter } from "../../../lib/overload/rate_limit.ts";
import { type LocalServer, serveLocally } from "../../support/local.ts";
import type { Answer, RawPeer } from "../../support/raw.ts";

let notified = 0;
const api = {
  call: method(() => true),
  dear: method(() => true, { cost: 5 }),
  free: method(() => true, { cost: 0 }),
  told: notification(() => void notified++),
};

const request = (id: number, method: string) => ({ jsonrpc: "2.0", id, method });

function serveAt(rateLimit: NonNullable<ServeOptions["rateLimit"]>): LocalServer {
  return serveLocally(api, { rateLimit });
}

/** The errors of so many calls, one after another. */
async function calls(peer: RawPeer, count: number, method = "call"): Promise<Answer["error"][]> {
  const errors: Answer["error"][] = [];
  for (let id = 1; id <= count; id++) errors.push((await peer.ask(request(id, method))).error);
  return errors;
}

/** Milliseconds after which it may be tried again, out of an error that says so. */
function retryOf(error: Answer["error"]): number {
  assertEquals(error?.code, -32008);
  const { retryAfterMs, ...data } = error?.data as { retryAfterMs: number };
  assertEquals(data, { name: "RESOURCE_EXHAUSTED", limit: "rate" });
  return retryAfterMs;
}

Deno.test("Bucket gives what flows in, and a burst of it at once", () => {
  const bucket = new TokenBucket(10, 20, 0);
  assert(bucket.isFull(0));
  assertEquals(bucket.delay(20, 0), 0);
  assertEquals(bucket.delay(21, 0), 0, "more than it holds can be had when it is full");
  bucket.take(20, 0);
  assertEquals([bucket.delay(0, 0), bucket.delay(1, 0), bucket.delay(5, 0)], [0, 100, 500]);
  assertEquals([bucket.delay(1, 50), bucket.delay(1, 100)], [50, 0]);
  bucket.take(11, 100);
  assertEquals(bucket.delay(0, 100), 1000, "it can be owed");
  assert(!bucket.isFull(2999));
  assert(bucket.isFull(3100) && bucket.isFull(1e9));
  assertEquals(bucket.delay(20, 1e9), 0);
  assertEquals(bucket.delay(20, 1e9), 0, "to ask takes nothing");
});

Deno.test("a connection may call as fast as its rate says, with a burst", async () => {
  // So slow that nothing flows in while the test runs.
  await using local = serveAt({ connection: { calls: 0.01, burst: 300 } });
  using peer = local.peer();
  const errors = await calls(peer, 4);
  assertEquals(errors.slice(0, 3), [undefined, undefined, undefined]);
  const retryAfterMs = retryOf(errors[3]);
  assert(retryAfterMs > 95_000 && retryAfterMs <= 100_000, String(retryAfterMs));
  using other = local.peer();
  assertEquals(await calls(other, 1), [undefined], "another has its own");
});

Deno.test("methods count for what they cost, batches for their sum, notifications too", async () => {
  await using local = serveAt({ connection: { calls: 0.001, burst: 10_000 } });
  using peer = local.peer();
  const batch = [request(1, "dear"), request(2, "call"), { jsonrpc: "2.0", method: "told" }];
  assertEquals((await peer.ask(JSON.stringify(batch)) as unknown as Answer[]).length, 2);
  assertEquals(notified, 1);
  // 7 of 10 are used: this batch would take 5 more, so that none of it is done.
  const more = [request(3, "call"), { jsonrpc: "2.0", method: "told" }, request(4, "call")];
  const past = await peer.ask(JSON.stringify([...more, ...more.slice(1)])) as unknown as Answer[];
  assertEquals(past.map(({ id, error }) => [id, error?.code]), [[3, -32008], [4, -32008], [
    4,
    -32008,
  ]]);
  assertEquals(notified, 1);
  assert(retryOf((await peer.ask(request(5, "dear"))).error) > 0);
  assertEquals(await calls(peer, 3), [undefined, undefined, undefined]);
  assertEquals(await calls(peer, 3, "free"), [undefined, undefined, undefined]);
  await peer.send({ jsonrpc: "2.0", method: "told" });
  assertEquals((await peer.ask(request(6, "free"))).result, true);
  assertEquals(notified, 1, "a notification that is too much is dropped");
});

Deno.test("what an address has used stays used when it connects again", async () => {
  await using local = serveAt({ address: { calls: 0.01, burst: 200 } });
  for (const hostname of ["203.0.113.5", "2001:db8::1"]) {
    {
      using first = local.peer("json", { hostname });
      assertEquals(await calls(first, 2), [undefined, undefined]);
    }
    using second = local.peer("json", { hostname });
    assert(retryOf((await calls(second, 1))[0]) > 0);
  }
  using other = local.peer("json", { hostname: "203.0.113.6" });
  assertEquals(await calls(other, 1), [undefined]);
  using own = local.peer();
  assertEquals((await calls(own, 5)).filter((error) => error !== undefined), []);
});

Deno.test("bytes past the rate are paid for by the calls that come next", async () => {
  await using local = serveAt({ connection: { bytes: 1, burst: 500 } });
  using peer = local.peer();
  const { error } = await peer.ask(
    JSON.stringify({ ...request(1, "call"), pad: "x".repeat(1000) }),
  );
  const retryAfterMs = retryOf(error);
  assert(retryAfterMs > 500_000 && retryAfterMs < 600_000, String(retryAfterMs));
  using other = local.peer();
  assertEquals(await calls(other, 3), [undefined, undefined, undefined]);
});

Deno.test("Rates forgets addresses that have used nothing for long, and never keeps too many", () => {
  const rates = new RateLimiter({ address: { calls: 1, burst: 1 } });
  const used = rates.allow("first", 0);
  assertEquals(used.call(1, 0), 0);
  assertEquals(rates.allow("first", 0).call(1, 0), 1000);
  for (let n = 0; n < 5000; n++) rates.allow(`other ${n}`, 10);
  assertEquals(rates.allow("first", 10).call(1, 10), 990, "it is remembered while that matters");
  for (let n = 0; n < 5000; n++) rates.allow(`later ${n}`, 5000);
  assertEquals(rates.allow("first", 5000).call(1, 5000), 0);
});

Deno.test("rates and costs that make no sense are refused", () => {
  for (const calls of [0, -1, NaN, Infinity, "1" as unknown as number]) {
    const error = assertThrows(
      () => serve(api, { listen: "tcp://127.0.0.1:0", rateLimit: { address: { calls } } }),
      RangeError,
    );
    assertEquals(
      error.message,
      `Cannot use rateLimit: address.calls must be a positive number, it is ${calls}`,
    );
  }
  for (const cost of [-1, NaN, Infinity]) {
    const error = assertThrows(() => method(() => true, { cost }), RangeError);
    assertEquals(
      error.message,
      `Cannot make a method: cost must be a number from 0, it is ${cost}`,
    );
  }
});
