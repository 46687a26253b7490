// A server behind proxies: whose a request or a connection is, what follows from that, and that nobody can
// say so who is no proxy.

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as z from "npm:zod@4";
import {
  type Authenticate,
  bearerTokens,
  connect,
  method,
  serve,
  type ServeOptions,
  serveWorkers,
} from "../../lib/mod.ts";
import { dial } from "../../lib/transport/mod.ts";
import { certificates } from "../support/certificates.ts";
import { until, within } from "../support/deadline.ts";
import { Events } from "../support/events.ts";
import { call, HANDSHAKE, HttpPeer, post } from "../support/http.ts";
import { block, headerOf } from "../support/proxy_protocol.ts";
import { bytesOf, frame, join, RawPeer, type Spoken } from "../support/raw.ts";
import { testWith } from "../support/tools.ts";

/** This machine, which is where all connections of these tests come from. */
const HERE = "127.0.0.1";

/** A server behind proxies, and connections to it as theirs. */
async function served(options: ServeOptions = {}) {
  const begun = new Events(), gate = Promise.withResolvers<void>();
  const opened: string[] = [], errors: string[] = [], closed = new Events();
  const server = serve({
    who: method((_, { peer }) => [peer.address, peer.identity ?? null]),
    local: method((_, { peer }) => peer.localAddress),
    echo: method(z.string(), (text) => text.length),
    wait: method(async () => {
      begun.add("wait");
      await gate.promise;
    }),
  }, {
    listen: "tcp://127.0.0.1:0",
    onOpen: (peer) => opened.push(peer.address),
    onClose: (peer) => closed.add(peer.address),
    onError: (error, about) => errors.push(`${about}: ${(error as Error).message}`),
    ...options,
  });
  await server.ready;
  const address = server.addresses[0]!, sockets: Disposable[] = [];
  const kept = <T extends Disposable>(socket: T): T => {
    sockets.push(socket);
    return socket;
  };
  return {
    server,
    address,
    begun,
    opened,
    errors,
    closed,
    gate,
    http: async () => kept(await HttpPeer.dial(address)),
    /** A connection on which these bytes came first. */
    raw: async (first: string | Uint8Array, framing: Spoken = "json") => {
      const { hostname, port } = new URL(address.replace(/^[a-z]+:/, "http:"));
      const conn = address.startsWith("unix:")
        ? await Deno.connect({ transport: "unix", path: address.slice("unix://".length) })
        : await Deno.connect({ hostname, port: Number(port) });
      const peer = kept(new RawPeer(conn, framing));
      await peer.write(first);
      return peer;
    },
    [Symbol.asyncDispose]: async () => {
      gate.resolve();
      for (const socket of sockets) socket[Symbol.dispose]();
      await server.shutdown(0);
    },
  };
}

/** The lines of a proxy that passes a request on for this address. */
const xff = (ip: string) => `X-Forwarded-For: ${ip}`;

/** What `who` tells one who asks with these lines. */
async function who(peer: HttpPeer, ...lines: string[]): Promise<unknown> {
  const { status, body } = await peer.ask(post(call("who"), ...lines));
  return status === 200 ? JSON.parse(body).result[0] : status;
}

// ---- Forwarded and X-Forwarded-For ------------------------------------------------------------------

Deno.test("each request of a trusted proxy is that of the caller whom it names", async () => {
  await using site = await served({ http: { trustProxy: ["127.0.0.0/8", "10.0.0.0/8"] } });
  const proxy = await site.http();
  const own = (await who(proxy)) as string;
  assert(own.startsWith("tcp://127.0.0.1:"));
  assertEquals(await who(proxy, xff("203.0.113.7")), "tcp://203.0.113.7");
  assertEquals(await who(proxy, xff("1.1.1.1, 203.0.113.8, 10.0.0.1")), "tcp://203.0.113.8");
  assertEquals(await who(proxy, xff("1.1.1.1"), xff("203.0.113.9")), "tcp://203.0.113.9");
  assertEquals(
    await who(proxy, "Forwarded: for=1.1.1.1", 'forwarded: for="[2001:db8::7]:4711";proto=https'),
    "tcp://[2001:db8::7]:4711",
  );
  assertEquals(await who(proxy, "Forwarded: for=unknown"), own);
  assertEquals(await who(proxy, xff("nonsense")), own);
  assertEquals(await who(proxy, "Forwarded: for=1.1.1.1", xff("203.0.113.7")), 400);
  const refused = await (await site.http()).ask(
    "GET / HTTP/1.1\r\nHost: localhost\r\nForwarded: x\r\n" +
      "X-Forwarded-For: 203.0.113.7\r\n\r\n",
  );
  assertEquals(refused.body, "the headers forwarded and x-forwarded-for name different callers\n");
});

Deno.test("what anyone else says there means nothing", async () => {
  for (const http of [{}, { trustProxy: [] }, { trustProxy: ["10.0.0.0/8", "::1", "unix"] }]) {
    await using site = await served({ http, rateLimit: { address: { calls: 1 } } });
    const peer = await site.http(), own = site.opened;
    const lines = [xff("203.0.113.7"), "Forwarded: for=203.0.113.8"];
    assertEquals(await who(peer, ...lines), await who(peer));
    assertEquals(await who(peer, ...lines), own[0]);
    const address = site.address.replace("tcp:", "ws:");
    await using line = await connect(address, { headers: { "X-Forwarded-For": "203.0.113.7" } });
    const [told] = await line.request("who") as [string];
    assertEquals(told, own[1]);
  }
});

Deno.test("a proxy on a Unix socket is trusted if `unix` is, and its socket says nothing of its callers", async () => {
  const folder = await Deno.makeTempDir({ prefix: "landline-" });
  const tokens = bearerTokens({ "s3cret": "alice" });
  const authenticate: Authenticate = (credentials, peer) =>
    credentials.scheme === "unix" ? "operator" : tokens(credentials, peer);
  try {
    for (const trustProxy of [["unix"], []]) {
      await using site = await served({
        listen: `unix://${folder}/s`,
        http: { trustProxy },
        authenticate,
      });
      const isTrusted = trustProxy.length > 0;
      const peer = await site.http(), token = "Authorization: Bearer s3cret";
      const ask = async (...lines: string[]) => {
        const { status, body } = await peer.ask(post(call("who"), ...lines));
        return status === 200 ? JSON.parse(body).result : status;
      };
      assertEquals(await ask(xff("203.0.113.7")), isTrusted ? 401 : ["unix:", "operator"]);
      assertEquals(await ask(), isTrusted ? 401 : ["unix:", "operator"]);
      assertEquals(
        await ask(xff("203.0.113.7"), token),
        [isTrusted ? "tcp://203.0.113.7" : "unix:", "alice"],
      );
      // The same token from elsewhere, and nothing of the one before.
      assertEquals((await ask(xff("203.0.113.8"), token) as string[])[1], "alice");
      assertEquals(await ask(xff("203.0.113.8")), isTrusted ? 401 : ["unix:", "operator"]);
      // The raw line is no proxy's.
      const line = await site.raw(bytesOf(call("who") + "\n"));
      assertEquals((await line.answer()).result, ["unix:", "operator"]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

testWith(["openssl"], "the certificate of a trusted proxy is not its callers'", async () => {
  const { ca, clientCa, server: own, client } = certificates();
  await using site = await served({
    listen: "tls://127.0.0.1:0",
    tls: { ...own, clientCa },
    http: { trustProxy: [HERE] },
    authenticate: (credentials) => credentials.scheme === "certificate" ? "proxy" : undefined,
  });
  const socket = await dial(site.address, { tls: { ca, ...client } });
  using peer = new HttpPeer(socket as unknown as Deno.Conn);
  assertEquals((await peer.ask(post(call("who"), xff("203.0.113.7")))).status, 401);
  assertEquals((await peer.ask(post(call("who")))).status, 401);
});

Deno.test("rates are those of the callers behind a proxy, on whatever connection they come", async () => {
  for (const kind of ["address", "connection"] as const) {
    await using site = await served({
      http: { trustProxy: [HERE] },
      rateLimit: { [kind]: { calls: 0.001, burst: 2000 } },
    });
    const first = await site.http(), second = await site.http();
    assertEquals(await who(first, xff("203.0.113.7")), "tcp://203.0.113.7");
    assertEquals(await who(second, xff("203.0.113.7")), "tcp://203.0.113.7");
    assertEquals(await who(first, xff("203.0.113.7")), 429);
    assertEquals(await who(second, "Forwarded: for=203.0.113.7"), 429);
    assertEquals(await who(first, xff("203.0.113.8")), "tcp://203.0.113.8");
    assertEquals(await who(second, xff("203.0.113.8")), "tcp://203.0.113.8");
    assertEquals(await who(second, xff("203.0.113.8")), 429);
  }
});

Deno.test("bytes count as those of the caller for whom they came, in one piece or in many", async () => {
  await using site = await served({
    http: { trustProxy: [HERE] },
    rateLimit: { address: { bytes: 1, burst: 3000 } },
  });
  const peer = await site.http();
  const large = (ip: string) => post(call("echo", ["x".repeat(4000)]), xff(ip));
  const small = (ip: string) => post(call("echo", ["x"]), xff(ip));
  // Those of the first are too many; the others on the same connection, and in the same read, go on.
  await peer.send(small("203.0.113.8") + large("203.0.113.7") + small("203.0.113.8"));
  assertEquals([(await peer.answer()).status], [200]);
  assertEquals([(await peer.answer()).status], [429]);
  assertEquals([(await peer.answer()).status], [200]);
  const text = small("203.0.113.8") + small("203.0.113.9");
  for (let at = 0; at < text.length; at += 50) await peer.send(text.slice(at, at + 50));
  assertEquals([(await peer.answer()).status, (await peer.answer()).status], [200, 200]);
  const slow = small("203.0.113.7"); // is in debt for an hour, and answered at once
  for (let at = 0; at < slow.length; at += 50) await peer.send(slow.slice(at, at + 50));
  assertEquals((await peer.answer()).status, 429);
});

Deno.test("places are shared by the callers behind a proxy, and not by its connections", async () => {
  await using site = await served({
    http: { trustProxy: [HERE] },
    limits: { maxRunning: 2, maxConnectionsPerAddress: 1 },
  });
  const begin = async (ip: string) => {
    const peer = await site.http();
    await peer.send(post(call("wait"), xff(ip)));
    return peer;
  };
  await begin("203.0.113.7");
  await site.begun.count(1);
  await begin("203.0.113.7");
  await site.begun.count(2);
  const third = await begin("203.0.113.7");
  assertEquals((await third.answer()).status, 503);
  await begin("203.0.113.8"); // who has less than its share has a place
  await site.begun.count(3);
});

Deno.test("wrong tokens end nobody else's connection behind a proxy", async () => {
  await using site = await served({
    http: { trustProxy: [HERE] },
    authenticate: bearerTokens({ "s3cret": "alice" }),
    limits: { maxAuthFailures: 2 },
  });
  const peer = await site.http();
  for (let i = 0; i < 4; i++) {
    assertEquals(await who(peer, xff("203.0.113.7"), "Authorization: Bearer wrong"), 401);
  }
  assertEquals(
    await who(peer, xff("203.0.113.8"), "Authorization: Bearer s3cret"),
    "tcp://203.0.113.8",
  );
});

Deno.test("guesses slow down who guesses, and nobody else behind the proxy", async () => {
  await using site = await served({
    http: { trustProxy: [HERE] },
    authenticate: bearerTokens({ "s3cret": "alice" }),
    limits: { authTimeout: 600_000 },
  });
  const guess = async () => {
    await who(await site.http(), xff("203.0.113.7"), "Authorization: Bearer wrong");
  };
  await Promise.all(Array.from({ length: 40 }, guess)); // half a minute for the next one from there
  const late = await site.http(), prompt = await site.http();
  await late.send(post(call("who"), xff("203.0.113.7"), "Authorization: Bearer s3cret"));
  const first = await Promise.race([
    late.answer().then(() => "late", () => "late"),
    who(prompt, xff("203.0.113.8"), "Authorization: Bearer s3cret"),
  ]);
  assertEquals(first, "tcp://203.0.113.8");
});

Deno.test("a WebSocket behind a proxy is its caller's from the handshake on", async () => {
  await using site = await served({
    http: { trustProxy: [HERE] },
    limits: { maxConnectionsPerAddress: 1 },
    rateLimit: { connection: { calls: 0.001, burst: 2000 } },
  });
  const address = site.address.replace("tcp:", "ws:");
  const dialled = (ip: string) => connect(address, { headers: { "X-Forwarded-For": ip } });
  await using first = await dialled("203.0.113.7");
  assertEquals(await first.request("who"), ["tcp://203.0.113.7", null]);
  assertEquals([...site.server.peers].map((peer) => peer.address), ["tcp://203.0.113.7"]);
  // One connection from each address, though all come from the proxy's.
  const refused = await assertRejects(() => dialled("203.0.113.7"), Error);
  assertStringIncludes(refused.message, "Too many connections from one address");
  const second = await dialled("203.0.113.8");
  await second.close();
  await site.closed.has("tcp://203.0.113.8");
  await using _third = await dialled("203.0.113.8");
  await first.request("who");
  const error = await assertRejects(() => first.request("who"));
  assertStringIncludes(String(error), "More calls");
});

Deno.test("a WebSocket behind a trusted proxy is known by its token alone", async () => {
  const folder = await Deno.makeTempDir({ prefix: "landline-" });
  const tokens = bearerTokens({ "s3cret": "alice" });
  try {
    await using _site = await served({
      listen: `unix://${folder}/s`,
      http: { trustProxy: ["unix"] },
      authenticate: (credentials, peer) =>
        credentials.scheme === "unix" ? "operator" : tokens(credentials, peer),
    });
    const upgrade = [
      "GET /rpc HTTP/1.1",
      "Host: localhost",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
      "Sec-WebSocket-Version: 13",
      xff("203.0.113.7"),
    ];
    const shaken = async (...lines: string[]) => {
      const conn = await Deno.connect({ transport: "unix", path: `${folder}/s` });
      await conn.write(bytesOf([...upgrade, ...lines, "", ""].join("\r\n")));
      let head = "";
      for (const byte = new Uint8Array(1); !head.endsWith("\r\n\r\n");) {
        if (await within(conn.read(byte), "an answer") === null) break;
        head += String.fromCharCode(byte[0]!);
      }
      return [head.slice(9, 12), new RawPeer(conn, "websocket")] as const;
    };
    const [wrong, refused] = await shaken("Authorization: Bearer wrong");
    assertEquals(wrong, "401");
    await refused.rest(); // the connection ends
    refused.close();
    const [, known] = await shaken("Authorization: Bearer s3cret");
    assertEquals((await known.ask(call("who"))).result, ["tcp://203.0.113.7", "alice"]);
    known.close();
    const [, late] = await shaken();
    assertEquals((await late.ask(call("who"))).error?.code, -32016);
    assertEquals(
      (await late.ask(call("rpc.authenticate", { scheme: "bearer", token: "s3cret" }))).error,
      undefined,
    );
    assertEquals((await late.ask(call("who"))).result, ["tcp://203.0.113.7", "alice"]);
    late.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

// ---- The PROXY protocol -----------------------------------------------------------------------------

for (const version of [1, 2] as const) {
  const header = headerOf(version, "203.0.113.7", 4711);

  for (const framing of ["json", "headers", "length"] as const) {
    Deno.test(`a connection belongs to whom PROXY version ${version} names (${framing})`, async () => {
      await using site = await served({ proxyProtocol: [HERE] });
      const peer = await site.raw(join([header, frame(framing, call("who"))]), framing);
      assertEquals((await peer.answer()).result, ["tcp://203.0.113.7:4711", null]);
      assertEquals((await peer.ask(call("local"))).result, "tcp://192.0.2.1:80");
      assertEquals(site.opened, ["tcp://203.0.113.7:4711"]);
      peer.close();
      await site.closed.has("tcp://203.0.113.7:4711");
      assertEquals(site.errors, []);
    });
  }

  Deno.test(`PROXY version ${version} stands before HTTP and before a WebSocket`, async () => {
    await using site = await served({
      proxyProtocol: [HERE],
      http: { trustProxy: ["203.0.113.7"] },
    });
    using peer = await HttpPeer.dial(site.address);
    await peer.send(header, post(call("who")));
    assertEquals(JSON.parse((await peer.answer()).body).result, ["tcp://203.0.113.7:4711", null]);
    // One that it names may be a proxy itself.
    assertEquals(await who(peer, xff("198.51.100.1")), "tcp://198.51.100.1");
    const socket = await site.raw(join([header, bytesOf(HANDSHAKE)]), "websocket");
    for (let head = ""; !head.endsWith("\r\n\r\n");) head += await socket.byte();
    assertEquals((await socket.ask(call("who"))).result, ["tcp://203.0.113.7:4711", null]);
  });

  Deno.test(`PROXY version ${version} may come a byte at a time`, async () => {
    await using site = await served({ proxyProtocol: [HERE] });
    const all = join([header, bytesOf(call("who") + "\n")]);
    const peer = await site.raw(all.subarray(0, 1));
    for (let at = 1; at < all.length; at++) await peer.write(all.subarray(at, at + 1));
    assertEquals((await peer.answer()).result, ["tcp://203.0.113.7:4711", null]);
  });

  testWith(["openssl"], `PROXY version ${version} stands before the handshake of TLS`, async () => {
    const { ca, server: own } = certificates();
    await using site = await served({
      listen: "tls://127.0.0.1:0",
      tls: own,
      proxyProtocol: [HERE],
    });
    const conn = await Deno.connect({
      port: Number(new URL(site.address.replace("tls:", "http:")).port),
    });
    await conn.write(header);
    const secure = await Deno.startTls(conn, {
      hostname: "localhost",
      caCerts: [await Deno.readTextFile(ca)],
    });
    using peer = new RawPeer(secure, "json");
    assertEquals((await peer.ask(call("who"))).result, ["tls://203.0.113.7:4711", null]);
    assertEquals((await peer.ask(call("local"))).result, "tls://192.0.2.1:80");
  });
}

Deno.test("from elsewhere a PROXY header means nothing, and none is asked for", async () => {
  await using site = await served({ proxyProtocol: ["10.0.0.0/8", "::1"] });
  const peer = await site.raw(call("who") + "\n");
  const [address] = (await peer.answer()).result as [string];
  assert(address.startsWith("tcp://127.0.0.1:"));
  const liar = await site.raw(join([headerOf(1, "203.0.113.7", 1), bytesOf(call("who") + "\n")]));
  const told = await liar.messages();
  assertEquals(told.map(({ error }) => error?.code), [-32700]); // it is no JSON, and that is all
});

Deno.test("a proxy that speaks for itself, or cannot say for whom, is where it is", async () => {
  await using site = await served({
    proxyProtocol: [HERE],
    limits: { maxConnectionsPerAddress: 1 },
  });
  for (
    const header of [
      bytesOf("PROXY UNKNOWN\r\n"),
      block(0x20, 0, []),
      block(0x20, 0x11, Array(12).fill(1)),
      block(0x21, 0, []),
      block(0x21, 0x31, Array(216).fill(47)),
    ]
  ) {
    const peer = await site.raw(join([header, bytesOf(call("who") + "\n")]));
    const [address] = (await peer.answer()).result as [string];
    assert(address.startsWith("tcp://127.0.0.1:"), address);
  }
});

Deno.test("a connection of a proxy without a good header is closed, and nothing of it is handled", async () => {
  await using site = await served({ proxyProtocol: [HERE] });
  const rows = {
    [call("who") + "\n"]: "it is no header, it begins with neither version",
    "PROXY TCP4 1.1.1.1 1.1.1.1 1 99999\r\n":
      "it is no header, there are not two addresses and two ports of TCP4 in its line",
    "PROXY TCP4 1.1": "the proxy left after 14 bytes of its header",
  };
  for (const [sent, why] of Object.entries(rows)) {
    const peer = await site.raw(sent);
    if (why.startsWith("the proxy left")) await peer.closeWrite();
    const rest = await peer.rest().catch(() => new Uint8Array(0)); // a reset is an end, too
    assertEquals(rest.length, 0);
    await until(() => site.errors.length > 0, "the error to be told");
    const [told] = site.errors.splice(0);
    assert(told!.startsWith("the PROXY header of tcp://127.0.0.1:"), told);
    assertStringIncludes(told!, `: Cannot accept: ${why}`);
  }
  // A look whether somebody listens, as health checks are.
  (await site.raw(new Uint8Array(0))).close();
  const good = await site.raw(join([headerOf(2, "203.0.113.7", 1), bytesOf(call("who") + "\n")]));
  await good.answer();
  assertEquals([site.errors, site.opened], [[], ["tcp://203.0.113.7:1"]]);
});

Deno.test("a PROXY header that does not come in time ends its connection, and holds up no other", async () => {
  await using site = await served({ proxyProtocol: [HERE], limits: { handshakeTimeout: 500 } });
  const slow = await site.raw("PROXY ");
  const good = await site.raw(join([headerOf(2, "203.0.113.7", 1), bytesOf(call("who") + "\n")]));
  await good.answer();
  assertEquals(await slow.rest(), new Uint8Array(0));
  await until(() => site.errors.length > 0, "the error to be told");
  assertStringIncludes(site.errors[0]!, "its header has not come within 500 ms");
});

Deno.test("while too many PROXY headers are awaited the next connection waits", async () => {
  await using site = await served({
    proxyProtocol: [HERE],
    limits: { handshakeTimeout: 500, maxHandshakes: 1 },
  });
  const silent = await Promise.all(Array.from({ length: 20 }, () => site.raw("PROXY ")));
  const good = await site.raw(join([headerOf(2, "203.0.113.7", 1), bytesOf(call("who") + "\n")]));
  assertEquals((await good.answer()).result, ["tcp://203.0.113.7:1", null]);
  for (const peer of silent) assertEquals(await peer.rest(), new Uint8Array(0));
});

Deno.test("a server that ends does not wait for PROXY headers", async () => {
  const site = await served({ proxyProtocol: [HERE] });
  const good = await site.raw(join([headerOf(1, "203.0.113.7", 1), bytesOf(call("who") + "\n")]));
  await good.answer();
  const silent = await site.raw("PROXY ");
  await within(site[Symbol.asyncDispose](), "the server to end");
  silent.close();
  assertEquals(site.errors, []);
});

Deno.test("maxConnectionsPerAddress counts the connections of whom PROXY names", async () => {
  await using site = await served({
    proxyProtocol: [HERE],
    limits: { maxConnectionsPerAddress: 1 },
  });
  const asked = async (ip: string) => {
    const peer = await site.raw(join([headerOf(2, ip, 1), bytesOf(call("who") + "\n")]));
    return await peer.answer();
  };
  assertEquals((await asked("203.0.113.7")).error, undefined);
  assertEquals((await asked("203.0.113.8")).error, undefined);
  assertEquals(
    (await asked("203.0.113.7")).error?.message,
    "Too many connections from one address",
  );
});

Deno.test("a Unix socket that a proxy opens for others says nothing of them", async () => {
  const folder = await Deno.makeTempDir({ prefix: "landline-" });
  try {
    await using site = await served({
      listen: `unix://${folder}/s`,
      proxyProtocol: ["unix"],
      authenticate: (credentials) => credentials.scheme === "unix" ? "operator" : undefined,
    });
    for (const header of [headerOf(1, "203.0.113.7", 1), bytesOf("PROXY UNKNOWN\r\n")]) {
      const peer = await site.raw(join([header, bytesOf(call("who") + "\n")]));
      assertEquals((await peer.answer()).error?.code, -32016);
    }
    assertEquals(site.opened, ["tcp://203.0.113.7:1", "unix:"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("workers know who calls through proxies", async () => {
  const module = new URL("../unit/server/_workers_api.ts", import.meta.url);
  await using server = serveWorkers(module, {
    listen: "tcp://127.0.0.1:0",
    workers: 2,
    proxyProtocol: [HERE],
    http: { trustProxy: ["203.0.113.7"] },
  });
  await server.ready;
  for (let i = 0; i < 4; i++) {
    using peer = await HttpPeer.dial(server.addresses[0]!);
    await peer.send(headerOf(2, "203.0.113.7", 1), post(call("from"), xff("198.51.100.1")));
    assertEquals(JSON.parse((await peer.answer()).body).result, "tcp://198.51.100.1");
  }
});

Deno.test("serve() and serveWorkers() refuse what is no network", () => {
  const listen = "tcp://127.0.0.1:0";
  const bad = [
    { http: { trustProxy: ["10.0.0.0/40"] } },
    { proxyProtocol: ["haproxy.local"] },
  ];
  const why = [
    'Cannot use http.trustProxy: a network is 10.0.0.0/8, fd00::/8, an address or unix; behind the slash stands a number from 0 to 32, it is "10.0.0.0/40"',
    'Cannot use proxyProtocol: a network is 10.0.0.0/8, fd00::/8, an address or unix; this has no IP address, it is "haproxy.local"',
  ];
  for (const [i, options] of bad.entries()) {
    assertThrows(() => serve({}, { listen, ...options }), RangeError, why[i]);
    assertThrows(() => serveWorkers("file:///x.ts", { listen, ...options }), RangeError, why[i]);
  }
});
