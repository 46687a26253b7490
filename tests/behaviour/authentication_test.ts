// Authentication: nothing is served before it, little is held, and guessing is slow.

import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import * as z from "npm:zod@4";
import {
  type Authenticate,
  bearerTokens,
  type CloseInfo,
  connect,
  ConnectionLostError,
  type Line,
  method,
  type Middleware,
  notification,
  RpcError,
  serve,
  type ServeOptions,
  stream,
  withMiddleware,
} from "../../lib/mod.ts";
import { certificates } from "../support/certificates.ts";
import { turn } from "../support/deadline.ts";
import { Events, rejection } from "../support/events.ts";
import { serveLocally } from "../support/local.ts";
import { type Answer, FRAMING_NAMES, RawPeer } from "../support/raw.ts";
import { testWith } from "../support/tools.ts";

const UNAUTHENTICATED = -32016;

const request = (id: number, method: string, params?: unknown) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});
const enter = (id: number, token: string) =>
  request(id, "rpc.authenticate", { scheme: "bearer", token });

/** A server that knows alice, and what was called there. */
function guarded(options: ServeOptions = {}) {
  const ran = new Events();
  const closed = new Events<CloseInfo>();
  const api = {
    whoami: method((_, { peer }) => {
      ran.add("whoami");
      return peer.identity;
    }),
    echo: method(z.unknown(), (value) => {
      ran.add("echo");
      return value;
    }),
    tell: notification(() => ran.add("tell")),
    items: stream(function* () {
      ran.add("items");
      yield 1;
    }),
  };
  const server = serve(api, {
    listen: "tcp://127.0.0.1:0",
    authenticate: bearerTokens({ secret: "alice", "other secret": { name: "bob" } }),
    onClose: (_, info) => closed.add(info),
    ...options,
  });
  return {
    api,
    server,
    ran,
    closed,
    peer: (framing?: "json" | "headers" | "length") => RawPeer.dial(server.addresses[0]!, framing),
    connect: (token?: string): Promise<Line<typeof api>> =>
      connect<typeof api>(server.addresses[0]!, token === undefined ? {} : { token }),
    [Symbol.asyncDispose]: () => server.shutdown(0),
  };
}

Deno.test("nothing is served before authentication, by whatever way it comes", async () => {
  await using site = guarded();
  for (const framing of FRAMING_NAMES) {
    using peer = await site.peer(framing);
    const names = [
      "whoami",
      "echo",
      "items",
      "tell",
      "rpc.ping",
      "rpc.serverInfo",
      "rpc.discover",
      "rpc.health",
      "rpc.health.watch",
      "unknown",
    ];
    for (const name of names) {
      const { error } = await peer.ask(request(1, name));
      assertEquals(error, {
        code: UNAUTHENTICATED,
        message: "Call rpc.authenticate before anything else",
        data: { name: "UNAUTHENTICATED" },
      });
    }
    await peer.send({ jsonrpc: "2.0", method: "tell" });
    await peer.send(JSON.stringify([request(2, "echo", [1]), { jsonrpc: "2.0", method: "tell" }]));
    const [{ id, error }] = JSON.parse(await peer.text());
    assertEquals([id, error.code], [2, UNAUTHENTICATED]);
    await peer.send('{"id":3,"method":"echo","params":[1]}');
    assertEquals((await peer.answer()).error?.code, UNAUTHENTICATED);
  }
  assertEquals(site.ran.all, []);
});

Deno.test("rpc.authenticate lets a peer in, once for its connection, and says who it is", async () => {
  await using site = guarded();
  using alice = await site.peer();
  assertEquals(await alice.ask(enter(1, "secret")), { jsonrpc: "2.0", id: 1, result: null });
  assertEquals((await alice.ask(request(2, "whoami"))).result, "alice");
  using bob = await site.peer();
  await bob.ask(enter(1, "other secret"));
  assertEquals((await bob.ask(request(2, "whoami"))).result, { name: "bob" });
  using nobody = await site.peer();
  assertEquals((await nobody.ask(request(1, "whoami"))).error?.code, UNAUTHENTICATED);
});

Deno.test("a call that is pipelined behind rpc.authenticate waits for it", async () => {
  const gate = Promise.withResolvers<void>();
  await using site = guarded({
    authenticate: async (credentials, peer) => {
      await gate.promise;
      return bearerTokens({ secret: "alice" })(credentials, peer);
    },
  });
  using good = await site.peer(), bad = await site.peer();
  await good.send(enter(1, "secret"), request(2, "whoami"), { jsonrpc: "2.0", method: "tell" });
  await bad.send(enter(1, "guess"), request(2, "whoami"));
  for (let n = 0; n < 10; n++) await turn();
  assertEquals(site.ran.all, []);
  gate.resolve();
  assertEquals((await good.answers(2)).map(({ id, result }) => [id, result]), [
    [1, null],
    [2, "alice"],
  ]);
  await site.ran.count(2);
  assertEquals((await bad.answers(2)).map(({ id, error }) => [id, error?.code]), [
    [1, UNAUTHENTICATED],
    [2, UNAUTHENTICATED],
  ]);
});

Deno.test("rpc.authenticate in a batch does not hold for the same batch", async () => {
  await using site = guarded();
  using peer = await site.peer();
  await peer.send(JSON.stringify([
    enter(1, "secret"),
    request(2, "whoami"),
    { jsonrpc: "2.0", method: "tell" },
    request(3, "echo", [1]),
  ]));
  const answers = JSON.parse(await peer.text()) as { id: number; error?: { code: number } }[];
  assertEquals(
    answers.map(({ id, error }) => [id, error?.code]).sort(),
    [[1, undefined], [2, UNAUTHENTICATED], [3, UNAUTHENTICATED]],
  );
  assertEquals((await peer.ask(request(4, "whoami"))).result, "alice");
  assertEquals(site.ran.all, ["whoami"]);
});

Deno.test("a batch is one guess after another, and ends with the connection", async () => {
  let looked = 0;
  await using site = guarded({
    authenticate: () => void looked++,
    limits: { maxAuthFailures: 2 },
  });
  using peer = await site.peer();
  await peer.send(JSON.stringify(Array.from({ length: 50 }, (_, id) => enter(id, `guess ${id}`))));
  await site.closed.count(1);
  assertEquals(looked, 2);
});

Deno.test("wrong credentials end the connection after maxAuthFailures, and each is answered", async () => {
  await using site = guarded();
  using peer = await site.peer();
  for (const id of [1, 2, 3]) {
    assertEquals((await peer.ask(enter(id, "guess"))).error, {
      code: UNAUTHENTICATED,
      message: "The credentials are not known",
      data: { name: "UNAUTHENTICATED" },
    });
  }
  assertEquals(await peer.messages(), []);
  peer.close();
  await site.closed.count(1);
  assertEquals(site.closed.all[0]!.reason, "3 times wrong credentials");

  using other = await site.peer();
  await other.ask(enter(1, "guess"));
  await other.ask(enter(2, "guess"));
  assertEquals((await other.ask(enter(3, "secret"))).result, null, "two failures are forgiven");
});

Deno.test("wrong credentials are answered later and later", async () => {
  await using site = guarded();
  using peer = await site.peer();
  const start = performance.now();
  await peer.ask(enter(1, "guess"));
  const first = performance.now();
  await peer.ask(enter(2, "guess"));
  const second = performance.now();
  assert(first - start >= 95, `${first - start}`);
  assert(second - first >= 195, `${second - first}`);
});

Deno.test("rpc.authenticate refuses what is no credentials, without a guess", async () => {
  await using site = guarded();
  using peer = await site.peer();
  const nonsense = [
    undefined,
    [],
    {},
    { scheme: "bearer" },
    { token: "secret" },
    { scheme: "basic", token: "secret" },
    { scheme: "bearer", token: 7 },
    { scheme: "unix" },
    { scheme: "certificate", certificate: { subject: { CN: "alice" } } },
    ["secret"],
  ];
  for (const params of nonsense) {
    const { error } = await peer.ask(request(1, "rpc.authenticate", params));
    assertEquals(error?.code, -32602, Deno.inspect(params));
  }
  assertEquals((await peer.ask(enter(1, "secret"))).result, null);
});

Deno.test("a message is at most maxUnauthenticatedBytes before authentication, and maxMessageBytes after", async () => {
  await using site = guarded({ limits: { maxMessageBytes: 100_000 } });
  const sized = (bytes: number) => {
    const text = JSON.stringify(request(1, "echo", [""]));
    return text.replace('""', `"${"x".repeat(bytes - text.length)}"`);
  };
  for (const framing of FRAMING_NAMES) {
    using peer = await site.peer(framing);
    assertEquals((await peer.ask(sized(16 << 10))).error?.code, UNAUTHENTICATED, framing);
    const { error } = await peer.ask(sized((16 << 10) + 1));
    assertEquals((error?.data as { limit: string }).limit, "maxMessageBytes");
    using known = await site.peer(framing);
    await known.ask(enter(1, "secret"));
    assertEquals((await known.ask(sized(100_000))).id, 1);
    const late = await known.ask(sized(100_001));
    assertEquals((late.error?.data as { limit: string }).limit, "maxMessageBytes");
  }
});

Deno.test("a message that is on its way while its sender becomes known may be large", async () => {
  await using site = guarded();
  using peer = await site.peer();
  await peer.send(enter(1, "secret"), request(2, "echo", ["x".repeat(50_000)]));
  const answers = await peer.answers(2);
  // It was refused or it was taken, by what was known when it came: nothing is lost or hangs.
  assertEquals(answers[0]!.result, null);
  assert(answers[1]!.result !== undefined || answers[1]!.error !== undefined);
  assertEquals((await peer.ask(request(3, "whoami"))).result, "alice");
});

Deno.test("who does not say who it is within authTimeout is hung up on, talkative or not", async () => {
  await using site = guarded({ limits: { authTimeout: 60 } });
  using silent = await site.peer(), talks = await site.peer();
  await talks.send(request(1, "whoami"));
  for (const peer of [silent, talks]) {
    const { error } = (await peer.messages()).at(-1)!;
    assertEquals(error?.data, { name: "UNAUTHENTICATED", limit: "authTimeout" });
    peer.close();
  }
  await site.closed.count(2);
  assertEquals(site.closed.all[0]!.reason, "Nobody said who calls within 60 ms");
});

Deno.test("who has said who it is stays longer than authTimeout", async () => {
  await using site = guarded({ limits: { authTimeout: 60 } });
  using peer = await site.peer(), silent = await site.peer();
  await peer.ask(enter(1, "secret"));
  await silent.messages(); // authTimeout is over
  assertEquals((await peer.ask(request(2, "whoami"))).result, "alice");
});

Deno.test("connect() shows its token before anything else, and rejects where it is refused", async () => {
  await using site = guarded();
  await using line = await site.connect("secret");
  assertEquals(await line.call.whoami(), "alice");
  assertEquals(await Array.fromAsync(line.call.items()), [1]);
  const error = await assertRejects(() => site.connect("guess"), RpcError);
  assertEquals(error.reason, "UNAUTHENTICATED");
  await site.closed.count(1);
});

Deno.test("connect() without a token reaches nothing, until the caller has said who it is", async () => {
  await using site = guarded();
  await using line = await site.connect();
  const error = await rejection(line.call.whoami(undefined, { timeout: 1e6 }));
  assertEquals((error as RpcError).reason, "UNAUTHENTICATED");
  assertInstanceOf(await rejection(Array.fromAsync(line.call.items())), RpcError);
  await line.request("rpc.authenticate", { scheme: "bearer", token: "secret" });
  assertEquals(await line.call.whoami(), "alice");
  // What it could not ask before it has asked by now: items come one by one.
  assertEquals(await Array.fromAsync(line.call.items()), [1]);
});

Deno.test("connect() rejects when the server ends while it looks at the token", async () => {
  const gate = Promise.withResolvers<void>();
  const looking = new Events();
  await using site = guarded({
    authenticate: async () => {
      looking.add("looking");
      await gate.promise;
    },
  });
  const connecting = rejection(site.connect("secret"));
  await looking.count(1);
  await site.server.shutdown(0);
  gate.resolve();
  const error = await connecting;
  assert(error instanceof ConnectionLostError || error instanceof RpcError, String(error));
});

Deno.test("authenticate sees the credentials and the peer, and refuses in its own words", async () => {
  const seen: unknown[] = [];
  const authenticate: Authenticate = (credentials, peer) => {
    seen.push(credentials, peer.transport, peer.address.startsWith("tcp://127.0.0.1:"));
    assert(credentials.scheme === "bearer");
    if (credentials.token === "banned") throw new RpcError("PERMISSION_DENIED", "Not you");
    if (credentials.token === "broken") throw new Error("the database is gone");
    return { of: credentials.token };
  };
  const errors: unknown[] = [];
  await using site = guarded({ authenticate, onError: (error) => errors.push(error) });
  using peer = await site.peer();
  assertEquals((await peer.ask(enter(1, "banned"))).error?.code, -32007);
  assertEquals((await peer.ask(enter(1, "broken"))).error, {
    code: -32603,
    message: "Internal error",
  });
  assertEquals((await peer.ask(enter(1, "fine"))).result, null);
  assertEquals((await peer.ask(request(2, "whoami"))).result, { of: "fine" });
  assertEquals(seen.slice(0, 3), [{ scheme: "bearer", token: "banned" }, "tcp", true]);
  assertEquals((errors[0] as Error).message, "the database is gone");
});

Deno.test("authenticate refuses by undefined, null and false, and takes any other identity", async () => {
  const identities: unknown[] = [undefined, null, false, 0, "", {}];
  for (const [index, identity] of identities.entries()) {
    await using site = guarded({ authenticate: () => identity });
    using peer = await site.peer();
    const { error } = await peer.ask(enter(1, "x"));
    assertEquals(error?.code, index < 3 ? UNAUTHENTICATED : undefined, Deno.inspect(identity));
    if (index >= 3) assertEquals((await peer.ask(request(2, "whoami"))).result, identity);
  }
});

Deno.test("a peer becomes another by new credentials, and stays who it was when they are wrong", async () => {
  await using site = guarded();
  using peer = await site.peer();
  await peer.ask(enter(1, "secret"));
  assertEquals((await peer.ask(enter(2, "guess"))).error?.code, UNAUTHENTICATED);
  assertEquals((await peer.ask(request(3, "whoami"))).result, "alice");
  await peer.ask(enter(4, "other secret"));
  assertEquals((await peer.ask(request(5, "whoami"))).result, { name: "bob" });
});

Deno.test("rpc.authenticate where nobody asks is FAILED_PRECONDITION, and no guess", async () => {
  await using server = serve({ ping: method(() => 1) }, { listen: "tcp://127.0.0.1:0" });
  using peer = await RawPeer.dial(server.addresses[0]!);
  for (let n = 0; n < 5; n++) {
    assertEquals((await peer.ask(enter(1, "x"))).error?.code, -32009);
  }
  assertEquals((await peer.ask(request(2, "ping"))).result, 1);
});

// ---- What the connection itself shows ------------------------------------------------------------------

/** A Unix address that nobody uses. */
const unix = () => `unix:///tmp/landline-${crypto.randomUUID()}.sock`;

/** Knows whoever comes over a Unix socket, and alice by her token; notes what it was asked. */
function shown(asked: unknown[] = []): Authenticate {
  const tokens = bearerTokens({ secret: "alice" });
  return (credentials, peer) => {
    asked.push([credentials.scheme, peer.transport, peer.identity]);
    switch (credentials.scheme) {
      case "unix":
        return "operator";
      case "certificate":
        return credentials.certificate.subject.CN;
      case "bearer":
        return tokens(credentials, peer);
    }
  };
}

Deno.test("a Unix socket says who its peer is: it is asked once, and calls need no more", async () => {
  const asked: unknown[] = [];
  const listen = unix();
  await using site = guarded({ listen, authenticate: shown(asked), limits: { authTimeout: 60 } });
  await site.server.ready;
  await using line = await site.connect();
  assertEquals(await line.call.whoami(), "operator");
  using peer = await site.peer();
  const large = "x".repeat(100_000); // more than who is not known may send
  assertEquals((await peer.ask(request(1, "echo", [large]))).result, [large]);
  assertEquals(asked, [["unix", "unix", undefined], ["unix", "unix", undefined]]);
  // A token makes it another, a wrong one does not.
  assertEquals((await peer.ask(enter(2, "guess"))).error?.code, UNAUTHENTICATED);
  assertEquals((await peer.ask(request(3, "whoami"))).result, "operator");
  assertEquals((await peer.ask(enter(4, "secret"))).result, null);
  assertEquals((await peer.ask(request(5, "whoami"))).result, "alice");
  assertEquals(asked.at(-1), ["bearer", "unix", "operator"]);
});

testWith(["openssl"], "a certificate says who its peer is", async () => {
  const { ca, clientCa, client, server } = certificates();
  const asked: unknown[] = [];
  await using site = guarded({
    listen: "tls://127.0.0.1:0",
    tls: { ...server, clientCa },
    authenticate: shown(asked),
    limits: { handshakeTimeout: 60_000 },
  });
  const line = await connect<typeof site.api>(site.server.addresses[0]!, {
    tls: { ca, ...client },
    connectTimeout: 60_000,
  });
  assertEquals(await line.call.whoami(), "alice");
  assertEquals(asked, [["certificate", "tls", undefined]]);
  await line.close();
});

testWith(
  ["openssl"],
  "a certificate that is not known waits for a token, and a Unix socket too",
  async () => {
    const { ca, clientCa, client, server } = certificates();
    const asked: string[] = [];
    const tokens = bearerTokens({ secret: "alice" });
    await using site = guarded({
      listen: ["tls://127.0.0.1:0", unix()],
      tls: { ...server, clientCa },
      authenticate: (credentials, peer) => {
        asked.push(credentials.scheme);
        return tokens(credentials, peer);
      },
      limits: { handshakeTimeout: 60_000, maxAuthFailures: 1 },
    });
    await site.server.ready;
    for (const address of site.server.addresses) {
      const options = { tls: { ca, ...client }, connectTimeout: 60_000 };
      const stranger = await connect<typeof site.api>(address, options);
      const refused = await rejection(stranger.call.whoami());
      assert(refused instanceof RpcError && refused.reason === "UNAUTHENTICATED");
      // No failure was counted: one is all that is allowed.
      await stranger.request("rpc.authenticate", { scheme: "bearer", token: "secret" });
      assertEquals(await stranger.call.whoami(), "alice");
      await stranger.close();
    }
    assertEquals(asked.sort(), ["bearer", "bearer", "certificate", "unix"]);
  },
);

Deno.test("what shows nothing by itself is asked for a token only", async () => {
  const asked: unknown[] = [];
  await using site = guarded({
    listen: ["tcp://127.0.0.1:0", "memory:"],
    authenticate: shown(asked),
  });
  for (const address of site.server.addresses) {
    await using line = await connect<typeof site.api>(address, { token: "secret" });
    assertEquals(await line.call.whoami(), "alice");
  }
  assertEquals(asked, [["bearer", "tcp", undefined], ["bearer", "memory", undefined]]);
});

Deno.test("requests that come while the Unix socket is looked at wait, and are not refused", async () => {
  const gate = Promise.withResolvers<string>(), asked = new Events();
  await using site = guarded({
    listen: unix(),
    authenticate: ({ scheme }) => {
      asked.add(scheme);
      return gate.promise;
    },
  });
  await site.server.ready;
  using one = await site.peer(), many = await site.peer();
  await one.send(request(1, "whoami"), { jsonrpc: "2.0", method: "tell" });
  await many.send(JSON.stringify([request(1, "whoami"), request(2, "echo", [1])]));
  await one.closeWrite();
  await asked.count(2);
  for (let n = 0; n < 10; n++) await turn();
  assertEquals(site.ran.all, []);
  gate.resolve("operator");
  assertEquals((await one.answer()).result, "operator");
  assertEquals(JSON.parse(await many.text()).length, 2);
  await site.ran.has("tell");
});

Deno.test("a look that takes longer than authTimeout ends the connection, and comes too late", async () => {
  const gate = Promise.withResolvers<string>();
  await using site = guarded({
    listen: unix(),
    authenticate: () => gate.promise,
    limits: { authTimeout: 60, lingerTimeout: 60 },
  });
  await site.server.ready;
  using peer = await site.peer();
  await peer.send(request(1, "whoami"));
  assertEquals((await peer.messages()).map(({ id, error }) => [id, error?.code]), [[
    null,
    UNAUTHENTICATED,
  ]]);
  await site.closed.count(1);
  gate.resolve("operator");
  await turn();
  assertEquals(site.ran.all, []);
});

Deno.test("a server ends while it looks at a Unix socket, and the look comes too late", async () => {
  for (
    const late of [
      (gate: PromiseWithResolvers<string>) => gate.resolve("operator"),
      (gate: PromiseWithResolvers<string>) => gate.reject(new Error("late")),
    ]
  ) {
    const gate = Promise.withResolvers<string>(), asked = new Events();
    const errors: unknown[] = [];
    const site = guarded({
      listen: unix(),
      authenticate: () => {
        asked.add("asked");
        return gate.promise;
      },
      onError: (error) => errors.push(error),
    });
    await site.server.ready;
    using peer = await site.peer();
    await asked.count(1);
    peer.close();
    await site.server.shutdown(0);
    late(gate);
    await turn();
    assertEquals(errors, []);
  }
});

Deno.test("what authenticate throws at the beginning ends the connection", async () => {
  const errors: unknown[] = [];
  const thrown = [
    new RpcError("PERMISSION_DENIED", "Not over this socket"),
    new Error("the database is gone"),
  ];
  for (const error of thrown) {
    await using site = guarded({
      listen: unix(),
      authenticate: () => {
        throw error;
      },
      onError: (error) => errors.push(error),
    });
    await site.server.ready;
    using peer = await site.peer();
    await peer.send(request(1, "whoami"));
    const [last, ...others] = await peer.messages();
    assertEquals(
      [last!.id, last!.error?.code, last!.error?.message],
      error === thrown[0]
        ? [null, -32007, "Not over this socket"]
        : [null, -32603, "Internal error"],
    );
    assertEquals([others, site.ran.all], [[], []]);
    peer.close();
    await site.closed.count(1);
  }
  assertEquals(errors, [thrown[1]]);
});

Deno.test("serve() refuses to authenticate over udp:", () => {
  for (const listen of ["udp://127.0.0.1:0", ["tcp://127.0.0.1:0", new URL("udp://127.0.0.1:0")]]) {
    const error = assertThrows(() => serve({}, { listen, authenticate: () => 1 }), TypeError);
    assertEquals(
      error.message,
      "Cannot listen at udp://127.0.0.1:0: authenticate needs a connection, a datagram can be sent in anyone's name",
    );
  }
});

Deno.test("rules for methods are middleware that looks at the identity", async () => {
  const only = (name: string): Middleware => (call, next) => {
    if (call.context.peer.identity === name) return next();
    throw new RpcError("PERMISSION_DENIED", `Only ${name} may do this`);
  };
  const api = {
    free: method(() => 1),
    admin: withMiddleware([only("alice")], { stop: method(() => 2) }),
  };
  await using server = serve(api, {
    listen: "memory:",
    authenticate: bearerTokens({ a: "alice", b: "bob" }),
  });
  await using alice = await connect<typeof api>(server.addresses[0]!, { token: "a" });
  await using bob = await connect<typeof api>(server.addresses[0]!, { token: "b" });
  assertEquals(await alice.call.admin.stop(), 2);
  assertEquals(await bob.call.free(), 1);
  assertEquals((await rejection(bob.call.admin.stop()) as RpcError).reason, "PERMISSION_DENIED");
});

Deno.test("bearerTokens() knows tokens by their whole text, and none from a prototype", async () => {
  const authenticate = bearerTokens({ "": "empty", secret: "alice" });
  const look = (token: string) =>
    authenticate({ scheme: "bearer", token }, undefined as unknown as Parameters<Authenticate>[1]);
  assertEquals(await look("secret"), "alice");
  assertEquals(await look(""), "empty");
  for (const token of ["secre", "secret ", "Secret", "toString", "__proto__"]) {
    assertEquals(await look(token), undefined, token);
  }
});

Deno.test("bearerTokens() knows tokens of any length, and reads no guess that is longer", () => {
  const long = "x".repeat(10_000), texts = ["é", "e\u0301", "\0", "a".repeat(64), long];
  const authenticate = bearerTokens(Object.fromEntries(texts.map((text) => [text, text])));
  const peer = undefined as unknown as Parameters<Authenticate>[1];
  for (const token of texts) assertEquals(authenticate({ scheme: "bearer", token }, peer), token);
  for (const token of [`${long}x`, "a".repeat(63), "e"]) {
    assertEquals(authenticate({ scheme: "bearer", token }, peer), undefined);
  }
});

Deno.test("a network that guesses waits, over however many connections; others do not", async () => {
  await using local = serveLocally({ whoami: method((_, { peer }) => peer.identity) }, {
    authenticate: bearerTokens({ secret: "alice" }),
    limits: { authTimeout: 2000, maxAuthFailures: 1 },
  });
  const from = (hostname: string) => local.peer("json", { hostname });
  const guessers = Array.from({ length: 30 }, () => from("192.0.2.7"));
  for (const peer of guessers) await peer.send(enter(1, "guess"));
  for (const peer of guessers) {
    assertEquals((await peer.answer()).error?.code, UNAUTHENTICATED);
    peer.close();
  }
  const order: string[] = [];
  const entering = async (hostname: string) => {
    using peer = from(hostname);
    assertEquals((await peer.ask(enter(1, "secret"))).result, null);
    order.push(hostname);
  };
  // Nobody is locked out, and the guesser is the one who waits.
  await Promise.all([entering("192.0.2.7"), entering("192.0.2.8"), entering("127.0.0.1")]);
  assertEquals(order.at(-1), "192.0.2.7");
});

Deno.test("a call that waits to learn who calls is not told of a shutdown that there is not", async () => {
  await using guard = guarded({
    limits: { authTimeout: 30, lingerTimeout: 50 },
    authenticate: () => new Promise(() => {}),
  });
  using peer = await guard.peer();
  await peer.send(enter(1, "secret"), request(2, "whoami"));
  const answers = await peer.messages();
  assertEquals(answers.filter(({ id }) => id === 2), []);
});

Deno.test("a notification rpc.authenticate in the first batch waits for the request before it", async () => {
  await using guard = guarded({
    authenticate: (credentials) =>
      Promise.resolve(credentials.scheme === "bearer" ? credentials.token : undefined),
  });
  using peer = await guard.peer();
  const { id: _, ...notification } = enter(0, "second");
  const [answer] = await peer.ask([enter(1, "first"), notification]) as unknown as [Answer];
  assertEquals(answer.id, 1);
  assertEquals((await peer.ask(request(2, "whoami"))).result, "second");
});
