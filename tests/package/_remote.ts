// One API and one caller of it that uses every kind of call, for two ends in different processes, which may be
// of different run times.

import { assert, assertEquals, assertRejects } from "@std/assert";
import * as z from "npm:zod@4";
import { type Line, method, type Peer, RpcError, stream, withContext } from "@landline/rpc";
import { within } from "../support/deadline.ts";

/** What the caller serves. */
export const callerApi = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
};

export const api = {
  echo: method(z.string(), (text) => text),
  flip: method(z.instanceof(Uint8Array), (bytes) => bytes.toReversed()),
  fail: method(() => {
    throw new RpcError("NOT_FOUND", "No such thing", { details: 7 });
  }),
  wait: method((_, { signal }) => new Promise((resolve) => (signal.onabort = resolve))),
  countdown: stream(z.int(), async function* (from) {
    for (let n = from; n >= 0; n--) yield n;
  }),
  shout: stream(async function* (_, { items }) {
    for await (const text of items) yield text.toUpperCase();
  }, { items: z.string() }),
  ask: withContext<{ peer: Peer<typeof callerApi> }>().method((_, { peer }) =>
    peer.call.add({ a: 1, b: 2 })
  ),
};

/** Calls all of it, and says what was not as it should be by rejecting. @param isHttp whether nothing goes back */
export async function callAll(line: Line<typeof api>, isHttp: boolean): Promise<void> {
  const { call } = line;
  assertEquals(await call.echo("HÉ😀"), "HÉ😀");
  const long = "0123456789abcdé😀".repeat(45_000);
  assert(await call.echo(long) === long);
  assertEquals([...await call.flip(new Uint8Array([1, 2, 255]))], [255, 2, 1]);
  const error = await assertRejects(() => call.fail(), RpcError);
  assertEquals([error.reason, error.data], ["NOT_FOUND", { name: "NOT_FOUND", details: 7 }]);
  const reason = new Error("no longer wanted"), stop = new AbortController();
  const waiting = call.wait(undefined, { signal: stop.signal });
  stop.abort(reason);
  assert(await within(waiting.catch((error) => error), "the call to end") === reason);
  let expected = 300;
  for await (const n of call.countdown(expected)) assertEquals(n, expected--);
  assertEquals(expected, -1);
  for await (const n of call.countdown(1e6)) if (n < 1e6 - 100) break;
  if (isHttp) return;
  const heard: string[] = [];
  for await (const text of call.shout(undefined, { items: ["a", "b"] })) heard.push(text);
  assertEquals(heard, ["A", "B"]);
  assertEquals(await call.ask(), 3);
}
