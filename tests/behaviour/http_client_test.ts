// Our client at http: addresses: servers that are not ours, whatever they answer, and a server of ours.

import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import {
  connect,
  ConnectionLostError,
  event,
  method,
  notification,
  RpcError,
  serve,
  stream,
} from "../../lib/mod.ts";
import { certificates } from "../support/certificates.ts";
import { until, within } from "../support/deadline.ts";
import { ANYTHING } from "../support/schemas.ts";
import { testWith } from "../support/tools.ts";

interface Call {
  readonly id?: number;
  readonly method: string;
  readonly params: unknown[];
}

type Answer = (call: Call, request: Request) => Response | Promise<Response> | undefined;

/** A server of the runtime's own, which answers with the params unless it is told otherwise. */
function denoServer(answer: Answer = () => undefined) {
  const heard: Call[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const message: Call | Call[] = await request.json();
    if (Array.isArray(message)) {
      heard.push(...message);
      return Response.json(message.filter(({ id }) => id !== undefined).map(usual));
    }
    if (message.method?.startsWith("rpc.")) return Response.json(usual(message));
    heard.push(message);
    const found = await answer(message, request);
    if (found !== undefined) return found;
    return message.id === undefined
      ? new Response(null, { status: 202 })
      : Response.json(usual(message));
  });
  return {
    heard,
    address: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function usual({ id, method, params }: Call) {
  return method.startsWith("rpc.")
    ? { jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } }
    : { jsonrpc: "2.0", id, result: params };
}

/** A server of bytes: `talk` has each connection, which ends with it. */
function byteServer(talk: (conn: Deno.Conn) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const talks: Promise<void>[] = [];
    for await (const conn of listener) talks.push(talk(conn).then(() => conn.close()));
    await Promise.all(talks);
  })();
  return {
    address: `http://127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

Deno.test("connect() calls an HTTP server that is not ours: calls, batches, notifications", async () => {
  await using server = denoServer(({ id, method, params }, { headers, url }) =>
    method === "header"
      ? Response.json({ jsonrpc: "2.0", id, result: headers.get(String(params[0])) })
      : method === "path"
      ? Response.json({ jsonrpc: "2.0", id, result: new URL(url).pathname })
      : undefined
  );
  await using line = await connect(`${server.address}/rpc`, { headers: { "X-Who": "alice" } });
  const ask = (name: string) => line.request("header", [name]);
  assertEquals(await line.request("echo", ["é€😀"]), ["é€😀"]);
  assertEquals(await ask("content-type"), "application/json");
  assertEquals(await ask("accept"), "application/json, text/event-stream");
  assertEquals(await ask("x-who"), "alice");
  assertEquals(await line.request("path", []), "/rpc");
  assertEquals(await Promise.all(line.batch((call) => [call.a!([1]), call.b!(["é"])])), [[1], [
    "é",
  ]]);
  line.notify.note!([7]);
  await until(() => server.heard.some(({ method }) => method === "note"), "the notification");
  const many = Array.from({ length: 300 }, (_, n) => line.request("echo", [n, "x".repeat(10 * n)]));
  assertEquals((await Promise.all(many)).map((it) => (it as number[])[0]), many.map((_, n) => n));
  assertEquals([line.peer.address, line.peer.transport, line.peer.framing], [
    `${server.address}/rpc`,
    "http",
    "http",
  ]);
});

Deno.test("credentials travel as a header: a token, or the name and the password in the address", async () => {
  await using server = denoServer(({ id }, { headers }) =>
    Response.json({ jsonrpc: "2.0", id, result: headers.get("authorization") })
  );
  let count = 0;
  await using line = await connect(server.address, { token: () => `t${++count}` });
  assertEquals(await line.request("who"), "Bearer t1");
  await using basic = await connect(server.address.replace("//", "//user:pass@"));
  assertEquals(await basic.request("who"), `Basic ${btoa("user:pass")}`);
  assertEquals(basic.peer.address, `${server.address}/`);
});

Deno.test("what a server answers to a notification is about no call that was made after it", async () => {
  const begun = Promise.withResolvers<void>(), refused = Promise.withResolvers<void>();
  // As aria2 does: what has no id is refused.
  const refusal = { jsonrpc: "2.0", id: null, error: { code: -32600, message: "Invalid Request" } };
  await using server = denoServer(async ({ id, method, params }) => {
    if (id === undefined) {
      await begun.promise;
      return Response.json(refusal, { status: 400 });
    }
    if (method === "slow") {
      begun.resolve();
      await refused.promise;
    }
    return Response.json({ jsonrpc: "2.0", id, result: params });
  });
  await using line = await connect(server.address, { extensions: false });
  line.notify.note!([1]);
  const waiting = line.request("slow", ["done"]);
  await begun.promise;
  for (let n = 0; n < 10; n++) await line.request("echo", [n]); // the refusal comes meanwhile
  refused.resolve();
  assertEquals(await waiting, ["done"]);
});

// ---- What servers answer ------------------------------------------------------------------------

const json = { "content-type": "application/json" };
const FAILED: readonly (readonly [string, () => Response, string, string | undefined])[] = [
  [
    "401",
    () => new Response("no such user\nmore", { status: 401 }),
    "the server answered 401 Unauthorized: no such user",
    "UNAUTHENTICATED",
  ],
  ["403", () => new Response("", { status: 403 }), "answered 403 Forbidden", "PERMISSION_DENIED"],
  [
    "404",
    () => new Response("<html>", { status: 404, headers: { "content-type": "text/html" } }),
    "the server answered 404 Not Found",
    "NOT_FOUND",
  ],
  ["405", () => new Response("", { status: 405 }), "405 Method Not Allowed", "FAILED_PRECONDITION"],
  ["500", () => new Response("oh", { status: 500 }), "500 Internal Server Error: oh", "INTERNAL"],
  ["502", () => new Response("", { status: 502 }), "answered 502 Bad Gateway", "UNKNOWN"],
  ["503", () => new Response("", { status: 503 }), "503 Service Unavailable", "UNAVAILABLE"],
  [
    "a redirection",
    () => new Response(null, { status: 307, headers: { location: "/other" } }),
    "the server answered 307 Temporary Redirect, it sends on to /other",
    "FAILED_PRECONDITION",
  ],
  ["a page", () => new Response("<html>"), 'no JSON-RPC: "<html>"', "INTERNAL"],
  ["nothing", () => new Response(null, { status: 202 }), "202 Accepted without a body", "INTERNAL"],
  ["half of an answer", () => new Response('{"jsonrpc":"2.0","id":1,'), "no JSON-RPC", "INTERNAL"],
  ["a number", () => new Response("7", { headers: json }), "no JSON-RPC", "INTERNAL"],
  ["no text", () => new Response(Uint8Array.of(0xff, 0xfe, 0x7b, 0)), "no UTF-8", "INTERNAL"],
  [
    "an error without an id",
    () => Response.json({ jsonrpc: "2.0", id: null, error: { code: -32700, message: "no JSON" } }),
    "no JSON",
    "PARSE_ERROR",
  ],
  [
    "an error of JSON-RPC with a status of HTTP, as bitcoind does",
    () =>
      Response.json({ result: null, error: { code: -8, message: "Block height" }, id: 1 }, {
        status: 500,
      }),
    "Block height",
    undefined,
  ],
];

for (const [what, answer, message, reason] of FAILED) {
  Deno.test(`a call that is answered with ${what} fails, and says so`, async () => {
    await using server = denoServer(() => answer());
    await using line = await connect(server.address, { extensions: false });
    const error = await assertRejects(() => line.request("m", [1]), RpcError);
    assertStringIncludes(error.message, message);
    assertEquals(error.reason, reason);
    const together = line.batch((call) => [call.a!([1]), call.b!([2])]);
    assertEquals(await Promise.all(together), [[1], [2]]);
  });
}

// What two nodes answer that cannot be installed here, written down by hand. A node of Ethereum that can,
// and aria2, are in `interop/`.
const text = { "content-type": "text/plain; charset=utf-8" };
const NODES: readonly (readonly [string, (id: number) => Response, unknown])[] = [
  [
    "bitcoind: a result",
    (id) => Response.json({ result: "00ff", error: null, id }),
    "00ff",
  ],
  [
    "bitcoind: no such method",
    (id) =>
      Response.json({ result: null, error: { code: -32601, message: "Method not found" }, id }, {
        status: 404,
      }),
    [-32601, "METHOD_NOT_FOUND", "call: Method not found"],
  ],
  [
    "bitcoind: not ready",
    (id) =>
      Response.json({ result: null, error: { code: -28, message: "Loading block index…" }, id }, {
        status: 500,
      }),
    [-28, undefined, "Loading block index…"],
  ],
  [
    "bitcoind: a wrong password",
    () =>
      new Response(null, {
        status: 401,
        headers: { "www-authenticate": 'Basic realm="jsonrpc"' },
      }),
    [-32016, "UNAUTHENTICATED", "the server answered 401 Unauthorized"],
  ],
  [
    "bitcoind: busy",
    () => new Response("Work queue depth exceeded", { status: 503 }),
    [-32014, "UNAVAILABLE", "503 Service Unavailable: Work queue depth exceeded"],
  ],
  [
    "geth: no such method",
    (id) =>
      Response.json({
        jsonrpc: "2.0",
        id,
        error: { code: -32601, message: "the method call does not exist/is not available" },
      }),
    [-32601, "METHOD_NOT_FOUND", "the method call does not exist/is not available"],
  ],
  [
    "geth: an error with data",
    (id) =>
      Response.json({
        jsonrpc: "2.0",
        id,
        error: { code: 3, message: "execution reverted", data: "0x08c379a0" },
      }),
    [3, undefined, "execution reverted"],
  ],
  [
    "geth: another host",
    () => new Response("invalid host specified\n", { status: 403, headers: text }),
    [-32007, "PERMISSION_DENIED", "403 Forbidden: invalid host specified"],
  ],
  [
    "geth: too long",
    () => new Response("content length too large (6>5)\n", { status: 413, headers: text }),
    [-32008, "RESOURCE_EXHAUSTED", "413 Payload Too Large: content length too large (6>5)"],
  ],
];

for (const [what, answer, expected] of NODES) {
  Deno.test(`a call gets what a node answers: ${what}`, async () => {
    await using server = denoServer(({ id }) => answer(id!));
    await using line = await connect(server.address, { extensions: false });
    if (typeof expected === "string") assertEquals(await line.request("call", []), expected);
    else {
      const [code, reason, message] = expected as [number, string | undefined, string];
      const error = await assertRejects(() => line.request("call", []), RpcError);
      assertEquals([error.code, error.reason], [code, reason]);
      assertStringIncludes(error.message, message);
    }
  });
}

Deno.test("a batch that geth finds too long is answered by the error of its first call", async () => {
  const error = { code: -32600, message: "batch too large" };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const [{ id }] = await request.json();
    return Response.json([{ jsonrpc: "2.0", id, error }]);
  });
  const errors: unknown[] = [];
  {
    await using line = await connect(`http://127.0.0.1:${server.addr.port}`, {
      extensions: false,
      onError: (error) => void errors.push(error),
    });
    const [first, second] = await Promise.allSettled(line.batch((call) => [call.a!(), call.b!()]));
    assert(first!.status === "rejected" && second!.status === "rejected");
    assertStringIncludes(String(first.reason), "batch too large");
    assertStringIncludes(String(second.reason), "answered the batch without b");
  }
  assertEquals(errors, []);
  await server.shutdown();
});

Deno.test("Retry-After is when the call may be made again", async () => {
  let isBusy = true;
  await using server = denoServer(() => {
    if (!isBusy) return undefined;
    isBusy = false;
    return new Response("", { status: 429, headers: { "retry-after": "0" } });
  });
  await using line = await connect(server.address);
  assertEquals(await line.request("m", [1], { idempotent: true }), [1]);
  assertEquals(server.heard.length, 2);
});

Deno.test("an answer over the limit fails its call, and no other", async () => {
  await using server = denoServer(({ id, method }) =>
    method === "long"
      ? Response.json({ jsonrpc: "2.0", id, result: "x".repeat(3000) })
      : method === "stream"
      ? new Response(`data: ${"x".repeat(3000)}\n\n`, {
        headers: { "content-type": "text/event-stream" },
      })
      : undefined
  );
  const limits = { maxMessageBytes: 2000, maxResponseBytes: 2000 };
  await using line = await connect(server.address, { limits });
  for (const name of ["long", "stream"]) {
    const error = await assertRejects(() => line.request(name), RpcError);
    assertEquals([error.reason, (error.data as { limit: string }).limit], [
      "RESOURCE_EXHAUSTED",
      "maxResponseBytes",
    ]);
  }
  assertEquals(await line.request("echo", [1]), [1]);
});

Deno.test("a server that hangs up ends the line's connection; later calls go over another", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let isRude = true;
  const conns = new Set<Deno.Conn>();
  const serving = (async () => {
    for await (const conn of listener) {
      conns.add(conn);
      (async () => {
        const buffer = new Uint8Array(4096);
        const count = await conn.read(buffer);
        if (count !== null) {
          const { id } = JSON.parse(
            new TextDecoder().decode(buffer.subarray(0, count)).split("\r\n\r\n")[1]!,
          );
          const body = `{"jsonrpc":"2.0","id":${id},"result":1}`;
          if (!isRude) {
            const head =
              `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
            await conn.write(new TextEncoder().encode(head + body));
          }
          isRude = false;
        }
        conns.delete(conn);
        conn.close();
      })();
    }
  })();
  {
    await using line = await connect(`http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`, {
      extensions: false,
    });
    const error = await assertRejects(() => line.request("m"), ConnectionLostError);
    assert(error.sent);
    assertEquals(await line.request("m"), 1);
  }
  listener.close();
  await serving;
  for (const conn of conns) conn.close();
});

Deno.test("a call is sent once, though the kept connection that it goes over ends", async () => {
  const heard: number[] = [];
  const talk = async (conn: Deno.Conn) => {
    for (const mayAnswer of [true, false]) {
      const buffer = new Uint8Array(4096), count = await conn.read(buffer);
      if (count === null) break; // it was only looked whether a server is there
      const [head, body = ""] = new TextDecoder().decode(buffer.subarray(0, count))
        .split("\r\n\r\n");
      assertStringIncludes(head!.toLowerCase(), `content-length: ${body.length}`);
      const { id, params } = JSON.parse(body);
      heard.push(params[0]);
      if (!mayAnswer) break;
      const text = `{"jsonrpc":"2.0","id":${id},"result":true}`;
      const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
      await conn.write(new TextEncoder().encode(answer));
    }
  };
  {
    await using server = byteServer(talk);
    await using line = await connect(server.address, { extensions: false });
    assertEquals(await line.request("m", [1]), true);
    const error = await assertRejects(() => line.request("m", [2]), ConnectionLostError);
    assert(error.sent);
    assertEquals(await line.request("m", [3]), true);
  }
  assertEquals(heard, [1, 2, 3]);
});

Deno.test("connect() says that nobody is there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/x`;
  listener.close();
  const error = await assertRejects(() => connect(address), Deno.errors.ConnectionRefused);
  assertStringIncludes(error.message, `Cannot connect to ${address}: `);
});

Deno.test("events and lines are messages: numbers stay exact, a session of MCP is kept", async () => {
  const sessions: (string | null)[] = [];
  await using server = denoServer(({ id, method, params }, { headers }) => {
    sessions.push(headers.get("mcp-session-id"));
    if (method === "plain") return undefined;
    const item = (rest: string) =>
      `{"jsonrpc":"2.0","method":"$/stream/item","params":{"id":${id},${rest}}}`;
    const progress =
      '{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"working"}}';
    const last = `{"jsonrpc":"2.0","id":${id},"result":null}`;
    const messages = [progress, item('"value":12345678901234567890'), item('"values":[2,3]'), last];
    const isEvents = params[0] === "events";
    const text = isEvents
      ? ": hello\n\nid: 7\ndata:\n\n" +
        messages.map((it) => `event: message\r\ndata: ${it}\r\n\r\n`).join("")
      : messages.join("\n");
    return new Response(text, {
      headers: {
        "content-type": isEvents ? "text/event-stream" : "application/x-ndjson; charset=utf-8",
        "mcp-session-id": "s1",
      },
    });
  });
  const told: unknown[] = [];
  await using line = await connect(server.address, {
    exactNumbers: true,
    api: { "notifications/message": notification(ANYTHING, (it) => void told.push(it)) },
  });
  for (const kind of ["events", "lines"]) {
    const items = await line.request("items", [kind]);
    assertEquals(JSON.stringify(items), "[12345678901234567890,2,3]");
  }
  assertEquals(told, [{ data: "working" }, { data: "working" }]);
  assertEquals(sessions, [null, "s1"]);
});

Deno.test("a byte order mark before an answer means nothing", async () => {
  await using server = denoServer(({ id, method, params }) => {
    const text = `{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(params)}}`;
    const type = method === "json" ? "application/json" : `text/${method}`;
    return new Response(`\uFEFF${method === "json" ? text : `data: ${text}\n\n`}`, {
      headers: { "content-type": type },
    });
  });
  await using line = await connect(server.address, { extensions: false });
  for (const name of ["json", "event-stream"]) assertEquals(await line.request(name, [1]), [1]);
});

Deno.test("lines of events end with CR, LF or both, however they are cut", async () => {
  const ends: string[] = ["\n", "\r", "\r\n"], next = new Map<string, () => void>();
  await using server = denoServer(({ id, method, params }) => {
    if (method === "more") {
      next.get(String(params[0]))!();
      return undefined;
    }
    const [end, size] = params as [string, number];
    const message = (rest: string) => `data: {"jsonrpc":"2.0",${rest}}${end}`;
    const item = message(`"method":"$/stream/item","params":{"id":${id},"value":[1]}`);
    const text = `\uFEFF: hello${end}${end}id: 7${end}${item}${end}`;
    const last = `data:${end}${message(`"id":${id},"result":[2]`)}${end}`;
    const body = new ReadableStream({
      async start(controller) {
        const send = (text: string) => {
          const bytes = new TextEncoder().encode(text);
          for (let at = 0; at < bytes.length; at += size) {
            controller.enqueue(bytes.slice(at, at + size));
          }
        };
        const isAsked = new Promise<void>((resolve) => next.set(end + size, resolve));
        send(text);
        await isAsked; // an item is there at once, and not with the next one
        send(last);
        controller.close();
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  await using line = await connect(server.address, { extensions: false });
  for (const end of ends) {
    for (const size of [1, 1000]) {
      const waiting = line.request("events", [end, size]);
      await until(() => next.has(end + size), "the call");
      await line.request("more", [end + size]);
      assertEquals(await waiting, [[1]]);
    }
  }
});

/** Heads and bodies of answers that go wrong behind their head, and what is said of them. */
const chunked = "Transfer-Encoding: chunked\r\n";
const BROKEN: readonly (readonly [string, string, string])[] = [
  ["ends within a chunk", `${chunked}\r\n40\r\n{"jsonrpc"`, "error reading"],
  ["has a chunk without a size", `${chunked}\r\nzz\r\n{}`, "error reading"],
  ["ends before its length", 'Content-Length: 99\r\n\r\n{"jsonrpc"', "error reading"],
  ["is no gzip", "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", "unexpected end"],
  [
    "is of events, and ends before the result",
    "Content-Type: text/event-stream\r\nContent-Length: 11\r\n\r\n: nothing\n\n",
    "it ended before the result",
  ],
];

for (const [what, answer, said] of BROKEN) {
  Deno.test(`an answer that ${what} fails its call, and no other`, async () => {
    const wait = Promise.withResolvers<void>(), waiting = Promise.withResolvers<void>();
    let failures = 0;
    const talk = async (conn: Deno.Conn) => {
      const buffer = new Uint8Array(4096), count = await conn.read(buffer);
      const [, body] = new TextDecoder().decode(buffer.subarray(0, count ?? 0)).split("\r\n\r\n");
      if (body) {
        const { id, method } = JSON.parse(body), text = `{"jsonrpc":"2.0","id":${id},"result":7}`;
        if (method === "wait") {
          waiting.resolve();
          await wait.promise;
        }
        const isBad = method === "bad" || method === "once" && ++failures === 2;
        const rest = isBad ? answer : `Content-Length: ${text.length}\r\n\r\n${text}`;
        await conn.write(
          new TextEncoder().encode(`HTTP/1.1 200 OK\r\nConnection: close\r\n${rest}`),
        );
      }
    };
    await using server = byteServer(talk);
    using _waiting = { [Symbol.dispose]: () => wait.resolve() }; // also where an assertion fails
    await using line = await connect(server.address, { extensions: false, reconnect: false });
    const other = line.request("wait");
    await waiting.promise;
    const error = await assertRejects(() => line.request("bad"), RpcError);
    assertEquals(error.reason, "UNKNOWN"); // it may have run
    assertStringIncludes(
      error.message,
      `Cannot call ${server.address}/: the answer cannot be read, ${said}`,
    );
    assertEquals(await line.request("once", [], { idempotent: true }), 7);
    failures = 1;
    assertEquals(await line.request("once", [], { idempotent: true }), 7); // the second time
    assertEquals(failures, 3);
    wait.resolve();
    assertEquals(await other, 7);
  });
}

// ---- A server of ours ----------------------------------------------------------------------------

const begun: (() => void)[] = [];
const stopped: unknown[] = [];
const api = {
  add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => a + b),
  fail: method(() => {
    throw new RpcError("NOT_FOUND", "No such thing", { retryAfterMs: 5 });
  }),
  wait: method(async (_, { signal }) => {
    for (const tell of begun.splice(0)) tell();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    stopped.push(signal.reason);
  }),
  count: stream(z.number(), async function* (n, { after = "0" }) {
    for (let i = Number(after) + 1; i <= n; i++) yield event(String(i), i);
    return "done";
  }),
  big: stream(z.number(), async function* (n, { signal }) {
    for (let i = 0; i < n && !signal.aborted; i++) {
      made++;
      yield "x".repeat(100_000);
    }
  }),
  back: method((_, { call }) => call.name!()),
  time: method((_, { timeLeft }) => timeLeft()),
};
let made = 0;

async function ours() {
  const server = serve(api, { listen: "tcp://127.0.0.1:0", onError: () => {} });
  await server.ready;
  return {
    server,
    address: server.addresses[0]!.replace("tcp:", "http:"),
    [Symbol.asyncDispose]: () => server.shutdown(0),
  };
}

Deno.test("a server of ours is called by HTTP: results, errors, deadlines, batches", async () => {
  await using site = await ours();
  await using line = await connect<typeof api>(site.address);
  assertEquals(await line.call.add({ a: 1, b: 2 }), 3);
  const error = await assertRejects(() => line.call.fail(), RpcError);
  assertEquals([error.reason, (error.data as { retryAfterMs: number }).retryAfterMs], [
    "NOT_FOUND",
    5,
  ]);
  const [one, two] = line.batch((call) => [call.add({ a: 1, b: 1 }), call.add({ a: 2, b: 2 })]);
  assertEquals([await one, await two], [2, 4]);
  assertEquals(
    await line.request("add", { a: "x", b: 1 }).catch(({ reason }) => reason),
    "INVALID_PARAMS",
  );
  assertEquals(await Array.fromAsync(line.call.count(1)), [1]); // from here on it is known what the server takes
  assertLess(await line.call.time(undefined, { timeout: 5000 }), 5001);
  const back = await assertRejects(() => line.call.back(), RpcError);
  assertEquals(back.reason, "FAILED_PRECONDITION");
});

Deno.test("a stream over HTTP is read as fast as it is taken, and goes on after an event", async () => {
  await using site = await ours();
  await using line = await connect<typeof api>(site.address);
  assertEquals(await line.call.count(3), [1, 2, 3]);
  const items = line.call.count(200)[Symbol.asyncIterator]();
  for (let n = 1; n <= 70; n++) assertEquals((await items.next()).value, n);
  await items.return!();
  const rest = await Array.fromAsync(line.call.count(200, { after: items.lastEventId! }));
  assertEquals(rest, Array.from({ length: 130 }, (_, n) => n + 71));
  made = 0;
  const big = line.call.big(10_000)[Symbol.asyncIterator]();
  await big.next();
  for (let n = 0; n < 50; n++) await line.call.add({ a: n, b: 0 }); // it could be sent meanwhile
  assertLess(made, 300, "items of 100 KB that were made although nobody takes them");
  await big.return!();
  assertEquals(await line.call.add({ a: 1, b: 2 }), 3);
});

Deno.test("a call over HTTP is given up by hanging up", async () => {
  await using site = await ours();
  await using line = await connect<typeof api>(site.address);
  const begins = new Promise<void>((resolve) => begun.push(resolve));
  const leave = new AbortController();
  const call = assertRejects(() => line.call.wait(undefined, { signal: leave.signal }));
  await within(begins, "the handler to begin");
  stopped.length = 0;
  leave.abort();
  await call;
  await until(() => stopped.length === 1, "the handler to be told");
});

testWith(["openssl"], "https: trusts and shows the certificates that it is given", async () => {
  const { ca, clientCa, server: own, client } = certificates();
  const who = { who: method((_, { peer }) => String(peer.certificate?.subject.CN)) };
  await using server = serve(who, {
    listen: "tls://127.0.0.1:0",
    tls: { ...own, clientCa },
    onError: () => {},
  });
  const address = server.addresses[0]!.replace("tls:", "https:");
  await using line = await connect<typeof who>(address, { tls: { ca, ...client } });
  await using direct = await connect<typeof who>(server.addresses[0]!, { tls: { ca, ...client } });
  assertEquals(await line.call.who(), await direct.call.who());
  const error = await assertRejects(() => connect(address, { tls: client }), Error);
  assertStringIncludes(error.message, `Cannot connect to ${address}: the server's certificate`);
  const named = { ca, ...client, serverName: "example.org" };
  await assertRejects(() => connect(address, { tls: named }), TypeError, "tls.serverName");
});
