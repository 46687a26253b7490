// The client as a script sees it. What one connection does is in connection_test.ts.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import * as z from "npm:zod@4";
import {
  type Api,
  connect,
  ConnectionLostError,
  method,
  RpcError,
  serve,
} from "../../../lib/mod.ts";
import { turn, within } from "../../support/deadline.ts";
import { rejection } from "../../support/events.ts";
import { connectOver } from "../../support/local.ts";
import { FRAMING_NAMES } from "../../support/raw.ts";
import { ANYTHING } from "../../support/schemas.ts";
import { socketPath } from "../../support/wires.ts";

const HERE = { listen: "tcp://127.0.0.1:0" };

const api = {
  upper: method(z.string(), (text) => text.toUpperCase()),
  echo: method(ANYTHING, (params) => params),
  framing: method((_, { peer }) => peer.framing),
  wait: method((_, { signal }) =>
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()))
  ),
};

Deno.test("connect() speaks the framing that it is told, lines by default", async () => {
  await using server = serve(api, HERE);
  const address = server.addresses[0]!;
  await using line = await connect<typeof api>(address);
  assertEquals([await line.call.framing(), line.peer.framing], ["json", "json"]);
  for (const framing of FRAMING_NAMES) {
    await using line = await connect<typeof api>(address, { framing });
    assertEquals([await line.call.framing(), line.peer.framing], [framing, framing]);
  }
  const wrong = { framing: "xml" as never };
  await assertRejects(() => connect(address, wrong), TypeError, 'it is "xml"');
});

Deno.test("connect() takes an address as text or as a URL", async () => {
  await using server = serve(api, HERE);
  for (const address of [server.addresses[0]!, new URL(server.addresses[0]!)]) {
    await using line = await connect<typeof api>(address);
    assertEquals(await line.call.upper("x"), "X");
  }
});

Deno.test("connect() rejects when nobody listens, or the address is none", async () => {
  const server = serve(api, HERE);
  const address = server.addresses[0]!;
  await server.shutdown();
  await assertRejects(() => connect(address), Deno.errors.ConnectionRefused);
  await assertRejects(() => connect(`unix://${socketPath()}`), Deno.errors.NotFound);
  for (
    const wrong of ["", "127.0.0.1:80", "tcp://", "tcp://127.0.0.1", "raw://x", "unix://rel/x"]
  ) {
    await assertRejects(() => connect(wrong), TypeError);
  }
});

Deno.test("connect() refuses limits that cannot be kept, before it dials", async () => {
  await assertRejects(
    () => connect("tcp://127.0.0.1:1", { limits: { maxDepth: -1 } }),
    RangeError,
    "maxDepth must be an integer from 1 to 1000 (count), it is -1",
  );
});

Deno.test("connect() gives up with the signal's reason, and when its time is over", async () => {
  await using server = serve(api, HERE);
  const address = server.addresses[0]!;
  const reason = new Error("not wanted any more");
  assertStrictEquals(
    await assertRejects(() => connect(address, { signal: AbortSignal.abort(reason) })),
    reason,
  );
  const controller = new AbortController();
  await using line = await connect<typeof api>(address, { signal: controller.signal });
  controller.abort(reason);
  assertEquals(await line.call.upper("x"), "X", "once connected the signal means nothing");

  // A listener whose backlog is full does not answer at all.
  using full = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = full.addr as Deno.NetAddr;
  const waiting: Deno.Conn[] = [];
  try {
    const error = await within(
      (async () => {
        for (;;) {
          try {
            const line = await connect(`tcp://127.0.0.1:${port}`, { connectTimeout: 50 });
            waiting.push({ close: () => line.close() } as unknown as Deno.Conn);
          } catch (error) {
            return error;
          }
        }
      })(),
      "a connection that nobody accepts",
    );
    assertInstanceOf(error, DOMException);
    assertEquals(error.name, "TimeoutError");
    assertStringIncludes(error.message, "50 ms");
  } finally {
    await Promise.all(waiting.map((conn) => conn.close()));
  }
});

Deno.test("call has a function for every name at any depth, and is no promise", async () => {
  const named = {
    name: method(() => "name"),
    length: method(() => "length"),
    constructor: { prototype: method(() => "constructor.prototype") },
    toString: method(() => "toString"),
    call: { apply: method(() => "call.apply") },
    bind: method(() => "bind"),
    arguments: { caller: method(() => "arguments.caller") },
    "with space": { "ünïcode": method(() => "ünïcode") },
    deep: { name: { of: { it: method(() => "deep.name.of.it") } } },
  };
  await using server = serve(named as unknown as Api, HERE);
  await using line = await connect<typeof named>(server.addresses[0]!);
  const { call } = line;
  assertEquals(await call.name(), "name");
  assertEquals(await call.length(), "length");
  assertEquals(await call.constructor.prototype(), "constructor.prototype");
  assertEquals(await call.toString(), "toString" as never);
  assertEquals(await call.call.apply(), "call.apply");
  assertEquals(await call.bind(), "bind");
  assertEquals(await call.arguments.caller(), "arguments.caller");
  assertEquals(await call["with space"]["ünïcode"](), "ünïcode");
  assertEquals(await call.deep.name.of.it(), "deep.name.of.it");
  assertStrictEquals(call.deep.name, call.deep.name, "each is made once");
  // What `await` and Deno.inspect look for is not there.
  assertStrictEquals(await Promise.resolve(call), call);
  assertStrictEquals(await Promise.resolve(call.deep), call.deep);
  assertEquals(typeof Deno.inspect(line), "string");
});

Deno.test("the option timeout holds for calls that do not say otherwise", async () => {
  await using server = serve(api, HERE);
  await using line = await connect<typeof api>(server.addresses[0]!, { timeout: 1 });
  for (const wait of [() => line.call.wait(), () => line.request("wait")]) {
    assertEquals((await assertRejects(wait, RpcError)).reason, "DEADLINE_EXCEEDED");
  }
  assertEquals(await line.call.upper("x", { timeout: 20_000 }), "X");
  assertEquals(await line.request("upper", ["x"], { timeout: Infinity }), "X");
});

Deno.test("a value that is no JSON makes the call reject, and the line lives on", async () => {
  await using server = serve(api, HERE);
  await using line = await connect<typeof api>(server.addresses[0]!);
  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const value of [1n, cycle, { a: 1n }]) {
    await assertRejects(() => line.call.echo(value), TypeError);
    await assertRejects(() => line.request("echo", [value]), TypeError);
  }
  assertEquals(await line.call.upper("x"), "X");
});

Deno.test("values travel by name, by position, or alone, as they are", async () => {
  await using server = serve(api, HERE);
  await using line = await connect<typeof api>(server.addresses[0]!);
  const sent: [unknown, unknown][] = [
    [{ a: 1 }, { a: 1 }],
    [[1, 2], [1, 2]],
    ["x", ["x"]],
    [0, [0]],
    [null, [null]],
    [false, [false]],
    [new Date(0), ["1970-01-01T00:00:00.000Z"]],
    [undefined, null],
  ];
  for (const [value, params] of sent) {
    assertEquals(await line.call.echo(value), params);
  }
});

Deno.test("closed tells why the line ended, and never rejects", async () => {
  const server = serve(api, HERE);
  const first = await connect<typeof api>(server.addresses[0]!);
  await first.close();
  assertEquals((await first.closed).reason, "closed");
  await using second = await connect<typeof api>(server.addresses[0]!, { reconnect: false });
  assertEquals(await second.call.upper("x"), "X");
  await server.shutdown(0);
  assertEquals(
    (await within(second.closed, "the line to end")).reason,
    "the peer closed the connection",
  );
});

Deno.test("disposal closes the line, with calls or without", async () => {
  await using server = serve(api, HERE);
  let call: Promise<ConnectionLostError>;
  {
    await using line = await connect<typeof api>(server.addresses[0]!);
    call = assertRejects(() => line.call.wait(), ConnectionLostError);
    assertEquals(await line.call.upper("x"), "X");
  }
  await within(call, "the call to reject");
});

Deno.test("calls settle by themselves: one that fails does not touch the others", async () => {
  await using server = serve(api, HERE);
  await using line = await connect<typeof api>(server.addresses[0]!);
  const outcomes = await Promise.allSettled([
    line.call.upper("a"),
    line.request("nope"),
    line.call.upper("b", { signal: AbortSignal.abort() }),
    line.call.upper("c", { timeout: 0 }),
    line.request("upper", [5]),
    line.call.upper("d"),
  ]);
  assertEquals(outcomes.map(({ status }) => status), [
    "fulfilled",
    "rejected",
    "rejected",
    "rejected",
    "rejected",
    "fulfilled",
  ]);
});

Deno.test("ten thousand calls at once are all answered", async () => {
  await using server = serve(api, HERE);
  await using line = await connect<typeof api>(server.addresses[0]!);
  const calls = Array.from({ length: 10_000 }, (_, n) => line.request("echo", [n]));
  const results = await within(Promise.all(calls), "ten thousand answers");
  assert(results.every((result, n) => (result as [number])[0] === n));
});

Deno.test("fifteen megabytes in each direction at once arrive over TCP", async () => {
  await using server = serve(api, HERE);
  await using line = await connect<typeof api>(server.addresses[0]!);
  const text = "x".repeat(60_000);
  const calls = Array.from({ length: 250 }, (_, n) => line.request("echo", [n, text]));
  const results = await within(Promise.all(calls), "the answers");
  assert(results.every((result, n) => (result as [number, string])[0] === n));
});

Deno.test("a call is lost as sent when its server says in the same turn that it sends no more", async () => {
  const end = Promise.withResolvers<null>();
  let written = "";
  const line = await connectOver<{ hello: ReturnType<typeof method> }>({
    read: () => end.promise,
    write(bytes) {
      written += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
    close() {},
  });
  const lost = rejection(line.request("hello"));
  end.resolve(null);
  const error = await lost;
  await turn();
  assert(error instanceof ConnectionLostError);
  // Who still reads may run it: it must not be said that it can be repeated.
  assertEquals(error.sent, written.includes("hello"));
});
