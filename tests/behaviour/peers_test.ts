// Peers with names: one object for the life of a connection, in every hook and handler, that can be kept,
// called and told things, found by its id, told things together with others, and sent away.

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import * as z from "npm:zod@4";
import {
  bearerTokens,
  type CloseInfo,
  connect,
  ConnectionLostError,
  type FramingName,
  method,
  notification,
  type Peer,
  type PeerInfo,
  type RpcError,
  serve,
  type Server,
  withContext,
} from "../../lib/mod.ts";
import { pair } from "../../lib/testing.ts";
import { turn, until, within } from "../support/deadline.ts";
import { aborted, Events, rejection } from "../support/events.ts";
import { FRAMING_NAMES, RawPeer } from "../support/raw.ts";

const HERE = { listen: "tcp://127.0.0.1:0" };

/** What a client of these tests serves, and what it was told. */
function guest() {
  const told = new Events<unknown>();
  return {
    told,
    api: {
      told: notification(z.union([z.string(), z.number()]), told.add),
      double: method(z.number(), (n) => 2 * n),
      wait: method(async (_, { signal }) => {
        told.add("waits");
        await aborted(signal);
        told.add((signal.reason as RpcError).reason);
      }),
      left: method((_, { timeLeft, trace }) => [timeLeft(), trace.traceparent ?? null]),
    },
  };
}
type GuestApi = ReturnType<typeof guest>["api"];
type Guest = Peer<GuestApi, { name: string }>;

const { method: called } = withContext<{ peer: Guest; state: { name: string } }>();
const { method: plainly } = withContext<{ peer: Peer<GuestApi> }>();

const request = (id: unknown, method: string, params?: unknown) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});

// ---- One object --------------------------------------------------------------------------------------

for (const scheme of ["tcp", "unix"]) {
  Deno.test(`a peer is one object in every hook and handler, whose callers are told apart over ${scheme}`, async () => {
    const met: [where: string, peer: unknown][] = [], ended = new Events<string>();
    const met_ = (where: string) => (peer: PeerInfo) => void met.push([where, peer]);
    const api = { meet: called((_, { peer }) => met_("handler")(peer)) };
    const path = `/tmp/landline-${crypto.randomUUID()}.sock`;
    await using server = serve(api, {
      listen: scheme === "unix" ? `unix://${path}` : HERE.listen,
      authenticate: (credentials, peer) => {
        met_("authenticate")(peer);
        return credentials.scheme === "unix" ? "anyone" : "alice";
      },
      connectionState: (peer) => {
        met_("state")(peer);
        return { name: peer.id };
      },
      onOpen: met_("open"),
      onClose: (peer) => {
        met_("close")(peer);
        assertEquals(peer.state, { name: peer.id });
        ended.add(peer.id);
      },
    });
    const ids = new Set<string>();
    for (let count = 1; count <= 2; count++) {
      met.length = 0;
      {
        await using line = await connect<typeof api>(server.addresses[0]!, { token: "any" });
        await line.call.meet();
        await line.call.meet();
        ids.add((met[0]![1] as Peer).id);
      }
      await ended.count(count);
      const wheres = met.map(([where]) => where);
      assertEquals(
        wheres.filter((where) => where !== "authenticate"),
        ["state", "open", "handler", "handler", "close"],
      );
      assert(wheres.includes("authenticate"));
      for (const [where, peer] of met) assertStrictEquals(peer, met[0]![1], where);
    }
    assertEquals(ids.size, 2);
    assertEquals(ended.all, [...ids]);
  });
}

Deno.test("a peer shows who it is as its own members, and keeps to itself what is the author's", async () => {
  const api = {
    me: method((_, { peer }) => peer),
    keys: method((_, { peer }) => Object.keys(peer)),
  };
  await using server = serve(api, {
    ...HERE,
    authenticate: bearerTokens({ secret: "alice" }),
    connectionState: () => ({ password: "of the author" }),
  });
  await using line = await connect(server.addresses[0]!, { token: "secret" });
  const { id, address, ...others } = await line.request("me") as unknown as PeerInfo;
  assert(id.length > 0 && address.startsWith("tcp://127.0.0.1:"));
  assertEquals(others, {
    localAddress: server.addresses[0]!,
    transport: "tcp",
    framing: "json",
    identity: "alice",
  });
});

Deno.test("a peer is another object, of the same id, only where it becomes another while calls run in its name", async () => {
  const seen: Peer[] = [];
  const gate = Promise.withResolvers<void>(), begun = new Events();
  const api = {
    meet: method((_, { peer }) => void seen.push(peer)),
    slow: method(async (_, context) => {
      begun.add("slow");
      await gate.promise;
      return [context.peer.identity, context.peer === seen[0]];
    }),
  };
  await using server = serve(api, {
    ...HERE,
    // The same user is another object each time.
    authenticate: (credentials) =>
      credentials.scheme === "bearer" ? { user: credentials.token[0] } : undefined,
  });
  using peer = await RawPeer.dial(server.addresses[0]!);
  const enter = (id: number, token: string) =>
    request(id, "rpc.authenticate", { scheme: "bearer", token });
  await peer.send(enter(1, "alice"), request(2, "meet"), enter(3, "a second token"));
  await peer.answers(3);
  await peer.send(request(4, "meet"), request(5, "slow"));
  await peer.answer();
  await begun.count(1);
  await peer.send(enter(6, "bob"), request(7, "meet"));
  await peer.answers(2);
  gate.resolve();
  assertEquals((await peer.answer()).result, [{ user: "a" }, true]);
  const [first, second, third] = seen;
  assertStrictEquals(first, second);
  assert(third !== first && third!.id === first!.id);
  assertEquals([first!.identity, third!.identity], [{ user: "a" }, { user: "b" }]);
  assertStrictEquals(server.peers.get(first!.id), third);
});

Deno.test("context.id is the request's id as its caller wrote it", async () => {
  const ids: unknown[] = [];
  const api = {
    id: method((_, { id }) => id),
    note: notification((_, { id }) => void ids.push(id)),
  };
  await using server = serve(api, HERE);
  using peer = await RawPeer.dial(server.addresses[0]!);
  for (
    const [written, seen] of [
      ["7", 7],
      ['"a-1"', "a-1"],
      ['"7"', "7"],
      ["null", null],
      ["-0.5", -0.5],
      ["12345678901234567890", "12345678901234567890"],
      ["1.0", "1.0"],
    ]
  ) {
    const { result } = await peer.ask(`{"jsonrpc":"2.0","id":${written},"method":"id"}`);
    assertEquals(result, seen);
  }
  await peer.send({ jsonrpc: "2.0", method: "note" }, request(1, "id"));
  await peer.answer();
  assertEquals(ids, [undefined]);
});

// ---- Calls that belong to nobody, and those of a call ----------------------------------------------------

Deno.test("peer.call and peer.notify may be kept and used once the handler has ended", async () => {
  const kept = new Map<Guest, string>();
  const api = {
    enter: called(z.string(), (name, { peer, state }) => {
      state.name = name;
      kept.set(peer, name);
    }),
  };
  await using server = serve(api, { ...HERE, connectionState: () => ({ name: "" }) });
  const { api: mine, told } = guest();
  await using line = await connect<typeof api>(server.addresses[0]!, { api: mine });
  await line.call.enter("alice", { timeout: 5000 });
  const [[peer, name]] = [...kept] as [[Guest, string]];
  assertEquals([name, peer.state.name], ["alice", "alice"]);
  assertEquals(await peer.call.double(21), 42);
  peer.notify.told("later");
  await told.has("later");
  await line.close();
  assertEquals((await peer.closed).reason, "the peer closed the connection");
  peer.notify.told("into the void");
  const error = await rejection(peer.call.double(1));
  assertInstanceOf(error, ConnectionLostError);
  assertEquals(error.sent, false);
});

Deno.test("peer.call inherits no deadline, no trace and no cancellation, and context.call all three", async () => {
  const outcomes = new Events<unknown>();
  const kept = Promise.withResolvers<Peer<GuestApi>>();
  const api = {
    both: plainly(async (_, { peer, call }) => [await peer.call.left(), await call.left()]),
    hold: plainly(async (_, { peer, call, notify, signal }) => {
      kept.resolve(peer);
      call.wait().then(() => {}, (error) => outcomes.add(error.reason));
      await aborted(signal);
      notify.told("never said");
      peer.notify.told("said all the same");
    }),
  };
  const { api: mine, told } = guest();
  await using ends = await pair(api, { connect: { api: mine } });
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const [own, within_] = await ends.line.call.both(undefined, {
    timeout: 5000,
    meta: { traceparent: trace },
  }) as [number, string | null][];
  // What says nothing has as long as a server's calls have.
  assert(own![0] > 5000 && own![0] <= 30_000, String(own![0]));
  assert(within_![0] <= 5000, String(within_![0]));
  assertEquals([own![1], within_![1]], [null, trace]);

  const controller = new AbortController();
  const call = rejection(ends.line.call.hold(undefined, { signal: controller.signal }));
  await told.has("waits");
  controller.abort("enough");
  await call;
  await told.has("said all the same");
  await told.has("CANCELLED");
  assert(!told.all.includes("never said"));
  assertEquals(await (await kept.promise).call.double(2), 4);
});

Deno.test("context.notify carries the trace of its call to who has sent one", async () => {
  const api = {
    tell: method(z.unknown(), (_, { notify }) => {
      notify.told!({ a: 1 });
      notify.told!([1]);
    }),
  };
  await using server = serve(api, HERE);
  using peer = await RawPeer.dial(server.addresses[0]!);
  const _meta = { traceparent: "00-aa-bb-01" };
  await peer.send(request(1, "tell", { value: 1, _meta }), request(2, "tell", [1]));
  const told = (await peer.answers(6)).filter(({ method }) => method === "told");
  assertEquals(told.map(({ params }) => params), [{ _meta, a: 1 }, [1], { a: 1 }, [1]]);
});

// ---- Greetings -----------------------------------------------------------------------------------------

for (const framing of FRAMING_NAMES) {
  Deno.test(`onOpen() greets a client of ours that says nothing, in ${framing}`, async () => {
    const answers = new Events<number>();
    await using server = serve({}, {
      ...HERE,
      onOpen: (peer: Peer<GuestApi>) => {
        peer.notify.told("welcome");
        peer.call.double(21).then(answers.add);
      },
    });
    const { api, told } = guest();
    await using _line = await connect(server.addresses[0]!, { api, framing });
    await told.has("welcome");
    await answers.has(42);
  });

  Deno.test(`a greeting waits for the first bytes of a peer, and comes in its framing, ${framing}`, async () => {
    await using server = serve({ hi: method(() => "hi") }, {
      ...HERE,
      onOpen: (peer) => peer.notify.told!("welcome"),
    });
    using peer = await RawPeer.dial(server.addresses[0]!, framing as FramingName);
    await until(() => server.peers.size === 1, "the connection");
    server.peers.notify.told!("to all");
    await peer.send(request(1, "hi"));
    const [first, second, third] = await peer.answers(3);
    assertEquals([first!.params, second!.params, third!.result], [["welcome"], ["to all"], "hi"]);
  });
}

Deno.test("a greeting that nobody hears ends with the silence of its peer, and holds up no shutdown", async () => {
  const closed = new Events<string>(), unanswered = new Events<unknown>();
  await using server = serve({}, {
    ...HERE,
    limits: { idleTimeout: 60, callTimeout: 40, lingerTimeout: 20 },
    onOpen: (peer) => {
      peer.notify.told!("welcome");
      peer.call.wait!().catch((error) => unanswered.add((error as RpcError).reason));
    },
    onClose: (_, { reason }) => closed.add(reason),
  });
  using silent = await RawPeer.dial(server.addresses[0]!);
  await unanswered.has("DEADLINE_EXCEEDED");
  assertEquals((await silent.rest()).length, 0);
  silent.close();
  await closed.has("nothing was said for 60 ms");
});

// ---- All of them ---------------------------------------------------------------------------------------

/** A server and lines to it that say what they were told. */
async function crowd(count: number) {
  const server: Server<GuestApi> = serve({ hi: method(() => "hi") }, HERE);
  const guests = Array.from({ length: count }, guest);
  const lines = await Promise.all(
    guests.map(({ api }) => connect(server.addresses[0]!, { api })),
  );
  await Promise.all(lines.map((line) => line.request("hi")));
  return {
    server,
    guests,
    lines,
    async [Symbol.asyncDispose]() {
      for (const line of lines) await line.close();
      await server.shutdown(0);
    },
  };
}

Deno.test("a server's peers can be iterated, counted, and found by their ids", async () => {
  await using site = await crowd(3);
  const { peers } = site.server, all = [...peers];
  assertEquals([peers.size, new Set(all.map(({ id }) => id)).size], [3, 3]);
  for (const peer of all) assertStrictEquals(peers.get(peer.id), peer);
  for (const id of ["", "1", `${all[0]!.id}0`, "x-1"]) assertEquals(peers.get(id), undefined, id);
  await site.lines[0]!.close();
  await until(() => peers.size === 2, "one to leave");
  assertEquals(all.filter(({ id }) => peers.get(id) === undefined).length, 1);
});

Deno.test("all peers are told, or some, and each hears everything in order", async () => {
  await using site = await crowd(70); // more than are told between two looks at the clock
  const { peers } = site.server, some = [...peers].slice(0, 2);
  for (let n = 0; n < 20; n++) peers.notify.told(n);
  // What is said to one waits for what was said to all.
  for (const peer of some) peer.notify.told("one");
  peers.to(some).notify.told("some");
  const names = new Set(some.map(({ id }) => id));
  peers.to(({ id }) => !names.has(id)).notify.told("others");
  const first = Array.from({ length: 20 }, (_, n) => n);
  const heard = await Promise.all(site.guests.map(({ told }) => told.count(21)));
  await until(
    () => site.guests.filter(({ told }) => told.all.length === 22).length === 2,
    "both to be told twice more",
  );
  for (const all of heard) assertEquals(all.slice(0, 20), first);
  const rest = heard.map((all) => all.slice(20).join()).sort();
  assertEquals(rest, [...Array(2).fill("one,some"), ...Array(68).fill("others")].sort());
});

Deno.test("who is told with all others hears it in the framing it speaks", async () => {
  await using server = serve({ hi: method(() => "hi") }, HERE);
  const dialled = await Promise.all(
    FRAMING_NAMES.flatMap((name) => [name, name]).map((name) =>
      RawPeer.dial(server.addresses[0]!, name)
    ),
  );
  for (const peer of dialled) await peer.ask(request(1, "hi"));
  server.peers.notify.told!({ text: "ünï", bytes: new Uint8Array([1, 2]) });
  for (const peer of dialled) {
    const params = { text: "ünï", bytes: { $base64: "AQI=" } };
    assertEquals<unknown>(await peer.answer(), { jsonrpc: "2.0", method: "told", params });
    assertEquals((await peer.ask(request(2, "hi"))).result, "hi");
    peer.close();
  }
});

Deno.test("nobody is told with the others who has not said who it is", async () => {
  await using server = serve({ hi: method(() => "hi") }, {
    ...HERE,
    authenticate: bearerTokens({ secret: "alice" }),
  });
  using unknown = await RawPeer.dial(server.addresses[0]!);
  using alice = await RawPeer.dial(server.addresses[0]!);
  await unknown.ask(request(1, "hi"));
  await alice.ask(request(1, "rpc.authenticate", { scheme: "bearer", token: "secret" }));
  assertEquals([server.connections, server.peers.size, [...server.peers].length], [2, 1, 1]);
  server.peers.notify.told!("to who is known");
  assertEquals((await alice.answer()).method, "told");
  assertEquals((await unknown.ask(request(2, "hi"))).error?.code, -32016);
});

Deno.test("handlers find the peers of their server, and those of a client its server", async () => {
  const api = {
    shout: plainly(z.string(), (text, { peers }) => peers.notify.told(text)),
    count: plainly((_, { peers }) => peers.size),
  };
  const { api: mine, told } = guest(), { api: hers, told: heard } = guest();
  const mineToo = { ...mine, who: method((_, { peers, peer }) => [...peers].includes(peer)) };
  await using server = serve(api, HERE);
  await using one = await connect<typeof api>(server.addresses[0]!, { api: mineToo });
  await using two = await connect<typeof api>(server.addresses[0]!, { api: hers });
  assertEquals([await one.call.count(), await two.call.count()], [2, 2]);
  await one.call.shout("hello");
  await Promise.all([told.has("hello"), heard.has("hello")]);
  const [first] = server.peers as Iterable<Peer<typeof mineToo>>;
  assertEquals(await first!.call.who(), true);
});

Deno.test("a peer that is sent away reads what it was told last, and its calls end", async () => {
  const closed = new Events<[PeerInfo, CloseInfo]>(), begun = new Events();
  const api = {
    hi: method(() => "hi"),
    wait: method(async (_, { signal }) => {
      begun.add("wait");
      await aborted(signal);
      begun.add("aborted");
    }),
  };
  await using server = serve(api, { ...HERE, onClose: (peer, info) => closed.add([peer, info]) });
  using kicked = await RawPeer.dial(server.addresses[0]!);
  using other = await RawPeer.dial(server.addresses[0]!);
  for (const peer of [kicked, other]) await peer.ask(request(1, "hi"));
  await kicked.send(request(2, "wait"));
  await begun.count(1);
  const [peer] = server.peers;
  const waiting = rejection(peer!.call.anything!());
  await turn();
  peer!.notify.goodbye!("too loud");
  const ended = peer!.close();
  assert((await kicked.messages()).some(({ method }) => method === "goodbye"));
  kicked.close();
  await within(ended, "the connection to end");
  assertInstanceOf(await waiting, ConnectionLostError);
  await begun.has("aborted");
  const [[gone, { reason }]] = await closed.count(1) as [[PeerInfo, CloseInfo]];
  assertStrictEquals(gone, peer);
  assertEquals([reason, server.peers.size], ["closed", 1]);
  assertEquals((await other.ask(request(2, "hi"))).result, "hi");
});
