// Bytes among JSON: marked on the wire, a Uint8Array at both ends, and nothing is guessed.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { type } from "npm:arktype@2";
import { Buffer } from "node:buffer";
import fc from "npm:fast-check@4";
import * as v from "npm:valibot@1";
import * as z from "npm:zod@4";
import {
  decodeAt,
  decodeExactly,
  encodeArgument,
  encodeExactly,
  encodeValue,
  withMarkers,
} from "../../lib/message/base64.ts";
import { Argument } from "../../lib/message/encode.ts";
import {
  connect,
  ConnectionLostError,
  event,
  type Line,
  method,
  notification,
  type Peer,
  RpcError,
  serve,
  type ServeOptions,
  type StandardSchema,
  stream,
  withContext,
} from "../../lib/mod.ts";
import { Events, rejection } from "../support/events.ts";
import { connectOver } from "../support/local.ts";
import { pipe } from "../support/memory.ts";
import { RawPeer } from "../support/raw.ts";

const bytes = z.instanceof(Uint8Array);
const SOME = new Uint8Array([1, 2, 255]);
const MARKER = { $base64: "AQL/" };

/** Takes bytes, and says how many; anything else it refuses without saying where. */
const byHand: StandardSchema<Uint8Array, number> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      Promise.resolve(
        value instanceof Uint8Array
          ? { value: value.length }
          : { issues: [{ message: "expected bytes" }] },
      ),
  },
};

const told = new Events();
const clientApi = { flip: method(bytes, (value) => value.toReversed()) };
const called = withContext<{ peer: Peer<typeof clientApi> }>();

const api = {
  sum: method(bytes, (value) => value.reduce((a, b) => a + b, 0)),
  echo: method(bytes, (value) => value),
  short: method(bytes.refine((value) => value.length < 3, "too long"), (value) => value.length),
  file: method(z.object({ name: z.string(), data: bytes, rest: z.any() }), (file) => file),
  pair: method(z.tuple([bytes, z.number()]), ([value, n]) => value[n]),
  list: method(z.array(bytes), (list) => list.map((value) => value.length)),
  either: method(z.union([z.string(), bytes]), (value) => value),
  deep: method(
    z.object({ a: z.array(z.object({ b: z.union([z.null(), bytes]) })) }),
    (value) => value,
  ),
  any: method(z.any(), (value) => value),
  record: method(z.record(z.string(), z.any()), (value) => value),
  valibot: method(v.object({ data: v.instance(Uint8Array) }), ({ data }) => data),
  valibotUnion: method(v.union([v.number(), v.instance(Uint8Array)]), (value) => value),
  arktype: method(
    type({ data: "TypedArray.Uint8", "more?": "TypedArray.Uint8[]" }),
    (value) => value,
  ),
  byHand: method(byHand, (length) => length),
  made: method(z.int(), (length) => new Uint8Array(length).fill(7)),
  buffer: method(() => ({ own: Buffer.from([1, 2, 255]), also: [Buffer.alloc(0)] })),
  tell: notification(bytes, (value) => told.add(value.toBase64())),
  chunks: stream(bytes, function* (value) {
    for (const byte of value) yield { chunk: new Uint8Array([byte]), plain: { $base64: "AA==" } };
    return value;
  }),
  events: stream(function* () {
    yield event("1", SOME);
    yield event("2", Buffer.from(SOME));
    yield event("3", { $base64: "AA==" });
  }),
  total: method(async (_, { items }) => {
    let total = 0;
    for await (const item of items) total += typeof item === "string" ? 1000 : item.length;
    return total;
  }, { items: z.union([bytes, z.string()]) }),
  back: called.method(bytes, async (value, { peer }) => await peer.call.flip(value)),
};

/** The API behind a socket, and a client of it. */
async function served(options: ServeOptions = {}) {
  const server = serve(api, { listen: "tcp://127.0.0.1:0", ...options });
  const line: Line<typeof api> = await connect<typeof api>(server.addresses[0]!, {
    api: clientApi,
  });
  return {
    server,
    line,
    peer: () => RawPeer.dial(server.addresses[0]!),
    async [Symbol.asyncDispose]() {
      await line.close();
      await server.shutdown(0);
    },
  };
}

const request = (id: number, method: string, params?: unknown) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});

// ---- Through a socket ----------------------------------------------------------------------------------

Deno.test("bytes arrive as bytes, wherever they stand in params and in results", async () => {
  await using site = await served();
  const { call } = site.line;
  assertEquals(await call.sum(SOME), 258);
  assertEquals(await call.echo(SOME), SOME);
  assertEquals(await call.echo(new Uint8Array()), new Uint8Array());
  assertEquals(await call.short(new Uint8Array(2)), 2);
  const file = { name: "x", data: SOME, rest: 1 };
  assertEquals(await call.file(file), file);
  assertEquals(await call.pair([SOME, 2]), 255);
  assertEquals(await call.list([]), []);
  assertEquals(await call.list([SOME]), [3]);
  assertEquals(await call.list([SOME, new Uint8Array(), SOME]), [3, 0, 3]);
  assertEquals(await call.either(SOME), SOME);
  assertEquals(await call.either("text"), "text");
  const deep = { a: [{ b: SOME }, { b: null }, { b: new Uint8Array() }] };
  assertEquals(await call.deep(deep), deep);
  assertEquals(await site.line.request("sum", [SOME]), 258);
  assertEquals(await site.line.request("file", file), file);
});

Deno.test("bytes arrive whatever is known of them: with metadata, deadlines, in batches, unanswered", async () => {
  await using site = await served();
  const { call, notify } = site.line;
  assertEquals(await call.echo(SOME, { timeout: 5000 }), SOME);
  assertEquals(await call.echo(SOME, { meta: { a: 1 }, timeout: 5000 }), SOME);
  assertEquals(await call.short(new Uint8Array(1), { meta: { a: 1 } }), 1);
  const [echo, sum, made] = site.line.batch((
    call,
  ) => [call.echo(SOME), call.sum(SOME), call.made(2)]);
  assertEquals([await echo, await sum, await made], [SOME, 258, new Uint8Array([7, 7])]);
  notify.tell(SOME);
  await told.has("AQL/");
});

Deno.test("the first answers of a line are read right when several come before it knows how", async () => {
  await using site = await served();
  const { line: { batch, call } } = site;
  const answers = [
    ...batch((call) => [call.echo(SOME), call.sum(SOME)]),
    call.echo(SOME),
    call.made(1),
  ];
  assertEquals(await Promise.all(answers), [SOME, 258, SOME, new Uint8Array([7])]);
});

Deno.test("valibot, arktype and schemas by hand take bytes as zod does", async () => {
  await using site = await served();
  const { call } = site.line;
  assertEquals(await call.valibot({ data: SOME }), SOME);
  assertEquals(await call.valibotUnion(SOME), SOME);
  assertEquals(await call.valibotUnion(5), 5);
  assertEquals(await call.arktype({ data: SOME }), { data: SOME });
  assertEquals(await call.arktype({ data: SOME, more: [SOME, SOME] }), {
    data: SOME,
    more: [SOME, SOME],
  });
  assertEquals(await call.byHand(SOME), 3);
});

Deno.test("a Buffer is bytes too", async () => {
  await using site = await served();
  assertEquals(await site.line.call.buffer(), { own: SOME, also: [new Uint8Array()] });
  assertEquals(await site.line.call.sum(Buffer.from([1, 2, 255])), 258);
});

Deno.test("streams carry bytes in both directions", async () => {
  await using site = await served();
  const { call } = site.line;
  const chunks: unknown[] = [];
  const items = call.chunks(SOME)[Symbol.asyncIterator]();
  for (;;) {
    const next = await items.next();
    chunks.push(next.value);
    if (next.done) break;
  }
  const plain = { $base64: "AA==" };
  assertEquals(chunks, [
    { chunk: new Uint8Array([1]), plain },
    { chunk: new Uint8Array([2]), plain },
    { chunk: new Uint8Array([255]), plain },
    SOME,
  ]);
  assertEquals(
    await call.chunks(SOME),
    [1, 2, 255].map((n) => ({ chunk: new Uint8Array([n]), plain })),
  );
  const events = [SOME, SOME, { $base64: "AA==" }];
  assertEquals<unknown>(await Array.fromAsync(call.events()), events);
  assertEquals<unknown>(await call.events(), events);
  async function* more() {
    for (let n = 0; n < 200; n++) yield n % 2 === 0 ? new Uint8Array(n) : `${n}`;
  }
  assertEquals(await call.total(undefined, { items: more() }), 100 * 1000 + 99 * 100);
});

Deno.test("a handler that calls back sends bytes, and gets bytes", async () => {
  await using site = await served();
  assertEquals(await site.line.call.back(SOME), SOME.toReversed());
});

Deno.test("bytes count by what they are on the wire, against the same limits", async () => {
  const large = crypto.getRandomValues(new Uint8Array(1 << 16));
  const megabyte = new Uint8Array(1 << 20).map((_, i) => large[i % large.length]!);
  await using strict = await served();
  assertEquals(await strict.line.call.made(1 << 20), new Uint8Array(1 << 20).fill(7));
  const error = await rejection(strict.line.call.echo(megabyte));
  assert(error instanceof RpcError && error.reason === "RESOURCE_EXHAUSTED");
  const long = await rejection(strict.line.call.made(7 << 20));
  assert(long instanceof RpcError && long.reason === "RESOURCE_EXHAUSTED");
  await using site = await served({ limits: { maxMessageBytes: 2 << 20 } });
  assertEquals(await site.line.call.echo(megabyte), megabyte);
});

// ---- What is no bytes ----------------------------------------------------------------------------------

Deno.test("what only looks like a marker comes back as it was", async () => {
  await using site = await served();
  const { call } = site.line;
  for (
    const value of [
      MARKER,
      { $base64: "" },
      { $base64: "no base64!" },
      { $$base64: "AQL/" },
      { $$$base64: "x" },
      { $base64: 5 },
      { $base64: { $base64: "AA==" } },
      { $base64: "AA==", other: 1 },
      { a: [MARKER, { $$base64: "AA==" }], b: {} },
      { text: '{"$base64":"AA=="}' },
      { base64: "AA==" },
    ]
  ) {
    assertEquals(await call.any(value), value);
    assertEquals(await call.record(value), value);
    assertEquals(await site.line.request("rpc.ping", value), value);
  }
});

Deno.test("a schema that takes anything gets the marker as it came", async () => {
  await using site = await served();
  const { call } = site.line;
  assertEquals(await call.any({ a: SOME }), { a: MARKER });
  const { data, rest } = await call.file({ name: "x", data: SOME, rest: SOME });
  assertEquals<unknown>([data, rest], [SOME, MARKER]);
});

Deno.test("a marker without base64 is refused, and it is said which", async () => {
  await using site = await served();
  using peer = await site.peer();
  const issuesOf = async (name: string, params: unknown) => {
    const { error } = await peer.ask(request(1, name, params));
    assertEquals(error?.code, -32602);
    return (error!.data as { issues: { path: unknown[]; message: string }[] }).issues;
  };
  for (const text of ["A", "AQL_", "=", "%"]) {
    const [issue] = await issuesOf("file", { name: "x", data: { $base64: text }, rest: 1 });
    assertEquals(issue!.path, ["data"]);
    assert(issue!.message.startsWith("$base64 holds no base64: "), issue!.message);
  }
  assertEquals((await issuesOf("list", [MARKER, { $base64: "A" }]))[0]!.path, [1]);
  assert((await issuesOf("sum", [{ $base64: "A" }])).length > 0);
  assert((await issuesOf("sum", [{ $base64: 5 }])).length > 0);
  assert((await issuesOf("sum", [{ $base64: "AA==", more: 1 }])).length > 0);
  assert((await issuesOf("sum", [{ $$base64: "AA==" }])).length > 0);
  // What is wrong with the bytes themselves is told, not that they came as a marker.
  assertEquals(await issuesOf("short", [MARKER]), [{ path: [], message: "too long" }]);
  const [issue, ...others] = await issuesOf("file", { name: 5, data: MARKER, rest: 1 });
  assertEquals([issue!.path, others], [["name"], []]);
});

Deno.test("an item without base64 ends the call", async () => {
  await using site = await served();
  using peer = await site.peer();
  const credit = await peer.ask(request(1, "total", []));
  assertEquals(credit.method, "$/stream/credit");
  const item = { id: 1, dir: "up", value: { $base64: "A" } };
  const { error } = await peer.ask({ jsonrpc: "2.0", method: "$/stream/item", params: item });
  assertEquals(error?.code, -32602);
});

// ---- On the wire ---------------------------------------------------------------------------------------

Deno.test("a peer without the library sends markers and sees markers", async () => {
  await using site = await served();
  using peer = await site.peer();
  const ask = async (name: string, params: unknown) =>
    (await peer.ask(request(1, name, params))).result;
  assertEquals(await ask("sum", [MARKER]), 258);
  assertEquals(await ask("sum", MARKER), 258);
  assertEquals(await ask("sum", { value: MARKER }), 258);
  assertEquals(await ask("sum", { value: MARKER, _meta: {} }), 258);
  assertEquals(await ask("short", { value: { $base64: "AA" }, _meta: {} }), 1);
  assertEquals(await ask("echo", [{ $base64: "A Q\nL/" }]), MARKER);
  assertEquals(await ask("file", ["x", MARKER, MARKER]), {
    name: "x",
    data: MARKER,
    rest: { $$base64: "AQL/" },
  });
  assertEquals(await ask("pair", [MARKER, 1]), 2);
  assertEquals(await ask("valibot", { data: MARKER }), MARKER);
  assertEquals(await ask("any", { $$base64: "x" }), { $$$base64: "x" });
  assertEquals(await ask("made", [0]), { $base64: "" });
  const info = await ask("rpc.serverInfo", undefined) as { extensions: string[] };
  assert(info.extensions.includes("bytes"));
});

/** A client whose server is the test. */
async function clientOf() {
  const [here, there] = pipe();
  return { line: await connectOver<typeof api>(here), server: new RawPeer(there, "json") };
}

Deno.test("a client writes bytes as the only item, and inside values as they stand", async () => {
  const { line, server } = await clientOf();
  line.notify.sum(SOME);
  assertEquals(
    await server.text(),
    '{"jsonrpc":"2.0","method":"sum","params":[{"$base64":"AQL/"}]}',
  );
  line.notify.file({ name: "x", data: SOME, rest: [MARKER] });
  assertEquals((await server.answer()).params, { name: "x", data: MARKER, rest: [MARKER] });
  line.notify.any(MARKER);
  assertEquals((await server.answer()).params, MARKER);
  await line.close();
});

Deno.test("a server's marker stays as it is where the server does not mark bytes", async () => {
  for (
    const about of [{ error: { code: -32601, message: "no" } }, {
      result: { extensions: ["meta"] },
    }]
  ) {
    const { line, server } = await clientOf();
    const call = line.request("a");
    const { id } = await server.answer();
    await server.send({ jsonrpc: "2.0", id, result: MARKER });
    const asked = await server.answer();
    assertEquals(asked.method, "rpc.serverInfo");
    await server.send({ jsonrpc: "2.0", id: asked.id, ...about });
    assertEquals(await call, MARKER);
    // It is asked once.
    const again = line.request("a");
    await server.send({
      jsonrpc: "2.0",
      id: (await server.answer()).id,
      result: [{ $$base64: "x" }],
    });
    assertEquals(await again, [{ $$base64: "x" }]);
    await line.close();
  }
});

Deno.test("a client does not ask whether a server marks bytes while it sees no markers", async () => {
  const { line, server } = await clientOf();
  for (const result of [1, "$base64 is a name", {}, [{ base64: "AA==" }]]) {
    const call = line.request("a");
    const { id, method } = await server.answer();
    assertEquals(method, "a");
    await server.send({ jsonrpc: "2.0", id, result });
    assertEquals(await call, result);
  }
  await line.close();
});

Deno.test("rpc.serverInfo is read as it came, marker or not", async () => {
  const { line, server } = await clientOf();
  const call = line.request("rpc.serverInfo");
  const { id } = await server.answer();
  await server.send({ jsonrpc: "2.0", id, result: MARKER });
  assertEquals(await call, MARKER);
  const other = line.request("a");
  await server.send({ jsonrpc: "2.0", id: (await server.answer()).id, result: MARKER });
  const asked = await server.answer();
  assertEquals(asked.method, "rpc.serverInfo");
  await server.send({
    jsonrpc: "2.0",
    id: asked.id,
    result: { extensions: ["bytes"], note: MARKER },
  });
  assertEquals(await other, SOME);
  await line.close();
});

Deno.test("a server that says that it marks bytes, and does not, fails the call", async () => {
  const { line, server } = await clientOf();
  const call = rejection(line.request("a"));
  await server.send({ jsonrpc: "2.0", id: (await server.answer()).id, result: { $base64: "?" } });
  await server.send({
    jsonrpc: "2.0",
    id: (await server.answer()).id,
    result: { extensions: ["bytes", "meta", "stream"] },
  });
  const error = await call;
  assertInstanceOf(error, TypeError);
  assert(error.message.startsWith("Cannot read the answer of a: "), error.message);
  const items = line.call.chunks(SOME)[Symbol.asyncIterator]();
  const next = rejection(items.next());
  const { id } = await server.answer();
  await server.send({
    jsonrpc: "2.0",
    method: "$/stream/item",
    params: { id, value: { $base64: "?" } },
  });
  assertInstanceOf(await next, TypeError);
  assertEquals(await server.answer(), {
    jsonrpc: "2.0",
    method: "$/cancelRequest",
    params: { id },
  });
  await line.close();
});

Deno.test("a call whose answer cannot be understood any more fails, and gives nothing wrong", async () => {
  const { line, server } = await clientOf();
  const call = rejection(line.request("a"));
  const { id } = await server.answer();
  await server.send({ jsonrpc: "2.0", id, result: MARKER });
  const asked = await server.answer();
  await server.send({
    jsonrpc: "2.0",
    id: asked.id,
    error: { code: -32014, message: "Busy", data: { name: "UNAVAILABLE" } },
  });
  assertInstanceOf(await call, TypeError);
  // It is asked again when it matters again.
  const lost = rejection(line.request("b"));
  await server.send({ jsonrpc: "2.0", id: (await server.answer()).id, result: MARKER });
  assertEquals((await server.answer()).method, "rpc.serverInfo");
  server.close();
  assertInstanceOf(await lost, ConnectionLostError);
  await line.close();
});

Deno.test("bytes that a server answers while it drains are understood", async () => {
  const gate = Promise.withResolvers<Uint8Array>(), begun = new Events();
  const slow = {
    wait: method(() => {
      begun.add("wait");
      return gate.promise;
    }),
  };
  const server = serve(slow, { listen: "tcp://127.0.0.1:0" });
  await using line = await connect<typeof slow>(server.addresses[0]!, { reconnect: false });
  const call = line.call.wait();
  await begun.count(1);
  const ended = server.shutdown();
  // The client asks when it is told that the server goes.
  await rejection(line.request("rpc.health"));
  for (;;) {
    const error = await rejection(line.request("nothing"));
    if (error instanceof ConnectionLostError) break;
  }
  gate.resolve(SOME);
  assertEquals(await call, SOME);
  await ended;
});

// ---- The functions -------------------------------------------------------------------------------------

const anyBytes = fc.uint8Array({ maxLength: 20 });
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.jsonValue({ maxDepth: 1 }),
    anyBytes,
    fc.array(tie("tree"), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(
        fc.string({ maxLength: 3 }),
        fc.constantFrom("$base64", "$$base64", "__proto__", "0"),
      ),
      tie("tree"),
      { maxKeys: 3, noNullPrototype: true },
    ),
    fc.record({ $base64: fc.oneof(fc.base64String({ maxLength: 8 }), tie("tree")) }),
    fc.record({ $$base64: fc.string({ maxLength: 4 }) }),
  ),
}));

/** As JSON keeps it: no -0. */
const json = tree.map((value) =>
  JSON.parse(
    JSON.stringify(value, (_, member) =>
      member instanceof Uint8Array ? { "\0": member.toBase64() } : member),
    (_, member) =>
      member !== null && typeof member === "object" && "\0" in member
        ? Uint8Array.fromBase64(member["\0"])
        : member,
  ) as unknown
);

Deno.test("decodeExactly() gives what encodeExactly() was given", () => {
  fc.assert(
    fc.property(json, (value) => {
      assertEquals(decodeExactly(JSON.parse(encodeExactly(value)!)), value);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("any JSON value with bytes in it survives the way through a socket", async () => {
  let value: unknown;
  const server = serve({
    get: method(() => value),
    items: stream(function* () {
      yield value;
      yield value;
    }),
  }, { listen: "tcp://127.0.0.1:0" });
  await using line = await connect(server.addresses[0]!);
  await fc.assert(
    fc.asyncProperty(json, async (given) => {
      value = given;
      assertEquals(await line.call.get!(), value);
      const items: unknown[] = [];
      for await (const item of line.call.items!()) items.push(item);
      assertEquals(items, [value, value]);
    }),
    { numRuns: 200 },
  );
  await line.close();
  await server.shutdown(0);
});

const FAR = Array.from({ length: 100 }, (_, i) => i);

Deno.test("encodeValue() writes as JSON.stringify does what has no bytes in it", () => {
  class Money {
    toJSON(key: string) {
      return { key, empty: {} };
    }
  }
  for (
    const value of [
      undefined,
      null,
      1,
      "{}",
      {},
      [],
      [{}],
      { 0: "zero", 1: { $base64: "AA==" } },
      { date: new Date(0), url: new URL("http://a/"), text: new String("x") },
      [new Money(), { money: new Money() }],
      { f() {}, u: undefined, s: Symbol(), list: [undefined], e: {} },
      Object.create({ inherited: {} }),
      JSON.parse('{"__proto__":{"a":{}}}'),
      { toJSON: () => undefined },
      { toJSON: () => ({ toJSON: () => "never" }), e: {} },
    ]
  ) {
    assertEquals(encodeValue(value), JSON.stringify(value));
    assertEquals(encodeValue([value, ...FAR]), JSON.stringify([value, ...FAR]));
    assertEquals(
      decodeExactly(JSON.parse(encodeExactly([value])!)),
      JSON.parse(JSON.stringify([value])),
    );
    assertEquals(JSON.stringify(withMarkers(value)), JSON.stringify(value));
    assertEquals(encodeArgument(value)?.text, JSON.stringify(value));
  }
});

Deno.test("encodeValue() finds bytes wherever they stand", () => {
  const marker = '{"$base64":"AQL/"}';
  assertEquals(encodeValue(SOME), marker);
  assertEquals(encodeArgument(SOME), new Argument(marker, false));
  assertEquals(encodeValue([...FAR, SOME]), `[${FAR},${marker}]`);
  assertEquals(encodeValue([...FAR, Buffer.from(SOME)]), `[${FAR},${marker}]`);
  assertEquals(encodeValue([...FAR, new Uint8Array()]), `[${FAR},{"$base64":""}]`);
  assertEquals(encodeValue({ toJSON: () => [SOME] }), `[${marker}]`);
  assertEquals(encodeValue({ a: { toJSON: () => SOME } }), `{"a":${marker}}`);
  assertEquals(encodeValue(SOME.subarray(1)), '{"$base64":"Av8="}');
  assertEquals(encodeValue(new (class Own extends Uint8Array {})(1)), '{"$base64":"AA=="}');
});

Deno.test("decodeAt() decodes at and below the places that were refused, and nowhere else", () => {
  const value = {
    a: { ...MARKER },
    b: { c: [{ ...MARKER }, 1], d: { ...MARKER } },
    e: { $base64: "?" },
  };
  const at = (...paths: (string | number)[][]) =>
    decodeAt(value, paths.map((path) => ({ path, message: "" })));
  assertEquals(at(["a"]).value, { ...value, a: SOME });
  assertEquals(at(["a", "length"]).value, { ...value, a: SOME });
  assertEquals(at(["b"]).value, { ...value, b: { c: [SOME, 1], d: SOME } });
  assertEquals(at(["b", "c", 0], ["a"]).value, {
    ...value,
    a: SOME,
    b: { c: [SOME, 1], d: MARKER },
  });
  for (
    const path of [["b", "c", 1], ["b", "x"], ["x", "y", "z"], ["toString"], ["b", "c", "length"]]
  ) {
    assert(at(path).value === value, String(path));
  }
  const { value: whole, wrong } = at([]);
  assertEquals(whole, { a: SOME, b: { c: [SOME, 1], d: SOME }, e: { $base64: "?" } });
  assertEquals(wrong.map(({ path }) => path), [["e"]]);
  assertEquals(value.a, MARKER, "what came stays as it is");
});
