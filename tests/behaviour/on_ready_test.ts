// What a line does each time it is connected, before its calls leave: the option onReady, and a token that is
// made for each connection. The servers restart, on sockets.

import { assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import * as z from "npm:zod@4";
import {
  bearerTokens,
  connect,
  type LineState,
  method,
  notification,
  RpcError,
  serve,
  type ServeOptions,
  withContext,
} from "../../lib/mod.ts";
import { mock } from "../../lib/testing.ts";
import { turn, within } from "../support/deadline.ts";
import { Events, rejection } from "../support/events.ts";

const reasonOf = (error: unknown) => error instanceof RpcError ? error.reason : error;

/** A server that asks for a login, and can be started again at the same address. */
async function guarded(options: ServeOptions = {}) {
  const dir = await Deno.makeTempDir(), listen = `unix://${dir}/socket`;
  const seen = new Events(), rooms = new Events();
  const { method: known } = withContext<{ state: { user?: string } }>();
  const api = {
    login: known(z.string(), (user, { state }) => {
      seen.add(`login ${user}`);
      if (user === "mallory") throw new RpcError("PERMISSION_DENIED", "Not you");
      if (user === "nobody") throw new RpcError("UNAVAILABLE", "Later");
      state.user = user;
    }),
    say: known(z.string(), (text, { state }) => {
      seen.add(`${state.user} ${text}`);
      return `${state.user}: ${text}`;
    }),
    enter: notification(z.string(), (room) => rooms.add(room)),
  };
  const start = () =>
    serve(api, { listen, ...options, connectionState: () => ({}) as { user?: string } });
  let server = start();
  return {
    api,
    seen,
    rooms,
    address: server.addresses[0]!,
    /** Ends the server, does something while there is none, and starts another. */
    async restart(meanwhile: () => void = () => {}) {
      await server.shutdown(0);
      meanwhile();
      server = start();
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown(0);
      await Deno.remove(dir, { recursive: true });
    },
  };
}
type Guarded = Awaited<ReturnType<typeof guarded>>["api"];

Deno.test("onReady is called for each connection, before calls that wait for it leave", async () => {
  await using site = await guarded();
  const states = new Events();
  await using line = await connect<Guarded>(site.address, {
    onState: ({ state }) => states.add(state),
    onReady: async (server) => {
      states.add("making ready");
      await turn(); // others have all the time to be faster
      await server.call.login("alice");
      server.notify.enter("lobby");
    },
  });
  assertEquals(states.all, ["connecting", "making ready", "ready"]);
  assertEquals(await line.call.say("one"), "alice: one");
  let waiting: Promise<string>[] = [];
  await site.restart(() => waiting = ["two", "three"].map((text) => line.call.say(text)));
  assertEquals(await Promise.all(waiting), ["alice: two", "alice: three"]);
  assertEquals(await line.call.say("four"), "alice: four");
  assertEquals(site.seen.all, [
    "login alice",
    "alice one",
    "login alice",
    "alice two",
    "alice three",
    "alice four",
  ]);
  assertEquals(await site.rooms.count(2), ["lobby", "lobby"]);
});

Deno.test("the server calls back while onReady runs, and onReady sees who it is", async () => {
  const { method: typed } = withContext();
  const api = {
    hello: typed(async (_, { peer }) => await peer.call.name!()),
  };
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  const seen: unknown[] = [];
  await using _line = await connect<typeof api>(server.addresses[0]!, {
    api: { name: method(() => "the client") },
    onReady: async (peer) => seen.push(peer.transport, await peer.call.hello()),
  });
  assertEquals(seen, ["tcp", "the client"]);
});

Deno.test("an onReady that fails makes connect reject, with what it threw, and leaves nothing open", async () => {
  await using site = await guarded();
  for (const failure of [new Error("no"), new RpcError("ABORTED", "no")]) {
    const error = await rejection(connect<Guarded>(site.address, {
      onReady: () => Promise.reject(failure),
    }));
    assertEquals(error, failure);
  }
  const refused = await rejection(connect<Guarded>(site.address, {
    onReady: ({ call }) => call.login("mallory"),
  }));
  assertEquals(reasonOf(refused), "PERMISSION_DENIED");
});

Deno.test("later an onReady that fails is tried again, unless it would fail in the same way", async () => {
  await using site = await guarded();
  const users = ["alice", "nobody", "alice", "mallory"], states: LineState[] = [];
  const line = await connect<Guarded>(site.address, {
    onReady: ({ call }) => call.login(users.shift()!),
    onState: (state) => states.push(state),
  });
  await site.restart();
  assertEquals(await line.call.say("again"), "alice: again");
  const failed = states.filter((it) => it.state === "waiting" && it.error !== undefined);
  assertEquals(
    failed.map((it) => reasonOf((it as { error: unknown }).error)).at(-1),
    "UNAVAILABLE",
  );
  let waiting: Promise<unknown> | undefined;
  await site.restart(() => waiting = rejection(line.call.say("never")));
  const { reason, error } = await within(line.closed, "the line to end");
  assertEquals(reasonOf(error), "PERMISSION_DENIED");
  assertMatch(reason, /Not you/);
  assertMatch(
    String(await waiting),
    /ConnectionLostError: The line has ended: no connection: .*Not you/,
  );
});

Deno.test("an onReady that does not end is late, one whose line is closed meanwhile as well", async () => {
  await using site = await guarded();
  const late = await rejection(connect<Guarded>(site.address, {
    connectTimeout: 30,
    onReady: () => new Promise(() => {}),
  }));
  assertMatch(String(late), /No connection within 30 ms/);
  const begun = new Events(), user = new AbortController();
  const connecting = rejection(connect<Guarded>(site.address, {
    signal: user.signal,
    onReady: () => (begun.add("begun"), new Promise(() => {})),
  }));
  await begun.count(1);
  user.abort(new Error("enough"));
  assertEquals((await connecting as Error).message, "enough");
});

Deno.test("the server of onReady is that of one connection: what it calls later fails", async () => {
  await using site = await guarded();
  const kept: (() => Promise<unknown>)[] = [];
  await using line = await connect<Guarded>(site.address, {
    onReady: async ({ call }) => {
      await call.login("alice");
      kept.push(() => call.say("kept"));
    },
  });
  assertEquals(await kept[0]!(), "alice: kept");
  await site.restart();
  await line.call.say("on");
  assertMatch(String(await rejection(kept[0]!())), /Cannot call say: the connection is closed/);
  assertEquals(await kept[1]!(), "alice: kept");
});

Deno.test("a token may be made for each connection, and by a promise", async () => {
  const tokens: Record<string, string> = { "token 1": "alice", "token 2": "bob" };
  const api = { whoami: method((_, { peer }) => String(peer.identity)) };
  const dir = await Deno.makeTempDir(), listen = `unix://${dir}/socket`;
  const authenticate = bearerTokens(tokens);
  const start = () => serve(api, { listen, authenticate });
  let server = start(), made = 0;
  const order: string[] = [];
  const line = await connect<typeof api>(server.addresses[0]!, {
    token: async () => {
      await turn();
      order.push("token");
      return `token ${++made}`;
    },
    onReady: async ({ call }) => order.push(await call.whoami()),
  });
  assertEquals(await line.call.whoami(), "alice");
  await server.shutdown(0);
  server = start();
  assertEquals(await line.call.whoami(), "bob");
  assertEquals(order, ["token", "alice", "token", "bob"]);
  await server.shutdown(0);
  server = start();
  const { error } = await within(line.closed, "the third token to be refused");
  assertEquals(reasonOf(error), "UNAUTHENTICATED");
  for (const token of [() => undefined as unknown as string, () => 7 as unknown as string]) {
    const wrong = await rejection(connect(server.addresses[0]!, { token }));
    assertInstanceOf(wrong, TypeError);
    assertMatch(
      wrong.message,
      /^Cannot connect: token must give a text, it gave (undefined|number)$/,
    );
  }
  const failed = await rejection(connect(server.addresses[0]!, {
    token: () => {
      throw new Error("no vault");
    },
  }));
  assertEquals((failed as Error).message, "no vault");
  await server.shutdown(0);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a mock has nobody to log in at", async () => {
  await using line = await mock<Guarded>({ say: (text) => text }, {
    onReady: ({ call }) => call.login("alice"),
  });
  assertEquals(await line.call.say("hello"), "hello");
});
