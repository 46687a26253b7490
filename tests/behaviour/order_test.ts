// In which order calls of one connection begin and run: without the option `sequential`, and with it.

import { assert, assertEquals } from "@std/assert";
import * as z from "npm:zod@4";
import {
  connect,
  method,
  notification,
  type Peer,
  type RpcError,
  serve,
  type ServeOptions,
  type StandardSchema,
  stream,
  withContext,
} from "../../lib/mod.ts";
import { turn, within } from "../support/deadline.ts";
import { aborted, Events, rejection } from "../support/events.ts";
import { FRAMING_NAMES, RawPeer } from "../support/raw.ts";

/** What the client of these tests serves. */
const clientApi = { ask: method(() => "answer"), nested: method((): unknown => undefined) };
const { method: called } = withContext<{ peer: Peer<typeof clientApi> }>();

/** Takes any text, once the gate is open. */
const lateSchema = (gate: Promise<void>): StandardSchema<string> => ({
  "~standard": {
    version: 1,
    vendor: "example",
    validate: async (value) => {
      await gate;
      return typeof value === "string" ? { value } : { issues: [{ message: "is no text" }] };
    },
  },
});

/** A document that is edited by notifications and read by calls, and more that takes its time. */
function editor(options: ServeOptions = {}) {
  const gate = Promise.withResolvers<void>(), begun = new Events();
  let text = "";
  const api = {
    didChange: notification(z.string(), async (change) => {
      begun.add(`change ${change}`);
      await turn();
      await turn();
      text = change;
    }),
    completion: method(() => {
      begun.add("completion");
      return text;
    }),
    late: method(lateSchema(gate.promise), (text) => {
      begun.add(text);
      return text;
    }),
    hold: method(z.string(), async (name) => {
      begun.add(name);
      await gate.promise;
      begun.add(`${name} ended`);
      return name;
    }),
    forever: method(async (_, { signal }) => {
      begun.add("forever");
      await aborted(signal);
    }),
    callBack: called(async (_, { call }) => {
      begun.add("callBack");
      const answer = await call.ask();
      begun.add("called back");
      return answer;
    }),
    nest: called(async (_, { call }) => {
      const error = await rejection(call.nested(undefined, { timeout: 50 }));
      begun.add("nest ended");
      return (error as RpcError).reason;
    }),
    ticks: stream(async function* (_, { signal }) {
      begun.add("ticks");
      yield 1;
      await aborted(signal);
    }),
    sum: method(async (_, { items }) => {
      begun.add("sum");
      let sum = 0;
      for await (const n of items) sum += n;
      return sum;
    }, { items: z.number() }),
  };
  const server = serve(api, { listen: "tcp://127.0.0.1:0", ...options });
  return {
    api,
    server,
    gate,
    begun,
    peer: (framing?: "json" | "headers" | "length") => RawPeer.dial(server.addresses[0]!, framing),
    async [Symbol.asyncDispose]() {
      gate.resolve();
      await server.shutdown(0);
    },
  };
}

const request = (id: number, method: string, ...params: unknown[]) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});
const note = (method: string, ...params: unknown[]) => ({ jsonrpc: "2.0", method, params });
const SEQUENTIAL = { sequential: true };

// ---- Without it --------------------------------------------------------------------------------------

Deno.test("handlers begin in the order in which calls came, unless a schema before them takes its time", async () => {
  await using site = editor();
  using peer = await site.peer();
  await peer.send(
    request(1, "hold", "first"),
    note("didChange", "x"),
    request(2, "late", "third"),
    request(3, "completion"),
  );
  // What is begun is not awaited: the change was begun before, and is not done.
  assertEquals((await peer.answer()).result, "");
  assertEquals(site.begun.all.slice(0, 3), ["first", "change x", "completion"]);
  site.gate.resolve();
  const rest = await peer.answers(2);
  assertEquals(rest.map(({ result }) => result).sort(), ["first", "third"]);
  assert(
    site.begun.all.indexOf("third") > 2,
    "its schema was asked in order, its handler waited for that",
  );
});

Deno.test("a notification whose handler is synchronous is done before the call behind it begins", async () => {
  let text = "";
  const api = {
    set: notification(z.string(), (to) => void (text = to)),
    get: method(() => text),
  };
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  await using line = await connect<typeof api>(server.addresses[0]!);
  for (let n = 0; n < 100; n++) {
    line.notify.set(String(n));
    assertEquals(await line.call.get(), String(n));
  }
});

// ---- With it -----------------------------------------------------------------------------------------

for (const framing of FRAMING_NAMES) {
  Deno.test(`a sequential server has done a change before the call behind it begins, in ${framing}`, async () => {
    await using site = editor(SEQUENTIAL);
    using peer = await site.peer(framing);
    const messages = Array.from({ length: 20 }, (_, n) => [
      note("didChange", `text ${n}`),
      request(n, "completion"),
    ]).flat();
    await peer.send(...messages);
    const answers = await peer.answers(20);
    assertEquals(
      answers.map(({ id, result }) => [id, result]),
      Array.from({ length: 20 }, (_, n) => [n, `text ${n}`]),
    );
  });
}

Deno.test("a sequential server begins nothing behind a schema that takes its time", async () => {
  await using site = editor(SEQUENTIAL);
  using peer = await site.peer();
  await peer.send(request(1, "late", "first"), request(2, "completion"), request(3, "nope"));
  await turn();
  assertEquals(site.begun.all, []);
  site.gate.resolve();
  assertEquals((await peer.answers(3)).map(({ id }) => id), [1, 2, 3]);
  assertEquals(site.begun.all, ["first", "completion"]);
});

Deno.test("a sequential server runs the calls of a batch one after another, and those of others beside them", async () => {
  await using site = editor(SEQUENTIAL);
  using peer = await site.peer(), other = await site.peer();
  await peer.send([note("didChange", "a"), request(1, "hold", "first"), request(2, "completion")]);
  await site.begun.has("first");
  assertEquals((await other.ask(request(1, "completion"))).result, "a");
  assertEquals(site.begun.all, ["change a", "first", "completion"]);
  site.gate.resolve();
  const [first, second] = await peer.answer() as unknown as { result: unknown }[];
  assertEquals([first!.result, second!.result], ["first", "a"]);
  assertEquals(site.begun.all.slice(-2), ["first ended", "completion"]);
});

Deno.test("a call that waits its turn can be cancelled, and its deadline runs", async () => {
  await using site = editor({ ...SEQUENTIAL, limits: { callTimeout: 60_000 } });
  using peer = await site.peer();
  await peer.send(
    request(1, "hold", "first"),
    request(2, "hold", "second"),
    { ...request(3, "hold"), params: { value: "third", _meta: { timeoutMs: 30 } } },
    request(4, "completion"),
    note("$/cancelRequest"),
  );
  await site.begun.has("first");
  await peer.send({ jsonrpc: "2.0", method: "$/cancelRequest", params: { id: 2 } });
  const [cancelled, late] = await peer.answers(2);
  assertEquals([cancelled!.id, cancelled!.error?.code], [2, -32800]);
  assertEquals([late!.id, late!.error?.code], [3, -32004]);
  site.gate.resolve();
  assertEquals((await peer.answers(2)).map(({ id }) => id), [1, 4]);
  assertEquals(site.begun.all, ["first", "first ended", "completion"]);
});

Deno.test("a call that runs can be cancelled while others wait for it, and they go on", async () => {
  await using site = editor(SEQUENTIAL);
  using peer = await site.peer();
  await peer.send(request(1, "forever"), request(2, "completion"));
  await site.begun.has("forever");
  await peer.send({ jsonrpc: "2.0", method: "$/cancelRequest", params: { id: 1 } });
  assertEquals((await peer.answers(2)).map(({ id, error }) => [id, error?.code]), [
    [1, -32800],
    [2, undefined],
  ]);
});

Deno.test("a sequential server answers pings, and what every peer has, while a handler runs", async () => {
  await using site = editor(SEQUENTIAL);
  using peer = await site.peer();
  await peer.send(request(1, "hold", "first"), request(2, "completion"), request(3, "rpc.ping", 7));
  assertEquals((await peer.answer()).result, [7]);
  assertEquals((await peer.ask(request(4, "rpc.serverInfo"))).id, 4);
  site.gate.resolve();
  assertEquals((await peer.answers(2)).map(({ id }) => id), [1, 2]);
});

Deno.test("a handler of a sequential server calls back, and what waits goes on waiting meanwhile", async () => {
  await using site = editor(SEQUENTIAL);
  const asked = new Events(), gate = Promise.withResolvers<void>();
  const api = {
    ...clientApi,
    ask: method(async () => {
      asked.add("asked");
      await gate.promise;
      return "answer";
    }),
  };
  await using line = await connect<typeof site.api>(site.server.addresses[0]!, { api });
  const back = line.call.callBack(), completion = line.call.completion();
  await asked.count(1);
  await turn();
  assertEquals(site.begun.all, ["callBack"]);
  gate.resolve();
  assertEquals([await back, await completion], ["answer", ""]);
  assertEquals(site.begun.all, ["callBack", "called back", "completion"]);
});

Deno.test("a call that is made in order to answer a sequential server waits its turn, up to the deadline of what is asked", async () => {
  await using site = editor(SEQUENTIAL);
  const inner = Promise.withResolvers<unknown>();
  const api = {
    ...clientApi,
    nested: called(async (_, { peer }) => {
      const answer = (peer as unknown as Peer<typeof site.api>).call.completion();
      inner.resolve(answer);
      return await answer;
    }),
  };
  await using line = await connect<typeof site.api>(site.server.addresses[0]!, { api });
  assertEquals(await within(line.call.nest(), "the handler to give up"), "DEADLINE_EXCEEDED");
  assertEquals(await within(inner.promise, "the inner call"), "");
  assertEquals(site.begun.all, ["nest ended", "completion"]);
});

Deno.test("streams of a sequential server begin in their turn, and hold up nothing", async () => {
  await using site = editor(SEQUENTIAL);
  await using line = await connect<typeof site.api>(site.server.addresses[0]!);
  const upload = Promise.withResolvers<void>();
  const sum = line.call.sum(undefined, {
    items: (async function* () {
      yield 1;
      await upload.promise;
      yield 2;
    })(),
  });
  const ticks = line.call.ticks()[Symbol.asyncIterator]();
  assertEquals((await ticks.next()).value, 1);
  assertEquals(await line.call.completion(), "");
  upload.resolve();
  assertEquals(await sum, 3);
  await ticks.return!();
  assertEquals(site.begun.all, ["sum", "ticks", "completion"]);
});
