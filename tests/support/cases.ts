// What a line must do, end to end, whatever wire it runs over. e2e_test.ts runs each case over each
// wire; a case that has to know which wire it is on does not belong here.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as z from "npm:zod@4";
import {
  type CloseInfo,
  ConnectionLostError,
  type Context,
  method,
  type PeerInfo,
  RpcError,
} from "@landline/rpc";
import { until, within } from "./deadline.ts";
import { ANYTHING } from "./schemas.ts";
import type { Wire } from "./wire.ts";

/** One thing that must hold on every wire. */
export interface Case {
  /** Reads "symbol() does x when y". */
  readonly name: string;
  /** Whether it is about the first bytes of a connection: a WebSocket has a handshake there. */
  readonly isOfFirstBytes?: true;
  /** Whether it is about a connection, or about frames: over HTTP callers know of neither. */
  readonly isOfConnections?: true;
  run(wire: Wire): Promise<void>;
}

/** The methods that most cases need. */
const api = {
  echo: method(ANYTHING, (params) => params),
  upper: method(z.string(), (text) => text.toUpperCase()),
  subtract: method(
    z.object({ minuend: z.number(), subtrahend: z.number() }),
    ({ minuend, subtrahend }) => minuend - subtrahend,
  ),
  sum: method(z.array(z.number()), (numbers) => numbers.reduce((sum, n) => sum + n, 0)),
  pair: method(z.tuple([z.string(), z.number()]), ([a, b]) => ({ a, b })),
  math: { deep: { negate: method(z.number(), (n) => -n) } },
  later: method(z.string(), async (text) => await Promise.resolve(text)),
  epoch: method(() => new Date(0)),
  nothing: method(() => {}),
  box: method(z.object({ value: z.array(z.number()) }), ({ value }) => value),
};

/** Ends only when nobody waits for it any more. */
function forever(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** A method that says when it runs, and ends when its signal aborts. */
function waiting() {
  const begun = Promise.withResolvers<Context>();
  const aborted = Promise.withResolvers<unknown>();
  const wait = method(async (_, context) => {
    begun.resolve(context);
    await forever(context.signal);
    aborted.resolve(context.signal.reason);
  });
  return {
    wait,
    begun: within(begun.promise, "the handler to begin"),
    aborted: within(aborted.promise, "the handler's signal to abort"),
  };
}

const request = (id: unknown, method: string, params?: unknown) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});

/** How a message begins. */
const HALF = { json: "{", headers: "Content-", length: "\0", websocket: "\x01", http: "" } as const;

export const CASES: readonly Case[] = [
  // ---- Values ------------------------------------------------------------------------------------
  {
    name: "call gives the results of methods, of whatever shape their values are",
    async run(wire) {
      await using site = await wire.open(api);
      await using line = await site.connect();
      assertEquals(await line.call.upper("hello"), "HELLO");
      assertEquals(await line.call.subtract({ minuend: 42, subtrahend: 23 }), 19);
      assertEquals(await line.call.sum([1, 2, 4]), 7);
      assertEquals(await line.call.sum([]), 0);
      assertEquals(await line.call.pair(["x", 1]), { a: "x", b: 1 });
      assertEquals(await line.call.math.deep.negate(5), -5);
      assertEquals(await line.call.later("x"), "x");
      assertEquals(await line.call.epoch(), "1970-01-01T00:00:00.000Z");
      assertStrictEquals(await line.call.nothing(), null);
    },
  },
  {
    name: "request() sends params as they are and gives results as they came",
    async run(wire) {
      await using site = await wire.open(api);
      await using line = await site.connect();
      assertEquals(await line.request("subtract", [42, 23]), 19);
      assertEquals(await line.request("subtract", { subtrahend: 23, minuend: 42 }), 19);
      const params = { text: 'a"b\\ \u0000\u2028é€😀', n: [1.5, -0, 1e21, null, true], o: {} };
      assertEquals(await line.request("echo", params), params);
      await assertRejects(() => line.request("echo", 5), TypeError, "they are 5");
    },
  },
  {
    name: "request() sends positional params beside metadata too",
    async run(wire) {
      await using site = await wire.open(api);
      await using line = await site.connect();
      for (const options of [{ timeout: 60_000 }, { timeout: 60_000 }, { meta: { a: 1 } }]) {
        assertEquals(await line.request("subtract", [42, 23], options), 19);
        assertEquals(await line.request("upper", ["x"], options), "X");
        assertEquals(await line.request("sum", [1, 2], options), 3);
        assertEquals(await line.request("sum", [[1, 2]], options), 3);
        assertEquals(await line.request("pair", ["x", 1], options), { a: "x", b: 1 });
        assertEquals(await line.request("nothing", [], options), null);
        assertEquals(await line.request("box", { value: [5] }, options), [5]);
      }
    },
  },
  {
    name: "a long text arrives whole, in both directions",
    async run(wire) {
      await using site = await wire.open(api);
      await using line = await site.connect();
      const text = "0123456789abcdé€😀".repeat(500);
      assertEquals(await line.call.upper(text), text.toUpperCase());
    },
  },
  {
    name: "params find their method by position, by name, wrapped and beside metadata",
    async run(wire) {
      await using site = await wire.open(api);
      using peer = await site.peer();
      const same = [
        [42, 23],
        { minuend: 42, subtrahend: 23 },
        { subtrahend: 23, minuend: 42 },
        [{ minuend: 42, subtrahend: 23 }],
        { minuend: 42, subtrahend: 23, _meta: { timeoutMs: 1000 } },
      ];
      for (const params of same) {
        assertEquals((await peer.ask(request(1, "subtract", params))).result, 19);
      }
      for (const params of [["x"], { value: "x" }, { value: "x", _meta: {} }]) {
        assertEquals((await peer.ask(request(1, "upper", params))).result, "X");
      }
      const echoed = await peer.ask(request(1, "echo", { a: 1, _meta: { progressToken: 1 } }));
      assertEquals(echoed.result, { a: 1 }, "a handler never sees _meta");
    },
  },

  // ---- Errors ------------------------------------------------------------------------------------
  {
    name: "a call fails with METHOD_NOT_FOUND when there is no such method, on a prototype or not",
    async run(wire) {
      await using site = await wire.open(api);
      await using line = await site.connect();
      const names = [
        "nope",
        "",
        "math",
        "math.deep",
        "math.deep.",
        ".echo",
        "Echo",
        "toString",
        "constructor",
        "__proto__",
        "hasOwnProperty",
        "math.constructor",
        "echo.call",
        "rpc.nope",
        "$/nope",
        "\u0000",
      ];
      for (const name of names) {
        const error = await assertRejects(() => line.request(name), RpcError);
        assertEquals(error.toJSON(), { code: -32601, message: "Method not found" }, name);
        assertEquals(error.message, `${name}: Method not found`);
      }
    },
  },
  {
    name: "a call fails with INVALID_PARAMS that say what failed where",
    async run(wire) {
      await using site = await wire.open(api);
      await using line = await site.connect();
      const refused: [string, unknown, (string | number)[]][] = [
        ["subtract", { minuend: 1, subtrahend: "2" }, ["subtrahend"]],
        ["subtract", { minuend: 1 }, ["subtrahend"]],
        ["subtract", [1, "2"], ["subtrahend"]],
        ["subtract", [1], ["subtrahend"]],
        ["sum", [1, "2"], [1]],
        ["upper", [5], []],
        ["upper", undefined, []],
        ["nothing", [5], []],
        ["nothing", { a: 1 }, []],
      ];
      for (const [name, params, path] of refused) {
        const error = await assertRejects(() => line.request(name, params), RpcError);
        assertEquals([error.code, error.toJSON().message], [-32602, "Invalid params"]);
        const { issues } = error.data as { issues: { path: unknown; message: string }[] };
        assertEquals(issues[0]!.path, path, `${name} ${JSON.stringify(params)}`);
        assert(issues[0]!.message.length > 0);
      }
      await assertRejects(() => line.request("subtract", [1, 2, 3]), RpcError, "Invalid params");
      assertEquals(site.errors, []);
    },
  },
  {
    name: "an RpcError that a handler throws reaches the caller as it was thrown",
    async run(wire) {
      const thrown = [
        new RpcError("NOT_FOUND", "No such user", { details: { id: 7 } }),
        new RpcError("UNAVAILABLE", "Try again", { retryAfterMs: 5 }),
        new RpcError(4711, "Mine", ["any", { data: 0 }]),
        new RpcError(0, ""),
        new RpcError(-32602, "Invalid params", { issues: [] }),
      ];
      await using site = await wire.open({
        sync: method(z.int(), (n) => {
          throw thrown[n]!;
        }),
        async: method(z.int(), (n) => Promise.reject(thrown[n]!)),
      });
      await using line = await site.connect();
      for (const [n, { code, message, data }] of thrown.entries()) {
        for (const how of ["sync", "async"] as const) {
          const error = await assertRejects(() => line.call[how](n), RpcError);
          const { message: said } = error.toJSON();
          assertEquals([error.code, said, error.data], [code, message, data]);
        }
      }
      assertEquals(site.errors, [], "what the caller gets to see is not reported");
    },
  },
  {
    name: "anything else that a handler throws is INTERNAL_ERROR without its text, and is reported",
    async run(wire) {
      const secret = "s3cret /etc/passwd";
      const thrown = [
        new Error(secret),
        Object.assign(new TypeError(secret), { code: -32000, data: secret }),
        secret,
        { code: 1, message: secret },
        undefined,
        null,
        0,
        "",
        false,
      ];
      await using site = await wire.open({
        sync: method(z.int(), (n) => {
          throw thrown[n];
        }),
        async: method(z.int(), (n) => Promise.reject(thrown[n])),
      });
      using peer = await site.peer();
      for (const how of ["sync", "async"]) {
        for (const n of thrown.keys()) {
          const answer = await peer.ask(request(n, how, [n]));
          assertEquals(answer, {
            jsonrpc: "2.0",
            id: n,
            error: { code: -32603, message: "Internal error" },
          });
        }
      }
      assertEquals(site.errors, [
        ...thrown.map((error) => [error, "sync"] as const),
        ...thrown.map((error) => [error, "async"] as const),
      ]);
    },
  },
  {
    name: "a result that is no JSON is INTERNAL_ERROR, and one of nothing is null",
    async run(wire) {
      const cycle: unknown[] = [];
      cycle.push(cycle);
      const bad: unknown[] = [
        1n,
        { deep: [1n] },
        cycle,
        {
          toJSON() {
            throw new Error("no");
          },
        },
        {
          get member() {
            throw new RpcError("NOT_FOUND", "thrown while the result is written");
          },
        },
      ];
      bad.push(() => {}, Symbol("s"), NaN, Infinity, { deep: [-Infinity, new Map()] });
      const all = [...bad, undefined, null];
      await using site = await wire.open({
        sync: method(z.int(), (n) => all[n]),
        async: method(z.int(), async (n) => await Promise.resolve(all[n])),
      });
      using peer = await site.peer();
      for (const n of all.keys()) {
        for (const how of ["sync", "async"]) {
          const answer = await peer.ask(request(1, how, [n]));
          if (n < bad.length) {
            assertEquals(answer.error, { code: -32603, message: "Internal error" });
          } else assertStrictEquals(answer.result, null);
        }
      }
      assertEquals(site.errors.length, bad.length * 2);
    },
  },

  // ---- Messages ----------------------------------------------------------------------------------
  {
    name: "a notification runs its method, and nothing is sent for it, whatever comes of it",
    async run(wire) {
      const seen: unknown[] = [];
      await using site = await wire.open({
        ...api,
        note: method(ANYTHING, (value) => void seen.push(value)),
        fail: method(() => {
          throw new Error("told to nobody");
        }),
      });
      using peer = await site.peer();
      const note = (method: string, params?: unknown) => ({ jsonrpc: "2.0", method, params });
      await peer.send(
        note("note", [1]),
        note("note", { a: 2 }),
        note("nope"),
        note("upper", [5]),
        note("fail"),
        note("$/unknown", { a: 1 }),
        note("$/cancelRequest", { id: 99 }),
        note("$/cancelRequest"),
        [note("note", [3]), note("nope")],
        request("last", "upper", ["x"]),
      );
      assertEquals(await peer.answer(), { jsonrpc: "2.0", id: "last", result: "X" });
      await peer.closeWrite();
      assertEquals(await peer.messages(), []);
      assertEquals(seen, [[1], { a: 2 }, [3]]);
      assertEquals(site.errors.map(([, about]) => about), ["upper", "fail"]);
    },
  },
  {
    name: "notify sends a call that nobody answers",
    async run(wire) {
      const seen: unknown[] = [];
      await using site = await wire.open({
        ...api,
        log: { line: method(z.string(), (text) => void seen.push(text)) },
      });
      await using line = await site.connect();
      line.notify.log.line("a");
      line.notify.log.line("b");
      await line.call.nothing();
      assertEquals(seen, ["a", "b"]);
    },
  },
  {
    name: "an id comes back digit for digit, and as the same type",
    isOfConnections: true,
    async run(wire) {
      await using site = await wire.open(api);
      using peer = await site.peer();
      const ids = [
        ...["0", "1", "-1", "-0", "007".slice(2), "1.0", "1.50", "1e2", "1E+2", "-1.5e-7"],
        ...["9007199254740993", "12345678901234567890", "1e400", "0.1000000000000000055511"],
        ...['""', '"a"', '"7"', '"é€😀"', '"a b"', "null"],
      ];
      for (const id of ids) {
        await peer.send(`{"jsonrpc":"2.0","id":${id},"method":"nothing"}`);
        assertEquals(await peer.text(), `{"jsonrpc":"2.0","id":${id},"result":null}`);
        await peer.send(`{ "method" : "nope" , "id" : ${id} , "jsonrpc" : "2.0" }`);
        assert((await peer.text()).startsWith(`{"jsonrpc":"2.0","id":${id},"error"`), id);
        await peer.send(`[{"id":${id},"method":"later","params":["x"],"jsonrpc":"2.0"}]`);
        assertEquals(await peer.text(), `[{"jsonrpc":"2.0","id":${id},"result":"x"}]`);
      }
    },
  },
  {
    name: "a request without jsonrpc is answered in the shape of JSON-RPC 1.0",
    async run(wire) {
      await using site = await wire.open(api);
      using peer = await site.peer();
      await peer.send('{"method":"upper","params":["x"],"id":1}');
      assertEquals(await peer.text(), '{"id":1,"result":"X","error":null}');
      await peer.send('{"id":"a","method":"nope","params":[]}');
      assertEquals(await peer.answer(), {
        id: "a",
        result: null,
        error: { code: -32601, message: "Method not found" },
      });
      await peer.send('{"id":null,"method":"upper","params":["x"]}', request(2, "upper", ["y"]));
      assertEquals((await peer.answer()).id, 2, "in 1.0 an id of null is a notification");
    },
  },
  {
    name: "the answers of a batch come in one frame, in its order, whichever call ends first",
    async run(wire) {
      await using site = await wire.open(api);
      using peer = await site.peer();
      await peer.send([
        request(1, "later", ["a"]),
        request("2", "upper", ["b"]),
        { jsonrpc: "2.0", method: "upper", params: ["c"] },
        request(null, "nope"),
        { foo: "bar" },
        [],
        request(3, "upper", [5]),
      ]);
      const answers = JSON.parse(await peer.text()) as { id: unknown; error?: { code: number } }[];
      assertEquals(
        answers.map(({ id, error }) => `${id}:${error?.code ?? "ok"}`),
        ["1:ok", "2:ok", "null:-32601", "null:-32600", "null:-32600", "3:-32602"],
      );
    },
  },
  {
    name: "a connection lives on after messages that break the rules",
    isOfConnections: true,
    async run(wire) {
      await using site = await wire.open(api);
      using peer = await site.peer();
      await peer.send(request(0, "nothing"));
      await peer.send(
        "{",
        '{"jsonrpc":"2.0","id":1,"method":"upper","params":["x"',
        '{"jsonrpc":"2.0","id":1,"method":5}',
        "[]",
        "[1]",
        '"text"',
        '{"jsonrpc":"3.0","id":1,"method":"upper"}',
        request(2, "nope"),
        request(3, "upper", ["x"]),
      );
      const answers = await peer.answers(10);
      assertEquals(
        answers.map((answer) =>
          Array.isArray(answer) ? [answer[0].error.code] : answer.error?.code
        ),
        [undefined, -32700, -32700, -32600, -32600, [-32600], -32600, -32600, -32601, undefined],
      );
      assertEquals(answers.at(-1), { jsonrpc: "2.0", id: 3, result: "X" });
    },
  },
  {
    name: "a thousand requests in one write are answered, each id once",
    async run(wire) {
      await using site = await wire.open(api);
      using peer = await site.peer();
      const ids = Array.from({ length: 1000 }, (_, id) => id);
      const [answers] = await Promise.all([
        peer.answers(1000),
        peer.send(...ids.map((id) => request(id, id % 3 ? "upper" : "later", [`n${id}`]))),
      ]);
      assertEquals(answers.map(({ id }) => id as number).sort((a, b) => a - b), ids);
      for (const { id, result } of answers) {
        assertEquals(result, Number(id) % 3 ? `N${id}` : `n${id}`);
      }
    },
  },

  // ---- Calls at once -----------------------------------------------------------------------------
  {
    name: "calls settle as their answers come, in whatever order handlers end",
    async run(wire) {
      const gates = Array.from({ length: 10 }, () => Promise.withResolvers<void>());
      await using site = await wire.open({
        through: method(z.int(), async (n) => {
          await gates[n]!.promise;
          return n;
        }),
      });
      await using line = await site.connect();
      const settled: number[] = [];
      const calls = gates.map((_, n) =>
        line.call.through(n).then((result) => {
          assertEquals(result, n);
          settled.push(n);
          gates[n - 1]?.resolve();
        })
      );
      gates.at(-1)!.resolve();
      await within(Promise.all(calls), "the calls to settle");
      assertEquals(settled, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    },
  },
  {
    name: "no more than maxInFlight handlers run at once, and all calls are answered",
    isOfConnections: true,
    async run(wire) {
      let running = 0, most = 0;
      const full = Promise.withResolvers<void>(), gate = Promise.withResolvers<void>();
      await using site = await wire.open({
        work: method(z.int(), async (n) => {
          most = Math.max(most, ++running);
          if (running === 4) full.resolve();
          await gate.promise;
          running--;
          return n;
        }),
      }, { limits: { maxInFlight: 4 } });
      using peer = await site.peer();
      const ids = Array.from({ length: 100 }, (_, id) => id);
      const sent = peer.send(...ids.map((id) => request(id, "work", [id])));
      await within(full.promise, "four handlers to run");
      gate.resolve();
      const answers = await peer.answers(100);
      await sent;
      assertEquals(answers.map(({ result }) => result as number).sort((a, b) => a - b), ids);
      assertEquals(most, 4);
    },
  },

  // ---- Cancellation and deadlines ------------------------------------------------------------------
  {
    name: "a call's signal rejects the call at once, and aborts the handler's",
    async run(wire) {
      const { wait, begun, aborted } = waiting();
      await using site = await wire.open({ ...api, wait });
      await using line = await site.connect();
      const reason = new Error("no longer wanted");
      const controller = new AbortController();
      const call = line.call.wait(undefined, { signal: controller.signal });
      await begun;
      controller.abort(reason);
      assertStrictEquals(await assertRejects(() => call), reason);
      assertInstanceOf(await aborted, RpcError);
      assertEquals(await line.call.upper("x"), "X", "the line lives on");
      assertStrictEquals(
        await assertRejects(() => line.call.upper("x", { signal: AbortSignal.abort(reason) })),
        reason,
      );
    },
  },
  {
    name: "$/cancelRequest has the call answered once, with CANCELLED",
    async run(wire) {
      const { wait, begun, aborted } = waiting();
      await using site = await wire.open({ ...api, wait });
      using peer = await site.peer();
      await peer.send(request("w", "wait"));
      await begun;
      const cancel = { jsonrpc: "2.0", method: "$/cancelRequest", params: { id: "w" } };
      await peer.send(cancel, cancel);
      assertEquals(await peer.answer(), {
        jsonrpc: "2.0",
        id: "w",
        error: { code: -32800, message: "The call was cancelled", data: { name: "CANCELLED" } },
      });
      const reason = await aborted;
      assertInstanceOf(reason, RpcError);
      assertEquals(reason.reason, "CANCELLED");
      await peer.send(cancel, request(2, "upper", ["x"]));
      assertEquals((await peer.answer()).id, 2);
    },
  },
  {
    name: "a call's timeout rejects it with DEADLINE_EXCEEDED, and aborts the handler",
    isOfConnections: true, // a request that is given up after a millisecond may never have gone out
    async run(wire) {
      const { wait, aborted } = waiting();
      await using site = await wire.open({ ...api, wait });
      await using line = await site.connect();
      const error = await assertRejects(() => line.call.wait(undefined, { timeout: 1 }), RpcError);
      assertEquals([error.code, error.reason], [-32004, "DEADLINE_EXCEEDED"]);
      await aborted;
      const spent = await assertRejects(() => line.call.upper("x", { timeout: 0 }), RpcError);
      assertEquals(spent.reason, "DEADLINE_EXCEEDED");
      for (const timeout of [-1, NaN]) {
        await assertRejects(
          () => line.call.upper("x", { timeout }),
          RangeError,
          `timeout must be milliseconds from 0 on, it is ${timeout}`,
        );
      }
      assertEquals(await line.call.upper("x", { timeout: Infinity }), "X");
    },
  },

  // ---- The end -----------------------------------------------------------------------------------
  {
    name: "a peer that half-closes still gets its answers",
    async run(wire) {
      const gate = Promise.withResolvers<void>();
      await using site = await wire.open({ ...api, gate: method(() => gate.promise) });
      using peer = await site.peer();
      await peer.send(request(1, "gate"), request(2, "later", ["x"]), request(3, "upper", ["y"]));
      await peer.closeWrite();
      assertEquals((await peer.answers(2)).map(({ id }) => id).sort(), [2, 3]);
      gate.resolve();
      assertEquals(await peer.messages(), [{ jsonrpc: "2.0", id: 1, result: null }]);
    },
  },
  {
    name: "a message that the end tears is not executed",
    isOfConnections: true,
    async run(wire) {
      const seen: unknown[] = [];
      await using site = await wire.open({
        note: method(z.string(), (text) => void seen.push(text)),
      });
      for (const missing of [1, 2, 20]) {
        using peer = await site.peer();
        await peer.send(request(1, "note", ["whole"]));
        assertEquals((await peer.answer()).id, 1);
        const body = JSON.stringify(request(2, "note", ["torn"]));
        const torn = {
          json: body,
          headers: `Content-Length: ${body.length}\r\n\r\n${body}`,
          length: `\0\0\0${String.fromCharCode(body.length)}${body}`,
          websocket: `\x81${String.fromCharCode(0x80 | body.length)}\0\0\0\0${body}`,
          http: "",
        }[wire.framing];
        const bytes = Uint8Array.from(torn, (letter) => letter.charCodeAt(0));
        await peer.write(bytes.subarray(0, bytes.length - missing));
        await peer.closeWrite();
        const told = (await peer.messages()).map(({ id, error }) => [id, error?.code, error?.data]);
        const unfinished = [null, -32700, { details: "unfinished" }];
        assertEquals(told, wire.framing === "json" ? [unfinished] : []);
      }
      assertEquals(seen, ["whole", "whole", "whole"]);
    },
  },
  {
    name:
      "calls that wait reject with ConnectionLostError when the server ends, and later ones too",
    isOfConnections: true,
    async run(wire) {
      const { wait, begun, aborted } = waiting();
      await using site = await wire.open({ ...api, wait });
      await using line = await site.connect({ reconnect: false });
      const call = assertRejects(() => line.call.wait());
      await begun;
      await site.server.shutdown(0);
      const error = await call;
      assert(
        error instanceof RpcError || error instanceof ConnectionLostError,
        String(error),
      );
      await aborted;
      await within(line.closed, "the line to close");
      const later = await assertRejects(() => line.call.upper("x"), ConnectionLostError);
      assertEquals(later.sent, false);
      assertMatch(later.message, /^Cannot call upper: the connection is closed: /);
      line.notify.upper("x"); // goes nowhere, and says nothing
    },
  },
  {
    name:
      "close() rejects calls that wait with ConnectionLostError, and cancels them at the server",
    async run(wire) {
      const { wait, begun, aborted } = waiting();
      await using site = await wire.open({ ...api, wait });
      const line = await site.connect();
      const call = assertRejects(
        () => line.call.wait(),
        ConnectionLostError,
        "The line was closed",
      );
      await begun;
      await line.close();
      await call;
      await aborted;
      assertEquals((await line.closed).reason, "closed");
      await line.close();
    },
  },
  {
    name: "shutdown() lets handlers finish, refuses new calls with UNAVAILABLE, and says goodbye",
    isOfConnections: true,
    async run(wire) {
      const begun = Promise.withResolvers<void>(), gate = Promise.withResolvers<string>();
      await using site = await wire.open({
        ...api,
        gate: method(() => {
          begun.resolve();
          return gate.promise;
        }),
      });
      using peer = await site.peer();
      await peer.send(request(1, "gate"));
      await begun.promise;
      const ended = site.server.shutdown(20_000);
      assertEquals(await peer.answer(), {
        jsonrpc: "2.0",
        method: "$/goaway",
        params: { reason: "shutdown", graceMs: 20_000 },
      });
      const refused = await peer.ask(request(2, "upper", ["x"]));
      assertEquals([refused.id, refused.error?.code], [2, -32014]);
      assertEquals(refused.error?.data, {
        name: "UNAVAILABLE",
        details: { started: false },
      });
      gate.resolve("done");
      assertEquals(await peer.messages(), [{ jsonrpc: "2.0", id: 1, result: "done" }]);
      peer.close();
      await within(ended, "the server to end");
      await site.server.finished;
      await assertRejects(() => site.peer());
    },
  },
  {
    name: "shutdown() aborts what still runs after its grace, and answers it with UNAVAILABLE",
    async run(wire) {
      const { wait, begun, aborted } = waiting();
      await using site = await wire.open({ wait });
      await using line = await site.connect();
      const call = assertRejects(() => line.call.wait(), RpcError);
      await begun;
      await within(site.server.shutdown(1), "the server to end");
      assertEquals((await call).reason, "UNAVAILABLE");
      await aborted;
    },
  },
  {
    name: "shutdown() ends connections that say nothing, or have said half a message",
    isOfConnections: true,
    async run(wire) {
      await using site = await wire.open(api);
      using silent = await site.peer();
      using midway = await site.peer();
      await midway.send(request(1, "nothing"));
      await midway.answer();
      await midway.write(HALF[wire.framing]);
      await until(() => site.server.connections === 2, "both connections to be known");
      const ended = site.server.shutdown();
      // Who has said nothing is told nothing; a handshake has said what is spoken.
      const told = wire.framing === "websocket" ? ["$/goaway"] : [];
      assertEquals((await silent.messages()).map(({ method }) => method), told);
      assertEquals((await midway.messages()).map(({ method }) => method), ["$/goaway"]);
      silent.close();
      midway.close();
      await within(ended, "the server to end");
    },
  },

  // ---- What is told ------------------------------------------------------------------------------
  {
    name: "onOpen and onClose tell of each connection once, and handlers know their peer",
    isOfConnections: true,
    async run(wire) {
      const opened: PeerInfo[] = [], closed: [PeerInfo, CloseInfo][] = [];
      const gone = Promise.withResolvers<void>();
      const listening: string[] = [];
      await using site = await wire.open({
        whoami: method((_, { method, peer }) => {
          const { address, localAddress, transport, framing } = peer;
          return { method, peer: { address, localAddress, transport, framing } };
        }),
      }, {
        onListen: (address) => void listening.push(address),
        onOpen: (peer) => void opened.push(peer),
        onClose(peer, info) {
          closed.push([peer, info]);
          gone.resolve();
        },
      });
      const [bound] = site.server.addresses as [string];
      assertEquals(listening, [bound]);
      const line = await site.connect();
      const { peer, method: name } = await line.call.whoami();
      assertEquals(name, "whoami");
      assertEquals(peer.framing, wire.framing);
      assertEquals(peer.localAddress, bound);
      assertEquals(peer.transport, bound.split(":")[0]);
      assertEquals(line.peer.address, site.address);
      assertEquals(line.peer.framing, wire.framing);
      assertEquals(site.server.connections, 1);
      await line.close();
      await within(gone.promise, "onClose");
      assertEquals(opened.map(({ address }) => address), [peer.address]);
      assertEquals(closed.map(([{ address, framing }]) => [address, framing]), [
        [peer.address, wire.framing],
      ]);
      assertEquals(site.server.connections, 0);
      assertEquals(site.errors, []);
    },
  },
  {
    name: "rpc.ping, rpc.serverInfo and rpc.discover are there",
    async run(wire) {
      await using site = await wire.open(api, { name: "tests", version: "1.2.3" });
      await using line = await site.connect();
      assertEquals(await line.request("rpc.ping", { a: [1] }), { a: [1] });
      const info = await line.request("rpc.serverInfo") as Record<string, unknown>;
      assertEquals([info.name, info.version, info.framing], ["tests", "1.2.3", wire.framing]);
      const found = await line.request("rpc.discover") as { methods: { name: string }[] };
      assert(found.methods.some(({ name }) => name === "math.deep.negate"));
    },
  },

  // ---- Limits ------------------------------------------------------------------------------------
  {
    name: "a message over the limit is answered with RESOURCE_EXHAUSTED, and none at the limit is",
    isOfConnections: true,
    async run(wire) {
      await using site = await wire.open(api, { limits: { maxMessageBytes: 100 } });
      const message = (size: number) => {
        const start = '{"jsonrpc":"2.0","id":1,"method":"upper","params":["';
        return `${start}${"x".repeat(size - start.length - 3)}"]}`;
      };
      using peer = await site.peer();
      assertEquals((await peer.ask(message(100))).result, "X".repeat(45));
      const { id, error } = await peer.ask(message(101));
      assertEquals([id, error?.code], [null, -32008]);
      assertEquals(error?.data, {
        name: "RESOURCE_EXHAUSTED",
        limit: "maxMessageBytes",
        details: { maxBytes: 100 },
      });
      if (wire.framing === "json") {
        assertEquals((await peer.ask(message(100))).id, 1, "the rest of the line is skipped");
      } else assertEquals(await peer.messages(), [], "the next message cannot be found");
    },
  },
  {
    name: "one connection more than maxConnections is told UNAVAILABLE, until a place is free",
    isOfConnections: true,
    isOfFirstBytes: true,
    async run(wire) {
      await using site = await wire.open(api, { limits: { maxConnections: 2 } });
      using first = await site.peer();
      using second = await site.peer();
      for (const peer of [first, second]) await peer.ask(request(1, "nothing"));
      using third = await site.peer();
      // Who has not spoken has no framing yet: the refusal is a line.
      const [refusal] = new TextDecoder().decode(await third.rest()).split("\n");
      const { id, error } = JSON.parse(refusal!);
      assertEquals([id, error.code], [null, -32014]);
      assertEquals(error.data, { name: "UNAVAILABLE", limit: "maxConnections" });
      assertEquals(site.server.connections, 2);
      third.close();
      first.close();
      await until(() => site.server.connections === 1, "the place to be free");
      using fourth = await site.peer();
      assertEquals((await fourth.ask(request(4, "nothing"))).id, 4);
    },
  },
];
