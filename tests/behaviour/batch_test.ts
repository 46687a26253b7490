// line.batch: many calls in one message, settled one by one.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import * as z from "npm:zod@4";
import { connect as connectPage } from "../../lib/browser.ts";
import {
  connect,
  ConnectionLostError,
  type Line,
  method,
  type Peer,
  RpcError,
  serve,
  stream,
  type Untyped,
  withContext,
} from "../../lib/mod.ts";
import { pair } from "../../lib/testing.ts";
import { turn, until } from "../support/deadline.ts";
import { aborted, Events, rejection } from "../support/events.ts";
import { connectOver } from "../support/local.ts";
import { pipe } from "../support/memory.ts";
import { RawPeer } from "../support/raw.ts";

const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  upper: method(z.string(), (text) => text.toUpperCase()),
  fail: method(() => {
    throw new RpcError("ABORTED", "no");
  }),
  left: method((_, { timeLeft }) => timeLeft()),
  wait: method((_, { signal }) => aborted(signal)),
  count: stream(z.int(), function* (to) {
    for (let n = 0; n < to; n++) yield n;
  }),
  meta: method((_, { meta }) => meta),
};

const settled = (promises: readonly Promise<unknown>[]) =>
  Promise.allSettled(promises).then((results) =>
    results.map((result) =>
      result.status === "fulfilled" ? result.value : (result.reason as RpcError).reason
    )
  );

Deno.test("batch() gives a tuple of answers with their types, each settled by itself", async () => {
  await using ends = await pair(api);
  const answers = ends.line.batch((call) => [
    call.add({ a: 1, b: 2 }),
    call.upper("x"),
    call.fail(),
  ]);
  const [sum, text]: readonly [Promise<number>, Promise<string>, Promise<never>] = answers;
  assertEquals(await sum, 3);
  assertEquals(await text, "X");
  assertEquals((await rejection(answers[2]) as RpcError).reason, "ABORTED");
});

Deno.test("batch() gives whatever its function gives", async () => {
  await using ends = await pair(api);
  const { sum } = ends.line.batch((call) => ({ sum: call.add({ a: 1, b: 2 }) }));
  assertEquals(await sum, 3);
  assertEquals(ends.line.batch(() => "nothing"), "nothing");
});

/** A client whose server is the test. */
async function clientOf(options: Parameters<typeof connectOver>[1] = {}) {
  const [here, there] = pipe();
  const errors: unknown[] = [];
  const line = await connectOver<typeof api>(here, {
    onError: (error) => void errors.push(error),
    ...options,
  });
  return { line, errors, server: new RawPeer(there, "json") };
}

Deno.test("batch() sends one array, and the calls around it alone", async () => {
  const { line, server } = await clientOf();
  const calls: Promise<unknown>[] = [];
  calls.push(line.call.upper("before"));
  calls.push(...line.batch((call) => [call.upper("a"), call.upper("b")]));
  calls.push(line.call.upper("after"));
  const texts = [await server.text(), await server.text(), await server.text()];
  const batch = texts.find((text) => text.startsWith("["))!;
  assertEquals(
    (JSON.parse(batch) as { params: unknown[] }[]).map(({ params }) => params[0]),
    ["a", "b"],
  );
  assertEquals(new Set(texts).size, 3);
  await line.close();
  await Promise.allSettled(calls);
});

Deno.test("batch() with nothing in it sends nothing", async () => {
  const { line, server } = await clientOf();
  line.batch(() => []);
  const call = line.call.upper("x");
  assertEquals((await server.answer()).method, "upper");
  await line.close();
  await Promise.allSettled([call]);
});

Deno.test("batch() whose function throws makes no call", async () => {
  const { line, server } = await clientOf();
  const why = new Error("mine");
  const error = await rejection(Promise.try(() =>
    line.batch((call) => {
      call.upper("never");
      throw why;
    })
  ));
  assertEquals(error, why);
  const call = line.call.upper("x");
  assertEquals((await server.answer()).params, ["x"]);
  await line.close();
  await Promise.allSettled([call]);
});

Deno.test("batch() splits what is longer than the client's maxBatch", async () => {
  const { line, server } = await clientOf({ limits: { maxBatch: 3 } });
  const calls = line.batch((call) => Array.from({ length: 7 }, (_, n) => call.upper(`${n}`)));
  const sizes: number[] = [];
  for (let n = 0; n < 3; n++) {
    const requests = JSON.parse(await server.text()) as { id: number; params: [string] }[];
    sizes.push(requests.length);
    const answers = requests.map(({ id, params }) => ({ jsonrpc: "2.0", id, result: params[0] }));
    await server.send(JSON.stringify(answers.toReversed()));
  }
  assertEquals(sizes, [3, 3, 1]);
  assertEquals(await Promise.all(calls), ["0", "1", "2", "3", "4", "5", "6"]);
  await line.close();
});

Deno.test("batch() that is longer than the server's maxBatch rejects, and other calls do not", async () => {
  await using ends = await pair(api, { serve: { limits: { maxBatch: 5 } } });
  const { line } = ends;
  const waiting = new AbortController();
  const other = rejection(line.call.wait(undefined, { signal: waiting.signal }));
  const small = line.batch((call) => [call.upper("a"), call.upper("b")]);
  const large = line.batch((call) => Array.from({ length: 6 }, () => call.upper("x")));
  const larger = line.batch((call) => Array.from({ length: 9 }, () => call.upper("x")));
  assertEquals(await settled([...large, ...larger]), Array(15).fill("RESOURCE_EXHAUSTED"));
  assertEquals(await Promise.all(small), ["A", "B"]);
  const why = new Error("it still waited");
  waiting.abort(why);
  assertEquals(await other, why);
});

Deno.test("batch() that is larger than the server's maxMessageBytes rejects", async () => {
  await using ends = await pair(api, { serve: { limits: { maxMessageBytes: 1000 } } });
  const calls = ends.line.batch((call) =>
    Array.from({ length: 20 }, () => call.upper("x".repeat(50)))
  );
  assertEquals(await settled(calls), Array(20).fill("RESOURCE_EXHAUSTED"));
  assertEquals(await ends.line.call.upper("x"), "X");
});

Deno.test("batch() whose answers are too large together says so to some, and answers the others", async () => {
  await using ends = await pair(api, { serve: { limits: { maxResponseBytes: 1000 } } });
  const outcomes = await settled(
    ends.line.batch((call) => Array.from({ length: 20 }, () => call.upper("x".repeat(100)))),
  );
  const good = outcomes.filter((outcome) => outcome === "X".repeat(100)).length;
  assert(good > 0 && good < 20, `${good}`);
  assertEquals(new Set(outcomes), new Set(["X".repeat(100), "RESOURCE_EXHAUSTED"]));
});

Deno.test("a page whose answers to a batch are too large together says so to some, and names the limit", async () => {
  const { promise: answered, resolve } = Promise.withResolvers<Answer[]>();
  const calls = Array.from({ length: 20 }, (_, id) => ({
    jsonrpc: "2.0",
    id,
    method: "long",
  }));
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => socket.send(JSON.stringify(calls));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (Array.isArray(message)) resolve(message);
    };
    return response;
  });
  await using _line = await connectPage(`ws://127.0.0.1:${server.addr.port}`, {
    api: { long: method(() => "x".repeat(100)) },
    limits: { maxResponseBytes: 1000 },
  });
  const answers = await answered, good = answers.filter(({ result }) => result !== undefined);
  assert(good.length > 0 && good.length < 20, `${good.length}`);
  for (const { error } of answers.filter(({ result }) => result === undefined)) {
    assertEquals(error?.data, { name: "RESOURCE_EXHAUSTED", limit: "maxResponseBytes" });
  }
});

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly data?: unknown };
}

Deno.test("batch() takes options: deadlines, signals and metadata, also as the first thing on a line", async () => {
  for (const timeout of [undefined, 1e6]) {
    await using ends = await pair(api, { connect: timeout === undefined ? {} : { timeout } });
    const { line } = ends;
    const controller = new AbortController();
    const [late, cancelled, meta, fine] = line.batch((call) => [
      call.wait(undefined, { timeout: 20 }),
      call.wait(undefined, { signal: controller.signal }),
      call.meta(undefined, { meta: { tag: 7 } }),
      call.upper("x", { timeout: 1e6 }),
    ]);
    const why = new Error("enough");
    const outcomes = settled([late]), reason = rejection(cancelled);
    // It needs to know what the server understands, so that it travels alone.
    assertEquals((await meta).tag, 7);
    controller.abort(why);
    assertEquals(await reason, why);
    assertEquals(await outcomes, ["DEADLINE_EXCEEDED"]);
    assertEquals(await fine, "X", "the answers of a batch come together");
    // What was asked behind the batch is known by now.
    assertEquals(await Array.fromAsync(line.call.count(3)), [0, 1, 2]);
  }
});

Deno.test("batch() may hold a stream that is iterated", async () => {
  await using ends = await pair(api);
  const [items, text] = ends.line.batch((call) => [
    call.count(200)[Symbol.asyncIterator](),
    call.upper("x"),
  ]);
  assertEquals(await text, "X");
  let expected = 0;
  for await (const n of items) assertEquals(n, expected++);
  assertEquals(expected, 200);
});

Deno.test("batch() on a line that is closed rejects each call, which was not sent", async () => {
  const ends = await pair(api);
  await ends[Symbol.asyncDispose]();
  for (const answer of ends.line.batch((call) => [call.upper("a"), call.upper("b")])) {
    const error = await rejection(answer);
    assertInstanceOf(error, ConnectionLostError);
    assertEquals(error.sent, false);
  }
});

Deno.test("calls of a batch reject with ConnectionLostError and whether they were sent", async () => {
  const [here, there] = pipe({ room: 100, write: 50 });
  const line = await connectOver<typeof api>(here);
  const server = new RawPeer(there, "json");
  // The first fills what lies between the ends, so that the second is never handed over.
  const first = line.batch((call) => [call.upper("x".repeat(500)), call.upper("y")]);
  await turn();
  const second = line.batch((call) => [call.upper("a"), call.upper("b")]);
  const outcomes = Promise.all([...first, ...second].map(rejection));
  await turn();
  server.close();
  const errors = await outcomes;
  for (const error of errors) assertInstanceOf(error, ConnectionLostError);
  const sent = errors.map((error) => (error as ConnectionLostError).sent);
  // Where the end is seen before a write has failed, the second may still be written.
  assertEquals(sent.slice(0, 2), [true, true]);
  assertEquals(sent[2], sent[3]);
  await line.close();
});

Deno.test("notifications and calls outside do not join a batch", async () => {
  const { line, server } = await clientOf();
  const events = new Events();
  const calls = line.batch((call) => {
    line.notify.upper("outside");
    return [call.upper("inside")];
  });
  const texts = [await server.text(), await server.text()];
  for (const text of texts) events.add(text.startsWith("[") ? "batch" : "alone");
  assertEquals(events.all, ["alone", "batch"]);
  await line.close();
  await Promise.allSettled(calls);
});

Deno.test("a call to a handler's peer that is made inside batch() goes to that peer, beside the batch", async () => {
  const name = (own: string) => ({ name: method(() => own) });
  const typed = withContext<{ peer: Peer<ReturnType<typeof name>> }>();
  const client = {
    hello: typed.method(z.string(), async (from, { peer }) => {
      const both = line.batch((call) => [call.name!(), peer.call.name()]);
      return `${from} is ${(await Promise.all(both))[1]}`;
    }),
  };
  const greeter = withContext<{ peer: Peer<typeof client> }>();
  const servers = ["A", "B"].map((own) =>
    serve({ ...name(own), greet: greeter.method((_, { peer }) => peer.call.hello(own)) }, {
      listen: "tcp://127.0.0.1:0",
    })
  );
  const addresses = servers.map(({ addresses }) => addresses[0]!);
  const line: Line<Untyped> = await connect(addresses, { api: client, balance: "round-robin" });
  await until(
    () => servers.every(({ connections }) => connections === 1),
    "the client to reach both",
  );
  const greetings: string[] = [];
  for (let turn = 0; turn < 4; turn++) greetings.push(await line.call.greet!() as string);
  assert(greetings.every((text) => text === "A is A" || text === "B is B"), greetings.join());
  await line.close();
  for (const server of servers) await server.shutdown(0);
});
