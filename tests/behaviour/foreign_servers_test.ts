// Servers that are not ours, and answer in ways of their own: no call waits for ever, no error is
// invented, and nothing that answers is answered.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  connect,
  ConnectionLostError,
  type ConnectOptions,
  type Line,
  method,
  type Peer,
  RpcError,
  withContext,
} from "../../lib/mod.ts";
import { turn, until, within } from "../support/deadline.ts";
import { rejection } from "../support/events.ts";
import { connectOver, serveLocally } from "../support/local.ts";
import { pipe } from "../support/memory.ts";
import { callOdd, ODD_SERVERS, PAGE, withoutTimes, withTable } from "../support/odd_servers.ts";
import { RawPeer } from "../support/raw.ts";
import { ANYTHING } from "../support/schemas.ts";

/** Far more than any of them takes: a call that ends by this has waited in vain. */
const TIMEOUT = 25_000;

for (const odd of ODD_SERVERS) {
  Deno.test(`a server that sends ${odd.does} ends a call`, async () => {
    const plain = await within(callOdd(odd, { extensions: false }), "an outcome");
    assertEquals(plain.gives, odd.gives);
    assertEquals(plain.reports, odd.reports ?? []);
    const builtins = plain.heard.filter((method) => method?.startsWith("rpc."));
    assertEquals(builtins, [], "it sees plain JSON-RPC");
    const answers = plain.heard.filter((method) => method === undefined);
    assertEquals(answers.length, odd.asks ?? 0, "what answers is not answered");
    const asked = await callOdd(odd, { timeout: TIMEOUT });
    assertEquals(asked.gives, odd.gives, "also where it is asked for its extensions");
  });
}

Deno.test("docs/foreign-servers.md has the table of odd servers", async () => {
  const page = await Deno.readTextFile(PAGE);
  const current = withTable(page, ODD_SERVERS.map(() => "0.0"));
  assertEquals(withoutTimes(page), withoutTimes(current));
});

// ---- A conversation with one of them ---------------------------------------------------------------

/** A client, and the server in the hands of the test. */
async function conversation(options: ConnectOptions = {}) {
  const errors: unknown[] = [];
  const [here, there] = pipe();
  const server = new RawPeer(there, options.framing ?? "json");
  const line = await connectOver<{ note: ReturnType<typeof method> }>(here, {
    onError: (error) => void errors.push(error),
    ...options,
  });
  return {
    line: line as unknown as Line,
    server,
    errors,
    async [Symbol.asyncDispose]() {
      server.close();
      await line.close();
    },
  };
}

const refused = (id: unknown, message = "no", code = -32000) => ({
  jsonrpc: "2.0",
  id,
  error: { code, message },
});
const answer = (id: unknown, result: unknown) => ({ jsonrpc: "2.0", id, result });

/** What each promise came to. */
async function outcomes(calls: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await within(Promise.allSettled(calls), "all calls to end");
  return settled.map((it) => it.status === "fulfilled" ? it.value : it.reason.message);
}

Deno.test("a server that ignores rpc.serverInfo gets plain calls, and none waits for ever", async () => {
  await using ends = await conversation();
  const { line, server } = ends;
  const calls = [
    Array.fromAsync(line.request("list")),
    line.request("meta", {}, { meta: { a: 1 } }),
    line.request("progress", {}, { onProgress: () => {} }),
  ];
  assertEquals((await server.answer()).method, "rpc.serverInfo");
  const marked = line.request("marked");
  const { id } = await server.answer();
  await server.send(answer(id, { $base64: "AQ==" })); // is it bytes? The server does not say
  const plain = await server.answers(3);
  assertEquals(plain.map(({ method }) => method), ["list", "meta", "progress"]);
  for (const { id, method, params } of plain) {
    assertEquals(Object.hasOwn((params ?? {}) as object, "_meta"), false);
    await server.send(answer(id, [method]));
  }
  assertEquals(await outcomes(calls), [["list"], ["meta"], ["progress"]]);
  assertEquals(await within(marked, "the marked answer"), { $base64: "AQ==" });
  const items = await rejection(line.request("total", {}, { items: [1, 2] } as object));
  assertEquals((items as RpcError).reason, "UNAVAILABLE");
});

Deno.test("items are refused where the server takes none: they are never dropped", async () => {
  for (const extensions of [true, false]) {
    await using ends = await conversation({ extensions });
    const { line, server } = ends;
    const call = rejection(line.request("total", {}, { items: [1, 2] } as object));
    if (extensions) await server.send(refused((await server.answer()).id, "what?", -32601));
    const error = await call;
    assertInstanceOf(error, RpcError);
    assertEquals(error.reason, "UNIMPLEMENTED");
    assertStringIncludes(error.message, "Cannot call total with items: the server takes none");
  }
});

Deno.test("errors without an id end calls once there are as many of them as calls", async () => {
  await using ends = await conversation();
  const { line, server } = ends;
  const calls = [line.request("a"), line.request("b"), line.request("c")];
  await server.answers(3);
  await server.send(refused(null, "first"), answer(2, "B"), refused(null, "second"));
  assertEquals(await outcomes(calls), ["first", "B", "second"]);
});

Deno.test("an error without an id that came first is of the call that is left", async () => {
  await using ends = await conversation();
  const { line, server, errors } = ends;
  const calls = [line.request("a"), line.request("b")];
  await server.answers(2);
  await server.send(refused(null, "whose?"));
  await until(() => errors.length === 1, "it to be told");
  const later = line.request("c"); // it came before this was sent
  await server.answer();
  await server.send(answer(1, "A"));
  assertEquals(await outcomes(calls), ["A", "whose?"]);
  await server.send(answer(3, "C"));
  assertEquals(await later, "C");
});

Deno.test("an error without an id may be about a notification that went out since the call", async () => {
  await using ends = await conversation();
  const { line, server, errors } = ends;
  line.notify.before!("x"); // notifications get no answer: the next error is about the call
  const first = line.request("a");
  await server.answers(2);
  await server.send(refused(null, "about a"));
  assertEquals(await outcomes([first]), ["about a"]);
  const second = line.request("b");
  await server.answer();
  line.notify.after!("x");
  await server.answer();
  await server.send(refused(null, "about what?"));
  await until(() => errors.length === 1, "it to be told");
  await server.send(answer(2, "B"));
  assertEquals(await second, "B");
  const third = line.request("c");
  await server.answer();
  line.notify.after!("x");
  await server.answer();
  await server.send(refused(null, "one"), refused(null, "other"));
  assertEquals(await outcomes([third]), ["other"]);
});

Deno.test("an error without an id may be about a call that was given up, and about its cancellation", async () => {
  await using ends = await conversation();
  const { line, server, errors } = ends;
  const signal = AbortSignal.timeout(1);
  await assertRejects(() => line.request("ignored", undefined, { signal }));
  assertEquals((await server.answers(2)).map(({ method }) => method), [
    "ignored",
    "$/cancelRequest",
  ]);
  const call = line.request("a");
  await server.answer();
  await server.send(refused(null, "Method not found", -32601));
  await until(() => errors.length === 1, "it to be told");
  await server.send(answer(2, "A"));
  assertEquals(await call, "A");
  await server.send(answer(1, "late")); // of the call that was given up: nobody is told
  const next = line.request("b");
  await server.answer();
  await server.send(refused(null, "about b")); // the server has read what was sent before b
  assertEquals(await outcomes([next]), ["about b"]);
  assertEquals(errors.length, 1);
});

Deno.test("a batch that is refused as a whole, or answered in part, ends all of its calls", async () => {
  await using ends = await conversation();
  const { line, server } = ends;
  const batch = () => line.batch((call) => [call.a!(), call.b!(), call.c!()]);
  const rows: [(first: number) => unknown, unknown[]][] = [
    [() => refused(null), ["no", "no", "no"]],
    [() => [], [null, null, null]],
    [(id) => [answer(id, "A"), answer(id + 2, "C")], [
      "A",
      "The peer answered the batch without b",
      "C",
    ]],
    [(id) => [answer(id, "A"), refused(null, "not b"), answer(id + 2, "C")], ["A", "not b", "C"]],
    [(id) => [answer(id, "A"), { id: id + 1 }, answer(id + 2, "C")], ["A", null, "C"]],
    [(id) => [answer(id, "A"), 42, answer(id + 2, "C")], ["A", null, "C"]],
    [(id) => [answer(`${id + 2}`, "C"), answer(`${id}`, "A"), answer(`${id + 1}`, "B")], [
      "A",
      "B",
      "C",
    ]],
  ];
  for (const [sends, expected] of rows) {
    const calls = batch();
    const [{ id }] = JSON.parse(await server.text());
    await server.send(JSON.stringify(sends(id)));
    const got = await outcomes(calls);
    for (const [n, value] of expected.entries()) {
      if (value !== null) assertEquals(got[n], value);
      else assertStringIncludes(String(got[n]), "Cannot read what the peer sent");
    }
  }
  // One by one is an answer too.
  const calls = batch();
  const sent = JSON.parse(await server.text());
  await server.send(...sent.map(({ id }: { id: number }) => answer(id, id)));
  assertEquals(await outcomes(calls), sent.map(({ id }: { id: number }) => id));
});

Deno.test("a number of another system has no name, and is no reason to try again", async () => {
  await using ends = await conversation();
  const { line, server } = ends;
  const call = rejection(line.request("get", undefined, { idempotent: true }));
  assertEquals((await server.answer()).id, 1);
  await server.send(refused(1, "Method not supported", -32014));
  const error = await call;
  assertInstanceOf(error, RpcError);
  assertEquals([error.code, error.reason], [-32014, undefined]);
  const again = line.request("get", undefined, { idempotent: true });
  assertEquals((await server.answer()).id, 2, "it was sent once");
  await server.send({
    ...refused(2, "busy", -32014),
    error: { code: -32014, message: "busy", data: { name: "UNAVAILABLE" } },
  });
  assertEquals((await server.answer()).id, 3, "our name is one");
  await server.send(answer(3, "got"));
  assertEquals(await again, "got");
});

Deno.test("a call that nests too deep for the server fails, and those beside it do not", async () => {
  await using local = serveLocally({
    echo: method(ANYTHING, (value) => value),
    hang: method((_, { signal }) =>
      new Promise<string>((resolve) => {
        signal.addEventListener("abort", () => resolve("ended"));
      })
    ),
  });
  const [here, there] = pipe();
  local.accept(there);
  await using line = await connectOver<{ echo: (value: unknown) => unknown }>(here);
  const untyped = line as unknown as Line;
  const hang = new AbortController();
  const beside = untyped.request("hang", undefined, { signal: hang.signal }).catch(() =>
    "given up"
  );
  await untyped.request("echo", [1]);
  const deep = JSON.parse("[".repeat(70) + "]".repeat(70));
  const error = await assertRejects(() => untyped.request("echo", deep), RpcError);
  assertStringIncludes(error.message, "more than 64 levels of nesting");
  hang.abort();
  assertEquals(await beside, "given up");
});

// ---- Plain JSON-RPC --------------------------------------------------------------------------------

Deno.test("with extensions: false a server sees the caller's calls and nothing else", async () => {
  await using ends = await conversation({ extensions: false, limits: { pingInterval: 10 } });
  const { line, server } = ends;
  const call = line.request("a", [1], { timeout: 10_000, meta: { tenant: "x" } });
  const items: unknown[] = [];
  const looped = (async () => {
    for await (const item of line.request("b", { c: 1 })) items.push(item);
  })();
  const given = AbortSignal.timeout(50); // five times what a ping waits for
  const ignored = rejection(line.request("ignored", undefined, { signal: given }));
  assertEquals(await server.text(), '{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}');
  assertEquals(await server.text(), '{"jsonrpc":"2.0","id":2,"method":"b","params":{"c":1}}');
  assertEquals(await server.text(), '{"jsonrpc":"2.0","id":3,"method":"ignored"}');
  await ignored;
  assertEquals(
    await server.text(),
    '{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":3}}',
  );
  await server.send(answer(1, { $base64: "AQL/" }), answer(2, ["x", "y"]));
  assertEquals(await call, { $base64: "AQL/" }, "the server did not say that it marks bytes");
  await looped;
  assertEquals(items, ["x", "y"]);
});

Deno.test("version 1.0 has no jsonrpc, a list of params, and null for the id of a notification", async () => {
  await using ends = await conversation({ version: "1.0" });
  const { line, server, errors } = ends;
  const [a] = line.batch((call) => [call.a!([1])]);
  const b = line.request("b", { c: 1 }, { timeout: 10_000 });
  const given = new AbortController();
  const c = rejection(line.request("c", undefined, { signal: given.signal }));
  line.notify.d!("x");
  await turn();
  given.abort(new Error("enough"));
  line.notify.e!();
  for (
    const text of [
      '{"id":1,"method":"a","params":[1]}',
      '{"method":"d","params":["x"],"id":null}',
      '{"id":2,"method":"b","params":[{"c":1}]}',
      '{"id":3,"method":"c","params":[]}',
      '{"method":"e","params":[],"id":null}',
    ]
  ) {
    assertEquals(await server.text(), text);
  }
  assertEquals((await c as Error).message, "enough");
  await server.send('{"id":1,"result":"A","error":null}', '{"id":2,"result":null,"error":"no"}');
  assertEquals(await a, "A");
  assertEquals(await outcomes([b]), ["no"]);
  await server.send(
    '{"id":3,"result":"late","error":null}',
    '{"id":"echo","method":"echo","params":[]}',
  );
  assertEquals(
    await server.text(),
    '{"id":"echo","result":null,"error":{"code":-32601,"message":"Method not found"}}',
  );
  assertEquals(errors, []);
});

Deno.test("connect() refuses versions and extensions that do not go together", async () => {
  const rows: [ConnectOptions, string][] = [
    [{ version: "1.1" as "1.0" }, 'version must be 1.0 or 2.0, it is "1.1"'],
    [{ version: "1.0", extensions: true }, "JSON-RPC 1.0 has no extensions"],
    [{ extensions: false, token: "x" }, "a token is an extension, it travels in rpc.authenticate"],
  ];
  for (const [options, why] of rows) {
    const error = await assertRejects(() => connect("tcp://127.0.0.1:1", options), TypeError);
    assertEquals(error.message, `Cannot connect: ${why}`);
  }
});

Deno.test("a peer that speaks 1.0 is called back, notified and left in 1.0", async () => {
  const { method: called } = withContext<{ peer: Peer }>();
  const hear = called(ANYTHING, async (_, { peer }) => {
    peer.notify.heard!({ n: 1 });
    return await peer.call.ask!("why?", { timeout: 10_000 });
  });
  await using local = serveLocally({ hear });
  using peer = local.peer();
  await peer.send('{"id":7,"method":"hear","params":[]}');
  assertEquals(await peer.text(), '{"method":"heard","params":[{"n":1}],"id":null}');
  assertEquals(await peer.text(), '{"id":1,"method":"ask","params":["why?"]}');
  await peer.send('{"id":1,"result":"because","error":null}');
  assertEquals(await peer.text(), '{"id":7,"result":"because","error":null}');
  await peer.send('{"jsonrpc":"2.0","id":8,"method":"hear"}');
  assertMatch(await peer.text(), /^\{"jsonrpc":"2\.0","method":"heard"/);
  assertMatch(await peer.text(), /^\{"jsonrpc":"2\.0","id":/);
  await peer.send('{"method":"hear","params":[],"id":null}');
  for (;;) {
    const text = await peer.text();
    if (text.includes("serverInfo")) continue; // asked of a peer of 2.0
    assertEquals(text, '{"method":"heard","params":[{"n":1}],"id":null}');
    break;
  }
  await peer.text();
  const ended = local.server.shutdown(0);
  const last = await peer.rest();
  assert(!new TextDecoder().decode(last).includes("$/goaway"), "1.0 knows no control messages");
  peer.close();
  await ended;
});

Deno.test("a server that hangs up behind each answer answers each call", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const heard: string[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      using peer = new RawPeer(conn, "json");
      const { id, method } = await peer.answer().catch(() => ({
        id: undefined,
        method: undefined,
      }));
      if (id === undefined) continue;
      heard.push(method!);
      await peer.send(
        method!.startsWith("rpc.") ? refused(id, "Method not found", -32601) : answer(id, method),
      );
    }
  })();
  const address = `tcp://127.0.0.1:${listener.addr.port}`;
  for (const extensions of [true, false]) {
    await using line = await connect(address, { extensions });
    for (const options of [{}, { timeout: 20_000 }, { timeout: 60_000 }, {}]) {
      assertEquals(await within(line.request("ping", undefined, options), "an answer"), "ping");
    }
  }
  assertEquals(heard.filter((method) => method === "ping").length, 8, "no call was sent twice");
  listener.close();
  await serving;
});

// ---- What is no server at all ----------------------------------------------------------------------

Deno.test("a line to an HTTP server ends, and each call says why", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("hello"),
  );
  const { port } = server.addr as Deno.NetAddr;
  await using line = await connect(`tcp://127.0.0.1:${port}`);
  const why = `an HTTP server answers at tcp://127.0.0.1:${port}; ` +
    `use http://127.0.0.1:${port}`;
  const first = await assertRejects(() => line.request("a"), ConnectionLostError);
  assertEquals(first.message, `The connection ended: ${why}`);
  assertEquals((await within(line.closed, "the line to end")).reason, why);
  const later = await assertRejects(() => line.request("b"), ConnectionLostError);
  assertEquals(later.message, `Cannot call b: the connection is closed: ${why}`);
});

Deno.test("what a server is does not depend on how its bytes were cut", async () => {
  await using ends = await conversation();
  const { line, server } = ends;
  const call = rejection(line.request("a"));
  await server.answer();
  for (const byte of "HTTP/") {
    await server.write(byte);
    await turn();
  }
  assertStringIncludes((await call as Error).message, "an HTTP server answers at");
});

Deno.test("a line of JSON that begins as another protocol would is no such protocol", async () => {
  for (const framing of ["headers", "json", "length"] as const) {
    await using ends = await conversation({ framing });
    const { line, server } = ends;
    const call = line.request("a");
    await server.answer();
    await server.send(answer(1, "HTTP/1.1 220 SSH-"));
    assertEquals(await call, "HTTP/1.1 220 SSH-");
  }
});

Deno.test("what a program prints for people ends no call", async () => {
  const errors: unknown[] = [];
  const program = `sh -c 'echo "listening on stdio"; read call; echo "220 got one"; ` +
    `echo "{\\"id\\":1,\\"result\\":\\"pong\\"}"; cat'`;
  await using line = await connect(`command:${encodeURIComponent(program)}`, {
    extensions: false,
    onError: (error) => void errors.push(error),
  });
  assertEquals(await within(line.request("ping"), "an answer"), "pong");
  assertEquals(errors.length, 2);
});
