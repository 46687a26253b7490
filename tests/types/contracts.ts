// Contracts: what handlers must be, what callers get, and what the compiler refuses.

import * as v from "npm:valibot@1";
import * as z from "npm:zod@4";
import { contract, type Handlers, implement } from "../../lib/contract.ts";
import {
  connect,
  event,
  type MethodName,
  type NotifyStub,
  type Peer,
  serve,
  settle,
  type Stub,
  withContext,
} from "../../lib/mod.ts";
import { pair } from "../../lib/testing.ts";
import { type Equal, of, same } from "./_equal.ts";

const { method, notification, stream } = contract;

const shop = contract({
  price: method(z.object({ item: z.string(), on: z.date().optional() }), { result: z.number() }),
  grade: method(v.string(), { result: z.enum(["a", "b"]) }),
  now: method({ result: z.iso.datetime() }),
  any: method(z.string().transform(Number)),
  buy: method(z.int(), {
    result: z.object({ at: z.date() }),
    errors: { OUT_OF_STOCK: z.object({ left: z.int() }) },
  }),
  stock: {
    list: stream(z.object({ from: z.int().default(0) }), { result: z.string() }),
    total: method({ items: z.number(), result: z.number() }),
    chat: stream({ items: z.string(), result: z.string() }),
  },
  log: notification(z.string()),
  bell: notification(),
});

// What a caller sees, of the contract and of what implements it.
function call(stub: Stub<typeof shop>, implemented: Stub<typeof api>) {
  same<Equal<Parameters<typeof stub.price>[0], { item: string; on?: Date | undefined }>>();
  same<Equal<ReturnType<typeof stub.price>, Promise<number>>>();
  same<Equal<Awaited<ReturnType<typeof stub.grade>>, "a" | "b">>();
  same<Equal<Awaited<ReturnType<typeof stub.any>>, unknown>>();
  same<Equal<Awaited<ReturnType<typeof stub.buy>>, { at: string }>>();
  same<Equal<Awaited<ReturnType<typeof stub.stock.list>>, string[]>>();
  same<Equal<Parameters<typeof stub.stock.list>[0], { from?: number | undefined } | undefined>>();
  same<Equal<Parameters<typeof stub.any>[0], string>>();
  same<Equal<typeof implemented.price, typeof stub.price>>();
  same<Equal<typeof implemented.stock.chat, typeof stub.stock.chat>>();
  same<Equal<typeof implemented.buy, typeof stub.buy>>();
  stub.now();
  stub.stock.total(undefined, { items: [1] });
  // @ts-expect-error: it takes a text
  stub.grade(1);
  // @ts-expect-error: its items are numbers
  stub.stock.total(undefined, { items: ["1"] });
  // @ts-expect-error: it has no answer
  stub.log("text");
  // @ts-expect-error: there is no such method
  stub.stock.sell();
}
function notify(stub: NotifyStub<typeof shop>) {
  stub.log("text");
  stub.bell();
  // @ts-expect-error: it takes a text
  stub.log(1);
}
same<
  Equal<
    MethodName<typeof shop>,
    | "price"
    | "grade"
    | "now"
    | "any"
    | "buy"
    | "stock.list"
    | "stock.total"
    | "stock.chat"
    | "log"
    | "bell"
  >
>();

const stock: Handlers<typeof shop>["stock"] = {
  list: async function* ({ from }) {
    same<Equal<typeof from, number>>();
    yield "tea";
    yield event("2", "cake");
  },
  total: async (_, { items }) => {
    let sum = 0;
    for await (const item of items) sum += item;
    return sum;
  },
  chat: async function* (_, { items }) {
    for await (const text of items) yield text.toUpperCase();
  },
};

const api = implement(shop, {
  price: ({ item, on }) => item.length + (on?.getTime() ?? 0),
  grade: (text) => text === "" ? "a" : "b",
  now: () => new Date(), // arrives as what the schema says
  any: (n) => n + 1,
  buy(count, { error }) {
    if (count > 3) throw error("OUT_OF_STOCK", { left: 3 });
    // @ts-expect-error: no such error is declared
    if (count < 0) throw error("TOO_FEW", {});
    return { at: new Date() };
  },
  stock,
  log: (text) => console.log(text.length),
  bell: () => {},
});

const small = contract({ half: method(z.number(), { result: z.number() }), sub: { a: method() } });

function refused() {
  // @ts-expect-error: the handler of sub.a is missing
  implement(small, { half: (n) => n / 2, sub: {} });
  // @ts-expect-error: so is a whole group
  implement(small, { half: (n) => n / 2 });
  // @ts-expect-error: the contract has no b
  implement(small, { half: (n) => n / 2, sub: { a: () => {} }, b: () => {} });
  // @ts-expect-error: nor has the group
  implement(small, { half: (n) => n / 2, sub: { a: () => {}, b: () => {} } });
  // @ts-expect-error: the result is a number
  implement(small, { half: (n) => String(n), sub: { a: () => {} } });
  // @ts-expect-error: the value is a number
  implement(small, { half: (n: string) => n.length, sub: { a: () => {} } });
  // @ts-expect-error: an item is a text
  implement(contract({ s: stream({ result: z.string() }) }), { s: () => [1] });
  // @ts-expect-error: a text is not one of the two
  implement(contract({ s: method({ result: z.enum(["a", "b"]) }) }), { s: (): string => "c" });
  // @ts-expect-error: a contract has no handlers to serve
  serve(small, { listen: "memory:" });
  // @ts-expect-error: handlers are for implement()
  method(z.string(), (text: string) => text);
  // @ts-expect-error: what runs around handlers is, too
  method(z.string(), { use: [] });
  // @ts-expect-error: the API has methods with handlers, where a contract has entries
  contract({ a: "text" });
}

// A line has the types of its contract, with and without a check.
async function lines(address: string) {
  const checked = await connect(address, { contract: shop, idempotent: ["price"] });
  same<Equal<typeof checked.call, Stub<typeof shop>>>();
  const typed = await connect<typeof shop>(address);
  same<Equal<typeof typed.call, Stub<typeof shop>>>();
  // @ts-expect-error: the contract has no such method
  await connect(address, { contract: shop, idempotent: ["prize"] });
  const bought = await settle(checked.call.buy(1));
  if (!bought.ok && bought.reason === "OUT_OF_STOCK") {
    same<Equal<typeof bought.data, { left: number }>>();
  }
  const ends = await pair(api);
  same<Equal<typeof ends.line.call.price, typeof checked.call.price>>();
}

// With more in the context; the peer's side is a contract too.
const client = contract({ ask: method(z.string(), { result: z.boolean() }) });
const { implement: implementWith } = withContext<
  { peer: Peer<typeof client>; state: { n: number } }
>();
const both = implementWith(small, {
  half: async (n, { call, peer, state }) => {
    same<Equal<Awaited<ReturnType<typeof peer.call.ask>>, boolean>>();
    return await call.ask("Really?") ? n / state.n : 0;
  },
  sub: { a: (_, { state }) => state.n },
});
function states() {
  serve(both, { listen: "memory:", connectionState: () => ({ n: 1 }) });
  // @ts-expect-error: nothing makes the state
  serve(both, { listen: "memory:" });
  const users = withContext<{ state: { n: number } }>().use((_, next) => next({ user: "alice" }));
  users.implement(small, {
    half: (n, { user }) => n / user.length,
    sub: { a: (_, { user, state }) => user.length + state.n },
  });
}

of<[typeof call, typeof notify, typeof refused, typeof lines, typeof states]>;
