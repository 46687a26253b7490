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
import { within } from "../support/deadline.ts";
import { Events } from "../support/events.ts";
import { call, HttpPeer, post, request } from "../support/http.ts";
import { bytesOf, frame, join, RawPeer } from "../support/raw.ts";
import {
  closePayload,
  OP,
  type WholeFrame,
  wholeFrame,
  wsFrame,
} from "../support/websocket_frames.ts";

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
    if (status !== 426) continue;
    const [version, connection] = [
      answer.headers.get("sec-websocket-version"),
      answer.headers.get("connection"),
    ];
    assertEquals([version, connection], ["13", "Upgrade"]);
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

/** All frames up to the end. */
async function framesOf(conn: Deno.Conn): Promise<WholeFrame[]> {
  let bytes = new Uint8Array(0);
  const buffer = new Uint8Array(1 << 14), frames: WholeFrame[] = [];
  for (let count; (count = await within(conn.read(buffer), "a frame")) !== null;) {
    bytes = join([bytes, buffer.subarray(0, count)]);
    for (let found; (found = wholeFrame(bytes)) !== undefined;) {
      bytes = bytes.slice(found.size);
      frames.push(found);
    }
  }
  return frames;
}

Deno.test("20,000 pings are answered up to maxPings, and the call behind them is", async () => {
  await using local = served();
  const conn = await local.dial();
  await shakeHands(conn);
  const found = framesOf(conn);
  const pings = join(Array<Uint8Array>(20_000).fill(wsFrame(OP.ping, "p")));
  const end = join([frame("websocket", call("add", { a: 1, b: 2 })), wsFrame(OP.close)]);
  for (let rest = join([pings, end]); rest.length > 0;) {
    rest = rest.subarray(await conn.write(rest));
  }
  const frames = await found;
  const count = (opcode: number) => frames.filter((it) => it.opcode === opcode).length;
  assert(count(OP.pong) >= 1 && count(OP.pong) <= 1000, `${count(OP.pong)} pongs`);
  assertEquals([count(OP.text), count(OP.close)], [1, 1]);
  const text = new TextDecoder().decode(frames.find((it) => it.opcode === OP.text)!.payload);
  assertEquals(JSON.parse(text).result, 3);
});

Deno.test("a byte order mark before a message means nothing", async () => {
  await using local = served();
  const conn = await local.dial();
  await shakeHands(conn);
  const add = call("add", { a: 1, b: 2 });
  for (const opcode of [OP.text, OP.binary]) await conn.write(wsFrame(opcode, "\uFEFF" + add));
  await conn.write(wsFrame(OP.close, closePayload(1000)));
  const results = (await framesOf(conn)).filter((it) => it.opcode === OP.text)
    .map(({ payload }) => JSON.parse(new TextDecoder("utf-8").decode(payload)).result);
  assertEquals(results, [3, 3]);
});

Deno.test("a message that is too large is told so, and closes a WebSocket with 1009", async () => {
  await using local = served({ limits: { maxMessageBytes: 1000 } });
  for (const length of [1001n, 1n << 53n]) {
    const conn = await local.dial();
    await shakeHands(conn);
    await conn.write(wsFrame(OP.text, "", { length, digits: length > 65535n ? 8 : 2 }));
    const [error, close] = await framesOf(conn);
    assertEquals(JSON.parse(new TextDecoder().decode(error!.payload)).error.code, -32008);
    assertEquals([close!.opcode, ...close!.payload.subarray(0, 2)], [OP.close, 0x03, 0xf1]);
  }
});

Deno.test("what breaks RFC 6455 is answered with a close alone", async () => {
  await using local = served();
  for (
    const [bytes, code] of [
      [wsFrame(OP.text, "1", { key: null }), 1002],
      [wsFrame(OP.text, "1", { rsv: 4 }), 1002],
      [wsFrame(3), 1002],
      [wsFrame(OP.continuation, "1"), 1002],
      [wsFrame(OP.text, new Uint8Array([0xff])), 1007],
      [wsFrame(OP.close, closePayload(1005)), 1002],
      [wsFrame(OP.close, closePayload(4000, "bye")), 4000],
      [wsFrame(OP.close), 1000],
    ] as const
  ) {
    const conn = await local.dial();
    await shakeHands(conn);
    await conn.write(join([bytes, frame("websocket", call("add", { a: 1, b: 2 }))]));
    const frames = await framesOf(conn);
    assertEquals(
      frames.map(({ opcode, payload }) => [opcode, payload[0]! << 8 | payload[1]!]),
      [[OP.close, code]],
    );
  }
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
