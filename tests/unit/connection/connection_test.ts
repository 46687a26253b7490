// What one connection does with its bytes, its time and its memory, whichever end it is.

import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { connect as dialNode } from "node:net";
import * as z from "npm:zod@4";
import { type CloseInfo, ConnectionLostError, method, RpcError, serve } from "../../../lib/mod.ts";
import { turn, until, within } from "../../support/deadline.ts";
import { connectOver, serveLocally } from "../../support/local.ts";
import { pipe } from "../../support/memory.ts";
import { bytesOf, frame, FRAMING_NAMES, RawPeer } from "../../support/raw.ts";
import { ANYTHING } from "../../support/schemas.ts";

const api = {
  echo: method(ANYTHING, (params) => params),
  upper: method(z.string(), (text) => text.toUpperCase()),
};

const request = (id: unknown, method: string, params?: unknown) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});

/** Lets so many milliseconds pass, that is, a time limit run out. */
function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves with why the server's first connection to end has ended. */
function closing() {
  const closed = Promise.withResolvers<CloseInfo>();
  return {
    onClose: (_: unknown, info: CloseInfo) => closed.resolve(info),
    closed: within(closed.promise, "onClose"),
  };
}

// ---- The first bytes -------------------------------------------------------------------------------

Deno.test("a connection finds its framing however slowly the first bytes come", async () => {
  await using local = serveLocally(api);
  for (const framing of FRAMING_NAMES) {
    using peer = local.peer(framing);
    for (const byte of frame(framing, JSON.stringify(request(1, "upper", ["x"])))) {
      await peer.write(new Uint8Array([byte]));
      await turn();
    }
    assertEquals((await peer.answer()).result, "X");
  }
});

Deno.test("a connection takes white space before its first message, up to 16 bytes", async () => {
  await using local = serveLocally(api);
  for (const space of ["\n", " \t\r\n", " ".repeat(16), "\n".repeat(16)]) {
    using peer = local.peer();
    await peer.write(space);
    assertEquals((await peer.ask(request(1, "upper", ["x"]))).result, "X");
  }
  using peer = local.peer();
  await peer.write(" ".repeat(17));
  const [answer] = await peer.messages();
  assertEquals([answer?.id, answer?.error?.code], [null, -32700]);
});

Deno.test("a connection that begins as no framing gets one line that says so, and ends", async () => {
  const starts = ["SSH-2.0-x\r\n", "\xff", "hello\n", '"text"\n', "1\n", "get / \n"];
  for (const start of [...starts, new Uint8Array([0x16, 0x47]), new Uint8Array([1, 0, 0, 0])]) {
    await using local = serveLocally(api);
    using peer = local.peer();
    await peer.write(start);
    const answers = await peer.messages();
    assertEquals(answers.map(({ id, error }) => [id, error?.code]), [[null, -32700]]);
    assertStringIncludes(JSON.stringify(answers), "no framing begins with the bytes");
  }
});

Deno.test("a browser gets 400 and nothing is executed where HTTP is not served", async () => {
  let called = 0;
  await using server = serve({ note: method(() => void called++) }, {
    listen: "tcp://127.0.0.1:0",
    http: false,
  });
  const url = server.addresses[0]!.replace("tcp:", "http:");
  const body = '{"jsonrpc":"2.0","method":"note"}\n'.repeat(1000);
  for (const request of [{}, { method: "POST", body }, { method: "PUT", body }]) {
    const response = await fetch(url, request);
    assertEquals(response.status, 400);
    assertMatch(await response.text(), /not HTTP\.\r\n$/);
  }
  assertEquals(called, 0);
});

Deno.test("a TLS client is hung up on, and onClose tells why", async () => {
  const { onClose, closed } = closing();
  await using local = serveLocally(api, { onClose });
  using peer = local.peer();
  await peer.write(new Uint8Array([0x16, 3, 1, 2, 0, 1]));
  assertEquals((await peer.rest()).length, 0);
  peer.close();
  assertStringIncludes((await closed).reason, "TLS");
});

Deno.test("a connection never changes its framing", async () => {
  await using local = serveLocally(api);
  using lines = local.peer("json");
  assertEquals((await lines.ask(request(1, "upper", ["x"]))).result, "X");
  await lines.write(frame("headers", JSON.stringify(request(2, "upper", ["x"]))));
  await lines.write("\n");
  await lines.send(request(3, "upper", ["x"]));
  const codes = (await lines.answers(3)).map(({ id, error }) => error?.code ?? id);
  assertEquals(codes, [-32700, 2, 3], "headers are a bad line, the body is a good one");
  for (const framing of ["headers", "length"] as const) {
    using peer = local.peer(framing);
    assertEquals((await peer.ask(request(1, "upper", ["x"]))).result, "X");
    await peer.write('{"jsonrpc":"2.0","id":2,"method":"upper","params":["x"]}\n');
    const answers = await peer.messages();
    assertEquals(answers.length, 1);
    assert([-32700, -32008].includes(answers[0]!.error!.code));
  }
});

Deno.test("JSON over several lines is one message", async () => {
  let called = 0;
  await using local = serveLocally({ note: method(ANYTHING, () => ++called) });
  using peer = local.peer();
  await peer.write(JSON.stringify(request(1, "note", { a: [1, 2], b: "c" }), null, 2) + "\n");
  await peer.closeWrite();
  assertEquals(await peer.messages(), [{ jsonrpc: "2.0", id: 1, result: 1 }]);
  assertEquals(called, 1);
});

Deno.test("last words reach a peer that is still sending", async () => {
  await using server = serve(api, { listen: "tcp://127.0.0.1:0" });
  for (const [framing, start] of [["headers", "Content-Length: 9999999\r\n\r\n"]] as const) {
    using peer = await RawPeer.dial(server.addresses[0]!, framing);
    await peer.write(start);
    // Closing over unread bytes would reset the connection, and the answer with it.
    for (let n = 0; n < 64; n++) await peer.write("x".repeat(1 << 14)).catch(() => {});
    assertEquals((await peer.answer()).error?.code, -32008);
  }
});

Deno.test("a peer that half-closes is hung up on once its last call is given up, whatever its handler does", async () => {
  const gate = Promise.withResolvers<void>();
  await using local = serveLocally({ stuck: method(() => gate.promise) }, {
    limits: { callTimeout: 20 },
  });
  using peer = local.peer();
  await peer.send({ jsonrpc: "2.0", id: 1, method: "stuck" });
  await peer.closeWrite();
  const [answer, ...others] = await peer.messages();
  assertEquals([answer!.error?.code, others.length], [-32004, 0]);
  gate.resolve();
});

Deno.test("a message in thousands of small parts is read in fewer", async () => {
  await using local = serveLocally(api);
  const [here, there] = pipe();
  let reads = 0;
  local.accept({
    read: (buffer) => {
      reads++;
      return there.read(buffer);
    },
    write: (bytes) => there.write(bytes),
    closeWrite: () => there.closeWrite!(),
    close: () => there.close(),
  });
  const text = "x".repeat(200_000), bytes = bytesOf(JSON.stringify(request(1, "echo", [text])));
  for (let at = 0; at < bytes.length;) at += await here.write(bytes.subarray(at, at + 10));
  using peer = new RawPeer(here, "json");
  await here.write(bytesOf("\n"));
  assert((await peer.text()).includes(text));
  assertLess(reads, 2000);
});

Deno.test("a peer that does not hang up after its last words is hung up on", async () => {
  const { onClose, closed } = closing();
  await using local = serveLocally(api, { onClose, limits: { lingerTimeout: 20 } });
  using peer = local.peer();
  await peer.write("no framing\n");
  assertEquals((await peer.messages()).length, 1);
  assertStringIncludes((await closed).reason, "no framing");
});

// ---- Time ------------------------------------------------------------------------------------------

for (const framing of FRAMING_NAMES) {
  Deno.test(`a message that takes longer than messageTimeout ends the connection (${framing})`, async () => {
    await using local = serveLocally(api, { limits: { messageTimeout: 40 } });
    using peer = local.peer(framing);
    assertEquals((await peer.ask(request(1, "upper", ["x"]))).result, "X");
    const bytes = frame(framing, JSON.stringify(request(2, "echo", ["x".repeat(10_000)])));
    const ended = peer.messages();
    // A byte now and then does not help.
    for (let at = 0; at < bytes.length && local.server.connections > 0; at++) {
      await peer.write(bytes.subarray(at, at + 1)).catch(() => {});
      await pass(1);
    }
    const answers = await ended;
    const { id, error } = answers[0]!;
    assertEquals(
      [answers.length, id, error?.code, error?.data],
      framing === "json"
        ? [1, null, -32700, { details: "unfinished" }]
        : [1, null, -32008, { name: "RESOURCE_EXHAUSTED", limit: "messageTimeout" }],
    );
  });
}

Deno.test("messageTimeout runs for the first bytes of a connection too", async () => {
  await using local = serveLocally(api, { limits: { messageTimeout: 20 } });
  for (const start of ["Cont", " ", "{", "\x16"]) {
    using peer = local.peer();
    await peer.write(start);
    const [answer] = await peer.messages();
    assertEquals(
      answer?.error?.data,
      start === "{"
        ? { details: "unfinished" }
        : { name: "RESOURCE_EXHAUSTED", limit: "messageTimeout" },
    );
  }
});

Deno.test("messageTimeout does not run while it is the server who does not read", async () => {
  const gate = Promise.withResolvers<void>();
  await using local = serveLocally({ ...api, gate: method(() => gate.promise) }, {
    limits: { messageTimeout: 40, maxInFlight: 1, maxKeptBytes: 1 },
  });
  using peer = local.peer();
  const third = JSON.stringify(request(3, "upper", ["y"]));
  await peer.send(request(1, "gate"), request(2, "upper", ["x"]));
  await peer.write(third.slice(0, 20));
  await pass(120);
  gate.resolve();
  await peer.write(third.slice(20) + "\n");
  assertEquals((await peer.answers(3)).map(({ id }) => id), [1, 2, 3]);
});

Deno.test("messageTimeout does not run while a peer is slow to read", async () => {
  const large = "x".repeat(10_000);
  await using local = serveLocally(api, {
    limits: { messageTimeout: 40, outboundHighWater: 1 },
  });
  using peer = local.peer("json", { room: 500 });
  const second = JSON.stringify(request(2, "upper", ["y"]));
  // All in one chunk, so that the beginning of the second is there when the server stops to read.
  const one = JSON.stringify(request(1, "echo", [large.slice(0, 1000)]));
  await peer.write(`${one}\n${second.slice(0, 20)}`);
  await pass(120);
  await peer.write(second.slice(20) + "\n");
  assertEquals((await peer.answers(2)).map(({ id }) => id), [1, 2]);
});

Deno.test("messageTimeout does not run while the server stands still", async () => {
  await using server = serve(api, {
    listen: "tcp://127.0.0.1:0",
    limits: { messageTimeout: 200 },
  });
  using peer = await RawPeer.dial(server.addresses[0]!);
  for (let id = 1; id < 6; id += 2) {
    const first = JSON.stringify(request(id, "upper", ["x"]));
    const second = JSON.stringify(request(id + 1, "upper", ["y"]));
    await peer.write(`${first}\n${second.slice(0, 20)}`);
    assertEquals((await peer.answer()).id, id);
    // The rest is there, and nobody gets to read it until it is long overdue.
    await peer.write(second.slice(20) + "\n");
    const end = performance.now() + 300;
    while (performance.now() < end);
    assertEquals((await peer.answer()).id, id + 1);
  }
});

Deno.test("writeStallTimeout does not run while the server stands still", async () => {
  const text = "x".repeat(8_000_000), begun = Promise.withResolvers<void>();
  const large = method(() => {
    begun.resolve();
    return text;
  });
  await using server = serve({ large }, {
    listen: "tcp://127.0.0.1:0",
    limits: { writeStallTimeout: 200 },
  });
  using reader = await RawPeer.dial(server.addresses[0]!);
  await reader.send(request(1, "large"));
  await begun.promise;
  await turn(); // it writes
  const end = performance.now() + 300;
  while (performance.now() < end);
  assertEquals(((await reader.answer()).result as string).length, text.length);
});

Deno.test("a connection on which nothing is said for idleTimeout ends without a word", async () => {
  const { onClose, closed } = closing();
  await using local = serveLocally(api, { onClose, limits: { idleTimeout: 40 } });
  using silent = local.peer();
  assertEquals((await silent.rest()).length, 0);
  silent.close();
  assertEquals((await closed).reason, "nothing was said for 40 ms");
  using spoke = local.peer();
  assertEquals((await spoke.ask(request(1, "upper", ["x"]))).result, "X");
  assertEquals(await spoke.messages(), []);
});

Deno.test("idleTimeout does not run while a handler does, and begins when it has ended", async () => {
  let ended = 0;
  await using local = serveLocally({
    work: method(async () => {
      await pass(200);
      ended = performance.now();
    }),
  }, { limits: { idleTimeout: 80 } });
  using peer = local.peer();
  await peer.send(request(1, "work"));
  // Meanwhile it is looked whether the peer is still there.
  const alive = { jsonrpc: "2.0", method: "$/alive" };
  const messages = await peer.messages();
  assertEquals<unknown>(messages.at(-1), { jsonrpc: "2.0", id: 1, result: null });
  assertEquals<unknown>(messages[0], alive);
  assertGreaterOrEqual(performance.now() - ended, 80);
});

Deno.test("a peer that takes nothing for writeStallTimeout is hung up on", async () => {
  const { onClose, closed } = closing();
  await using local = serveLocally(api, { onClose, limits: { writeStallTimeout: 40 } });
  using peer = local.peer("json", { room: 1000 });
  await peer.send(request(1, "echo", ["x".repeat(900)]));
  await peer.send(request(2, "echo", ["x".repeat(900)]));
  assertEquals((await closed).reason, "the peer took nothing for 40 ms");
});

Deno.test("a client's calls reject when the server takes nothing", async () => {
  const [here] = pipe({ room: 1000 });
  await using line = await connectOver(here, { limits: { writeStallTimeout: 40 } });
  const sent = assertRejects(() => line.request("echo", ["x".repeat(2000)]), ConnectionLostError);
  await turn();
  const queued = assertRejects(() => line.request("echo", ["y"]), ConnectionLostError);
  const errors = await within(Promise.all([sent, queued]), "the calls to reject");
  assertEquals(errors.map(({ sent }) => sent), [true, false]);
});

// ---- Memory ----------------------------------------------------------------------------------------

Deno.test("a peer that does not read is not read from, and gets everything once it does", async () => {
  let called = 0;
  const size = 10_000, count = 500;
  await using local = serveLocally({
    large: method(z.int(), (n) => {
      called++;
      return `${n}:${"x".repeat(size)}`;
    }),
  }, { limits: { outboundHighWater: 50_000 } });
  using peer = local.peer("json", { room: 4096 });
  const sent = peer.send(
    ...Array.from({ length: count }, (_, id) => request(id, "large", [id])),
  );
  for (let before = -1; before !== called || called === 0; await turn()) before = called;
  // What is above the mark is what one read gave: at most a pipe full of requests.
  assertLess(called, 5 + 4096 / 50 + 2);
  const answers = await peer.answers(count);
  await sent;
  assertEquals(answers.map(({ id }) => id), Array.from({ length: count }, (_, id) => id));
  assert(answers.every(({ id, result }) => (result as string) === `${id}:${"x".repeat(size)}`));
});

Deno.test("a connection for which more than maxOutboundBytes wait is closed", async () => {
  const { onClose, closed } = closing();
  await using local = serveLocally({
    tell: method((_, { peer }) => {
      for (let n = 0; n < 20; n++) peer.notify["told"]!("x".repeat(10_000));
    }),
  }, { onClose, limits: { maxOutboundBytes: 100_000 } });
  using peer = local.peer("json", { room: 4096 });
  await peer.send(request(1, "tell"));
  assertStringIncludes((await closed).reason, "more than 100000 bytes wait to be sent");
});

Deno.test("a call past maxOutboundBytes fails, and those before it do not", async () => {
  await using local = serveLocally(api);
  const [here, there] = pipe({ room: 1000 });
  await using line = await connectOver(here, { limits: { maxOutboundBytes: 10_000 } });
  const text = "x".repeat(3000);
  const calls = [1, 2, 3].map(() => line.request("upper", [text]));
  const error = await assertRejects(() => line.request("upper", [text]), RpcError);
  assertEquals([error.reason, (error.data as { limit: string }).limit], [
    "RESOURCE_EXHAUSTED",
    "maxOutboundBytes",
  ]);
  local.accept(there);
  for (const result of await within(Promise.all(calls), "the calls")) {
    assertEquals(result, text.toUpperCase());
  }
});

Deno.test("a client and a server that both have much to say do not wait for each other", async () => {
  const limits = { outboundHighWater: 10_000, writeStallTimeout: 5000 };
  await using local = serveLocally(api, { limits });
  const [here, there] = pipe({ room: 4096 });
  local.accept(there);
  await using line = await connectOver(here, { limits });
  const text = "x".repeat(5000);
  const calls = Array.from({ length: 200 }, (_, n) => line.request("echo", [n, text]));
  const results = await within(Promise.all(calls), "200 calls that fill both directions");
  assertEquals(results.map((result) => (result as [number])[0]), results.map((_, n) => n));
});

Deno.test("a batch's answers keep maxResponseBytes together, whenever its handlers end", async () => {
  const text = "x".repeat(400);
  await using local = serveLocally({
    sync: method(() => text),
    later: method(async () => {
      await null;
      return text;
    }),
  }, { limits: { maxResponseBytes: 1000 } });
  using peer = local.peer();
  for (const name of ["sync", "later"]) {
    await peer.send(JSON.stringify(Array.from({ length: 10 }, (_, id) => request(id, name))));
    const answers = JSON.parse(await peer.text()) as { id: number; error?: { code: number } }[];
    assertEquals(answers.map(({ id }) => id).sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const codes = answers.map(({ error }) => error?.code);
    assert(codes.includes(undefined), `${name}: what fits is answered`);
    assertLess(codes.filter((code) => code === undefined).length, 4, `${name}: 4 do not fit`);
    assertEquals(new Set(codes), new Set([undefined, -32008]));
  }
});

Deno.test("a batch's answers are counted in bytes", async () => {
  await using local = serveLocally({ text: method(() => "é".repeat(200)) }, {
    limits: { maxResponseBytes: 1000 },
  });
  using peer = local.peer();
  await peer.send(JSON.stringify(Array.from({ length: 4 }, (_, id) => request(id, "text"))));
  const text = await peer.text();
  const good = (JSON.parse(text) as { error?: unknown }[]).filter(({ error }) => !error);
  assertEquals(good.length, 2, "each takes 438 bytes");
});

// ---- Requests --------------------------------------------------------------------------------------

Deno.test("$/cancelRequest finds a call by its id, whatever the id looks like", async () => {
  await using local = serveLocally({
    wait: method((_, { signal }) =>
      new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))
    ),
  });
  using peer = local.peer();
  const ids = ["1", '"1"', '""', "0", "-7", "1.0", "1e2", "12345678901234567890", '"é"', '"a\\"b"'];
  for (const id of ids) {
    await peer.send(
      `{"jsonrpc":"2.0","id":${id},"method":"wait"}`,
      `{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":${id}}}`,
    );
    const text = await peer.text();
    assert(text.startsWith(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32800,`), text);
  }
});

Deno.test("$/cancelRequest with an id of another type or none cancels nothing", async () => {
  const gate = Promise.withResolvers<string>();
  await using local = serveLocally({ ...api, wait: method(() => gate.promise) });
  using peer = local.peer();
  await peer.send(request(1, "wait"));
  const others = [{ id: "1" }, { id: 2 }, { id: null }, { id: [1] }, {}, undefined, [1]];
  for (const params of others) {
    await peer.send({ jsonrpc: "2.0", method: "$/cancelRequest", params });
  }
  assertEquals((await peer.ask(request(2, "upper", ["x"]))).id, 2);
  gate.resolve("done");
  assertEquals(await peer.answer(), { jsonrpc: "2.0", id: 1, result: "done" });
});

Deno.test("$/cancelRequest cancels a call of a batch, whose other answers are not lost", async () => {
  await using local = serveLocally({
    ...api,
    wait: method((_, { signal }) =>
      new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))
    ),
  });
  using peer = local.peer();
  await peer.send(JSON.stringify([request(1, "wait"), request(2, "upper", ["x"])]));
  await peer.send({ jsonrpc: "2.0", method: "$/cancelRequest", params: { id: 1 } });
  const answers = JSON.parse(await peer.text()) as { id: number; error?: { code: number } }[];
  assertEquals(
    answers.map(({ id, error }) => [id, error?.code]).sort(),
    [[1, -32800], [2, undefined]],
  );
});

Deno.test("a handler that ignores its cancellation gives no second answer", async () => {
  const gate = Promise.withResolvers<string>();
  await using local = serveLocally({ ...api, wait: method(() => gate.promise) });
  using peer = local.peer();
  await peer.send(request(1, "wait"), {
    jsonrpc: "2.0",
    method: "$/cancelRequest",
    params: { id: 1 },
  });
  assertEquals((await peer.answer()).error?.code, -32800);
  gate.resolve("too late");
  await turn();
  assertEquals((await peer.ask(request(2, "upper", ["x"]))).id, 2);
});

Deno.test("a reset aborts the handlers of its connection, and nobody else's", async () => {
  const reason = Promise.withResolvers<unknown>(), begun = Promise.withResolvers<void>();
  await using server = serve({
    wait: method(async (_, { signal }) => {
      begun.resolve();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      reason.resolve(signal.reason);
    }),
    ...api,
  }, { listen: "tcp://127.0.0.1:0" });
  using other = await RawPeer.dial(server.addresses[0]!);
  await other.ask(request(1, "upper", ["x"]));
  const socket = dialNode(Number(new URL(server.addresses[0]!).port), "127.0.0.1");
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.write(JSON.stringify(request(1, "wait")) + "\n");
  await begun.promise;
  socket.resetAndDestroy();
  assertInstanceOf(await within(reason.promise, "the signal to abort"), RpcError);
  await closed;
  await until(() => server.connections === 1, "the connection to be gone");
  assertEquals((await other.ask(request(2, "upper", ["x"]))).id, 2);
});

// ---- Answers ---------------------------------------------------------------------------------------

/** What the server has, for the types alone: it is the test that answers. */
const remote = { note: method(z.string(), () => {}) };

/** A client, and the server's end in the hands of the test. */
async function clientOf(options: Parameters<typeof connectOver>[1] = {}) {
  const errors: unknown[] = [];
  const [here, there] = pipe();
  const line = await connectOver<typeof remote>(here, {
    onError: (...told) => void errors.push(...told), // nothing else is told
    ...options,
  });
  return { line, errors, server: new RawPeer(there, options.framing ?? "json") };
}

Deno.test("a call writes plain JSON-RPC 2.0 with ids from 1", async () => {
  const { line, server } = await clientOf();
  const calls = [line.request("a"), line.request("b", [1]), line.request("c", { d: 1 })];
  assertEquals(await server.text(), '{"jsonrpc":"2.0","id":1,"method":"a"}');
  assertEquals(await server.text(), '{"jsonrpc":"2.0","id":2,"method":"b","params":[1]}');
  assertEquals(await server.text(), '{"jsonrpc":"2.0","id":3,"method":"c","params":{"d":1}}');
  await server.send(...[3, 1, 2].map((id) => ({ jsonrpc: "2.0", id, result: `r${id}` })));
  assertEquals(await Promise.all(calls), ["r1", "r2", "r3"]);
  const closed = line.close();
  server.close();
  await closed;
});

Deno.test("a call takes answers of every version and shape", async () => {
  const { line, server } = await clientOf();
  const answers: [string, unknown][] = [
    ['{"jsonrpc":"2.0","id":ID,"result":{"a":1}}', { a: 1 }],
    ['{"id":ID,"result":5,"error":null}', 5],
    ['{"result":null,"id":ID}', null],
    ['{"jsonrpc":"2.0","result":[1],"id":ID,"extra":1}', [1]],
    ['{"jsonrpc":"2.0","id":ID,"result":"\\u0041"}', "A"],
    ['[{"jsonrpc":"2.0","id":ID,"result":false}]', false],
  ];
  for (const [n, [text, result]] of answers.entries()) {
    const call = line.request("m");
    await server.answer();
    await server.send(text.replace("ID", String(n + 1)));
    assertEquals(await within(call, text), result);
  }
  const refusals: [string, number, string][] = [
    [
      '{"jsonrpc":"2.0","id":ID,"error":{"code":-32601,"message":"Method not found"}}',
      -32601,
      "Method not found",
    ],
    ['{"id":ID,"result":null,"error":"text"}', -32002, "text"],
    ['{"jsonrpc":"2.0","id":ID,"error":{}}', -32002, "{}"],
  ];
  for (const [n, [text, code, message]] of refusals.entries()) {
    const call = line.request("m");
    await server.answer();
    await server.send(text.replace("ID", String(answers.length + n + 1)));
    const error = await assertRejects(() => within(call, text), RpcError);
    assertEquals([error.code, error.toJSON().message], [code, message]);
  }
  server.close();
  await line.close();
});

Deno.test("answers that no call waits for are told to onError, and none of them is answered", async () => {
  const { line, server, errors } = await clientOf();
  const call = line.request("m");
  await server.answer();
  await server.send(
    { jsonrpc: "2.0", id: 99, result: 1 },
    { jsonrpc: "2.0", id: "abc", error: { code: 1, message: "of another" } },
    { jsonrpc: "2.0", method: "$/unknown" },
    { jsonrpc: "2.0", method: "unknown", params: {} },
    { jsonrpc: "2.0", id: 1, result: "first" },
    { jsonrpc: "2.0", id: 1, result: "second" },
    { jsonrpc: "2.0", id: null, error: { code: -32700, message: "Parse error" } },
  );
  assertEquals(await call, "first");
  await until(() => errors.length === 4, "all to be told");
  assertEquals(errors.map((error) => (error as RpcError).message), [
    'The peer answered a call with the id "99", and none waits for it',
    'The peer answered a call with the id "\\"abc\\"", and none waits for it: of another',
    'The peer answered a call with the id "1", and none waits for it',
    "Parse error",
  ]);
  const asked = line.request("m");
  assertEquals((await server.answer()).id, 2, "and none of it was answered");
  server.close();
  await assertRejects(() => asked, ConnectionLostError);
  await line.close();
});

Deno.test("a request to a client that serves nothing is METHOD_NOT_FOUND", async () => {
  const { line, server } = await clientOf();
  assertEquals((await server.ask(request(1, "anything"))).error?.code, -32601);
  server.close();
  await line.close();
});

Deno.test("a call that is too large for the server rejects, and smaller ones do not", async () => {
  for (const framing of FRAMING_NAMES) {
    await using local = serveLocally(api, { limits: { maxMessageBytes: 1000 } });
    const [here, there] = pipe();
    local.accept(there);
    await using line = await connectOver(here, { framing });
    const small = line.request("upper", ["x"]);
    const large = assertRejects(() => line.request("upper", ["x".repeat(1000)]), RpcError);
    assertEquals(await small, "X");
    assertEquals((await within(large, "the call to reject")).reason, "RESOURCE_EXHAUSTED");
    if (framing === "json") assertEquals(await line.request("upper", ["y"]), "Y");
  }
});

Deno.test("a call whose result nests too deep rejects", async () => {
  await using local = serveLocally({
    ...api,
    deep: method(() => JSON.parse("[".repeat(100) + "]".repeat(100))),
  });
  const [here, there] = pipe();
  local.accept(there);
  await using line = await connectOver(here);
  await assertRejects(() => within(line.request("deep"), "an answer"), RpcError);
  assertEquals(await line.request("upper", ["x"]), "X", "the line lives on");
});

Deno.test("a call whose result is over the client's limit rejects", async () => {
  for (const framing of FRAMING_NAMES) {
    await using local = serveLocally({ large: method(() => "x".repeat(2000)) });
    const [here, there] = pipe();
    local.accept(there);
    const limits = { maxMessageBytes: 1000, maxResponseBytes: 1000 };
    await using line = await connectOver(here, { framing, limits });
    const error = await assertRejects(() => within(line.request("large"), "an answer"));
    assert(error instanceof RpcError || error instanceof ConnectionLostError, String(error));
  }
});

Deno.test("calls that wait reject with ConnectionLostError and whether they were sent", async () => {
  for (const end of ["closeWrite", "close"] as const) {
    const { line, server } = await clientOf();
    const call = assertRejects(() => line.request("m"), ConnectionLostError);
    await server.answer();
    await server[end]();
    const error = await within(call, "the call to reject");
    assertEquals(error.sent, true);
    assertStringIncludes(error.message, "The connection ended: the peer closed the connection");
    const { reason } = await within(line.closed, "the line to close");
    assertStringIncludes(reason, "the peer closed the connection");
    const later = await assertRejects(() => line.request("m"), ConnectionLostError);
    assertEquals(later.sent, false);
    await line.close();
    server.close();
  }
});

Deno.test("close() sends what was said before, and cancels what waits", async () => {
  const { line, server } = await clientOf();
  const call = assertRejects(() => line.request("m"), ConnectionLostError, "The line was closed");
  assertEquals((await server.answer()).method, "m");
  line.notify.note("x");
  const closed = line.close();
  assertEquals((await server.messages()).map(({ method, params }) => [method, params]), [
    ["note", ["x"]],
    ["$/cancelRequest", { id: 1 }],
  ]);
  await call;
  server.close();
  await closed;
});

Deno.test("a client that only calls answers nothing that it cannot read: its call fails, or onError is told", async () => {
  const { line, server, errors } = await clientOf();
  const broken = ["no JSON", "[]", "5", '{"jsonrpc":"2.0","id":true,"result":1}', "[5]"];
  await server.send(...broken);
  await until(() => errors.length === broken.length, "all to be told");
  for (const [n, text] of broken.entries()) {
    const call = assertRejects(() => line.request("m"), RpcError, "Cannot read what the peer sent");
    assertEquals((await server.answer()).id, n + 1, "and none of it was answered");
    await server.send(text);
    await within(call, text);
  }
  assertEquals(errors.length, broken.length);
  server.close();
  await line.close();
});

Deno.test("bytes that a peer sends after it was told goodbye do no harm", async () => {
  await using local = serveLocally(api);
  using peer = local.peer("length");
  await peer.write(new Uint8Array([0, 255, 255, 255]));
  assertEquals((await peer.answer()).error?.code, -32008);
  await peer.write(bytesOf(JSON.stringify(request(1, "upper", ["x"])))).catch(() => {});
  assertEquals(await peer.messages(), []);
});
