// HTTP at the server's port, with a client of its own: what is asked, what is answered, and when it ends.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as z from "npm:zod@4";
import {
  bearerTokens,
  event,
  method,
  notification,
  RpcError,
  serve,
  type ServeOptions,
  stream,
} from "../../lib/mod.ts";
import { until, within } from "../support/deadline.ts";
import { aborted, Events } from "../support/events.ts";
import { call, HANDSHAKE, HttpPeer, post, request } from "../support/http.ts";
import { RawPeer } from "../support/raw.ts";
import { OP, wsFrame } from "../support/websocket_frames.ts";

const EVENTS = "Accept: text/event-stream", LINES = "Accept: application/x-ndjson";

/** A server with methods that a test can hold, and a connection to it. */
async function served(options: ServeOptions = {}) {
  const begun = new Events(), gate = Promise.withResolvers<string>();
  const noted = new Events(), closed = new Events();
  let executed = 0;
  const api = {
    add: method(z.object({ a: z.number(), b: z.number() }), ({ a, b }) => {
      executed++;
      return a + b;
    }),
    echo: method(z.string(), (text) => text),
    any: method(z.unknown(), (params) => [params === undefined ? "nothing" : params]),
    valued: method(
      z.object({ value: z.unknown(), other: z.unknown() }).partial().optional(),
      (params) => [params ?? "nothing"],
    ),
    fail: method(() => {
      throw new RpcError("UNAVAILABLE", "The handler's own");
    }),
    who: method((_, { peer }) => [peer.identity ?? null, peer.framing]),
    meta: method((_, { meta, trace }) => ({ timeoutMs: meta["timeoutMs"], trace })),
    back: method(async (_, { call }) => await call.name!()),
    sum: method(z.object({}), async (_, { items }) => {
      let sum = 0;
      for await (const n of items) sum += n;
      return sum;
    }, { items: z.number() }),
    wait: method(async (_, { signal }) => {
      signal.addEventListener("abort", () => begun.add("aborted"));
      begun.add("wait");
      return await gate.promise;
    }),
    progress: method(async (_, { progress }) => {
      progress(1);
      await gate.promise;
      return "done";
    }),
    note: notification(z.string(), (text) => noted.add(text)),
    count: stream(z.int(), async function* (to) {
      for (let n = 0; n < to; n++) {
        yield n;
        await null;
      }
      return "end";
    }),
    held: stream(async function* (_, { signal }) {
      signal.addEventListener("abort", () => begun.add("aborted"));
      yield "first";
      begun.add("held");
      await Promise.race([gate.promise, aborted(signal)]);
      yield "second";
    }),
    log: stream(async function* (_, { after }) {
      if (after === "grün") yield event("rot", after);
      for (let n = Number(after ?? 0); n < 3; n++) yield event(String(n + 1), `line ${n}`);
    }),
  };
  const server = serve(api, {
    listen: "tcp://127.0.0.1:0",
    onClose: (_, { reason }) => closed.add(reason),
    onError: () => {},
    ...options,
  });
  await server.ready;
  const address = server.addresses[0]!;
  const peers: HttpPeer[] = [];
  const dial = async () => {
    const peer = await HttpPeer.dial(address);
    peers.push(peer);
    return peer;
  };
  return {
    server,
    address,
    begun,
    gate,
    noted,
    closed,
    dial,
    executed: () => executed,
    [Symbol.asyncDispose]: async () => {
      gate.resolve("late");
      for (const peer of peers) peer[Symbol.dispose]();
      await server.shutdown(0);
    },
  };
}

const ADD = call("add", { a: 1, b: 2 });
const THREE = '{"jsonrpc":"2.0","id":1,"result":3}';

// ---- Calls -----------------------------------------------------------------------------------------

Deno.test("a call by POST is answered with 200, and the connection goes on", async () => {
  await using local = await served();
  const peer = await local.dial();
  for (const path of ["/", "/rpc", "/?a=b"]) {
    const { status, headers, body } = await peer.ask(post(ADD).replace("/", path));
    assertEquals([status, body], [200, THREE]);
    assertEquals(headers.get("content-type"), "application/json");
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assert(Math.abs(Date.parse(headers.get("date")!) - Date.now()) < 60_000);
    assertEquals(headers.has("connection"), false);
  }
  const { body } = await peer.ask(post(call("echo", ["äöü €"])));
  assertEquals(JSON.parse(body).result, "äöü €");
});

Deno.test("requests that come in one piece are answered in order, and one by one", async () => {
  await using local = await served();
  const peer = await local.dial();
  await peer.send(post(call("wait")) + post(call("echo", ["two"], 2)) + post(ADD));
  await local.begun.next();
  local.gate.resolve("one");
  const bodies = [await peer.answer(), await peer.answer(), await peer.answer()];
  assertEquals(bodies.map(({ body }) => JSON.parse(body).result), ["one", "two", 3]);
});

Deno.test("a call's own failure is 200, and what is no call 400", async () => {
  await using local = await served();
  const peer = await local.dial();
  for (
    const [body, status, code] of [
      [call("fail"), 200, -32014],
      [call("add", { a: 1 }), 200, -32602],
      [call("nothing"), 200, -32601],
      [call("rpc.authenticate", { scheme: "bearer", token: "a" }), 200, -32009],
      ["", 400, -32700],
      ["{", 400, -32700],
      ["[]", 400, -32600],
      ["{}", 400, -32600],
      ["7", 400, -32600],
      [JSON.stringify(Array.from({ length: 101 }, () => 1)), 413, -32008],
    ] as const
  ) {
    const answer = await peer.ask(post(body));
    assertEquals([answer.status, JSON.parse(answer.body).error.code], [status, code], body);
  }
  const bad = Uint8Array.of(0x22, 0xff, 0x22);
  await peer.send(
    request("POST /", ["Content-Type: application/json", "Content-Length: 3"]),
    bad,
  );
  const { status, body } = await peer.answer();
  assertEquals([status, JSON.parse(body).error], [400, {
    code: -32700,
    message: "Parse error",
    data: { details: "the body is not UTF-8" },
  }]);
});

Deno.test("a byte order mark before a body means nothing", async () => {
  await using local = await served();
  const peer = await local.dial();
  const long = call("echo", ["é".repeat(40_000)]);
  for (const text of [ADD, ` ${ADD}`, `[${ADD}]`, long]) {
    const [plain, marked] = [await peer.ask(post(text)), await peer.ask(post("\uFEFF" + text))];
    assertEquals([marked.status, marked.body], [200, plain.body]);
  }
  for (const text of ["\uFEFF", "\uFEFF{", "\uFEFF\uFEFF" + ADD, ADD + "\uFEFF"]) {
    const { status, body } = await peer.ask(post(text));
    assertEquals([status, JSON.parse(body).error.code], [400, -32700]);
  }
});

Deno.test("a batch is answered with one array, and one of notifications with 202", async () => {
  await using local = await served();
  const peer = await local.dial();
  const note = '{"jsonrpc":"2.0","method":"note","params":["n"]}';
  const three = call("count", [3], 2), refused = call("sum", {}, 3);
  const answer = await peer.ask(post(`[${ADD},${note},${three},7,${refused}]`, EVENTS));
  assertEquals(answer.status, 200);
  const [sum, items, invalid, precondition, ...rest] = JSON.parse(answer.body);
  assertEquals([sum.result, items.result, rest], [3, [0, 1, 2], []]);
  assertEquals([invalid.error.code, precondition.error.code], [-32600, -32009]);
  const none = await peer.ask(post(`[${note},${note}]`));
  assertEquals([none.status, none.body, none.headers.get("content-length")], [202, "", "0"]);
  assertEquals(await local.noted.count(3), ["n", "n", "n"]);
});

Deno.test("a notification, an answer and a control message are accepted with 202", async () => {
  await using local = await served();
  const peer = await local.dial();
  for (
    const body of [
      '{"jsonrpc":"2.0","method":"note","params":["hi"]}',
      '{"jsonrpc":"2.0","method":"nothing"}',
      '{"jsonrpc":"2.0","id":1,"result":2}',
      '{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}',
    ]
  ) {
    const answer = await peer.ask(post(body));
    assertEquals([answer.status, answer.body], [202, ""]);
  }
  assertEquals(await local.noted.next(), "hi");
});

Deno.test("what needs a way back is FAILED_PRECONDITION over HTTP", async () => {
  await using local = await served();
  const peer = await local.dial();
  for (const name of ["back", "sum"]) {
    const { error } = JSON.parse((await peer.ask(post(call(name, {})))).body);
    assertEquals([name, error.code, error.data.name], [name, -32009, "FAILED_PRECONDITION"]);
  }
});

Deno.test("a deadline and a trace stand in the header, unless the metadata has them", async () => {
  await using local = await served();
  const peer = await local.dial();
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const lines = ["Timeout-Ms: 1234", `traceparent: ${traceparent}`, "tracestate: a=b"];
  const result = async (params: unknown) =>
    JSON.parse((await peer.ask(post(call("meta", params), ...lines))).body).result;
  const trace = { traceparent, tracestate: "a=b" };
  assertEquals(await result(undefined), { timeoutMs: 1234, trace });
  assertEquals(await result([]), { timeoutMs: 1234, trace });
  assertEquals(await result({ _meta: { timeoutMs: 99, traceparent: "x" } }), {
    timeoutMs: 99,
    trace: { traceparent: "x", tracestate: "a=b" },
  });
  const late = await peer.ask(post(call("wait"), "Timeout-Ms: 20"));
  assertEquals([late.status, JSON.parse(late.body).error.code], [200, -32004]);
  const nonsense = await peer.ask(post(call("meta"), "Timeout-Ms: soon"));
  assertEquals(JSON.parse(nonsense.body).error.code, -32602);
});

Deno.test("what the header says beside a call does not change its params", async () => {
  await using local = await served();
  const peer = await local.dial();
  for (
    const params of [
      undefined,
      [],
      [1],
      [[1]],
      [1, 2],
      {},
      { value: 1 },
      { value: [1] },
      { value: [] },
      { value: 1, other: 2 },
      { value: [1], _meta: {} },
      { value: 1, _meta: 5 },
    ]
  ) {
    for (const name of ["any", "valued", "add", "echo"]) {
      const message = call(name, params), plain = await peer.ask(post(message));
      const traced = await peer.ask(post(message, "traceparent: x", "Timeout-Ms: 60000"));
      assertEquals(traced.body, plain.body, message);
    }
  }
});

// ---- Streams ---------------------------------------------------------------------------------------

Deno.test("a stream is one array for a client that takes no stream", async () => {
  await using local = await served();
  const peer = await local.dial();
  for (const params of [[3], { value: 3, _meta: { stream: { credit: 1 } } }]) {
    const { status, body } = await peer.ask(post(call("count", params), "Accept: */*"));
    assertEquals([status, JSON.parse(body).result], [200, [0, 1, 2]]);
  }
  const resumed = await peer.ask(post(call("log"), "Last-Event-ID: 1"));
  assertEquals(JSON.parse(resumed.body).error.code, -32009);
});

Deno.test("a stream travels as events: its items, then the answer, then the end", async () => {
  await using local = await served();
  const peer = await local.dial();
  const { status, headers, body } = await peer.ask(
    post(call("count", [2]), "Accept: application/json, text/event-stream"),
  );
  assertEquals([status, headers.get("content-type")], [200, "text/event-stream"]);
  assertEquals([headers.get("cache-control"), headers.get("x-accel-buffering")], [
    "no-store",
    "no",
  ]);
  const events = body.split("\n\n").slice(0, -1).map((it) => JSON.parse(it.slice("data: ".length)));
  const values = events.slice(0, -1).flatMap(({ params: { value, values = [value] } }) => values);
  assertEquals([values, events.at(-1)], [[0, 1], { jsonrpc: "2.0", id: 1, result: "end" }]);
  // And the connection goes on.
  assertEquals((await peer.ask(post(ADD))).body, THREE);
});

Deno.test("a client has its stream in the way that it prefers", async () => {
  await using local = await served();
  const peer = await local.dial();
  for (
    const [accept, type] of [
      ["text/event-stream, application/x-ndjson", "text/event-stream"],
      ["application/x-ndjson;q=0.5, text/event-stream", "text/event-stream"],
      ["text/event-stream;q=0.2, application/x-ndjson;q=0.3", "application/x-ndjson"],
      ["Text/Event-Stream ; Q=0.000, application/x-ndjson;q=0.001", "application/x-ndjson"],
      ["text/event-stream;q=0", "application/json"],
      ["text/*, application/*", "application/json"],
    ]
  ) {
    const { headers } = await peer.ask(post(call("count", [1]), `Accept: ${accept}`));
    assertEquals([accept, headers.get("content-type")], [accept, type]);
  }
});

Deno.test("a stream travels as lines where the client takes those", async () => {
  await using local = await served();
  const peer = await local.dial();
  const { headers, body } = await peer.ask(post(call("count", [2]), LINES));
  assertEquals(headers.get("content-type"), "application/x-ndjson");
  assertEquals(JSON.parse(body.trimEnd().split("\n").at(-1)!).result, "end");
});

Deno.test("the first item comes while the stream goes on, and its credit has no end", async () => {
  await using local = await served();
  const peer = await local.dial();
  await peer.send(post(call("held"), EVENTS));
  assertEquals((await peer.head()).status, 200);
  assertStringIncludes(await peer.chunk(), '"value":"first"');
  local.gate.resolve("");
  assertStringIncludes(await peer.chunk(), '"value":"second"');
  assertStringIncludes(await peer.chunk(), '"result":null');
  assertEquals(await peer.chunk(), "");
  const many = await peer.ask(post(call("count", [5000]), EVENTS));
  assertMatch(many.body, /4999[^]*"result":"end"/);
});

Deno.test("an event has the id behind which the stream can go on", async () => {
  await using local = await served();
  const peer = await local.dial();
  const idsOf = (text: string) => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
  const { body } = await peer.ask(post(call("log"), EVENTS));
  assertEquals(idsOf(body).at(-1), "3");
  const later = await peer.ask(post(call("log"), EVENTS, "Last-Event-ID: 2"));
  assertEquals(idsOf(later.body), ["3"]);
  assertStringIncludes(later.body, "line 2");
  const own = call("log", { _meta: { stream: { credit: 1, after: "1" } } });
  assertStringIncludes((await peer.ask(post(own, EVENTS, "Last-Event-ID: 2"))).body, "line 1");
  // A browser sends an id as the UTF-8 in which it came.
  const colour = await peer.ask(post(call("log"), EVENTS, "Last-Event-ID: grün"));
  assertStringIncludes(colour.body, '"value":"grün"');
  const lost = await peer.ask(post(call("count", [1]), EVENTS, "Last-Event-ID: 2"));
  assertStringIncludes(lost.body, '"code":-32015');
});

Deno.test("progress makes an answer one of events, for a client that takes those", async () => {
  await using local = await served();
  const peer = await local.dial(), text = call("progress", { _meta: { progressToken: "t" } });
  await peer.send(post(text, EVENTS));
  assertEquals((await peer.head()).headers.get("content-type"), "text/event-stream");
  assertStringIncludes(await peer.chunk(), '"$/progress"');
  local.gate.resolve("");
  assertStringIncludes(await peer.chunk(), '"result":"done"');
  assertEquals(await peer.chunk(), "");
  const plain = await peer.ask(post(text));
  assertEquals([plain.status, JSON.parse(plain.body).result], [200, "done"]);
});

// ---- The end ---------------------------------------------------------------------------------------

Deno.test("a caller that hangs up cancels its call, and is sent nothing", async () => {
  await using local = await served();
  for (const text of [post(call("wait")), post(`[${ADD},${call("wait", undefined, 2)}]`)]) {
    const peer = await local.dial();
    await peer.send(text);
    await local.begun.next();
    await peer.closeWrite();
    assertEquals(await local.begun.next(), "aborted");
    assert(await peer.ends());
    await local.closed.next();
  }
  const peer = await local.dial();
  await peer.send(post(call("held"), EVENTS));
  assertEquals(await local.begun.next(), "held");
  peer[Symbol.dispose]();
  assertEquals(await local.begun.next(), "aborted");
  await local.closed.next();
});

Deno.test("a caller that has begun its next request, and hangs up, cancels its call", async () => {
  await using local = await served();
  const next = post(ADD), half = next.slice(0, 40);
  for (const [first, second] of [["", half], ["\r\n", ""], [half, ""], ["\r", "\nPOST /"]]) {
    const peer = await local.dial();
    await peer.send(post(call("wait")) + first);
    await local.begun.next();
    for (const byte of second!) await peer.send(byte);
    await peer.closeWrite();
    assertEquals(await local.begun.next(), "aborted");
    assert(await peer.ends());
    await local.closed.next();
  }
});

Deno.test("requests that come while a call runs are answered behind it, however they are cut", async () => {
  for (const size of [1, 7, 50, 100_000]) {
    await using local = await served();
    const peer = await local.dial();
    await peer.send(post(call("wait")));
    await local.begun.next();
    const long = post(call("echo", ["x".repeat(20_000)]));
    const rest = "\r\n" + post(ADD) + post(ADD) + (size > 7 ? long : "") + post(ADD) +
      request("GET /health");
    const sending = (async () => {
      for (let at = 0; at < rest.length; at += size) await peer.send(rest.slice(at, at + size));
    })();
    if (size === 1) await sending;
    local.gate.resolve("done");
    assertStringIncludes((await peer.answer()).body, "done");
    for (let n = 0; n < 2; n++) assertEquals((await peer.answer()).body, THREE);
    if (size > 7) assertEquals((await peer.answer()).body.length > 20_000, true);
    assertEquals((await peer.answer()).body, THREE);
    assertEquals((await peer.answer()).status, 200);
    await sending;
  }
});

Deno.test("a WebSocket that is asked for while a call runs is agreed to behind it", async () => {
  const behind = wsFrame(OP.text, ADD);
  for (const cut of [0, 1, 30, HANDSHAKE.length]) {
    await using local = await served();
    using conn = await Deno.connect({ port: Number(new URL(local.address).port) });
    const peer = new HttpPeer(conn);
    await peer.send(post(call("wait")) + HANDSHAKE.slice(0, cut));
    await local.begun.next();
    await peer.send(HANDSHAKE.slice(cut), cut === 30 ? "" : behind);
    local.gate.resolve("done");
    let text = "";
    const until = async (end: string) => {
      for (const buffer = new Uint8Array(4096); !text.includes(end);) {
        const count = await within(conn.read(buffer), end);
        if (count === null) break;
        text += String.fromCharCode(...buffer.subarray(0, count));
      }
      assertStringIncludes(text, end);
    };
    await until("HTTP/1.1 101 ");
    assertStringIncludes(text, '"result":"done"}HTTP/1.1 101 ');
    if (cut === 30) await peer.send(behind);
    await until(THREE);
  }
});

Deno.test("a head that is too long is refused behind the call that runs", async () => {
  await using local = await served({ limits: { maxHttpHeadBytes: 1000 } });
  const peer = await local.dial();
  await peer.send(post(call("wait")));
  await local.begun.next();
  await peer.send("GET / HTTP/1.1\r\nX: " + "x".repeat(2000));
  local.gate.resolve("done");
  assertStringIncludes((await peer.answer()).body, "done");
  assertEquals((await peer.answer()).status, 431);
  assert(await peer.ends());
});

Deno.test("HTTP/1.0 and Connection: close end after the answer", async () => {
  await using local = await served();
  for (
    const text of [
      post(ADD, "Connection: close"),
      post(ADD).replace("HTTP/1.1", "HTTP/1.0"),
    ]
  ) {
    const peer = await local.dial();
    await peer.send(text + text);
    const { status, headers, body } = await peer.answer();
    assertEquals([status, body, headers.get("connection")], [200, THREE, "close"]);
    assert(await peer.ends());
  }
  // It has no chunks: a stream is collected.
  const collected = await local.dial();
  const events = post(call("count", [2]), EVENTS).replace("HTTP/1.1", "HTTP/1.0");
  assertEquals(JSON.parse((await collected.ask(events)).body).result, [0, 1]);
  const old = await local.dial();
  const kept = post(ADD, "Connection: keep-alive").replace("HTTP/1.1", "HTTP/1.0");
  for (let i = 0; i < 2; i++) {
    assertEquals((await old.ask(kept)).headers.get("connection"), "keep-alive");
  }
});

Deno.test("a refusal is read by clients that are still sending", async () => {
  await using local = await served({ limits: { maxMessageBytes: 1000 } });
  const long = "x".repeat(1 << 20);
  await Promise.all(Array.from({ length: 20 }, async () => {
    const peer = await local.dial();
    await peer.send(post(JSON.stringify(long))).catch(() => {});
    const { status, headers, body } = await peer.answer();
    assertEquals([status, headers.get("connection")], [413, "close"]);
    assertEquals(JSON.parse(body).error.data.details, { maxBytes: 1000 });
  }));
});

Deno.test("a body is asked for, or refused, before it is sent", async () => {
  await using local = await served({ limits: { maxMessageBytes: 1000 } });
  const expects = "Expect: 100-continue";
  const peer = await local.dial();
  const text = post(ADD, expects), end = text.indexOf("\r\n\r\n") + 4;
  await peer.send(text.slice(0, end));
  assertEquals((await peer.head()).status, 100);
  assertEquals((await peer.ask(text.slice(end))).body, THREE);
  await peer.send(
    request("POST /", ["Content-Type: application/json", "Content-Length: 1001", expects]),
  );
  assertEquals((await peer.answer()).status, 413);
  const other = await local.dial();
  assertEquals((await other.ask(post(ADD, "Expect: 200-ok"))).status, 417);
});

Deno.test("what is refused by its head is not executed, and what follows it not read", async () => {
  await using local = await served();
  for (
    const [lines, status] of [
      [["Content-Type: text/plain"], 415],
      [["Host: evil.example", "Content-Type: application/json"], 403],
      [["Origin: https://evil.example", "Content-Type: application/json"], 403],
      [["Content-Length: 1", "Content-Type: application/json"], 400],
    ] as const
  ) {
    const peer = await local.dial();
    const text = request("POST /", [...lines, `Content-Length: ${ADD.length}`]) + ADD + post(ADD);
    const answer = await peer.ask(text);
    assertEquals([answer.status, answer.headers.get("connection")], [status, "close"]);
    assert(await peer.ends());
  }
  assertEquals(local.executed(), 0);
});

Deno.test("half a head and half a body end with 408", async () => {
  await using local = await served({ limits: { httpHeadTimeout: 50, messageTimeout: 50 } });
  for (const text of ["POST / HT", post(ADD).slice(0, -5), "GET / HTTP/1.1\r\nHost: a\r\n"]) {
    const peer = await local.dial();
    await peer.send(text);
    const { status, headers, body } = await peer.answer();
    assertEquals([status, headers.get("connection")], [408, "close"]);
    assertEquals(JSON.parse(body).error.data.limit, "messageTimeout");
    assert(await peer.ends());
  }
});

Deno.test("httpIdleTimeout ends a connection without a word, and maxHttpRequests after an answer", async () => {
  await using local = await served({ limits: { httpIdleTimeout: 50, maxHttpRequests: 2 } });
  const silent = await local.dial();
  await silent.ask(post(ADD));
  assert(await silent.ends());
  const peer = await local.dial();
  await peer.send(post(ADD).repeat(3));
  assertEquals((await peer.answer()).headers.has("connection"), false);
  assertEquals((await peer.answer()).headers.get("connection"), "close");
  assert(await peer.ends());
});

Deno.test("maxHttpBodyBytes bounds a body, and maxMessageBytes too", async () => {
  const body = ADD + " ".repeat(100), { length } = body;
  for (const limits of [{ maxHttpBodyBytes: length }, { maxMessageBytes: length }]) {
    await using local = await served({ limits });
    const peer = await local.dial();
    assertEquals((await peer.ask(post(body))).status, 200);
    const refused = await peer.ask(post(body + " "));
    const { limit, details } = JSON.parse(refused.body).error.data;
    assertEquals([refused.status, limit, details.maxBytes], [413, Object.keys(limits)[0], length]);
  }
});

Deno.test("a server that ends finishes what runs, says so, and refuses what comes", async () => {
  await using local = await served();
  const running = await local.dial(), idle = await local.dial(), fresh = await local.dial();
  await idle.ask(post(ADD));
  await fresh.ask(post(ADD));
  await running.send(post(call("wait")));
  await local.begun.next();
  const ended = local.server.shutdown(20_000);
  await until(() => local.server.health.check("").status !== "SERVING", "the end to begin");
  const late = await fresh.ask(post(ADD));
  assertEquals([late.status, late.headers.get("connection")], [503, "close"]);
  assert(Number(late.headers.get("retry-after")) >= 1);
  assert(await idle.ends());
  local.gate.resolve("done");
  const { body, headers } = await running.answer();
  assertEquals([JSON.parse(body).result, headers.get("connection")], ["done", "close"]);
  await within(ended, "the end");
});

Deno.test("a request that is coming while the server ends is refused, and answered once", async () => {
  const whole = post(ADD), part = whole.slice(0, -3);
  await using local = await served({ authenticate: bearerTokens({ a: "alice" }) });
  const peers = await Promise.all([1, 2, 3].map(() => local.dial()));
  const [head, body, refused] = peers as [HttpPeer, HttpPeer, HttpPeer];
  const token = "Authorization: Bearer a";
  for (const peer of peers) assertEquals((await peer.ask(post(ADD, token))).status, 200);
  assertEquals((await refused.ask(part)).status, 401);
  // What is read in one turn of the server's is seen by the answers to what came behind it.
  await head.send(whole.slice(0, 20));
  await body.send(post(ADD, token).slice(0, -3));
  for (let n = 0; n < 3; n++) await (await local.dial()).ask(request("GET /health"));
  const ended = local.server.shutdown(20_000);
  for (const peer of [head, body]) {
    const { status, headers } = await peer.answer();
    assertEquals([status, headers.get("connection")], [503, "close"]);
  }
  assert(await refused.ends());
  for (const peer of [head, body]) assert(await peer.ends());
  await within(ended, "the end");
});

Deno.test("a stream of events ends with the error when the server has no more time for it", async () => {
  await using local = await served();
  const peer = await local.dial();
  await peer.send(post(call("held"), EVENTS));
  await local.begun.next();
  const ended = local.server.shutdown(50);
  const { body } = await peer.answer();
  assertStringIncludes(body, '"code":-32014');
  await within(ended, "the end");
});

// ---- Who calls, how fast, how many -----------------------------------------------------------------

Deno.test("each request says who calls", async () => {
  const authenticate = bearerTokens({ a: "alice", b: "bob" });
  await using local = await served({ authenticate });
  const peer = await local.dial();
  const who = async (token: string) =>
    JSON.parse((await peer.ask(post(call("who"), `Authorization: Bearer ${token}`))).body).result;
  assertEquals([await who("a"), await who("b"), await who("a"), await who("a")], [
    ["alice", "http"],
    ["bob", "http"],
    ["alice", "http"],
    ["alice", "http"],
  ]);
  const unknown = await peer.ask(post(call("who")));
  assertEquals([unknown.status, unknown.headers.get("www-authenticate")], [401, "Bearer"]);
  assertEquals(JSON.parse(unknown.body).error.code, -32016);
  assertEquals(await who("b"), ["bob", "http"]);
  // Where a token is asked for, every host and no page is right.
  assertEquals((await peer.ask(post(call("who"), "Host: any.example"))).status, 401);
  assertEquals((await peer.ask(request("GET /openrpc.json"))).status, 401);
  assertEquals((await peer.ask(request("GET /health"))).status, 200);
});

Deno.test("a notification of rpc.authenticate changes nobody, and guesses nothing", async () => {
  let asked = 0;
  const tokens = bearerTokens({ a: "alice", b: "bob" });
  const authenticate: typeof tokens = (credentials, context) => {
    asked++;
    return tokens(credentials, context);
  };
  await using local = await served({ authenticate });
  const peer = await local.dial(), token = "Authorization: Bearer a";
  const who = async () => JSON.parse((await peer.ask(post(call("who"), token))).body).result;
  assertEquals(await who(), ["alice", "http"]);
  for (const token of ["b", "x", "y", "z"]) {
    const params = { scheme: "bearer", token };
    const note = JSON.stringify({ jsonrpc: "2.0", method: "rpc.authenticate", params });
    for (const body of [note, `[${note}]`]) {
      assertEquals((await peer.ask(post(body, "Authorization: Bearer a"))).status, 202);
      assertEquals(await who(), ["alice", "http"]);
    }
  }
  assertEquals(asked, 1);
});

Deno.test("three wrong tokens end the connection", async () => {
  await using local = await served({ authenticate: bearerTokens({ a: "alice" }) });
  const peer = await local.dial();
  const connections: unknown[] = [];
  for (const authorization of ["Bearer x", "Basic eDp5", "Bearer y"]) {
    const answer = await peer.ask(post(call("who"), `Authorization: ${authorization}`));
    connections.push([answer.status, answer.headers.get("connection")]);
  }
  assertEquals(connections, [[401, undefined], [401, undefined], [401, "close"]]);
  assert(await peer.ends());
});

Deno.test("state is made for each request", async () => {
  let made = 0;
  const server = serve({ state: method((_, { state }) => state) }, {
    listen: "tcp://127.0.0.1:0",
    connectionState: ({ framing }) => [framing, ++made],
  });
  await using _ = server;
  using peer = await HttpPeer.dial(server.addresses[0]!);
  const state = async () => JSON.parse((await peer.ask(post(call("state")))).body).result;
  const [first, second] = [await state(), await state()] as [string, number][];
  assertEquals([first![0], second![1] - first![1]], ["http", 1]);
});

Deno.test("a caller over its rate gets 429 with Retry-After", async () => {
  await using local = await served({ rateLimit: { connection: { calls: 0.1, burst: 10 } } });
  const peer = await local.dial();
  assertEquals((await peer.ask(post(ADD))).status, 200);
  const { status, headers, body } = await peer.ask(post(ADD));
  const { retryAfterMs } = JSON.parse(body).error.data;
  assertEquals([status, headers.get("retry-after")], [429, String(Math.ceil(retryAfterMs / 1000))]);
  const batch = await peer.ask(post(`[${ADD}]`));
  assertEquals([batch.status, JSON.parse(batch.body)[0].error.code], [200, -32008]);
  for (const path of ["/openrpc.json", "/health"]) {
    const page = await peer.ask(request(`GET ${path}`));
    assertEquals([page.status, page.headers.has("retry-after")], [429, true], path);
  }
});

Deno.test("a server with too many calls, or connections, answers 503", async () => {
  await using local = await served({
    limits: { maxRunning: 1, maxConnections: 2 },
    networkOf: () => "one",
  });
  const first = await local.dial(), second = await local.dial();
  await first.send(post(call("wait")));
  await local.begun.next();
  const busy = await second.ask(post(call("wait")));
  assertEquals([busy.status, JSON.parse(busy.body).error.data.limit], [503, "maxRunning"]);
  assertEquals(busy.headers.get("retry-after"), "1");
  const third = await local.dial();
  const { status, headers, body } = await third.ask(post(ADD));
  assertEquals([status, headers.get("connection")], [503, "close"]);
  assertEquals(JSON.parse(body).error.data.limit, "maxConnections");
  assert(await third.ends());
  // Who speaks JSON is told in JSON.
  using raw = await RawPeer.dial(local.address);
  await raw.send(ADD);
  assertStringIncludes(new TextDecoder().decode(await raw.rest()), "maxConnections");
});

// ---- Pages -----------------------------------------------------------------------------------------

Deno.test("GET / says how to call, with a command that works", async () => {
  await using local = await served();
  const peer = await local.dial();
  const { port } = new URL(local.address.replace("tcp:", "http:"));
  const { status, headers, body } = await peer.ask(request("GET /", [`Host: 127.0.0.1:${port}`]));
  assertEquals([status, headers.get("content-type")], [200, "text/plain; charset=utf-8"]);
  assertStringIncludes(headers.get("content-security-policy")!, "default-src 'none'");
  assertStringIncludes(body, `curl http://127.0.0.1:${port}/ -H`);
  const head = await peer.ask(request("HEAD /", [`Host: 127.0.0.1:${port}`]));
  assertEquals([head.status, head.headers.get("content-length")], [200, String(body.length)]);
});

Deno.test("/openrpc.json is what rpc.discover gives, with a tag", async () => {
  await using local = await served();
  const peer = await local.dial();
  const { status, headers, body } = await peer.ask(request("GET /openrpc.json"));
  assertEquals([status, headers.get("content-type")], [200, "application/json"]);
  const discovered = await peer.ask(post(call("rpc.discover")));
  assertEquals(JSON.parse(body), JSON.parse(discovered.body).result);
  const tag = headers.get("etag")!;
  for (const known of [tag, `W/${tag}`, `"x", ${tag}`, "*"]) {
    const again = await peer.ask(request("GET /openrpc.json", [`If-None-Match: ${known}`]));
    assertEquals([again.status, again.headers.get("etag")], [304, tag]);
  }
  assertEquals((await peer.ask(request("GET /openrpc.json", ['If-None-Match: "x"']))).status, 200);
});

Deno.test("/health and /healthz say how the server and its services are", async () => {
  await using local = await served();
  const peer = await local.dial();
  local.server.health.set("mail", "NOT_SERVING");
  const health = async (path: string) => {
    const { status, body } = await peer.ask(request(`GET ${path}`));
    return [status, JSON.parse(body).status];
  };
  assertEquals(await health("/health"), [200, "SERVING"]);
  assertEquals(await health("/healthz"), [200, "SERVING"]);
  assertEquals(await health("/health?service=mail"), [503, "NOT_SERVING"]);
  assertEquals(await health("/health?service=other"), [404, "SERVICE_UNKNOWN"]);
  local.server.health.set("", "NOT_SERVING");
  assertEquals(await health("/healthz"), [503, "NOT_SERVING"]);
});

Deno.test("other paths are 404, other methods 405, and OPTIONS says which there are", async () => {
  await using local = await served();
  const peer = await local.dial();
  assertEquals((await peer.ask(request("GET /favicon.ico"))).status, 404);
  const wrong = await peer.ask(request("DELETE /"));
  assertEquals([wrong.status, wrong.headers.get("allow")], [405, "GET, HEAD, OPTIONS, POST"]);
  const page = await peer.ask(request("DELETE /health"));
  assertEquals([page.status, page.headers.get("allow")], [405, "GET, HEAD, OPTIONS"]);
  const head = await peer.ask(request("HEAD /nothing"));
  assertEquals([head.status, head.body], [404, ""]);
  const options = await peer.ask(request("OPTIONS /rpc"));
  assertEquals([options.status, options.headers.get("allow")], [204, "OPTIONS, POST"]);
  assertEquals((await peer.ask(post(ADD))).body, THREE);
});

Deno.test("a page of an allowed origin may ask, call and read, and no other may", async () => {
  await using local = await served({ http: { origins: ["https://app.example"] } });
  const peer = await local.dial();
  const allowed = "Origin: https://app.example";
  const preflight = await peer.ask(
    request("OPTIONS /", [allowed, "Access-Control-Request-Method: POST"]),
  );
  const { headers } = preflight;
  assertEquals(preflight.status, 204);
  assertEquals(headers.get("access-control-allow-origin"), "https://app.example");
  assertEquals(headers.get("access-control-max-age"), "600");
  assertEquals(headers.has("access-control-allow-credentials"), false);
  const answer = await peer.ask(post(ADD, allowed));
  assertEquals([answer.body, answer.headers.get("access-control-allow-origin")], [
    THREE,
    "https://app.example",
  ]);
  assertEquals(answer.headers.get("vary"), "Origin");
  const events = await peer.ask(post(call("count", [1]), allowed, EVENTS));
  assertEquals(events.headers.get("access-control-allow-origin"), "https://app.example");
  // It may read why it is refused, too.
  await using asking = await served({
    http: { origins: ["https://app.example"] },
    authenticate: bearerTokens({ a: "alice" }),
  });
  const unknown = await (await asking.dial()).ask(post(ADD, allowed));
  assertEquals([unknown.status, unknown.headers.get("access-control-allow-origin")], [
    401,
    "https://app.example",
  ]);
  const foreign = await peer.ask(request("OPTIONS /", ["Origin: https://evil.example"]));
  assertEquals([foreign.status, foreign.headers.has("access-control-allow-origin")], [403, false]);
});

// ---- Addresses and options -------------------------------------------------------------------------

Deno.test("at http: nothing but HTTP is spoken, and at ws: nothing but WebSockets", async () => {
  await using local = await served({ listen: ["http://127.0.0.1:0", "ws://127.0.0.1:0"] });
  const [http, ws] = local.server.addresses as [string, string];
  assertMatch(`${http} ${ws}`, /^http:\/\/127\.0\.0\.1:\d+ ws:\/\/127\.0\.0\.1:\d+$/);
  using peer = await HttpPeer.dial(http), raw = await HttpPeer.dial(http);
  assertEquals((await peer.ask(post(ADD))).body, THREE);
  await raw.send(ADD + "\n");
  assertEquals((await raw.answer()).status, 400);
  assertEquals(local.executed(), 1);
  using call = await HttpPeer.dial(ws);
  const refused = await call.ask(post(ADD));
  assertEquals([refused.status, refused.headers.get("upgrade")], [426, "websocket"]);
  assertEquals(local.executed(), 1);
});

Deno.test("http: false answers HTTP with 400", async () => {
  await using local = await served({ http: false });
  using peer = await HttpPeer.dial(local.address);
  assertEquals((await peer.ask(post(ADD))).status, 400);
  assertEquals(local.executed(), 0);
});

Deno.test("the options of http are looked at before anything is served", () => {
  for (
    const [http, why] of [
      [{ origins: ["*"] }, '"*" lets every page in the world call'],
      [{ origins: ["app.example"] }, 'an origin is https://app.example, it is "app.example"'],
      [{ origins: ["https://app.example/"] }, "an origin is"],
      ...["http://a", "", "me@a", "a?b", "a/b", "bücher.example", "a:0080"].map((host) =>
        [{ hosts: [host] }, `a host is api.example, it is "${host}"`] as const
      ),
    ] as const
  ) {
    let message = "";
    try {
      serve({}, { listen: "tcp://127.0.0.1:0", http });
    } catch (error) {
      message = (error as Error).message;
    }
    assertStringIncludes(message, why);
  }
});

Deno.test("a named host and a Unix socket are served", async () => {
  const path = `/tmp/landline-${crypto.randomUUID()}.sock`;
  await using local = await served({
    listen: ["tcp://127.0.0.1:0", `unix://${path}`],
    http: { hosts: ["api.example", "Other.example.", "third.example:80", "fourth.example:443"] },
  });
  await local.server.ready;
  const peer = await local.dial();
  for (
    const host of [
      "api.example:99",
      "API.example.",
      "other.example",
      "third.example:80",
      "fourth.example:443",
    ]
  ) assertEquals((await peer.ask(post(ADD, `Host: ${host}`))).body, THREE);
  using unix = await HttpPeer.dial(`unix://${path}`);
  assertEquals((await unix.ask(post(ADD, "Host: whatever"))).body, THREE);
});
