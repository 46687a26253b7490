// An API that is declared first: implemented by a server, and held to at both ends of a real socket.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as v from "npm:valibot@1";
import * as z from "npm:zod@4";
import { connect as connectPage } from "../../lib/browser.ts";
import { contract, type ContractError, implement } from "../../lib/contract.ts";
import {
  connect,
  event,
  method as handled,
  notification as noted,
  type Peer,
  RpcError,
  serve,
  settle,
  stream as streamed,
  withContext,
  withMiddleware,
} from "../../lib/mod.ts";
import { rejection } from "../support/events.ts";

const { method, notification, stream } = contract;
const LISTEN = { listen: "tcp://127.0.0.1:0" };

const shop = contract({
  price: method(z.object({ item: z.string().min(1), count: z.int().default(1) }), {
    result: z.object({ cents: z.int(), until: z.date() }),
    errors: { UNKNOWN_ITEM: z.object({ item: z.string() }) },
    summary: "What it costs",
  }),
  nothing: method({ result: z.undefined() }),
  bytes: method(z.instanceof(Uint8Array), { result: z.instanceof(Uint8Array) }),
  untold: method(v.string()),
  stock: {
    count: stream(z.object({ to: z.int().default(3) }), { result: z.int().max(9) }),
    total: method({ items: z.number(), result: z.number() }),
    chat: stream({ items: z.string(), result: z.string() }),
  },
  log: notification(z.string()),
});

const heard = Promise.withResolvers<string>();

const api = implement(shop, {
  price({ item, count }, { error }) {
    if (item === "tea") return { cents: 250 * count, until: new Date(0) };
    throw error("UNKNOWN_ITEM", { item });
  },
  nothing: () => {},
  bytes: (bytes) => bytes.toReversed(),
  untold: (text) => [text],
  stock: {
    async *count({ to }, { after = "0" }) {
      for (let n = Number(after) + 1; n <= to; n++) yield event(String(n), n);
      return "done";
    },
    async total(_, { items }) {
      let sum = 0;
      for await (const item of items) sum += item;
      return sum;
    },
    async *chat(_, { items }) {
      for await (const text of items) yield text.toUpperCase();
    },
  },
  log: heard.resolve,
});

async function failure(call: Promise<unknown>): Promise<ContractError> {
  const error = await rejection(call) as ContractError;
  assertEquals(error.name, "ContractError", String(error));
  return error;
}

/** Ways to call it. */
const WAYS = {
  "with a check of the client's": (address: string) => connect(address, { contract: shop }),
  "with a check of a page's": (address: string) =>
    connectPage(address.replace(/^tcp:/, "ws:"), { contract: shop }),
  "by its types alone": (address: string) => connect<typeof shop>(address),
};

for (const [how, open] of Object.entries(WAYS)) {
  Deno.test(`a contract is implemented and called, ${how}`, async () => {
    await using server = serve(api, LISTEN);
    await using line = await open(server.addresses[0]!);
    const { call } = line;
    assertEquals(await call.price({ item: "tea", count: 2 }), {
      cents: 500,
      until: "1970-01-01T00:00:00.000Z",
    });
    assertEquals(await call.nothing(), null);
    assertEquals(await call.bytes(new Uint8Array([1, 2])), new Uint8Array([2, 1]));
    assertEquals(await call.untold("a"), ["a"]);
    assertEquals(await call.stock.count(), [1, 2, 3]); // left out, as the schema allows
    assertEquals(await call.stock.total(undefined, { items: [1, 2] }), 3);
    assertEquals(await Array.fromAsync(call.stock.chat(undefined, { items: "ab" })), ["A", "B"]);
    const unknown = await settle(call.price({ item: "gold" }));
    assert(!unknown.ok && unknown.reason === "UNKNOWN_ITEM");
    assertEquals(unknown.data.item, "gold");

    const items = call.stock.count({ to: 2 })[Symbol.asyncIterator]();
    assertEquals(await items.next(), { done: false, value: 1 });
    assertEquals(items.lastEventId, "1");
    assertEquals(await items.next(), { done: false, value: 2 });
    assertEquals(await items.next(), { done: true, value: "done" });
    assertEquals(await Array.fromAsync(call.stock.count({ to: 3 }, { after: "2" })), [3]);

    const both = line.batch((call) => [call.price({ item: "tea" }), call.nothing()] as const);
    assertEquals((await both[0]).cents, 250);
    line.notify.log(how);
    assertEquals(typeof await heard.promise, "string");
  });
}

Deno.test("a client with a contract sends nothing that breaks it", async () => {
  const arrived: string[] = [];
  const seen = withMiddleware([(call, next) => {
    arrived.push(call.method);
    return next();
  }], api);
  await using server = serve(seen, LISTEN);
  await using line = await connect(server.addresses[0]!, { contract: shop });

  const params = await failure(line.call.price({ item: "", count: 0.5 }));
  assertEquals([params.brokenBy, params.method, params.part], ["caller", "price", "params"]);
  assertEquals(params.issues.map(({ path }) => path), [["item"], ["count"]]);
  assert(
    /^The caller breaks the contract of price: the params at item: .* \(and 1 more\)$/
      .test(params.message),
    params.message,
  );
  const loop = (async () => {
    for await (const _ of line.call.stock.count({ to: "3" as never }));
  })();
  assertEquals((await failure(loop)).part, "params");
  assertThrows(
    () => line.notify.log(1 as never),
    Error,
    "The caller breaks the contract of log: the params: ",
  );
  const { call } = line as unknown as { call: Record<string, () => Promise<unknown>> };
  await assertRejects(() => call.prize!(), TypeError, "the contract has no such method");
  const [first, second] = line.batch((call) =>
    [call.untold(1 as never), call.untold("b")] as const
  );
  assertEquals((await failure(first)).method, "untold");
  assertEquals(await second, ["b"]);
  assertEquals(arrived, ["untold"]);

  // An item that breaks it ends the call, and what gives the items.
  let isClosed = false;
  const items = (function* () {
    try {
      yield 1;
      yield "2" as never;
    } finally {
      isClosed = true;
    }
  })();
  const item = await failure(line.call.stock.total(undefined, { items }));
  assertEquals([item.brokenBy, item.part, isClosed], ["caller", "item", true]);
  assertEquals(await line.call.stock.total(undefined, { items: [4] }), 4);
});

/** A server that has never seen the contract. */
const other = {
  price: handled(z.unknown(), (_, { error }) => {
    throw error("UNKNOWN_ITEM", { name: "tea" });
  }, { errors: { UNKNOWN_ITEM: z.unknown() } }),
  nothing: handled(() => 1),
  bytes: handled(z.unknown(), () => "AA=="),
  untold: handled(z.unknown(), () => 1),
  stock: {
    count: streamed(z.unknown(), async function* (_, { signal }) {
      yield 8;
      yield 9;
      yield 10;
      left.resolve(await new Promise((resolve) => signal.addEventListener("abort", resolve)));
    }),
    total: handled(() => "3"),
    chat: handled(() => "no stream"),
  },
  log: noted(z.string(), () => {}),
};
const left = Promise.withResolvers<unknown>();

Deno.test("a page with a contract sends nothing that breaks it, and says what the server broke", async () => {
  await using server = serve({ price: handled(z.unknown(), () => "dear") }, {
    listen: "ws://127.0.0.1:0",
  });
  await using line = await connectPage(server.addresses[0]!, { contract: shop });
  const sent = await failure(line.call.price({ item: "" }));
  assertEquals([sent.brokenBy, sent.part], ["caller", "params"]);
  const arrived = await failure(line.call.price({ item: "tea" }));
  assertEquals([arrived.brokenBy, arrived.part], ["server", "result"]);
});

Deno.test("a client with a contract hands on nothing that breaks it, and says that the server did", async () => {
  await using server = serve(other, LISTEN);
  await using line = await connect(server.addresses[0]!, { contract: shop });
  const { call } = line;

  const result = await failure(call.nothing());
  assertEquals([result.brokenBy, result.part], ["server", "result"]);
  assert(result.message.startsWith("The server breaks the contract of nothing: the result: "));
  assertEquals((await failure(call.bytes(new Uint8Array(1)))).part, "result");
  assertEquals((await failure(call.stock.total(undefined, { items: [] }))).part, "result");
  assertEquals((await failure(call.stock.chat(undefined, { items: [] }))).part, "result");
  assertEquals(await call.untold("the contract says nothing of it"), 1);

  const error = await failure(call.price({ item: "tea" }));
  assertEquals([error.brokenBy, error.part], ["server", "error"]);
  assert(error.cause instanceof RpcError && error.cause.reason === "UNKNOWN_ITEM");

  const seen: number[] = [];
  const loop = (async () => {
    for await (const n of call.stock.count()) seen.push(n);
  })();
  const item = await failure(loop);
  assertEquals([item.brokenBy, item.part, item.method, seen], ["server", "item", "stock.count", [
    8,
    9,
  ]]);
  await left.promise; // the server knows that the caller takes no more

  // Params as they travel are the caller's own business.
  assertEquals(await line.request("stock.total"), "3");
});

Deno.test("a contract may have schemas that answer later, and a line middleware around the check", async () => {
  const later = contract({
    even: method(z.number().refine((n) => Promise.resolve(n % 2 === 0)), {
      result: z.string().refine((text) => Promise.resolve(text !== "4")),
    }),
    told: notification(z.string().refine((text) => Promise.resolve(text !== ""))),
  });
  const told = Promise.withResolvers<string>(), wrong = Promise.withResolvers<unknown>();
  const api = { even: handled(z.number(), String), told: noted(z.string(), told.resolve) };
  await using server = serve(api, LISTEN);
  const around: string[] = [];
  await using line = await connect(server.addresses[0]!, {
    contract: later,
    onError: wrong.resolve,
    use: [async (call, next) => {
      around.push(call.method);
      return await next().catch((error) => ({ result: error.brokenBy }));
    }],
  });
  assertEquals(await line.call.even(2), "2");
  assertEquals(await line.call.even(3), "caller");
  assertEquals(await line.call.even(4), "server");
  assertEquals(around, ["even", "even", "even"]);
  line.notify.told("");
  assertEquals((await wrong.promise as ContractError).part, "params");
  line.notify.told("x");
  assertEquals(await told.promise, "x");
});

Deno.test("connect() refuses a contract that contract() has not made", async () => {
  const error = await rejection(connect("tcp://127.0.0.1:1", { contract: { ...shop } }));
  assertEquals(
    (error as Error).message,
    "Cannot connect: contract must be what contract() gave, whole",
  );
});

Deno.test("both sides may have a contract: handlers call back, with state and middleware of theirs", async () => {
  const server = contract({ halve: method(z.number(), { result: z.number() }) });
  const client = contract({
    ask: method(z.string(), { result: z.boolean() }),
    done: notification(),
  });
  const { use } = withContext<{ peer: Peer<typeof client>; state: { by: number } }>();
  const api = use((_, next) => next({ question: "Really?" })).implement(server, {
    async halve(n, { call, notify, question, state }) {
      const may = await call.ask(question);
      notify.done();
      return may ? n / state.by : n;
    },
  });
  const done = Promise.withResolvers<void>();
  const clientApi = implement(client, { ask: (text) => text === "Really?", done: done.resolve });
  await using listening = serve(api, { ...LISTEN, connectionState: () => ({ by: 2 }) });
  await using line = await connect(listening.addresses[0]!, { contract: server, api: clientApi });
  assertEquals(await line.call.halve(3), 1.5);
  await done.promise;
});

Deno.test("what implements a contract says of itself what the contract says", async () => {
  await using server = serve(api, LISTEN);
  await using line = await connect(server.addresses[0]!);
  const { methods } = await line.request("rpc.discover") as {
    methods: { name: string; summary?: string; result?: { schema: { type: string } } }[];
  };
  const [price] = methods;
  assertEquals([price!.name, price!.summary, price!.result!.schema.type], [
    "price",
    "What it costs",
    "object",
  ]);
});
