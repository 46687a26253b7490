// What handlers find: their context, its state, what middleware adds, what they call back, items, errors.

import * as z from "npm:zod@4";
import {
  type Api,
  type ClientMiddleware,
  connect,
  type ConnectOptions,
  event,
  type Line,
  type Method,
  method,
  type MethodName,
  type Middleware,
  type NoErrors,
  type Notification,
  notification,
  type Peer,
  RpcError,
  serve,
  type ServeOptions,
  settle,
  type StandardSchema,
  type Stream,
  stream,
  type Untyped,
  withContext,
  withMiddleware,
} from "../../lib/mod.ts";
import { mock, pair } from "../../lib/testing.ts";
import { type Equal, of, same } from "./_equal.ts";

// ---- The context -------------------------------------------------------------------------------------

method((_, context) => {
  same<Equal<typeof context.signal, AbortSignal>>();
  same<Equal<typeof context.method, string>>();
  same<Equal<ReturnType<typeof context.timeLeft>, number>>();
  same<Equal<typeof context.state, unknown>>();
  same<Equal<typeof context.peer.identity, unknown>>();
  same<Equal<typeof context.meta, Readonly<Record<string, unknown>>>>();
  context.progress({ done: 1 });
  // @ts-expect-error: nobody added a user
  context.user;
  // @ts-expect-error: nothing was declared
  context.error("ANYTHING", 1);
});

const clientApi = {
  confirm: method(z.string(), () => true),
  told: notification(z.int(), () => {}),
};
const own = withContext<{ state: { count: number }; peer: Peer<typeof clientApi> }>();
own.method(z.string(), async (text, { state, peer, signal }) => {
  same<Equal<typeof state, { count: number }>>();
  same<Equal<typeof signal, AbortSignal>>();
  const confirmed = await peer.call.confirm(text);
  same<Equal<typeof confirmed, boolean>>();
  peer.notify.told(1);
  // @ts-expect-error: a notification has no answer
  peer.call.told(1);
  // @ts-expect-error: the value is no string
  peer.call.confirm(1);
});

// ---- Middleware --------------------------------------------------------------------------------------

const plain: Middleware = (_, next) => next();
const users = own.use((call, next) => {
  same<Equal<typeof call.method, string>>();
  same<Equal<typeof call.value, unknown>>();
  same<Equal<typeof call.context.state, { count: number }>>();
  same<Equal<typeof call.context.peer, Peer>>();
  return next({ user: { name: "alice" } });
});
users.method((_, { user, state }) => {
  same<Equal<typeof user, { name: string }>>();
  same<Equal<typeof state, { count: number }>>();
});
users.use(plain).use((_, next) => next({ role: "admin" as const })).stream(function* (_, context) {
  same<Equal<typeof context.user, { name: string }>>();
  same<Equal<typeof context.role, "admin">>();
  yield 1;
});
users.notification(z.int(), (_, { user }) => {
  same<Equal<typeof user, { name: string }>>();
});
own.method((_, context) => {
  // @ts-expect-error: this method is not within that middleware
  context.user;
});
// @ts-expect-error: a middleware gives an outcome
const _forgets: Middleware = async (_, next) => {
  await next();
};

// A middleware finds what the one before it added, and one that adds something must.
const roles = users.use((call, next) => {
  same<Equal<typeof call.context.user, { name: string }>>();
  same<Equal<typeof call.context.signal, AbortSignal>>();
  return next({ role: call.context.user.name === "alice" ? "admin" as const : "guest" as const });
});
roles.method((_, { user, role, state }) => {
  same<Equal<typeof user, { name: string }>>();
  same<Equal<typeof role, "admin" | "guest">>();
  same<Equal<typeof state, { count: number }>>();
});
const admins: Middleware<{ isAdmin: boolean }, { role: string }> = ({ context }, next) =>
  next({ isAdmin: context.role === "admin" });
roles.use(admins).method((_, { isAdmin }) => {
  same<Equal<typeof isAdmin, boolean>>();
});
roles.method(() => 1, { use: [admins] });
// @ts-expect-error: nobody has added a role before it
own.use(admins);
// @ts-expect-error: nor here
method(() => 1, { use: [admins] });
// @ts-expect-error: nor here
serve({}, { use: [admins] });
const _adds: Middleware<{ db: string }> = (_, next) => next({ db: "there" });
// @ts-expect-error: the db is not added
const _misses: Middleware<{ db: string }> = (_, next) => next();
// @ts-expect-error: this is no db
const _mistakes: Middleware<{ db: string }> = async (_, next) => await next({ db: 7 });
// It may do without the rest of the chain: then no handler looks for the db.
const _cached: Middleware<{ db: string }> = () => ({ result: "from the cache" });

// ---- State -------------------------------------------------------------------------------------------

const counting = { count: own.method((_, { state }) => ++state.count), bare: method(() => 1) };
serve(counting, { connectionState: () => ({ count: 0 }) });
serve(counting, { connectionState: ({ address }) => ({ count: address.length, more: true }) });
// @ts-expect-error: nothing makes the state
serve(counting);
// @ts-expect-error: nothing makes the state
serve(counting, { listen: "memory:" });
// @ts-expect-error: the state is another
serve(counting, { connectionState: () => ({ counts: 0 }) });
// @ts-expect-error: the state is another
serve(counting, { connectionState: ({ address }) => ({ count: address }) });
serve({ deep: { users: users.method(() => 1) } }, { connectionState: () => ({ count: 0 }) });
// @ts-expect-error: nothing makes the state, however deep it is asked for
serve({ deep: { users: users.method(() => 1) } });
const ends = await pair(counting, { serve: { connectionState: () => ({ count: 0 }) } });
same<Equal<ReturnType<typeof ends.line.call.count>, Promise<number>>>();
// @ts-expect-error: nothing makes the state
pair(counting);
// @ts-expect-error: a line makes no state
connect("", { api: counting });
// Who needs none takes any, and so do those that know no API.
serve({ bare: method(() => 1) }, { connectionState: () => 7 });
const _served = <A extends Api>(api: A, options: ServeOptions = {}) => serve(api, { ...options });
const _stated: Api<{ count: number }> = counting;
// @ts-expect-error: an API that needs a state says so
const _unstated: Api = counting;
withMiddleware([plain], counting);

// ---- An API typed as an interface --------------------------------------------------------------------

interface Typed {
  upper: Method<string, string>;
  math: { add: Method<{ a: number; b: number }, number> };
  items: Stream<undefined, number>;
  log: Notification<string>;
}
serve(of<Typed>(), { listen: "memory:", connectionState: () => 7 });
const typed = await pair(of<Typed>());
same<Equal<ReturnType<typeof typed.line.call.math.add>, Promise<number>>>();
withMiddleware([plain], of<Typed>());
interface Wrong {
  upper: Method<string, string>;
  math: { add(): number };
}
// @ts-expect-error: a function is no method
serve(of<Wrong>());
// @ts-expect-error: a function is no method
pair(of<Wrong>());

// ---- Results -----------------------------------------------------------------------------------------

const user = z.object({ name: z.string(), born: z.date(), role: z.enum(["admin", "guest"]) });
const found = method(() => ({ name: "alice", born: new Date(), role: "admin" }), { result: user });
const _found: { name: string; born: string; role: string } = await of<
  Line<{ found: typeof found }>
>().call.found();
method(z.int(), async (n) => await Promise.resolve(n), { result: z.number() });
method(() => new Date(), { result: z.iso.datetime() }); // arrives as such a text
method(() => {}, { result: z.null() }); // arrives as null
own.method(() => "text", { result: z.string() });
stream(() => [1], { result: z.number() });
stream(() => [event("a", 1), 2], { result: z.number() });
// @ts-expect-error: an event of another shape
stream(() => [event("a", "1")], { result: z.number() });
// A function that makes methods for any schema.
const _echo = <S extends StandardSchema>(schema: S) =>
  method(schema, (it) => it, { result: schema });
// @ts-expect-error: a number is no text
method(() => 1, { result: z.string() });
// @ts-expect-error: a number is no text
method(z.int(), async (n) => await Promise.resolve(n), { result: z.string() });
// @ts-expect-error: a member is missing
method(() => ({ name: "alice", born: new Date() }), { result: user });
// @ts-expect-error: a number is no text
own.method((_, { state }) => state.count, { result: z.string() });
// @ts-expect-error: its items are no texts
stream(() => [1], { result: z.string() });

// ---- Methods that may run twice ----------------------------------------------------------------------

type Shop = typeof shop & { deep: { er: typeof shop } };
connect<Shop>("", { idempotent: ["look", "deep.er.look"] });
// @ts-expect-error: there is no such method
connect<Shop>("", { idempotent: ["lok"] });
// @ts-expect-error: nor there
connect<Shop>("", { idempotent: ["deep.er"] });
connect("", { idempotent: ["any.thing"] });
connect<Typed>("", { idempotent: ["math.add"] });
mock<Typed>({}, { idempotent: ["upper"] });
const _options = (options: ConnectOptions) => connect<Shop>("", { ...options });
const _anyone = <A>(options: ConnectOptions) => connect<A>("", options);
const _named: ConnectOptions<MethodName<Shop>> = { idempotent: ["look"] };
// @ts-expect-error: of which API?
const _unnamed: ConnectOptions = { idempotent: ["look"] };
// @ts-expect-error: there is no such method
mock<Typed>({}, { idempotent: ["uper"] });

// ---- What makes a connection ready ---------------------------------------------------------------

interface Guarded {
  login: Method<string, void, NoErrors, never>;
}
connect<Guarded>("", { onReady: ({ call }) => call.login("alice") });
connect<Guarded>("", {
  onReady: async ({ call, notify }) => {
    notify.login("alice");
    // @ts-expect-error: there is no such method
    await call.logn("alice");
  },
});
connect("", { onReady: async ({ call }) => await call.any!.thing!("alice") });
pair(of<Guarded>(), { connect: { onReady: ({ call }) => call.login("alice") } });
const _ready: ConnectOptions<MethodName<Guarded>, Guarded> = {
  onReady: ({ call }) => call.login("alice"),
  token: async () => await Promise.resolve("token"),
};
// A line of options without its type is one of which nothing is known.
const _line = (options: ConnectOptions): Promise<Line<Untyped>> => connect("", options);

// use() keeps the type of what it is given.
const api = { a: method(z.int(), (n) => n), deep: { b: stream(() => [1]) } };
const wrapped = withMiddleware([plain], api);
same<Equal<typeof wrapped, typeof api>>();
serve(api, { use: [plain] });

// ---- Items -------------------------------------------------------------------------------------------

const uploads = {
  sum: method(z.string(), async (_, { items }) => {
    for await (const date of items) same<Equal<typeof date, Date>>();
    return 1;
  }, { items: z.string().transform((text) => new Date(text)) }),
  echo: stream(async function* (_, { items }) {
    for await (const n of items) yield n;
  }, { items: z.int() }),
  none: method((_, { items }) => {
    same<Equal<typeof items, AsyncIterable<never>>>();
  }),
};
const { call } = of<Line<typeof uploads>>();
const sum = call.sum("x", { items: ["2024-01-01"] });
same<Equal<Awaited<typeof sum>, number>>();
call.sum("x", { items: of<AsyncIterable<string>>(), timeout: 5 });
call.sum("x", { items: of<ReadableStream<string>>() });
// @ts-expect-error: the items are missing
call.sum("x");
// @ts-expect-error: the items are missing
call.sum("x", { timeout: 5 });
// @ts-expect-error: items of the wrong type
call.sum("x", { items: [1] });
for await (const n of call.echo(undefined, { items: [1] })) same<Equal<typeof n, number>>();
// @ts-expect-error: it takes no items
call.none(undefined, { items: [1] });

// ---- Declared errors ---------------------------------------------------------------------------------

const shop = {
  buy: method(z.int(), (count, { error }) => {
    if (count > 3) throw error("OUT_OF_STOCK", { left: 3 });
    if (count > 2) throw error("CLOSED", { until: new Date() });
    // @ts-expect-error: no such error
    if (count > 1) throw error("OUT_OF_STOK", { left: 3 });
    // @ts-expect-error: data of another error
    if (count > 0) throw error("CLOSED", { left: 3 });
    // @ts-expect-error: its data is missing
    throw error("CLOSED");
  }, {
    errors: {
      OUT_OF_STOCK: z.object({ left: z.int() }),
      CLOSED: z.object({ until: z.date() }),
    },
  }),
  look: method(() => "all right"),
};
const line = of<Line<typeof shop>>();
const bought = await settle(line.call.buy(1));
if (bought.ok) {
  same<Equal<typeof bought.value, never>>();
} else if (bought.reason === "OUT_OF_STOCK") {
  same<Equal<typeof bought.data, { left: number }>>();
  same<Equal<typeof bought.error, RpcError>>();
} else if (bought.reason === "CLOSED") {
  same<Equal<typeof bought.data, { until: string }>>();
} else {
  same<Equal<typeof bought.reason, undefined>>();
  same<Equal<typeof bought.error, unknown>>();
  // @ts-expect-error: who knows what it has
  bought.data;
}
// @ts-expect-error: not declared
if (!bought.ok && bought.reason === "OTHER") throw bought.error;

const looked = await settle(line.call.look());
if (looked.ok) same<Equal<typeof looked.value, string>>();
else same<Equal<typeof looked.error, unknown>>();

// ---- Notifications -----------------------------------------------------------------------------------

const notes = {
  log: notification(z.object({ text: z.string() }), () => {}),
  bare: notification(() => {}),
  method: method(z.int(), () => 1),
};
const { notify, call: calls } = of<Line<typeof notes>>();
same<Equal<ReturnType<typeof notify.log>, void>>();
notify.log({ text: "x" });
notify.bare();
notify.method(1);
// @ts-expect-error: the value is missing
notify.log();
// @ts-expect-error: it takes no value
notify.bare(1);
// @ts-expect-error: it never answers
calls.log({ text: "x" });

// ---- Batches -----------------------------------------------------------------------------------------

const { batch } = of<Line<typeof shop & typeof api>>();
const tuple = batch((call) => [call.look(), call.a(1), call.deep.b()]);
same<Equal<Awaited<(typeof tuple)[0]>, string>>();
same<Equal<Awaited<(typeof tuple)[1]>, number>>();
same<Equal<Awaited<(typeof tuple)[2]>, number[]>>();
// @ts-expect-error: there were three
tuple[3];
const all = await Promise.all(tuple);
same<Equal<typeof all, [string, number, number[]]>>();

// ---- APIs --------------------------------------------------------------------------------------------

const _api: Api = { ...api, ...shop, ...uploads, ...notes };
// @ts-expect-error: a function is no member of an API
serve({ f: () => 1 });
// @ts-expect-error: nor is a value
serve({ n: 1 });
new RpcError("NOT_FOUND", "x");
new RpcError(-1, "x");
// @ts-expect-error: no such name
new RpcError("NOT_FOND", "x");

// ---- Middleware on a client --------------------------------------------------------------------------

const _around: ClientMiddleware[] = [
  (call, next) => {
    same<Equal<typeof call.method, string>>();
    same<Equal<typeof call.value, unknown>>();
    same<Equal<typeof call.options.timeout, number | undefined>>();
    // @ts-expect-error: at a client there is no handler
    call.context;
    return next({ meta: { traceparent: "x" }, timeout: 5, signal: AbortSignal.timeout(5) });
  },
  // @ts-expect-error: a handler's context is not the peer's
  (_, next) => next({ user: "alice" }),
  // @ts-expect-error: milliseconds are a number
  (_, next) => next({ timeout: "5" }),
  // @ts-expect-error: it must come to an outcome
  () => {},
];

// ---- Peers -------------------------------------------------------------------------------------------

type Guest = Peer<typeof clientApi, { count: number }>;
const guests = withContext<{ peer: Guest; state: { count: number } }>();
guests.method(async (_, { peer, peers, call, notify, id, draining }) => {
  same<Equal<typeof id, string | number | null | undefined>>();
  same<Equal<typeof draining, AbortSignal>>();
  same<Equal<typeof peer.state, { count: number }>>();
  same<Equal<typeof peer.id, string>>();
  const confirmed = await call.confirm("sure?");
  same<Equal<typeof confirmed, boolean>>();
  notify.told(1);
  peers.notify.told(1);
  peers.to([peer]).notify.told(2);
  peers.to(({ state }) => state.count > 1).notify.told(2);
  const found = peers.get(peer.id);
  same<Equal<typeof found, Guest | undefined>>();
  // @ts-expect-error: the value is no string
  call.confirm(1);
  // @ts-expect-error: no such notification
  notify.tolld(1);
  // @ts-expect-error: the value is no number
  peers.notify.told("1");
  // @ts-expect-error: a notification has no answer
  call.told(1);
});
method((_, { call, peers }) => {
  call.anything!(1);
  for (const peer of peers) same<Equal<typeof peer, Peer>>();
});

// What one hook says of its peer, or the server's type, holds for all of the server.
const typedServer = serve({}, {
  connectionState: () => ({ count: 0 }),
  onOpen: (peer: Peer<typeof clientApi, { count: number }>) => peer.notify.told(1),
  onClose: (peer) => same<Equal<typeof peer, Guest>>(),
});
typedServer.peers.notify.told(1);
for (const peer of typedServer.peers) same<Equal<typeof peer, Guest>>();
const stated = serve({}, { connectionState: ({ address }) => ({ address }) });
for (const { state } of stated.peers) same<Equal<typeof state, { address: string }>>();
const { peers: known } = serve<typeof clientApi>({});
known.notify.told(1);
// @ts-expect-error: the value is no number
known.notify.told("1");
const plainServer = serve({}, { onOpen: ({ notify }) => notify.anything!(1) });
plainServer.peers.notify.anything!({ a: 1 });
// @ts-expect-error: no such method
serve({}, { onOpen: (peer: Peer<typeof clientApi>) => peer.call.nothing() });
