// The option `observe`: every call is seen once where it begins and once where it ends, whatever becomes of
// it, in both directions, at both ends, over raw sockets, HTTP and WebSocket.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import * as z from "npm:zod@4";
import {
  connect,
  ConnectionLostError,
  method,
  notification,
  type ObservedCall,
  type Observer,
  RpcError,
  serve,
  type ServeOptions,
  settle,
  stream,
} from "../../lib/mod.ts";
import { aborted, Events, rejection } from "../support/events.ts";
import { RawPeer } from "../support/raw.ts";

/** How something ended, in a word. */
function wordFor(error: unknown): string {
  if (error === undefined) return "good";
  if (error instanceof RpcError) return error.reason ?? String(error.code);
  return (error as Error).name;
}

/** Writes down what it sees, and that each call ends once. */
class Recorder implements Observer<ObservedCall> {
  readonly ends = new Events();
  readonly refusals = new Events();
  readonly open = new Set<ObservedCall>();
  errors: unknown[] = [];
  begun = 0;

  begin(call: ObservedCall): ObservedCall {
    this.begun++;
    this.open.add(call);
    return call;
  }

  end(call: ObservedCall, error: unknown, mark: ObservedCall): void {
    const { direction, kind, method, isKnown } = call;
    const what = kind === "call" ? "" : `${kind} `, known = isKnown ? "" : " (unknown)";
    const isFirst = this.open.delete(call) && mark === call;
    this.errors.push(error);
    this.ends.add(
      `${direction} ${what}${method}${known}: ${wordFor(error)}${isFirst ? "" : " (again)"}`,
    );
  }

  refused(error: RpcError): void {
    const { limit } = (error.data ?? {}) as { limit?: string };
    this.refusals.add(`${wordFor(error)}${limit === undefined ? "" : ` ${limit}`}`);
  }

  /** Without the library's own calls, of which there may be some. */
  get calls(): string[] {
    return this.ends.all.filter((end) => !end.includes(" rpc."));
  }
}

const empty = z.object({}).optional();
const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  later: method(z.string(), async (text) => await Promise.resolve(text)),
  boom: method(() => {
    throw new Error("secret");
  }),
  boomLater: method(async () => {
    await null;
    throw new Error("secret");
  }),
  deny: method(() => {
    throw new RpcError("PERMISSION_DENIED", "No");
  }),
  own: method(empty, (_, { error }) => {
    throw error("FULL", {});
  }, { errors: { FULL: z.object({}) } }),
  large: method(() => "x".repeat(2000)),
  wait: method(async (_, { signal }) => void await aborted(signal)),
  count: stream(z.int(), function* (to) {
    for (let n = 0; n < to; n++) yield n;
  }),
  sum: method(empty, async (_, { items }) => {
    let sum = 0;
    for await (const n of items) sum += n;
    return sum;
  }, { items: z.number() }),
  told: notification(z.string(), () => {}),
  toldBadly: notification(() => {
    throw new Error("secret");
  }),
};

function listen(observe: Observer, options: ServeOptions = {}) {
  return serve(api, { listen: "tcp://127.0.0.1:0", observe, onError() {}, ...options });
}

const request = (id: number | undefined, method: string, params?: unknown) => ({
  jsonrpc: "2.0",
  ...(id !== undefined && { id }),
  method,
  ...(params !== undefined && { params }),
});

/** Calls of every fate, and what an observer of the server is to see of each. */
const FATES: readonly (readonly [method: string, params: unknown, seen: string])[] = [
  ["upper", ["a"], "in upper: good"],
  ["later", ["a"], "in later: good"],
  ["upper", [1], "in upper: INVALID_PARAMS"],
  ["nothing", [], "in nothing (unknown): METHOD_NOT_FOUND"],
  ["boom", [], "in boom: INTERNAL_ERROR"],
  ["boomLater", [], "in boomLater: INTERNAL_ERROR"],
  ["deny", [], "in deny: PERMISSION_DENIED"],
  ["own", [], "in own: FULL"],
  ["large", [], "in large: RESOURCE_EXHAUSTED"],
  ["wait", { _meta: { timeoutMs: 1 } }, "in wait: DEADLINE_EXCEEDED"],
  ["upper", { _meta: { timeoutMs: 0 } }, "in upper: DEADLINE_EXCEEDED"],
  ["count", [2], "in stream count: good"],
  ["told", ["a"], "in told: INVALID_REQUEST"],
];

const limits = { maxResponseBytes: 1000 };

for (const [name, params, seen] of FATES) {
  Deno.test(`observe sees ${seen}, in a line, over HTTP, over a WebSocket and in a batch`, async () => {
    const recorder = new Recorder();
    await using server = listen(recorder, { limits });
    const address = server.addresses[0]!, http = address.replace("tcp:", "http:");
    const text = JSON.stringify(request(7, name, params));

    const peer = await RawPeer.dial(address);
    await peer.send(text);
    await peer.answer();
    await peer.send(`[${text},${text}]`);
    await peer.answer();
    peer.close();

    const answer = await fetch(http, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: text,
    });
    await answer.body?.cancel();

    const socket = new WebSocket(address.replace("tcp:", "ws:"));
    const closed = new Promise((resolve) => socket.onclose = resolve);
    await new Promise((resolve) => socket.onopen = resolve);
    const answered = new Promise((resolve) => socket.onmessage = resolve);
    socket.send(text);
    await answered;
    socket.close();
    await closed;

    assertEquals(await recorder.ends.count(5), [seen, seen, seen, seen, seen]);
    assertEquals([recorder.begun, recorder.open.size], [5, 0]);
  });
}

Deno.test("observe sees notifications, known, unknown and failed", async () => {
  const recorder = new Recorder();
  await using server = listen(recorder);
  const peer = await RawPeer.dial(server.addresses[0]!);
  await peer.send(JSON.stringify(request(undefined, "told", ["a"])));
  await peer.send(JSON.stringify(request(undefined, "told", [1])));
  await peer.send(JSON.stringify(request(undefined, "toldBadly")));
  await peer.send(JSON.stringify(request(undefined, "nothing")));
  await peer.send(JSON.stringify([request(undefined, "told", ["b"])]));
  assertEquals(await recorder.ends.count(5), [
    "in notification told: good",
    "in notification told: INVALID_PARAMS",
    "in notification toldBadly: INTERNAL_ERROR",
    "in notification nothing (unknown): METHOD_NOT_FOUND",
    "in notification told: good",
  ]);
  assertEquals(recorder.open.size, 0);
  peer.close();
});

Deno.test("observe finds in INTERNAL_ERROR what the handler threw", async () => {
  const recorder = new Recorder();
  await using server = listen(recorder);
  await using line = await connect<typeof api>(server.addresses[0]!);
  await settle(line.call.boom());
  const [error] = recorder.errors as [RpcError];
  assertEquals([error.message, (error.cause as Error).message], ["Internal error", "secret"]);
});

Deno.test("observe sees calls that are cancelled where they run, where they wait, and with their connection", async () => {
  const recorder = new Recorder();
  await using server = listen(recorder, { limits: { maxInFlight: 1 } });
  const peer = await RawPeer.dial(server.addresses[0]!);
  await peer.send(request(1, "wait"), request(2, "wait"), request(3, "wait"));
  await peer.send(request(undefined, "$/cancelRequest", { id: 2 })); // it waits for the place of the first
  await peer.send(request(undefined, "$/cancelRequest", { id: 1 }));
  await recorder.ends.count(2);
  assertEquals([recorder.begun, recorder.open.size], [3, 1]);
  peer.close();
  assertEquals(await recorder.ends.count(3), Array(3).fill("in wait: CANCELLED"));
});

Deno.test("observe sees what limits refuse", async () => {
  const recorder = new Recorder();
  await using server = listen(recorder, {
    limits: { maxStreams: 1 },
    rateLimit: { connection: { calls: 3, burst: 1 } },
  });
  const peer = await RawPeer.dial(server.addresses[0]!);
  await peer.send(request(1, "sum"), request(2, "sum"), request(3, "upper", ["a"]));
  await peer.send(request(4, "upper", ["a"]), request(undefined, "told", ["a"]));
  assertEquals(await recorder.ends.count(4), [
    "in sum: RESOURCE_EXHAUSTED",
    "in upper: good",
    "in upper: RESOURCE_EXHAUSTED",
    "in notification told: RESOURCE_EXHAUSTED",
  ]);
  peer.close();
  assertEquals((await recorder.ends.count(5)).at(-1), "in sum: CANCELLED");
});

Deno.test("observe sees what breaks the rules, requests of HTTP and connections that are refused", async () => {
  const recorder = new Recorder();
  await using server = listen(recorder, { limits: { maxConnections: 1, maxMessageBytes: 1024 } });
  const address = server.addresses[0]!;
  const peer = await RawPeer.dial(address);
  await peer.send("{");
  await peer.send(`{"jsonrpc":"2.0","id":1}`);
  await peer.send(`[1]`);
  await peer.send(`"${"x".repeat(2000)}"`);
  await recorder.refusals.count(4);
  const other = await RawPeer.dial(address);
  await other.send(JSON.stringify(request(1, "upper", ["a"])));
  await recorder.refusals.count(5);
  peer.close();
  other.close();
  assertEquals(recorder.refusals.all, [
    "PARSE_ERROR",
    "INVALID_REQUEST",
    "INVALID_REQUEST",
    "RESOURCE_EXHAUSTED maxMessageBytes",
    "UNAVAILABLE maxConnections",
  ]);
  assertEquals(recorder.begun, 0);
});

Deno.test("observe sees both ends of calls, of calls back and of what is told", async () => {
  const there = new Recorder(), here = new Recorder();
  const clientApi = {
    double: method(z.number(), (n) => 2 * n),
    hello: notification(z.string(), () => {}),
  };
  const serverApi = {
    ask: method(async (_, context) => {
      context.notify["hello"]!("you");
      return await context.call["double"]!(21);
    }),
  };
  await using server = serve(serverApi, { listen: "tcp://127.0.0.1:0", observe: there });
  await using line = await connect<typeof serverApi>(server.addresses[0]!, {
    api: clientApi,
    observe: here,
  });
  assertEquals(await line.call.ask(), 42);
  server.peers.notify["hello"]!("all");
  await here.ends.has("out ask: good");
  assertEquals(there.calls.toSorted(), [
    "in ask: good",
    "out double: good",
    "out notification hello: good",
    "out notification hello: good",
  ]);
  await line.request("rpc.ping");
  assertEquals(here.calls.toSorted(), [
    "in double: good",
    "in notification hello: good",
    "in notification hello: good",
    "out ask: good",
  ]);
  assertEquals([there.open.size, here.open.size], [0, 0]);
});

Deno.test("observe at a client sees every end of a call once, however often it was sent", async () => {
  const recorder = new Recorder();
  await using server = listen({});
  await using line = await connect<typeof api>(server.addresses[0]!, { observe: recorder });
  await line.call.upper("a");
  await settle(line.call.upper(1 as never));
  await settle(line.call.wait(undefined, { timeout: 1 }));
  const gone = new AbortController();
  const left = rejection(line.call.wait(undefined, { signal: gone.signal }));
  gone.abort(new TypeError("enough"));
  await left;
  for await (const _ of line.call.count(1000)) break;
  await settle(line.call.upper("a", { timeout: -1 }));
  const waiting = rejection(line.call.wait());
  await line.request("rpc.ping");
  await line.close();
  assertInstanceOf(await waiting, ConnectionLostError);
  assertInstanceOf(await rejection(line.call.upper("late")), ConnectionLostError);
  assertEquals(recorder.calls, [
    "out upper: good",
    "out upper: INVALID_PARAMS",
    "out wait: DEADLINE_EXCEEDED",
    "out wait: TypeError",
    "out stream count: CANCELLED",
    "out upper: RangeError",
    "out wait: ConnectionLostError",
    "out upper: ConnectionLostError",
  ]);
  assertEquals(recorder.open.size, 0);
});

Deno.test("observe counts the items of streams in both directions, at both ends", async () => {
  const sums = () => {
    const sum = { sent: 0, received: 0 };
    const observe: Observer = {
      items(_, sent, received) {
        sum.sent += sent;
        sum.received += received;
      },
    };
    return { sum, observe };
  };
  const there = sums(), here = sums();
  await using server = listen(there.observe);
  const { observe } = here;
  await using line = await connect<typeof api>(server.addresses[0]!, { observe });
  let count = 0;
  for await (const _ of line.call.count(500)) count++;
  assertEquals(await line.call.sum(undefined, { items: [1, 2, 3] }), 6);
  assertEquals(count, 500);
  assertEquals(there.sum, { sent: 500, received: 3 });
  assertEquals(here.sum, { sent: 3, received: 500 });
  await line.request("count", [7]); // in one array
  assertEquals(there.sum.sent, 507);
});

Deno.test("observe runs handlers and the bodies of streams within what it sets around them", async () => {
  let current = "", seen = "";
  const observe: Observer<string> = {
    begin: ({ method }) => `mark of ${method}`,
    run(_call, handler, mark) {
      current = mark;
      handler();
      current = "";
    },
  };
  const inside = {
    now: method(() => current),
    items: stream(function* () {
      seen = current;
      yield 1;
    }),
  };
  await using server = serve(inside, { listen: "tcp://127.0.0.1:0", observe });
  await using line = await connect<typeof inside>(server.addresses[0]!);
  assertEquals(await line.call.now(), "mark of now");
  for await (const _ of line.call.items()) { /* one */ }
  assertEquals(seen, "mark of items");
});

Deno.test("an observer that throws is told to onError, and changes nothing", async () => {
  const told: string[] = [];
  const fail = () => {
    throw new Error("no");
  };
  const observe: Observer = { begin: fail, run: fail, meta: fail, items: fail, end: fail };
  await using server = listen(observe, { onError: (_, about) => told.push(about) });
  await using line = await connect<typeof api>(server.addresses[0]!, {
    observe,
    onError() {},
  });
  assertEquals(await line.call.upper("a"), "A");
  const items = [];
  for await (const n of line.call.count(2)) items.push(n);
  assertEquals(items, [0, 1]);
  assert(told.length > 0 && told.every((about) => about === "the callback observe of serve()"));
});

Deno.test("what an observer gives as meta travels beside the params, over what the caller gave", async () => {
  const metas = new Events<unknown>();
  const observe: Observer = {
    end: ({ method, meta }) => {
      if (method === "upper") metas.add({ a: meta["a"], b: meta["b"] });
    },
  };
  await using server = listen(observe);
  await using line = await connect<typeof api>(server.addresses[0]!, {
    observe: { meta: () => ({ a: "observer" }) },
  });
  await line.call.upper("a", { meta: { a: "caller", b: "caller" } });
  assertEquals(await metas.next(), { a: "observer", b: "caller" });
});

Deno.test("a call knows when it came, who calls, and its id", async () => {
  const calls = new Events<ObservedCall>();
  const before = performance.now();
  await using server = listen({ end: (call) => calls.add(call) });
  const peer = await RawPeer.dial(server.addresses[0]!);
  await peer.send(JSON.stringify({ ...request(undefined, "upper", ["a"]), id: "seven" }));
  const call = await calls.next();
  assertEquals(call.id, "seven");
  assertEquals(call.peer?.transport, "tcp");
  assert(call.since >= before && call.since <= performance.now());
  peer.close();
});
