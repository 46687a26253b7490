// The way from HTTP to a WebSocket at the server's port: the handshake, and that the connection goes on as
// the one that it was.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import {
  bearerTokens,
  method,
  notification,
  type Peer,
  serve,
  type ServeOptions,
  withContext,
} from "../../lib/mod.ts";
import { Events } from "../support/events.ts";
import { call, HttpPeer, post, request } from "../support/http.ts";
import { bytesOf, RawPeer } from "../support/raw.ts";
import { OP, wsFrame } from "../support/websocket_frames.ts";

const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const VERSION = "Sec-WebSocket-Version: 13";
const UPGRADE = ["Connection: keep-alive, Upgrade", "Upgrade: websocket"];
const GOOD = [...UPGRADE, KEY, VERSION];

const clientApi = { name: method(() => ""), told: notification(z.string(), () => {}) };
const typed = withContext<{ peer: Peer<typeof clientApi> }>();

const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  who: method((_, { peer }) => [peer.identity ?? null, peer.framing, peer.id]),
  back: typed.method(async (_, { call }) => await call.name()),
};

/** A server, and sockets to it. */
function served(options: ServeOptions = {}) {
  const server = serve(api, { listen: "tcp://127.0.0.1:0", onError: () => {}, ...options });
  const { port } = new URL(server.addresses[0]!.replace("tcp:", "http:"));
  const conns: Deno.Conn[] = [];
  return {
    server,
    dial: async () => {
      const conn = await Deno.connect({ port: Number(port) });
      conns.push(conn);
      return conn;
    },
    [Symbol.asyncDispose]: async () => {
      for (const conn of conns) {
        try {
          conn.close();
        } catch { /* closed by the peer that has it */ }
      }
      await server.shutdown(0);
    },
  };
}

/** Sends a handshake with these lines, and perhaps what stands behind it; the head of the answer. */
async function shakeHands(
  conn: Deno.Conn,
  lines: readonly string[] = GOOD,
  behind: Uint8Array = new Uint8Array(0),
): Promise<string> {
  const head = bytesOf(request("GET /", lines)), all = new Uint8Array(head.length + behind.length);
  all.set(head);
  all.set(behind, head.length);
  await conn.write(all);
  let text = "";
  for (const byte = new Uint8Array(1); !text.endsWith("\r\n\r\n");) {
    if (await conn.read(byte) === null) break;
    text += String.fromCharCode(byte[0]!);
  }
  return text;
}

Deno.test("a handshake is answered with the hash of its key, and agrees to no extension", async () => {
  await using local = served();
  const answer = await shakeHands(await local.dial(), [
    ...GOOD,
    "Sec-WebSocket-Extensions: permessage-deflate",
    "Sec-WebSocket-Protocol: chat, jsonrpc-2.0",
  ]);
  assertEquals(
    answer,
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" +
      "Sec-WebSocket-Protocol: jsonrpc-2.0\r\n\r\n",
  );
  const others = await shakeHands(await local.dial(), [...GOOD, "Sec-WebSocket-Protocol: chat"]);
  assertEquals(others.includes("Protocol:"), false);
});

Deno.test("a handshake that is none is refused, and says why", async () => {
  await using local = served();
  for (
    const [lines, status] of [
      [[...UPGRADE, VERSION], 400],
      [[...UPGRADE, VERSION, "Sec-WebSocket-Key: short"], 400],
      [[...UPGRADE, VERSION, KEY, KEY], 400],
      [[...UPGRADE, KEY], 426],
      [[...UPGRADE, KEY, "Sec-WebSocket-Version: 12"], 426],
      [[...GOOD, "Content-Length: 1"], 400],
      [[...GOOD, "Origin: https://evil.example"], 403],
      [[...GOOD, "Origin: null"], 403],
      [[...GOOD, "Host: evil.example"], 403],
    ] as const
  ) {
    using peer = new HttpPeer(await local.dial());
    const answer = await peer.ask(request("GET /", lines));
    assertEquals(answer.status, status, lines.join());
    if (status === 426) assertEquals(answer.headers.get("sec-websocket-version"), "13");
  }
  using old = new HttpPeer(await local.dial());
  assertEquals((await old.ask(request("GET /", GOOD).replace("HTTP/1.1", "HTTP/1.0"))).status, 400);
});

Deno.test("calls before the handshake and right behind it are answered", async () => {
  await using local = served();
  const conn = await local.dial(), http = new HttpPeer(conn);
  assertEquals((await http.ask(post(call("add", { a: 1, b: 2 })))).status, 200);
  // Looked at as HTTP these bytes would be a line that is no request: the mask makes a line feed of "2.0".
  const key = [0x32 ^ 0x0a, 0x2e ^ 0x0a, 0x30 ^ 0x0a, 0x22 ^ 0x0a];
  const behind = wsFrame(OP.text, call("add", { a: 2, b: 2 }, 7), { key });
  assert(behind.includes(0x0a));
  assertStringIncludes(await shakeHands(conn, GOOD, behind), " 101 ");
  using peer = new RawPeer(conn, "websocket");
  assertEquals((await peer.answer()).result, 4);
});

Deno.test("a WebSocket is the peer that it was, has been greeted, and can be called back", async () => {
  const opened = new Events<Peer>(), closed = new Events<Peer>();
  await using local = served({
    onOpen: (peer) => {
      peer.notify["told"]!("welcome");
      opened.add(peer);
    },
    onClose: (peer) => closed.add(peer),
  });
  const conn = await local.dial(), http = new HttpPeer(conn);
  const first = await opened.next();
  await http.ask(post(call("add", { a: 1, b: 2 })));
  // A caller over HTTP can be told nothing.
  assertEquals([...local.server.peers], []);
  first.notify["told"]!("lost");
  local.server.peers.notify["told"]!("lost");
  await shakeHands(conn);
  const peer = new RawPeer(conn, "websocket");
  assertEquals((await peer.answer()).params, ["welcome"]);
  assertEquals([...local.server.peers], [first]);
  local.server.peers.notify["told"]!("all");
  assertEquals((await peer.answer()).params, ["all"]);
  await peer.send(call("who"));
  assertEquals((await peer.answer()).result, [null, "websocket", first.id]);
  await peer.send(call("back", undefined, 8));
  const asked = await peer.answer();
  assertEquals(asked.method, "name");
  await peer.send(JSON.stringify({ jsonrpc: "2.0", id: asked.id, result: "client" }));
  // It also asks what the client is, as it does before its first call to anyone.
  const answers = await peer.answers(2);
  assertEquals(answers.find(({ id }) => id === 8)?.result, "client");
  peer.close();
  assertEquals(await closed.next(), first);
});

Deno.test("a WebSocket says who it is in its handshake, or afterwards", async () => {
  await using local = served({ authenticate: bearerTokens({ a: "alice" }) });
  const conn = await local.dial();
  assertStringIncludes(await shakeHands(conn, [...GOOD, "Authorization: Bearer a"]), " 101 ");
  using known = new RawPeer(conn, "websocket");
  await known.send(call("who"));
  assertEquals(((await known.answer()).result as unknown[])[0], "alice");
  assertStringIncludes(
    await shakeHands(await local.dial(), [...GOOD, "Authorization: Bearer b"]),
    " 401 ",
  );
  const other = await local.dial();
  await shakeHands(other);
  using unknown = new RawPeer(other, "websocket");
  await unknown.send(call("who"));
  assertEquals((await unknown.answer()).error?.code, -32016);
  await unknown.send(call("rpc.authenticate", { scheme: "bearer", token: "a" }));
  assertEquals((await unknown.answer()).result, null);
});

Deno.test("a server that ends tells its WebSockets, and closes them with 1001", async () => {
  await using local = served();
  const conn = await local.dial();
  await shakeHands(conn);
  using peer = new RawPeer(conn, "websocket");
  await peer.send(call("who"));
  await peer.answer();
  const ended = local.server.shutdown();
  assertEquals((await peer.answer()).method, "$/goaway");
  const close = await peer.rest();
  assertEquals(Array.from(close.subarray(0, 1)), [0x88]);
  assertEquals(close[2]! * 256 + close[3]!, 1001);
  peer.close();
  await ended;
});

Deno.test("what stands behind an HTTP verb is never run as lines", async () => {
  let executed = 0;
  const server = serve({ note: notification(() => void executed++) }, {
    listen: "tcp://127.0.0.1:0",
  });
  await using _ = server;
  const line = '{"jsonrpc":"2.0","method":"note"}\n';
  for (
    const verb of ["GET ", "POST", "PUT ", "HEAD", "OPTI", "DELE", "PATC", "CONN", "TRAC", "PRI "]
  ) {
    using peer = await HttpPeer.dial(server.addresses[0]!);
    await peer.send(`${verb}\n${line.repeat(100)}`);
    assert((await peer.answer(true)).status >= 400, verb);
  }
  assertEquals(executed, 0);
});
