// Requests without a connection: a message, who asks, and a place for the answer are enough.

import { assert, assertEquals } from "@std/assert";
import * as z from "npm:zod@4";
import { proceduresOf } from "../../../lib/api/api.ts";
import { Caller } from "../../../lib/incoming/caller.ts";
import { Dispatcher } from "../../../lib/incoming/dispatch.ts";
import type { RequestContext } from "../../../lib/incoming/request_context.ts";
import { Requests } from "../../../lib/incoming/requests.ts";
import { Identity } from "../../../lib/link/identity.ts";
import { DRAINING, InFlight } from "../../../lib/link/in_flight.ts";
import { resolveLimits } from "../../../lib/limits.ts";
import { ServedTarget } from "../../../lib/incoming/target.ts";
import { parseMessage } from "../../../lib/message/parse.ts";
import {
  type Limits,
  method,
  type Peer,
  type RpcError,
  type StandardSchema,
  stream,
  withContext,
} from "../../../lib/mod.ts";
import { pair } from "../../../lib/testing.ts";
import { Ledger } from "../../../lib/overload/ledger.ts";
import { LoadShedding } from "../../../lib/overload/load_shedding.ts";
import { Clock } from "../../support/clock.ts";
import { turn } from "../../support/deadline.ts";
import { rejection } from "../../support/events.ts";

const { method: known } = withContext<{ state: { name: string } }>();
const clientApi = { anything: method(() => "anything") };
const { method: callsBack } = withContext<{ peer: Peer<typeof clientApi> }>();

const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  later: method(z.string(), async (text) => await Promise.resolve(text)),
  whoami: known((_, { peer, state }) => [peer.address, state.name]),
  callBack: callsBack((_, { peer }) => peer.call.anything()),
  count: stream(z.number(), function* (to) {
    for (let n = 0; n < to; n++) yield n;
  }),
  hang: method((_, { signal }) =>
    new Promise<string>((resolve) =>
      signal.addEventListener("abort", () => resolve("aborted"), { once: true })
    )
  ),
};

/** What serves requests and has neither a socket nor a connection. */
function requestsAlone(given: Partial<Limits> = {}) {
  const limits = resolveLimits(given), timers = new Clock(), ledger = new Ledger(limits);
  const shared = {
    limits,
    timers,
    ledger,
    loadShedding: new LoadShedding(limits, ledger),
    dispatcher: new Dispatcher(
      proceduresOf(api),
      limits,
      () => {},
      (name, method) => new ServedTarget(name, method, limits),
    ),
  };
  const inFlight = new InFlight<RequestContext>(ledger.open());
  const requests = new Requests(shared, inFlight);
  const callerAt = (address: string) => {
    const answers: string[] = [];
    const ends = { remote: address, local: "here:" };
    const identity = new Identity(shared, ends, "test", "json");
    const caller = new Caller(identity, { push: (text) => void answers.push(text) }, undefined, {
      name: address,
    });
    return {
      answers,
      ask: (message: object) => {
        const parsed = parseMessage(JSON.stringify({ jsonrpc: "2.0", ...message }), limits);
        if (parsed.kind !== "request") throw new Error(`${parsed.kind} is no request`);
        return requests.request(parsed, caller);
      },
    };
  };
  return { inFlight, timers, callerAt };
}

Deno.test("Requests answers a request with neither a socket nor a connection", async () => {
  const { callerAt } = requestsAlone();
  const { ask, answers } = callerAt("nowhere:1");
  ask({ id: 1, method: "add", params: { a: 1, b: 2 } });
  assertEquals(answers, ['{"jsonrpc":"2.0","id":1,"result":3}'], "in the same turn");
  ask({ id: 2, method: "later", params: ["x"] });
  await turn();
  ask({ id: 3, method: "nothing" });
  ask({ id: 4, method: "add", params: { a: 1, b: "2" } });
  await turn();
  assertEquals(answers.slice(1).map((text) => JSON.parse(text).error?.code ?? text), [
    '{"jsonrpc":"2.0","id":2,"result":"x"}',
    -32601,
    -32602,
  ]);
});

Deno.test("Requests answers each caller where it asked, and tells handlers who it is", () => {
  const { callerAt } = requestsAlone();
  const one = callerAt("nowhere:1"), two = callerAt("nowhere:2");
  one.ask({ id: 1, method: "whoami" });
  two.ask({ id: 1, method: "whoami" });
  for (const [{ answers }, address] of [[one, "nowhere:1"], [two, "nowhere:2"]] as const) {
    assertEquals(answers, [
      JSON.stringify({ jsonrpc: "2.0", id: 1, result: [address, address] }),
    ]);
  }
});

Deno.test("a caller without a connection gets items before the answer, and is not called back", async () => {
  const { callerAt } = requestsAlone();
  const { ask, answers } = callerAt("nowhere:1");
  ask({ id: 1, method: "count", params: { value: 2, _meta: { stream: { credit: 9 } } } });
  await turn();
  assertEquals(answers, [
    '{"jsonrpc":"2.0","method":"$/stream/item","params":{"id":1,"values":[0,1]}}',
    '{"jsonrpc":"2.0","id":1,"result":null}',
  ]);
  ask({ id: 2, method: "callBack" });
  assertEquals(JSON.parse(answers.at(-1)!).error, {
    code: -32009,
    message: "This caller cannot be called back",
    data: { name: "FAILED_PRECONDITION" },
  });
});

Deno.test("Requests makes callers wait for a place, and stops what takes too long", async () => {
  const { callerAt, timers, inFlight } = requestsAlone({ maxInFlight: 1, callTimeout: 1000 });
  const { ask, answers } = callerAt("nowhere:1");
  assertEquals(ask({ id: 1, method: "hang" }), undefined);
  const later = { value: "x", _meta: { timeoutMs: 5000 } };
  assertEquals(ask({ id: 2, method: "later", params: later }), undefined, "what comes is read on");
  assertEquals([answers, inFlight.running.size], [[], 2]);
  timers.advance(1100);
  await turn();
  assertEquals(answers.map((text) => JSON.parse(text).error?.data.name ?? text), [
    "DEADLINE_EXCEEDED",
    '{"jsonrpc":"2.0","id":2,"result":"x"}',
  ]);
  assertEquals([inFlight.running.size, timers.pending], [0, []]);
});

Deno.test("Requests begins nothing new once it drains", () => {
  const { callerAt, inFlight } = requestsAlone();
  const { ask, answers } = callerAt("nowhere:1");
  inFlight.phase = DRAINING;
  ask({ id: 1, method: "add", params: { a: 1, b: 2 } });
  assertEquals(JSON.parse(answers[0]!).error.data, {
    name: "UNAVAILABLE",
    details: { started: false },
  });
});

Deno.test("a handler that returns its context gives away nothing of its author's", async () => {
  const returned = { context: method((_, context) => context) };
  await using ends = await pair(returned, {
    serve: { connectionState: () => ({ secret: "of the author" }) },
  });
  const text = JSON.stringify(await ends.line.request("context"));
  assert(text.includes('"method":"context"'), text);
  assert(!text.includes("of the author") && !text.includes("maxMessageBytes"), text);
});

Deno.test("validate() of a schema is called on the schema, however often it is asked", async () => {
  const standard: StandardSchema["~standard"] & { readonly isGood: (value: unknown) => boolean } = {
    version: 1,
    vendor: "example",
    isGood: (value) => value instanceof Uint8Array,
    validate(this: typeof standard, value) {
      return this.isGood(value) ? { value } : { issues: [{ message: "expected bytes" }] };
    },
  };
  const api = {
    length: method({ "~standard": standard }, (value) => (value as Uint8Array).length),
  };
  await using ends = await pair(api);
  assertEquals(await ends.line.request("length", [new Uint8Array(3)]), 3);
  const error = await rejection(ends.line.request("length", ["x"])) as RpcError;
  assertEquals(error.reason, "INVALID_PARAMS");
});
