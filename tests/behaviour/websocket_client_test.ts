// Our client at ws: addresses: servers that are not ours, handshakes that fail, and what only WebSocket has.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type CloseInfo,
  connect,
  ConnectionLostError,
  type ConnectOptions,
  method,
  RpcError,
  serve,
  stream,
} from "../../lib/mod.ts";
import * as z from "npm:zod@4";
import { within } from "../support/deadline.ts";
import { HANDSHAKE } from "../support/http.ts";
import { bytesOf, join, RawPeer } from "../support/raw.ts";
import { ANYTHING } from "../support/schemas.ts";
import { closePayload, OP, wsFrame } from "../support/websocket_frames.ts";

// ---- A server of the runtime's own ---------------------------------------------------------------

interface Call {
  readonly id?: number;
  readonly method: string;
  readonly params: unknown[];
}

/** Deno's WebSockets, which answer with the params, or with a header of the handshake. */
function denoServer(onMessage?: (call: Call, socket: WebSocket) => boolean) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname, search } = new URL(request.url), headers = new Headers(request.headers);
    const { socket, response } = Deno.upgradeWebSocket(request);
    const answer = ({ id, method, params }: Call) => {
      if (id === undefined) return undefined;
      const result = method === "header"
        ? headers.get(String(params[0]))
        : method === "path"
        ? pathname + search
        : params;
      return method.startsWith("rpc.")
        ? { jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } }
        : { jsonrpc: "2.0", id, result };
    };
    socket.onmessage = ({ data }) => {
      const message: Call | Call[] = JSON.parse(data);
      if (Array.isArray(message)) return socket.send(JSON.stringify(message.map(answer)));
      if (onMessage?.(message, socket)) return;
      const found = answer(message);
      if (found !== undefined) socket.send(JSON.stringify(found));
    };
    return response;
  });
  return {
    address: `ws://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("connect() calls a WebSocket server that is not ours: calls, batches, long and odd texts", async () => {
  await using server = denoServer();
  await using line = await connect(`${server.address}/a/b?c=d`, { headers: { "X-Who": "alice" } });
  assertEquals(await line.request("path", []), "/a/b?c=d");
  assertEquals(await line.request("header", ["x-who"]), "alice");
  assertEquals(await Promise.all(line.batch((call) => [call.a!([1]), call.b!(["é"])])), [[1], [
    "é",
  ]]);
  for (const length of [100, 126, 70_000, 300_000]) {
    for (const letter of ["x", "é", "😀"]) {
      const text = letter.repeat(length);
      assertEquals(await line.request("echo", [text]), [text]);
    }
  }
  assertEquals([line.peer.address, line.peer.framing], [`${server.address}`, "websocket"]);
});

Deno.test("the name and the password in an address are sent as a header, and not shown", async () => {
  await using server = denoServer();
  const address = server.address.replace("ws://", "ws://al%C3%A9:p%40ss@");
  await using line = await connect(address);
  const [scheme, words] = String(await line.request("header", ["authorization"])).split(" ");
  assertEquals(
    [scheme, new TextDecoder().decode(Uint8Array.fromBase64(words!))],
    ["Basic", "alé:p@ss"],
  );
});

Deno.test("a close of the server ends the calls that wait, with its code and its words", async () => {
  await using server = denoServer(({ method }, socket) => {
    if (method === "bye") socket.close(4001, "enough");
    return method === "bye";
  });
  await using line = await connect(server.address, { reconnect: false });
  const error = await assertRejects(() => line.request("bye"), ConnectionLostError);
  assertStringIncludes(error.message, "the peer closed the connection, 4001 enough");
  assertStringIncludes((await line.closed).reason, "4001 enough");
});

Deno.test("a WebSocket that is lost is made again", async () => {
  await using server = denoServer(({ method }, socket) => {
    if (method === "bye") socket.close();
    return method === "bye";
  });
  await using line = await connect(server.address);
  await assertRejects(() => line.request("bye"), ConnectionLostError);
  assertEquals(await line.request("echo", [1]), [1]);
});

// ---- Handshakes that fail ------------------------------------------------------------------------

/** Answers the first request on each connection with this. */
function answering(answer: string | Uint8Array) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const done = (async () => {
    for await (const conn of listener) {
      await conn.read(new Uint8Array(4096));
      await conn.write(bytesOf(answer)).catch(() => {});
      conn.close();
    }
  })();
  return {
    address: `ws://127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await done;
    },
  };
}

const http = (status: string, headers = "", body = "") =>
  `HTTP/1.1 ${status}\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
const switched = (headers: string) => `HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`;
const upgrade = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n";

/** What a server answers, and how the error goes on behind the address. */
const FAILED: readonly (readonly [string, string, string?, number?])[] = [
  [
    http("403 Forbidden", "", "this origin may not\nmore"),
    "the server answered 403 Forbidden: this origin may not",
    "PERMISSION_DENIED",
  ],
  [
    http(
      "401 Unauthorized",
      "Content-Type: application/json\r\nRetry-After: 1\r\n",
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32016,"message":"Unknown token","data":{"name":"UNAUTHENTICATED"}}}',
    ),
    "the server answered 401 Unauthorized: Unknown token",
    "UNAUTHENTICATED",
    -32016,
  ],
  [
    http("503 Busy", "", '{"id":null,"error":{"code":-28,"message":"Loading"}}'),
    "the server answered 503 Busy: Loading",
    "UNAVAILABLE",
    -28,
  ],
  [http("401 Unauthorized"), "the server answered 401 Unauthorized", "UNAUTHENTICATED"],
  [
    http("400 Bad Request", "", "no"),
    "the server answered 400 Bad Request: no",
    "FAILED_PRECONDITION",
  ],
  [
    http("404 Not Found", "Content-Type: text/html\r\n", "<html>"),
    "the server answered 404 Not Found",
    "NOT_FOUND",
  ],
  [http("503 Busy", "Retry-After: 3\r\n"), "the server answered 503 Busy", "UNAVAILABLE"],
  [
    http("301 Moved", "Location: /other\r\n"),
    "the server answered 301 Moved, it sends on to /other",
    "FAILED_PRECONDITION",
  ],
  [http("200 OK", "", "hello"), "the server answered 200 OK: hello", "FAILED_PRECONDITION"],
  ["SSH-2.0-x\r\n", 'no HTTP server answers there, it sent "SSH-2.0-x\\r\\n"'],
  ["", "no HTTP server answers there, it hung up"],
  ["HTTP/1.1 101 Switching", "the server hung up during the handshake"],
  ["HTTP/1.1 101 x\r\na b\r\n\r\n", "the head of the server's answer is no HTTP"],
  [`HTTP/1.1 101 x\r\nX: ${"x".repeat(20_000)}`, "the head of the server's answer is longer than"],
  [switched("Upgrade: h2c\r\nConnection: Upgrade\r\n"), "the server switches to another protocol"],
  [switched("Upgrade: websocket\r\n"), "the server switches to another protocol"],
  [switched(upgrade), "the server's Sec-WebSocket-Accept does not fit our key"],
  [
    switched(`${upgrade}Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n`),
    "the server's Sec-WebSocket-Accept does not fit our key",
  ],
];

for (const [answer, expected, reason, code] of FAILED) {
  Deno.test(`connect() says what is wrong with a handshake: ${expected}`, async () => {
    await using server = answering(answer);
    const error = await assertRejects(() => connect(server.address), Error);
    assertStringIncludes(error.message, `Cannot connect to ${server.address}: ${expected}`);
    assertEquals(error instanceof RpcError ? error.reason : undefined, reason);
    if (code !== undefined) assertEquals((error as RpcError).code, code);
  });
}

Deno.test("a handshake that is never answered is given up after connectTimeout, or by a signal", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns: Deno.Conn[] = [], leaving = new AbortController();
  const accepting = (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      await conn.read(new Uint8Array(4096));
      leaving.abort(new Error("The user has left"));
    }
  })();
  const address = `ws://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const { signal } = leaving;
  await assertRejects(() => connect(address, { signal }), Error, "The user has left");
  const options = { connectTimeout: 30, reconnect: false } as const;
  await assertRejects(() => connect(address, options), Error, "No connection within 30 ms");
  listener.close();
  await accepting;
  for (const conn of conns) conn.close();
});

Deno.test("connect() refuses headers that are the handshake's own, or cannot be sent", async () => {
  const refused = async (
    headers: Record<string, string>,
    message: string,
    address = "ws://127.0.0.1:1",
  ) => {
    const error = await assertRejects(() => connect(address, { headers }), TypeError);
    assertStringIncludes(error.message, message);
  };
  await refused({ "Sec-WebSocket-Key": "x" }, "Cannot use the header sec-websocket-key");
  await refused({ Host: "x" }, "Cannot use the header host");
  await refused({ "a b": "x" }, "Cannot use the headers");
  await refused({ a: "x\r\nb: c" }, "Cannot use the headers");
  await refused({ a: "b" }, "headers are for", "tcp://127.0.0.1:1");
});

Deno.test("connect() refuses a framing for a WebSocket", async () => {
  await using server = denoServer();
  const options: ConnectOptions = { framing: "headers" };
  const error = await assertRejects(() => connect(server.address, options), TypeError);
  assertStringIncludes(error.message, 'a ws: address decides the framing, it is "headers"');
});

// ---- Bytes of the server -------------------------------------------------------------------------

/** Shakes hands as a server, and then does as it is told. */
async function rawServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `ws://127.0.0.1:${listener.addr.port}`;
  const accept = async () => {
    const conn = await listener.accept();
    let head = "";
    for (const byte = new Uint8Array(1); !head.endsWith("\r\n\r\n");) {
      await conn.read(byte);
      head += String.fromCharCode(byte[0]!);
    }
    const [, key] = /sec-websocket-key: (\S+)/i.exec(head)!;
    const hash = await crypto.subtle.digest(
      "SHA-1",
      bytesOf(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`),
    );
    const answer = new Uint8Array(hash).toBase64();
    return { conn, head: bytesOf(switched(`${upgrade}Sec-WebSocket-Accept: ${answer}\r\n`)) };
  };
  await Promise.resolve();
  return { address, accept, [Symbol.dispose]: () => listener.close() };
}

const unmasked = { key: null } as const;

Deno.test("what comes with the answer to the handshake is read, however it is cut", async () => {
  using server = await rawServer();
  for (const size of [1, 50, 10_000]) {
    const accepted = server.accept();
    const told = Promise.withResolvers<unknown>();
    const line = connect(server.address, { api: { hello: method(ANYTHING, told.resolve) } });
    const { conn, head } = await accepted;
    const text = '{"jsonrpc":"2.0","method":"hello","params":[1]}';
    const bytes = join([head, wsFrame(OP.text, text, unmasked)]);
    for (let at = 0; at < bytes.length; at += size) await conn.write(bytes.slice(at, at + size));
    await using _line = await line;
    assertEquals(await within(told.promise, "the notification"), [1]);
    conn.close();
  }
});

Deno.test("a client answers pings, masks, and closes with the code of what is wrong", async () => {
  using server = await rawServer();
  const closed: Promise<CloseInfo>[] = [];
  const open = async () => {
    const accepted = server.accept(), line = connect(server.address, { reconnect: false });
    const { conn, head } = await accepted;
    await conn.write(head);
    closed.push((await line).closed);
    const read = async (count: number) => {
      const bytes = new Uint8Array(count);
      for (let at = 0; at < count;) at += await conn.read(bytes.subarray(at)) ?? count;
      return bytes;
    };
    return { conn, read, line: await line };
  };
  const ping = await open();
  await ping.conn.write(wsFrame(OP.ping, "hi", unmasked));
  const pong = await ping.read(8);
  assertEquals([pong[0], pong[1]], [0x8a, 0x82]);
  ping.conn.close();
  const wrong: readonly (readonly [Uint8Array<ArrayBuffer>, number])[] = [
    [wsFrame(OP.text, "{}"), 1002],
    [wsFrame(3, "", unmasked), 1002],
    [wsFrame(OP.text, new Uint8Array([0xff]), unmasked), 1007],
    [wsFrame(OP.close, closePayload(4000, "bye"), unmasked), 4000],
  ];
  for (const [bytes, code] of wrong) {
    const { conn } = await open();
    await conn.write(bytes);
    const rest = new Uint8Array(200);
    const count = await within(conn.read(rest), "the close");
    assert(count !== null && count >= 8);
    assertEquals(rest[0], 0x88);
    const [first, second] = [rest[6]! ^ rest[2]!, rest[7]! ^ rest[3]!];
    assertEquals(first << 8 | second, code);
    conn.close();
  }
  await Promise.all(closed);
});

// ---- A server of ours ----------------------------------------------------------------------------

Deno.test("a frame that breaks the rules is answered with a close alone, and nothing more is run", async () => {
  const seen: string[] = [];
  const api = { note: method(z.string(), (text) => void seen.push(text)) };
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  const note = (text: string) =>
    wsFrame(OP.text, `{"jsonrpc":"2.0","method":"note","params":["${text}"]}`);
  const [address] = server.addresses as [string];
  const talk = async (bytes: Uint8Array) => {
    using peer = await RawPeer.dial(address);
    await peer.write(HANDSHAKE);
    await peer.write(bytes);
    const all = await peer.rest();
    return all.subarray(all.findIndex((byte, at) => byte === 13 && all[at + 2] === 13) + 4);
  };
  const closes = async (bytes: Uint8Array, code: number) => {
    const rest = await talk(bytes);
    const at = rest.lastIndexOf(0x88);
    assertEquals(rest[at + 2]! << 8 | rest[at + 3]!, code);
    return rest.subarray(0, at);
  };
  assertEquals((await closes(join([note("a"), wsFrame(7), note("never")]), 1002)).length, 0);
  assertEquals((await closes(join([wsFrame(OP.close), note("never")]), 1000)).length, 0);
  const long = wsFrame(OP.text, "", { digits: 8, length: 1n << 40n });
  assertStringIncludes(new TextDecoder().decode(await closes(long, 1009)), '"code":-32008');
  assertEquals(seen, ["a"]);
});

Deno.test("pings without number and fragments without end do no harm, and a call behind pings is answered", async () => {
  await using server = serve({ add: method(z.number(), (n) => n + 1) }, {
    listen: "tcp://127.0.0.1:0",
  });
  using peer = await RawPeer.dial(server.addresses[0]!);
  await peer.write(HANDSHAKE);
  const flood = join(Array(20_000).fill(wsFrame(OP.ping, "x")));
  await peer.write(
    join([flood, wsFrame(OP.text, '{"jsonrpc":"2.0","id":1,"method":"add","params":[1]}')]),
  );
  await peer.write(wsFrame(OP.close, closePayload(1000)));
  const bytes = await peer.rest();
  assertStringIncludes(new TextDecoder().decode(bytes), '{"jsonrpc":"2.0","id":1,"result":2}');
  const pongs = bytes.filter((byte, at) => byte === 0x8a && bytes[at + 1] === 1).length;
  assert(pongs > 0 && pongs <= 1100, `${pongs} pongs`);
});

Deno.test("a caller who leaves a WebSocket cancels what runs for it", async () => {
  const begun = Promise.withResolvers<void>(), aborted = Promise.withResolvers<unknown>();
  const api = {
    wait: stream(async function* (_, { signal }) {
      begun.resolve();
      yield 1;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      aborted.resolve(signal.reason);
    }),
  };
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  const line = await connect<typeof api>(server.addresses[0]!.replace("tcp:", "ws:"));
  const call = line.call.wait();
  const failed = assertRejects(() => Array.fromAsync(call), ConnectionLostError);
  await within(begun.promise, "the handler to begin");
  await line.close();
  await failed;
  assert(await within(aborted.promise, "the handler to be told") instanceof Error);
});
